//! Channels: the ways in which alerts leave the rack. A channel says to whom and how; what a message holds follows from the
//! alerts that are open ([`Message`]), and what its receivers know of already is kept beside it ([`Told`]).

use crate::words::words;
use crate::{Alert, AlertId, AlertKind, ChannelId, Grouping, Language, Meta, Sealed, Severity, Subject, Week};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Somebody who is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    pub meta: Meta<ChannelId>,
    pub spec: ChannelSpec,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelSpec {
    pub way: Way,
    pub language: Language,
    /// What is less than that is not told.
    pub least: Severity,
    pub on: bool,
    /// A letter about the week goes there every Monday.
    #[serde(default)]
    pub weekly: bool,
}

/// How a message gets there, and where that is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Way {
    Mail(MailSpec),
    Webhook(WebhookSpec),
    Syslog(SyslogSpec),
    Snmp(SnmpSpec),
}

impl Way {
    /// A person reads what comes there.
    pub const fn takes_letters(&self) -> bool {
        matches!(self, Self::Mail(_) | Self::Webhook(_))
    }

    /// `mail`, `webhook`, `syslog`, `snmp`; its name is `channel-KIND`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Mail(_) => "mail",
            Self::Webhook(_) => "webhook",
            Self::Syslog(_) => "syslog",
            Self::Snmp(_) => "snmp",
        }
    }
}

/// A mail server that takes what cake sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailSpec {
    pub host: String,
    pub port: u16,
    pub security: MailSecurity,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Sealed<String>>,
    pub from: String,
    pub to: Vec<String>,
    /// The only authority that its certificate may come from, in PEM; without it those that the system trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
}

/// A web address that takes messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookSpec {
    pub template: WebhookTemplate,
    /// Whoever knows it can send there: most services put a secret into it.
    pub url: Sealed<String>,
    /// The part of it that may be shown.
    pub host: String,
    /// Sent as `Authorization: Bearer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Sealed<String>>,
    /// Who gets it, where the service serves several: LINE's user, group or room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// As [`MailSpec::authority`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
}

/// Where collectors of logs listen, where nothing is said (RFC 5426), and receivers of SNMP traps (RFC 3430).
pub const SYSLOG_PORT: u16 = 514;
pub const TRAP_PORT: u16 = 162;

/// A collector of logs (RFC 5424).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyslogSpec {
    pub host: String,
    pub port: u16,
    pub protocol: SyslogProtocol,
}

/// A receiver of SNMP traps, version 2c (RFC 1901).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnmpSpec {
    pub host: String,
    pub port: u16,
    /// It travels in the clear; it is a secret all the same.
    pub community: Sealed<String>,
}

words! {
    /// How lines get to a collector of logs.
    SyslogProtocol {
        /// One datagram for each (RFC 5426): nobody ever knows whether it arrived.
        Udp = "udp",
        /// Counted in octets (RFC 6587 §3.4.1).
        Tcp = "tcp",
    }

    /// How the line to a mail server is protected. Its name is `mail-security-WORD`.
    MailSecurity {
        /// It begins in the clear and is encrypted before anything is said (RFC 3207); without that nothing is sent.
        Starttls = "starttls",
        /// Encrypted from the first byte (RFC 8314 §3.3).
        Tls = "tls",
        /// In the clear.
        None = "none",
    }

    /// What the receiver of a webhook understands. Its name is `webhook-template-WORD`.
    WebhookTemplate {
        /// Every field by its name: for programs.
        Json = "json",
        /// Incoming webhooks.
        Slack = "slack",
        /// A workflow "when a webhook request is received", with an Adaptive Card.
        Teams = "teams",
        /// The Messaging API's push message.
        Line = "line",
        /// A channel's webhook.
        Discord = "discord",
    }

    /// What an alert did. Its word is `turn-WORD`.
    AlertTurn {
        Began = "began",
        Worse = "worse",
        Ended = "ended",
        /// It began and ended before it could be told.
        Passed = "passed",
        /// It comes and goes: nothing more is told of it until it has been quiet for a while.
        Flaps = "flaps",
    }

    /// Why a message did not arrive. Its sentences are `send-trouble-WORD` and `send-trouble-WORD-next`.
    SendTrouble {
        /// No such host, no connection, or it broke.
        Unreachable = "unreachable",
        /// Not an address that cake sends to.
        Forbidden = "forbidden",
        /// Its certificate is not trusted, or it does not speak TLS.
        Tls = "tls",
        /// The user, the password or the token is not taken.
        Login = "login",
        /// It was understood and not taken.
        Refused = "refused",
        /// Nothing came back in time.
        Silent = "silent",
        /// The secret was sealed elsewhere and can't be opened here.
        Sealed = "sealed",
    }
}

