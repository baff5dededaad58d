//! `/v1/bin`: what was deleted and can be brought back.

use axum::extract::State;
use axum::response::Response;
use cake_control::board::{ImageEntry, VmEntry};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ask::{Params, etag, ready_json};
use crate::page::Paging;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// Something in the bin.
#[derive(Serialize, ToSchema)]
pub struct BinItem {
    /// `vm`, `image`.
    pub kind: &'static str,
    pub id: Uuid,
    /// As it was then.
    pub name: String,
    #[schema(value_type = String, format = "date-time")]
    pub binned_at: Timestamp,
    /// Then it is deleted for good.
    #[schema(value_type = String, format = "date-time")]
    pub until: Timestamp,
    /// What it keeps from others: bytes of disks, or of the image's file.
    pub size: u64,
    /// For If-Match.
    pub etag: String,
}

#[derive(Serialize, ToSchema)]
pub struct BinList {
    pub items: Vec<BinItem>,
    pub next: Option<String>,
}

fn vm(entry: &Arc<VmEntry>, days: SignedDuration) -> Option<BinItem> {
    let binned_at = entry.vm.spec.binned.filter(|_| entry.binned())?;
    let (meta, disks) = (&entry.vm.meta, &entry.vm.spec.disks);
    Some(BinItem {
        kind: "vm",
        id: meta.id.0,
        name: meta.name.to_string(),
        binned_at,
        until: binned_at + days,
        size: disks.iter().map(|disk| disk.size.bytes()).sum(),
        etag: etag(meta.generation),
    })
}

fn image(entry: &Arc<ImageEntry>, days: SignedDuration) -> Option<BinItem> {
    let binned_at = entry.image.binned?;
    let meta = &entry.image.meta;
    Some(BinItem {
        kind: "image",
        id: meta.id.0,
        name: meta.name.to_string(),
        binned_at,
        until: binned_at + days,
        size: entry.status.as_ref().map_or(0, |status| status.stored.bytes()),
        etag: etag(meta.generation),
    })
}

/// Everything in the bin, oldest first.
#[utoipa::path(get, path = "/v1/bin", operation_id = "bin_list", tag = "bin",
    params(("limit" = Option<usize>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = BinList), (status = "default", body = ProblemBody)))]
pub(crate) async fn list(State(api): State<Api>, Params(page): Params<Paging>) -> Result<Response, Refused> {
    let (limit, after) = (page.limit()?, page.cursor::<Uuid>()?);
    let days = SignedDuration::from_hours(24 * i64::from(api.settings.bin_days()));
    let (vms, images) = (api.board.vms(), api.board.images());
    let vms = vms.iter().filter_map(|entry| vm(entry, days));
    let mut items: Vec<BinItem> = vms.chain(images.iter().filter_map(|entry| image(entry, days))).collect();
    items.sort_by_key(|item| (item.binned_at, item.id));
    let start =
        after.map_or(0, |after| items.iter().position(|item| item.id == after).map_or(items.len(), |at| at + 1));
    let mut items: Vec<BinItem> = items.into_iter().skip(start).take(limit + 1).collect();
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|item| item.id.to_string());
    Ok(ready_json(serde_json::to_vec(&BinList { items, next }).expect("what is in the bin is JSON")))
}
