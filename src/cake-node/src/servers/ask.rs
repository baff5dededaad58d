//! What only Redfish knows or does, asked of a BMC between its readings.

use super::Servers;
use super::questions::refused;
use super::watch;
use super::wire::{Answered, Order, Trouble};
use cake_bmc::redfish::{Bios, Cell, Firmware, Medium};
use cake_bmc::{Bmc, BmcError};
use cake_node_api::NodeError;
use cake_types::{BiosSetting, BmcFirmware, BmcMedium, BmcProblem, ServerAnswer, ServerAsk, ServerId};

impl Servers {
    pub async fn ask_redfish(&self, id: ServerId, what: ServerAsk) -> Result<ServerAnswer, NodeError> {
        if self.is_another(id) && what.is_order() {
            return Err(refused(BmcProblem::Another));
        }
        let answer = self.asked(id, |all| &mut all.redfish, |ask| Order::Ask { id, ask, what }, None).await?;
        let answer = answer.map_err(refused)?;
        answer.map_err(|Trouble { code, detail }| NodeError::BmcRefused { code, detail })
    }
}

/// In the worker.
pub async fn answer(bmc: &mut dyn Bmc, what: ServerAsk) -> Answered {
    match asked(bmc, what).await {
        Ok(answer) => Ok(Ok(super::bounds::answer(answer))),
        Err(BmcError::Transport(error)) => Err(error.problem()),
        Err(error) => Ok(Err(watch::trouble(&error))),
    }
}

async fn asked(bmc: &mut dyn Bmc, what: ServerAsk) -> Result<ServerAnswer, BmcError> {
    let redfish = bmc.redfish().ok_or(BmcError::Unsupported)?;
    match what {
        ServerAsk::Drives => redfish.bmc_drives().await.map(ServerAnswer::Drives),
        ServerAsk::LightDrive { drive, on } => redfish.light_drive(&drive, on).await.map(|()| ServerAnswer::Done),
        ServerAsk::Firmware => {
            let found = redfish.firmware().await?.into_iter();
            let told =
                found.map(|Firmware { id, name, version, updateable }| BmcFirmware { id, name, version, updateable });
            Ok(ServerAnswer::Firmware(told.collect()))
        }
        ServerAsk::Bios => redfish.bios().await.map(|bios| ServerAnswer::Bios(settings(bios))),
        ServerAsk::Media => {
            let found = redfish.media().await?.into_iter();
            let told = found.map(|Medium { id, name, kinds, image, .. }| BmcMedium { id, name, kinds, image });
            Ok(ServerAnswer::Media(told.collect()))
        }
        ServerAsk::InsertMedium { slot, image } => {
            redfish.insert_medium(&slot, &image).await.map(|()| ServerAnswer::Done)
        }
        ServerAsk::EjectMedium { slot } => redfish.eject_medium(&slot).await.map(|()| ServerAnswer::Done),
    }
}

/// Those that there are, and those that come with the next start.
fn settings(Bios { current, mut pending }: Bios) -> Vec<BiosSetting> {
    let known = current.into_iter().map(|(name, value)| {
        let pending = pending.remove(&name).map(text);
        BiosSetting { name, value: text(value), pending }
    });
    let known: Vec<_> = known.collect();
    let new =
        pending.into_iter().map(|(name, value)| BiosSetting { name, value: String::new(), pending: Some(text(value)) });
    known.into_iter().chain(new).collect()
}

fn text(cell: Cell) -> String {
    match cell {
        Cell::Flag(flag) => flag.to_string(),
        Cell::Number(number) => number.to_string(),
        Cell::Text(text) => text,
    }
}