impl AlertTurn {
    /// What it tells of is no more.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Ended | Self::Passed)
    }
}

/// What is to be told now. It is written down before it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The same however often it is sent, so that a receiver can know it again.
    pub id: Uuid,
    pub at: Timestamp,
    /// What has one cause stands together, in the order of the causes; of the rest the worst first.
    pub items: Vec<MessageItem>,
    /// What lies beneath several of them, the weightiest first; their alerts, those that are not of this message too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Grouping>,
    /// So many turns more, that are not named.
    #[serde(default)]
    pub more: usize,
    /// So many messages were sent within an hour that the next one waits until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_until: Option<Timestamp>,
    /// Somebody tries the channel.
    #[serde(default)]
    pub test: bool,
    /// It tells of a week, and of nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub week: Option<Box<Week>>,
}

impl Message {
    pub fn test(id: Uuid, at: Timestamp) -> Self {
        Self { id, at, items: Vec::new(), causes: Vec::new(), more: 0, quiet_until: None, test: true, week: None }
    }

    pub fn of_week(id: Uuid, at: Timestamp, week: Week) -> Self {
        Self { test: false, week: Some(Box::new(week)), ..Self::test(id, at) }
    }

    /// The worst that is so: what has ended is none.
    pub fn severity(&self) -> Severity {
        let so = self.items.iter().filter(|item| !item.turn.is_over());
        so.map(|item| item.alert.severity).max().unwrap_or(Severity::Info)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageItem {
    pub turn: AlertTurn,
    pub alert: Alert,
}

/// What the receivers of a channel know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    #[serde(default)]
    pub known: BTreeMap<AlertId, Known>,
    /// Messages of the last hour.
    #[serde(default)]
    pub sent: Vec<Timestamp>,
}

/// What they were told of an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    pub kind: AlertKind,
    pub severity: Severity,
    pub subject: Subject,
    pub since: Timestamp,
    /// They know that it is over, since then. It is remembered for a while, to see whether it comes and goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<Timestamp>,
    /// When it began lately, as far as that was told.
    #[serde(default)]
    pub begun: Vec<Timestamp>,
    /// It comes and goes, and they know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flaps: Option<Flaps>,
}

/// How something that comes and goes was seen last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flaps {
    pub open: bool,
    pub since: Timestamp,
}

/// How a channel stands, in one record: what was told and what is to be sent change together, whenever cake dies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelState {
    #[serde(default)]
    pub told: Told,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outgoing: Option<Outgoing>,
    /// When the last letter about a week was due that was written, or the channel began to take them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weekly: Option<Timestamp>,
    /// When something last arrived, and what the receiver said to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrived: Option<Arrived>,
    /// Nothing has arrived since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing: Option<Failing>,
}

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    pub message: Message,
    #[serde(default)]
    pub tries: u32,
    pub next: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrived {
    pub at: Timestamp,
    pub answer: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    pub since: Timestamp,
    /// Of the last try.
    pub at: Timestamp,
    pub trouble: SendTrouble,
    /// What the receiver or the system said, untranslated.
    pub detail: String,
}
