//! cake's own definition of a VM: JSON, with a version. A later cake reads what an earlier one wrote; a field that it does not know
//! is refused rather than lost.
//!
//! ```text
//! { "cake_vm": 1, "name": "web", "cpus": 2, "memory": 1610612736, "firmware": "uefi", "secure_boot": false, "tpm": false,
//!   "windows": false, "everyday": false, "restart": "on-crash", "tags": [],
//!   "nics":  [{ "network": "nat", "mac": "02:…", "forwards": ["tcp:8080:80"] }],
//!   "disks": [{ "file": "web-disk0.qcow2", "length": 1114112, "capacity": 2147483648 }] }
//! ```
//!
//! Sizes are bytes. `everyday`: SATA and an Intel network card in place of virtio.

use super::{Machine, Nic, PackedDisk};
use cake_types::{ByteSize, Firmware, Restart};
use serde::{Deserialize, Serialize};

/// The version that is written.
pub const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Definition {
    cake_vm: u32,
    name: String,
    cpus: u32,
    memory: u64,
    firmware: Firmware,
    secure_boot: bool,
    tpm: bool,
    windows: bool,
    everyday: bool,
    restart: Restart,
    tags: Vec<String>,
    nics: Vec<Card>,
    disks: Vec<File>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Card {
    network: String,
    mac: String,
    forwards: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    file: String,
    length: u64,
    capacity: u64,
}

/// The definition as text.
pub fn text(machine: &Machine) -> Result<String, serde_json::Error> {
    let Machine { name, cpus, memory, firmware, secure_boot, tpm, windows, everyday, restart, tags, nics, disks } =
        machine.clone();
    let card = |Nic { network, mac, forwards }| Card { network, mac, forwards };
    let file = |PackedDisk { file, length, capacity }| File { file, length, capacity: capacity.bytes() };
    let definition = Definition {
        cake_vm: VERSION,
        name,
        cpus,
        memory: memory.bytes(),
        firmware,
        secure_boot,
        tpm,
        windows,
        everyday,
        restart,
        tags,
        nics: nics.into_iter().map(card).collect(),
        disks: disks.into_iter().map(file).collect(),
    };
    let mut text = serde_json::to_string_pretty(&definition)?;
    text.push('\n');
    Ok(text)
}

#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    #[error("it is no definition of a VM")]
    Malformed(#[from] serde_json::Error),
    #[error("it is of version {0}, which is later than {VERSION}")]
    Newer(u32),
}

/// What a text defines.
pub fn read(text: &str) -> Result<Machine, DefinitionError> {
    // The version first: what a later one says, only a later one knows.
    #[derive(Deserialize)]
    struct Version {
        cake_vm: u32,
    }
    let Version { cake_vm } = serde_json::from_str(text)?;
    if cake_vm > VERSION {
        return Err(DefinitionError::Newer(cake_vm));
    }
    let Definition {
        cake_vm: _,
        name,
        cpus,
        memory,
        firmware,
        secure_boot,
        tpm,
        windows,
        everyday,
        restart,
        tags,
        nics,
        disks,
    } = serde_json::from_str(text)?;
    let nic = |Card { network, mac, forwards }| Nic { network, mac, forwards };
    let disk = |File { file, length, capacity }| PackedDisk { file, length, capacity: ByteSize(capacity) };
    Ok(Machine {
        name,
        cpus,
        memory: ByteSize(memory),
        firmware,
        secure_boot,
        tpm,
        windows,
        everyday,
        restart,
        tags,
        nics: nics.into_iter().map(nic).collect(),
        disks: disks.into_iter().map(disk).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::tests::machine;

    #[test]
    fn what_is_written_is_read_back_as_it_was() {
        let text = text(&machine()).unwrap();
        assert_eq!(read(&text).unwrap(), machine());
        assert!(text.starts_with("{\n  \"cake_vm\": 1,"), "{text}");
    }

    #[test]
    fn what_a_later_version_wrote_is_refused_and_not_half_read() {
        let written = text(&machine()).unwrap();
        let later = written.replace("\"cake_vm\": 1", "\"cake_vm\": 2").replace("\"tpm\"", "\"tpm3\"");
        assert!(matches!(read(&later), Err(DefinitionError::Newer(2))));
        let unknown = written.replace("\"tpm\": true", "\"tpm\": true, \"moon\": 1");
        assert!(matches!(read(&unknown), Err(DefinitionError::Malformed(_))));
    }
}
