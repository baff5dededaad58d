//! Virtual hardware is a record (invariant 6): written once when the VM is created, so that a guest never sees its machine
//! change beneath it. `cake-planner` makes it; `cake-vm` turns it into QEMU's arguments (golden test).

use crate::{Firmware, VmId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Version of this layout; raised when a field's meaning changes.
pub const HARDWARE_VERSION: u32 = 1;

/// Everything the guest can tell apart about its machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HardwareRecord {
    pub version: u32,
    /// QEMU's versioned machine type.
    pub machine: MachineType,
    pub cpu: CpuModel,
    /// SMBIOS system UUID (SMBIOS 3.x type 1): the VM's id.
    pub uuid: VmId,
    pub firmware: Firmware,
    /// In the order of the spec's disks.
    pub disks: Vec<DiskDevice>,
    pub nics: Vec<NicDevice>,
    /// The drive that carries the cloud-init seed.
    pub seed: Option<DiskDevice>,
    /// The CD drive. Records from before there were CDs have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cd: Option<DiskDevice>,
    /// A second CD drive, for drivers that an installer asks for while the first holds the installer itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drivers_cd: Option<DiskDevice>,
    /// The graphics card; none for [`Firmware::Direct`].
    pub display: Option<PciAddress>,
    /// The USB controller, with a tablet on it: what a graphics card needs beside it to be a screen that a person far away can
    /// use. Records from before there were screens have none, and keep the machine that they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usb: Option<PciAddress>,
    /// A TPM 2.0 that swtpm is, behind the command response buffer interface.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tpm: bool,
    /// UEFI starts only what is signed; the keys are Microsoft's, with which Windows and the shim of Linux distributions are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secure_boot: bool,
    /// Made for Windows: what it knows of its hypervisor, and a clock in local time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub windows: bool,
    pub rng: Option<PciAddress>,
    pub balloon: Option<PciAddress>,
    pub spare: SpareSlots,
    /// Guest RAM is a memfd that the host may map (live takeover, memory introspection).
    pub shared_memory: bool,
}

impl HardwareRecord {
    /// Whether there is a screen to look at, with a pointer that is where the viewer's is.
    pub fn has_screen(&self) -> bool {
        self.display.is_some() && self.usb.is_some()
    }

    /// Whether a device at that address sits behind one of the spare root ports: it can come and go while the guest runs.
    pub fn is_on_port(&self, address: PciAddress) -> bool {
        self.port_of(address).is_some()
    }

    /// Which of the spare root ports that is.
    pub fn port_of(&self, address: PciAddress) -> Option<usize> {
        self.spare.root_ports.iter().position(|port| *port == address)
    }
}

/// What a record is made from. The random bytes are passed in: the planner has none of its own.
#[derive(Clone, Debug)]
pub struct HardwareRequest {
    pub id: VmId,
    pub firmware: Firmware,
    pub disks: usize,
    /// Network cards.
    pub nics: usize,
    pub seed: bool,
    pub machine: MachineType,
    pub cpu: CpuModel,
    /// For MAC addresses.
    pub random: [u8; 16],
    /// A CD drive is there.
    pub cd: bool,
    /// What the guest has drivers for.
    pub drivers: Drivers,
    pub tpm: bool,
    pub secure_boot: bool,
    /// Windows will run there.
    pub windows: bool,
}

/// Which kinds of cards a guest sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drivers {
    /// virtio: the fastest; part of every Linux of the last ten years.
    Virtio,
    /// What any installer can see without further drivers: SATA and an Intel network card.
    Everyday,
}

/// A versioned machine type, for example `pc-q35-10.0`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MachineType(pub String);

/// A named CPU model of QEMU, for example `Nehalem-v1`; `host` only where KVM runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CpuModel(pub String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskBus {
    VirtioBlk,
    Sata,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskDevice {
    pub bus: DiskBus,
    /// On SATA it is the controller's, and the port is the device's place: disks from 0 on, the CD drive at 5.
    pub address: PciAddress,
    /// See [`DiskDevice::sata_port`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u8>,
    /// At most 20 bytes of ASCII (virtio 1.2 §5.2.6.1).
    pub serial: String,
}

