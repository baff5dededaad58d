//! Devices that come and go while the guest runs.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::command::{Command, Empty};

/// Gives the guest a device. The fields are those of its driver.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct DeviceAdd(pub Value);

impl Command for DeviceAdd {
    const NAME: &'static str = "device_add";
    type Answer = Empty;
}

/// Asks the guest to let a device go. That it has is told by the event `DEVICE_DELETED`.
#[derive(Clone, Debug, Serialize)]
pub struct DeviceDel {
    pub id: String,
}

impl Command for DeviceDel {
    const NAME: &'static str = "device_del";
    type Answer = Empty;
}

/// Makes what a network card is connected to. The fields are those of its type.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct NetdevAdd(pub Value);

impl Command for NetdevAdd {
    const NAME: &'static str = "netdev_add";
    type Answer = Empty;
}

/// Takes away what a network card was connected to.
#[derive(Clone, Debug, Serialize)]
pub struct NetdevDel {
    pub id: String,
}

impl Command for NetdevDel {
    const NAME: &'static str = "netdev_del";
    type Answer = Empty;
}

/// Pulls the cable of a network card, or puts it in.
#[derive(Clone, Debug, Serialize)]
pub struct SetLink {
    pub name: String,
    pub up: bool,
}

impl Command for SetLink {
    const NAME: &'static str = "set_link";
    type Answer = Empty;
}

/// Asks what lies at a path of QEMU's objects; devices with an id are at `/machine/peripheral`.
#[derive(Clone, Debug, Serialize)]
pub struct QomList {
    pub path: String,
}

impl Command for QomList {
    const NAME: &'static str = "qom-list";
    type Answer = Vec<QomItem>;
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct QomItem {
    pub name: String,
    /// `child<virtio-net-pci>`, say.
    #[serde(rename = "type")]
    pub kind: String,
}

/// Asks for one property of an object.
#[derive(Clone, Debug, Serialize)]
pub struct QomGet {
    pub path: String,
    pub property: String,
}

impl Command for QomGet {
    const NAME: &'static str = "qom-get";
    type Answer = Value;
}
