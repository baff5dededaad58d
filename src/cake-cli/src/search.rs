//! `cake query …`, `cake saved …`, and tags: finding, and what makes things be found.

use crate::args::{QueryArgs, SavedCommand, TagArgs, TagCommand};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{self, Align};
use cake_client::Client;
use cake_client::wire::{SavedQuery, Task};
use serde_json::Value;
use std::io::Write;

pub async fn query(context: &Context, args: QueryArgs) -> Result<(), Failure> {
    let client = context.client()?;
    let text = match &args.saved {
        Some(name) => find(context, &client, name).await?.text,
        None => args.text.join(" "),
    };
    if args.csv {
        let csv = client.query_csv(&text).await?;
        let mut out = std::io::stdout().lock();
        out.write_all(&csv)?;
        return Ok(out.flush()?);
    }
    let seen = client.query(&text, Some(args.limit)).await?;
    let columns = [
        ("cli-col-kind", Align::Text),
        ("cli-col-name", Align::Text),
        ("cli-col-state", Align::Text),
        ("cli-col-id", Align::Text),
    ];
    context.list(&seen.json, &columns, seen.items.iter().map(|found| row(context, found)).collect())
}

/// A text, or the name within; nothing for nothing.
fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(fields) => fields.get("name").or_else(|| fields.get("kind")).map(word).unwrap_or_default(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// What was found, whatever it is: its kind, what it says, how it is, its id.
fn row(context: &Context, found: &Value) -> Vec<String> {
    let words = context.words;
    let (kind, item) = (word(&found["kind"]), &found["item"]);
    let state = word(&item["state"]);
    let (name, state) = match kind.as_str() {
        "task" => {
            let task = serde_json::from_value::<Task>(item.clone()).unwrap_or_default();
            let state = output::known(words, &format!("task-state-{state}"), &state);
            (output::task_title(&task, words), state)
        }
        "event" => {
            let severity = word(&item["severity"]);
            (word(&item["message"]), output::known(words, &format!("severity-{severity}"), &severity))
        }
        "audit" => {
            let (who, action) = (word(&item["actor"]), words.operation(&word(&item["action"])));
            let subject = word(&item["subject"]);
            let result = word(&item["result"]);
            let result = output::known(words, &format!("audit-{result}"), &result);
            (format!("{who}: {action} {subject}").trim_end().to_owned(), result)
        }
        "account" => (word(&item["name"]), words.role(&word(&item["role"]))),
        _ => (word(&item["name"]), output::known(words, &format!("state-{state}"), &state)),
    };
    let id = if item["id"].is_null() { &item["subject"]["id"] } else { &item["id"] };
    vec![output::known(words, &format!("kind-{kind}"), &kind), name, state, word(id)]
}

pub async fn saved(context: &Context, command: SavedCommand) -> Result<(), Failure> {
    let client = context.client()?;
    match command {
        SavedCommand::List => {
            let seen = client.saved_queries().await?;
            let columns = [("cli-col-name", Align::Text), ("cli-col-query", Align::Text)];
            let rows = seen.items.iter().map(|query| vec![query.name.clone(), query.text.clone()]).collect();
            context.list(&seen.json, &columns, rows)
        }
        SavedCommand::Save { name, text } => {
            let saved = client.save_query(&name, &text.join(" ")).await?;
            said(context, &saved.json, "cli-query-saved", &[("name", &saved.name)])
        }
        SavedCommand::Rename { old, name } => {
            let query = find(context, &client, &old).await?;
            let renamed = client.rename_query(&query, &name).await?;
            said(context, &renamed.json, "cli-query-renamed", &[("old", &query.name), ("name", &renamed.name)])
        }
        SavedCommand::Delete { name } => {
            let query = find(context, &client, &name).await?;
            client.delete_query(&query).await?;
            context.say("cli-query-deleted", &[("name", &query.name)]);
            Ok(())
        }
    }
}

fn said(context: &Context, json: &str, id: &'static str, facts: &[(&str, &str)]) -> Result<(), Failure> {
    if context.json {
        return output::print(json);
    }
    context.say(id, facts);
    Ok(())
}

async fn find(context: &Context, client: &Client, name: &str) -> Result<SavedQuery, Failure> {
    let all = client.saved_queries().await?.items;
    let folded = name.to_lowercase();
    let found = all.into_iter().find(|query| query.name.to_lowercase() == folded || query.id.to_string() == name);
    found.ok_or_else(|| Failure::missing("query", name, context.words))
}

impl TagCommand {
    /// What is tagged with what, and whether the tags come or go.
    pub fn parts(self) -> (TagArgs, bool) {
        match self {
            Self::Add(args) => (args, true),
            Self::Remove(args) => (args, false),
        }
    }
}

/// The tags with others added, or without them.
pub fn changed(now: &[String], these: &[String], adds: bool) -> Vec<String> {
    let mut tags: Vec<String> = now.iter().filter(|tag| adds || !these.contains(tag)).cloned().collect();
    if adds {
        tags.extend(these.iter().cloned());
    }
    tags
}

/// Says which tags something has now.
pub fn say_tags(context: &Context, json: &str, name: &str, tags: &[String]) -> Result<(), Failure> {
    let list = tags.join(context.text("comma"));
    let id = if tags.is_empty() { "cli-tags-none" } else { "cli-tags" };
    said(context, json, id, &[("name", name), ("tags", &list)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_come_and_go() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert_eq!(changed(&texts(&["a", "b"]), &texts(&["c"]), true), ["a", "b", "c"]);
        assert_eq!(changed(&texts(&["a", "b"]), &texts(&["b", "x"]), false), ["a"]);
    }
}
