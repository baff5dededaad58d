//! `/v1/servers/{server}/firmware`, `bios` and `media`: what a server's BMC knows and does by Redfish.

use super::servers::find;
use axum::extract::{Path, State};
use axum::response::Response;
use cake_types as domain;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ask::{Ask, answer_response, plain};
use crate::body::{Json, Maybe};
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// A piece of firmware and its version.
#[derive(Serialize, ToSchema)]
pub struct ServerFirmware {
    pub id: String,
    pub name: String,
    pub version: String,
    /// The BMC can write another one.
    pub updateable: bool,
}

#[derive(Serialize, ToSchema)]
pub struct ServerFirmwareList {
    pub items: Vec<ServerFirmware>,
}

impl From<domain::BmcFirmware> for ServerFirmware {
    fn from(firmware: domain::BmcFirmware) -> Self {
        let domain::BmcFirmware { id, name, version, updateable } = firmware;
        Self { id, name, version, updateable }
    }
}

/// The versions of the server's firmware, asked of its BMC now. By Redfish only.
#[utoipa::path(get, path = "/v1/servers/{server}/firmware", operation_id = "server_firmware", tag = "servers",
    params(("server" = String, Path)),
    responses((status = 200, body = ServerFirmwareList), (status = "default", body = ProblemBody)))]
pub(crate) async fn firmware(State(api): State<Api>, Path(server): Path<String>) -> Result<Response, Refused> {
    let found = api.servers.firmware(&*find(&api, &server)?).await?;
    Ok(answer_response(plain(&ServerFirmwareList { items: found.into_iter().map(Into::into).collect() })))
}

/// A setting of the BIOS, by its maker's own name.
#[derive(Serialize, ToSchema)]
pub struct ServerBiosSetting {
    pub name: String,
    pub value: String,
    /// What it will be after the next start, where that is something else.
    pub pending: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ServerBios {
    pub items: Vec<ServerBiosSetting>,
}

impl From<domain::BiosSetting> for ServerBiosSetting {
    fn from(setting: domain::BiosSetting) -> Self {
        let domain::BiosSetting { name, value, pending } = setting;
        Self { name, value, pending }
    }
}

/// The settings of the server's BIOS, asked of its BMC now. By Redfish only.
#[utoipa::path(get, path = "/v1/servers/{server}/bios", operation_id = "server_bios", tag = "servers",
    params(("server" = String, Path)),
    responses((status = 200, body = ServerBios), (status = "default", body = ProblemBody)))]
pub(crate) async fn bios(State(api): State<Api>, Path(server): Path<String>) -> Result<Response, Refused> {
    let found = api.servers.bios(&*find(&api, &server)?).await?;
    Ok(answer_response(plain(&ServerBios { items: found.into_iter().map(Into::into).collect() })))
}

/// A slot for a CD or stick that the machine sees and the BMC fetches.
#[derive(Serialize, ToSchema)]
pub struct ServerMedium {
    pub id: String,
    pub name: String,
    /// `CD`, `DVD`, `Floppy`, `USBStick`.
    pub kinds: Vec<String>,
    /// Where what is in it is fetched from; absent: it is empty.
    pub image: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ServerMedia {
    pub items: Vec<ServerMedium>,
}

impl From<domain::BmcMedium> for ServerMedium {
    fn from(medium: domain::BmcMedium) -> Self {
        let domain::BmcMedium { id, name, kinds, image } = medium;
        Self { id, name, kinds, image }
    }
}

/// The slots for virtual media, asked of the server's BMC now. By Redfish only.
#[utoipa::path(get, path = "/v1/servers/{server}/media", operation_id = "server_media", tag = "servers",
    params(("server" = String, Path)),
    responses((status = 200, body = ServerMedia), (status = "default", body = ProblemBody)))]
pub(crate) async fn media(State(api): State<Api>, Path(server): Path<String>) -> Result<Response, Refused> {
    let found = api.servers.media(&*find(&api, &server)?).await?;
    Ok(answer_response(plain(&ServerMedia { items: found.into_iter().map(Into::into).collect() })))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MediumInsert {
    /// Where the BMC fetches it from: `http` or `https`, at most 2048 bytes, without user and password.
    pub image: String,
    /// The slot's id or name; the one for CDs when left out.
    #[serde(default)]
    pub slot: Option<String>,
}

/// Puts a CD or stick in that the BMC fetches from an address, read-only.
#[utoipa::path(post, path = "/v1/servers/{server}/media/insert", operation_id = "server_media_insert", tag = "servers",
    request_body = MediumInsert, params(("server" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = ServerMedium), (status = "default", body = ProblemBody)))]
pub(crate) async fn insert(
    State(api): State<Api>,
    Path(server): Path<String>,
    ask: Ask,
    Json(MediumInsert { image, slot }): Json<MediumInsert>,
) -> Result<Response, Refused> {
    let entry = find(&api, &server)?;
    let medium = api.servers.insert_medium(&ask.caller, &entry, slot.as_deref(), &image).await?;
    Ok(answer_response(plain(&ServerMedium::from(medium))))
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MediumEject {
    /// The slot's id or name; the one for CDs when left out.
    #[serde(default)]
    pub slot: Option<String>,
}

/// Takes out what is in a slot.
#[utoipa::path(post, path = "/v1/servers/{server}/media/eject", operation_id = "server_media_eject", tag = "servers",
    request_body(content = Option<MediumEject>), params(("server" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = ServerMedium), (status = "default", body = ProblemBody)))]
pub(crate) async fn eject(
    State(api): State<Api>,
    Path(server): Path<String>,
    ask: Ask,
    Maybe(MediumEject { slot }): Maybe<MediumEject>,
) -> Result<Response, Refused> {
    let entry = find(&api, &server)?;
    let medium = api.servers.eject_medium(&ask.caller, &entry, slot.as_deref()).await?;
    Ok(answer_response(plain(&ServerMedium::from(medium))))
}
