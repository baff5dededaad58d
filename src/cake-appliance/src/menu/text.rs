//! What the pages say.

use cake_types::{
    LeavingStage, LeavingWay, SlotStanding, UpdateStage, UplinkEnd, UplinkMethod, UplinkSpec, UplinkTrial,
};
use jiff::Timestamp;
use std::net::IpAddr;

use super::facts::{Facts, Node};
use super::form::{Field, Form};
use super::{Ask, Menu, Page, Word, leaving};

/// Names of VMs that are told one by one.
const NAMED: usize = 12;

/// Where nothing is known.
const SILENT: &str = "The agent of this server does not answer. It is started anew by itself; wait a moment.";

pub fn url(address: IpAddr) -> String {
    match address {
        IpAddr::V4(four) => format!("https://{four}/"),
        IpAddr::V6(six) => format!("https://[{six}]/"),
    }
}

/// What stands above a page.
pub fn title(menu: &Menu, facts: &Facts) -> &'static str {
    if leaving(facts).is_some() {
        return "This server is going off";
    }
    match menu.pages.last() {
        None => "Status",
        Some(Page::Main) => "Menu",
        Some(Page::Network) => "Network repair",
        Some(Page::Fields(_)) => "Network repair: another network",
        Some(Page::Lost | Page::Word(_)) => "Lost administrator",
        Some(Page::Version | Page::Sure { ask: Ask::GoBack, .. }) => "Previous version",
        Some(Page::Sure { ask: Ask::Reset, .. }) => "Factory reset",
        Some(Page::Power) => "Shut down or restart",
        Some(Page::Sure { ask: Ask::Leave(LeavingWay::PowerOff), .. }) => "Shut down",
        Some(Page::Sure { ask: Ask::Leave(LeavingWay::Reboot), .. }) => "Restart",
        Some(Page::Sure { ask: Ask::Leave(LeavingWay::SoftReboot), .. }) => "Restart without stopping VMs",
    }
}

/// What a page says before what can be chosen. Lines may be longer than a screen is wide: they are broken where they are drawn.
pub fn body(menu: &Menu, facts: &Facts, now: Timestamp) -> Vec<String> {
    if leaving(facts).is_some() {
        return going(facts);
    }
    match menu.pages.last() {
        None => status(facts),
        Some(Page::Main) => {
            vec!["Who stands in front of a server may repair it. Nothing here shows a VM's data.".into()]
        }
        Some(Page::Network) => network(facts, now),
        Some(Page::Fields(_)) => vec!["Up and Down choose a field. Nothing is changed before it is tried.".into()],
        Some(Page::Lost) => lost(facts),
        Some(Page::Word(word)) => shown_word(word, facts, now),
        Some(Page::Version) => version(facts),
        Some(Page::Power) => vec![
            running(facts),
            "They shut down first, and those that were running start again with the server.".into(),
        ],
        Some(Page::Sure { ask, .. }) => sure(*ask, facts),
    }
}

fn status(facts: &Facts) -> Vec<String> {
    let mut lines = vec!["The console of this server:".to_owned(), String::new()];
    if facts.addresses.is_empty() {
        lines.push("  No network: plug a cable into any port, or repair it here.".into());
    }
    // The rest is in network repair.
    lines.extend(facts.addresses.iter().take(4).map(|address| format!("  {}", url(*address))));
    lines.extend([String::new(), format!("Health: {}", facts.health())]);
    if let Some(console) = &facts.console {
        lines.extend([String::new(), "Fingerprint of its certificate:".into()]);
        lines.extend(in_thirds(&console.fingerprint));
        if let Some(token) = &console.setup_token {
            lines.extend([String::new(), "Token:".into(), format!("  {token}")]);
        }
    }
    lines
}

/// Pairs of digits, so many that they stand beside a code for telephones.
fn in_thirds(fingerprint: &str) -> Vec<String> {
    let pairs: Vec<&str> = fingerprint.split(':').collect();
    pairs.chunks(11).map(|pairs| format!("  {}", pairs.join(":"))).collect()
}

