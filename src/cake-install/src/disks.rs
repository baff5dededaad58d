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
    let booted = booted_from(sys);
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

/// The GUID of the partition that the boot loader came from.
pub fn booted_from(sys: &Path) -> Option<String> {
    let bytes = fs::read(sys.join(LOADER_PART)).ok()?;
    // Four bytes of attributes, then UTF-16 with a final zero.
    let units = bytes.get(4..)?.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let text: String = char::decode_utf16(units.take_while(|unit| *unit != 0)).collect::<Result<_, _>>().ok()?;
    (!text.is_empty()).then(|| text.to_ascii_lowercase())
}
