//! `/v1/servers/{server}/drives` and `drive-light`: which disk is it?

use super::servers::find;
use axum::extract::{Path, State};
use axum::response::Response;
use cake_types as domain;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ask::{Ask, answer_response, plain};
use crate::body::Json;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// A drive, as the server's BMC knows it.
#[derive(Serialize, ToSchema)]
pub struct ServerDrive {
    pub id: String,
    pub name: String,
    pub model: String,
    pub serial: String,
    /// Its light is lit; absent where it has none, or the BMC does not say.
    pub lit: Option<bool>,
}

#[derive(Serialize, ToSchema)]
pub struct ServerDrives {
    pub items: Vec<ServerDrive>,
}

impl From<domain::BmcDrive> for ServerDrive {
    fn from(drive: domain::BmcDrive) -> Self {
        let domain::BmcDrive { id, name, model, serial, lit } = drive;
        Self { id, name, model, serial, lit }
    }
}

/// The drives that the server's BMC knows, asked now. By Redfish only.
#[utoipa::path(get, path = "/v1/servers/{server}/drives", operation_id = "server_drives", tag = "servers",
    params(("server" = String, Path)),
    responses((status = 200, body = ServerDrives), (status = "default", body = ProblemBody)))]
pub(crate) async fn list(State(api): State<Api>, Path(server): Path<String>) -> Result<Response, Refused> {
    let drives = api.servers.drives(&*find(&api, &server)?).await?;
    Ok(answer_response(plain(&ServerDrives { items: drives.into_iter().map(Into::into).collect() })))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DriveLight {
    /// The drive's id, serial number or name.
    pub drive: String,
    pub on: bool,
}

/// Lights the light by which somebody finds the drive, or puts it out.
#[utoipa::path(post, path = "/v1/servers/{server}/drive-light", operation_id = "server_drive_light", tag = "servers",
    request_body = DriveLight, params(("server" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = ServerDrive), (status = "default", body = ProblemBody)))]
pub(crate) async fn light(
    State(api): State<Api>,
    Path(server): Path<String>,
    ask: Ask,
    Json(DriveLight { drive, on }): Json<DriveLight>,
) -> Result<Response, Refused> {
    let drive = api.servers.light_drive(&ask.caller, &*find(&api, &server)?, &drive, on).await?;
    Ok(answer_response(plain(&ServerDrive::from(drive))))
}
