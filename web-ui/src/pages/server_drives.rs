//! `GET /servers/{server}/drives`: the drives that the BMC knows, each with the button that lights it.

use super::server_log::{found, refused};
use crate::data::ConsoleData;
use crate::frame::{Frame, Inside};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use cake_types::BmcDrive;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "parts/server_drives.html")]
struct Drives<'a> {
    f: &'a Frame,
    server: String,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    model: String,
    serial: String,
    says: &'static str,
    /// What the button sends, and whether that lights it.
    button: Option<(String, bool)>,
}

pub async fn drives(State(data): State<Arc<dyn ConsoleData>>, Inside(f): Inside, Path(id): Path<String>) -> Response {
    let drives = match found(&data, &id).await {
        Ok(id) => data.server_drives(id).await.map(|drives| (id, drives)),
        Err(problem) => Err(problem),
    };
    match drives {
        Ok((id, drives)) => {
            let rows = drives.into_iter().map(|drive| row(&f, drive)).collect();
            f.page(&Drives { f: &f, server: id.to_string(), rows })
        }
        Err(problem) => refused(&f, &problem),
    }
}

fn row(f: &Frame, drive: BmcDrive) -> Row {
    let BmcDrive { id, name, model, serial, lit } = drive;
    let body = |on: bool| serde_json::json!({ "drive": id, "on": on }).to_string();
    Row {
        name,
        model,
        serial,
        says: f.t(match lit {
            Some(true) => "server-drive-lit",
            Some(false) => "server-drive-dark",
            None => "server-drive-no-light",
        }),
        button: lit.filter(|_| f.may_operate()).map(|lit| (body(!lit), !lit)),
    }
}
