//! `/v1/imports`: files on their way in.

use super::tasks::Progress;
use super::vm_wire::Failure;
use super::{Nothing, Size, word};
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use cake_control::board::ImportEntry;
use cake_control::caller::Answer;
use cake_control::imports as control;
use cake_node_api::staged;
use cake_types::{self as domain, Code, ImportSource, ImportSpec, ImportStatus, Meta, Problem, ProjectName, TaskGoal};
use data_encoding::BASE64;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ask::{Ask, IfMatch, InProject, Params, answer_response, etag, project, ready_json, tagged};
use crate::body::{Json, Maybe};
use crate::page::Paging;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// A file that becomes an image. When it has, the import is gone and `/v1/images` has the same id.
#[derive(Serialize, ToSchema)]
pub struct Import {
    pub id: Uuid,
    /// Of the image that it becomes.
    pub name: String,
    pub project: String,
    /// `upload`, `url`, `stick`.
    pub source: &'static str,
    pub url: Option<String>,
    /// What the stick was called, and the file on it.
    pub stick: Option<String>,
    pub path: Option<String>,
    /// Bytes.
    pub size: u64,
    /// What its maker says it must be.
    pub sha256: Option<String>,
    /// `linux`, `windows`, `other`.
    pub os: String,
    /// The pool's id.
    pub pool: Uuid,
    /// `pending`, `receiving`, `checking`, `converting`, `done`, `failed`, `ending`.
    pub state: &'static str,
    /// Of this state, in bytes.
    pub progress: Option<Progress>,
    pub failure: Option<Failure>,
    /// The task that tells of it.
    pub task: Option<Uuid>,
    /// Bytes of a chunk; the last may be shorter.
    pub chunk_size: u64,
    /// How many chunks the file has.
    pub chunks: u64,
    /// Only of a single import that is receiving: the chunks that are not here yet, as `[first, how many]`.
    pub missing: Option<Vec<[u64; 2]>>,
    #[schema(value_type = String, format = "date-time")]
    pub created_at: Timestamp,
    /// For If-Match.
    pub etag: String,
}

#[derive(Serialize, ToSchema)]
pub struct ImportList {
    pub items: Vec<Import>,
    pub next: Option<String>,
}