impl DiskDevice {
    /// The port of the SATA controller: its place among the disks, unless one before it was taken away.
    pub fn sata_port(&self, index: usize) -> u8 {
        self.port.unwrap_or(u8::try_from(index).unwrap_or(u8::MAX))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NicDevice {
    #[serde(default, skip_serializing_if = "NicModel::is_virtio")]
    pub model: NicModel,
    /// Its slot, or the spare root port that it sits behind.
    pub address: PciAddress,
    pub mac: MacAddress,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NicModel {
    #[default]
    Virtio,
    /// Intel 82574L, which every system has a driver for.
    E1000e,
}

impl NicModel {
    fn is_virtio(&self) -> bool {
        *self == Self::Virtio
    }
}

/// Ports and slots kept free for hot-plug.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpareSlots {
    /// Slots of pcie.0 that hold an empty root port.
    pub root_ports: Vec<PciAddress>,
    /// Where a virtio-mem device goes when memory is changed live.
    pub virtio_mem: Option<PciAddress>,
}

/// Slot and function on the root complex `pcie.0`, written `slot.function` in hexadecimal as QEMU's `addr=`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PciAddress {
    pub slot: u8,
    pub function: u8,
}

/// A unicast, locally administered MAC address, written with colons.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MacAddress(pub [u8; 6]);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an address of the expected form")]
pub struct AddressError;

impl fmt::Display for PciAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}.{:x}", self.slot, self.function)
    }
}

impl FromStr for PciAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (slot, function) = text.split_once('.').ok_or(AddressError)?;
        let slot = u8::from_str_radix(slot, 16).map_err(|_| AddressError)?;
        let function = u8::from_str_radix(function, 16).map_err(|_| AddressError)?;
        if slot < 32 && function < 8 { Ok(Self { slot, function }) } else { Err(AddressError) }
    }
}

impl MacAddress {
    /// A locally administered unicast address from random bytes (IEEE 802 §8.4.2).
    pub fn local(mut bytes: [u8; 6]) -> Self {
        bytes[0] = (bytes[0] & 0xfc) | 0x02;
        Self(bytes)
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl FromStr for MacAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().filter(|p| p.len() == 2).ok_or(AddressError)?;
            *byte = u8::from_str_radix(part, 16).map_err(|_| AddressError)?;
        }
        if parts.next().is_none() && bytes[0] & 1 == 0 { Ok(Self(bytes)) } else { Err(AddressError) }
    }
}

macro_rules! text_form {
    ($($name:ident),*) => {$(
        impl TryFrom<String> for $name {
            type Error = AddressError;
            fn try_from(text: String) -> Result<Self, AddressError> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.to_string()
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}

text_form!(PciAddress, MacAddress);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_a_round_trip() {
        let pci: PciAddress = "1f.7".parse().unwrap();
        assert_eq!(pci.to_string(), "1f.7");
        let mac = MacAddress::local([0xff, 1, 2, 3, 4, 5]);
        assert_eq!(mac.to_string(), "fe:01:02:03:04:05");
        assert_eq!(mac.to_string().parse::<MacAddress>().unwrap(), mac);
    }

    /// Records that were written before there were screens are read, and written again as they were.
    #[test]
    fn a_record_without_a_screen_stays_as_it_is() {
        let text = r#"{"version":1,"machine":"pc-q35-10.0","cpu":"Nehalem-v1","uuid":"00000000-0000-0000-0000-000000000000","firmware":"bios","disks":[],"nics":[],"seed":null,"display":"1.0","rng":null,"balloon":null,"spare":{"root_ports":[],"virtio_mem":null},"shared_memory":true}"#;
        let record: HardwareRecord = serde_json::from_str(text).unwrap();
        assert!(!record.has_screen());
        assert_eq!(serde_json::to_string(&record).unwrap(), text);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["20.0", "1.8", "1", "g.0", ""] {
            assert!(text.parse::<PciAddress>().is_err(), "{text}");
        }
        for text in ["01:00:00:00:00:00", "00:00:00:00:00", "00:00:00:00:00:0", "00:00:00:00:00:00:00"] {
            assert!(text.parse::<MacAddress>().is_err(), "{text}");
        }
    }
}
