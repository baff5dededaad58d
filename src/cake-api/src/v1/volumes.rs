//! `/v1/volumes`: disks that are resources of their own.

use super::tasks::{Task, accepted};
use super::{Nothing, Size, tags};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use cake_control::board::{VolumeEntry, VolumeView};
use cake_control::caller::Answer;
use cake_control::volumes as control;
use cake_planner::names;
use cake_types::{self as domain, Failure, Meta, VolumeSpec, VolumeState};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ask::{Ask, IfMatch, InProject, Params, answer_response, etag, project, ready_json, tagged};
use crate::body::{Json, Maybe};
use crate::file;
use crate::page::Paging;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// A disk that is a resource of its own: it can be in one VM at a time, and stays when that VM goes.
#[derive(Serialize, ToSchema)]
pub struct Volume {
    pub id: Uuid,
    pub name: String,
    pub project: String,
    /// `pending`, `failed`, `free`, `attached`, `leaving`, `binned`, `deleting`.
    pub state: &'static str,
    /// Bytes.
    pub size: u64,
    /// The pool's id.
    pub pool: Uuid,
    /// The VM that it is in, or, while it is `leaving`, whose guest has not let it go yet.
    pub vm: Option<VolumeVm>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Why its server could not do what is asked.
    pub failure: Option<super::vm_wire::Failure>,
    /// In the bin since then.
    #[schema(value_type = Option<String>, format = "date-time")]
    pub binned_at: Option<Timestamp>,
    #[schema(value_type = String, format = "date-time")]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    pub updated_at: Timestamp,
    /// For If-Match.
    pub etag: String,
}

/// A place in a VM.
#[derive(Serialize, ToSchema)]
pub struct VolumeVm {
    pub id: Uuid,
    pub name: String,
    /// The disk's number there.
    pub disk: u32,
}

#[derive(Serialize, ToSchema)]
pub struct VolumeList {
    pub items: Vec<Volume>,
    pub next: Option<String>,
}

impl From<&VolumeView> for Volume {
    fn from(view: &VolumeView) -> Self {
        let VolumeView { entry, state, size, vm } = view;
        let VolumeEntry { volume, revision: _, failed } = &**entry;
        let vm = vm.as_ref().map(|(entry, disk)| {
            let meta = &entry.vm.meta;
            VolumeVm { id: meta.id.0, name: meta.name.to_string(), disk: *disk }
        });
        let failure = failed
            .as_ref()
            .map(|Failure { code, detail }| super::vm_wire::Failure { code: code.as_str(), detail: detail.clone() });
        Self { state: state.as_str(), size: size.bytes(), vm, failure, ..Self::from(volume) }
    }
}

impl From<&domain::Volume> for Volume {
    /// Without what only its node and its VM know.
    fn from(volume: &domain::Volume) -> Self {
        let domain::Volume { meta, spec } = volume;
        let Meta { id, project, name, generation, created_at, updated_at } = meta;
        let VolumeSpec { pool, size, made: _, file: _, attached: _, left: _, deleting: _, binned, tags } = spec;
        let state = if binned.is_some() { VolumeState::Binned } else { VolumeState::Pending };
        Self {
            id: id.0,
            name: name.to_string(),
            project: project.to_string(),
            state: state.as_str(),
            size: size.bytes(),
            pool: pool.0,
            vm: None,
            tags: tags.iter().map(ToString::to_string).collect(),
            failure: None,
            binned_at: *binned,
            created_at: *created_at,
            updated_at: *updated_at,
            etag: etag(*generation),
        }
    }
}

/// As it was answered first: what its node and its VM know is read by its own address.
fn created(volume: &domain::Volume) -> Answer {
    let location = Some(format!("/v1/volumes/{}", volume.meta.id));
    Answer { status: 201, location, ..moved(volume) }
}

fn moved(volume: &domain::Volume) -> Answer {
    let body = serde_json::to_string(&Volume::from(volume)).expect("a volume is JSON");
    Answer { status: 200, etag: Some(etag(volume.meta.generation)), location: None, body }
}

