//! One action for all VMs that a query finds: a summary first, then one request for each VM with its own result.

use crate::context::Context;
use crate::failure::Failure;
use crate::{output, progress};
use cake_client::wire::{BulkRefusal, BulkSummary, BulkVm, Task};
use cake_client::{Client, Error, Seen, VmAction};
use serde_json::json;
use std::io::{IsTerminal, Write};

/// What is done to each.
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    Act(VmAction),
    /// Into the bin.
    Bin,
    /// For good.
    Delete,
}

impl Deed {
    const fn word(self) -> &'static str {
        match self {
            Self::Act(action) => action.as_str(),
            Self::Bin => "bin",
            Self::Delete => "delete",
        }
    }

    /// Something is lost by it.
    const fn destroys(self) -> bool {
        matches!(self, Self::Act(VmAction::Stop) | Self::Delete)
    }
}

/// How it is asked.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub query: &'a str,
    pub yes: bool,
    pub wait: bool,
}

pub async fn run(context: &Context, deed: Deed, asked: Asked<'_>) -> Result<(), Failure> {
    let client = context.client()?;
    let summary = client.bulk_summary(deed.word(), asked.query).await?;
    say(context, deed, &summary);
    if summary.will.is_empty() {
        return if context.json { output::print("{\"items\":[]}") } else { Ok(()) };
    }
    if !asked.yes {
        confirm(context, deed, summary.will.len())?;
    }
    let mut results = Vec::new();
    for vm in &summary.will {
        results.push((vm, begin(&client, deed, vm).await));
    }
    finish(context, &client, results, asked.wait).await
}

/// Which VMs it will happen to, and which not and why.
fn say(context: &Context, deed: Deed, summary: &BulkSummary) {
    let BulkSummary { will, refused } = summary;
    if will.is_empty() {
        context.say("cli-bulk-none", &[]);
    } else {
        let names: Vec<_> = will.iter().map(|vm| vm.name.as_str()).collect();
        let (count, names) = (will.len().to_string(), names.join(context.text("comma")));
        let title = context.words.text_with(&format!("cli-bulk-{}", deed.word()), &[("count", &count)]);
        context.say("cli-bulk-will", &[("title", &title), ("names", &names)]);
    }
    for BulkRefusal { vm, code, messages } in refused {
        let why = messages.get(context.words.tag()).and_then(|message| message.detail.clone());
        context.say("cli-bulk-not", &[("name", &vm.name), ("why", why.as_deref().unwrap_or(code))]);
    }
}

/// Where something is lost, the number is typed.
fn confirm(context: &Context, deed: Deed, count: usize) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() || context.json {
        return Err(Failure::Usage("cli-wrong-needs-yes", String::new()));
    }
    let count = count.to_string();
    let (id, expected) = if deed.destroys() { ("cli-bulk-type", count.as_str()) } else { ("cli-bulk-sure", "y") };
    print!("{} ", context.words.text_with(id, &[("count", &count)]));
    std::io::stdout().flush()?;
    let mut typed = String::new();
    std::io::stdin().read_line(&mut typed)?;
    if typed.trim().eq_ignore_ascii_case(expected) { Ok(()) } else { Err(Failure::NotConfirmed) }
}

async fn begin(client: &Client, deed: Deed, vm: &BulkVm) -> Result<Seen<Task>, Error> {
    match deed {
        Deed::Act(action) => client.act(&vm.id.to_string(), action).await,
        Deed::Bin => client.bin_vm(&vm.id.to_string()).await,
        Deed::Delete => client.delete_summed(vm).await,
    }
}

/// Waits for each, says how it went, and fails if one did.
async fn finish(
    context: &Context,
    client: &Client,
    begun: Vec<(&BulkVm, Result<Seen<Task>, Error>)>,
    wait: bool,
) -> Result<(), Failure> {
    let (all, mut failed, mut items) = (begun.len(), 0, Vec::new());
    for (vm, result) in begun {
        let ended = match result {
            Ok(task) if wait => progress::ended(context, client, task).await,
            Ok(task) => Ok(task),
            Err(error) => Err(error.into()),
        };
        match ended {
            Ok(task) => {
                failed += usize::from(task.has_ended() && !task.succeeded());
                let id = task.id.to_string();
                let said = match task.has_ended() {
                    true => output::task_end(&task, context.words),
                    false => context.words.text_with("cli-task-begun", &[("id", &id)]),
                };
                context.say("cli-bulk-each", &[("name", &vm.name), ("said", &said)]);
                items.push(json!({ "vm": vm.name, "id": vm.id, "task": task.id, "state": task.state }));
            }
            Err(failure) => {
                failed += 1;
                let said = failure.sentence(context.words);
                context.say("cli-bulk-each", &[("name", &vm.name), ("said", &said)]);
                items.push(json!({ "vm": vm.name, "id": vm.id, "problem": said }));
            }
        }
    }
    if context.json {
        output::print(&json!({ "items": items }).to_string())?;
    }
    if failed == 0 { Ok(()) } else { Err(Failure::Some { failed, all }) }
}
