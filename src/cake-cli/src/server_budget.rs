//! `cake server budget`: what all servers together may draw.

use crate::context::Context;
use crate::failure::Failure;
use crate::output::{self, Align};
use cake_client::Client;
use serde_json::{Value, json};

/// `2000`, `none` (as much as they like); without one it is shown how the rack stands to it.
pub async fn run(context: &Context, client: &Client, budget: Option<&str>) -> Result<(), Failure> {
    if let Some(budget) = budget {
        let wanted = wanted(budget)?;
        let seen = client.settings().await?;
        let etag = seen.etag.clone().unwrap_or_else(|| "*".into());
        client.change_settings(&etag, &json!({ "power_budget": wanted })).await?;
    }
    show(context, client).await
}

fn wanted(text: &str) -> Result<Value, Failure> {
    match text {
        "none" => Ok(Value::Null),
        _ => match text.trim_end_matches(['W', 'w']).parse::<u32>() {
            Ok(watts) => Ok(json!(watts)),
            Err(_) => Err(Failure::Usage("cli-wrong-budget", text.to_owned())),
        },
    }
}

async fn show(context: &Context, client: &Client) -> Result<(), Failure> {
    let seen = client.power_budget().await?;
    let watts = |watts: u32| context.words.measured(watts.into(), "watt");
    let silent = (seen.silent > 0).then(|| seen.silent.to_string());
    let exceeded = seen.exceeded.then(|| context.text("alert-power-budget-short").to_owned());
    context.facts(
        &seen.json,
        &[
            ("budget-title", Some(seen.budget.map_or_else(|| context.text("budget-none").to_owned(), watts))),
            ("budget-drawn", Some(watts(seen.drawn))),
            ("budget-silent", silent),
            ("server-problem", exceeded),
        ],
    )?;
    if context.json || seen.held.is_empty() {
        return Ok(());
    }
    let columns = [("budget-held", Align::Text), ("server-cap", Align::Number), ("fact-priority", Align::Text)];
    let row = |server: &cake_client::wire::HeldBackServer| {
        let priority = server.priority.as_deref().unwrap_or("none");
        let priority = output::known(context.words, &format!("priority-{priority}"), priority);
        vec![server.name.clone(), watts(server.watts.into()), priority]
    };
    context.list("", &columns, seen.held.iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_watts_or_none() {
        for (text, expected) in [("2000", json!(2000)), ("2000W", json!(2000)), ("none", Value::Null)] {
            assert_eq!(wanted(text).unwrap(), expected);
        }
        for wrong in ["", "-1", "2 kW", "99999999999", "much", "leave"] {
            assert!(wanted(wrong).is_err(), "{wrong}");
        }
    }
}
