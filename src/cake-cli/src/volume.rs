//! `cake volume …`

use crate::args::VolumeCommand;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{self, Align};
use crate::{fetch, progress, search};
use cake_client::wire::{NewVolume, Volume};
use cake_client::{Client, Seen};
use cake_types::ByteSize;
use std::io::IsTerminal;
use std::path::Path;

pub async fn run(context: &Context, command: VolumeCommand) -> Result<(), Failure> {
    match command {
        VolumeCommand::List => list(context).await,
        VolumeCommand::Show { volume } => show(context, &volume).await,
        VolumeCommand::Create { name, size, pool, tag } => {
            create(context, NewVolume { name, size, pool, tags: tag }).await
        }
        VolumeCommand::Grow { volume, size, no_wait } => grow(context, &volume, size, no_wait).await,
        VolumeCommand::Rename { volume, name } => rename(context, &volume, &name).await,
        VolumeCommand::Attach { volume, vm, no_wait } => {
            let client = context.client()?;
            let task = client.attach_volume(&volume, &vm).await?;
            progress::changed(context, &client, task, !no_wait, "cli-disk-attached", &[]).await
        }
        VolumeCommand::Detach { volume, no_wait } => detach(context, &volume, no_wait).await,
        VolumeCommand::Download { volume, output } => download(context, &volume, &output).await,
        VolumeCommand::Delete { volume, now, yes } => delete(context, &volume, now, yes).await,
        VolumeCommand::Tag(command) => {
            let (args, adds) = command.parts();
            let client = context.client()?;
            let volume = client.volume(&args.name).await?;
            let tags = search::changed(&volume.tags, &args.tag, adds);
            let volume = client.tag_volume(&volume, &tags).await?;
            search::say_tags(context, &volume.json, &volume.name, &volume.tags)
        }
    }
}

/// Where it is, in words: free, or the name of the VM and the number there.
fn place(context: &Context, volume: &Volume) -> String {
    let words = context.words;
    let state = output::known(words, &format!("state-{}", volume.state), &volume.state);
    match &volume.vm {
        Some(vm) => format!("{state} ({} {})", vm.name, vm.disk),
        None => state,
    }
}

async fn list(context: &Context) -> Result<(), Failure> {
    let client = context.client()?;
    let (seen, pools) = (client.volumes().await?, client.pools().await?);
    let columns = [
        ("cli-col-name", Align::Text),
        ("cli-col-state", Align::Text),
        ("cli-col-size", Align::Number),
        ("cli-col-pool", Align::Text),
        ("cli-col-id", Align::Text),
    ];
    let rows = seen.items.iter().map(|volume| {
        let pool = pools.items.iter().find(|pool| Some(pool.id) == volume.pool);
        vec![
            volume.name.clone(),
            place(context, volume),
            volume.size.to_string(),
            pool.map_or_else(|| "–".into(), |pool| pool.name.clone()),
            volume.id.to_string(),
        ]
    });
    context.list(&seen.json, &columns, rows.collect())
}

async fn show(context: &Context, volume: &str) -> Result<(), Failure> {
    let client = context.client()?;
    let seen = client.volume(volume).await?;
    let pools = client.pools().await?;
    let pool = pools.items.iter().find(|pool| Some(pool.id) == seen.pool);
    let failure = seen
        .failure
        .as_ref()
        .map(|failure| output::known(context.words, &format!("failure-{}", failure.code), &failure.code));
    context.facts(
        &seen.json,
        &[
            ("cli-col-name", Some(seen.name.clone())),
            ("cli-col-state", Some(place(context, &seen))),
            ("cli-col-size", Some(seen.size.to_string())),
            ("cli-col-pool", pool.map(|pool| pool.name.clone())),
            ("cli-col-tags", Some(seen.tags.join(context.words.text("comma"))).filter(|tags| !tags.is_empty())),
            ("cli-col-failure", failure),
            ("cli-col-id", Some(seen.id.to_string())),
        ],
    )
}

