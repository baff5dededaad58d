//! `/v1/channels`: who is told of alerts outside of the console.

use super::accounts::language;
use super::{Nothing, word};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use cake_control::caller::Answer;
use cake_control::channels::send::Undelivered;
use cake_control::channels::{
    self as control, ChannelView, NewMail, NewSnmp, NewSyslog, NewWay, NewWebhook, Sender, Speak,
};
use cake_i18n::{Catalogue, letter};
use cake_planner::names;
use cake_types::{
    self as domain, Arrived, ChannelSpec, ChannelState, Failing, Language, Letter, MailSecurity, MailSpec, Meta,
    Problem, SendTrouble, Severity, SnmpSpec, SyslogProtocol, SyslogSpec, Way, WebhookSpec, WebhookTemplate,
};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::ask::{Ask, IfMatch, Params, Reader, answer_response, etag, plain, ready_json, tagged};
use crate::body::{Json, Maybe};
use crate::page::Paging;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// Somebody who is told of alerts. Secrets are never shown.
#[derive(Serialize, ToSchema)]
pub struct Channel {
    pub id: Uuid,
    pub name: String,
    /// `mail`, `webhook`, `syslog`, `snmp`.
    pub kind: &'static str,
    /// Of the messages: `en`, `zh-Hant-TW`.
    pub language: &'static str,
    /// The least that is told: `info`, `warning`, `error`.
    pub severity: String,
    pub on: bool,
    /// A letter about the week goes there every Monday at 8.
    pub weekly: bool,
    pub mail: Option<Mail>,
    pub webhook: Option<Webhook>,
    pub syslog: Option<Syslog>,
    pub snmp: Option<Snmp>,
    pub state: ChannelNow,
    #[schema(value_type = String, format = "date-time")]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    pub updated_at: Timestamp,
    /// For If-Match.
    pub etag: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChannelMail)]
pub struct Mail {
    pub host: String,
    pub port: u16,
    /// `starttls`, `tls`, `none`.
    pub security: &'static str,
    pub user: Option<String>,
    pub has_password: bool,
    pub from: String,
    pub to: Vec<String>,
    /// The only authority that its certificate may come from, in PEM.
    pub authority: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChannelWebhook)]
pub struct Webhook {
    /// `json`, `slack`, `teams`, `line`, `discord`.
    pub template: &'static str,
    /// Of its address, which is a secret otherwise.
    pub host: String,
    pub has_token: bool,
    pub recipient: Option<String>,
    pub authority: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChannelSyslog)]
