//! `GET /images`: what VMs are made from, and what is on its way to become that.

use super::sticks;
use crate::data::{ConsoleData, ImageView, ImportView};
use crate::frame::{Frame, Inside};
use crate::live::Regions;
use crate::show;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use cake_types::{ByteSize, ImageMachine, ImageSpec, ImportSource, ImportStage};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "images.html")]
struct Page<'a> {
    f: &'a Frame,
    r: Regions,
}

pub async fn page(State(data): State<Arc<dyn ConsoleData>>, Inside(f): Inside) -> Response {
    let r = super::regions(&data, &f, "/images").await;
    f.page(&Page { f: &f, r })
}

#[derive(Template)]
#[template(path = "parts/image_rows.html")]
struct Rows<'a> {
    f: &'a Frame,
    images: Vec<Row>,
}

struct Row {
    id: String,
    name: String,
    title: String,
    format: &'static str,
    os: &'static str,
    firmware: String,
    min_memory: ByteSize,
    /// Of all its disks.
    virtual_size: Option<ByteSize>,
    /// What its machine was.
    machine: Option<String>,
    stored: Option<ByteSize>,
    /// `None` until the node has looked at it.
    available: Option<bool>,
    detail: Option<String>,
    sha256: String,
    built_in: bool,
    tags: Vec<String>,
    /// As a field takes them.
    tags_text: String,
    etag: String,
}

#[derive(Template)]
#[template(path = "parts/import_rows.html")]
struct ImportRows<'a> {
    f: &'a Frame,
    imports: Vec<ImportRow>,
}

struct ImportRow {
    id: String,
    name: String,
    /// `pending`, `receiving`, `checking`, `converting`, `done`, `failed`, `ending`.
    stage: &'static str,
    percent: Option<u64>,
    done: ByteSize,
    size: ByteSize,
    /// While the server fetches it.
    fetched_from: Option<String>,
    /// While the server reads it from a stick: what that is called.
    from_stick: Option<String>,
    etag: String,
}

pub async fn regions(data: &Arc<dyn ConsoleData>, f: &Frame, regions: &mut Regions) {
    let mut images = data.images().await;
    images.sort_by(|a, b| a.image.meta.name.cmp(&b.image.meta.name));
    let mut imports = data.imports().await;
    imports.retain(|view| !is_settled(view));
    imports.sort_by_key(|view| view.import.meta.id);
    if f.may_manage() {
        sticks::region(data, f, regions).await;
    }
    regions.add("import-rows", &ImportRows { f, imports: imports.iter().map(|view| import_row(view)).collect() });
    regions.add("image-rows", &Rows { f, images: images.iter().map(|view| row(f, view)).collect() });
}

/// The title in the reader's language; `en` is always there.
pub fn title(f: &Frame, view: &ImageView) -> String {
    let titles = &view.image.spec.title;
    titles
        .get(f.words.language().tag())
        .or_else(|| titles.get("en"))
        .cloned()
        .unwrap_or_else(|| view.image.meta.name.to_string())
}

/// `2 vCPUs · 4 GiB · 2 disks`
pub fn machine(f: &Frame, spec: &ImageSpec, machine: &ImageMachine) -> String {
    let (cpus, disks) = (f.tv("count-cpus", "count", machine.cpus), f.tv("count-disks", "count", spec.disks()));
    format!("{cpus} · {} · {disks}", machine.memory)
}

fn row(f: &Frame, view: &ImageView) -> Row {
    let (meta, spec) = (&view.image.meta, &view.image.spec);
    Row {
        id: meta.id.to_string(),
        name: meta.name.to_string(),
        title: title(f, view),
        format: f.words.image_format(spec.format),
        os: f.words.guest_os(spec.os),
        firmware: spec
            .firmware
            .iter()
            .map(|&firmware| f.words.firmware(firmware))
            .collect::<Vec<_>>()
            .join(f.t("comma")),
        min_memory: spec.min_memory,
        virtual_size: Some(spec.all_disks()).filter(|size| size.bytes() > 0),
        machine: spec.machine.as_ref().map(|known| machine(f, spec, known)),
        stored: view.status.as_ref().map(|status| status.stored),
        available: view.status.as_ref().map(|status| status.available),
        detail: view.status.as_ref().and_then(|status| status.detail.clone()),
        sha256: spec.sha256.clone(),
        built_in: spec.built_in,
        tags: view.image.tags.iter().map(ToString::to_string).collect(),
        tags_text: show::tags(&view.image.tags),
        etag: view.etag.clone(),
    }
}

/// Only its record is left to be cleared away: it is an image already, or has said why it is none.
fn is_settled(view: &ImportView) -> bool {
    view.import.spec.ending && view.status.as_ref().is_none_or(|status| status.stage.is_over())
}

fn import_row(view: &ImportView) -> ImportRow {
    let (meta, spec) = (&view.import.meta, &view.import.spec);
    let moving = view.status.as_ref().filter(|status| status.total.bytes() > 0);
    let received = match &view.status {
        Some(status) if status.stage == ImportStage::Receiving => status.done,
        Some(_) => spec.size,
        None => ByteSize(0),
    };
    let stage = view.import.word(view.status.as_ref());
    ImportRow {
        id: meta.id.to_string(),
        name: meta.name.to_string(),
        stage,
        percent: moving.map(|status| show::percent(status.done, status.total)),
        done: received,
        size: spec.size,
        fetched_from: host(&spec.source).filter(|_| stage == ImportStage::Receiving.as_str()),
        from_stick: stick(&spec.source).filter(|_| stage == ImportStage::Receiving.as_str()),
        etag: view.etag.clone(),
    }
}

fn stick(source: &ImportSource) -> Option<String> {
    let ImportSource::Stick { called, .. } = source else { return None };
    Some(called.clone())
}

/// What of an address people need to see; the rest may be long, or a secret.
fn host(source: &ImportSource) -> Option<String> {
    let ImportSource::Url { url, .. } = source else { return None };
    let after = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
    Some(after.split(['/', '?', '#']).next().unwrap_or_default().to_owned())
}
