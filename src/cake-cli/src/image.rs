//! `cake image …`

use crate::args::{AboutArgs, FetchArgs, FromStickArgs, ImageCommand, TagCommand, UploadArgs};
use crate::context::Context;
use crate::failure::Failure;
use crate::fetch::{self, bar, in_file};
use crate::output::{self, Align};
use crate::{progress, search, sticks};
use cake_client::Client;
use cake_client::wire::{Image, ImageMachine, Import, NewImport};
use cake_i18n::Words;
use cake_types::ByteSize;
use std::fs::File;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;

pub async fn run(context: &Context, command: ImageCommand) -> Result<(), Failure> {
    match command {
        ImageCommand::List => list(context).await,
        ImageCommand::Upload(args) => upload(context, args).await,
        ImageCommand::Fetch(args) => fetch(context, args).await,
        ImageCommand::FromStick(args) => from_stick(context, args).await,
        ImageCommand::Download { image, output } => download(context, &image, &output).await,
        ImageCommand::Delete { image, now, yes } => delete(context, &image, now, yes).await,
        ImageCommand::Tag(command) => tag(context, command).await,
    }
}

async fn list(context: &Context) -> Result<(), Failure> {
    let seen = context.client()?.images().await?;
    let words = context.words;
    let columns = [
        ("cli-col-name", Align::Text),
        ("cli-col-title", Align::Text),
        ("cli-col-os", Align::Text),
        ("cli-col-firmware", Align::Text),
        ("cli-col-least-memory", Align::Number),
        ("cli-col-disk", Align::Number),
        ("cli-col-machine", Align::Text),
    ];
    let rows = seen.items.iter().map(|image| {
        let title = image.title.get(words.tag()).or_else(|| image.title.get("en")).cloned().unwrap_or_default();
        let disk = ByteSize(image.disks().map(ByteSize::bytes).fold(0, u64::saturating_add));
        vec![
            image.name.clone(),
            title,
            output::known(words, &format!("os-{}", image.os), &image.os),
            image.firmware.join(words.text("comma")),
            image.min_memory.to_string(),
            if disk.bytes() == 0 { "–".into() } else { disk.to_string() },
            image.machine.as_ref().map_or_else(|| "–".into(), |machine| words_of(words, image, machine)),
        ]
    });
    context.list(&seen.json, &columns, rows.collect())
}

/// `2 vCPUs · 4 GiB · 2 disks`
fn words_of(words: &Words, image: &Image, machine: &ImageMachine) -> String {
    let counted = |id: &str, count: u64| words.text_with(id, &[("count", &count.to_string())]);
    let cpus = counted("count-cpus", machine.cpus.into());
    format!("{cpus} · {} · {}", machine.memory, counted("count-disks", image.disks().count() as u64))
}

/// Sends a file. Called again after it was interrupted it goes on where it was.
async fn upload(context: &Context, args: UploadArgs) -> Result<(), Failure> {
    let UploadArgs { name, file: path, about: AboutArgs { os, sha256 } } = args;
    let file = File::open(&path).map_err(|error| in_file(&path, &error))?;
    let size = ByteSize(file.metadata().map_err(|error| in_file(&path, &error))?.len());
    let client = context.client()?;
    let import = match begun(&client, &name, size).await? {
        Some(import) => import,
        None => {
            let new = NewImport { name: name.clone(), size: Some(size), sha256, os, ..NewImport::default() };
            let begun = client.begin_import(&new).await?;
            client.import_to_send(&begun.id.to_string()).await?.value
        }
    };
    let bar = bar(context, size.bytes()).with_message(name.clone());
    let sent = client.upload(&import, Arc::new(file), |done| bar.set_position(done)).await;
    bar.finish_and_clear();
    sent?;
    until_image(context, &client, &import, true).await
}

/// Lets the server fetch a file.
async fn fetch(context: &Context, args: FetchArgs) -> Result<(), Failure> {
    let FetchArgs { name, url, about: AboutArgs { os, sha256 }, no_wait } = args;
    begin(context, &NewImport { name, url: Some(url), sha256, os, ..NewImport::default() }, !no_wait).await
}

/// Lets the server take a file from a stick that is plugged into it.
async fn from_stick(context: &Context, args: FromStickArgs) -> Result<(), Failure> {
    let FromStickArgs { name, path, stick, about: AboutArgs { os, sha256 }, no_wait } = args;
    let stick = match stick {
        Some(stick) => stick,
        None => sticks::with_file(context, &path).await?,
    };
    let new = NewImport { name, stick: Some(stick), path: Some(path), sha256, os, ..NewImport::default() };
    begin(context, &new, !no_wait).await
}

/// An import that needs nothing more from here.
async fn begin(context: &Context, new: &NewImport, wait: bool) -> Result<(), Failure> {
    let client = context.client()?;
    let import = client.begin_import(new).await?;
    // With its task, which an answer to a beginning does not name.
    let import = client.import(&import.id.to_string()).await?;
    until_image(context, &client, &import, wait).await
}

/// Follows what the server makes of a file.
async fn until_image(context: &Context, client: &Client, import: &Import, wait: bool) -> Result<(), Failure> {
    let task = import.task.ok_or_else(|| anyhow::anyhow!("the import has no task"))?;
    progress::follow(context, client, client.task(task).await?, wait).await?;
    if !wait {
        return Ok(());
    }
    let image = client.image(&import.id.to_string()).await?;
    if context.json {
        return output::print(&image.json);
    }
    context.say("cli-image-uploaded", &[("name", &image.name)]);
    Ok(())
}

/// An upload of that name and length that waits for the rest.
async fn begun(client: &Client, name: &str, size: ByteSize) -> Result<Option<Import>, Failure> {
    let all = client.imports().await?;
    let same = |import: &&Import| {
        import.name == name && import.size == size && matches!(&*import.state, "pending" | "receiving")
    };
    match all.items.iter().find(same) {
        Some(import) => Ok(Some(client.import_to_send(&import.id.to_string()).await?.value)),
        None => Ok(None),
    }
}

/// Fetches an image's file; what a download that broke off left is gone on with.
async fn download(context: &Context, image: &str, output: &Path) -> Result<(), Failure> {
    let client = context.client()?;
    let seen = client.image(image).await?;
    let id = seen.id.to_string();
    fetch::to_file(context, (&seen.id.simple().to_string(), &seen.name), output, |from| {
        client.download_image(&id, from)
    })
    .await?;
    if context.json {
        return output::print(&seen.json);
    }
    context.say("cli-image-downloaded", &[("name", &seen.name), ("file", &output.display().to_string())]);
    Ok(())
}

/// Into the bin; with `--now` for good, once its name was typed.
async fn delete(context: &Context, image: &str, now: bool, yes: bool) -> Result<(), Failure> {
    let client = context.client()?;
    let seen = client.image(image).await?;
    if !now {
        client.bin_image(&seen.id.to_string()).await?;
        context.say("cli-image-binned", &[("name", &seen.name)]);
        return Ok(());
    }
    if !yes && std::io::stdin().is_terminal() && !context.json {
        output::confirm(context, "cli-image-delete-confirm", &seen.name)?;
    }
    client.delete_image(&seen).await?;
    context.say("cli-image-deleted", &[("name", &seen.name)]);
    Ok(())
}

async fn tag(context: &Context, command: TagCommand) -> Result<(), Failure> {
    let (args, adds) = command.parts();
    let client = context.client()?;
    let image = client.image(&args.name).await?;
    let tags = search::changed(&image.tags, &args.tag, adds);
    let image = client.tag_image(&image, &tags).await?;
    search::say_tags(context, &image.json, &image.name, &image.tags)
}
