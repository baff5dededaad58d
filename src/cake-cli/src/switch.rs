//! `cake switch …`

use crate::args::{SwitchAddArgs, SwitchCommand, SwitchSetArgs};
use crate::change::changes;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{self, Align};
use crate::pdu::community;
use crate::server::{agreed, host_and_port};
use cake_client::wire::{Switch, SwitchPort};
use cake_client::{Client, Seen};
use cake_types::authority;
use serde_json::{Value, json};

pub async fn run(context: &Context, command: SwitchCommand) -> Result<(), Failure> {
    let client = context.client()?;
    match command {
        SwitchCommand::List => list(context, &client).await,
        SwitchCommand::Show { switch } => show(context, &client.switch(&switch).await?),
        SwitchCommand::Add(args) => add(context, &client, args).await,
        SwitchCommand::Set(args) => set(context, &client, args).await,
        SwitchCommand::Remove { switch, yes } => remove(context, &client, &switch, yes).await,
        SwitchCommand::AcceptCabling { switch } => {
            let accepted = client.accept_cabling(&switch).await?;
            if context.json {
                return output::print(&accepted.json);
            }
            context.say("cli-switch-accepted", &[("name", &accepted.name)]);
            Ok(())
        }
    }
}

async fn list(context: &Context, client: &Client) -> Result<(), Failure> {
    let seen = client.switches().await?;
    let columns = [
        ("cli-col-name", Align::Text),
        ("pdu-health", Align::Text),
        ("switch-ports-up", Align::Number),
        ("switch-servers", Align::Number),
        ("pdu-address", Align::Text),
    ];
    let row = |switch: &Switch| {
        let count = |is: fn(&&SwitchPort) -> bool| switch.ports.iter().filter(is).count().to_string();
        vec![
            switch.name.clone(),
            context.word("server-health-", &switch.health),
            count(|port| port.up),
            count(|port| port.server.is_some()),
            authority(&switch.host, switch.port),
        ]
    };
    context.list(&seen.json, &columns, seen.items.iter().map(row).collect())
}

fn show(context: &Context, switch: &Seen<Switch>) -> Result<(), Failure> {
    let filled = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    context.facts(
        &switch.json,
        &[
            ("cli-col-name", Some(switch.name.clone())),
            ("pdu-health", Some(context.word("server-health-", &switch.health))),
            ("server-problem", switch.problem.as_ref().map(|problem| context.word("snmp-problem-", problem))),
            ("pdu-model", filled(&switch.description)),
            ("server-read-at", switch.read_at.map(|at| context.time(Some(at)))),
            ("pdu-address", Some(authority(&switch.host, switch.port))),
            ("server-note", filled(&switch.note)),
            ("cli-col-id", Some(switch.id.to_string())),
        ],
    )?;
    if context.json || switch.ports.is_empty() {
        return Ok(());
    }
    ports(context, &switch.ports)
}

fn ports(context: &Context, ports: &[SwitchPort]) -> Result<(), Failure> {
    let columns = [
        ("switch-port", Align::Text),
        ("switch-link", Align::Text),
        ("switch-leads-to", Align::Text),
        ("switch-errors", Align::Number),
        ("switch-changes", Align::Number),
    ];
    let row = |port: &SwitchPort| {
        let link = match (port.enabled, port.up, port.megabits) {
            (false, ..) => context.text("switch-shut").to_owned(),
            (true, false, _) => context.text("switch-down").to_owned(),
            (true, true, None) => context.text("switch-up").to_owned(),
            (true, true, Some(megabits)) => {
                context.words.text_with("switch-megabits", &[("megabits", &megabits.to_string())])
            }
        };
        let leads = port.server.as_ref().map(|server| server.name.clone());
        let leads = leads.or_else(|| port.neighbor.as_ref().map(|neighbor| neighbor.system.clone()));
        vec![
            port.name.clone(),
            link,
            leads.filter(|leads| !leads.is_empty()).unwrap_or_else(|| "–".into()),
            port.fresh_errors.to_string(),
            port.changes.to_string(),
        ]
    };
    context.list("", &columns, ports.iter().map(row).collect())
}

async fn add(context: &Context, client: &Client, args: SwitchAddArgs) -> Result<(), Failure> {
    let SwitchAddArgs { name, host, note, community_stdin } = args;
    let (host, port) = host_and_port(&host);
    let community = community(context, community_stdin, true)?.unwrap_or_default();
    let new =
        json!({ "name": name, "host": host, "port": port, "community": community, "note": note.unwrap_or_default() });
    let added = client.add_switch(&new).await?;
    let heard = client.switch_heard(&added.id.to_string()).await?;
    if context.json {
        return output::print(&heard.json);
    }
    match &heard.problem {
        Some(problem) => {
            let why = context.word("snmp-problem-", problem);
            context.say("cli-pdu-added-unheard", &[("name", &heard.name), ("why", &why)]);
        }
        None => {
            let count = heard.ports.len().to_string();
            context.say("cli-switch-added", &[("name", &heard.name), ("count", &count)]);
        }
    }
    Ok(())
}

async fn set(context: &Context, client: &Client, args: SwitchSetArgs) -> Result<(), Failure> {
    let SwitchSetArgs { switch, name, host, note, community_stdin } = args;
    let seen = client.switch(&switch).await?;
    let moved = host.as_deref().map(host_and_port);
    let community = community(context, community_stdin, moved.is_some())?;
    let (host, port) = moved.map_or((None, None), |(host, port)| (Some(host), port));
    let named = [
        ("name", name.map(Value::from)),
        ("host", host.map(Value::from)),
        ("port", port.map(Value::from)),
        ("community", community.map(Value::from)),
        ("note", note.map(Value::from)),
    ];
    let change = changes(named);
    if change.is_empty() {
        return show(context, &seen);
    }
    let changed = client.change_switch(&seen, &Value::Object(change)).await?;
    if context.json {
        return output::print(&changed.json);
    }
    context.say("cli-pdu-set", &[("name", &changed.name)]);
    Ok(())
}

async fn remove(context: &Context, client: &Client, switch: &str, yes: bool) -> Result<(), Failure> {
    let seen = client.switch(switch).await?;
    agreed(context, "cli-switch-remove-ask", &seen.name, yes)?;
    client.remove_switch(&seen).await?;
    context.say("cli-pdu-removed", &[("name", &seen.name)]);
    Ok(())
}
