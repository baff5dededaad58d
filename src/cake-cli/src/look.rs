//! What can be looked at: pools, nodes, tasks, events, audit records, and the search over all.

use crate::args::{AuditCommand, EventCommand, NodeCommand, PoolCommand, TaskCommand};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{self, Align, Column};
use crate::{host, node_network, progress, server_disks, sticks, usage};
use cake_client::wire::{AuditActor, AuditResult, Event, Node, Subject, Task};
use cake_client::{Client, Seen};
use serde_json::value::RawValue;

const NAME: Column = ("cli-col-name", Align::Text);
const TIME: Column = ("cli-col-time", Align::Text);

pub async fn pool(context: &Context, PoolCommand::List: PoolCommand) -> Result<(), Failure> {
    let seen = context.client()?.pools().await?;
    let columns = [
        NAME,
        ("cli-col-size", Align::Number),
        ("cli-col-free", Align::Number),
        ("cli-col-file-system", Align::Text),
        ("cli-col-path", Align::Text),
    ];
    let rows = seen.items.iter().map(|pool| {
        let size = |size: Option<cake_types::ByteSize>| size.map_or_else(|| "–".into(), |size| size.to_string());
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".into());
        vec![pool.name.clone(), size(pool.size), size(pool.free), text(&pool.file_system), text(&pool.path)]
    });
    context.list(&seen.json, &columns, rows.collect())
}

pub async fn node(context: &Context, command: NodeCommand) -> Result<(), Failure> {
    let client = context.client()?;
    match command {
        NodeCommand::List => {
            let seen = client.nodes().await?;
            let columns = [
                NAME,
                ("cli-col-connected", Align::Text),
                ("cli-col-cpus", Align::Number),
                ("cli-col-memory", Align::Number),
                ("cli-col-accelerator", Align::Text),
                ("cli-col-version", Align::Text),
            ];
            let rows = seen.items.iter().map(|node| {
                vec![
                    node.name.clone(),
                    context.text(if node.connected.unwrap_or(true) { "cli-yes" } else { "cli-no" }).into(),
                    node.cpus.map_or_else(|| "–".into(), |cpus| cpus.to_string()),
                    node.memory.map_or_else(|| "–".into(), |memory| memory.to_string()),
                    accelerator(context, node),
                    node.version.clone().unwrap_or_else(|| "–".into()),
                ]
            });
            context.list(&seen.json, &columns, rows.collect())
        }
        NodeCommand::Disks { node, read } => server_disks::show(context, &client.node_disks(&node, read).await?),
        NodeCommand::Sticks { node } => sticks::show(context, &client.node_sticks(&node).await?),
        NodeCommand::Usage { node, span } => usage::show(context, &client.node_usage(&node, &span).await?),
        NodeCommand::Show { node } => {
            let (node, host) = (client.node(&node).await?, client.host(&node).await?);
            let mut facts = vec![
                ("cli-col-name", Some(node.name.clone())),
                ("cli-col-id", Some(node.id.to_string())),
                ("cli-col-host", node.host_name.clone()),
                ("cli-col-version", node.version.clone()),
                ("cli-col-cpus", node.cpus.map(|cpus| cpus.to_string())),
                ("cli-col-memory", node.memory.map(|memory| memory.to_string())),
                ("cli-col-memory-free", node.memory_available.map(|memory| memory.to_string())),
                ("cli-col-accelerator", Some(accelerator(context, &node))),
                ("cli-col-qemu", node.qemu.clone()),
                ("cli-col-launcher", node.launcher.as_ref().map(|kind| launcher(context, kind))),
                ("cli-col-bridges", bridges(&node)),
                ("cli-col-epoch", node.epoch.map(|epoch| epoch.to_string())),
            ];
            facts.extend(host::facts(context, &host));
            context.facts(&node.json, &facts)
        }
        NodeCommand::Network(command) => node_network::run(context, command).await,
        NodeCommand::Set(args) => host::set(context, args).await,
        NodeCommand::Clock { node, time } => host::clock(context, &node, time).await,
        NodeCommand::Reboot(args) => host::leave(context, args, "reboot").await,
        NodeCommand::PowerOff(args) => host::leave(context, args, "power-off").await,
        NodeCommand::SoftReboot { node, yes } => host::soft_reboot(context, &node, yes).await,
    }
}

