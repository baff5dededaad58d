//! Who is told of alerts, as the settings show it.

use super::settings::languages;
use crate::data::ChannelView;
use crate::frame::Frame;
use askama::Template;
use cake_types::{
    Channel, Language, MailSecurity, MailSpec, SYSLOG_PORT, Severity, SnmpSpec, SyslogProtocol, SyslogSpec, TRAP_PORT,
    Way, WebhookSpec, WebhookTemplate,
};

/// The region of the settings.
#[derive(Template)]
#[template(path = "parts/channel_rows.html")]
pub struct Region<'a> {
    f: &'a Frame,
    channels: Vec<Row<'a>>,
}

struct Row<'a> {
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
    form: Form<'a>,
}

pub fn region<'a>(f: &'a Frame, channels: Vec<ChannelView>) -> Region<'a> {
    Region { f, channels: channels.into_iter().map(|view| row(f, view)).collect() }
}

fn row(f: &Frame, view: ChannelView) -> Row<'_> {
    let ChannelView { channel, state, etag } = view;
    let form = Form::of(f, &channel, &etag);
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
        form,
    }
}

/// What a channel is told by: a new one, or one that is there.
#[derive(Template)]
#[template(path = "parts/channel_form.html")]
pub struct Form<'a> {
    f: &'a Frame,
    pub kind: &'static str,
    /// What its fields are called by: `mail`, or `mail-` and an id.
    key: String,
    api: String,
    /// Of the channel that is changed.
    etag: Option<String>,
    said: &'static str,
    verb: &'static str,
    name: String,
    way: FormWay,
    errors_only: bool,
    weekly: bool,
    languages: Vec<(&'static str, &'static str, bool)>,
}

/// As fields take it.
enum FormWay {
    Mail(MailFields),
    Webhook(WebhookFields),
    Syslog(SyslogFields),
    Snmp(SnmpFields),
}

struct MailFields {
    to: String,
    host: String,
    from: String,
    user: String,
    security: MailSecurity,
    /// Empty: the usual one.
    port: String,
    authority: String,
}

struct WebhookFields {
    template: WebhookTemplate,
    recipient: String,
    authority: String,
}

struct SyslogFields {
    host: String,
    port: u16,
    protocol: SyslogProtocol,
}

struct SnmpFields {
    host: String,
    port: u16,
}

impl<'a> Form<'a> {
    /// One of each kind, with nothing in it.
    pub fn blank(f: &'a Frame, language: Language) -> [Self; 4] {
        let mail = MailFields {
            to: String::new(),
            host: String::new(),
            from: String::new(),
            user: String::new(),
            security: MailSecurity::Starttls,
            port: String::new(),
            authority: String::new(),
        };
        let webhook =
            WebhookFields { template: WebhookTemplate::Json, recipient: String::new(), authority: String::new() };
        [
            FormWay::Mail(mail),
            FormWay::Webhook(webhook),
            FormWay::Syslog(SyslogFields { host: String::new(), port: SYSLOG_PORT, protocol: SyslogProtocol::Udp }),
            FormWay::Snmp(SnmpFields { host: String::new(), port: TRAP_PORT }),
        ]
        .map(|way| Self {
            f,
            kind: way.kind(),
            key: way.kind().to_owned(),
            api: "POST /v1/channels".to_owned(),
            etag: None,
            said: "channel-added",
            verb: "channel-add",
            name: String::new(),
            weekly: matches!(way, FormWay::Mail(_)),
            way,
            errors_only: false,
            languages: languages(language),
        })
    }

    fn of(f: &'a Frame, channel: &Channel, etag: &str) -> Self {
        let (id, spec) = (channel.meta.id, &channel.spec);
        let way = FormWay::of(&spec.way);
        Self {
            f,
            kind: way.kind(),
            key: format!("{}-{id}", way.kind()),
            api: format!("PATCH /v1/channels/{id}"),
            etag: Some(etag.to_owned()),
            said: "channel-changed",
            verb: "save",
            name: channel.meta.name.to_string(),
            way,
            errors_only: spec.least == Severity::Error,
            weekly: spec.weekly,
            languages: languages(spec.language),
        }
    }

    /// What is said of a secret: it is kept, or it stays where nothing is typed.
    fn secret(&self, new: &'static str, stays: &'static str) -> &'static str {
        if self.etag.is_some() { stays } else { new }
    }

    /// A person reads what comes there, and may want to say more of it.
    fn has_more(&self) -> bool {
        matches!(self.way, FormWay::Mail(_) | FormWay::Webhook(_))
    }

    /// The field for an authority of its own, and what stands there.
    fn authority(&self) -> Option<(&'static str, &str)> {
        match &self.way {
            FormWay::Mail(mail) => Some(("/mail/authority", &mail.authority)),
            FormWay::Webhook(webhook) => Some(("/webhook/authority", &webhook.authority)),
            FormWay::Syslog(_) | FormWay::Snmp(_) => None,
        }
    }
}

impl FormWay {
    fn of(way: &Way) -> Self {
        let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
        match way {
            Way::Mail(mail) => Self::Mail(MailFields {
                to: mail.to.join(" "),
                host: mail.host.clone(),
                from: mail.from.clone(),
                user: or_empty(&mail.user),
                security: mail.security,
                port: mail.port.to_string(),
                authority: or_empty(&mail.authority),
            }),
            Way::Webhook(webhook) => Self::Webhook(WebhookFields {
                template: webhook.template,
                recipient: or_empty(&webhook.recipient),
                authority: or_empty(&webhook.authority),
            }),
            Way::Syslog(SyslogSpec { host, port, protocol }) => {
                Self::Syslog(SyslogFields { host: host.clone(), port: *port, protocol: *protocol })
            }
            Way::Snmp(SnmpSpec { host, port, .. }) => Self::Snmp(SnmpFields { host: host.clone(), port: *port }),
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Mail(_) => "mail",
            Self::Webhook(_) => "webhook",
            Self::Syslog(_) => "syslog",
            Self::Snmp(_) => "snmp",
        }
    }
}
