//! `/v1/system/update`: the firmware, where newer ones come from, and bringing them.

use super::Nothing;
use axum::extract::State;
use axum::response::Response;
use cake_control::board::NodeEntry;
use cake_control::updates::{NewSource, Wish};
use cake_types::{self as domain, UpdateSource, UpdateStatus};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ask::{Ask, IfMatch, answer_response, etag, tagged};
use crate::body::{Json, Maybe};
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;
use crate::v1::tasks::{Task, accepted};

/// The firmware of the servers.
#[derive(Serialize, ToSchema)]
pub struct Update {
    /// Where updates come from; absent: nobody said so.
    pub source: Option<UpdatePlace>,
    pub servers: Vec<UpdateServer>,
    /// For If-Match.
    pub etag: String,
}

#[derive(Serialize, ToSchema)]
pub struct UpdatePlace {
    /// The address of a repository.
    pub url: Option<String>,
    /// The file system on a stick that holds one.
    pub stick: Option<String>,
    /// What the stick is called.
    pub called: Option<String>,
}

/// A server and its firmware. One whose firmware is not cake's is not here.
#[derive(Serialize, ToSchema)]
pub struct UpdateServer {
    pub node: String,
    /// The version that runs.
    pub running: String,
    /// System disks that work; none: it was started from a stick or over the network.
    pub disks: u32,
    /// Versions on the system disks, the newest first.
    pub versions: Vec<UpdateVersion>,
    /// What the repository had when it was last asked since the server's agent was started.
    pub offer: Option<UpdateOffer>,
    pub work: Option<UpdateWork>,
    /// Why the system disks can't be looked at, in English.
    pub trouble: Option<String>,
    /// Whether the version that is next can start while VMs go on running, or why not: `possible`, `kernel`, `unreadable`, `memory`;
    /// absent where none is next.
    pub soft_reboot: Option<&'static str>,
}

#[derive(Serialize, ToSchema)]
pub struct UpdateVersion {
    pub version: String,
    /// `running`, `next` (tried at the next start), `previous` (what the server goes back to), `bad` (given up), `spare`.
    pub standing: &'static str,
    /// A start of it has been found good.
    pub good: bool,
    /// How many system disks have it.
    pub disks: u32,
    /// Why it was given up.
    pub failure: Option<UpdateFailure>,
}

#[derive(Serialize, ToSchema)]
pub struct UpdateFailure {
    /// `console`, `node`, `network`, `vms`, `state`, `asked`, `silent`.
    pub reason: &'static str,
    /// For support, in English.
    pub detail: Option<String>,
    #[schema(value_type = Option<String>, format = "date-time")]
    pub at: Option<Timestamp>,
}

#[derive(Serialize, ToSchema)]
pub struct UpdateOffer {
    #[schema(value_type = String, format = "date-time")]
    pub at: Timestamp,
    pub source: UpdatePlace,
    /// Until when the repository may be used.
    #[schema(value_type = String, format = "date-time")]
    pub expires: Timestamp,
    /// The newest first.
    pub releases: Vec<UpdateRelease>,
}

#[derive(Serialize, ToSchema)]
pub struct UpdateRelease {
    pub version: String,
    /// Of the Linux kernel in it.
    pub kernel: String,
    /// Bytes of the file. What the server has already is not fetched.
    pub size: u64,
    /// Why it can't be installed: `running`, `known-bad`, `too-old`, `failed-before`.
    pub refused: Option<&'static str>,
}

/// What the server is doing about its firmware.
#[derive(Serialize, ToSchema)]
pub struct UpdateWork {
    /// Whoever cancels it ends the work.
    pub task: Option<Uuid>,
    /// `checking`, `indexing`, `assembling`, `mirroring`, `verifying`.
    pub stage: &'static str,
    /// Bytes of this stage.
    pub done: u64,
    /// 0 where it is not known.
    pub total: u64,
    /// Bytes that came from the repository so far.
    pub fetched: u64,
}

/// Where updates come from: one of both, or neither for nowhere.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUpdatePlace {
    /// Below this address are `metadata` and `targets`; http or https.
    #[serde(default)]
    pub url: Option<String>,
    /// The id of a file system on a stick, as `/v1/nodes/{node}/sticks` has it.
    #[serde(default)]
    pub stick: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateWish {
    pub version: String,
}

impl From<&UpdateSource> for UpdatePlace {
    fn from(source: &UpdateSource) -> Self {
        match source {
            UpdateSource::Url { url } => Self { url: Some(url.clone()), stick: None, called: None },
            UpdateSource::Stick { stick, called } => {
                Self { url: None, stick: Some(stick.clone()), called: Some(called.clone()) }
            }
        }
    }
}

impl From<&domain::UpdateSlot> for UpdateVersion {
    fn from(slot: &domain::UpdateSlot) -> Self {
        let domain::UpdateSlot { version, standing, good, disks, failure } = slot;
        let failure = failure.as_ref().map(|domain::StartFailure { reason, detail, at }| UpdateFailure {
            reason: reason.as_str(),
            detail: detail.clone(),
            at: *at,
        });
        Self { version: version.clone(), standing: standing.as_str(), good: *good, disks: *disks, failure }
    }
}

impl From<&domain::UpdateOffer> for UpdateOffer {
    fn from(offer: &domain::UpdateOffer) -> Self {
        let domain::UpdateOffer { at, source, expires, releases } = offer;
        let release =
            |domain::UpdateRelease { version, kernel, size, refused }: &domain::UpdateRelease| UpdateRelease {
                version: version.clone(),
                kernel: kernel.clone(),
                size: size.bytes(),
                refused: refused.map(|reason| reason.as_str()),
            };
        Self { at: *at, source: source.into(), expires: *expires, releases: releases.iter().map(release).collect() }
    }
}

