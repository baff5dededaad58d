//! `cake setup …`: cake onto the disks of a server that was started from a stick.

use crate::args::{SetupCommand, TokenArg};
use crate::backup::secret;
use crate::context::Context;
use crate::failure::Failure;
use crate::fetch::in_file;
use crate::output::{self, Align};
use crate::system;
use cake_client::wire::{InstallationChoice, InstallationState};
use cake_client::{Client, Seen};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// Between two looks at an installation that takes minutes.
const LOOK: Duration = Duration::from_secs(1);

pub async fn run(context: &Context, command: SetupCommand) -> Result<(), Failure> {
    match command {
        SetupCommand::Status => system::setup(context).await,
        SetupCommand::Disks(token) => disks(context, &asker(context, &token)?).await,
        SetupCommand::Plan { file, token } => plan(context, &file, &asker(context, &token)?).await,
        SetupCommand::Install { file, token } => {
            let asker = asker(context, &token)?;
            asker.client.install(&asker.token, &read(&file)?).await?;
            follow(context, &asker).await
        }
        SetupCommand::Progress(token) => follow(context, &asker(context, &token)?).await,
        SetupCommand::Cancel(token) => {
            let Asker { client, token } = asker(context, &token)?;
            client.cancel_installation(&token).await?;
            context.say("cli-setup-cancelling", &[]);
            Ok(())
        }
        SetupCommand::Restart(token) => {
            let Asker { client, token } = asker(context, &token)?;
            client.restart_installed(&token).await?;
            context.say("cli-setup-restarting", &[]);
            Ok(())
        }
    }
}

/// Who has the wizard's token.
struct Asker {
    client: Client,
    token: String,
}

fn asker(context: &Context, TokenArg { setup_token_file }: &TokenArg) -> Result<Asker, Failure> {
    let (client, _) = context.anonymous()?;
    let token = secret(context, setup_token_file.as_deref(), "cli-ask-setup-token")?;
    Ok(Asker { client, token })
}

/// An answer file as the API takes it.
fn read(file: &Path) -> Result<Value, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| in_file(file, &error))?;
    let wrong = |error| Failure::Other(anyhow::anyhow!("{}: {error}", file.display()));
    toml::from_str(&text).map_err(wrong)
}

async fn disks(context: &Context, Asker { client, token }: &Asker) -> Result<(), Failure> {
    let seen = client.setup_disks(token).await?;
    let columns = [
        ("disk-serial", Align::Text),
        ("disk-model", Align::Text),
        ("cli-col-size", Align::Number),
        ("disk-health", Align::Text),
        ("cli-col-content", Align::Text),
        ("cli-col-proposed", Align::Text),
    ];
    let proposal = &seen.proposal;
    let rows = seen.items.iter().map(|disk| {
        let proposed =
            match (&disk.unfit_text, proposal.disks.contains(&disk.id), proposal.pool_disks.contains(&disk.id)) {
                (Some(why), _, _) => why.clone(),
                (None, true, _) => context.text("install-use-system").to_owned(),
                (None, false, true) => context.text("install-use-pool").to_owned(),
                (None, false, false) => context.text("install-use-none").to_owned(),
            };
        vec![
            disk.id.clone(),
            disk.model.clone().unwrap_or_default(),
            disk.size.to_string(),
            context.word("disk-verdict-", &disk.health.verdict),
            disk.content.text.clone(),
            proposed,
        ]
    });
    context.list(&seen.json, &columns, rows.collect())
}

async fn plan(context: &Context, file: &Path, Asker { client, token }: &Asker) -> Result<(), Failure> {
    let asked = read(file)?;
    let choice = serde_json::from_value::<InstallationChoice>(asked["install"].clone());
    let choice = choice.map_err(|error| Failure::Other(anyhow::anyhow!("{}: [install]: {error}", file.display())))?;
    let seen = client.plan_installation(token, &choice).await?;
    if context.json {
        return output::print(&seen.json);
    }
    let Some(plan) = &seen.plan else {
        let told = seen.refusals.iter().map(|refusal| format!("{}: {}", refusal.id, refusal.text));
        return Err(Failure::Told(told.collect::<Vec<_>>().join("\n")));
    };
    let columns = [
        ("cli-col-pool", Align::Text),
        ("cli-col-size", Align::Number),
        ("cli-col-raid", Align::Text),
        ("cli-col-disks", Align::Text),
    ];
    let rows = plan.pools.iter().map(|pool| {
        let level = pool.level.map(|level| level.to_string()).unwrap_or_default();
        vec![pool.name.clone(), pool.size.to_string(), level, pool.disks.join(", ")]
    });
    context.list(&seen.json, &columns, rows.collect())?;
    plan.warnings.iter().try_for_each(|warning| output::print(&warning.text))
}

/// Says each step once, then how it ended.
async fn follow(context: &Context, Asker { client, token }: &Asker) -> Result<(), Failure> {
    let mut told = 0;
    loop {
        let now = client.installation(token).await?;
        if now.phase != "running" {
            return end(context, &now);
        }
        if now.number != told && !context.json {
            told = now.number;
            let (number, of) = (now.number.to_string(), now.of.to_string());
            context.say("cli-setup-step", &[("number", &number), ("of", &of), ("step", &now.step_text)]);
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn end(context: &Context, now: &Seen<InstallationState>) -> Result<(), Failure> {
    if context.json {
        output::print(&now.json)?;
    }
    match now.phase.as_str() {
        "done" if context.json => Ok(()),
        "done" => {
            let key = now.recovery_key.as_deref().unwrap_or_default();
            context.say("cli-setup-installed", &[("key", key)]);
            Ok(())
        }
        "none" => Err(Failure::Told(context.text("problem-install-none").to_owned())),
        "cancelled" => Err(Failure::Told(context.text("install-cancelled").to_owned())),
        _ => {
            let said = now.detail.as_deref().unwrap_or_default();
            Err(Failure::Told(context.words.text_with("cli-setup-failed", &[("detail", said)])))
        }
    }
}
