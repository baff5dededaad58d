//! `cake vm export`, `cake vm exports …`

use crate::args::{ExportArgs, ExportsCommand};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{self, Align};
use crate::{fetch, progress};
use cake_client::wire::Export;
use cake_client::{Client, Seen};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Makes a file of a VM and, with a place for it, fetches it.
pub async fn export(context: &Context, args: ExportArgs) -> Result<(), Failure> {
    let ExportArgs { vm, format, output, no_wait } = args;
    if let Some(output) = output.as_deref() {
        refuse_existing(output)?;
    }
    let client = context.client()?;
    let begun = client.export_vm(&vm, &format).await?;
    progress::follow(context, &client, client.task(begun.task).await?, !no_wait).await?;
    if no_wait {
        return Ok(());
    }
    let done = client.export(&begun.id.to_string()).await?;
    match output {
        Some(output) => save(context, &client, &done, &output).await,
        None if context.json => output::print(&done.json),
        None => {
            let facts = [("name", done.name.clone()), ("id", done.id.to_string()), ("size", size(&done))];
            let facts: Vec<(&'static str, &str)> = facts.iter().map(|(name, text)| (*name, text.as_str())).collect();
            context.say("cli-vm-exported", &facts);
            Ok(())
        }
    }
}

pub async fn exports(context: &Context, command: ExportsCommand) -> Result<(), Failure> {
    let client = context.client()?;
    match command {
        ExportsCommand::List { vm } => list(context, &client, vm.as_deref()).await,
        ExportsCommand::Download { export, output } => {
            let seen = client.export(&export.to_string()).await?;
            let output = output.unwrap_or_else(|| PathBuf::from(&seen.file_name));
            refuse_existing(&output)?;
            save(context, &client, &seen, &output).await
        }
        ExportsCommand::Delete { export } => {
            let seen = client.export(&export.to_string()).await?;
            client.delete_export(&export.to_string()).await?;
            context.say("cli-export-deleted", &[("name", &seen.name)]);
            Ok(())
        }
    }
}

fn refuse_existing(output: &Path) -> Result<(), Failure> {
    match output.exists() {
        true => Err(Failure::Usage("cli-wrong-exists", output.display().to_string())),
        false => Ok(()),
    }
}

async fn list(context: &Context, client: &Client, vm: Option<&str>) -> Result<(), Failure> {
    // One that is deleted is known by its id alone.
    let vm = match vm.map(|text| text.parse::<Uuid>().map_err(|_| text)) {
        Some(Ok(id)) => Some(id),
        Some(Err(name)) => Some(client.vm(name).await?.id),
        None => None,
    };
    let seen = client.exports(vm).await?;
    let columns = [
        ("cli-col-id", Align::Text),
        ("cli-col-name", Align::Text),
        ("cli-col-format", Align::Text),
        ("cli-col-state", Align::Text),
        ("cli-col-size", Align::Number),
        ("cli-col-made", Align::Text),
        ("cli-col-expires", Align::Text),
    ];
    let rows = seen.items.iter().map(|export| {
        vec![
            export.id.to_string(),
            export.name.clone(),
            export.format.clone(),
            output::known(context.words, &format!("state-{}", export.state), &export.state),
            size(export),
            context.time(export.created_at),
            context.time(export.expires_at),
        ]
    });
    context.list(&seen.json, &columns, rows.collect())
}

fn size(export: &Export) -> String {
    export.size.map_or_else(|| "–".into(), |size| size.to_string())
}

/// Fetches the file; what a download that broke off left is gone on with.
async fn save(context: &Context, client: &Client, export: &Seen<Export>, output: &Path) -> Result<(), Failure> {
    let id = export.id.to_string();
    let part = export.id.simple().to_string();
    fetch::to_file(context, (&part, &export.name), output, |from| client.download_export(&id, from)).await?;
    if context.json {
        return output::print(&export.json);
    }
    context.say("cli-image-downloaded", &[("name", &export.name), ("file", &output.display().to_string())]);
    Ok(())
}