/// All volumes, those in VMs too. Disks that belong to a VM are that VM's: they are read there.
#[utoipa::path(get, path = "/v1/volumes", operation_id = "volume_list", tag = "volumes",
    params(("limit" = Option<usize>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = VolumeList), (status = "default", body = ProblemBody)))]
pub(crate) async fn list(State(api): State<Api>, Params(page): Params<Paging>) -> Result<Response, Refused> {
    let listed = api.board.volumes().into_iter().filter(|entry| entry.volume.spec.binned.is_none());
    let (items, next) = page.part(listed, |entry| entry.id().0)?;
    let items = items.into_iter().map(|entry| Volume::from(&api.board.volume_view(entry))).collect();
    Ok(ready_json(serde_json::to_vec(&VolumeList { items, next }).expect("volumes are JSON")))
}

/// One volume, by id or name.
#[utoipa::path(get, path = "/v1/volumes/{volume}", operation_id = "volume_get", tag = "volumes",
    params(("volume" = String, Path)),
    responses((status = 200, body = Volume, headers(("ETag" = String))), (status = "default", body = ProblemBody)))]
pub(crate) async fn get(State(api): State<Api>, Path(volume): Path<String>) -> Result<Response, Refused> {
    let view = api.volumes.find(&volume)?;
    Ok(tagged(view.entry.volume.meta.generation, &Volume::from(&view)))
}

/// A volume as it shall be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewVolume {
    pub name: String,
    pub size: Size,
    /// By name or id; the first that is there when left out.
    #[serde(default)]
    pub pool: Option<String>,
    /// At most 16, each 1 to 63 of a–z, 0–9, `-`, `.` and `_`.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// Makes an empty volume. It is `free` as soon as its server has it.
#[utoipa::path(post, path = "/v1/volumes", operation_id = "volume_create", tag = "volumes", request_body = NewVolume,
    params(("project" = Option<String>, Query), ("Idempotency-Key" = String, Header)),
    responses((status = 201, body = Volume), (status = "default", body = ProblemBody)))]
pub(crate) async fn create(
    State(api): State<Api>,
    ask: Ask,
    Params(within): Params<InProject>,
    Json(NewVolume { name, size, pool, tags: texts }): Json<NewVolume>,
) -> Result<Response, Refused> {
    let new = control::NewVolume {
        project: project(within.project.as_deref())?,
        name: names::name(&name, "/name")?,
        size: size.read("size")?,
        pool,
        tags: tags(&texts)?,
    };
    let volume = api.volumes.create(&ask.caller, new, &ask.keep(created)).await?;
    Ok(answer_response(created(&volume)))
}

/// What shall be different.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VolumePatch {
    #[serde(default)]
    pub name: Option<String>,
    /// No less than it is, and only while it is free: in a VM it grows as that VM's disk.
    #[serde(default)]
    pub size: Option<Size>,
    /// All of them: at most 16, each 1 to 63 of a–z, 0–9, `-`, `.` and `_`.
    #[serde(default)]
    pub tags: Option<Vec<String>>,
}

/// Renames a volume, makes it larger, or changes its tags.
#[utoipa::path(patch, path = "/v1/volumes/{volume}", operation_id = "volume_update", tag = "volumes",
    request_body = VolumePatch, params(("volume" = String, Path), ("If-Match" = String, Header)),
    responses((status = 200, body = Volume, headers(("ETag" = String))), (status = "default", body = ProblemBody)))]
pub(crate) async fn update(
    State(api): State<Api>,
    Path(volume): Path<String>,
    ask: Ask,
    seen: IfMatch,
    Json(VolumePatch { name, size, tags: texts }): Json<VolumePatch>,
) -> Result<Response, Refused> {
    let view = api.volumes.find(&volume)?;
    let patch = control::VolumePatch {
        name: name.map(|name| names::name(&name, "/name")).transpose()?,
        size: size.map(|size| size.read("size")).transpose()?,
        tags: texts.map(|texts| tags(&texts)).transpose()?,
    };
    let check = |entry: &VolumeEntry| seen.check(entry.volume.meta.generation);
    let view = api.volumes.update(&ask.caller, view.entry.id(), patch, check).await?;
    Ok(tagged(view.entry.volume.meta.generation, &Volume::from(&view)))
}

