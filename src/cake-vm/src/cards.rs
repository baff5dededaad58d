//! Network cards as QEMU knows them: one description for the arguments of a start and for a card that comes while the guest runs.
//! Pure.

use cake_planner::hardware::FIRST_NIC_SLOT;
use cake_types::{BridgeName, Forward, HardwareRecord, MacAddress, NicDevice, NicModel, NicSpec, PciAddress, VmSpec};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A network card of a VM: where it sits, who it is, what it is connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// Tells it from the VM's others for as long as it sits where it sits: `0` in the first slot, `p0` behind the first spare port.
    pub place: String,
    pub model: NicModel,
    pub mac: MacAddress,
    pub spec: NicSpec,
    at: At,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Slot(PciAddress),
    Port(usize),
}

/// The cards of a VM, in the order of its hardware record.
pub fn cards(spec: &VmSpec) -> Vec<Card> {
    let card = |(device, nic): (&NicDevice, NicSpec)| {
        let at = at(&spec.hardware, device.address);
        Card { place: place(at), model: device.model, mac: device.mac, spec: nic, at }
    };
    spec.hardware.nics.iter().zip(spec.nics()).map(card).collect()
}

fn at(hardware: &HardwareRecord, address: PciAddress) -> At {
    hardware.port_of(address).map_or(At::Slot(address), At::Port)
}

fn place(at: At) -> String {
    match at {
        At::Slot(address) => address.slot.saturating_sub(FIRST_NIC_SLOT).to_string(),
        At::Port(port) => format!("p{port}"),
    }
}

/// The guest's device.
pub fn device_id(place: &str) -> String {
    format!("nic{place}")
}

/// What it is connected to.
pub fn netdev_id(place: &str) -> String {
    format!("net{place}")
}

/// The place of a device, if it is a network card.
pub fn place_of(device: &str) -> Option<&str> {
    device.strip_prefix("nic")
}

impl Card {
    pub fn bridge(&self) -> Option<&BridgeName> {
        self.spec.bridge()
    }

    /// `bus=…`, and on the root complex `addr=…`.
    pub(crate) fn bus(&self) -> (String, Option<PciAddress>) {
        match self.at {
            At::Slot(address) => ("pcie.0".into(), Some(address)),
            At::Port(port) => (format!("spare{port}"), None),
        }
    }

    /// What `netdev_add` takes. `descriptor`: the name under which QEMU was given the tap.
    pub(crate) fn netdev(&self, descriptor: &str) -> Value {
        let id = netdev_id(&self.place);
        match &self.spec {
            NicSpec::Bridged { .. } => json!({"type": "tap", "id": id, "fd": descriptor}),
            NicSpec::Nat { forwards } => {
                let forwards: Vec<Value> =
                    forwards.iter().map(|forward| json!({"str": host_forward(*forward)})).collect();
                json!({"type": "user", "id": id, "ipv6": false, "hostfwd": forwards})
            }
        }
    }

    /// What `device_add` takes.
    pub(crate) fn device(&self) -> Value {
        let (bus, address) = self.bus();
        let mut device = json!({
            "driver": "e1000e", "id": device_id(&self.place), "netdev": netdev_id(&self.place),
            "mac": self.mac.to_string(), "romfile": "", "bus": bus,
        });
        if self.model == NicModel::Virtio {
            (device["driver"], device["disable-legacy"]) = ("virtio-net-pci".into(), "on".into());
        }
        if let Some(address) = address {
            device["addr"] = address.to_string().into();
        }
        device
    }
}

/// QEMU's form of a forward: all IPv4 addresses of the node, the guest's only address.
pub(crate) fn host_forward(forward: Forward) -> String {
    let Forward { protocol, host_port, guest_port } = forward;
    format!("{}::{host_port}-:{guest_port}", protocol.as_str())
}

/// What has to happen so that a running guest has the cards that it should.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Places of cards that leave.
    pub leave: Vec<String>,
    /// Cards that come.
    pub come: Vec<Card>,
}

/// `there`: what the guest has, by place. A card whose place is taken comes when what sits there has left.
pub fn change(wanted: &[Card], there: &BTreeMap<String, MacAddress>) -> Change {
    let is_wanted = |place: &str, mac: &MacAddress| wanted.iter().any(|card| card.place == place && card.mac == *mac);
    let leave = there.iter().filter(|(place, mac)| !is_wanted(place, mac)).map(|(place, _)| place.clone()).collect();
    let come = wanted.iter().filter(|card| !there.contains_key(&card.place)).cloned().collect();
    Change { leave, come }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(place: &str, last: u8) -> Card {
        let at = At::Port(0);
        let mac = MacAddress([2, 0, 0, 0, 0, last]);
        Card { place: place.into(), model: NicModel::Virtio, mac, spec: NicSpec::nat(), at }
    }

    #[test]
    fn what_is_wanted_comes_and_what_is_not_leaves() {
        let there = |cards: &[Card]| cards.iter().map(|card| (card.place.clone(), card.mac)).collect();
        let (first, second, other) = (card("0", 1), card("p0", 2), card("p0", 3));
        let both = [first.clone(), second.clone()];
        assert_eq!(change(&both, &there(&both)), Change::default());
        assert_eq!(change(&both, &there(&both[..1])), Change { leave: vec![], come: vec![second.clone()] });
        assert_eq!(change(&both[..1], &there(&both)), Change { leave: vec!["p0".into()], come: vec![] });
        // Another card for the same port waits until that is free.
        assert_eq!(change(&[other], &there(&both[1..])), Change { leave: vec!["p0".into()], come: vec![] });
    }
}
