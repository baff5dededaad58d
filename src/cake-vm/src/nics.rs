//! Network cards that come and leave while the guest runs.
//!
//! ```text
//!   read what the guest has ▸ cards::change (pure) ▸ cable pulled, device_del … DEVICE_DELETED ▸ netdev_del
//!                                                  ▸ connect ▸ getfd ▸ netdev_add ▸ device_add
//! ```
//!
//! It can be killed anywhere and done again: what the guest has is asked of QEMU, and what a card that is not there was connected to is
//! taken away before the next one comes.

use crate::assignment::{Assignment, Surroundings};
use crate::cards::{Card, Change, cards, change, device_id, netdev_id, place_of};
use crate::devices::Trouble;
use crate::plugged::{self, Plugged};
use crate::start::failure;
use cake_qmp::commands::{CloseFd, DeviceAdd, DeviceDel, GetFd, NetdevAdd, NetdevDel, QomGet, QomList, SetLink};
use cake_qmp::{Qmp, QmpError};
use cake_types::{FailureCode, MacAddress, NicStatus};
use std::collections::BTreeMap;
use std::time::Instant;

/// What is known of the cards of a guest that runs, by place.
#[derive(Debug, Default)]
pub(crate) struct Nics(Plugged<String, MacAddress>);

pub(crate) type Changed = plugged::Changed<String, MacAddress>;

impl Nics {
    /// A guest that has just been started has what its record says.
    pub(crate) fn started(assignment: &Assignment) -> Self {
        Self(Plugged::new(cards(&assignment.vm.spec).into_iter().map(|card| (card.place, card.mac)).collect()))
    }

    pub(crate) fn is_as_asked(&self, assignment: &Assignment) -> bool {
        let Change { leave, come } = change(&cards(&assignment.vm.spec), &self.0.there);
        come.is_empty() && leave.iter().all(|place| self.0.is_leaving(place))
    }

    pub(crate) fn note(&mut self, changed: Changed, now: Instant) {
        self.0.note(changed, now);
    }

    /// The guest let a device go. Whether it was a network card.
    pub(crate) fn gone(&mut self, device: &str) -> bool {
        let place = place_of(device).map(str::to_owned);
        place.inspect(|place| self.0.gone(place)).is_some()
    }

    pub(crate) fn wake_at(&self) -> Option<Instant> {
        self.0.wake_at()
    }

    pub(crate) fn late(&mut self, now: Instant) {
        self.0.late(now);
    }

    pub(crate) fn refused(&mut self, device: &str) {
        if let Some(place) = place_of(device) {
            self.0.refused(&place.to_owned());
        }
    }

    pub(crate) fn status(&self) -> Vec<NicStatus> {
        let there = self.0.there.iter().map(|(place, mac)| NicStatus {
            mac: *mac,
            addresses: Vec::new(),
            leaving: self.0.is_leaving(place),
            failure: self.0.failure(mac).cloned(),
        });
        let missing = self.0.missing().map(|(mac, failure)| NicStatus {
            mac: *mac,
            addresses: Vec::new(),
            leaving: false,
            failure: Some(failure.clone()),
        });
        there.chain(missing).collect()
    }
}

/// Brings a running guest to the cards that it should have.
pub(crate) async fn settle(
    qmp: &Qmp,
    surroundings: &dyn Surroundings,
    assignment: &Assignment,
    has_network: bool,
) -> Result<Changed, QmpError> {
    let mut there = look(qmp).await?;
    let Change { leave, come } = change(&cards(&assignment.vm.spec), &there);
    let (mut failures, mut asked_to_leave) = (BTreeMap::new(), Vec::new());
    for place in leave {
        // Nothing of it reaches anybody from now on, whatever the guest does.
        let _ = qmp.run(&SetLink { name: netdev_id(&place), up: false }).await;
        match qmp.run(&DeviceDel { id: device_id(&place) }).await {
            // Refused: it is leaving already, or its place is none that a card can leave.
            Ok(_) | Err(QmpError::Refused { .. }) => asked_to_leave.push(place),
            Err(error) => return Err(error),
        }
    }
    for card in come {
        match plug(qmp, surroundings, &card, has_network).await {
            Ok(()) => {
                there.insert(card.place, card.mac);
            }
            Err(trouble) => {
                failures.insert(card.mac, trouble.failure(FailureCode::Network)?);
            }
        }
    }
    Ok(Changed { there, asked_to_leave, failures })
}

/// What the guest has, by QEMU's own word.
async fn look(qmp: &Qmp) -> Result<BTreeMap<String, MacAddress>, QmpError> {
    let mut there = BTreeMap::new();
    for item in qmp.run(&QomList { path: "/machine/peripheral".into() }).await? {
        let Some(place) = place_of(&item.name) else { continue };
        let mac = QomGet { path: format!("/machine/peripheral/{}", item.name), property: "mac".into() };
        if let Some(mac) = qmp.run(&mac).await?.as_str().and_then(|text| text.parse().ok()) {
            there.insert(place.to_owned(), mac);
        }
    }
    Ok(there)
}

async fn plug(qmp: &Qmp, surroundings: &dyn Surroundings, card: &Card, has_network: bool) -> Result<(), Trouble> {
    if card.bridge().is_none() && !has_network {
        // Its QEMU sits where there is nothing to translate to.
        let why = "it was started without NAT: stop and start it";
        return Err(Trouble::Failed(failure(FailureCode::Network, why)));
    }
    // What a card that left was connected to, if nobody was there to take it away.
    let _ = qmp.run(&NetdevDel { id: netdev_id(&card.place) }).await;
    let name = format!("tap-{}", card.place);
    if let Some(tap) = surroundings.connect(card).await.map_err(Trouble::Failed)? {
        qmp.run_with_descriptors(&GetFd { fdname: name.clone() }, vec![tap]).await?;
    }
    if let Err(error) = qmp.run(&NetdevAdd(card.netdev(&name))).await {
        let _ = qmp.run(&CloseFd { fdname: name }).await;
        return Err(error.into());
    }
    if let Err(error) = qmp.run(&DeviceAdd(card.device())).await {
        let _ = qmp.run(&NetdevDel { id: netdev_id(&card.place) }).await;
        return Err(error.into());
    }
    Ok(())
}

/// Takes away what a card that left was connected to.
pub(crate) async fn disconnect(qmp: Qmp, device: String) {
    if let Some(place) = place_of(&device) {
        let _ = qmp.run(&NetdevDel { id: netdev_id(place) }).await;
    }
}
