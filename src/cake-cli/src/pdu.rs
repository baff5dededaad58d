//! `cake pdu …`

use crate::account;
use crate::args::{PduAddArgs, PduArgs, PduCommand, PduSetArgs};
use crate::change::changes;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{self, Align};
use crate::server::{agreed, host_and_port};
use cake_client::wire::{Pdu, PduInput, PduOutlet};
use cake_client::{Client, Seen};
use cake_types::authority;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::IsTerminal;

pub async fn run(context: &Context, command: PduCommand) -> Result<(), Failure> {
    let client = context.client()?;
    match command {
        PduCommand::List => list(context, &client).await,
        PduCommand::Show { pdu } => show(context, &client.pdu(&pdu).await?),
        PduCommand::Add(args) => add(context, &client, args).await,
        PduCommand::Set(args) => set(context, &client, args).await,
        PduCommand::Remove { pdu, yes } => remove(context, &client, &pdu, yes).await,
    }
}

fn unsaid() -> String {
    "–".into()
}

fn measured(context: &Context, value: Option<f64>, unit: &str) -> String {
    value.map_or_else(unsaid, |value| context.words.measured(value, unit))
}

/// `8.2 A of 16 A`: that of the fullest input.
fn load(context: &Context, pdu: &Pdu) -> Option<String> {
    let fullest = pdu.inputs.iter().filter(|input| input.amps.is_some());
    let fullest = fullest.max_by(|a, b| a.load.unwrap_or_default().total_cmp(&b.load.unwrap_or_default()))?;
    Some(drawn(context, fullest))
}

fn drawn(context: &Context, input: &PduInput) -> String {
    let amps = measured(context, input.amps, "ampere");
    match input.limit_amps {
        Some(limit) => {
            let limit = context.words.measured(limit, "ampere");
            context.words.text_with("pdu-load-of", &[("amps", &amps), ("limit", &limit)])
        }
        None => amps,
    }
}

async fn list(context: &Context, client: &Client) -> Result<(), Failure> {
    let seen = client.pdus().await?;
    let columns = [
        ("cli-col-name", Align::Text),
        ("pdu-feed", Align::Text),
        ("pdu-health", Align::Text),
        ("pdu-watts", Align::Number),
        ("pdu-load", Align::Number),
        ("pdu-model", Align::Text),
        ("pdu-address", Align::Text),
    ];
    let row = |pdu: &Pdu| {
        vec![
            pdu.name.clone(),
            pdu.feed.clone().unwrap_or_else(unsaid),
            context.word("server-health-", &pdu.health),
            measured(context, pdu.watts, "watt"),
            load(context, pdu).unwrap_or_else(unsaid),
            model(pdu).unwrap_or_else(unsaid),
            authority(&pdu.host, pdu.port),
        ]
    };
    context.list(&seen.json, &columns, seen.items.iter().map(row).collect())
}

fn model(pdu: &Pdu) -> Option<String> {
    let said = [&pdu.maker, &pdu.model].into_iter().filter(|text| !text.is_empty()).cloned().collect::<Vec<_>>();
    (!said.is_empty()).then(|| said.join(" "))
}

fn show(context: &Context, pdu: &Seen<Pdu>) -> Result<(), Failure> {
    let filled = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    context.facts(
        &pdu.json,
        &[
            ("cli-col-name", Some(pdu.name.clone())),
            ("pdu-feed", pdu.feed.clone()),
            ("pdu-health", Some(context.word("server-health-", &pdu.health))),
            ("server-problem", pdu.problem.as_ref().map(|problem| context.word("snmp-problem-", problem))),
            ("pdu-watts", pdu.watts.map(|watts| context.words.measured(watts, "watt"))),
            ("pdu-load", load(context, pdu)),
            ("pdu-volts", pdu.inputs.iter().find_map(|input| input.volts).map(|v| context.words.measured(v, "volt"))),
            ("pdu-model", model(pdu)),
            ("pdu-serial", filled(&pdu.serial)),
            ("server-device", filled(&pdu.firmware)),
            ("server-read-at", pdu.read_at.map(|at| context.time(Some(at)))),
            ("pdu-address", Some(authority(&pdu.host, pdu.port))),
            ("server-note", filled(&pdu.note)),
            ("cli-col-id", Some(pdu.id.to_string())),
        ],
    )?;
    if context.json || pdu.outlets.is_empty() {
        return Ok(());
    }
    outlets(context, &pdu.outlets)
}

fn outlets(context: &Context, outlets: &[PduOutlet]) -> Result<(), Failure> {
    let columns = [
        ("pdu-outlet", Align::Text),
        ("cli-col-name", Align::Text),
        ("server-power", Align::Text),
        ("pdu-watts", Align::Number),
        ("pdu-amps", Align::Number),
        ("pdu-server", Align::Text),
    ];
    let row = |outlet: &PduOutlet| {
        let on = outlet.on.map(|on| context.text(if on { "server-on" } else { "server-off" }).to_owned());
        vec![
            outlet.outlet.clone(),
            outlet.name.clone(),
            on.unwrap_or_else(unsaid),
            measured(context, outlet.watts, "watt"),
            measured(context, outlet.amps, "ampere"),
            outlet.server.as_ref().map_or_else(unsaid, |server| match server.name.is_empty() {
                true => server.id.to_string(),
                false => server.name.clone(),
            }),
        ]
    };
    context.list("", &columns, outlets.iter().map(row).collect())
}

