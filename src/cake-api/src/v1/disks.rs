//! `/v1/vms/{vm}/disks`: a VM's disks.

use super::Size;
use super::tasks::{Task, accepted};
use axum::extract::{Path, State};
use axum::response::Response;
use cake_control::board::VmEntry;
use cake_planner::names;
use cake_types::{self as domain, DiskSpec, DiskStatus, Problem};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ask::{Ask, IfMatch, InProject, Params, answer_response, project};
use crate::body::{Json, Maybe};
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// A disk: asked and so.
#[derive(Serialize, ToSchema)]
pub struct Disk {
    /// Names the disk among the VM's for as long as the VM exists.
    pub number: u32,
    /// Bytes.
    pub size: u64,
    /// The pool's id.
    pub pool: Uuid,
    /// The image's id.
    pub image: Option<Uuid>,
    /// Which of the image's disks it was made from, where it was not the first.
    pub part: Option<u32>,
    /// What the guest knows it by.
    pub serial: Option<String>,
    /// The volume that it is, by id: it stays when the VM goes.
    pub volume: Option<Uuid>,
    /// It can be taken away, or out, now.
    pub removable: bool,
    /// `off`, `in`, `coming`, `growing`, `leaving`, `failed`.
    pub state: &'static str,
    /// Why it is not as asked.
    pub failure: Option<super::vm_wire::Failure>,
}

/// The disks that are asked for; of those that the guest has not let go yet the tasks tell.
pub(super) fn disks(entry: &VmEntry) -> Vec<Disk> {
    let spec = &entry.vm.spec;
    let so = entry.status.as_ref().map(|status| status.disks.as_slice()).unwrap_or_default();
    let shown = |(index, (number, disk)): (usize, (u32, &DiskSpec))| {
        let DiskSpec { size, pool, image, part, number: _, volume, file: _ } = disk;
        let device = spec.hardware.disks.get(index);
        let status = so.iter().find(|status| status.number == number);
        let on_port = device.is_some_and(|device| spec.hardware.is_on_port(device.address));
        Disk {
            number,
            size: size.bytes(),
            pool: pool.0,
            image: image.map(|image| image.0),
            part: *part,
            serial: device.map(|device| device.serial.clone()),
            volume: volume.map(|volume| volume.0),
            removable: !spec.boots_from(index) && (on_port || !entry.state().is_alive()),
            state: state(status, disk, entry.state().is_alive()),
            failure: status.and_then(|status| status.failure.as_ref()).map(|domain::Failure { code, detail }| {
                super::vm_wire::Failure { code: code.as_str(), detail: detail.clone() }
            }),
        }
    };
    spec.numbered_disks().enumerate().map(shown).collect()
}

fn state(so: Option<&DiskStatus>, asked: &DiskSpec, alive: bool) -> &'static str {
    match so {
        _ if !alive => "off",
        Some(DiskStatus { failure: Some(_), .. }) => "failed",
        Some(DiskStatus { leaving: true, .. }) => "leaving",
        Some(DiskStatus { size, .. }) if *size < asked.size => "growing",
        Some(_) => "in",
        None => "coming",
    }
}

/// A disk that a VM shall have.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDisk {
    pub size: Size,
    /// By name or id; that of the first disk when left out.
    #[serde(default)]
    pub pool: Option<String>,
}

/// How large a disk shall be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DiskPatch {
    /// No less than it is.
    pub size: Size,
}

/// Gives a VM an empty disk. While it runs the disk is plugged in; the task ends when the guest has it.
#[utoipa::path(post, path = "/v1/vms/{vm}/disks", operation_id = "vm_disk_add", tag = "vms", request_body = NewDisk,
    params(("vm" = String, Path), ("project" = Option<String>, Query), ("Idempotency-Key" = String, Header)),
    responses((status = 202, body = Task), (status = "default", body = ProblemBody)))]