/// `br0 (192.0.2.1 eth0)`, one after the other.
fn bridges(node: &Node) -> Option<String> {
    let shown = node.bridges.iter().map(|bridge| {
        let what: Vec<&str> = bridge.addresses.iter().chain(&bridge.members).map(String::as_str).collect();
        if what.is_empty() { bridge.name.clone() } else { format!("{} ({})", bridge.name, what.join(" ")) }
    });
    let shown: Vec<String> = shown.collect();
    (!shown.is_empty()).then(|| shown.join("  "))
}

/// How VMs run beside cake-node; a newer server's new way as it is.
fn launcher(context: &Context, kind: &str) -> String {
    output::known(context.words, &format!("launcher-{kind}"), kind)
}

/// `kvm`, or `tcg` with the reason that the server gave.
fn accelerator(context: &Context, node: &Node) -> String {
    let Some(kind) = &node.accelerator else { return "–".into() };
    let name = output::known(context.words, &format!("accelerator-{kind}"), kind);
    match &node.tcg_because {
        Some(reason) => format!("{name} – {}", output::known(context.words, &format!("tcg-{reason}"), reason)),
        None => name,
    }
}

pub async fn task(context: &Context, command: TaskCommand) -> Result<(), Failure> {
    let client = context.client()?;
    match command {
        TaskCommand::List { limit } => {
            let seen = client.tasks(Some(limit)).await?;
            let columns =
                [TIME, ("cli-col-task", Align::Text), ("cli-col-state", Align::Text), ("cli-col-id", Align::Text)];
            let rows = seen.items.iter().map(|task| {
                vec![
                    context.time(task.created_at),
                    output::task_title(task, context.words),
                    task_state(context, task),
                    task.id.to_string(),
                ]
            });
            context.list(&seen.json, &columns, rows.collect())
        }
        TaskCommand::Show { task } => show_task(context, &client.task(task).await?),
        TaskCommand::Cancel { task } => show_task(context, &client.cancel_task(task).await?),
        TaskCommand::Wait { task } => {
            let task = client.task(task).await?;
            let ended = progress::follow(context, &client, task, true).await?;
            show_task(context, &ended)
        }
    }
}

fn task_state(context: &Context, task: &Task) -> String {
    output::known(context.words, &format!("task-state-{}", task.state), &task.state)
}

fn show_task(context: &Context, task: &Seen<Task>) -> Result<(), Failure> {
    let progress = task.progress.filter(|p| p.total.bytes() > 0).map(|p| format!("{} / {}", p.done, p.total));
    let end = task.end.as_ref();
    context.facts(
        &task.json,
        &[
            ("cli-col-task", Some(output::task_title(task, context.words))),
            ("cli-col-id", Some(task.id.to_string())),
            ("cli-col-state", Some(task_state(context, task))),
            ("cli-col-progress", progress),
            ("cli-col-begun", Some(context.time(task.created_at))),
            ("cli-col-ended", end.map(|end| context.time(end.at))),
            ("cli-col-end", end.map(|_| output::task_end(task, context.words))),
            ("cli-col-detail", end.and_then(|end| end.detail.clone())),
        ],
    )
}

