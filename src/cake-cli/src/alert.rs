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
