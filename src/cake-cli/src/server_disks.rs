//! `cake node disks`

use crate::context::Context;
use crate::failure::Failure;
use crate::output::{self, Align};
use cake_client::Seen;
use cake_client::wire::{ServerDisk, ServerDisks};
use cake_i18n::format;
use jiff::tz::TimeZone;

pub fn show(context: &Context, disks: &Seen<ServerDisks>) -> Result<(), Failure> {
    if !disks.known {
        context.say("disk-not-looked", &[]);
    }
    let columns = [
        ("cli-col-disk", Align::Text),
        ("disk-model", Align::Text),
        ("disk-serial", Align::Text),
        ("cli-col-size", Align::Number),
        ("disk-temperature", Align::Number),
        ("disk-hours", Align::Number),
        ("disk-worn", Align::Number),
        ("disk-health", Align::Text),
    ];
    let row = |disk: &ServerDisk| {
        let health = &disk.health;
        let unsaid = || "–".to_owned();
        vec![
            disk.name.clone(),
            disk.model.clone().unwrap_or_else(unsaid),
            disk.serial.clone().unwrap_or_else(unsaid),
            disk.size.to_string(),
            health.temperature.map_or_else(unsaid, |degrees| format!("{degrees} °C")),
            health.power_on_hours.map_or_else(unsaid, |hours| hours.to_string()),
            health.percent_used.map_or_else(unsaid, |percent| percent_text(context, percent)),
            verdict(context, disk),
        ]
    };
    context.list(&disks.json, &columns, disks.items.iter().map(row).collect())
}

fn percent_text(context: &Context, percent: u32) -> String {
    context.words.text_with("percent", &[("percent", &percent.to_string())])
}

/// `some sectors can’t be read (pending 2)`; a newer server's new words as they are.
fn verdict(context: &Context, disk: &ServerDisk) -> String {
    let health = &disk.health;
    let word = |prefix: &str, word: &str| output::known(context.words, &format!("{prefix}{word}"), word);
    let mut said = vec![word("disk-verdict-", &health.verdict)];
    said.extend(health.warnings.iter().map(|warning| word("disk-warning-", warning)));
    let date = |at| format::date(at, &TimeZone::system(), context.words.language());
    said.extend(
        health.worn_out_at.map(|at| format!("{}{}{}", context.text("disk-worn-out"), context.text("colon"), date(at))),
    );
    let counts = [
        ("disk-reallocated", health.reallocated_sectors),
        ("disk-pending", health.pending_sectors),
        ("disk-uncorrectable", health.uncorrectable_sectors),
        ("disk-media-errors", health.media_errors),
    ];
    let bad = counts.into_iter().filter_map(|(id, count)| Some((id, count.filter(|count| *count > 0)?)));
    said.extend(bad.map(|(id, count)| format!("{}{}{count}", context.text(id), context.text("colon"))));
    let silence =
        health.silence.iter().map(|silence| format!("{}{}", context.text("colon"), word("disk-silence-", silence)));
    said.join(context.text("comma")) + &silence.collect::<String>()
}
