//! Syslog (RFC 5424): a line for each alert, by UDP (RFC 5426) or TCP (RFC 6587, with octet counting).
//!
//! Neither has an answer: what was written to the network counts as arrived, and by UDP nobody ever knows.

use cake_planner::syslog::{Line, line};
use cake_types::{Letter, Message, SendTrouble, SyslogProtocol, SyslogSpec};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UdpSocket};

use super::send::{Undelivered, addresses};

pub async fn send(spec: &SyslogSpec, message: &Message, letter: &Letter) -> Result<String, Undelivered> {
    let lines = lines(message, letter);
    let to = addresses(&spec.host, spec.port).await?[0];
    let broken = |error: std::io::Error| Undelivered::new(SendTrouble::Unreachable, format!("{to}: {error}"));
    match spec.protocol {
        SyslogProtocol::Udp => {
            let socket = socket_to(to).await.map_err(broken)?;
            for line in &lines {
                socket.send(line.as_bytes()).await.map_err(broken)?;
            }
        }
        SyslogProtocol::Tcp => {
            let mut stream = TcpStream::connect(to).await.map_err(broken)?;
            for line in &lines {
                stream.write_all(format!("{} {line}", line.len()).as_bytes()).await.map_err(broken)?;
            }
            stream.shutdown().await.map_err(broken)?;
        }
    }
    Ok(format!("{} → {to}", lines.len()))
}

/// A socket that only that receiver can answer.
pub(super) async fn socket_to(to: SocketAddr) -> std::io::Result<UdpSocket> {
    let any: SocketAddr = match to {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(to).await?;
    Ok(socket)
}

fn lines(message: &Message, letter: &Letter) -> Vec<String> {
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default();
    let of = |kind: &str, severity, text: &str, facts: &[(&str, &str)]| {
        line(&Line { at: message.at, host: &host, kind, severity, facts, text })
    };
    let id = message.id.to_string();
    let mut lines: Vec<String> = letter
        .parts
        .iter()
        .map(|part| {
            let alert = &part.alert;
            let facts = [
                ("message", id.as_str()),
                ("turn", part.turn.as_str()),
                ("alert", alert.id.as_str()),
                ("subject", &alert.subject.name),
            ];
            of(alert.kind.as_str(), cake_planner::syslog::severity(part.turn, alert.severity), &part.title, &facts)
        })
        .collect();
    if message.test || message.more > 0 {
        let text = format!("{} {}", letter.subject, letter.closing.join(" "));
        lines.push(of(if message.test { "test" } else { "more" }, letter.severity, &text, &[("message", &id)]));
    }
    lines
}
