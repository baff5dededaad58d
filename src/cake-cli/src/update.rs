//! `cake system update …`: the firmware of the server.

use crate::args::UpdateCommand;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{self, Align};
use crate::progress;
use cake_client::wire::{UpdateRelease, UpdateServer, UpdateVersion};
use cake_client::{Client, Seen, wire};
use cake_types::SoftReboot;

pub async fn run(context: &Context, command: UpdateCommand) -> Result<(), Failure> {
    let client = context.client()?;
    match command {
        UpdateCommand::Status => show(context, &client.update().await?),
        UpdateCommand::Source { url, stick, none: _ } => {
            let seen = client.update().await?;
            show(context, &client.set_update_source(&seen, url.as_deref(), stick.as_deref()).await?)
        }
        UpdateCommand::Check { no_wait } => {
            progress::follow(context, &client, client.check_update().await?, !no_wait).await?;
            if no_wait { Ok(()) } else { offered(context, &client.update().await?) }
        }
        UpdateCommand::Apply { version, no_wait } => apply(context, &client, version, !no_wait).await,
        UpdateCommand::GoBack { yes } => {
            if !yes && !context.json && !output::agreed(context, "cli-update-go-back-ask")? {
                return Err(Failure::NotConfirmed);
            }
            let ended = progress::follow(context, &client, client.go_back_update().await?, true).await?;
            restart(context, &client, &ended).await
        }
        UpdateCommand::Remove { version } => {
            progress::follow(context, &client, client.remove_update(&version).await?, true).await?;
            show(context, &client.update().await?)
        }
    }
}

/// Without a version the newest one that was offered.
async fn apply(context: &Context, client: &Client, version: Option<String>, wait: bool) -> Result<(), Failure> {
    let seen = client.update().await?;
    let newest = || seen.servers.iter().find_map(UpdateServer::newest).map(|release| release.version.clone());
    let Some(version) = version.or_else(newest) else {
        context.say("update-nothing-newer", &[]);
        return Ok(());
    };
    let ended = progress::follow(context, client, client.apply_update(&version).await?, wait).await?;
    if wait { restart(context, client, &ended).await } else { Ok(()) }
}

/// How the version starts that is next now.
async fn restart(context: &Context, client: &Client, ended: &Seen<wire::Task>) -> Result<(), Failure> {
    if context.json {
        return output::print(&ended.json);
    }
    context.say("cli-update-restart", &[]);
    client.update().await?.servers.iter().for_each(|server| soft(context, server));
    Ok(())
}

/// Whether VMs go on running then.
fn soft(context: &Context, server: &UpdateServer) {
    let Some(word) = &server.soft_reboot else { return };
    println!("{}", context.word("soft-reboot-", word));
    if word == SoftReboot::Possible.as_str() {
        context.say("cli-update-soft", &[("node", &server.node)]);
    }
}

fn show(context: &Context, seen: &Seen<wire::Update>) -> Result<(), Failure> {
    if context.json {
        return output::print(&seen.json);
    }
    let source = seen.source.as_ref().and_then(|source| source.url.clone().or_else(|| source.called.clone()));
    context.facts("", &[("update-source", source.clone())])?;
    if source.is_none() {
        context.say("cli-update-no-source", &[]);
    }
    for server in &seen.servers {
        let columns = [("update-version", Align::Text), ("update-standing", Align::Text), ("update-note", Align::Text)];
        context.list(&seen.json, &columns, server.versions.iter().map(|version| row(context, version)).collect())?;
        soft(context, server);
    }
    Ok(())
}

fn row(context: &Context, version: &UpdateVersion) -> Vec<String> {
    let UpdateVersion { version, standing, good, disks: _, failure } = version;
    let note = match failure {
        Some(failure) => context.word("start-", &failure.reason),
        None if *good => String::new(),
        None => context.text("update-untried").to_owned(),
    };
    vec![version.clone(), context.word("slot-", standing), note]
}

fn offered(context: &Context, seen: &Seen<wire::Update>) -> Result<(), Failure> {
    if context.json {
        return output::print(&seen.json);
    }
    for server in &seen.servers {
        let releases = server.offer.iter().flat_map(|offer| &offer.releases);
        let columns = [
            ("update-version", Align::Text),
            ("update-kernel", Align::Text),
            ("update-size", Align::Number),
            ("update-note", Align::Text),
        ];
        let row = |release: &UpdateRelease| {
            let refused = release.refused.as_deref().map(|reason| context.word("release-", reason));
            vec![release.version.clone(), release.kernel.clone(), release.size.to_string(), refused.unwrap_or_default()]
        };
        context.list(&seen.json, &columns, releases.map(row).collect())?;
        match server.newest() {
            Some(newest) => context.say("cli-update-newest", &[("version", &newest.version)]),
            None => context.say("update-nothing-newer", &[]),
        }
    }
    Ok(())
}
