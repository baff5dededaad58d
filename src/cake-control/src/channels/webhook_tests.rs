use super::*;
use cake_types::{Alert, AlertId, AlertKind, AlertTurn, MessageItem, OsRng, Severity, Subject, seal};
use jiff::Timestamp;
use std::collections::BTreeMap;
use uuid::Uuid;

fn letter(parts: usize, name: &str) -> (Message, Letter) {
    let subject = Subject { kind: "vm".into(), id: Uuid::nil(), name: name.into() };
    let alert = Alert {
        id: AlertId::of(AlertKind::VmCrashed, &subject, None),
        kind: AlertKind::VmCrashed,
        severity: Severity::Error,
        subject,
        params: BTreeMap::new(),
        since: Timestamp::UNIX_EPOCH,
        acknowledged: None,
        silenced: None,
    };
    let turn = AlertTurn::Began;
    let part =
        LetterPart { turn, alert: alert.clone(), title: format!("Error: {name}"), lines: vec!["It ended.".into(); 3] };
    let items = vec![MessageItem { turn, alert }; parts];
    let message = Message { items, ..Message::test(Uuid::nil(), Timestamp::UNIX_EPOCH) };
    let letter = Letter {
        subject: format!("Rack 1: {name}"),
        severity: Severity::Error,
        parts: vec![part; parts],
        closing: vec!["And 3 more.".into()],
        url: "https://rack/".into(),
    };
    (message, letter)
}

fn spec(template: WebhookTemplate) -> WebhookSpec {
    let key = SecretKey::generate(&mut OsRng);
    let url = seal(&"https://example.com/".to_owned(), &[key.public()], &mut OsRng).unwrap();
    let recipient = (template == WebhookTemplate::Line).then(|| "U4af4980629".to_owned());
    WebhookSpec { template, url, host: "example.com".into(), token: None, recipient, authority: None }
}

#[test]
fn each_receiver_has_its_own_form() {
    let (message, letter) = letter(1, "<b>&web");
    let body = |template| body(&spec(template), &message, &letter);
    let plain = body(WebhookTemplate::Json);
    assert_eq!((&plain["items"][0]["kind"], &plain["items"][0]["turn"]), (&json!("vm-crashed"), &json!("began")));
    assert_eq!(plain["items"][0]["severity"], "error");
    let slack = body(WebhookTemplate::Slack);
    assert_eq!(slack["text"], "Rack 1: &lt;b&gt;&amp;web");
    assert_eq!(slack["blocks"][0]["text"]["text"], "✗ Error: &lt;b&gt;&amp;web\nIt ended.\nIt ended.\nIt ended.");
    assert_eq!(slack["blocks"][1]["text"]["text"], "And 3 more.\n<https://rack/>");
    let teams = body(WebhookTemplate::Teams);
    let card = &teams["attachments"][0]["content"];
    assert_eq!((&card["type"], &card["body"][1]["color"]), (&json!("AdaptiveCard"), &json!("attention")));
    assert_eq!(card["actions"][0]["url"], "https://rack/");
    let line = body(WebhookTemplate::Line);
    assert_eq!((&line["to"], &line["messages"][0]["type"]), (&json!("U4af4980629"), &json!("text")));
    let discord = body(WebhookTemplate::Discord);
    assert_eq!(discord["allowed_mentions"]["parse"], json!([]));
    assert!(discord["content"].as_str().unwrap().ends_with("And 3 more.\nhttps://rack/"));
}

#[test]
fn a_long_text_is_cut_where_receivers_would_refuse_it() {
    let (message, letter) = letter(20, &"網".repeat(60));
    let body = body(&spec(WebhookTemplate::Discord), &message, &letter);
    let text = body["content"].as_str().unwrap();
    assert!(text.encode_utf16().count() < 2000, "{}", text.len());
    assert!(text.ends_with("…\n\nAnd 3 more.\nhttps://rack/"), "what comes after it stays: {text}");
}
