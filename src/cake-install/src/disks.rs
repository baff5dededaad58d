//! The disks that a server could be installed on: what they are, what is on them, and who uses them.
//!
//! ```text
//!  cake_host::disks::list ─► what they are     sfdisk, wipefs ─► [`Content`]     [`usage`] ─► who uses them
//! ```

mod content;
mod esp;
mod usage;

pub use content::{Content, Found, Part, Signature, signatures, table};
pub use esp::{FALLBACK, Installed, KEY_FILE, MANIFEST, read as read_from_esp};
pub use usage::{OWN_MOUNTS, Stacked, part_name, parts_of, stacked_on};

use crate::tool::{ToolError, Tools};
use cake_types::ServerDisk;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

/// Which partition the boot loader came from: systemd-boot's and the stub's variable
/// (The Boot Loader Interface, uapi-group.org: `LoaderDevicePartUUID`).
const LOADER_PART: &str = "firmware/efi/efivars/LoaderDevicePartUUID-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";

/// A disk of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Candidate {
    #[serde(flatten)]
    pub disk: ServerDisk,
    /// Bytes of a logical sector: what the partition table counts in.
    pub sector: u32,
    pub read_only: bool,
    /// This machine was started from it.
    pub boot_medium: bool,
    /// Mount points, and `swap`; what an installation that was broken off left behind is none.
    pub used_as: Vec<String>,
    pub content: Content,
}

#[derive(Debug, thiserror::Error)]
pub enum DisksError {
    #[error("{path} can't be read")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(transparent)]
    Tool(#[from] ToolError),
}

impl Candidate {
    /// The path of its device.
    pub fn path(&self) -> PathBuf {
        Path::new("/dev").join(&self.disk.name)
    }
}

/// Every disk of this machine, by name, with what is on it.
pub fn candidates(tools: &Tools<'_>) -> Result<Vec<Candidate>, DisksError> {
    let sys = Path::new("/sys");
    let read = |path: &str| fs::read_to_string(path).map_err(|source| DisksError::Read { path: path.into(), source });
    let (mounts, swaps) = (read("/proc/self/mountinfo")?, read("/proc/swaps")?);
    // One that can't be read is of none of these disks.
    let booted = booted_from(sys).ok().flatten();
    let disks = cake_host::disks::list(sys).map_err(|source| DisksError::Read { path: sys.into(), source })?;
    let looked = disks.into_iter().map(|disk| {
        let folder = sys.join("block").join(&disk.name);
        let number = |file: &str| fs::read_to_string(folder.join(file)).ok()?.trim().parse::<u32>().ok();
        let content = content::look(tools, sys, &disk)?;
        Ok(Candidate {
            sector: number("queue/logical_block_size").unwrap_or(512),
            read_only: number("ro") == Some(1),
            boot_medium: booted.as_ref().is_some_and(|uuid| content.parts.iter().any(|part| part.has_uuid(uuid))),
            used_as: usage::used_as(sys, &disk.name, &mounts, &swaps),
            content,
            disk,
        })
    });
    let mut looked: Vec<Candidate> = looked.collect::<Result<_, DisksError>>()?;
    content::claim(&mut looked.iter_mut().map(|one| &mut one.content).collect::<Vec<_>>());
    Ok(looked)
}

/// The boot loader's variable holds something that is no GUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the boot loader says of no partition that it came from it: its variable is no GUID")]
pub struct NoGuid;

/// The GUID of the partition that the boot loader came from, in lower case; `None`: it came from none (over the network).
pub fn booted_from(sys: &Path) -> Result<Option<String>, NoGuid> {
    fs::read(sys.join(LOADER_PART)).ok().map(|variable| guid(&variable).ok_or(NoGuid)).transpose()
}

/// Four bytes of attributes, then UTF-16 with a final zero (efivarfs).
fn guid(variable: &[u8]) -> Option<String> {
    let units = variable.get(4..)?.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let text: String = char::decode_utf16(units.take_while(|unit| *unit != 0)).collect::<Result<_, _>>().ok()?;
    let is_guid = text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    is_guid.then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loaders_variable_is_a_guid_in_utf_16() {
        let mut variable = vec![6, 0, 0, 0];
        variable.extend("CA4E0000-0000-4000-8000-00000000000F\0".encode_utf16().flat_map(u16::to_le_bytes));
        assert_eq!(guid(&variable).unwrap(), "ca4e0000-0000-4000-8000-00000000000f");
        assert_eq!(guid(&variable[..60]), None);
        assert_eq!(guid(b"\x06\0\0\0.\0.\0/\0"), None);
        assert_eq!(guid(b""), None);
        let sys = tempfile::tempdir().unwrap();
        assert_eq!(booted_from(sys.path()), Ok(None));
        let file = sys.path().join(LOADER_PART);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, &variable[..60]).unwrap();
        assert_eq!(booted_from(sys.path()), Err(NoGuid));
    }
}
