//! `cake bin …`

use crate::args::BinCommand;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{self, Align};
use crate::progress;
use cake_client::Client;
use cake_client::wire::BinItem;
use std::io::IsTerminal;

pub async fn run(context: &Context, command: BinCommand) -> Result<(), Failure> {
    match command {
        BinCommand::List => list(context).await,
        BinCommand::Restore { what, name } => restore(context, &what, name.as_deref()).await,
        BinCommand::Delete { what, yes } => delete(context, &what, yes).await,
    }
}

async fn list(context: &Context) -> Result<(), Failure> {
    let seen = context.client()?.bin().await?;
    let columns = [
        ("cli-col-name", Align::Text),
        ("cli-col-kind", Align::Text),
        ("cli-col-binned", Align::Text),
        ("cli-col-until", Align::Text),
        ("cli-col-size", Align::Number),
        ("cli-col-id", Align::Text),
    ];
    let rows = seen.items.iter().map(|item| {
        vec![
            item.name.clone(),
            output::known(context.words, &format!("kind-{}", item.kind), &item.kind),
            context.time(item.binned_at),
            context.time(item.until),
            item.size.to_string(),
            item.id.to_string(),
        ]
    });
    context.list(&seen.json, &columns, rows.collect())
}

/// By id, or by a name that only one thing in the bin has.
async fn find(client: &Client, what: &str) -> Result<BinItem, Failure> {
    let items = client.bin().await?.items;
    let mut found = items.into_iter().filter(|item| item.name == what || item.id.to_string() == what);
    match (found.next(), found.next()) {
        (Some(item), None) => Ok(item),
        (None, _) => Err(Failure::Usage("cli-wrong-not-in-bin", what.to_owned())),
        (Some(_), Some(_)) => Err(Failure::Usage("cli-wrong-several-in-bin", what.to_owned())),
    }
}

async fn restore(context: &Context, what: &str, name: Option<&str>) -> Result<(), Failure> {
    let client = context.client()?;
    let item = find(&client, what).await?;
    if item.kind == "vm" {
        let task = client.restore_vm(item.id, name).await?;
        let ended = progress::follow(context, &client, task, true).await?;
        if context.json {
            return output::print(&ended.json);
        }
    } else if item.kind == "volume" {
        client.restore_volume(item.id, name).await?;
    } else {
        client.restore_image(item.id).await?;
    }
    context.say("cli-restored", &[("name", name.unwrap_or(&item.name))]);
    Ok(())
}

async fn delete(context: &Context, what: &str, yes: bool) -> Result<(), Failure> {
    let client = context.client()?;
    let item = find(&client, what).await?;
    if !yes && std::io::stdin().is_terminal() && !context.json {
        let asks = match item.kind.as_str() {
            "volume" => "cli-volume-delete-confirm",
            "image" => "cli-image-delete-confirm",
            _ => "cli-vm-delete-confirm",
        };
        output::confirm(context, asks, &item.name)?;
    }
    let id = item.id.to_string();
    if item.kind == "vm" {
        let task = client.delete_vm(&client.vm(&id).await?).await?;
        progress::follow(context, &client, task, true).await?;
    } else if item.kind == "volume" {
        client.delete_volume(&client.volume(&id).await?).await?;
    } else {
        client.delete_image(&client.image(&id).await?).await?;
    }
    let said = match item.kind.as_str() {
        "volume" => "cli-volume-deleted",
        "image" => "cli-image-deleted",
        _ => "cli-vm-deleted",
    };
    context.say(said, &[("name", &item.name)]);
    Ok(())
}