impl UpdateServer {
    fn new(api: &Api, entry: &NodeEntry, status: &UpdateStatus) -> Self {
        let UpdateStatus { running, disks, slots, offer, work, ended: _, trouble, soft } = status;
        let work = work.as_ref().map(|domain::UpdateWork { operation, stage, done, total, fetched }| {
            let its = |task: &&Arc<domain::Task>| task.goal.operation() == Some(*operation);
            UpdateWork {
                task: api.board.tasks().iter().find(its).map(|task| task.id.0),
                stage: stage.as_str(),
                done: done.bytes(),
                total: total.bytes(),
                fetched: fetched.bytes(),
            }
        });
        Self {
            node: entry.node.meta.name.to_string(),
            running: running.clone(),
            disks: *disks,
            versions: slots.iter().map(Into::into).collect(),
            offer: offer.as_ref().map(Into::into),
            work,
            trouble: trouble.clone(),
            soft_reboot: soft.map(|soft| soft.as_str()),
        }
    }
}

fn shown(api: &Api, settings: &domain::UpdateSettings) -> Response {
    let domain::UpdateSettings { generation, source } = settings;
    let nodes = api.board.nodes();
    let server = |entry: &Arc<NodeEntry>| {
        let status = entry.status.as_ref()?.host.as_ref()?.update.as_ref()?;
        Some(UpdateServer::new(api, entry, status))
    };
    let servers = nodes.iter().filter_map(server).collect();
    tagged(*generation, &Update { source: source.as_ref().map(Into::into), servers, etag: etag(*generation) })
}

/// Which versions the servers have, and what was last offered.
#[utoipa::path(get, path = "/v1/system/update", operation_id = "update_get", tag = "update",
    responses((status = 200, body = Update), (status = "default", body = ProblemBody)))]
pub(crate) async fn get(State(api): State<Api>) -> Result<Response, Refused> {
    Ok(shown(&api, &api.updates.get()))
}

/// Updates come from there from now on. Nothing is fetched before somebody checks.
#[utoipa::path(put, path = "/v1/system/update", operation_id = "update_source", tag = "update",
    request_body = NewUpdatePlace, params(("If-Match" = String, Header)),
    responses((status = 200, body = Update), (status = "default", body = ProblemBody)))]
pub(crate) async fn source(
    State(api): State<Api>,
    ask: Ask,
    seen: IfMatch,
    Json(NewUpdatePlace { url, stick }): Json<NewUpdatePlace>,
) -> Result<Response, Refused> {
    let new = NewSource { url, stick };
    let settings = api.updates.set(&ask.caller, new, |generation| seen.check(generation)).await?;
    Ok(shown(&api, &settings))
}

async fn order(api: &Api, ask: &Ask, wish: Wish) -> Result<Response, Refused> {
    let task = api.updates.order(&ask.caller, wish, &ask.keep(accepted)).await?;
    Ok(answer_response(accepted(&task)))
}

/// Asks the repository what it has. Nothing is installed.
#[utoipa::path(post, path = "/v1/system/update/check", operation_id = "update_check", tag = "update",
    params(("Idempotency-Key" = String, Header)),
    responses((status = 202, body = Task), (status = "default", body = ProblemBody)))]
pub(crate) async fn check(
    State(api): State<Api>,
    ask: Ask,
    Maybe(Nothing {}): Maybe<Nothing>,
) -> Result<Response, Refused> {
    order(&api, &ask, Wish::Check).await
}

/// Writes a version that was offered to every system disk. It runs from the next start on; nothing is restarted.
#[utoipa::path(post, path = "/v1/system/update/apply", operation_id = "update_apply", tag = "update",
    request_body = UpdateWish, params(("Idempotency-Key" = String, Header)),
    responses((status = 202, body = Task), (status = "default", body = ProblemBody)))]
pub(crate) async fn apply(
    State(api): State<Api>,
    ask: Ask,
    Json(UpdateWish { version }): Json<UpdateWish>,
) -> Result<Response, Refused> {
    order(&api, &ask, Wish::Apply(version)).await
}

/// From the next start on the version before this one runs, and this one is not tried again. Nothing is restarted.
#[utoipa::path(post, path = "/v1/system/update/go-back", operation_id = "update_go_back", tag = "update",
    params(("Idempotency-Key" = String, Header)),
    responses((status = 202, body = Task), (status = "default", body = ProblemBody)))]
pub(crate) async fn go_back(
    State(api): State<Api>,
    ask: Ask,
    Maybe(Nothing {}): Maybe<Nothing>,
) -> Result<Response, Refused> {
    order(&api, &ask, Wish::GoBack).await
}

/// Takes a version off the system disks; one that was given up can be installed again then. Never the one that runs.
#[utoipa::path(post, path = "/v1/system/update/remove", operation_id = "update_remove", tag = "update",
    request_body = UpdateWish, params(("Idempotency-Key" = String, Header)),
    responses((status = 202, body = Task), (status = "default", body = ProblemBody)))]
pub(crate) async fn remove(
    State(api): State<Api>,
    ask: Ask,
    Json(UpdateWish { version }): Json<UpdateWish>,
) -> Result<Response, Refused> {
    order(&api, &ask, Wish::Remove(version)).await
}
