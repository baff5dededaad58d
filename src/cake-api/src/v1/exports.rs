//! `/v1/vms/{vm}/exports` and `/v1/exports`: VMs as files to be taken away.

use super::Nothing;
use super::tasks::Progress;
use super::vm_wire::Failure;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use cake_control::board::ExportEntry;
use cake_control::caller::Answer;
use cake_types::{self as domain, ExportSpec, ExportStage, ExportStatus, HostName, Meta, VmId};
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

/// A VM as one file. It outlives the VM, and goes by itself when its days are over.
#[derive(Serialize, ToSchema)]
pub struct Export {
    pub id: Uuid,
    /// The VM's id.
    pub vm: Uuid,
    /// The VM's name, as it was then.
    pub name: String,
    pub project: String,
    /// `ova`, `qcow2`.
    pub format: &'static str,
    /// `pending`, `waiting`, `converting`, `packing`, `done`, `failed`, `ending`.
    pub state: &'static str,
    /// Of this state, in bytes.
    pub progress: Option<Progress>,
    pub failure: Option<Failure>,
    /// Bytes of the file, once it is there.
    pub size: Option<u64>,
    /// What the file is best kept under.
    pub file_name: String,
    /// The task that tells of it.
    pub task: Uuid,
    #[schema(value_type = String, format = "date-time")]
    pub created_at: Timestamp,
    /// When it goes by itself.
    #[schema(value_type = String, format = "date-time")]
    pub expires_at: Timestamp,
    /// For If-Match.
    pub etag: String,
}

#[derive(Serialize, ToSchema)]
pub struct ExportList {
    pub items: Vec<Export>,
    pub next: Option<String>,
}

/// Which file is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewExport {
    pub format: ExportFormat,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExportFormat {
    /// Open Virtualization Format 1.1 with streamOptimized VMDK disks, in one tar: what other products read.
    Ova,
    /// cake's own definition and a compressed qcow2 for each disk, in one tar.
    Qcow2,
}

impl From<ExportFormat> for domain::ExportFormat {
    fn from(format: ExportFormat) -> Self {
        match format {
            ExportFormat::Ova => Self::Ova,
            ExportFormat::Qcow2 => Self::Qcow2,
        }
    }
}

impl From<&domain::Export> for Export {
    fn from(export: &domain::Export) -> Self {
        let domain::Export { meta, spec } = export;
        let Meta { id, project, name, generation, created_at, updated_at: _ } = meta;
        let ExportSpec { vm, format, pool: _, task, ending: _ } = spec;
        Self {
            id: id.0,
            vm: vm.0,
            name: name.to_string(),
            project: project.to_string(),
            format: format.as_str(),
            state: export.word(None),
            progress: None,
            failure: None,
            size: None,
            file_name: format!("{}.{}", HostName::from_name(name), format.ending()),
            task: task.0,
            created_at: *created_at,
            expires_at: export.expires_at(),
            etag: etag(*generation),
        }
    }
}

impl From<&ExportEntry> for Export {
    fn from(entry: &ExportEntry) -> Self {
        let mut export = Self::from(&entry.export);
        export.state = entry.export.word(entry.status.as_ref());
        if let Some(ExportStatus { observed: _, stage, done, total, size, failure }) = &entry.status {
            let moving = total.bytes() > 0;
            export.progress = moving.then(|| Progress { done: done.bytes(), total: total.bytes() });
            export.size = (*stage == ExportStage::Done).then(|| size.bytes());
            let shown =
                |failure: &domain::Failure| Failure { code: failure.code.as_str(), detail: failure.detail.clone() };
            export.failure = failure.as_ref().map(shown);
        }
        export
    }
}

fn answer(export: &domain::Export) -> Answer {
    let body = serde_json::to_string(&Export::from(export)).expect("an export is JSON");
    let location = Some(format!("/v1/exports/{}", export.meta.id));
    Answer { status: 201, etag: Some(etag(export.meta.generation)), location, body }
}

/// Begins to make a file of a VM that is off. The task ends when it can be downloaded.
///
/// Left out are user-data of cloud-init, what a TPM remembers and the variables of UEFI.
#[utoipa::path(post, path = "/v1/vms/{vm}/exports", operation_id = "vm_export", tag = "vms", request_body = NewExport,
    params(("vm" = String, Path), ("project" = Option<String>, Query), ("Idempotency-Key" = String, Header)),
    responses((status = 201, body = Export), (status = "default", body = ProblemBody)))]
pub(crate) async fn create(
    State(api): State<Api>,
    Path(vm): Path<String>,
    ask: Ask,
    Params(within): Params<InProject>,
    Json(NewExport { format }): Json<NewExport>,
) -> Result<Response, Refused> {
    let vm = api.vms.find(&project(within.project.as_deref())?, &vm)?;
    let entry = api.exports.create(&ask.caller, vm, format.into(), &ask.keep(answer)).await?;
    Ok(answer_response(answer(&entry.export)))
}

/// All exports, oldest first; with `subject` those of one VM, by its id.
#[utoipa::path(get, path = "/v1/exports", operation_id = "export_list", tag = "vms",
    params(("subject" = Option<Uuid>, Query), ("limit" = Option<usize>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = ExportList), (status = "default", body = ProblemBody)))]
pub(crate) async fn list(State(api): State<Api>, Params(page): Params<Paging>) -> Result<Response, Refused> {
    let all = api.exports.of(page.subject.map(VmId));
    let (items, next) = page.part(all.iter().map(|entry| Export::from(&**entry)), |export| export.id)?;
    Ok(ready_json(serde_json::to_vec(&ExportList { items, next }).expect("exports are JSON")))
}

/// One export, by id.
#[utoipa::path(get, path = "/v1/exports/{export}", operation_id = "export_get", tag = "vms",
    params(("export" = String, Path)),
    responses((status = 200, body = Export), (status = "default", body = ProblemBody)))]
pub(crate) async fn get(State(api): State<Api>, Path(export): Path<String>) -> Result<Response, Refused> {
    let entry = api.exports.find(&export)?;
    Ok(tagged(entry.export.meta.generation, &Export::from(&*entry)))
}

/// The file. A part of it with Range.
#[utoipa::path(get, path = "/v1/exports/{export}/content", operation_id = "export_download", tag = "vms",
    params(("export" = String, Path), ("Range" = Option<String>, Header)),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
              (status = 206, body = Vec<u8>, content_type = "application/octet-stream"),
              (status = "default", body = ProblemBody)))]
pub(crate) async fn download(
    State(api): State<Api>,
    Path(export): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let entry = api.exports.find(&export)?;
    let file = api.exports.open(&entry).await?;
    file::answer(file, &headers, &Export::from(&*entry).file_name).await.map_err(Refused)
}

/// Deletes an export's file from the server, or gives up one that is not done. Copies elsewhere stay good.
#[utoipa::path(delete, path = "/v1/exports/{export}", operation_id = "export_delete", tag = "vms",
    params(("export" = String, Path), ("If-Match" = String, Header)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
pub(crate) async fn delete(
    State(api): State<Api>,
    Path(export): Path<String>,
    ask: Ask,
    version: IfMatch,
    Maybe(Nothing {}): Maybe<Nothing>,
) -> Result<Response, Refused> {
    let entry = api.exports.find(&export)?;
    api.exports.delete(&ask.caller, entry, |entry| version.check(entry.export.meta.generation), None).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