fn network(facts: &Facts, now: Timestamp) -> Vec<String> {
    let Some(node) = &facts.node else { return vec![SILENT.into()] };
    let uplink = node.uplink();
    let mut lines = vec!["Ports:".to_owned()];
    lines.extend(uplink.ports.iter().map(|port| {
        let cable = match (port.carrier, port.speed) {
            (false, _) => "no cable".to_owned(),
            (true, None) => "cable".to_owned(),
            (true, Some(speed)) => format!("cable, {speed} Mbit/s"),
        };
        let active = if port.active { ", carries" } else { "" };
        let neighbor = port.neighbor.as_ref().and_then(|neighbor| neighbor.system.as_ref());
        let at = neighbor.map_or_else(String::new, |system| format!(", at {system}"));
        format!("  {:<10} {}  {cable}{active}{at}", port.name, port.mac)
    }));
    if uplink.ports.is_empty() {
        lines.push("  none that cake has a driver for".into());
    }
    let listed = |all: Vec<String>| if all.is_empty() { "none".to_owned() } else { all.join("  ") };
    let addresses = uplink.addresses.iter().map(|own| format!("{} ({})", own.value, own.source.as_str())).collect();
    lines.push(format!("Addresses: {}", listed(addresses)));
    lines.push(format!("Gateways:  {}", listed(uplink.gateways.iter().map(|own| own.value.to_string()).collect())));
    lines.push(format!("DNS:       {}", listed(uplink.dns.iter().map(|own| own.value.to_string()).collect())));
    lines.extend(uplink.refused.iter().map(|why| format!("Refused:   {why}")));
    lines.push(String::new());
    match &uplink.trial {
        Some(trial) => lines.extend(trying(trial, now)),
        None => {
            lines.push(format!("Asked for: {}", asked(&uplink.spec)));
            lines.extend(uplink.ended.as_ref().map(|ended| ended_words(ended.end).to_owned()));
        }
    }
    lines
}

fn trying(trial: &UplinkTrial, now: Timestamp) -> [String; 2] {
    let left = trial.until.duration_since(now).as_secs().max(0);
    let stage = if trial.applied { "Is it right?" } else { "It is being set up." };
    [
        format!("Tried now: {}", asked(&trial.spec)),
        format!("{stage} It returns to the network before in {left} s unless somebody keeps it."),
    ]
}

fn ended_words(end: UplinkEnd) -> &'static str {
    match end {
        UplinkEnd::Confirmed => "The last network that was tried was kept.",
        UplinkEnd::Expired => "The last network that was tried was not kept in time: the one before returned.",
        UplinkEnd::Cancelled => "The last network that was tried was called off: the one before returned.",
        UplinkEnd::Restarted => "The agent was started anew while a network was tried: the one before returned.",
        UplinkEnd::Failed => "The last network that was tried could not be set up: the one before returned.",
    }
}

/// A network in a line.
fn asked(spec: &UplinkSpec) -> String {
    let joined = |all: Vec<String>| all.join(" ");
    let mut words = match spec.method {
        UplinkMethod::Dhcp => "DHCP".to_owned(),
        UplinkMethod::Static => joined(spec.addresses.iter().map(ToString::to_string).collect()),
    };
    let mut more = |name: &str, value: String| {
        if !value.is_empty() {
            words += &format!(", {name} {value}");
        }
    };
    more("gateway", joined(spec.gateways.iter().map(ToString::to_string).collect()));
    more("DNS", joined(spec.dns.iter().map(ToString::to_string).collect()));
    more("VLAN", spec.vlan.map_or_else(String::new, |vlan| vlan.to_string()));
    more("ports", spec.links.join(" "));
    words
}

fn lost(facts: &Facts) -> Vec<String> {
    match facts.answers() {
        None => vec!["The console does not answer. It is started anew by itself; wait a moment.".into()],
        Some(console) if console.setup_token.is_some() => {
            vec!["Nobody has set this server up yet: open its console, and answer the wizard with the token of the status.".into()]
        }
        Some(_) => vec![
            "If no administrator can log in any more: a word is shown here, and typed into a browser together with an \
             administrator's name and a new password. Nothing is lost; the sessions of that account end, and the audit record \
             says that it was done at the screen."
                .into(),
        ],
    }
}

fn shown_word(word: &Word, facts: &Facts, now: Timestamp) -> Vec<String> {
    let left = word.until.duration_since(now).as_secs();
    if left <= 0 {
        return vec!["The word's time is over. Go back, and have a new one shown.".into()];
    }
    let at = facts.addresses.first().map_or_else(|| "the console's address /".to_owned(), |address| url(*address));
    vec![
        format!("Open {at}let-in in a browser and type this word there:"),
        String::new(),
        format!("      {}", word.text),
        String::new(),
        format!("It is good once, for {} more minutes, and until this page is left.", (left + 59) / 60),
    ]
}

