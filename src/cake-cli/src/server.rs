//! `cake server …`

use crate::args::{BmcArgs, ServerAddArgs, ServerCommand, ServerSetArgs};
use crate::change::changes;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{self, Align};
use crate::{
    account, progress, server_budget, server_cap, server_console, server_drives, server_history, server_look,
    server_redfish, server_scan,
};
use cake_client::wire::{Server, Task};
use cake_client::{Client, Seen};
use serde_json::{Value, json};
use std::io::IsTerminal;

pub async fn run(context: &Context, command: ServerCommand) -> Result<(), Failure> {
    let client = context.client()?;
    match command {
        ServerCommand::List => list(context, &client).await,
        ServerCommand::Show { server } => server_look::show(context, &client.server(&server).await?),
        ServerCommand::Scan(args) => server_scan::run(context, &client, args).await,
        ServerCommand::Add(args) => add(context, &client, args).await,
        ServerCommand::Set(args) => set(context, &client, args).await,
        ServerCommand::Remove { server, yes } => remove(context, &client, &server, yes).await,
        ServerCommand::Sensors { server } => server_look::sensors(context, &client.server_sensors(&server).await?),
        ServerCommand::History { server, sensor, span } => {
            server_history::show(context, &client.server_history(&server, &sensor, &span).await?)
        }
        ServerCommand::Energy { server } => {
            let id = match server {
                Some(server) => Some(client.server(&server).await?.id),
                None => None,
            };
            server_history::energy(context, &client.energy().await?, id)
        }
        ServerCommand::Events { server, clear: false, .. } => {
            server_look::events(context, &client.server_events(&server).await?)
        }
        ServerCommand::Events { server, yes, .. } => {
            agreed(context, "cli-server-clear-ask", &server, yes)?;
            ordered(context, &client, client.clear_server_events(&server).await?, true).await
        }
        ServerCommand::NewPassword { server, yes } => {
            agreed(context, "cli-server-password-ask", &server, yes)?;
            ordered(context, &client, client.server_password(&server).await?, true).await
        }
        ServerCommand::Inventory { server } => server_look::parts(context, &client.server_parts(&server).await?),
        ServerCommand::Power { server, action, yes, no_wait } => {
            power(context, &client, &server, &action, yes, !no_wait).await
        }
        ServerCommand::Cap { server, cap } => server_cap::run(context, &client, &server, cap.as_deref()).await,
        ServerCommand::Budget { watts } => server_budget::run(context, &client, watts.as_deref()).await,
        ServerCommand::Console { server, take } => server_console::run(context, &server, take).await,
        ServerCommand::Bios { server } => server_redfish::bios(context, &client, &server).await,
        ServerCommand::Firmware { server } => server_redfish::firmware(context, &client, &server).await,
        ServerCommand::Media(command) => server_redfish::media(context, &client, command).await,
        ServerCommand::Drives { server } => server_drives::list(context, &client, &server).await,
        ServerCommand::DiskLight { server, drive, light } => {
            server_drives::light(context, &client, &server, &drive, light == "on").await
        }
        ServerCommand::Identify { server, seconds, off } => {
            let seconds = if off { Some(0) } else { seconds };
            ordered(context, &client, client.server_identify(&server, seconds).await?, true).await
        }
        ServerCommand::Boot { server, device, always, bios } => {
            ordered(context, &client, client.server_boot(&server, &device, !always, !bios).await?, true).await
        }
        ServerCommand::AfterPowerCut { server, policy } => {
            ordered(context, &client, client.server_restore_policy(&server, &policy).await?, true).await
        }
    }
}

async fn list(context: &Context, client: &Client) -> Result<(), Failure> {
    let seen = client.servers().await?;
    let columns = [
        ("cli-col-name", Align::Text),
        ("server-health", Align::Text),
        ("server-power", Align::Text),
        ("server-air", Align::Text),
        ("server-watts", Align::Number),
        ("server-node", Align::Text),
        ("server-bmc", Align::Text),
    ];
    let row = |server: &Server| {
        let unsaid = || "–".to_owned();
        vec![
            server.name.clone(),
            server_look::health(context, server),
            server_look::power(context, server).unwrap_or_else(unsaid),
            server_look::air(context, server).unwrap_or_else(unsaid),
            server.watts.map_or_else(unsaid, |watts| context.words.measured(watts, "watt")),
            server.node.as_ref().map_or_else(unsaid, |node| node.name.clone()),
            server_look::place_of_bmc(context, server).unwrap_or_else(unsaid),
        ]
    };
    context.list(&seen.json, &columns, seen.items.iter().map(row).collect())
}

/// `10.0.0.1`, `10.0.0.1:6230`, `bmc-1.example`, `fd00::1`, `[fd00::1]:623`.
pub fn host_and_port(text: &str) -> (String, Option<u16>) {
    let split = |text: &str| text.rsplit_once(':').and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)));
    if text.parse::<std::net::Ipv6Addr>().is_ok() {
        return (text.to_owned(), None);
    }
    match split(text) {
        Some((host, port)) => (host, Some(port)),
        None => (text.to_owned(), None),
    }
}

