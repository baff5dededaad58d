//! `cake node sticks`, and finding a file on one.

use crate::context::Context;
use crate::failure::Failure;
use crate::output::{self, Align};
use cake_client::Seen;
use cake_client::wire::{Stick, StickFile, Sticks};
use jiff::tz::TimeZone;

/// A line for each file; a stick without any has one that says why.
pub fn show(context: &Context, sticks: &Seen<Sticks>) -> Result<(), Failure> {
    if sticks.items.is_empty() {
        context.say(if sticks.known { "stick-none" } else { "stick-not-looked" }, &[]);
    }
    let columns = [
        ("cli-col-stick", Align::Text),
        ("cli-col-file-system", Align::Text),
        ("cli-col-file", Align::Text),
        ("cli-col-size", Align::Number),
        ("cli-col-modified", Align::Text),
        ("cli-col-stick-id", Align::Text),
    ];
    let rows = sticks.items.iter().flat_map(|stick| {
        let told = stick.files.iter().map(|file| row(context, stick, Some(file)));
        let silent = stick.files.is_empty().then(|| row(context, stick, None));
        told.chain(silent).collect::<Vec<_>>()
    });
    context.list(&sticks.json, &columns, rows.collect())?;
    if sticks.items.iter().any(|stick| stick.incomplete) {
        context.say("stick-incomplete", &[]);
    }
    Ok(())
}

fn row(context: &Context, stick: &Stick, file: Option<&StickFile>) -> Vec<String> {
    let word = |prefix: &str, word: &str| output::known(context.words, &format!("{prefix}{word}"), word);
    let format = word("stick-format-", &stick.format);
    let silent = || match &stick.trouble {
        Some(trouble) => word("stick-trouble-", trouble),
        None => context.text("stick-no-files").to_owned(),
    };
    let modified = file.and_then(|file| file.modified);
    vec![
        called(stick).to_owned(),
        format,
        file.map_or_else(silent, |file| file.path.clone()),
        file.map_or(stick.size, |file| file.size).to_string(),
        modified.map_or_else(|| "–".into(), |at| at.to_zoned(TimeZone::UTC).date().to_string()),
        stick.id.clone(),
    ]
}

/// What people call it.
fn called(stick: &Stick) -> &str {
    stick.label.as_deref().or(stick.model.as_deref()).unwrap_or(&stick.device)
}

/// The id of the only stick that has this file.
pub async fn with_file(context: &Context, path: &str) -> Result<String, Failure> {
    let client = context.client()?;
    let mut found = Vec::new();
    for node in &client.nodes().await?.items {
        let sticks = client.node_sticks(&node.id.to_string()).await?;
        let with = sticks.items.iter().filter(|stick| stick.files.iter().any(|file| file.path == path));
        found.extend(with.map(|stick| stick.id.clone()));
    }
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(_), false) => Err(Failure::Usage("cli-wrong-stick-many", path.to_owned())),
        (None, _) => Err(Failure::Usage("cli-wrong-stick-nowhere", path.to_owned())),
    }
}
