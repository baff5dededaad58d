//! Mail: one message by SMTP (RFC 5321) to a server that the operator named.

use cake_types::{Letter, LetterBlock, MailSecurity, MailSpec, Message, SecretKey, SendTrouble, Tone};
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{AsyncSmtpTransport, Error as SmtpError};
use lettre::{AsyncTransport, Tokio1Executor};
use std::error::Error;
use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

use super::send::{Undelivered, addresses, open};
use crate::error::chain;

/// A line that says nothing for so long has broken.
const SILENCE: Duration = Duration::from_secs(20);
/// Addresses of one server that are tried.
const TRIED: usize = 3;

pub async fn send(spec: &MailSpec, message: &Message, letter: &Letter, key: &SecretKey) -> Result<String, Undelivered> {
    let mail = compose(spec, message, letter)?;
    let credentials = match (&spec.user, &spec.password) {
        (Some(user), Some(password)) => Some(Credentials::new(user.clone(), open(password, key)?.to_string())),
        _ => None,
    };
    let mut last = None;
    for address in addresses(&spec.host, spec.port).await?.into_iter().take(TRIED) {
        match transport(spec, address, credentials.clone())?.send(mail.clone()).await {
            Ok(response) => {
                let said: Vec<&str> = response.message().collect();
                return Ok(format!("{} {}", response.code(), said.join(" ")));
            }
            Err(error) => {
                let undelivered = explain(&error);
                // Another address of the same server says the same, unless nobody was there.
                if undelivered.trouble != SendTrouble::Unreachable {
                    return Err(undelivered);
                }
                last = Some(undelivered);
            }
        }
    }
    Err(last.unwrap_or_else(|| Undelivered::new(SendTrouble::Unreachable, &spec.host)))
}

/// The name is judged before, and what it stands for is what is connected to: it can't change in between.
fn transport(
    spec: &MailSpec,
    address: SocketAddr,
    credentials: Option<Credentials>,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, Undelivered> {
    let tls = match spec.security {
        MailSecurity::None => Tls::None,
        MailSecurity::Starttls => Tls::Required(trust(spec)?),
        MailSecurity::Tls => Tls::Wrapper(trust(spec)?),
    };
    // What the server is greeted with: its own view of us, which every relay takes (RFC 5321 §4.1.3).
    let hello = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    let hello = hello.filter(|name| name.parse::<cake_types::HostName>().is_ok()).unwrap_or_else(|| "cake".into());
    let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address.ip().to_string())
        .port(address.port())
        .tls(tls)
        .hello_name(ClientId::Domain(hello))
        .timeout(Some(SILENCE));
    Ok(credentials.into_iter().fold(builder, |builder, known| builder.credentials(known)).build())
}

fn trust(spec: &MailSpec) -> Result<TlsParameters, Undelivered> {
    let tls = |error: SmtpError| Undelivered::new(SendTrouble::Tls, chain(&error));
    let builder = TlsParameters::builder(spec.host.clone());
    let builder = match &spec.authority {
        Some(pem) => {
            let authority = Certificate::from_pem(pem.as_bytes()).map_err(tls)?;
            builder.certificate_store(CertificateStore::None).add_root_certificate(authority)
        }
        None => builder,
    };
    builder.build().map_err(tls)
}

fn explain(error: &SmtpError) -> Undelivered {
    let status = error.status().map(u16::from);
    // RFC 4954 §6: what an authentication is refused with.
    let login = matches!(status, Some(530 | 534 | 535 | 538 | 454 | 432));
    let trouble = if login {
        SendTrouble::Login
    } else if status.is_some() || error.is_response() {
        SendTrouble::Refused
    } else if error.is_timeout() {
        SendTrouble::Silent
    } else if error.is_tls() || about_certificates(error) {
        SendTrouble::Tls
    } else if error.is_client() {
        // It lacks what was asked for: STARTTLS, or a way to log in.
        SendTrouble::Refused
    } else {
        SendTrouble::Unreachable
    };
    Undelivered::new(trouble, chain(error))
}

/// A handshake that fails is told as a broken line, with the reason inside.
fn about_certificates(error: &SmtpError) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if error.is::<rustls::Error>() || inner.is_some_and(|inner| inner.is::<rustls::Error>()) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// So that no other machine answers it (RFC 3834 §5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".into())
    }
}

fn compose(spec: &MailSpec, message: &Message, letter: &Letter) -> Result<lettre::Message, Undelivered> {
    let malformed = |error: &dyn Error| Undelivered::new(SendTrouble::Refused, chain(error));
    let from: Mailbox = spec.from.parse().map_err(|error: lettre::address::AddressError| malformed(&error))?;
    let mut builder = lettre::Message::builder()
        .from(from)
        .subject(&letter.subject)
        .message_id(Some(format!("<{}@cake>", message.id)))
        .date(message.at.into())
        .header(AutoSubmitted);
    for to in &spec.to {
        builder = builder.to(to.parse().map_err(|error: lettre::address::AddressError| malformed(&error))?);
    }
    let parts = MultiPart::alternative_plain_html(text(letter), html(letter));
    builder.multipart(parts).map_err(|error| malformed(&error))
}

fn text(letter: &Letter) -> String {
    let mut text = String::new();
    for LetterBlock { title, lines, beneath, .. } in letter.blocks() {
        let margin = if beneath { "    " } else { "" };
        let _ = writeln!(text, "{margin}{title}");
        for line in lines {
            let _ = writeln!(text, "{margin}  {line}");
        }
        text.push('\n');
    }
    for line in &letter.closing {
        let _ = writeln!(text, "{line}");
    }
    if !letter.url.is_empty() {
        let _ = writeln!(text, "{}", letter.url);
    }
    text
}

/// Nothing that a mail program would have to fetch, and legible in light and dark.
fn html(letter: &Letter) -> String {
    let mut html = String::from(
        "<!doctype html><meta charset=\"utf-8\"><div style=\"font-family:sans-serif;line-height:1.5;max-width:40em\">",
    );
    for LetterBlock { tone, title, lines, beneath } in letter.blocks() {
        let colour = match tone {
            Tone::Plain => "#546e7a",
            Tone::Good => "#2e7d32",
            Tone::Warning => "#b26a00",
            Tone::Error => "#c62828",
        };
        let margin = if beneath { 28 } else { 0 };
        let _ = write!(
            html,
            "<div style=\"border-left:4px solid {colour};padding-left:12px;margin:16px 0 16px {margin}px\"><b>{}</b>",
            escaped(title)
        );
        for line in lines {
            let _ = write!(html, "<br>{}", escaped(line));
        }
        html.push_str("</div>");
    }
    for line in &letter.closing {
        let _ = write!(html, "<p>{}</p>", escaped(line));
    }
    if !letter.url.is_empty() {
        let url = escaped(&letter.url);
        let _ = write!(html, "<p><a href=\"{url}\">{url}</a></p>");
    }
    html.push_str("</div>");
    html
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