/// What was asked is in the Store; this says what its server made of it.
async fn said(context: &Context, client: &Client, volume: &Seen<Volume>, done: &'static str) -> Result<(), Failure> {
    let seen = client.volume_settled(volume.id).await?;
    if context.json {
        return output::print(&seen.json);
    }
    context.say(done, &[("name", &seen.name), ("size", &seen.size.to_string())]);
    if let Some(failure) = &seen.failure {
        let why = output::known(context.words, &format!("failure-{}", failure.code), &failure.code);
        context.say("cli-volume-waits", &[("name", &seen.name), ("why", &why)]);
    }
    Ok(())
}

async fn create(context: &Context, new: NewVolume) -> Result<(), Failure> {
    let client = context.client()?;
    let made = client.create_volume(&new).await?;
    said(context, &client, &made, "cli-volume-created").await
}

/// A volume in a VM grows as that VM's disk, so that the guest sees it.
async fn grow(context: &Context, volume: &str, size: ByteSize, no_wait: bool) -> Result<(), Failure> {
    let client = context.client()?;
    let seen = client.volume(volume).await?;
    if let Some(vm) = seen.vm.as_ref().filter(|_| seen.state == "attached") {
        let task = client.grow_disk(&client.vm(&vm.id.to_string()).await?, vm.disk, size).await?;
        return progress::changed(context, &client, task, !no_wait, "cli-disk-grown", &[]).await;
    }
    let grown = client.grow_volume(&seen, size).await?;
    said(context, &client, &grown, "cli-volume-grown").await
}

async fn rename(context: &Context, volume: &str, name: &str) -> Result<(), Failure> {
    let client = context.client()?;
    let renamed = client.rename_volume(&client.volume(volume).await?, name).await?;
    if context.json {
        return output::print(&renamed.json);
    }
    context.say("cli-volume-renamed", &[("name", &renamed.name)]);
    Ok(())
}

async fn detach(context: &Context, volume: &str, no_wait: bool) -> Result<(), Failure> {
    let client = context.client()?;
    let seen = client.volume(volume).await?;
    let Some(vm) = seen.vm.as_ref().filter(|_| seen.state == "attached") else {
        return Err(Failure::Usage("cli-wrong-not-attached", seen.name.clone()));
    };
    let task = client.detach_disk(&vm.id.to_string(), vm.disk, None).await?;
    progress::changed(context, &client, task, !no_wait, "cli-disk-detached", &[]).await
}

/// Fetches its bytes; what a download that broke off left is gone on with, unless the volume was changed since.
async fn download(context: &Context, volume: &str, output: &Path) -> Result<(), Failure> {
    let client = context.client()?;
    let seen = client.volume(volume).await?;
    let id = seen.id.to_string();
    let version: String = seen.etag.iter().flat_map(|etag| etag.chars()).filter(char::is_ascii_alphanumeric).collect();
    let part = format!("{}-{version}", seen.id.simple());
    fetch::to_file(context, (&part, &seen.name), output, |from| client.download_volume(&id, from)).await?;
    if context.json {
        return output::print(&seen.json);
    }
    context.say("cli-volume-downloaded", &[("name", &seen.name), ("file", &output.display().to_string())]);
    Ok(())
}

/// Into the bin; with `--now` for good, once its name was typed.
async fn delete(context: &Context, volume: &str, now: bool, yes: bool) -> Result<(), Failure> {
    let client = context.client()?;
    let seen = client.volume(volume).await?;
    if !now {
        client.bin_volume(&seen.id.to_string()).await?;
        context.say("cli-volume-binned", &[("name", &seen.name)]);
        return Ok(());
    }
    if !yes && std::io::stdin().is_terminal() && !context.json {
        output::confirm(context, "cli-volume-delete-confirm", &seen.name)?;
    }
    client.delete_volume(&seen).await?;
    context.say("cli-volume-deleted", &[("name", &seen.name)]);
    Ok(())
}
