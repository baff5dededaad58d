//! What somebody says of a receiver, read: checked, its secrets sealed.

use cake_planner::certificate;
use cake_types::{
    CertificateSource, MailSecurity, MailSpec, Problem, SYSLOG_PORT, Sealed, SnmpSpec, SyslogProtocol, SyslogSpec,
    TRAP_PORT, Way, WebhookSpec, WebhookTemplate,
};
use lettre::message::Mailbox;
use reqwest::Url;
use zeroize::Zeroizing;

use super::seal::Sealer;
use crate::certificate::Chain;

/// Most addresses that one channel writes to.
const TO_MAX: usize = 20;
/// Longest address, user and recipient, in characters (RFC 5321 §4.5.3.1.3).
const WORD_MAX: usize = 254;
/// Where LINE's Messaging API takes push messages.
const LINE_URL: &str = "https://api.line.me/v2/bot/message/push";
/// Longest web address.
const URL_MAX: usize = 1000;

pub enum NewWay {
    Mail(NewMail),
    Webhook(NewWebhook),
    Syslog(NewSyslog),
    Snmp(NewSnmp),
}

pub struct NewMail {
    pub host: String,
    /// Where nothing is said, the one that goes with the security: 587, 465 or 25.
    pub port: Option<u16>,
    pub security: MailSecurity,
    pub user: Option<String>,
    /// Without it the one of before stays, where it is for the same user of the same server.
    pub password: Option<Zeroizing<String>>,
    pub from: String,
    pub to: Vec<String>,
    pub authority: Option<String>,
}

pub struct NewWebhook {
    pub template: WebhookTemplate,
    /// Without it the one of before stays.
    pub url: Option<Zeroizing<String>>,
    /// Without it the one of before stays, where the address does.
    pub token: Option<Zeroizing<String>>,
    pub recipient: Option<String>,
    pub authority: Option<String>,
}

pub struct NewSyslog {
    pub host: String,
    /// [`SYSLOG_PORT`] where nothing is said.
    pub port: Option<u16>,
    pub protocol: SyslogProtocol,
}

pub struct NewSnmp {
    pub host: String,
    /// [`TRAP_PORT`] where nothing is said.
    pub port: Option<u16>,
    /// Without it the one of before stays, where host and port do.
    pub community: Option<Zeroizing<String>>,
}

/// As it is kept. `before` is what it was.
pub fn read(new: NewWay, before: Option<&Way>, sealer: &Sealer) -> Result<Way, Problem> {
    match (new, before) {
        (NewWay::Mail(new), None) => mail(new, None, sealer).map(Way::Mail),
        (NewWay::Mail(new), Some(Way::Mail(before))) => mail(new, Some(before), sealer).map(Way::Mail),
        (NewWay::Webhook(new), None) => webhook(new, None, sealer).map(Way::Webhook),
        (NewWay::Webhook(new), Some(Way::Webhook(before))) => webhook(new, Some(before), sealer).map(Way::Webhook),
        (NewWay::Syslog(new), None | Some(Way::Syslog(_))) => syslog(&new).map(Way::Syslog),
        (NewWay::Snmp(new), None) => snmp(new, None, sealer).map(Way::Snmp),
        (NewWay::Snmp(new), Some(Way::Snmp(before))) => snmp(new, Some(before), sealer).map(Way::Snmp),
        (NewWay::Syslog(_), Some(_)) => Err(Problem::invalid("syslog", "channel-kind").at("/syslog")),
        (NewWay::Snmp(_), Some(_)) => Err(Problem::invalid("snmp", "channel-kind").at("/snmp")),
        (NewWay::Mail(_), Some(_)) => Err(Problem::invalid("mail", "channel-kind").at("/mail")),
        (NewWay::Webhook(_), Some(_)) => Err(Problem::invalid("webhook", "channel-kind").at("/webhook")),
    }
}

fn mail(new: NewMail, before: Option<&MailSpec>, sealer: &Sealer) -> Result<MailSpec, Problem> {
    let NewMail { host, port, security, user, password, from, to, authority } = new;
    let usual = match security {
        MailSecurity::Starttls => 587,
        MailSecurity::Tls => 465,
        MailSecurity::None => 25,
    };
    let (host, port) = place(&host, port.unwrap_or(usual), "/mail")?;
    let from = mailbox(&from, "from", "/mail/from")?;
    if to.is_empty() {
        return Err(Problem::invalid("to", "missing").at("/mail/to"));
    }
    if to.len() > TO_MAX {
        return Err(Problem::invalid("to", "too-many").at("/mail/to"));
    }
    let to = to.iter().enumerate().map(|(at, to)| mailbox(to, "to", &format!("/mail/to/{at}")));
    let to = to.collect::<Result<Vec<_>, _>>()?;
    let user = user.map(|user| user.trim().to_owned()).filter(|user| !user.is_empty());
    let user = user.map(|user| word(user, "user", "/mail/user")).transpose()?;
    let same = |before: &&MailSpec| before.host == host && before.port == port && before.user == user;
    let kept = before.filter(same).and_then(|before| before.password.clone());
    let given = password.filter(|password| !password.is_empty());
    let password = secret(given, kept, sealer, "password", "/mail/password")?;
    match (&user, &password) {
        (None, Some(_)) => return Err(Problem::invalid("user", "missing").at("/mail/user")),
        (Some(_), None) => return Err(Problem::invalid("password", "password-missing").at("/mail/password")),
        // Whoever listens would have it.
        (Some(_), Some(_)) if security == MailSecurity::None => {
            return Err(Problem::invalid("security", "mail-clear-password").at("/mail/security"));
        }
        _ => {}
    }
    let authority = authority_of(authority, "/mail/authority")?;
    Ok(MailSpec { host, port, security, user, password, from, to, authority })
}