/// A file to be brought: either `size` for one that is sent in chunks, or `url` for one that is fetched, or `stick` and `path` for one
/// on a stick in the server (`/v1/nodes/{node}/sticks`).
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewImport {
    /// Of the image that it becomes.
    pub name: String,
    /// Bytes.
    #[serde(default)]
    pub size: Option<Size>,
    /// `http` or `https`, without a user name; never of the server itself.
    #[serde(default)]
    pub url: Option<String>,
    /// The stick's id.
    #[serde(default)]
    pub stick: Option<String>,
    /// The file on it, as it is listed.
    #[serde(default)]
    pub path: Option<String>,
    /// SHA-256 as its maker publishes it, hexadecimal.
    #[serde(default)]
    pub sha256: Option<String>,
    /// What will run in VMs made from it; `other` when left out. What a VM in one file (OVA) says of its system counts.
    #[serde(default)]
    pub os: Option<GuestOs>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GuestOs {
    Linux,
    Windows,
    Other,
}

impl From<GuestOs> for domain::GuestOs {
    fn from(os: GuestOs) -> Self {
        match os {
            GuestOs::Linux => Self::Linux,
            GuestOs::Windows => Self::Windows,
            GuestOs::Other => Self::Other,
        }
    }
}

impl NewImport {
    fn read(self, project: ProjectName) -> Result<control::NewImport, Problem> {
        let Self { name, size, url, stick, path, sha256, os } = self;
        let name = name.parse().map_err(|error| Problem::new(Code::BadName).with("reason", error).at("/name"))?;
        let from = match (size, url, stick, path) {
            (Some(size), None, None, None) => control::From::Upload(size.read("size")?),
            (None, Some(url), None, None) => control::From::Url(url),
            (None, None, Some(stick), Some(path)) => control::From::Stick { stick, path },
            (None, None, None, None) => return Err(Problem::invalid("size", "missing").at("/size")),
            (None, None, Some(_), None) => return Err(Problem::invalid("path", "missing").at("/path")),
            (None, None, None, Some(_)) => return Err(Problem::invalid("stick", "missing").at("/stick")),
            (_, _, None, None) => return Err(Problem::invalid("url", "either this or a size").at("/url")),
            _ => return Err(Problem::invalid("stick", "either this, a size or a url").at("/stick")),
        };
        let os = os.map_or(domain::GuestOs::Other, Into::into);
        Ok(control::NewImport { project, name, from, sha256, os })
    }
}

impl From<&domain::Import> for Import {
    fn from(import: &domain::Import) -> Self {
        let domain::Import { meta, spec } = import;
        let Meta { id, project, name, generation, created_at, updated_at: _ } = meta;
        let ImportSpec { source, size, sha256, pool, os, ending: _ } = spec;
        let (source, url, stick, path) = match source {
            ImportSource::Upload => ("upload", None, None, None),
            ImportSource::Url { url, etag: _ } => ("url", Some(url.clone()), None, None),
            ImportSource::Stick { stick: _, called, path, modified: _ } => {
                ("stick", None, Some(called.clone()), Some(path.clone()))
            }
        };
        Self {
            id: id.0,
            name: name.to_string(),
            project: project.to_string(),
            source,
            url,
            stick,
            path,
            size: size.bytes(),
            sha256: sha256.clone(),
            os: word(os),
            pool: pool.0,
            state: import.word(None),
            progress: None,
            failure: None,
            task: None,
            chunk_size: staged::CHUNK,
            chunks: staged::chunks(size.bytes()),
            missing: None,
            created_at: *created_at,
            etag: etag(*generation),
        }
    }
}

fn show(api: &Api, entry: &ImportEntry) -> Import {
    let mut import = Import::from(&entry.import);
    let mut tasks = api.board.tasks_of(entry.import.meta.id.0).into_iter();
    import.task = tasks.find(|task| task.goal == TaskGoal::Imported).map(|task| task.id.0);
    import.state = entry.import.word(entry.status.as_ref());
    if let Some(ImportStatus { observed: _, stage: _, done, total, failure }) = &entry.status {
        let moving = total.bytes() > 0;
        import.progress = moving.then(|| Progress { done: done.bytes(), total: total.bytes() });
        let shown = |failure: &domain::Failure| Failure { code: failure.code.as_str(), detail: failure.detail.clone() };
        import.failure = entry.failed.as_ref().or(failure.as_ref()).map(shown);
    }
    import
}

/// `[first, how many]` of those that are not here.
fn missing(received: &[bool]) -> Vec<[u64; 2]> {
    let mut runs: Vec<[u64; 2]> = Vec::new();
    for (chunk, _) in received.iter().enumerate().filter(|(_, here)| !**here) {
        match runs.last_mut() {
            Some([first, count]) if *first + *count == chunk as u64 => *count += 1,
            _ => runs.push([chunk as u64, 1]),
        }
    }
    runs
}

fn answer(import: &domain::Import) -> Answer {
    let body = serde_json::to_string(&Import::from(import)).expect("an import is JSON");
    let location = Some(format!("/v1/imports/{}", import.meta.id));
    Answer { status: 201, etag: Some(etag(import.meta.generation)), location, body }
}

/// All imports that are not over.
#[utoipa::path(get, path = "/v1/imports", operation_id = "import_list", tag = "images",
    params(("limit" = Option<usize>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = ImportList), (status = "default", body = ProblemBody)))]
pub(crate) async fn list(State(api): State<Api>, Params(page): Params<Paging>) -> Result<Response, Refused> {
    let all = api.board.imports();
    let (items, next) = page.part(all.iter().map(|entry| show(&api, entry)), |import| import.id)?;
    Ok(ready_json(serde_json::to_vec(&ImportList { items, next }).expect("imports are JSON")))
}

/// Begins an import. Its chunks follow; the task ends when the image is there.
#[utoipa::path(post, path = "/v1/imports", operation_id = "import_create", tag = "images", request_body = NewImport,
    params(("Idempotency-Key" = String, Header), ("project" = Option<String>, Query)),
    responses((status = 201, body = Import), (status = "default", body = ProblemBody)))]