pub struct Syslog {
    pub host: String,
    pub port: u16,
    /// `udp`, `tcp`.
    pub protocol: &'static str,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChannelSnmp)]
pub struct Snmp {
    pub host: String,
    pub port: u16,
}

/// How it stands.
#[derive(Serialize, ToSchema)]
#[schema(as = ChannelState)]
pub struct ChannelNow {
    /// When something last arrived.
    #[schema(value_type = Option<String>, format = "date-time")]
    pub arrived_at: Option<Timestamp>,
    /// What the receiver said to it.
    pub answer: Option<String>,
    /// Nothing has arrived since.
    pub failing: Option<ChannelFailing>,
    /// A message waits to be sent (again).
    pub waiting: bool,
}

#[derive(Serialize, ToSchema)]
pub struct ChannelFailing {
    #[schema(value_type = String, format = "date-time")]
    pub since: Timestamp,
    /// Of the last try.
    #[schema(value_type = String, format = "date-time")]
    pub at: Timestamp,
    /// `unreachable`, `forbidden`, `tls`, `login`, `refused`, `silent`, `sealed`.
    pub trouble: &'static str,
    /// What the receiver or the system said, untranslated.
    pub detail: String,
}

#[derive(Serialize, ToSchema)]
pub struct ChannelList {
    pub items: Vec<Channel>,
    pub next: Option<String>,
}

/// What came of a test.
#[derive(Serialize, ToSchema)]
pub struct ChannelTest {
    pub delivered: bool,
    /// What the receiver said.
    pub answer: String,
    /// As in `failing`.
    pub trouble: Option<&'static str>,
    /// What came of it, in the reader's language.
    pub said: String,
}

impl From<&ChannelView> for Channel {
    fn from(view: &ChannelView) -> Self {
        let ChannelState { told: _, outgoing, weekly: _, arrived, failing } = &view.state;
        let state = ChannelNow {
            arrived_at: arrived.as_ref().map(|arrived| arrived.at),
            answer: arrived.as_ref().map(|Arrived { at: _, answer }| answer.clone()),
            failing: failing.as_ref().map(ChannelFailing::from),
            waiting: outgoing.is_some(),
        };
        Self { state, ..Self::from(&view.channel) }
    }
}

impl From<&domain::Channel> for Channel {
    /// As it is when nothing was sent yet.
    fn from(channel: &domain::Channel) -> Self {
        let domain::Channel { meta, spec } = channel;
        let Meta { id, project: _, name, generation, created_at, updated_at } = meta;
        let ChannelSpec { way, language, least, on, weekly } = spec;
        let (mut mail, mut webhook, mut syslog, mut snmp) = (None, None, None, None);
        match way {
            Way::Mail(spec) => mail = Some(Mail::from(spec)),
            Way::Webhook(spec) => webhook = Some(Webhook::from(spec)),
            Way::Syslog(spec) => syslog = Some(Syslog::from(spec)),
            Way::Snmp(spec) => snmp = Some(Snmp::from(spec)),
        }
        Self {
            id: id.0,
            name: name.to_string(),
            kind: way.kind(),
            language: language.tag(),
            severity: word(least),
            on: *on,
            weekly: *weekly,
            mail,
            webhook,
            syslog,
            snmp,
            state: ChannelNow { arrived_at: None, answer: None, failing: None, waiting: false },
            created_at: *created_at,
            updated_at: *updated_at,
            etag: etag(*generation),
        }
    }
}

impl From<&MailSpec> for Mail {
    fn from(spec: &MailSpec) -> Self {
        let MailSpec { host, port, security, user, password, from, to, authority } = spec;
        Self {
            host: host.clone(),
            port: *port,
            security: security.as_str(),
            user: user.clone(),
            has_password: password.is_some(),
            from: from.clone(),
            to: to.clone(),
            authority: authority.clone(),
        }
    }
}

impl From<&WebhookSpec> for Webhook {
    fn from(spec: &WebhookSpec) -> Self {
        let WebhookSpec { template, url: _, host, token, recipient, authority } = spec;
        Self {
            template: template.as_str(),
            host: host.clone(),
            has_token: token.is_some(),
            recipient: recipient.clone(),
            authority: authority.clone(),
        }
    }
}

impl From<&SyslogSpec> for Syslog {
    fn from(spec: &SyslogSpec) -> Self {
        let SyslogSpec { host, port, protocol } = spec;
        Self { host: host.clone(), port: *port, protocol: protocol.as_str() }
    }
}

impl From<&SnmpSpec> for Snmp {
    fn from(spec: &SnmpSpec) -> Self {
        let SnmpSpec { host, port, community: _ } = spec;
        Self { host: host.clone(), port: *port }
    }
}

impl From<&Failing> for ChannelFailing {
    fn from(failing: &Failing) -> Self {
        let Failing { since, at, trouble, detail } = failing;
        Self { since: *since, at: *at, trouble: trouble.as_str(), detail: detail.clone() }
    }
}

/// The words of messages.
pub struct Letters;

impl Speak for Letters {
    fn letter(&self, message: &domain::Message, language: Language, sender: &Sender) -> Letter {
        let Sender { name, url, zone } = sender;
        Catalogue::get(language).letter(message, &letter::From { name, url, zone })
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewChannel {
    pub name: String,
    /// `en` or `zh-Hant-TW`; the console's where nothing is said.
    #[serde(default)]
    pub language: Option<String>,
    /// The least that is told: `info`, `warning` (where nothing is said), `error`.
    #[serde(default)]
    pub severity: Option<String>,
    #[serde(default)]
    pub on: Option<bool>,
    /// Of mail and webhooks alone.
    #[serde(default)]
    pub weekly: Option<bool>,
    /// One of these four.
    #[serde(default)]
    pub mail: Option<MailChange>,
    #[serde(default)]
    pub webhook: Option<WebhookChange>,
    #[serde(default)]
    pub syslog: Option<SyslogChange>,
    #[serde(default)]
    pub snmp: Option<SnmpChange>,
}

/// A mail server that takes what cake sends.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MailChange {
    pub host: String,
    /// 587 with `starttls`, 465 with `tls`, 25 with `none`, where nothing is said.
    #[serde(default)]
    pub port: Option<u16>,
    /// `starttls` (where nothing is said), `tls`, `none`.
    #[serde(default)]
    pub security: Option<String>,
    #[serde(default)]
    pub user: Option<String>,
    /// Absent: the one of before, where host, port and user are the same.
    #[serde(default)]
    pub password: Option<String>,
    /// `cake@example.com`, or `Rack 1 <cake@example.com>`.
    pub from: String,
    /// At most 20.
    pub to: Vec<String>,
    /// The only authority that its certificate may come from, in PEM.
    #[serde(default)]
    pub authority: Option<String>,
}

/// A web address that takes messages.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookChange {
    /// `json`, `slack`, `teams`, `line`, `discord`.
    pub template: String,
    /// Absent: the one of before; LINE's own for `line`.
    #[serde(default)]
    pub url: Option<String>,
    /// Sent as `Authorization: Bearer`. Absent: the one of before, where `url` is absent too.
    #[serde(default)]
    pub token: Option<String>,
    /// For `line`: the id of a user, a group or a room.
    #[serde(default)]
    pub recipient: Option<String>,
    #[serde(default)]
    pub authority: Option<String>,
}

/// A collector of logs (RFC 5424).
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SyslogChange {
    pub host: String,
    /// 514 where nothing is said.
    #[serde(default)]
    pub port: Option<u16>,
    /// `udp` (where nothing is said), `tcp`.
    #[serde(default)]
    pub protocol: Option<String>,
}

/// A receiver of SNMP traps, version 2c.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SnmpChange {
    pub host: String,
    /// 162 where nothing is said.
    #[serde(default)]
    pub port: Option<u16>,
    /// Absent: the one of before, where host and port are the same.
    #[serde(default)]
    pub community: Option<String>,
}