/// `5=lab-1` puts a server on an outlet, `5=` takes it away; what is not named stays.
fn used(known: &[PduOutlet], said: &[String]) -> Result<Value, Failure> {
    let named = |outlet: &PduOutlet| Some((outlet.outlet.clone(), outlet.server.as_ref()?.id.to_string()));
    let mut used: BTreeMap<String, String> = known.iter().filter_map(named).collect();
    for text in said {
        match text.split_once('=') {
            Some((outlet, "")) => drop(used.remove(outlet)),
            Some((outlet, server)) => drop(used.insert(outlet.to_owned(), server.to_owned())),
            None => return Err(Failure::Usage("cli-wrong-outlet", text.clone())),
        }
    }
    Ok(used.into_iter().map(|(outlet, server)| json!({ "outlet": outlet, "server": server })).collect())
}

/// From standard input, or asked for at a terminal where it has to be known.
pub fn community(context: &Context, stdin: bool, needed: bool) -> Result<Option<String>, Failure> {
    let asked = needed && std::io::stdin().is_terminal();
    match stdin || asked {
        true => Ok(Some(account::password(context, stdin, "cli-ask-community")?)),
        false => Ok(None),
    }
}

async fn add(context: &Context, client: &Client, args: PduAddArgs) -> Result<(), Failure> {
    let PduAddArgs { name, host, said: PduArgs { feed, rated_amps, outlet, note, community_stdin } } = args;
    let (host, port) = host_and_port(&host);
    let community = community(context, community_stdin, true)?.unwrap_or_default();
    let new = json!({
        "name": name, "host": host, "port": port, "community": community, "feed": feed, "rated_amps": rated_amps,
        "outlets": used(&[], &outlet)?, "note": note.unwrap_or_default(),
    });
    let added = client.add_pdu(&new).await?;
    let heard = client.pdu_heard(&added.id.to_string()).await?;
    if context.json {
        return output::print(&heard.json);
    }
    match &heard.problem {
        Some(problem) => {
            let why = context.word("snmp-problem-", problem);
            context.say("cli-pdu-added-unheard", &[("name", &heard.name), ("why", &why)]);
        }
        None => {
            let count = heard.outlets.len().to_string();
            context.say("cli-pdu-added", &[("name", &heard.name), ("count", &count)]);
        }
    }
    Ok(())
}

async fn set(context: &Context, client: &Client, args: PduSetArgs) -> Result<(), Failure> {
    let PduSetArgs { pdu, name, host, said: PduArgs { feed, rated_amps, outlet, note, community_stdin } } = args;
    let seen = client.pdu(&pdu).await?;
    let moved = host.as_deref().map(host_and_port);
    let community = community(context, community_stdin, moved.is_some())?;
    let outlets = if outlet.is_empty() { None } else { Some(used(&seen.outlets, &outlet)?) };
    let (host, port) = moved.map_or((None, None), |(host, port)| (Some(host), port));
    let named = [
        ("name", name.map(Value::from)),
        ("host", host.map(Value::from)),
        ("port", port.map(Value::from)),
        ("community", community.map(Value::from)),
        ("feed", feed.map(Value::from)),
        ("rated_amps", rated_amps.map(Value::from)),
        ("outlets", outlets),
        ("note", note.map(Value::from)),
    ];
    let change = changes(named);
    if change.is_empty() {
        return show(context, &seen);
    }
    let changed = client.change_pdu(&seen, &Value::Object(change)).await?;
    if context.json {
        return output::print(&changed.json);
    }
    context.say("cli-pdu-set", &[("name", &changed.name)]);
    Ok(())
}

async fn remove(context: &Context, client: &Client, pdu: &str, yes: bool) -> Result<(), Failure> {
    let seen = client.pdu(pdu).await?;
    agreed(context, "cli-pdu-remove-ask", &seen.name, yes)?;
    client.remove_pdu(&seen).await?;
    context.say("cli-pdu-removed", &[("name", &seen.name)]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cake_client::wire::OutletServer;

    #[test]
    fn outlets_that_are_not_named_stay() {
        let server = Some(OutletServer { id: uuid::Uuid::nil(), name: "a".into() });
        let known = [
            PduOutlet { outlet: "1".into(), server: server.clone(), ..PduOutlet::default() },
            PduOutlet { outlet: "2".into(), server, ..PduOutlet::default() },
            PduOutlet { outlet: "3".into(), ..PduOutlet::default() },
        ];
        let nil = uuid::Uuid::nil().to_string();
        let said = used(&known, &["2=".into(), "3=b".into()]).unwrap();
        assert_eq!(said, json!([{ "outlet": "1", "server": nil }, { "outlet": "3", "server": "b" }]));
        assert!(used(&known, &["2".into()]).is_err());
    }
}
