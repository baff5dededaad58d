//! `/v1/images`

use super::{tags, word};
use axum::extract::{Path, State};
use axum::response::Response;
use cake_control::board::ImageEntry;
use cake_types::{self as domain, ImageSpec, ImageStatus, Meta};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ask::{Ask, IfMatch, Params, etag, ready_json, tagged};
use crate::body::Json;
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
    /// `raw`, `qcow2`, `kernel`.
    pub format: String,
    /// `linux`, `windows`, `other`.
    pub os: String,
    /// Firmware that it boots with, best first.
    pub firmware: Vec<String>,
    /// Bytes.
    pub min_memory: u64,
    /// Bytes; 0 for a kernel.
    pub virtual_size: u64,
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
    /// For If-Match.
    pub etag: String,
}

#[derive(Serialize, ToSchema)]
pub struct ImageList {
    pub items: Vec<Image>,
    pub next: Option<String>,
}

impl From<&ImageEntry> for Image {
    fn from(entry: &ImageEntry) -> Self {
        let ImageEntry { image: domain::Image { meta, spec, tags }, status } = entry;
        let Meta { id, project, name, generation, created_at: _, updated_at: _ } = meta;
        let ImageSpec { title, format, os, firmware, min_memory, virtual_size, sha256, built_in } = spec;
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
            sha256: sha256.clone(),
            built_in: *built_in,
            tags: tags.iter().map(ToString::to_string).collect(),
            available,
            stored,
            detail,
            etag: etag(*generation),
        }
    }
}

/// All images.
#[utoipa::path(get, path = "/v1/images", operation_id = "image_list", tag = "images",
    params(("limit" = Option<usize>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = ImageList), (status = "default", body = ProblemBody)))]
pub(crate) async fn list(State(api): State<Api>, Params(page): Params<Paging>) -> Result<Response, Refused> {
    let (limit, after) = (page.limit()?, page.cursor::<Uuid>()?);
    let all = api.board.images();
    let mut items: Vec<Image> = (all.iter().map(|entry| Image::from(&**entry)))
        .filter(|image| after.is_none_or(|after| image.id > after))
        .take(limit + 1)
        .collect();
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|image| image.id.to_string());
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