pub(crate) async fn add(
    State(api): State<Api>,
    Path(vm): Path<String>,
    ask: Ask,
    Params(within): Params<InProject>,
    Json(NewDisk { size, pool }): Json<NewDisk>,
) -> Result<Response, Refused> {
    let entry = api.vms.find(&project(within.project.as_deref())?, &vm)?;
    let size = size.read("size")?;
    let task = api.vms.add_disk(&ask.caller, entry, size, pool.as_deref(), &ask.keep(accepted)).await?;
    Ok(answer_response(accepted(&task)))
}

/// Makes a disk larger, while the VM runs too: the guest sees the new size at once.
#[utoipa::path(patch, path = "/v1/vms/{vm}/disks/{disk}", operation_id = "vm_disk_grow", tag = "vms",
    request_body = DiskPatch,
    params(("vm" = String, Path), ("disk" = String, Path), ("project" = Option<String>, Query),
        ("If-Match" = String, Header)),
    responses((status = 202, body = Task), (status = "default", body = ProblemBody)))]
pub(crate) async fn grow(
    State(api): State<Api>,
    Path((vm, disk)): Path<(String, String)>,
    ask: Ask,
    seen: IfMatch,
    Params(within): Params<InProject>,
    Json(DiskPatch { size }): Json<DiskPatch>,
) -> Result<Response, Refused> {
    let entry = api.vms.find(&project(within.project.as_deref())?, &vm)?;
    let (number, size) = (number(&disk)?, size.read("size")?);
    let check = |entry: &VmEntry| seen.check(entry.vm.meta.generation);
    let task = api.vms.grow_disk(&ask.caller, entry, number, size, check).await?;
    Ok(answer_response(accepted(&task)))
}

/// Takes a disk away and destroys what is on it. While the VM runs its guest is asked to let it go; the task ends when it has.
#[utoipa::path(delete, path = "/v1/vms/{vm}/disks/{disk}", operation_id = "vm_disk_remove", tag = "vms",
    params(("vm" = String, Path), ("disk" = String, Path), ("project" = Option<String>, Query),
        ("If-Match" = String, Header)),
    responses((status = 202, body = Task), (status = "default", body = ProblemBody)))]
pub(crate) async fn remove(
    State(api): State<Api>,
    Path((vm, disk)): Path<(String, String)>,
    ask: Ask,
    seen: IfMatch,
    Params(within): Params<InProject>,
) -> Result<Response, Refused> {
    let entry = api.vms.find(&project(within.project.as_deref())?, &vm)?;
    let number = number(&disk)?;
    let check = |entry: &VmEntry| seen.check(entry.vm.meta.generation);
    let task = api.vms.remove_disk(&ask.caller, entry, number, check).await?;
    Ok(answer_response(accepted(&task)))
}

/// What becomes of a disk that is taken out.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DiskDetach {
    /// What the volume is called that a VM's own disk becomes; after the VM when left out. One that is a volume keeps its name.
    #[serde(default)]
    pub name: Option<String>,
}

/// Takes a disk out and keeps what is on it, as a volume. While the VM runs its guest is asked to let it go; the task ends when it
/// has, and then the volume can go elsewhere.
#[utoipa::path(post, path = "/v1/vms/{vm}/disks/{disk}/detach", operation_id = "vm_disk_detach", tag = "vms",
    request_body = DiskDetach,
    params(("vm" = String, Path), ("disk" = String, Path), ("project" = Option<String>, Query),
        ("Idempotency-Key" = String, Header)),
    responses((status = 202, body = Task), (status = "default", body = ProblemBody)))]
pub(crate) async fn detach(
    State(api): State<Api>,
    Path((vm, disk)): Path<(String, String)>,
    ask: Ask,
    Params(within): Params<InProject>,
    Maybe(DiskDetach { name }): Maybe<DiskDetach>,
) -> Result<Response, Refused> {
    let entry = api.vms.find(&project(within.project.as_deref())?, &vm)?;
    let name = name.map(|name| names::name(&name, "/name")).transpose()?;
    let task = api.vms.detach_disk(&ask.caller, entry, number(&disk)?, name, &ask.keep(accepted)).await?;
    Ok(answer_response(accepted(&task)))
}

fn number(text: &str) -> Result<u32, Problem> {
    text.parse().map_err(|_| Problem::not_found("disk", text))
}
