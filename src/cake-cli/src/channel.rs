//! `cake channel …`: who is told of alerts outside of the console.

use crate::account;
use crate::args::{
    ChannelAddCommand, ChannelCommand, ChannelMailArgs, ChannelSetArgs, ChannelToldArgs, ChannelWebhookArgs,
};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{self, Align};
use cake_client::Seen;
use cake_client::wire::{Channel, ChannelChange, MailChange, SnmpChange, SyslogChange, WebhookChange};
use std::path::Path;

pub async fn run(context: &Context, command: ChannelCommand) -> Result<(), Failure> {
    match command {
        ChannelCommand::List => list(context).await,
        ChannelCommand::Show { channel } => show(context, &context.client()?.channel(&channel).await?),
        ChannelCommand::Add(ChannelAddCommand::Mail { name, mail, told }) => {
            let weekly = mail.weekly;
            let mail = Some(new_mail(context, mail)?);
            create(context, name, told, ChannelChange { mail, weekly, ..ChannelChange::default() }).await
        }
        ChannelCommand::Add(ChannelAddCommand::Webhook { name, webhook, told }) => {
            let weekly = webhook.weekly;
            let webhook = Some(new_webhook(context, webhook)?);
            create(context, name, told, ChannelChange { webhook, weekly, ..ChannelChange::default() }).await
        }
        ChannelCommand::Add(ChannelAddCommand::Syslog { name, host, port, protocol, told }) => {
            let syslog = Some(SyslogChange { host, port, protocol });
            create(context, name, told, ChannelChange { syslog, ..ChannelChange::default() }).await
        }
        ChannelCommand::Add(ChannelAddCommand::Snmp { name, host, port, community_stdin, told }) => {
            let community = Some(account::password(context, community_stdin, "cli-ask-password")?);
            let snmp = Some(SnmpChange { host, port, community });
            create(context, name, told, ChannelChange { snmp, ..ChannelChange::default() }).await
        }
        ChannelCommand::Set(args) => set(context, args).await,
        ChannelCommand::Remove { channel } => {
            let client = context.client()?;
            let seen = client.channel(&channel).await?;
            client.remove_channel(&seen).await?;
            if context.json {
                return output::print(&seen.json);
            }
            context.say("cli-channel-removed", &[("name", &seen.name)]);
            Ok(())
        }
        ChannelCommand::Test { channel } => test(context, &channel).await,
    }
}

async fn list(context: &Context) -> Result<(), Failure> {
    let seen = context.client()?.channels().await?;
    let columns = [
        ("cli-col-name", Align::Text),
        ("cli-col-channel", Align::Text),
        ("cli-col-receiver", Align::Text),
        ("cli-col-from-severity", Align::Text),
        ("cli-col-state", Align::Text),
    ];
    let row = |channel: &Channel| {
        vec![
            channel.name.clone(),
            output::known(context.words, &format!("channel-{}", channel.kind), &channel.kind),
            receiver(channel),
            output::known(context.words, &format!("severity-{}", channel.severity), &channel.severity),
            state(context, channel),
        ]
    };
    context.list(&seen.json, &columns, seen.items.iter().map(row).collect())
}

/// Where it goes, on one line.
fn receiver(channel: &Channel) -> String {
    let mail = channel.mail.as_ref().map(|mail| mail.to.join(", "));
    let webhook = channel.webhook.as_ref().map(|webhook| webhook.host.clone());
    let syslog = channel.syslog.as_ref();
    let syslog = syslog.map(|syslog| format!("{}:{} ({})", syslog.host, syslog.port, syslog.protocol));
    let snmp = channel.snmp.as_ref().map(|snmp| format!("{}:{}", snmp.host, snmp.port));
    mail.or(webhook).or(syslog).or(snmp).unwrap_or_default()
}

fn state(context: &Context, channel: &Channel) -> String {
    let id = match &channel.state {
        _ if !channel.on => "channel-off",
        state if state.failing.is_some() => "channel-failing",
        state if state.arrived_at.is_some() => "channel-works",
        _ => "channel-untried",
    };
    context.text(id).to_owned()
}

