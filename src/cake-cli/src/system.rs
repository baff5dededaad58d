//! `cake settings`, `setup status`, `version`, `completion`

use crate::args::{Cli, SettingsCommand};
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use clap::CommandFactory;
use clap_complete::Shell;
use serde_json::{Map, Value, json};

pub async fn settings(context: &Context, command: SettingsCommand) -> Result<(), Failure> {
    let client = context.client()?;
    let seen = client.settings().await?;
    match command {
        SettingsCommand::Show => show(context, &seen.json, &seen.value),
        SettingsCommand::Set { change } => {
            let change = change.iter().map(|pair| assignment(pair)).collect::<Result<Map<_, _>, _>>()?;
            let etag = seen.etag.clone().unwrap_or_else(|| "*".into());
            let changed = client.change_settings(&etag, &Value::Object(change)).await?;
            show(context, &changed.json, &changed.value)
        }
    }
}

/// `name=Taipei rack` is text; `true`, `5` and `null` are what they look like.
fn assignment(pair: &str) -> Result<(String, Value), Failure> {
    let (key, value) = pair.split_once('=').ok_or_else(|| Failure::Usage("cli-wrong-assignment", pair.to_owned()))?;
    let value = match serde_json::from_str(value) {
        // A name may be a number.
        _ if key.replace('-', "_") == "local_name" => Value::String(value.to_owned()),
        // `4.27 TWD`; nothing: no price any more.
        _ if key.replace('-', "_") == "energy_price" => {
            let (per_kwh, currency) = value.trim().split_once(' ').unwrap_or((value.trim(), ""));
            json!({ "per_kwh": per_kwh, "currency": currency.trim() })
        }
        Ok(value @ (Value::Bool(_) | Value::Number(_) | Value::Null | Value::Array(_))) => value,
        // Lists are what they are: names, with commas in between.
        _ if key == "names" => value.split([',', ' ']).filter(|name| !name.is_empty()).collect(),
        _ => Value::String(value.to_owned()),
    };
    Ok((key.replace('-', "_"), value))
}

/// One line per setting, under its own name: the name is what `settings set` takes.
fn show(context: &Context, json: &str, settings: &Value) -> Result<(), Failure> {
    if context.json {
        return output::print(json);
    }
    for (key, value) in settings.as_object().into_iter().flatten() {
        let price = || Some(format!("{} {}", value["per_kwh"].as_str()?, value["currency"].as_str()?));
        let text = || value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let value = price().unwrap_or_else(text);
        output::print(&format!("{key}={value}"))?;
    }
    Ok(())
}

pub async fn setup(context: &Context) -> Result<(), Failure> {
    let (client, instance) = context.anonymous()?;
    let state = client.setup_state().await?;
    if context.json {
        return output::print(&state.json);
    }
    let sentence = match (state.done, state.installer) {
        (true, _) => "cli-setup-done",
        (false, true) => "cli-setup-installer",
        (false, false) => "cli-setup-open",
    };
    context.say(sentence, &[("url", &instance.url)]);
    Ok(())
}

/// This program's version, and the server's where one answers.
pub async fn version(context: &Context) -> Result<(), Failure> {
    let own = env!("CARGO_PKG_VERSION");
    let server = match context.anonymous() {
        Ok((client, _)) => client.version().await.ok().map(|seen| seen.version.clone()),
        Err(_) => None,
    };
    if context.json {
        return output::print(&serde_json::json!({ "cake": own, "server": server }).to_string());
    }
    context.facts("", &[("cli-col-command", Some(own.to_owned())), ("cli-col-server", server)])
}

pub fn completion(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "cake", &mut script);
    output::print(String::from_utf8_lossy(&script).trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_text_unless_they_look_otherwise() {
        for (pair, key, value) in [
            ("name=Taipei rack", "name", Value::from("Taipei rack")),
            ("time-zone=Asia/Taipei", "time_zone", Value::from("Asia/Taipei")),
            ("flag=true", "flag", Value::from(true)),
            ("text=a=b", "text", Value::from("a=b")),
            ("names=a.example,192.0.2.7", "names", serde_json::json!(["a.example", "192.0.2.7"])),
            ("names=", "names", serde_json::json!([])),
            ("announce=false", "announce", Value::from(false)),
            ("local-name=42", "local_name", Value::from("42")),
            ("local_name=", "local_name", Value::from("")),
            ("energy-price=4.27 TWD", "energy_price", json!({ "per_kwh": "4.27", "currency": "TWD" })),
            ("energy_price=5", "energy_price", json!({ "per_kwh": "5", "currency": "" })),
            ("energy_price=", "energy_price", json!({ "per_kwh": "", "currency": "" })),
        ] {
            let (seen_key, seen_value) = assignment(pair).unwrap();
            assert_eq!((seen_key.as_str(), seen_value), (key, value));
        }
        assert!(assignment("nothing").is_err());
    }
}
