//! `cake node set`, `clock`, `reboot`, `power-off`, `soft-reboot`: the machine under a server's VMs.

use crate::args::{LeaveArgs, NodeSetArgs};
use crate::change::changes;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use cake_client::Seen;
use cake_client::wire::{Host, Leaving};
use jiff::Timestamp;
use serde_json::Value;
use std::io::IsTerminal;

/// Only what was named is changed.
pub async fn set(context: &Context, args: NodeSetArgs) -> Result<(), Failure> {
    let NodeSetArgs { node, host_name, time_zone, ntp } = args;
    let client = context.client()?;
    let seen = client.host(&node).await?;
    let named = [
        ("host_name", host_name.map(Value::from)),
        ("time_zone", time_zone.map(Value::from)),
        ("ntp", ntp.map(|ntp| Value::from(ntp == "on"))),
    ];
    let change = changes(named);
    if change.is_empty() {
        return show(context, &seen);
    }
    let changed = client.change_host(&node, &seen, &Value::Object(change)).await?;
    if context.json {
        return output::print(&changed.json);
    }
    context.say("cli-node-set", &[("name", &changed.node)]);
    Ok(())
}

/// Without a time, that of the machine on which this runs.
pub async fn clock(context: &Context, node: &str, time: Option<Timestamp>) -> Result<(), Failure> {
    let set = context.client()?.set_clock(node, time.unwrap_or_else(Timestamp::now)).await?;
    if context.json {
        return output::print(&set.json);
    }
    context.say("cli-node-clock", &[("name", node)]);
    Ok(())
}

/// `way`: `reboot` or `power-off`. Says first which VMs run.
pub async fn leave(context: &Context, args: LeaveArgs, way: &str) -> Result<(), Failure> {
    let LeaveArgs { node, seconds, yes } = args;
    let client = context.client()?;
    if !yes && !context.json && std::io::stdin().is_terminal() {
        let vms = client.vms().await?;
        let running = vms.items.iter().filter(|vm| !matches!(vm.state.as_str(), "stopped" | "failed" | "lost"));
        let names: Vec<&str> = running.map(|vm| vm.name.as_str()).collect();
        let names = if names.is_empty() { "–".to_owned() } else { names.join(context.text("comma")) };
        let question = if way == "reboot" { "cli-node-reboot-ask" } else { "cli-node-power-off-ask" };
        context.say("cli-node-leave-vms", &[("names", &names)]);
        if !output::agreed(context, question)? {
            return Err(Failure::NotConfirmed);
        }
    }
    let task = client.leave(&node, way, seconds).await?;
    if context.json {
        return output::print(&task.json);
    }
    context.say("cli-node-leaves", &[("id", &task.id.to_string())]);
    Ok(())
}

/// No VM stops for it.
pub async fn soft_reboot(context: &Context, node: &str, yes: bool) -> Result<(), Failure> {
    let client = context.client()?;
    if !yes && !context.json && std::io::stdin().is_terminal() {
        context.say("soft-reboot-possible", &[]);
        if !output::agreed(context, "cli-node-soft-reboot-ask")? {
            return Err(Failure::NotConfirmed);
        }
    }
    let task = client.soft_reboot(node).await?;
    if context.json {
        return output::print(&task.json);
    }
    context.say("cli-node-soft-reboots", &[]);
    Ok(())
}

pub fn show(context: &Context, host: &Seen<Host>) -> Result<(), Failure> {
    context.facts(&host.json, &facts(context, host))
}

/// What `cake node show` says of it, too.
pub fn facts(context: &Context, host: &Host) -> Vec<(&'static str, Option<String>)> {
    let text = |key: &'static str| Some(context.text(key).to_owned());
    let ntp = match host.ntp {
        Some(true) => text("host-ntp-on"),
        Some(false) => text("host-ntp-off"),
        None => None,
    };
    let clock = if host.synchronized { "host-clock-right" } else { "host-clock-unsure" };
    let known = |prefix: &str, word: &String| output::known(context.words, &format!("{prefix}{word}"), word);
    let refused = host.refused.as_ref().map(|refused| {
        let setting = known("host-setting-", &refused.setting);
        context.words.text_with("host-refused", &[("setting", &setting), ("because", &refused.because)])
    });
    vec![
        ("cli-col-time-zone", host.time_zone.clone()),
        ("cli-col-clock", text(clock)),
        ("host-setting-ntp", ntp),
        ("cli-col-refused", refused),
        ("cli-col-leaving", host.leaving.as_ref().map(|leaving| says(context, leaving))),
        ("cli-col-hands-off", host.hands_off.as_ref().map(|reason| known("hands-off-", reason))),
    ]
}

/// A newer server's new word as it is.
fn says(context: &Context, leaving: &Leaving) -> String {
    let key = format!("leaving-{}-{}", leaving.stage, leaving.way);
    let numbers = [("left", &*leaving.left.to_string()), ("guests", &*leaving.guests.to_string())];
    match context.words.has(&key) {
        true => context.words.text_with(&key, &numbers),
        false => leaving.stage.clone(),
    }
}
