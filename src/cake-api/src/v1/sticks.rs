//! `/v1/nodes/{node}/sticks`: what is plugged into a server and has images on it.

use axum::extract::{Path, State};
use axum::response::Response;
use cake_types as domain;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::ask::{answer_response, plain};
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// A file system on something that can be pulled out; a stick with several partitions is several of these.
#[derive(Serialize, ToSchema)]
pub struct Stick {
    /// For an import. Another stick at the same place has another.
    pub id: String,
    /// What the kernel calls the disk now: `sdb`.
    pub device: String,
    pub model: Option<String>,
    pub serial: Option<String>,
    /// Its number in the partition table; 0 where there is none.
    pub partition: u32,
    /// Bytes.
    pub size: u64,
    /// What its owner called it.
    pub label: Option<String>,
    /// `fat`, `exfat`, `ntfs`, `ext`; of what is not read `xfs`, `btrfs`, `hfs`, `apfs`, `iso9660`, `luks`, `bitlocker`, `unknown`.
    pub format: &'static str,
    /// Why its files are not known: `unsupported`, `broken`, `unclean`, `unreadable`, `busy`.
    pub trouble: Option<&'static str>,
    /// Those that are called as images are, by path.
    pub files: Vec<StickFile>,
    /// There may be more files than these.
    pub incomplete: bool,
}

#[derive(Serialize, ToSchema)]
pub struct StickFile {
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// FAT knows no time zone: its times are taken for UTC.
    #[schema(value_type = Option<String>, format = "date-time")]
    pub modified: Option<Timestamp>,
}

#[derive(Serialize, ToSchema)]
pub struct StickList {
    /// Whether the server has looked since it was started; until then the list is empty.
    pub known: bool,
    pub items: Vec<Stick>,
}

impl From<&domain::Stick> for Stick {
    fn from(stick: &domain::Stick) -> Self {
        let domain::Stick { id, device, model, serial, partition, size, label, format, trouble, files, incomplete } =
            stick;
        Self {
            id: id.clone(),
            device: device.clone(),
            model: model.clone(),
            serial: serial.clone(),
            partition: *partition,
            size: size.bytes(),
            label: label.clone(),
            format: format.as_str(),
            trouble: trouble.map(|trouble| trouble.as_str()),
            files: files.iter().map(Into::into).collect(),
            incomplete: *incomplete,
        }
    }
}

impl From<&domain::StickFile> for StickFile {
    fn from(file: &domain::StickFile) -> Self {
        let domain::StickFile { path, size, modified } = file;
        Self { path: path.clone(), size: size.bytes(), modified: *modified }
    }
}

/// The sticks in a server, and the images on them. They are looked at when they are plugged in; nothing of them is mounted.
#[utoipa::path(get, path = "/v1/nodes/{node}/sticks", operation_id = "node_sticks", tag = "nodes",
    params(("node" = String, Path)),
    responses((status = 200, body = StickList), (status = "default", body = ProblemBody)))]
pub(crate) async fn list(State(api): State<Api>, Path(node): Path<String>) -> Result<Response, Refused> {
    let entry = super::nodes::find(&api, &node)?;
    // What was in a server that is away may be anywhere by now.
    let sticks = entry.sticks.as_deref().filter(|_| entry.connected);
    let items = sticks.unwrap_or_default().iter().map(Into::into).collect();
    Ok(answer_response(plain(&StickList { known: sticks.is_some(), items })))
}
