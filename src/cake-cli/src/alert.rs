//! `cake alert …`

use crate::args::AlertCommand;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{self, Align};
use cake_client::wire::Alert;

pub async fn run(context: &Context, command: AlertCommand) -> Result<(), Failure> {
    match command {
        AlertCommand::List => list(context).await,
        AlertCommand::Acknowledge { alert, note } => {
            let known = context.client()?.acknowledge_alert(&alert, note.as_deref()).await?;
            said(context, &known, &known.json, "cli-alert-acknowledged")
        }
        AlertCommand::Unacknowledge { alert } => {
            let open = context.client()?.unacknowledge_alert(&alert).await?;
            said(context, &open, &open.json, "cli-alert-unacknowledged")
        }
        AlertCommand::Silence { alert, span, note } => {
            let minutes = minutes(&span).ok_or_else(|| Failure::Usage("cli-wrong-span", span.clone()))?;
            let silent = context.client()?.silence_alert(&alert, minutes, note.as_deref()).await?;
            if !context.json {
                let until = context.time(silent.silenced.as_ref().and_then(|silence| silence.until));
                context.say("cli-alert-silenced", &[("name", &silent.subject.name), ("time", &until)]);
                return Ok(());
            }
            output::print(&silent.json)
        }
        AlertCommand::Unsilence { alert } => {
            let open = context.client()?.unsilence_alert(&alert).await?;
            said(context, &open, &open.json, "cli-alert-unsilenced")
        }
    }
}

async fn list(context: &Context) -> Result<(), Failure> {
    let seen = context.client()?.alerts().await?;
    let columns = [
        ("cli-col-severity", Align::Text),
        ("cli-col-name", Align::Text),
        ("cli-col-alert", Align::Text),
        ("cli-col-since", Align::Text),
        ("cli-col-known", Align::Text),
        ("cli-col-silenced", Align::Text),
        ("cli-col-id", Align::Text),
    ];
    let row = |alert: &Alert| {
        let known = alert.acknowledged.as_ref();
        vec![
            output::known(context.words, &format!("severity-{}", alert.severity), &alert.severity),
            alert.subject.name.clone(),
            alert.message.clone().unwrap_or_else(|| alert.kind.clone()),
            context.time(alert.since),
            known.and_then(|known| known.by.name.clone()).unwrap_or_default(),
            context.time(alert.silenced.as_ref().and_then(|silence| silence.until)),
            alert.id.clone(),
        ]
    };
    context.list(&seen.json, &columns, seen.items.iter().map(row).collect())
}

fn said(context: &Context, alert: &Alert, json: &str, id: &'static str) -> Result<(), Failure> {
    if context.json {
        return output::print(json);
    }
    context.say(id, &[("name", &alert.subject.name)]);
    Ok(())
}

/// `30m`, `8h`, `7d` in minutes.
fn minutes(span: &str) -> Option<u32> {
    let (number, unit) = span.split_at_checked(span.len().checked_sub(1)?)?;
    let number: u32 = number.parse().ok()?;
    match unit {
        "m" => Some(number),
        "h" => number.checked_mul(60),
        "d" => number.checked_mul(24 * 60),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::minutes;

    #[test]
    fn a_span_is_a_number_and_a_unit() {
        assert_eq!([minutes("30m"), minutes("8h"), minutes("7d")], [Some(30), Some(480), Some(10_080)]);
        for wrong in ["", "h", "8", "8 h", "-1h", "8w", "99999999999h", "4294967295d", "八時"] {
            assert_eq!(minutes(wrong), None, "{wrong}");
        }
    }
}