/// Deletes a volume for good, with everything on it. One that is in a VM is detached first.
#[utoipa::path(delete, path = "/v1/volumes/{volume}", operation_id = "volume_delete", tag = "volumes",
    params(("volume" = String, Path), ("If-Match" = String, Header)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
pub(crate) async fn delete(
    State(api): State<Api>,
    Path(volume): Path<String>,
    ask: Ask,
    seen: IfMatch,
    Maybe(Nothing {}): Maybe<Nothing>,
) -> Result<Response, Refused> {
    let view = api.volumes.find(&volume)?;
    let check = |entry: &VolumeEntry| seen.check(entry.volume.meta.generation);
    api.volumes.delete(&ask.caller, view.entry.id(), check).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Where a volume shall go.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VolumeAttach {
    /// By name or id.
    pub vm: String,
}

/// Gives a volume to a VM as its next disk. While the VM runs it is plugged in; the task ends when the guest has it.
#[utoipa::path(post, path = "/v1/volumes/{volume}/attach", operation_id = "volume_attach", tag = "volumes",
    request_body = VolumeAttach,
    params(("volume" = String, Path), ("project" = Option<String>, Query), ("Idempotency-Key" = String, Header)),
    responses((status = 202, body = Task), (status = "default", body = ProblemBody)))]
pub(crate) async fn attach(
    State(api): State<Api>,
    Path(volume): Path<String>,
    ask: Ask,
    Params(within): Params<InProject>,
    Json(VolumeAttach { vm }): Json<VolumeAttach>,
) -> Result<Response, Refused> {
    let view = api.volumes.find(&volume)?;
    let entry = api.vms.find(&project(within.project.as_deref())?, &vm)?;
    let task = api.vms.attach_volume(&ask.caller, entry, view.entry.id(), &ask.keep(accepted)).await?;
    Ok(answer_response(accepted(&task)))
}

/// Puts a volume into the bin, where it is kept until its time is over.
#[utoipa::path(post, path = "/v1/volumes/{volume}/bin", operation_id = "volume_bin", tag = "bin",
    params(("volume" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Volume), (status = "default", body = ProblemBody)))]
pub(crate) async fn bin(
    State(api): State<Api>,
    Path(volume): Path<String>,
    ask: Ask,
    Maybe(Nothing {}): Maybe<Nothing>,
) -> Result<Response, Refused> {
    let view = api.volumes.find(&volume)?;
    let volume = api.volumes.bin(&ask.caller, view.entry.id(), &ask.keep(moved)).await?;
    Ok(answer_response(moved(&volume)))
}

/// Under which name it comes back.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VolumeRestore {
    /// Its old one when left out.
    #[serde(default)]
    pub name: Option<String>,
}

/// Brings a volume back from the bin, under another name if its own is taken.
#[utoipa::path(post, path = "/v1/volumes/{volume}/restore", operation_id = "volume_restore", tag = "bin",
    request_body = VolumeRestore, params(("volume" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Volume), (status = "default", body = ProblemBody)))]
pub(crate) async fn restore(
    State(api): State<Api>,
    Path(volume): Path<String>,
    ask: Ask,
    Maybe(VolumeRestore { name }): Maybe<VolumeRestore>,
) -> Result<Response, Refused> {
    let view = api.volumes.find(&volume)?;
    let name = name.map(|name| names::name(&name, "/name")).transpose()?;
    let volume = api.volumes.restore(&ask.caller, view.entry.id(), name, &ask.keep(moved)).await?;
    Ok(answer_response(moved(&volume)))
}

/// The volume's bytes, while it is free or its VM is off. A part of them with Range.
#[utoipa::path(get, path = "/v1/volumes/{volume}/content", operation_id = "volume_download", tag = "volumes",
    params(("volume" = String, Path), ("Range" = Option<String>, Header)),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
              (status = 206, body = Vec<u8>, content_type = "application/octet-stream"),
              (status = "default", body = ProblemBody)))]
pub(crate) async fn download(
    State(api): State<Api>,
    Path(volume): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let view = api.volumes.find(&volume)?;
    let file = api.volumes.open(&view).await?;
    file::answer(file, &headers, &format!("{}.raw", view.entry.id())).await.map_err(Refused)
}