fn show(context: &Context, seen: &Seen<Channel>) -> Result<(), Failure> {
    let words = context.words;
    let word = |prefix: &str, word: &str| output::known(words, &format!("{prefix}{word}"), word);
    let (mail, webhook) = (seen.mail.as_ref(), seen.webhook.as_ref());
    let failing = seen.state.failing.as_ref();
    context.facts(
        &seen.json,
        &[
            ("cli-col-name", Some(seen.name.clone())),
            ("cli-col-channel", Some(word("channel-", &seen.kind))),
            ("cli-col-state", Some(state(context, seen))),
            ("cli-col-from-severity", Some(word("severity-", &seen.severity))),
            ("field-language", Some(seen.language.clone())),
            ("channel-weekly", seen.weekly.then(|| context.text("cli-yes").to_owned())),
            ("field-mail-host", mail.map(|mail| format!("{}:{}", mail.host, mail.port))),
            ("field-mail-security", mail.map(|mail| word("mail-security-", &mail.security))),
            ("cli-col-user", mail.and_then(|mail| mail.user.clone())),
            ("field-mail-from", mail.map(|mail| mail.from.clone())),
            ("field-mail-to", mail.map(|mail| mail.to.join(", "))),
            ("field-webhook-template", webhook.map(|webhook| word("webhook-template-", &webhook.template))),
            ("cli-col-receiver", mail.is_none().then(|| receiver(seen))),
            ("field-webhook-recipient", webhook.and_then(|webhook| webhook.recipient.clone())),
            ("channel-arrived", seen.state.arrived_at.map(|at| context.time(Some(at)))),
            ("channel-answer", seen.state.answer.clone()),
            ("channel-failing-since", failing.map(|failing| context.time(failing.since))),
            ("channel-trouble", failing.map(|failing| word("send-trouble-", &failing.trouble))),
            ("channel-detail", failing.map(|failing| failing.detail.clone())),
        ],
    )
}

async fn create(
    context: &Context,
    name: String,
    ChannelToldArgs { language, severity }: ChannelToldArgs,
    change: ChannelChange,
) -> Result<(), Failure> {
    let new = ChannelChange { name: Some(name), language, severity, ..change };
    let seen = context.client()?.create_channel(&new).await?;
    if context.json {
        return output::print(&seen.json);
    }
    context.say("cli-channel-added", &[("name", &seen.name)]);
    Ok(())
}

async fn test(context: &Context, channel: &str) -> Result<(), Failure> {
    let told = context.client()?.test_channel(channel).await?;
    if context.json {
        output::print(&told.json)?;
    }
    // Scripts see by the exit code what came of it.
    if !told.delivered {
        return Err(Failure::Told(told.said.clone()));
    }
    if !context.json {
        println!("{}", told.said);
    }
    Ok(())
}

fn new_mail(context: &Context, args: ChannelMailArgs) -> Result<MailChange, Failure> {
    let ChannelMailArgs { host, port, security, user, password_stdin, from, to, authority, weekly: _ } = args;
    let password = match password_stdin {
        true => Some(account::password(context, true, "cli-ask-password")?),
        false => None,
    };
    let authority = authority.as_deref().map(read).transpose()?;
    Ok(MailChange { host, port, security, user, password, from, to, authority })
}

fn new_webhook(context: &Context, args: ChannelWebhookArgs) -> Result<WebhookChange, Failure> {
    let ChannelWebhookArgs { template, url_stdin, token_stdin, recipient, authority, weekly: _ } = args;
    let (url, token) = secrets(context, url_stdin, token_stdin)?;
    let authority = authority.as_deref().map(read).transpose()?;
    Ok(WebhookChange { template, url, token, recipient, authority })
}

