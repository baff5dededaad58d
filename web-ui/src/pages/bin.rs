//! `GET /bin`: what was deleted and can be brought back.

use crate::data::{BinView, ConsoleData};
use crate::frame::{Frame, Inside};
use crate::live::Regions;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use cake_types::{ByteSize, bin_days};
use jiff::SignedDuration;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "bin.html")]
struct Page<'a> {
    f: &'a Frame,
    r: Regions,
    days: u32,
}

pub async fn page(State(data): State<Arc<dyn ConsoleData>>, Inside(f): Inside) -> Response {
    let r = super::regions(&data, &f, "/bin").await;
    let days = days(&data).await;
    f.page(&Page { f: &f, r, days })
}

async fn days(data: &Arc<dyn ConsoleData>) -> u32 {
    data.settings().await.map_or_else(bin_days, |view| view.settings.bin_days)
}

#[derive(Template)]
#[template(path = "parts/bin_rows.html")]
struct Rows<'a> {
    f: &'a Frame,
    items: Vec<Row>,
}

struct Row {
    kind: &'static str,
    /// The folder of its addresses in the API.
    folder: &'static str,
    icon: &'static str,
    id: String,
    name: String,
    binned_at: String,
    until: String,
    size: ByteSize,
    etag: String,
}

pub async fn regions(data: &Arc<dyn ConsoleData>, f: &Frame, regions: &mut Regions) {
    let days = SignedDuration::from_hours(24 * i64::from(days(data).await));
    let items = data.bin().await;
    let row = |item: &BinView| Row {
        kind: item.kind,
        folder: match item.kind {
            "vm" => "vms",
            "volume" => "volumes",
            _ => "images",
        },
        icon: match item.kind {
            "vm" => "vms",
            "volume" => "disks",
            _ => "images",
        },
        id: item.id.to_string(),
        name: item.name.to_string(),
        binned_at: f.time(&item.binned_at),
        until: f.date(&(item.binned_at + days)),
        size: item.size,
        etag: item.etag.clone(),
    };
    regions.add("bin-rows", &Rows { f, items: items.iter().map(row).collect() });
}