pub(crate) async fn create(
    State(api): State<Api>,
    ask: Ask,
    Params(within): Params<InProject>,
    Json(new): Json<NewImport>,
) -> Result<Response, Refused> {
    let new = new.read(project(within.project.as_deref())?)?;
    let entry = api.imports.create(&ask.caller, new, &ask.keep(answer)).await?;
    Ok(answer_response(answer(&entry.import)))
}

/// One import, by id or name, with the chunks that are missing.
#[utoipa::path(get, path = "/v1/imports/{import}", operation_id = "import_get", tag = "images",
    params(("import" = String, Path)),
    responses((status = 200, body = Import), (status = "default", body = ProblemBody)))]
pub(crate) async fn get(State(api): State<Api>, Path(import): Path<String>) -> Result<Response, Refused> {
    let entry = api.imports.find(&import)?;
    let mut shown = show(&api, &entry);
    if shown.state == "receiving" {
        shown.missing = Some(missing(&api.imports.received(&entry).await?));
    }
    Ok(tagged(entry.import.meta.generation, &shown))
}

/// Sends a chunk: its bytes as they are. It is on the disk when this is answered, and may be sent again.
///
/// With `Content-Digest: sha-256=:…:` (RFC 9530) a chunk that was damaged on the way is refused.
#[utoipa::path(put, path = "/v1/imports/{import}/chunks/{chunk}", operation_id = "import_chunk", tag = "images",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    params(("import" = String, Path), ("chunk" = u64, Path), ("Content-Digest" = Option<String>, Header)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
pub(crate) async fn chunk(
    State(api): State<Api>,
    Path((import, chunk)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Refused> {
    let entry = api.imports.find(&import)?;
    let number = chunk.parse().map_err(|_| Problem::not_found("chunk", &chunk))?;
    let digest = digest(request.headers())?;
    api.imports.chunk(&entry, number, request.into_body().into_data_stream(), digest).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The digest that the sender vouches for.
fn digest(headers: &HeaderMap) -> Result<Option<control::Digest>, Problem> {
    let Some(value) = headers.get("content-digest") else { return Ok(None) };
    let bad = || Problem::new(Code::BadParameter).with("name", "Content-Digest").with("detail", "sha-256=:Base64:");
    let text = value.to_str().map_err(|_| bad())?;
    let sum = text.strip_prefix("sha-256=:").and_then(|rest| rest.strip_suffix(':')).ok_or_else(bad)?;
    let bytes = BASE64.decode(sum.as_bytes()).map_err(|_| bad())?;
    bytes.try_into().map(Some).map_err(|_| bad())
}

/// Gives an import up. What was received of it goes.
#[utoipa::path(delete, path = "/v1/imports/{import}", operation_id = "import_cancel", tag = "images",
    params(("import" = String, Path), ("If-Match" = String, Header)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
pub(crate) async fn cancel(
    State(api): State<Api>,
    Path(import): Path<String>,
    ask: Ask,
    version: IfMatch,
    Maybe(Nothing {}): Maybe<Nothing>,
) -> Result<Response, Refused> {
    let entry = api.imports.find(&import)?;
    api.imports.cancel(&ask.caller, entry, |entry| version.check(entry.import.meta.generation), None).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_in_runs() {
        assert_eq!(missing(&[false, false, true, false]), [[0, 2], [3, 1]]);
        assert!(missing(&[true, true]).is_empty());
    }

    #[test]
    fn digests() {
        let headers = |text: &str| HeaderMap::from_iter([("content-digest".parse().unwrap(), text.parse().unwrap())]);
        assert_eq!(digest(&HeaderMap::new()).unwrap(), None);
        let sum = digest(&headers("sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:")).unwrap();
        assert_eq!(sum.unwrap()[..2], [0xe3, 0xb0]);
        for text in ["sha-256=::", "sha-256=:AAAA:", "md5=:AAAA:", "x"] {
            assert_eq!(digest(&headers(text)).unwrap_err().code, Code::BadParameter, "{text}");
        }
    }
}
