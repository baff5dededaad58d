//! `GET /servers/{server}/firmware`, `/bios` and `/media`: what the BMC tells by Redfish, asked when somebody opens it.

use super::server_log::{found, refused};
use crate::data::ConsoleData;
use crate::frame::{Frame, Inside};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use cake_types::{BiosSetting, BmcFirmware, BmcMedium, Problem, ServerId};
use std::sync::Arc;

type Data = State<Arc<dyn ConsoleData>>;

#[derive(Template)]
#[template(path = "parts/server_firmware.html")]
struct Firmware<'a> {
    f: &'a Frame,
    rows: Vec<BmcFirmware>,
}

#[derive(Template)]
#[template(path = "parts/server_bios.html")]
struct Bios<'a> {
    f: &'a Frame,
    rows: Vec<BiosSetting>,
}

#[derive(Template)]
#[template(path = "parts/server_media.html")]
struct Media<'a> {
    f: &'a Frame,
    server: String,
    rows: Vec<Slot>,
}

struct Slot {
    medium: BmcMedium,
    kinds: String,
    /// What the button sends that takes out what is in.
    eject: String,
}

pub async fn firmware(State(data): Data, Inside(f): Inside, Path(id): Path<String>) -> Response {
    let rows = match found(&data, &id).await {
        Ok(id) => data.server_firmware(id).await,
        Err(problem) => Err(problem),
    };
    match rows {
        Ok(rows) => f.page(&Firmware { f: &f, rows }),
        Err(problem) => refused(&f, &problem),
    }
}

pub async fn bios(State(data): Data, Inside(f): Inside, Path(id): Path<String>) -> Response {
    let rows = match found(&data, &id).await {
        Ok(id) => data.server_bios(id).await,
        Err(problem) => Err(problem),
    };
    match rows {
        Ok(rows) => f.page(&Bios { f: &f, rows }),
        Err(problem) => refused(&f, &problem),
    }
}

pub async fn media(State(data): Data, Inside(f): Inside, Path(id): Path<String>) -> Response {
    match slots(&data, &f, &id).await {
        Ok((id, rows)) => f.page(&Media { f: &f, server: id.to_string(), rows }),
        Err(problem) => refused(&f, &problem),
    }
}

async fn slots(data: &Arc<dyn ConsoleData>, f: &Frame, id: &str) -> Result<(ServerId, Vec<Slot>), Problem> {
    let id = found(data, id).await?;
    let slot = |medium: BmcMedium| Slot {
        kinds: medium.kinds.join(f.t("comma")),
        eject: serde_json::json!({ "slot": medium.id }).to_string(),
        medium,
    };
    Ok((id, data.server_media(id).await?.into_iter().map(slot).collect()))
}
