//! `/v1/images`

use super::{Nothing, tags, word};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use cake_control::board::ImageEntry;
use cake_control::caller::Answer;
use cake_types::{self as domain, ImageFormat, ImageMachine, ImageSpec, ImageStatus, Meta};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ask::{Ask, IfMatch, Params, answer_response, etag, ready_json, tagged};
use crate::body::{Json, Maybe};
use crate::file;
use crate::page::Paging;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// What VMs are made from.
#[derive(Serialize, ToSchema)]
pub struct Image {
    pub id: Uuid,
    pub name: String,
    pub project: String,
    /// By language tag; `en` is always there.
    pub title: BTreeMap<String, String>,
    /// `raw`, `qcow2`, `iso`, `kernel`.
    pub format: String,
    /// `linux`, `windows`, `other`.
    pub os: String,
    /// Firmware that it boots with, best first.
    pub firmware: Vec<String>,
    /// Bytes.
    pub min_memory: u64,
    /// Bytes; 0 for a kernel.
    pub virtual_size: u64,
    /// Bytes of the disks behind the first, as a guest sees them. A VM that is made from it has all of them.
    pub more_disks: Vec<u64>,
    /// The machine that it came with: what a new VM is like where nothing else is asked.
    pub machine: Option<Machine>,
    pub sha256: String,
    pub built_in: bool,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// The node has the file, and it is what its description says.
    pub available: bool,
    /// Bytes that it takes on the node.
    pub stored: Option<u64>,
    /// Why it is not available, for support, in English.
    pub detail: Option<String>,
    /// In the bin since then.
    #[schema(value_type = Option<String>, format = "date-time")]
    pub binned_at: Option<Timestamp>,
    /// For If-Match.
    pub etag: String,
}

/// What the description of a VM in one file says of it.
#[derive(Serialize, ToSchema)]
#[schema(as = ImageMachine)]
pub struct Machine {
    /// What it was called, where that can be a name here.
    pub name: Option<String>,
    pub cpus: u32,
    /// Bytes.
    pub memory: u64,
    /// `bios`, `uefi`.
    pub firmware: String,
    pub secure_boot: bool,
    pub tpm: bool,
    /// Its disks and network cards are what any system has drivers for, and not virtio.
    pub everyday: bool,
    /// Network cards.
    pub nics: u32,
}

impl From<&ImageMachine> for Machine {
    fn from(machine: &ImageMachine) -> Self {
        let ImageMachine { name, cpus, memory, firmware, secure_boot, tpm, everyday, nics } = machine;
        Self {
            name: name.as_ref().map(ToString::to_string),
            cpus: *cpus,
            memory: memory.bytes(),
            firmware: word(firmware),
            secure_boot: *secure_boot,
            tpm: *tpm,
            everyday: *everyday,
            nics: *nics,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct ImageList {
    pub items: Vec<Image>,
    pub next: Option<String>,
}

impl From<&ImageEntry> for Image {
    fn from(entry: &ImageEntry) -> Self {
        let ImageEntry { image: domain::Image { meta, spec, binned, tags }, status } = entry;
        let Meta { id, project, name, generation, created_at: _, updated_at: _ } = meta;
        let ImageSpec { title, format, os, firmware, min_memory, virtual_size, sha256, built_in, more_disks, machine } =
            spec;
        let (stored, available, detail) = match status {
            Some(ImageStatus { stored, available, detail }) => (Some(stored.bytes()), *available, detail.clone()),
            None => (None, false, None),
        };
        Self {
            id: id.0,
            name: name.to_string(),
            project: project.to_string(),
            title: title.clone(),
            format: word(format),
            os: word(os),
            firmware: firmware.iter().map(word).collect(),
            min_memory: min_memory.bytes(),
            virtual_size: virtual_size.bytes(),
            more_disks: more_disks.iter().map(|size| size.bytes()).collect(),
            machine: machine.as_ref().map(Machine::from),
            sha256: sha256.clone(),
            built_in: *built_in,
            tags: tags.iter().map(ToString::to_string).collect(),
            available,
            stored,
            detail,
            binned_at: *binned,
            etag: etag(*generation),
        }
    }
}

/// All images.
#[utoipa::path(get, path = "/v1/images", operation_id = "image_list", tag = "images",
    params(("limit" = Option<usize>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = ImageList), (status = "default", body = ProblemBody)))]
pub(crate) async fn list(State(api): State<Api>, Params(page): Params<Paging>) -> Result<Response, Refused> {
    let all = api.board.images();
    let listed = all.iter().filter(|entry| entry.image.binned.is_none());
    let (items, next) = page.part(listed.map(|entry| Image::from(&**entry)), |image| image.id)?;
    Ok(ready_json(serde_json::to_vec(&ImageList { items, next }).expect("images are JSON")))
}

/// One image, by id or name.
#[utoipa::path(get, path = "/v1/images/{image}", operation_id = "image_get", tag = "images",
    params(("image" = String, Path)),
    responses((status = 200, body = Image, headers(("ETag" = String))), (status = "default", body = ProblemBody)))]
