//! `/v1/system/backups`: the configuration to take away; `/v1/setup/backup` and `/v1/setup/restore`: and to bring back.

use super::Nothing;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use cake_control::backup::{self as control, bundle::Header, restore::Restored as ControlRestored};
use cake_control::caller::Answer;
use cake_types::Generation;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::ask::{Ask, IfMatch, Params, answer_response, etag, ready_json};
use crate::body::{Json, Maybe};
use crate::file;
use crate::page::Paging;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// The configuration in one file: Store, Journal and sealed secrets, encrypted so that the recovery key opens it.
#[derive(Serialize, ToSchema)]
pub struct Backup {
    pub id: Uuid,
    #[schema(value_type = String, format = "date-time")]
    pub made_at: Timestamp,
    /// The version of cake that made it.
    pub cake: String,
    /// Bytes of its file.
    pub size: u64,
    /// For If-Match.
    pub etag: String,
}

#[derive(Serialize, ToSchema)]
pub struct BackupList {
    pub items: Vec<Backup>,
    pub next: Option<String>,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBackup {
    /// Needed once, by a cloud that was set up before there were backups (`recovery-key-needed`).
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub recovery_key: Option<Zeroizing<String>>,
}

/// A backup that was sent, as its first lines tell. It is not opened yet.
#[derive(Serialize, ToSchema)]
pub struct ReceivedBackup {
    /// What its cloud called itself.
    pub name: String,
    #[schema(value_type = String, format = "date-time")]
    pub made_at: Timestamp,
    /// The version of cake that made it.
    pub cake: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreBackup {
    /// Of the cloud that made the backup: shown once when that was set up.
    #[schema(value_type = String)]
    pub recovery_key: Zeroizing<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Restored {
    /// What the cloud calls itself.
    pub name: String,
    #[schema(value_type = String, format = "date-time")]
    pub made_at: Timestamp,
    /// How many VMs it knows. Those whose disks are not on this server are shown as lost.
    pub vms: usize,
    /// Secrets that the recovery key did not open; they stay as they are.
    pub sealed_elsewhere: usize,
}

impl From<&control::Backup> for Backup {
    fn from(backup: &control::Backup) -> Self {
        let control::Backup { id, header, size } = backup;
        // A backup never changes.
        let etag = etag(Generation::FIRST);
        Self { id: *id, made_at: header.made_at, cake: header.cake.clone(), size: *size, etag }
    }
}

impl From<Header> for ReceivedBackup {
    fn from(header: Header) -> Self {
        Self { name: header.name, made_at: header.made_at, cake: header.cake }
    }
}

fn made(backup: &control::Backup) -> Answer {
    let body = serde_json::to_string(&Backup::from(backup)).expect("a backup is JSON");
    let location = Some(format!("/v1/system/backups/{}/content", backup.id));
    Answer { status: 201, etag: Some(etag(Generation::FIRST)), location, body }
}

/// The backups that are kept on the server to be fetched, oldest first: the last five.
#[utoipa::path(get, path = "/v1/system/backups", operation_id = "backup_list", tag = "system",
    params(("limit" = Option<usize>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = BackupList), (status = "default", body = ProblemBody)))]
pub(crate) async fn list(State(api): State<Api>, Params(page): Params<Paging>) -> Result<Response, Refused> {
    let all = api.backups.list();
    let (items, next) = page.part(&all, |backup| backup.id)?;
    let items = items.into_iter().map(Into::into).collect();
    Ok(ready_json(serde_json::to_vec(&BackupList { items, next }).expect("backups are JSON")))
}

/// Makes a backup of the configuration: everything but the disks of VMs and the images.
#[utoipa::path(post, path = "/v1/system/backups", operation_id = "backup_create", tag = "system", request_body = NewBackup,
    params(("Idempotency-Key" = String, Header)),
    responses((status = 201, body = Backup), (status = "default", body = ProblemBody)))]
pub(crate) async fn create(
    State(api): State<Api>,
    ask: Ask,
    Maybe(NewBackup { recovery_key }): Maybe<NewBackup>,
) -> Result<Response, Refused> {
    let backup = api.backups.create(&ask.caller, recovery_key, &ask.keep(made)).await?;
    Ok(answer_response(made(&backup)))
}

/// A backup's file. A part of it with Range.
#[utoipa::path(get, path = "/v1/system/backups/{backup}/content", operation_id = "backup_download", tag = "system",
    params(("backup" = String, Path), ("Range" = Option<String>, Header)),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
              (status = 206, body = Vec<u8>, content_type = "application/octet-stream"),
              (status = "default", body = ProblemBody)))]
pub(crate) async fn download(
    State(api): State<Api>,
    Path(backup): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let backup = api.backups.find(&backup)?;
    let file = api.backups.open(&backup)?;
    let name = format!("cake-{}.cakebackup", backup.header.made_at.strftime("%Y%m%d-%H%M%S"));
    file::answer(file, &headers, &name).await.map_err(Refused)
}

/// Deletes a backup from the server. Copies elsewhere stay good.
#[utoipa::path(delete, path = "/v1/system/backups/{backup}", operation_id = "backup_delete", tag = "system",
    params(("backup" = String, Path), ("If-Match" = String, Header)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
pub(crate) async fn delete(
    State(api): State<Api>,
    Path(backup): Path<String>,
    ask: Ask,
    version: IfMatch,
    Maybe(Nothing {}): Maybe<Nothing>,
) -> Result<Response, Refused> {
    let backup = api.backups.find(&backup)?;
    version.check(Generation::FIRST)?;
    api.backups.delete(&ask.caller, &backup).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Sends a backup's file to a cake that is not set up yet. Nothing is opened or changed; sent again it takes the place of the first.
#[utoipa::path(put, path = "/v1/setup/backup", operation_id = "setup_backup", tag = "setup", security(()),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    params(("X-Cake-Setup-Token" = String, Header)),
    responses((status = 200, body = ReceivedBackup), (status = "default", body = ProblemBody)))]
pub(crate) async fn receive(State(api): State<Api>, request: Request) -> Result<Response, Refused> {
    api.installation.must_keep()?;
    let header = api.restore.receive(request.into_body().into_data_stream()).await?;
    Ok(ready_json(serde_json::to_vec(&ReceivedBackup::from(header)).expect("a header is JSON")))
}

/// Makes the cloud of the backup that was sent this one. cake begins anew: ask `/v1/setup` until it is done.
///
/// No VM is started. Those that this server has are found again, the others are shown as lost.
#[utoipa::path(post, path = "/v1/setup/restore", operation_id = "setup_restore", tag = "setup", security(()),
    request_body = RestoreBackup,
    params(("Idempotency-Key" = String, Header), ("X-Cake-Setup-Token" = String, Header)),
    responses((status = 202, body = Restored), (status = "default", body = ProblemBody)))]
pub(crate) async fn restore(
    State(api): State<Api>,
    ask: Ask,
    Json(RestoreBackup { recovery_key }): Json<RestoreBackup>,
) -> Result<Response, Refused> {
    api.installation.must_keep()?;
    let ControlRestored { header, vms, sealed_elsewhere } = api.restore.restore(&ask.caller, recovery_key).await?;
    let restored = Restored { name: header.name, made_at: header.made_at, vms, sealed_elsewhere };
    let mut response = ready_json(serde_json::to_vec(&restored).expect("numbers and a name are JSON"));
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}