pub async fn event(context: &Context, command: EventCommand) -> Result<(), Failure> {
    let EventCommand::List { limit, follow } = command;
    let client = context.client()?;
    // The watch is opened before the list is read, so that no event falls between.
    let watch = if follow { Some(client.watch(None).await?) } else { None };
    let seen = client.events(Some(limit)).await?;
    let raw = raw_items(&seen.json);
    if let Some(watch) = watch {
        let mut last = seen.items.iter().filter_map(|event| event.at).max();
        for (event, text) in seen.items.iter().zip(&raw).rev() {
            show_event(context, event, text)?;
        }
        return follow_events(context, &client, watch, &mut last).await;
    }
    let columns = [TIME, ("cli-col-severity", Align::Text), ("cli-col-event", Align::Text)];
    let rows = seen.items.iter().zip(&raw).map(|(event, text)| event_row(context, event, text));
    context.list(&seen.json, &columns, rows.collect())
}

fn raw_items(json: &str) -> Vec<String> {
    #[derive(serde::Deserialize)]
    struct List<'a> {
        #[serde(borrow)]
        items: Vec<&'a RawValue>,
    }
    serde_json::from_str::<List>(json)
        .map(|list| list.items.iter().map(|i| i.get().to_owned()).collect())
        .unwrap_or_default()
}

fn event_row(context: &Context, event: &Event, text: &str) -> Vec<String> {
    let severity = output::known(context.words, &format!("severity-{}", event.severity), &event.severity);
    vec![context.time(event.at), severity, output::event(event, text, context.words)]
}

fn show_event(context: &Context, event: &Event, text: &str) -> Result<(), Failure> {
    if context.json { output::print(text) } else { output::print(&event_row(context, event, text).join("  ")) }
}

/// Whenever something happened, reads what is newer than the last event shown; goes on through a restart of caked.
async fn follow_events(
    context: &Context,
    client: &Client,
    mut watch: cake_client::Watch,
    last: &mut Option<jiff::Timestamp>,
) -> Result<(), Failure> {
    let patient = client.clone().patient(std::time::Duration::from_secs(60));
    loop {
        if watch.next().await?.is_none() {
            watch = patient.watch(None).await?;
        }
        let seen = patient.events(Some(100)).await?;
        let raw = raw_items(&seen.json);
        let new = seen.items.iter().zip(&raw).filter(|(event, _)| event.at > *last).collect::<Vec<_>>();
        for (event, text) in new.into_iter().rev() {
            show_event(context, event, text)?;
            *last = (*last).max(event.at);
        }
    }
}

pub async fn audit(context: &Context, command: AuditCommand) -> Result<(), Failure> {
    let AuditCommand::List { limit } = command;
    let seen = context.client()?.audit(Some(limit)).await?;
    let columns = [
        TIME,
        ("cli-col-who", Align::Text),
        ("cli-col-from", Align::Text),
        ("cli-col-action", Align::Text),
        ("cli-col-subject", Align::Text),
        ("cli-col-result", Align::Text),
    ];
    let rows = seen.items.iter().map(|record| {
        vec![
            context.time(record.at),
            actor(context, &record.actor),
            record.origin.address.clone().unwrap_or_default(),
            context.words.operation(&record.action),
            record.subject.as_ref().map(|subject| named(context, subject)).unwrap_or_default(),
            result(context, &record.result),
        ]
    });
    context.list(&seen.json, &columns, rows.collect())
}

fn actor(context: &Context, actor: &AuditActor) -> String {
    let words = context.words;
    let name = actor.name.as_deref().unwrap_or_default();
    match actor.kind.as_str() {
        "account" if actor.token.is_some() => words.text_with("actor-account-token", &[("name", name)]),
        "account" => name.to_owned(),
        "unknown" => words.text_with("actor-unknown", &[("claimed", name)]),
        kind => output::known(words, &format!("actor-{kind}"), kind),
    }
}

fn result(context: &Context, result: &AuditResult) -> String {
    match &result.code {
        Some(code) => {
            let why = output::known(context.words, &format!("problem-{code}-short"), code);
            context.words.text_with("audit-refused", &[("why", &why)])
        }
        None => context.text("audit-done").to_owned(),
    }
}

fn named(context: &Context, subject: &Subject) -> String {
    format!("{} {}", output::known(context.words, &format!("kind-{}", subject.kind), &subject.kind), subject.name)
}