/// What is said of the BMC on the command line, over what was known of it; `None`: nothing is.
fn bmc(context: &Context, args: BmcArgs, known: Option<&Server>) -> Result<Option<Value>, Failure> {
    let BmcArgs { bmc, user, password_stdin, access } = args;
    if bmc.is_none() && user.is_none() && access.is_none() && !password_stdin {
        return Ok(None);
    }
    let known = known.and_then(|server| server.bmc.as_ref());
    let (host, port) = match &bmc {
        Some(text) => host_and_port(text),
        None => known.map_or_else(Default::default, |known| (known.host.clone(), Some(known.port))),
    };
    let password = match (password_stdin, known.is_none()) {
        (true, _) => Some(account::password(context, true, "cli-ask-password")?),
        // Whoever adds one at a terminal is asked.
        (false, true) if std::io::stdin().is_terminal() => Some(account::password(context, false, "cli-ask-password")?),
        _ => None,
    };
    let user = user.or_else(|| known.map(|known| known.user.clone())).unwrap_or_default();
    let access = access.or_else(|| known.map(|known| known.access.clone()));
    Ok(Some(json!({ "host": host, "port": port, "user": user, "password": password, "access": access })))
}

/// `12` or `12+2`: from unit 12, two units high.
fn place(text: &str) -> Result<Value, Failure> {
    let (unit, height) = text.split_once('+').unwrap_or((text, "1"));
    match (unit.parse::<u8>(), height.parse::<u8>()) {
        (Ok(unit), Ok(height)) => Ok(json!({ "unit": unit, "height": height })),
        _ => Err(Failure::Usage("cli-wrong-place", text.to_owned())),
    }
}

async fn add(context: &Context, client: &Client, args: ServerAddArgs) -> Result<(), Failure> {
    let ServerAddArgs { name, bmc: said, place: at, note } = args;
    let bmc = bmc(context, said, None)?;
    let place = at.as_deref().map(place).transpose()?;
    let new = json!({ "name": name, "bmc": bmc, "place": place, "note": note.unwrap_or_default() });
    let added = client.add_server(&new).await?;
    let heard = client.server_heard(&added.id.to_string()).await?;
    server_look::added(context, &heard)
}

async fn set(context: &Context, client: &Client, args: ServerSetArgs) -> Result<(), Failure> {
    let ServerSetArgs { server, name, bmc: said, no_bmc, place: at, note } = args;
    let seen = client.server(&server).await?;
    let bmc = if no_bmc { Some(Value::Null) } else { bmc(context, said, Some(&seen))? };
    let place = at.as_deref().map(place).transpose()?;
    let named = [("name", name.map(Value::from)), ("bmc", bmc), ("place", place), ("note", note.map(Value::from))];
    let change = changes(named);
    if change.is_empty() {
        return server_look::show(context, &seen);
    }
    let changed = client.change_server(&seen, &Value::Object(change)).await?;
    if context.json {
        return output::print(&changed.json);
    }
    context.say("cli-server-set", &[("name", &changed.name)]);
    Ok(())
}

async fn remove(context: &Context, client: &Client, server: &str, yes: bool) -> Result<(), Failure> {
    let seen = client.server(server).await?;
    agreed(context, "cli-server-remove-ask", &seen.name, yes)?;
    client.remove_server(&seen).await?;
    context.say("cli-server-removed", &[("name", &seen.name)]);
    Ok(())
}

/// `status` only looks. What takes power away says first which VMs it ends.
async fn power(
    context: &Context,
    client: &Client,
    server: &str,
    action: &str,
    yes: bool,
    wait: bool,
) -> Result<(), Failure> {
    let seen = client.server(server).await?;
    if action == "status" {
        return server_look::power_status(context, &seen);
    }
    if action != "on" && !yes && !context.json && std::io::stdin().is_terminal() {
        if seen.node.is_some() {
            let vms = client.vms().await?;
            let running = vms.items.iter().filter(|vm| !matches!(vm.state.as_str(), "stopped" | "failed" | "lost"));
            let names: Vec<&str> = running.map(|vm| vm.name.as_str()).collect();
            let names = if names.is_empty() { "–".to_owned() } else { names.join(context.text("comma")) };
            context.say("cli-server-power-vms", &[("names", &names)]);
        }
        agreed(context, "cli-server-power-ask", &seen.name, false)?;
    }
    ordered(context, client, client.server_power(&seen.id.to_string(), action).await?, wait).await
}

/// Asked on a terminal only: a script has said what it wants.
pub fn agreed(context: &Context, question: &'static str, name: &str, yes: bool) -> Result<(), Failure> {
    if yes || context.json || !std::io::stdin().is_terminal() {
        return Ok(());
    }
    context.say("cli-server-about", &[("name", name)]);
    if output::agreed(context, question)? { Ok(()) } else { Err(Failure::NotConfirmed) }
}

/// Follows the order, and says what the server is like then.
async fn ordered(context: &Context, client: &Client, task: Seen<Task>, wait: bool) -> Result<(), Failure> {
    let (id, kind, name) = (task.subject.id.to_string(), task.kind.clone(), task.subject.name.clone());
    let ended = progress::follow(context, client, task, wait).await?;
    if !wait {
        return Ok(());
    }
    if context.json {
        return output::print(&client.server(&id).await?.json);
    }
    output::print(&context.words.task_ended(&kind, &name, &ended.state, "done"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_have_a_port() {
        for (text, host, port) in [
            ("10.0.0.1", "10.0.0.1", None),
            ("10.0.0.1:6230", "10.0.0.1", Some(6230)),
            ("bmc-1.example", "bmc-1.example", None),
            ("fd00::1", "fd00::1", None),
            ("[fd00::1]:623", "[fd00::1]", Some(623)),
            ("host:port", "host:port", None),
        ] {
            assert_eq!(host_and_port(text), (host.to_owned(), port));
        }
        assert_eq!(place("12+2").unwrap(), json!({ "unit": 12, "height": 2 }));
        assert_eq!(place("7").unwrap(), json!({ "unit": 7, "height": 1 }));
        assert!(place("a").is_err() && place("1+").is_err() && place("300").is_err());
    }
}
