//! `cake node network …`: a server's own network.

use crate::args::{NodeNetworkArgs, NodeNetworkCommand};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{self, Align};
use cake_client::wire::{Network, NetworkAddress, NetworkPort, NetworkSettings, NetworkTrial};
use cake_client::{Client, Seen};
use serde_json::json;

pub async fn run(context: &Context, command: NodeNetworkCommand) -> Result<(), Failure> {
    let client = context.client()?;
    match command {
        NodeNetworkCommand::Show { node } => show(context, &client.network(&node).await?),
        NodeNetworkCommand::Try(args) => attempt(context, &client, args).await,
        NodeNetworkCommand::Confirm { node } => {
            let done = client.confirm_network(&node).await?;
            said(context, &done.json, "cli-node-network-confirmed", &node)
        }
        NodeNetworkCommand::Cancel { node } => {
            let done = client.cancel_network(&node).await?;
            said(context, &done.json, "cli-node-network-cancelled", &node)
        }
    }
}

fn said(context: &Context, json: &str, id: &'static str, node: &str) -> Result<(), Failure> {
    if context.json {
        return output::print(json);
    }
    context.say(id, &[("name", node)]);
    Ok(())
}

async fn attempt(context: &Context, client: &Client, args: NodeNetworkArgs) -> Result<(), Failure> {
    let NodeNetworkArgs { node, dhcp, address, gateway, dns, search, vlan, links, bond, mtu, seconds } = args;
    let seen = client.network(&node).await?;
    let method = if dhcp { "dhcp" } else { "static" };
    let change = json!({ "method": method, "addresses": address, "gateways": gateway, "dns": dns, "search": search,
                         "vlan": vlan, "links": links, "bond": bond, "mtu": mtu, "seconds": seconds });
    let tried = client.try_network(&node, &seen, &change).await?;
    if context.json {
        return output::print(&tried.json);
    }
    let Some(NetworkTrial { seconds, new_addresses, warnings, .. }) = &tried.trial else {
        return show(context, &tried);
    };
    let seconds = seconds.to_string();
    let addresses = if new_addresses.is_empty() { "–".to_owned() } else { new_addresses.join(" ") };
    context.say("cli-node-network-tried", &[("name", &node), ("seconds", &seconds), ("addresses", &addresses)]);
    warnings.iter().try_for_each(|warning| output::print(&context.word("uplink-warning-", warning)))
}

fn show(context: &Context, seen: &Seen<Network>) -> Result<(), Failure> {
    if context.json {
        return output::print(&seen.json);
    }
    let Network { node: _, hands_off, asked, trial, ended, ports, addresses, gateways, dns, refused, warnings } =
        &**seen;
    let mut facts = settings(context, asked);
    let now = |all: &[NetworkAddress]| {
        let one = |now: &NetworkAddress| {
            let source = context.word("uplink-source-", &now.source);
            context.words.text_with("uplink-from", &[("address", &now.address), ("source", &source)])
        };
        (!all.is_empty()).then(|| all.iter().map(one).collect::<Vec<_>>().join(context.text("comma")))
    };
    let comma = context.text("comma");
    let said: Vec<String> = warnings.iter().map(|warning| context.word("uplink-warning-", warning)).collect();
    facts.extend([
        ("uplink-addresses-now", now(addresses)),
        ("uplink-gateways-now", now(gateways)),
        ("uplink-dns-now", now(dns)),
        ("uplink-trial", trial.as_ref().and_then(|trial| trial.until).map(|until| context.time(Some(until)))),
        ("uplink-ended", ended.as_ref().map(|ended| context.word("uplink-end-", &ended.end))),
        ("uplink-warnings", (!said.is_empty()).then(|| said.join(comma))),
        ("cli-col-refused", refused.clone()),
        ("cli-col-hands-off", hands_off.as_ref().map(|reason| context.word("hands-off-", reason))),
    ]);
    context.facts("", &facts)?;
    let columns = [
        ("uplink-port", Align::Text),
        ("uplink-carrier", Align::Text),
        ("uplink-speed", Align::Number),
        ("uplink-role", Align::Text),
        ("uplink-mac", Align::Text),
        ("uplink-neighbor", Align::Text),
    ];
    context.list("", &columns, ports.iter().map(|port| row(context, port)).collect())
}

fn settings(context: &Context, asked: &NetworkSettings) -> Vec<(&'static str, Option<String>)> {
    let NetworkSettings { method, addresses, gateways, dns, search, vlan, links, bond, mtu } = asked;
    let list = |all: &[String]| (!all.is_empty()).then(|| all.join(" "));
    vec![
        ("field-method", Some(context.word("uplink-method-", method))),
        ("field-addresses", list(addresses)),
        ("field-gateways", list(gateways)),
        ("field-dns", list(dns)),
        ("field-search", list(search)),
        ("field-vlan", vlan.map(|vlan| vlan.to_string())),
        ("field-links", list(links)),
        ("field-bond", Some(context.word("bond-mode-", bond))),
        ("field-mtu", mtu.map(|mtu| mtu.to_string())),
    ]
}

fn row(context: &Context, port: &NetworkPort) -> Vec<String> {
    let NetworkPort { name, mac, driver: _, carrier, speed, bonded, active, neighbor } = port;
    let role = match (bonded, active) {
        (true, true) => "uplink-role-active",
        (true, false) => "uplink-role-ready",
        (false, _) => "uplink-role-spare",
    };
    let neighbor = neighbor.iter().flat_map(|other| other.system.iter().chain(&other.port));
    let neighbor: Vec<&str> = neighbor.map(String::as_str).collect();
    vec![
        name.clone(),
        context.text(if *carrier { "uplink-carrier-yes" } else { "uplink-carrier-no" }).into(),
        speed.map_or_else(
            || "–".into(),
            |speed| context.words.text_with("switch-megabits", &[("megabits", &speed.to_string())]),
        ),
        context.text(role).into(),
        mac.clone(),
        if neighbor.is_empty() { "–".into() } else { neighbor.join(" ") },
    ]
}
