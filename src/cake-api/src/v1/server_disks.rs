//! `/v1/nodes/{node}/disks`: the disks that a server is built of, and what they say of their health.

use super::Nothing;
use axum::extract::{Path, State};
use axum::response::Response;
use cake_types::{self as domain, DiskHealth};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::ask::{Ask, answer_response, plain};
use crate::body::Maybe;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// A disk of a server, not of a VM.
#[derive(Serialize, ToSchema)]
pub struct ServerDisk {
    /// What the kernel calls it now: `sda`, `nvme0n1`.
    pub name: String,
    pub model: Option<String>,
    pub serial: Option<String>,
    /// Bytes.
    pub size: u64,
    /// `nvme`, `ata`, `scsi`, `usb`, `virtio`, `other`.
    pub bus: &'static str,
    pub rotational: bool,
    pub removable: bool,
    pub health: ServerDiskHealth,
}

/// What a disk says of itself; `null` is what it does not say.
#[derive(Serialize, ToSchema)]
pub struct ServerDiskHealth {
    /// The worst of the rest in one word: `well`, `failing`, `spare`, `worn`, `wearing`, `sectors`, `hot`, `unknown`.
    pub verdict: &'static str,
    /// Why nothing is known, or nothing newer than `read_at`: `unsupported`, `asleep`, `no-answer`, `no-program`.
    pub silence: Option<&'static str>,
    #[schema(value_type = Option<String>, format = "date-time")]
    pub read_at: Option<Timestamp>,
    /// Its own verdict.
    pub passed: Option<bool>,
    /// Of an NVMe disk: `spare`, `temperature`, `reliability`, `read-only`, `backup`, `memory`.
    pub warnings: Vec<&'static str>,
    /// Degrees Celsius.
    pub temperature: Option<i32>,
    pub power_on_hours: Option<u64>,
    /// Sectors that were replaced by spare ones.
    pub reallocated_sectors: Option<u64>,
    /// Sectors that could not be read and wait for a decision.
    pub pending_sectors: Option<u64>,
    /// Sectors that its own tests could not read.
    pub uncorrectable_sectors: Option<u64>,
    /// Times that data could not be read or written whole.
    pub media_errors: Option<u64>,
    /// Of the life that its maker reckons with; may be more than 100.
    pub percent_used: Option<u32>,
    /// When all of that life is used up at the pace of the last two weeks, to the hour; only where that is in two months or sooner.
    #[schema(value_type = Option<String>, format = "date-time")]
    pub worn_out_at: Option<Timestamp>,
    /// Per cent of the spare blocks that are left, and how few are too few.
    pub spare: Option<u32>,
    pub spare_threshold: Option<u32>,
}

/// The disks of one server, by name.
#[derive(Serialize, ToSchema)]
pub struct ServerDiskList {
    /// Whether the server has looked at its disks since it was started; until then the list is empty.
    pub known: bool,
    pub items: Vec<ServerDisk>,
}

impl From<&domain::ServerDisk> for ServerDisk {
    fn from(disk: &domain::ServerDisk) -> Self {
        let domain::ServerDisk { name, model, serial, size, bus, rotational, removable, health } = disk;
        Self {
            name: name.clone(),
            model: model.clone(),
            serial: serial.clone(),
            size: size.bytes(),
            bus: bus.as_str(),
            rotational: *rotational,
            removable: *removable,
            health: health.into(),
        }
    }
}

impl From<&DiskHealth> for ServerDiskHealth {
    fn from(health: &DiskHealth) -> Self {
        let DiskHealth {
            silence,
            read_at,
            passed,
            warnings,
            temperature,
            power_on_hours,
            reallocated_sectors,
            pending_sectors,
            uncorrectable_sectors,
            media_errors,
            percent_used,
            worn_out_at,
            spare,
            spare_threshold,
        } = health;
        Self {
            verdict: health.verdict().as_str(),
            silence: silence.map(|silence| silence.as_str()),
            read_at: *read_at,
            passed: *passed,
            warnings: warnings.iter().map(|warning| warning.as_str()).collect(),
            temperature: *temperature,
            power_on_hours: *power_on_hours,
            reallocated_sectors: *reallocated_sectors,
            pending_sectors: *pending_sectors,
            uncorrectable_sectors: *uncorrectable_sectors,
            media_errors: *media_errors,
            percent_used: *percent_used,
            worn_out_at: *worn_out_at,
            spare: *spare,
            spare_threshold: *spare_threshold,
        }
    }
}

impl ServerDiskList {
    fn of(disks: Option<&[domain::ServerDisk]>) -> Self {
        Self { known: disks.is_some(), items: disks.unwrap_or_default().iter().map(Into::into).collect() }
    }
}

/// The disks of a server and what they last said of their health: it asks them each hour. A disk that sleeps is not woken.
#[utoipa::path(get, path = "/v1/nodes/{node}/disks", operation_id = "node_disks", tag = "nodes",
    params(("node" = String, Path)),
    responses((status = 200, body = ServerDiskList), (status = "default", body = ProblemBody)))]
pub(crate) async fn list(State(api): State<Api>, Path(node): Path<String>) -> Result<Response, Refused> {
    let entry = super::nodes::find(&api, &node)?;
    Ok(answer_response(plain(&ServerDiskList::of(entry.disks.as_deref()))))
}

/// Asks the disks of a server now, and says what they say.
#[utoipa::path(post, path = "/v1/nodes/{node}/disks/read", operation_id = "node_disks_read", tag = "nodes",
    params(("node" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = ServerDiskList), (status = "default", body = ProblemBody)))]
pub(crate) async fn read(
    State(api): State<Api>,
    Path(node): Path<String>,
    ask: Ask,
    Maybe(Nothing {}): Maybe<Nothing>,
) -> Result<Response, Refused> {
    let entry = super::nodes::find(&api, &node)?;
    let said = |disks: &Vec<domain::ServerDisk>| plain(&ServerDiskList::of(Some(disks)));
    let disks = api.disks.read(&ask.caller, &entry, &ask.keep(said)).await?;
    Ok(answer_response(said(&disks)))
}
