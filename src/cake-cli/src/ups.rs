//! `cake ups …`

use crate::account;
use crate::args::{UpsCommand, UpsSetArgs};
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use cake_client::Seen;
use cake_client::wire::{Ups, UpsServer};
use serde_json::json;

pub async fn run(context: &Context, command: UpsCommand) -> Result<(), Failure> {
    let client = context.client()?;
    match command {
        UpsCommand::Show => show(context, &client.ups().await?),
        UpsCommand::Set(UpsSetArgs { host, port, name, user, password_stdin, minutes }) => {
            let password = match password_stdin {
                true => Some(account::password(context, true, "cli-ask-password")?),
                false => None,
            };
            let seen = client.ups().await?;
            let change = json!({ "host": host, "port": port, "name": name, "user": user, "password": password,
                                 "minutes": minutes });
            show(context, &client.set_ups(&seen, &change).await?)
        }
        UpsCommand::Remove => {
            let seen = client.ups().await?;
            show(context, &client.remove_ups(&seen).await?)
        }
    }
}

fn show(context: &Context, seen: &Seen<Ups>) -> Result<(), Failure> {
    if context.json {
        return output::print(&seen.json);
    }
    let Some(settings) = &seen.settings else {
        context.say("ups-none", &[]);
        return Ok(());
    };
    let place = format!("{}@{}:{}", settings.name, settings.host, settings.port);
    context.facts(
        "",
        &[
            ("cli-col-ups", Some(place)),
            ("cli-col-user", settings.user.clone()),
            ("cli-col-minutes", Some(settings.minutes.to_string())),
        ],
    )?;
    seen.servers.iter().try_for_each(|server| says(context, server))
}

/// What a server hears; a newer server's new words as they are.
fn says(context: &Context, server: &UpsServer) -> Result<(), Failure> {
    let word = |prefix: &str, word: &String| output::known(context.words, &format!("{prefix}{word}"), word);
    let comma = context.text("comma");
    let status: Vec<String> = server.status.iter().map(|flag| word("ups-flag-", flag)).collect();
    let percent = |value: u32| context.words.text_with("percent", &[("percent", &value.to_string())]);
    let left = |seconds: u32| context.words.text_with("ups-minutes-left", &[("minutes", &(seconds / 60).to_string())]);
    context.facts(
        "",
        &[
            ("cli-col-server", Some(server.node.clone())),
            ("ups-model", server.model.clone()),
            ("ups-says", (!status.is_empty()).then(|| status.join(comma))),
            ("ups-charge", server.charge.map(percent)),
            ("ups-runtime", server.runtime.map(left)),
            ("ups-load", server.load.map(percent)),
            ("ups-problem", server.problem.as_ref().map(|problem| word("ups-problem-", problem))),
            ("ups-names", (!server.offered.is_empty()).then(|| server.offered.join(comma))),
            ("ups-shutdown", server.shutdown.as_ref().map(|stage| word("ups-shutdown-", stage))),
        ],
    )
}
