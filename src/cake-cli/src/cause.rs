//! `cake cause`

use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use cake_client::wire::{Alert, Cause, CauseEvidence, CauseGuess};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Each cause with its evidence, what to do, and the alerts beneath it.
pub async fn run(context: &Context) -> Result<(), Failure> {
    let client = context.client()?;
    let seen = client.causes().await?;
    if context.json {
        return output::print(&seen.json);
    }
    if seen.items.is_empty() {
        return output::print(context.text("cli-cause-none"));
    }
    let alerts: BTreeMap<String, Alert> =
        client.alerts().await?.items.into_iter().map(|alert| (alert.id.clone(), alert)).collect();
    let told: Vec<String> = seen.items.iter().map(|cause| told(context, cause, &alerts)).collect();
    output::print(told.join("\n").trim_end())
}

fn told(context: &Context, cause: &Cause, alerts: &BTreeMap<String, Alert>) -> String {
    let mut text = String::new();
    if let Some(message) = &cause.message {
        let confidence = cause.cause.as_ref().map(|guess| confidence(context, guess));
        let _ = writeln!(text, "{message}{}", confidence.unwrap_or_default());
        for evidence in &cause.evidence {
            let _ = writeln!(text, "  {}", line(context, evidence));
        }
        for guess in &cause.between {
            let _ = writeln!(text, "  ? {}{}", guess.message, confidence_of(context, guess.confidence));
        }
        if !cause.tell.is_empty() {
            let _ = writeln!(text, "  {}", context.text("cause-tell"));
        }
        for sign in &cause.tell {
            let _ = writeln!(text, "    {}", sign.message);
        }
        let _ = writeln!(text, "  → {}", cause.next.as_deref().unwrap_or_default());
        let _ = writeln!(text, "  {}", context.text("cli-cause-alerts"));
    }
    for id in &cause.alerts {
        let Some(alert) = alerts.get(id) else { continue };
        let what = alert.message.as_deref().unwrap_or(&alert.kind);
        let _ = writeln!(text, "    {}  {}  {what}", context.time(alert.since), alert.subject.name);
    }
    text
}

fn confidence(context: &Context, guess: &CauseGuess) -> String {
    confidence_of(context, guess.confidence)
}

fn confidence_of(context: &Context, percent: u8) -> String {
    let said = context.words.text_with("cause-confidence", &[("percent", &percent.to_string())]);
    format!(" ({said})")
}

fn line(context: &Context, evidence: &CauseEvidence) -> String {
    let (mark, when) = match evidence.how.as_str() {
        "for" => ("+", context.time(evidence.at)),
        "against" => ("-", context.time(evidence.at)),
        _ => ("?", output::known(context.words, &format!("cause-evidence-{}", evidence.how), &evidence.how)),
    };
    format!("{mark} {when}  {}", evidence.sign.message)
}
