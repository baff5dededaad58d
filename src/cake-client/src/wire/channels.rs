//! Who is told of alerts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Channel {
    pub id: Uuid,
    pub name: String,
    pub kind: String,
    pub language: String,
    pub severity: String,
    pub on: bool,
    pub weekly: bool,
    pub mail: Option<ChannelMail>,
    pub webhook: Option<ChannelWebhook>,
    pub syslog: Option<ChannelSyslog>,
    pub snmp: Option<ChannelSnmp>,
    pub state: ChannelState,
    pub etag: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ChannelMail {
    pub host: String,
    pub port: u16,
    pub security: String,
    pub user: Option<String>,
    pub has_password: bool,
    pub from: String,
    pub to: Vec<String>,
    pub authority: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ChannelWebhook {
    pub template: String,
    pub host: String,
    pub has_token: bool,
    pub recipient: Option<String>,
    pub authority: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ChannelSyslog {
    pub host: String,
    pub port: u16,
    pub protocol: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ChannelSnmp {
    pub host: String,
    pub port: u16,
}

/// How it stands.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ChannelState {
    pub arrived_at: Option<Timestamp>,
    pub answer: Option<String>,
    pub failing: Option<ChannelFailing>,
    pub waiting: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ChannelFailing {
    pub since: Option<Timestamp>,
    pub at: Option<Timestamp>,
    pub trouble: String,
    pub detail: String,
}

/// What came of a test.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ChannelTest {
    pub delivered: bool,
    pub answer: String,
    pub trouble: Option<String>,
    /// In the reader's language.
    pub said: String,
}

/// A channel as somebody wants it, or what shall be different.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ChannelChange {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weekly: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<MailChange>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookChange>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syslog: Option<SyslogChange>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snmp: Option<SnmpChange>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct SyslogChange {
    pub host: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
}

#[derive(Clone, Default, Serialize)]
pub struct SnmpChange {
    pub host: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub community: Option<String>,
}

impl std::fmt::Debug for SnmpChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SnmpChange({}, …)", self.host)
    }
}

#[derive(Clone, Default, Serialize)]
pub struct MailChange {
    pub host: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    pub from: String,
    pub to: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
}

#[derive(Clone, Default, Serialize)]
pub struct WebhookChange {
    pub template: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
}

impl std::fmt::Debug for MailChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MailChange({}, …)", self.host)
    }
}

impl std::fmt::Debug for WebhookChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WebhookChange({}, …)", self.template)
    }
}
