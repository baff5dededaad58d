//! `cake system …`

use crate::announcement;
use crate::args::{BackupsCommand, SystemCommand};
use crate::certificate;
use crate::context::Context;
use crate::failure::Failure;
use crate::fetch::{self, in_file};
use crate::output::{self, Align};
use crate::update;
use cake_client::Client;
use cake_types::ByteSize;
use std::fs::File;
use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

/// How long a cake that begins anew is waited for, and how often it is asked.
const ANEW_TRIES: u32 = 240;
const ANEW_PAUSE: Duration = Duration::from_millis(250);

pub async fn run(context: &Context, command: SystemCommand) -> Result<(), Failure> {
    match command {
        SystemCommand::Announcement => announcement::show(context).await,
        SystemCommand::Certificate(command) => certificate::run(context, command).await,
        SystemCommand::Backup { file, recovery_key_file } => backup(context, &file, recovery_key_file.as_deref()).await,
        SystemCommand::Backups(command) => backups(context, command).await,
        SystemCommand::Update(command) => update::run(context, command).await,
        SystemCommand::SupportBundle { file, yes } => support_bundle(context, &file, yes).await,
        SystemCommand::Restore { file, setup_token_file, recovery_key_file } => {
            let file = File::open(&file).map_err(|error| in_file(&file, &error))?;
            let token = secret(context, setup_token_file.as_deref(), "cli-ask-setup-token")?;
            let key = secret(context, recovery_key_file.as_deref(), "cli-ask-recovery-key")?;
            restore(context, file, &token, &key).await
        }
    }
}

/// From a file, or typed without echo.
pub fn secret(context: &Context, file: Option<&Path>, id: &'static str) -> Result<String, Failure> {
    match file {
        Some(path) => Ok(std::fs::read_to_string(path).map_err(|error| in_file(path, &error))?.trim().to_owned()),
        None if !std::io::stdin().is_terminal() => Err(Failure::Usage("cli-wrong-no-terminal-file", String::new())),
        None => Ok(rpassword::prompt_password(format!("{} ", context.text(id)))?),
    }
}

/// Makes a backup and saves it here. Where the recovery key is needed it is asked for.
async fn backup(context: &Context, file: &Path, key_file: Option<&Path>) -> Result<(), Failure> {
    if file.exists() {
        return Err(Failure::Usage("cli-wrong-exists", file.display().to_string()));
    }
    let client = context.client()?;
    let given = key_file.map(|path| secret(context, Some(path), "cli-ask-recovery-key")).transpose()?;
    let made = match client.create_backup(given.as_deref()).await {
        Err(error) if error.code() == Some("recovery-key-needed") && std::io::stdin().is_terminal() => {
            let key = secret(context, None, "cli-ask-recovery-key")?;
            client.create_backup(Some(&key)).await?
        }
        made => made?,
    };
    download(context, &client, made.id, file).await?;
    if context.json {
        return output::print(&made.json);
    }
    let facts = [("file", &*file.display().to_string()), ("size", &*made.size.to_string())];
    context.say("cli-backup-made", &facts);
    Ok(())
}

async fn download(context: &Context, client: &Client, id: uuid::Uuid, file: &Path) -> Result<(), Failure> {
    let text = id.to_string();
    fetch::to_file(context, (&id.simple().to_string(), &file.display().to_string()), file, |from| {
        client.download_backup(&text, from)
    })
    .await
}

async fn backups(context: &Context, command: BackupsCommand) -> Result<(), Failure> {
    let client = context.client()?;
    match command {
        BackupsCommand::List => {
            let seen = client.backups().await?;
            let columns = [
                ("cli-col-id", Align::Text),
                ("cli-col-made", Align::Text),
                ("cli-col-version", Align::Text),
                ("cli-col-size", Align::Number),
            ];
            let rows = seen.items.iter().map(|backup| {
                vec![
                    backup.id.to_string(),
                    context.time(Some(backup.made_at)),
                    backup.cake.clone(),
                    backup.size.to_string(),
                ]
            });
            context.list(&seen.json, &columns, rows.collect())
        }
        BackupsCommand::Download { backup, output: file } => {
            download(context, &client, backup, &file).await?;
            let facts = [("name", &*backup.to_string()), ("file", &*file.display().to_string())];
            context.say("cli-image-downloaded", &facts);
            Ok(())
        }
        BackupsCommand::Delete { backup } => {
            client.delete_backup(&backup.to_string()).await?;
            context.say("cli-backup-deleted", &[]);
            Ok(())
        }
    }
}

async fn restore(context: &Context, file: File, token: &str, key: &str) -> Result<(), Failure> {
    let (client, instance) = context.anonymous()?;
    let size = ByteSize(file.metadata()?.len());
    let sent = client.send_backup(token, file).await?;
    let facts = [("name", &*sent.name), ("time", &*context.time(Some(sent.made_at))), ("size", &*size.to_string())];
    context.say("cli-restore-sent", &facts);
    let restored = client.restore_backup(token, key).await?;
    for _ in 0..ANEW_TRIES {
        if client.setup_state().await.is_ok_and(|state| state.done) {
            break;
        }
        tokio::time::sleep(ANEW_PAUSE).await;
    }
    if context.json {
        return output::print(&restored.json);
    }
    context.say(
        "cli-system-restored",
        &[("name", &restored.name), ("url", &instance.url), ("count", &restored.vms.to_string())],
    );
    if restored.sealed_elsewhere > 0 {
        context.say("cli-system-sealed-elsewhere", &[("count", &restored.sealed_elsewhere.to_string())]);
    }
    Ok(())
}

/// Makes a bundle, says what it holds, and saves it here once that was seen. Nothing of it stays on the server.
async fn support_bundle(context: &Context, file: &Path, yes: bool) -> Result<(), Failure> {
    if file.exists() {
        return Err(Failure::Usage("cli-wrong-exists", file.display().to_string()));
    }
    let client = context.client()?;
    let made = client.create_support_bundle().await?;
    let columns = [("cli-col-file", Align::Text), ("cli-col-size", Align::Number)];
    if !context.json {
        let rows = made.files.iter().map(|held| vec![held.name.clone(), held.size.to_string()]);
        context.list(&made.json, &columns, rows.collect())?;
    }
    let id = made.id.to_string();
    let asks = !yes && !context.json && std::io::stdin().is_terminal();
    if asks && !output::agreed(context, "cli-support-ask")? {
        client.delete_support_bundle(&id).await?;
        return Err(Failure::NotConfirmed);
    }
    let name = file.display().to_string();
    fetch::to_file(context, (&made.id.simple().to_string(), &name), file, |from| {
        client.download_support_bundle(&id, from)
    })
    .await?;
    client.delete_support_bundle(&id).await?;
    if context.json {
        return output::print(&made.json);
    }
    context.say("cli-support-made", &[("file", &name), ("size", &made.size.to_string())]);
    Ok(())
}