/// From standard input: the address on the first line, the token after it; each alone where only one is asked for.
fn secrets(context: &Context, url: bool, token: bool) -> Result<(Option<String>, Option<String>), Failure> {
    if !url && !token {
        return Ok((None, None));
    }
    let text = account::password(context, true, "cli-ask-password")?;
    let text = text.trim();
    Ok(match (url, token) {
        (true, true) => {
            let (url, token) = text.split_once('\n').unwrap_or((text, ""));
            (Some(url.trim().to_owned()), Some(token.trim().to_owned()))
        }
        (true, false) => (Some(text.to_owned()), None),
        (false, _) => (None, Some(text.to_owned())),
    })
}

fn read(path: &Path) -> Result<String, Failure> {
    Ok(std::fs::read_to_string(path)?)
}

async fn set(context: &Context, args: ChannelSetArgs) -> Result<(), Failure> {
    let client = context.client()?;
    let seen = client.channel(&args.channel).await?;
    let mail = changed_mail(context, &seen, &args)?;
    let webhook = changed_webhook(context, &seen, &args)?;
    let (syslog, snmp) = changed_place(context, &seen, &args)?;
    let ChannelSetArgs { name, told: ChannelToldArgs { language, severity }, on, off, weekly, .. } = args;
    let on = if on || off { Some(on) } else { None };
    let change = ChannelChange { name, language, severity, on, weekly, mail, webhook, syslog, snmp };
    show(context, &client.change_channel(&seen, &change).await?)
}

/// All of it, with what is different; nothing where nothing is.
fn changed_mail(context: &Context, seen: &Channel, args: &ChannelSetArgs) -> Result<Option<MailChange>, Failure> {
    let ChannelSetArgs { host, port, security, user, password_stdin, from, to, .. } = args;
    let same = host.is_none() && port.is_none() && security.is_none() && user.is_none() && from.is_none();
    let Some(now) = seen.mail.clone().filter(|_| !same || !to.is_empty() || *password_stdin) else { return Ok(None) };
    let password = match password_stdin {
        true => Some(account::password(context, true, "cli-ask-password")?),
        false => None,
    };
    Ok(Some(MailChange {
        host: host.clone().unwrap_or(now.host),
        port: port.or((security.is_none()).then_some(now.port)),
        security: security.clone().or(Some(now.security)),
        user: user.clone().or(now.user),
        password,
        from: from.clone().unwrap_or(now.from),
        to: if to.is_empty() { now.to } else { to.clone() },
        authority: now.authority,
    }))
}

fn changed_webhook(context: &Context, seen: &Channel, args: &ChannelSetArgs) -> Result<Option<WebhookChange>, Failure> {
    let ChannelSetArgs { url_stdin, token_stdin, recipient, .. } = args;
    let changed = *url_stdin || *token_stdin || recipient.is_some();
    let Some(now) = seen.webhook.clone().filter(|_| changed) else { return Ok(None) };
    let (url, token) = secrets(context, *url_stdin, *token_stdin)?;
    let recipient = recipient.clone().or(now.recipient);
    Ok(Some(WebhookChange { template: now.template, url, token, recipient, authority: now.authority }))
}

/// Of those that are only a machine and its port. The community goes with the machine.
fn changed_place(
    context: &Context,
    seen: &Channel,
    args: &ChannelSetArgs,
) -> Result<(Option<SyslogChange>, Option<SnmpChange>), Failure> {
    let ChannelSetArgs { host, port, protocol, community_stdin, .. } = args;
    let changed = host.is_some() || port.is_some();
    let syslog = seen.syslog.clone().filter(|_| changed || protocol.is_some()).map(|now| SyslogChange {
        host: host.clone().unwrap_or(now.host),
        port: port.or(Some(now.port)),
        protocol: protocol.clone().or(Some(now.protocol)),
    });
    let Some(now) = seen.snmp.clone().filter(|_| changed || *community_stdin) else { return Ok((syslog, None)) };
    let community = match community_stdin {
        true => Some(account::password(context, true, "cli-ask-password")?),
        false => None,
    };
    let host = host.clone().unwrap_or(now.host);
    Ok((syslog, Some(SnmpChange { host, port: port.or(Some(now.port)), community })))
}
