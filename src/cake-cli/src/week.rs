//! `cake week`

use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use cake_client::wire::{Week, WeekLine};
use std::fmt::Write;

/// What happened, what cake did, what to do.
pub async fn run(context: &Context) -> Result<(), Failure> {
    let seen = context.client()?.week().await?;
    if context.json {
        return output::print(&seen.json);
    }
    output::print(told(context, &seen).trim_end())
}

fn told(context: &Context, week: &Week) -> String {
    let mut text = format!("{}\n", context.text("week-todo"));
    for todo in &week.todo {
        let _ = writeln!(text, "  {} ({})\n    → {}", todo.title, todo.names, todo.next);
    }
    if week.more > 0 {
        let more = context.words.text_with("week-todo-more", &[("count", &week.more.to_string())]);
        let _ = writeln!(text, "  {more}");
    }
    if week.todo.is_empty() {
        let _ = writeln!(text, "  {}", context.text("week-nothing"));
    }
    section(&mut text, context.text("week-happened"), &week.happened);
    section(&mut text, context.text("week-done"), &week.done);
    text
}

fn section(text: &mut String, title: &str, lines: &[WeekLine]) {
    let _ = writeln!(text, "{title}");
    for line in lines {
        let _ = writeln!(text, "  {}", line.message);
    }
}