/// What shall be different. `mail`, `webhook` and so on are given whole; their secrets may be left out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelPatch {
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub language: Option<String>,
    #[serde(default)]
    pub severity: Option<String>,
    #[serde(default)]
    pub on: Option<bool>,
    /// Of mail and webhooks alone.
    #[serde(default)]
    pub weekly: Option<bool>,
    #[serde(default)]
    pub mail: Option<MailChange>,
    #[serde(default)]
    pub webhook: Option<WebhookChange>,
    #[serde(default)]
    pub syslog: Option<SyslogChange>,
    #[serde(default)]
    pub snmp: Option<SnmpChange>,
}

fn severity(text: &str) -> Result<Severity, Problem> {
    let all = [Severity::Info, Severity::Warning, Severity::Error];
    let found = all.into_iter().find(|severity| word(severity) == text);
    found.ok_or_else(|| Problem::invalid("severity", "severity").at("/severity"))
}

/// The four ways in which a request can name a receiver, of which it names one at most.
struct Ways {
    mail: Option<MailChange>,
    webhook: Option<WebhookChange>,
    syslog: Option<SyslogChange>,
    snmp: Option<SnmpChange>,
}

impl Ways {
    fn read(self) -> Result<Option<NewWay>, Problem> {
        let Self { mail, webhook, syslog, snmp } = self;
        let named = [
            mail.map(|mail| read_mail(mail).map(NewWay::Mail)),
            webhook.map(|webhook| read_webhook(webhook).map(NewWay::Webhook)),
            syslog.map(|syslog| read_syslog(syslog).map(NewWay::Syslog)),
            snmp.map(|snmp| Ok(NewWay::Snmp(read_snmp(snmp)))),
        ];
        let mut named = named.into_iter().flatten();
        let first = named.next().transpose()?;
        if named.next().is_some() { Err(one_way()) } else { Ok(first) }
    }
}

