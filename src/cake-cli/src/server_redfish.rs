//! `cake server firmware`, `bios` and `media`: what a BMC knows and does by Redfish.

use crate::args::MediaCommand;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{self, Align};
use cake_client::wire::{ServerBiosSetting, ServerFirmware, ServerMedium};
use cake_client::{Client, Seen};

pub async fn firmware(context: &Context, client: &Client, server: &str) -> Result<(), Failure> {
    let seen = client.server_firmware(server).await?;
    let columns = [("cli-col-name", Align::Text), ("server-firmware-version", Align::Text)];
    let row = |one: &ServerFirmware| vec![one.name.clone(), one.version.clone()];
    context.list(&seen.json, &columns, seen.items.iter().map(row).collect())
}

pub async fn bios(context: &Context, client: &Client, server: &str) -> Result<(), Failure> {
    let seen = client.server_bios(server).await?;
    let columns =
        [("server-bios-setting", Align::Text), ("cli-col-value", Align::Text), ("server-bios-pending", Align::Text)];
    let row = |one: &ServerBiosSetting| {
        vec![one.name.clone(), one.value.clone(), one.pending.clone().unwrap_or_else(|| "–".into())]
    };
    context.list(&seen.json, &columns, seen.items.iter().map(row).collect())
}

pub async fn media(context: &Context, client: &Client, command: MediaCommand) -> Result<(), Failure> {
    match command {
        MediaCommand::List { server } => {
            let seen = client.server_media(&server).await?;
            let columns = [
                ("cli-col-name", Align::Text),
                ("server-media-kinds", Align::Text),
                ("server-media-image", Align::Text),
            ];
            let row = |one: &ServerMedium| {
                let kinds = one.kinds.join(context.text("comma"));
                vec![one.name.clone(), kinds, one.image.clone().unwrap_or_else(|| "–".into())]
            };
            context.list(&seen.json, &columns, seen.items.iter().map(row).collect())
        }
        MediaCommand::Insert { server, url, slot } => {
            say(context, "cli-server-media-in", &client.server_media_insert(&server, &url, slot.as_deref()).await?)
        }
        MediaCommand::Eject { server, slot } => {
            say(context, "cli-server-media-out", &client.server_media_eject(&server, slot.as_deref()).await?)
        }
    }
}

fn say(context: &Context, words: &'static str, seen: &Seen<ServerMedium>) -> Result<(), Failure> {
    if context.json {
        return output::print(&seen.json);
    }
    context.say(words, &[("slot", &seen.name)]);
    Ok(())
}