fn webhook(new: NewWebhook, before: Option<&WebhookSpec>, sealer: &Sealer) -> Result<WebhookSpec, Problem> {
    let NewWebhook { template, url, token, recipient, authority } = new;
    let given = url.filter(|url| !url.trim().is_empty());
    let kept_token = before.filter(|_| given.is_none()).and_then(|before| before.token.clone());
    let (url, host) = match (given, before) {
        (Some(url), _) => {
            let host = host_of(&url)?;
            (sealer.seal(url.trim(), "url", "/webhook/url")?, host)
        }
        (None, Some(before)) => (before.url.clone(), before.host.clone()),
        (None, None) if template == WebhookTemplate::Line => {
            (sealer.seal(LINE_URL, "url", "/webhook/url")?, host_of(LINE_URL)?)
        }
        (None, None) => return Err(Problem::invalid("url", "missing").at("/webhook/url")),
    };
    let token = secret(token.filter(|token| !token.is_empty()), kept_token, sealer, "token", "/webhook/token")?;
    let recipient = recipient.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let recipient = recipient.map(|text| word(text, "recipient", "/webhook/recipient")).transpose()?;
    if template == WebhookTemplate::Line {
        if recipient.is_none() {
            return Err(Problem::invalid("recipient", "line-recipient").at("/webhook/recipient"));
        }
        if token.is_none() {
            return Err(Problem::invalid("token", "line-token").at("/webhook/token"));
        }
    }
    let authority = authority_of(authority, "/webhook/authority")?;
    Ok(WebhookSpec { template, url, host, token, recipient, authority })
}

fn syslog(new: &NewSyslog) -> Result<SyslogSpec, Problem> {
    let (host, port) = place(&new.host, new.port.unwrap_or(SYSLOG_PORT), "/syslog")?;
    Ok(SyslogSpec { host, port, protocol: new.protocol })
}

fn snmp(new: NewSnmp, before: Option<&SnmpSpec>, sealer: &Sealer) -> Result<SnmpSpec, Problem> {
    let NewSnmp { host, port, community } = new;
    let (host, port) = place(&host, port.unwrap_or(TRAP_PORT), "/snmp")?;
    let kept = before.filter(|before| before.host == host && before.port == port);
    let kept = kept.map(|before| before.community.clone());
    let given = community.filter(|community| !community.is_empty());
    let community = secret(given, kept, sealer, "community", "/snmp/community")?;
    let missing = || Problem::invalid("community", "missing").at("/snmp/community");
    Ok(SnmpSpec { host, port, community: community.ok_or_else(missing)? })
}

/// A machine and its port.
fn place(host: &str, port: u16, pointer: &str) -> Result<(String, u16), Problem> {
    let at = format!("{pointer}/host");
    let wrong = || Problem::invalid("host", "dns-name").at(&at);
    let names = certificate::names(&[host.trim().to_owned()], false, &at).map_err(|_| wrong())?;
    let host = names.into_iter().next().ok_or_else(wrong)?;
    if port == 0 {
        let problem = Problem::new(cake_types::Code::OutOfRange).with("field", "port");
        return Err(problem.with("min", 1).with("max", u16::MAX).at(&format!("{pointer}/port")));
    }
    Ok((host, port))
}

fn secret(
    given: Option<Zeroizing<String>>,
    kept: Option<Sealed<String>>,
    sealer: &Sealer,
    field: &str,
    pointer: &str,
) -> Result<Option<Sealed<String>>, Problem> {
    match given {
        Some(given) => sealer.seal(&given, field, pointer).map(Some),
        None => Ok(kept),
    }
}

