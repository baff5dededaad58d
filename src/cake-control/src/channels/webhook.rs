//! Webhooks: one message as a JSON document, in the form that the receiver understands.

use cake_types::{
    CauseVerdict, Grouping, Letter, LetterBlock, LetterHead, LetterPart, Message, SecretKey, SendTrouble, Tone,
    WebhookSpec, WebhookTemplate,
};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, StatusCode, Url};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

use super::send::{Undelivered, open};
use crate::error::chain;
use crate::reach::{self, Forbidden, Guarded};

const CONNECT: Duration = Duration::from_secs(15);
/// More of an answer is not read.
const ANSWER_BYTES: usize = 4096;
/// LINE takes 5,000 characters (UTF-16 units) in a text, Discord 2,000 in its content: the least of all, with room for the rest.
const TEXT_MAX: usize = 1900;

pub async fn send(
    spec: &WebhookSpec,
    message: &Message,
    letter: &Letter,
    key: &SecretKey,
) -> Result<String, Undelivered> {
    let secret = open(&spec.url, key)?;
    let url: Url = secret.parse().map_err(|_| Undelivered::new(SendTrouble::Forbidden, &spec.host))?;
    if !reach::may_be(&url) {
        return Err(Undelivered::new(SendTrouble::Forbidden, &spec.host));
    }
    let mut request = client(spec)?.post(url).json(&body(spec, message, letter));
    if let Some(token) = &spec.token {
        request = request.bearer_auth(open(token, key)?.as_str());
    }
    if spec.template == WebhookTemplate::Line {
        // LINE drops what it has seen under the same key: sent twice, it arrives once.
        request = request.header("X-Line-Retry-Key", message.id.to_string());
    }
    let answer = request.send().await.map_err(|error| explain(error, &spec.host))?;
    let status = answer.status();
    let said = beginning(answer).await;
    let line = format!("{} {}", status.as_u16(), said);
    match status {
        // LINE says so to what it has taken already.
        StatusCode::CONFLICT if spec.template == WebhookTemplate::Line => Ok(line),
        status if status.is_success() => Ok(line),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Undelivered::new(SendTrouble::Login, line)),
        _ => Err(Undelivered::new(SendTrouble::Refused, line)),
    }
}

fn client(spec: &WebhookSpec) -> Result<Client, Undelivered> {
    let tls = |error: reqwest::Error| Undelivered::new(SendTrouble::Tls, chain(&error));
    let builder = Client::builder()
        .user_agent(concat!("cake/", env!("CARGO_PKG_VERSION")))
        .no_proxy()
        .connect_timeout(CONNECT)
        .dns_resolver(Arc::new(Guarded))
        // What was meant for one receiver is not handed to another.
        .redirect(Policy::none());
    let builder = match &spec.authority {
        Some(pem) => builder.tls_certs_only([Certificate::from_pem(pem.as_bytes()).map_err(tls)?]),
        None => builder,
    };
    builder.build().map_err(tls)
}

fn explain(error: reqwest::Error, host: &str) -> Undelivered {
    let (mut forbidden, mut tls) = (false, false);
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = cause {
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        forbidden |= error.is::<Forbidden>();
        tls |= error.is::<rustls::Error>() || inner.is_some_and(|inner| inner.is::<rustls::Error>());
        cause = error.source();
    }
    let trouble = match () {
        () if forbidden => SendTrouble::Forbidden,
        () if tls => SendTrouble::Tls,
        () if error.is_timeout() => SendTrouble::Silent,
        () => SendTrouble::Unreachable,
    };
    // Its address is a secret.
    Undelivered::new(trouble, format!("{host}: {}", chain(&error.without_url())))
}

async fn beginning(mut answer: reqwest::Response) -> String {
    let mut said = Vec::new();
    while said.len() < ANSWER_BYTES {
        match answer.chunk().await {
            Ok(Some(bytes)) => said.extend_from_slice(&bytes),
            _ => break,
        }
    }
    said.truncate(ANSWER_BYTES);
    String::from_utf8_lossy(&said).into_owned()
}

/// The document, as each kind of receiver has it.
pub fn body(spec: &WebhookSpec, message: &Message, letter: &Letter) -> Value {
    match spec.template {
        WebhookTemplate::Json => plain(message, letter),
        WebhookTemplate::Slack => slack(letter),
        WebhookTemplate::Teams => teams(letter),
        WebhookTemplate::Line => json!({
            "to": spec.recipient,
            "messages": [{ "type": "text", "text": text(letter) }],
        }),
        // Names of VMs call nobody.
        WebhookTemplate::Discord => json!({ "content": text(letter), "allowed_mentions": { "parse": [] } }),
    }
}