fn one_way() -> Problem {
    Problem::invalid("mail", "channel-one-way").at("/mail")
}

fn read_mail(change: MailChange) -> Result<NewMail, Problem> {
    let MailChange { host, port, security, user, password, from, to, authority } = change;
    let text = security.unwrap_or_else(|| MailSecurity::Starttls.as_str().into());
    let known = MailSecurity::from_word(&text);
    let security = known.ok_or_else(|| Problem::invalid("security", "mail-security").at("/mail/security"))?;
    Ok(NewMail { host, port, security, user, password: password.map(Zeroizing::new), from, to, authority })
}

fn read_webhook(change: WebhookChange) -> Result<NewWebhook, Problem> {
    let WebhookChange { template, url, token, recipient, authority } = change;
    let known = WebhookTemplate::from_word(&template);
    let template = known.ok_or_else(|| Problem::invalid("template", "webhook-template").at("/webhook/template"))?;
    let (url, token) = (url.map(Zeroizing::new), token.map(Zeroizing::new));
    Ok(NewWebhook { template, url, token, recipient, authority })
}

fn read_syslog(SyslogChange { host, port, protocol }: SyslogChange) -> Result<NewSyslog, Problem> {
    let text = protocol.unwrap_or_else(|| SyslogProtocol::Udp.as_str().into());
    let known = SyslogProtocol::from_word(&text);
    let protocol = known.ok_or_else(|| Problem::invalid("protocol", "syslog-protocol").at("/syslog/protocol"))?;
    Ok(NewSyslog { host, port, protocol })
}

fn read_snmp(SnmpChange { host, port, community }: SnmpChange) -> NewSnmp {
    NewSnmp { host, port, community: community.map(Zeroizing::new) }
}

fn created(channel: &domain::Channel) -> Answer {
    let location = Some(format!("/v1/channels/{}", channel.meta.id));
    let etag = Some(etag(channel.meta.generation));
    Answer { status: 201, etag, location, ..plain(&Channel::from(channel)) }
}

/// All channels, by name.
#[utoipa::path(get, path = "/v1/channels", operation_id = "channel_list", tag = "channels",
    params(("limit" = Option<usize>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = ChannelList), (status = "default", body = ProblemBody)))]
pub(crate) async fn list(State(api): State<Api>, Params(page): Params<Paging>) -> Result<Response, Refused> {
    let mut views = api.channels.list();
    views.sort_by_key(|view| view.channel.meta.id);
    let (items, next) = page.part(views, |view| view.channel.meta.id.0)?;
    let items = items.iter().map(Channel::from).collect();
    Ok(ready_json(serde_json::to_vec(&ChannelList { items, next }).expect("channels are JSON")))
}

/// One channel, by id or name.
#[utoipa::path(get, path = "/v1/channels/{channel}", operation_id = "channel_get", tag = "channels",
    params(("channel" = String, Path)),
    responses((status = 200, body = Channel, headers(("ETag" = String))), (status = "default", body = ProblemBody)))]
pub(crate) async fn get(State(api): State<Api>, Path(channel): Path<String>) -> Result<Response, Refused> {
    let view = api.channels.find(&channel)?;
    Ok(tagged(view.channel.meta.generation, &Channel::from(&view)))
}

/// Tells somebody more from now on: first what is so at this moment.
#[utoipa::path(post, path = "/v1/channels", operation_id = "channel_create", tag = "channels",
    request_body = NewChannel, params(("Idempotency-Key" = String, Header)),
    responses((status = 201, body = Channel), (status = "default", body = ProblemBody)))]
