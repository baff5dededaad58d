//! `/v1/pools`

use axum::extract::State;
use axum::response::Response;
use cake_control::board::PoolEntry;
use cake_types::{self as domain, Meta, PoolSpec, PoolStatus};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ask::{Params, ready_json};
use crate::page::Paging;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// A place where disks live.
#[derive(Serialize, ToSchema)]
pub struct Pool {
    pub id: Uuid,
    pub name: String,
    /// Where it is on the node.
    pub path: Option<String>,
    pub file_system: Option<String>,
    /// Bytes.
    pub size: Option<u64>,
    /// Bytes.
    pub free: Option<u64>,
    /// Disks are made from images without copying.
    pub reflink: Option<bool>,
    pub available: bool,
    /// Why it is not available, for support, in English.
    pub detail: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct PoolList {
    pub items: Vec<Pool>,
    pub next: Option<String>,
}

impl From<&PoolEntry> for Pool {
    fn from(entry: &PoolEntry) -> Self {
        let PoolEntry { pool: domain::Pool { meta, spec: PoolSpec { path: asked } }, status } = entry;
        let Meta { id, project: _, name, generation: _, created_at: _, updated_at: _ } = meta;
        let mut pool = Self {
            id: id.0,
            name: name.to_string(),
            path: asked.clone(),
            file_system: None,
            size: None,
            free: None,
            reflink: None,
            available: false,
            detail: None,
        };
        if let Some(PoolStatus { path, file_system, size, free, reflink, available, detail }) = status {
            pool.path = Some(path.clone());
            pool.file_system = Some(file_system.clone());
            pool.size = Some(size.bytes());
            pool.free = Some(free.bytes());
            pool.reflink = Some(*reflink);
            pool.available = *available;
            pool.detail = detail.clone();
        }
        pool
    }
}

/// All pools.
#[utoipa::path(get, path = "/v1/pools", operation_id = "pool_list", tag = "pools",
    params(("limit" = Option<usize>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = PoolList), (status = "default", body = ProblemBody)))]
pub(crate) async fn list(State(api): State<Api>, Params(page): Params<Paging>) -> Result<Response, Refused> {
    let all = api.board.pools();
    let (items, next) = page.part(all.iter().map(|entry| Pool::from(&**entry)), |pool| pool.id)?;
    Ok(ready_json(serde_json::to_vec(&PoolList { items, next }).expect("pools are JSON")))
}