fn version(facts: &Facts) -> Vec<String> {
    let Some(node) = &facts.node else { return vec![SILENT.into()] };
    let Some(update) = node.update() else { return vec!["This server's firmware is not cake's.".into()] };
    let mut lines = vec![format!("Version {} runs.", update.running)];
    for slot in &update.slots {
        let standing = match slot.standing {
            SlotStanding::Running => continue,
            SlotStanding::Next => "is tried at the next start",
            SlotStanding::Previous => "is the one before",
            SlotStanding::Bad => "was given up",
            SlotStanding::Spare => "is older still",
        };
        lines.push(format!("Version {} {standing}.", slot.version));
    }
    lines.push(String::new());
    lines.push(match node.previous_version() {
        Some(version) => format!(
            "Going back means: VMs shut down, the server restarts with version {version}, and version {} is not tried again by itself. \
             Settings, VMs and their data stay as they are.",
            update.running
        ),
        None => "There is no version before this one on the disks: nothing to go back to.".into(),
    });
    lines
}

fn sure(ask: Ask, facts: &Facts) -> Vec<String> {
    let mut lines = vec![running(facts)];
    match ask {
        Ask::Leave(way) => {
            let then = match way {
                LeavingWay::PowerOff => "the power goes off",
                LeavingWay::Reboot => "the server starts again",
                LeavingWay::SoftReboot => "all programs start anew",
            };
            lines.push(match facts.node {
                Some(_) if way == LeavingWay::SoftReboot => "VMs go on running; all programs start anew.".into(),
                Some(_) => format!("VMs are asked to shut down and have 3 minutes; then {then}."),
                None => format!("Nobody can ask VMs to shut down: they are switched off, and {then}."),
            });
        }
        Ask::GoBack => {
            let before = facts.node.as_ref().and_then(Node::previous_version).unwrap_or("?");
            lines.push(format!("They shut down, and the server restarts with version {before}."));
        }
        Ask::Reset => lines.extend([
            "Every VM with its disks, every image, setting, account and record of this server is lost for good: the keys of its disks \
             are destroyed, and its recovery key opens nothing any more. Nobody can call it off."
                .into(),
            "The server starts anew as one that nobody has set up, with the firmware that it has: the screen shows a token for the \
             wizard."
                .into(),
        ]),
    }
    lines.extend([String::new(), format!("Type {} and press Enter. Esc: nothing is done.", ask.word(facts))]);
    lines
}

/// Which VMs run.
fn running(facts: &Facts) -> String {
    let Some(node) = &facts.node else {
        return "Which VMs run is not known: the agent of this server does not answer.".into();
    };
    let running = node.running();
    let named = running.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    match running.len() {
        0 => "No VM runs.".into(),
        1 => format!("1 VM runs: {named}."),
        count if count <= NAMED => format!("{count} VMs run: {named}."),
        count => format!("{count} VMs run: {named} and {} more.", count - NAMED),
    }
}

fn going(facts: &Facts) -> Vec<String> {
    let Some(leaving) = facts.node.as_ref().and_then(|node| node.host.leaving.as_ref()) else { return Vec::new() };
    let then = match leaving.way {
        LeavingWay::PowerOff => "Then the power goes off.",
        LeavingWay::Reboot => "Then it starts again.",
        LeavingWay::SoftReboot => return vec!["All programs start anew. VMs go on running.".into()],
    };
    let stage = match leaving.stage {
        LeavingStage::Guests => format!(
            "VMs shut down: {} of {} are off.",
            leaving.guests - leaving.left.min(leaving.guests),
            leaving.guests
        ),
        LeavingStage::Back => "It was called off: VMs that are off start again.".into(),
        LeavingStage::Host => "All VMs are off. The system ends.".into(),
    };
    if leaving.stage == LeavingStage::Back { vec![stage] } else { vec![stage, then.into()] }
}

/// A field as it stands on the screen, and the column behind what is typed.
pub fn field(form: &Form, field: Field) -> (String, usize) {
    let mark = if form.at == field { '>' } else { ' ' };
    let value = form.value(field);
    let text = match field {
        Field::Try => format!(" {mark} {}", field.label()),
        Field::Method | Field::Bond => format!(" {mark} {:<16}< {value} >", field.label()),
        _ => format!(" {mark} {:<16}{value}", field.label()),
    };
    let end = text.chars().count();
    let padded = if Form::is_typed(field) { format!("{text:_<66}") } else { text };
    (padded, end)
}

/// What an order about the firmware is doing.
pub fn update_stage(node: &Node) -> Option<&'static str> {
    let work = node.update()?.work.as_ref()?;
    Some(match work.stage {
        UpdateStage::Checking | UpdateStage::Indexing => "The disks are looked at.",
        UpdateStage::Assembling | UpdateStage::Mirroring | UpdateStage::Verifying => "The disks are written.",
    })
}