pub(crate) async fn create(State(api): State<Api>, ask: Ask, Json(new): Json<NewChannel>) -> Result<Response, Refused> {
    let NewChannel { name, language: tag, severity: least, on, weekly, mail, webhook, syslog, snmp } = new;
    let new = control::NewChannel {
        name: names::name(&name, "/name")?,
        language: language(tag)?,
        least: least.as_deref().map_or(Ok(Severity::Warning), severity)?,
        on: on.unwrap_or(true),
        weekly,
        way: Ways { mail, webhook, syslog, snmp }.read()?.ok_or_else(one_way)?,
    };
    let channel = api.channels.create(&ask.caller, new, &ask.keep(created)).await?;
    Ok(answer_response(created(&channel)))
}

/// Changes a channel.
#[utoipa::path(patch, path = "/v1/channels/{channel}", operation_id = "channel_update", tag = "channels",
    request_body = ChannelPatch, params(("channel" = String, Path), ("If-Match" = String, Header)),
    responses((status = 200, body = Channel, headers(("ETag" = String))), (status = "default", body = ProblemBody)))]
pub(crate) async fn update(
    State(api): State<Api>,
    Path(channel): Path<String>,
    ask: Ask,
    seen: IfMatch,
    Json(patch): Json<ChannelPatch>,
) -> Result<Response, Refused> {
    let ChannelPatch { name, language: tag, severity: least, on, weekly, mail, webhook, syslog, snmp } = patch;
    let id = api.channels.find(&channel)?.channel.meta.id;
    let patch = control::ChannelPatch {
        name: name.map(|name| names::name(&name, "/name")).transpose()?,
        language: language(tag)?,
        least: least.as_deref().map(severity).transpose()?,
        on,
        weekly,
        way: Ways { mail, webhook, syslog, snmp }.read()?,
    };
    let view = api.channels.update(&ask.caller, id, patch, |generation| seen.check(generation)).await?;
    Ok(tagged(view.channel.meta.generation, &Channel::from(&view)))
}

/// Tells them nothing more.
#[utoipa::path(delete, path = "/v1/channels/{channel}", operation_id = "channel_delete", tag = "channels",
    params(("channel" = String, Path), ("If-Match" = String, Header)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
pub(crate) async fn delete(
    State(api): State<Api>,
    Path(channel): Path<String>,
    ask: Ask,
    seen: IfMatch,
    Maybe(Nothing {}): Maybe<Nothing>,
) -> Result<Response, Refused> {
    let id = api.channels.find(&channel)?.channel.meta.id;
    api.channels.delete(&ask.caller, id, |generation| seen.check(generation)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Sends a message that says that it is a test, and says what the receiver answers. It takes half a minute at most.
#[utoipa::path(post, path = "/v1/channels/{channel}/test", operation_id = "channel_test", tag = "channels",
    params(("channel" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = ChannelTest), (status = "default", body = ProblemBody)))]
pub(crate) async fn test(
    State(api): State<Api>,
    Path(channel): Path<String>,
    ask: Ask,
    reader: Reader,
    Maybe(Nothing {}): Maybe<Nothing>,
) -> Result<Response, Refused> {
    let view = api.channels.find(&channel)?;
    let sent = api.channels.test(&ask.caller, view.channel.meta.id).await?;
    let words = Catalogue::get(reader.language);
    let told = match sent {
        Ok(answer) => {
            let said = words.text_with("channel-test-arrived", &[("answer", &answer)]);
            ChannelTest { delivered: true, answer, trouble: None, said }
        }
        Err(Undelivered { trouble, detail }) => {
            let said = trouble_said(words, trouble, &detail);
            ChannelTest { delivered: false, answer: detail, trouble: Some(trouble.as_str()), said }
        }
    };
    Ok(answer_response(plain(&told)))
}

fn trouble_said(words: &cake_i18n::Words, trouble: SendTrouble, detail: &str) -> String {
    let part = |end: &str| words.text_of(&format!("send-trouble-{}{end}", trouble.as_str()));
    words.text_with("channel-test-failed", &[("why", part("")), ("detail", detail), ("next", part("-next"))])
}