fn plain(message: &Message, letter: &Letter) -> Value {
    let item = |part: &LetterPart| {
        let alert = &part.alert;
        json!({
            "turn": part.turn.as_str(),
            "alert": alert.id,
            "kind": alert.kind.as_str(),
            "severity": alert.severity,
            "subject": { "kind": alert.subject.kind, "id": alert.subject.id, "name": alert.subject.name },
            "params": alert.params,
            "since": alert.since,
            "title": part.title,
            "text": part.lines,
        })
    };
    let cause = |(group, said): (&Grouping, &LetterHead)| {
        let guess = match group.cause.as_ref().map(|report| &report.verdict) {
            Some(CauseVerdict::Known(guess)) => Some(guess),
            Some(CauseVerdict::NotKnown { .. }) | None => None,
        };
        json!({
            "cause": guess.map_or("not-known", |guess| guess.cause.as_str()),
            "confidence": guess.map(|guess| guess.confidence),
            "thing": guess.map(|guess| json!({ "kind": guess.thing.kind.as_str(), "name": guess.thing.name })),
            "alerts": group.beneath,
            "title": said.title,
            "text": said.lines,
        })
    };
    json!({
        "id": message.id,
        "at": message.at,
        "test": message.test,
        "severity": letter.severity,
        "subject": letter.subject,
        "causes": message.causes.iter().zip(&letter.heads).map(cause).collect::<Vec<_>>(),
        "items": letter.parts.iter().map(item).collect::<Vec<_>>(),
        "more": message.more,
        "quiet_until": message.quiet_until,
        "week": message.week,
        "closing": letter.closing,
        "url": letter.url,
    })
}

/// As plain text, no longer than the least that a receiver takes.
fn text(letter: &Letter) -> String {
    let mut text = format!("{}\n", letter.subject);
    for block in letter.blocks() {
        text.push_str(&format!("\n{}\n", paragraph(&block)));
    }
    text = shortened(text);
    for line in letter.closing.iter().chain((!letter.url.is_empty()).then_some(&letter.url)) {
        text.push_str(&format!("\n{line}"));
    }
    text
}

fn shortened(text: String) -> String {
    // UTF-16, as receivers count.
    let mut units = 0;
    let end = text.char_indices().find(|(_, c)| {
        units += c.len_utf16();
        units > TEXT_MAX - 400
    });
    match end {
        Some((at, _)) => format!("{}…\n", &text[..at]),
        None => text,
    }
}

/// What lies beneath a cause has one line: the cause says what to do.
fn paragraph(LetterBlock { tone, title, lines, beneath }: &LetterBlock<'_>) -> String {
    match beneath {
        true => format!("　{} {title}", tone.sign()),
        false => format!("{} {title}\n{}", tone.sign(), lines.join("\n")),
    }
}

/// `&`, `<` and `>` are Slack's own.
fn slack_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn slack(letter: &Letter) -> Value {
    let section = |text: String| json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } });
    let block = |block: &LetterBlock<'_>| section(slack_text(&paragraph(block)));
    let mut blocks: Vec<Value> = letter.blocks().iter().map(block).collect();
    let mut closing = slack_text(&letter.closing.join("\n"));
    if !letter.url.is_empty() {
        closing.push_str(&format!("\n<{}>", letter.url));
    }
    if !closing.trim().is_empty() {
        blocks.push(section(closing));
    }
    // The text is what notifications show.
    json!({ "text": slack_text(&letter.subject), "blocks": blocks })
}

fn teams(letter: &Letter) -> Value {
    let block = |text: &str, more: Value| {
        let mut block = json!({ "type": "TextBlock", "text": text, "wrap": true });
        if let (Some(block), Some(more)) = (block.as_object_mut(), more.as_object()) {
            block.extend(more.clone());
        }
        block
    };
    let mut body = vec![block(&letter.subject, json!({ "weight": "bolder", "size": "medium" }))];
    for LetterBlock { tone, title, lines, beneath } in letter.blocks() {
        let colour = match tone {
            Tone::Plain => "default",
            Tone::Good => "good",
            Tone::Warning => "warning",
            Tone::Error => "attention",
        };
        let title = if beneath { format!("　{title}") } else { title.to_owned() };
        body.push(block(&title, json!({ "weight": "bolder", "color": colour, "separator": !beneath })));
        let said = if beneath { &[] } else { lines };
        body.extend(said.iter().map(|line| block(line, json!({ "spacing": "none" }))));
    }
    body.extend(letter.closing.iter().map(|line| block(line, json!({ "isSubtle": true }))));
    let mut card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    });
    if !letter.url.is_empty() {
        card["actions"] = json!([{ "type": "Action.OpenUrl", "title": "cake", "url": letter.url }]);
    }
    json!({ "type": "message", "attachments": [{
        "contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": card,
    }] })
}

#[cfg(test)]
#[path = "webhook_tests.rs"]
mod tests;
