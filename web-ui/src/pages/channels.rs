//! Who is told of alerts, as the settings show it.

use crate::data::ChannelView;
use crate::frame::Frame;
use askama::Template;
use cake_types::{MailSpec, Severity, SnmpSpec, SyslogSpec, Way, WebhookSpec};

/// The region of the settings.
#[derive(Template)]
#[template(path = "parts/channel_rows.html")]
pub struct Region<'a> {
    f: &'a Frame,
    channels: Vec<Row>,
}

struct Row {
    id: String,
    name: String,
    /// `Mail`, `Slack`.
    kind: &'static str,
    /// Where it goes.
    place: String,
    /// What it is told, and in which language.
    told: String,
    /// It gets the letter of the week.
    weekly: bool,
    on: bool,
    /// When something last arrived.
    arrived: Option<String>,
    answer: String,
    /// Why nothing arrives, since when, and what to do.
    failing: Option<String>,
    next: &'static str,
    detail: String,
    etag: String,
}

pub fn region<'a>(f: &'a Frame, channels: Vec<ChannelView>) -> Region<'a> {
    Region { f, channels: channels.into_iter().map(|view| row(f, view)).collect() }
}

fn row(f: &Frame, view: ChannelView) -> Row {
    let ChannelView { channel, state, etag } = view;
    let (kind, place) = match &channel.spec.way {
        Way::Mail(MailSpec { to, .. }) => ("channel-mail".to_owned(), to.join(f.t("comma"))),
        Way::Webhook(WebhookSpec { template, host, .. }) => {
            (f.id("webhook-template-", template.as_str()), host.clone())
        }
        Way::Syslog(SyslogSpec { host, port, protocol }) => {
            let protocol = protocol.as_str().to_uppercase();
            ("channel-syslog".to_owned(), format!("{host}:{port} {protocol}"))
        }
        Way::Snmp(SnmpSpec { host, port, .. }) => ("channel-snmp".to_owned(), format!("{host}:{port}")),
    };
    let told = match channel.spec.least {
        Severity::Info | Severity::Warning => "channel-from-warning",
        Severity::Error => "channel-from-error",
    };
    let failing = state.failing.as_ref();
    let word = |failing: &cake_types::Failing, end: &str| {
        f.words.text_of(&format!("send-trouble-{}{end}", failing.trouble.as_str()))
    };
    Row {
        id: channel.meta.id.to_string(),
        name: channel.meta.name.to_string(),
        kind: f.t(kind),
        place,
        told: f.t(told).to_owned(),
        weekly: channel.spec.weekly,
        on: channel.spec.on,
        arrived: state.arrived.as_ref().map(|arrived| f.tv("channel-arrived-ago", "age", f.age(&arrived.at))),
        answer: state.arrived.map(|arrived| arrived.answer).unwrap_or_default(),
        failing: failing
            .map(|failing| f.tvv("channel-fails-since", "age", f.age(&failing.since), "why", word(failing, ""))),
        next: failing.map_or("", |failing| word(failing, "-next")),
        detail: failing.map(|failing| failing.detail.clone()).unwrap_or_default(),
        etag,
    }
}