/// The part of a web address that is no secret.
fn host_of(text: &str) -> Result<String, Problem> {
    let wrong = || Problem::invalid("url", "webhook-url").at("/webhook/url");
    let url: Url = text.trim().parse().map_err(|_| wrong())?;
    let plain = matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    let host = url.host_str().filter(|_| plain && text.len() <= URL_MAX).ok_or_else(wrong)?;
    Ok(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// `it@example.com`, or `IT <it@example.com>`.
fn mailbox(text: &str, field: &str, pointer: &str) -> Result<String, Problem> {
    let text = word(text.trim().to_owned(), field, pointer)?;
    let read: Result<Mailbox, _> = text.parse();
    read.map(|_| text).map_err(|_| Problem::invalid(field, "mail-address").at(pointer))
}

fn word(text: String, field: &str, pointer: &str) -> Result<String, Problem> {
    let good = !text.is_empty() && text.chars().count() <= WORD_MAX && !text.chars().any(char::is_control);
    if good { Ok(text) } else { Err(Problem::invalid(field, "channel-word").at(pointer)) }
}

/// One authority in PEM, or nothing.
fn authority_of(text: Option<String>, pointer: &str) -> Result<Option<String>, Problem> {
    let Some(pem) = text.filter(|text| !text.trim().is_empty()) else { return Ok(None) };
    let read = Chain::read(pem.as_bytes(), CertificateSource::Own);
    read.map(|_| Some(pem)).map_err(|problem| Problem { pointer: Some(pointer.into()), ..problem })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cake_types::{OsRng, SecretKey};
    use proptest::prelude::*;

    fn sealer() -> (SecretKey, Sealer) {
        let key = SecretKey::generate(&mut OsRng);
        let own = key.public();
        (key, Sealer { own, recovery: None })
    }

    fn mail() -> NewMail {
        NewMail {
            host: "Mail.Example.com".into(),
            port: None,
            security: MailSecurity::Starttls,
            user: Some("cake".into()),
            password: Some(Zeroizing::new("geheim".into())),
            from: "cake <cake@example.com>".into(),
            to: vec!["it@example.com".into()],
            authority: None,
        }
    }

    #[test]
    fn a_password_stays_with_its_server_and_goes_with_it() {
        let (key, sealer) = sealer();
        let first = read(NewWay::Mail(mail()), None, &sealer).unwrap();
        let Way::Mail(spec) = &first else { panic!() };
        assert_eq!((spec.host.as_str(), spec.port), ("mail.example.com", 587));
        assert_eq!(spec.password.as_ref().unwrap().open(&key).unwrap(), "geheim");
        let kept = NewMail { password: None, to: vec!["other@example.com".into()], ..mail() };
        let Way::Mail(kept) = read(NewWay::Mail(kept), Some(&first), &sealer).unwrap() else { panic!() };
        assert_eq!(kept.password, spec.password);
        let moved = NewMail { password: None, host: "evil.example.net".into(), ..mail() };
        let refused = read(NewWay::Mail(moved), Some(&first), &sealer).unwrap_err();
        assert_eq!(
            refused.pointer.as_deref(),
            Some("/mail/password"),
            "who changes the server has to know the password"
        );
    }

    #[test]
    fn what_can_not_work_is_refused_at_its_field() {
        let (_, sealer) = sealer();
        let mut all: Vec<(NewMail, &str)> = vec![
            (NewMail { host: "a b".into(), ..mail() }, "/mail/host"),
            (NewMail { port: Some(0), ..mail() }, "/mail/port"),
            (NewMail { from: "nobody".into(), ..mail() }, "/mail/from"),
            (NewMail { to: Vec::new(), ..mail() }, "/mail/to"),
            (NewMail { to: vec!["a@b.c\r\nBcc: x@y.z".into()], ..mail() }, "/mail/to/0"),
            (NewMail { user: None, ..mail() }, "/mail/user"),
            (NewMail { security: MailSecurity::None, ..mail() }, "/mail/security"),
            (NewMail { authority: Some("nonsense".into()), ..mail() }, "/mail/authority"),
        ];
        all.push((NewMail { to: vec!["a@b.example".into(); 21], ..mail() }, "/mail/to"));
        for (new, pointer) in all {
            assert_eq!(read(NewWay::Mail(new), None, &sealer).unwrap_err().pointer.as_deref(), Some(pointer));
        }
        let hook = |template, url: &str| NewWebhook {
            template,
            url: Some(Zeroizing::new(url.into())),
            token: None,
            recipient: None,
            authority: None,
        };
        for url in ["", "ftp://a/", "nonsense", "https://user:pw@example.com/", "file:///etc/passwd"] {
            let refused = read(NewWay::Webhook(hook(WebhookTemplate::Json, url)), None, &sealer).unwrap_err();
            assert_eq!(refused.pointer.as_deref(), Some("/webhook/url"), "{url}");
        }
        let line = read(NewWay::Webhook(hook(WebhookTemplate::Line, "https://api.line.me/x")), None, &sealer);
        assert_eq!(line.unwrap_err().pointer.as_deref(), Some("/webhook/recipient"));
        let slack = read(
            NewWay::Webhook(hook(WebhookTemplate::Slack, "https://hooks.slack.com:444/services/T/B/x")),
            None,
            &sealer,
        );
        let Way::Webhook(slack) = slack.unwrap() else { panic!() };
        assert_eq!(slack.host, "hooks.slack.com:444");
        assert!(!serde_json::to_string(&slack).unwrap().contains("services"));
    }

    proptest! {
        #[test]
        fn no_address_breaks_out_of_its_line(text in "\\PC{0,40}|[a-z@.<>\\r\\n\", ]{0,40}") {
            if let Ok(kept) = mailbox(&text, "to", "/to") {
                prop_assert!(!kept.contains(['\r', '\n']));
                prop_assert!(kept.parse::<Mailbox>().is_ok());
            }
        }
    }
}
