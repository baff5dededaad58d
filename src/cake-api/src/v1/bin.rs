//! `/v1/bin`: what was deleted and can be brought back.

use axum::extract::State;
use axum::response::Response;
use cake_control::board::Binned;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ask::{Params, etag, ready_json};
use crate::page::Paging;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// Something in the bin.
#[derive(Serialize, ToSchema)]
pub struct BinItem {
    /// `vm`, `image`, `volume`.
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

fn item(binned: Binned, days: SignedDuration) -> BinItem {
    let Binned { kind, id, name, at, size, generation } = binned;
    BinItem {
        kind,
        id,
        name: name.to_string(),
        binned_at: at,
        until: at + days,
        size: size.bytes(),
        etag: etag(generation),
    }
}

/// Everything in the bin, oldest first.
#[utoipa::path(get, path = "/v1/bin", operation_id = "bin_list", tag = "bin",
    params(("limit" = Option<usize>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = BinList), (status = "default", body = ProblemBody)))]
pub(crate) async fn list(State(api): State<Api>, Params(page): Params<Paging>) -> Result<Response, Refused> {
    let (limit, after) = (page.limit()?, page.cursor::<Uuid>()?);
    let days = SignedDuration::from_hours(24 * i64::from(api.settings.bin_days()));
    let all = api.board.bin();
    let start = after.map_or(0, |after| all.iter().position(|item| item.id == after).map_or(all.len(), |at| at + 1));
    let mut items: Vec<BinItem> =
        all.into_iter().skip(start).take(limit + 1).map(|binned| item(binned, days)).collect();
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|item| item.id.to_string());
    Ok(ready_json(serde_json::to_vec(&BinList { items, next }).expect("what is in the bin is JSON")))
}
