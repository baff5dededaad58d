//! Waiting for a task: a bar on a terminal, one line per change otherwise.

use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use cake_client::wire::Task;
use cake_client::{Client, Seen};
use cake_i18n::format;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

/// Shows a task that was begun, waits for its end, and fails if it did not do what was asked.
pub async fn follow(context: &Context, client: &Client, task: Seen<Task>, wait: bool) -> Result<Seen<Task>, Failure> {
    if !wait {
        if context.json {
            output::print(&task.json)?;
        } else {
            context.say("cli-task-begun", &[("id", &task.id.to_string())]);
        }
        return Ok(task);
    }
    let ended = ended(context, client, task).await?;
    if ended.succeeded() { Ok(ended) } else { Err(Failure::Task(Box::new(ended.value))) }
}

/// Follows the task of a VM that changes, and says what it is then: `done` in words, with its name and what `more` says.
pub async fn changed(
    context: &Context,
    client: &Client,
    task: Seen<Task>,
    wait: bool,
    done: &'static str,
    more: &[(&'static str, &str)],
) -> Result<(), Failure> {
    let (id, name) = (task.subject.id.to_string(), task.subject.name.clone());
    let ended = follow(context, client, task, wait).await?;
    if !wait {
        return Ok(());
    }
    if context.json {
        return output::print(&client.vm(&id).await?.json);
    }
    context.say(done, &[&[("name", name.as_str())], more].concat());
    if let Some(pause_us) = ended.end.as_ref().and_then(|end| end.pause_us) {
        context.say("cli-paused-for", &[("ms", &format::milliseconds(pause_us))]);
    }
    Ok(())
}

/// Waits for the end of a task, however it ends.
pub async fn ended(context: &Context, client: &Client, task: Seen<Task>) -> Result<Seen<Task>, Failure> {
    if task.has_ended() {
        return Ok(task);
    }
    let title = output::task_title(&task, context.words);
    if context.json || !std::io::stderr().is_terminal() {
        return Ok(client.wait_task(task.id, |_| {}).await?);
    }
    let bar = ProgressBar::new_spinner().with_message(title);
    bar.enable_steady_tick(Duration::from_millis(100));
    let ended = client.wait_task(task.id, |task| show(&bar, task)).await;
    bar.finish_and_clear();
    Ok(ended?)
}

fn show(bar: &ProgressBar, task: &Task) {
    let Some(progress) = task.progress.filter(|p| p.total.bytes() > 0) else { return };
    if bar.length() != Some(progress.total.bytes()) {
        // A scan counts addresses, everything else bytes.
        let counted = match task.kind.as_str() {
            "bmc-scan" => "{msg} {wide_bar} {pos} / {len}",
            _ => "{msg} {wide_bar} {binary_bytes} / {binary_total_bytes}",
        };
        let style = ProgressStyle::with_template(counted);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_length(progress.total.bytes());
    }
    bar.set_position(progress.done.bytes());
}
