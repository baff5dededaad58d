//! What only Redfish knows or does, asked of a server's BMC now.

use cake_node_api::{ClientError, NodeError};
use cake_types::{BiosSetting, BmcDrive, BmcFirmware, BmcMedium, Code, FailureCode, Problem, ServerAnswer, ServerAsk};

use super::{Servers, asked, subject, with_bmc};
use crate::board::ServerEntry;
use crate::caller::Caller;
use crate::{error, reach};
use reqwest::Url;

/// Bytes of the longest address of an image.
const MEDIA_URL_MAX: usize = 2048;

impl Servers {
    async fn ask(&self, entry: &ServerEntry, what: ServerAsk) -> Result<ServerAnswer, Problem> {
        with_bmc(entry)?;
        let node = self.nodes.require()?;
        node.client.ask_server(entry.id(), what).await.map_err(|refusal| answered(entry, refusal))
    }

    /// Written down as whoever asked for it did it.
    async fn order_now(&self, caller: &Caller, entry: &ServerEntry, what: ServerAsk) -> Result<(), Problem> {
        self.ask(entry, what).await?;
        self.ledger.audited(self.ledger.audit(caller, Some(subject(&entry.server)))).await
    }

    /// The drives that its BMC knows.
    pub async fn drives(&self, entry: &ServerEntry) -> Result<Vec<BmcDrive>, Problem> {
        match self.ask(entry, ServerAsk::Drives).await? {
            ServerAnswer::Drives(drives) => Ok(drives),
            other => Err(unexpected(&other)),
        }
    }

    pub async fn firmware(&self, entry: &ServerEntry) -> Result<Vec<BmcFirmware>, Problem> {
        match self.ask(entry, ServerAsk::Firmware).await? {
            ServerAnswer::Firmware(firmware) => Ok(firmware),
            other => Err(unexpected(&other)),
        }
    }

    pub async fn bios(&self, entry: &ServerEntry) -> Result<Vec<BiosSetting>, Problem> {
        match self.ask(entry, ServerAsk::Bios).await? {
            ServerAnswer::Bios(settings) => Ok(settings),
            other => Err(unexpected(&other)),
        }
    }

    pub async fn media(&self, entry: &ServerEntry) -> Result<Vec<BmcMedium>, Problem> {
        match self.ask(entry, ServerAsk::Media).await? {
            ServerAnswer::Media(media) => Ok(media),
            other => Err(unexpected(&other)),
        }
    }

    /// Puts what is behind an address into a slot; without one into the one for CDs.
    pub async fn insert_medium(
        &self,
        caller: &Caller,
        entry: &ServerEntry,
        slot: Option<&str>,
        image: &str,
    ) -> Result<BmcMedium, Problem> {
        with_bmc(entry)?;
        let image = fetchable(image).await?;
        let medium = self.slot(entry, slot).await?;
        let ask = ServerAsk::InsertMedium { slot: medium.id.clone(), image: image.clone() };
        self.order_now(caller, entry, ask).await?;
        Ok(BmcMedium { image: Some(image), ..medium })
    }

    pub async fn eject_medium(
        &self,
        caller: &Caller,
        entry: &ServerEntry,
        slot: Option<&str>,
    ) -> Result<BmcMedium, Problem> {
        let medium = self.slot(entry, slot).await?;
        self.order_now(caller, entry, ServerAsk::EjectMedium { slot: medium.id.clone() }).await?;
        Ok(BmcMedium { image: None, ..medium })
    }

    /// By its id or its name; without either the only one, or the only one for CDs.
    async fn slot(&self, entry: &ServerEntry, slot: Option<&str>) -> Result<BmcMedium, Problem> {
        let media = self.media(entry).await?;
        let is_cd = |medium: &&BmcMedium| medium.kinds.iter().any(|kind| matches!(kind.as_str(), "CD" | "DVD"));
        let found = match (slot, media.as_slice()) {
            (Some(slot), _) => media.iter().find(|medium| medium.id == slot || medium.name == slot),
            (None, [only]) => Some(only),
            (None, media) => media.iter().find(is_cd),
        };
        let missing = || {
            let slot = slot.unwrap_or("CD");
            Problem::new(Code::NoSuchSlot).with("name", &entry.server.meta.name).with("slot", slot)
        };
        found.cloned().ok_or_else(missing)
    }

    /// Lights the light of one drive, by its id, its serial number or its name, or puts it out.
    pub async fn light_drive(
        &self,
        caller: &Caller,
        entry: &ServerEntry,
        drive: &str,
        on: bool,
    ) -> Result<BmcDrive, Problem> {
        let drives = self.drives(entry).await?;
        let found = |is: fn(&BmcDrive) -> &str| drives.iter().find(|known| is(known) == drive);
        let found =
            found(|known| &known.id).or_else(|| found(|known| &known.serial)).or_else(|| found(|known| &known.name));
        let missing = || Problem::new(Code::NoSuchDrive).with("name", &entry.server.meta.name).with("drive", drive);
        let found = found.filter(|_| !drive.is_empty()).ok_or_else(missing)?;
        self.order_now(caller, entry, ServerAsk::LightDrive { drive: found.id.clone(), on }).await?;
        Ok(BmcDrive { lit: Some(on), ..found.clone() })
    }
}

/// An address that a BMC may be sent to: judged as those that cake fetches from itself. A name is judged by what it stands for now.
async fn fetchable(text: &str) -> Result<String, Problem> {
    let wrong = || Problem::invalid("image", "media-url").at("/image");
    let url: Url = text.parse().map_err(|_| wrong())?;
    let plain = matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    let host = url.host_str().filter(|_| plain && text.len() <= MEDIA_URL_MAX).ok_or_else(wrong)?;
    let forbidden = || Problem::new(Code::UrlForbidden).with("host", host).at("/image");
    if !reach::may_be(&url) {
        return Err(forbidden());
    }
    // A name that means nothing here may mean something to the BMC.
    if let Ok(found) = tokio::net::lookup_host((host, 0)).await
        && reach::reachable(found).is_none()
    {
        return Err(forbidden());
    }
    Ok(url.into())
}

fn unexpected(answer: &ServerAnswer) -> Problem {
    tracing::error!(?answer, "the node answered something else than was asked");
    Problem::new(Code::Internal)
}

fn answered(entry: &ServerEntry, refusal: ClientError) -> Problem {
    let name = &entry.server.meta.name;
    match refusal {
        ClientError::Refused(NodeError::BmcRefused { code: FailureCode::BmcUnsupported, .. }) => {
            Problem::new(Code::BmcCannot).with("name", name)
        }
        ClientError::Refused(NodeError::BmcRefused { code: _, detail }) => {
            Problem::new(Code::BmcRefuses).with("name", name).with("detail", detail)
        }
        ClientError::Refused(NodeError::Bmc { .. } | NodeError::Unknown) => asked(entry, refusal),
        refusal => error::node(refusal),
    }
}
