//! `cake server drives` and `cake server disk-light`: which disk is it?

use crate::context::Context;
use crate::failure::Failure;
use crate::output::{self, Align};
use cake_client::Client;
use cake_client::wire::ServerDrive;

pub async fn list(context: &Context, client: &Client, server: &str) -> Result<(), Failure> {
    let seen = client.server_drives(server).await?;
    let columns = [
        ("cli-col-name", Align::Text),
        ("server-drive-model", Align::Text),
        ("server-drive-serial", Align::Text),
        ("server-drive-light", Align::Text),
    ];
    let row = |drive: &ServerDrive| {
        let light = match drive.lit {
            Some(true) => context.text("server-on"),
            Some(false) => context.text("server-off"),
            None => "–",
        };
        vec![drive.name.clone(), drive.model.clone(), drive.serial.clone(), light.to_owned()]
    };
    context.list(&seen.json, &columns, seen.items.iter().map(row).collect())
}

pub async fn light(context: &Context, client: &Client, server: &str, drive: &str, on: bool) -> Result<(), Failure> {
    let seen = client.server_drive_light(server, drive, on).await?;
    if context.json {
        return output::print(&seen.json);
    }
    context.say(if on { "cli-server-disk-lit" } else { "cli-server-disk-dark" }, &[("drive", &seen.name)]);
    Ok(())
}