pub(crate) async fn get(State(api): State<Api>, Path(image): Path<String>) -> Result<Response, Refused> {
    let entry = api.images.find(&image)?;
    Ok(tagged(entry.image.meta.generation, &Image::from(&*entry)))
}

/// Puts an image into the bin, where it is kept until its time is over.
#[utoipa::path(post, path = "/v1/images/{image}/bin", operation_id = "image_bin", tag = "bin",
    params(("image" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Image), (status = "default", body = ProblemBody)))]
pub(crate) async fn bin(
    State(api): State<Api>,
    Path(image): Path<String>,
    ask: Ask,
    Maybe(Nothing {}): Maybe<Nothing>,
) -> Result<Response, Refused> {
    move_it(&api, &ask, &image, true).await
}

/// Brings an image back from the bin.
#[utoipa::path(post, path = "/v1/images/{image}/restore", operation_id = "image_restore", tag = "bin",
    params(("image" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Image), (status = "default", body = ProblemBody)))]
pub(crate) async fn restore(
    State(api): State<Api>,
    Path(image): Path<String>,
    ask: Ask,
    Maybe(Nothing {}): Maybe<Nothing>,
) -> Result<Response, Refused> {
    move_it(&api, &ask, &image, false).await
}

async fn move_it(api: &Api, ask: &Ask, image: &str, binned: bool) -> Result<Response, Refused> {
    let entry = api.images.find(image)?;
    let image = api.images.set_binned(&ask.caller, entry.image.meta.id, binned, &ask.keep(moved)).await?;
    Ok(answer_response(moved(&image)))
}

/// Without what only the node knows.
fn moved(image: &domain::Image) -> Answer {
    let shown = Image::from(&ImageEntry { image: image.clone(), status: None });
    let body = serde_json::to_string(&shown).expect("an image is JSON");
    Answer { status: 200, etag: Some(etag(image.meta.generation)), location: None, body }
}

/// Deletes an image for good. Disks that were made from it stay as they are.
#[utoipa::path(delete, path = "/v1/images/{image}", operation_id = "image_delete", tag = "images",
    params(("image" = String, Path), ("If-Match" = String, Header)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
pub(crate) async fn delete(
    State(api): State<Api>,
    Path(image): Path<String>,
    ask: Ask,
    version: IfMatch,
    Maybe(Nothing {}): Maybe<Nothing>,
) -> Result<Response, Refused> {
    let entry = api.images.find(&image)?;
    api.images.delete(&ask.caller, entry, |entry| version.check(entry.image.meta.generation)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The image's file: a disk as raw bytes, or a CD; the first disk of one that has several. A part of it with Range.
#[utoipa::path(get, path = "/v1/images/{image}/content", operation_id = "image_download", tag = "images",
    params(("image" = String, Path), ("Range" = Option<String>, Header)),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
              (status = 206, body = Vec<u8>, content_type = "application/octet-stream"),
              (status = "default", body = ProblemBody)))]
pub(crate) async fn download(
    State(api): State<Api>,
    Path(image): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let entry = api.images.find(&image)?;
    let file = api.images.open(&entry).await?;
    let ending = if entry.image.spec.format == ImageFormat::Iso { "iso" } else { "raw" };
    file::answer(file, &headers, &format!("{}.{ending}", entry.image.meta.id)).await.map_err(Refused)
}

/// What shall be different.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImagePatch {
    /// All of them: at most 16, each 1 to 63 of a–z, 0–9, `-`, `.` and `_`.
    #[serde(default)]
    pub tags: Option<Vec<String>>,
}

/// Changes what people say about an image.
#[utoipa::path(patch, path = "/v1/images/{image}", operation_id = "image_update", tag = "images",
    request_body = ImagePatch, params(("image" = String, Path), ("If-Match" = String, Header)),
    responses((status = 200, body = Image, headers(("ETag" = String))), (status = "default", body = ProblemBody)))]
pub(crate) async fn update(
    State(api): State<Api>,
    Path(image): Path<String>,
    ask: Ask,
    seen: IfMatch,
    Json(ImagePatch { tags: texts }): Json<ImagePatch>,
) -> Result<Response, Refused> {
    let mut entry = api.images.find(&image)?;
    if let Some(texts) = texts {
        let check = |generation| seen.check(generation);
        entry = api.images.set_tags(&ask.caller, entry.image.meta.id, tags(&texts)?, check).await?;
    }
    Ok(tagged(entry.image.meta.generation, &Image::from(&*entry)))
}
