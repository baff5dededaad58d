//! `cake server cap`: how much a server may draw.

use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use cake_client::wire::Server;
use cake_client::{Client, Seen};
use serde_json::{Value, json};
use std::time::Duration;

/// How often, and how far apart, it is asked whether the BMC has taken it.
const TRIES: u32 = 60;
const PAUSE: Duration = Duration::from_millis(250);

/// `300`, `none` (as much as it likes), `leave` (as the BMC has it); without one it is shown.
pub async fn run(context: &Context, client: &Client, server: &str, cap: Option<&str>) -> Result<(), Failure> {
    let seen = client.server(server).await?;
    let Some(cap) = cap else { return show(context, &seen) };
    let asked = wanted(cap)?;
    let changed = client.change_server(&seen, &json!({ "cap": asked })).await?;
    // Nothing is different, or there is nobody to tell.
    if changed.etag == seen.etag || changed.bmc.is_none() {
        return show(context, &changed);
    }
    show(context, &settled(client, changed).await?)
}

fn wanted(text: &str) -> Result<Value, Failure> {
    match text {
        "none" => Ok(json!({ "watts": null })),
        "leave" => Ok(Value::Null),
        _ => match text.trim_end_matches(['W', 'w']).parse::<u16>() {
            Ok(watts) => Ok(json!({ "watts": watts })),
            Err(_) => Err(Failure::Usage("cli-wrong-cap", text.to_owned())),
        },
    }
}

/// Once its BMC was heard after the change; as it is then where that takes long.
async fn settled(client: &Client, changed: Seen<Server>) -> Result<Seen<Server>, Failure> {
    let id = changed.id.to_string();
    for _ in 0..TRIES {
        let seen = client.server(&id).await?;
        let so = seen.cap.as_ref().is_none_or(|cap| {
            let asked = cap.asked.map(|asked| asked.watts);
            let told = asked.map(|asked| asked.is_some() || cap.held.is_some());
            cap.trouble.is_some() || told.is_none_or(|told| told == cap.watts.is_some())
        });
        // What was said before the change is not yet an answer to it.
        if seen.problem.is_some() || (so && seen.read_at != changed.read_at) {
            return Ok(seen);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(client.server(&id).await?)
}

fn show(context: &Context, server: &Seen<Server>) -> Result<(), Failure> {
    let cap = server.cap.clone().unwrap_or_default();
    let watts = |watts: u16| context.words.measured(watts.into(), "watt");
    let or_free = |limit: Option<u16>| limit.map_or_else(|| context.text("server-cap-free").to_owned(), watts);
    let asked = match cap.asked {
        Some(asked) => or_free(asked.watts),
        None => context.text("server-cap-left").to_owned(),
    };
    let known = cap.trouble.as_deref() != Some("unsupported") && server.read_at.is_some();
    let between = |least: Option<u16>, most: Option<u16>| {
        let said = |limit: Option<u16>| limit.map_or_else(|| "–".to_owned(), watts);
        (least.is_some() || most.is_some()).then(|| format!("{} … {}", said(least), said(most)))
    };
    context.facts(
        &server.json,
        &[
            ("cli-col-name", Some(server.name.clone())),
            ("server-cap-asked", Some(asked)),
            ("server-cap-held", cap.held.map(watts)),
            ("server-cap-force", known.then(|| or_free(cap.watts))),
            ("server-cap-takes", between(cap.least, cap.most)),
            (
                "server-problem",
                cap.trouble.map(|trouble| output::known(context.words, &format!("cap-trouble-{trouble}"), &trouble)),
            ),
            ("server-watts", server.watts.map(|watts| context.words.measured(watts, "watt"))),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cap_is_watts_none_or_left_alone() {
        for (text, expected) in [
            ("300", json!({ "watts": 300 })),
            ("300W", json!({ "watts": 300 })),
            ("none", json!({ "watts": null })),
            ("leave", Value::Null),
        ] {
            assert_eq!(wanted(text).unwrap(), expected);
        }
        for wrong in ["", "-1", "3 kW", "70000", "much"] {
            assert!(wanted(wrong).is_err(), "{wrong}");
        }
    }
}
