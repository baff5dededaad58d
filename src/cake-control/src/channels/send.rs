//! Sending one message by one channel: bounded in time, only to where cake may send, and with an answer that a person can read.

use crate::reach::reachable;
use cake_types::{Letter, Message, OpenError, Sealed, SecretKey, SendTrouble, Way};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use zeroize::Zeroizing;

use super::{mail, snmp, syslog, webhook};

/// A receiver that has not taken it by then is slow enough to be asked again later.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest answer of a receiver that is kept, in characters.
const ANSWER_MAX: usize = 300;

/// It did not arrive, as far as cake knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undelivered {
    pub trouble: SendTrouble,
    pub detail: String,
}

impl Undelivered {
    pub fn new(trouble: SendTrouble, detail: impl AsRef<str>) -> Self {
        Self { trouble, detail: answer(detail.as_ref()) }
    }
}

/// What the receiver said when it took it.
pub async fn send(way: &Way, message: &Message, letter: &Letter, key: &SecretKey) -> Result<String, Undelivered> {
    let sending = async {
        match way {
            Way::Mail(spec) => mail::send(spec, message, letter, key).await,
            Way::Webhook(spec) => webhook::send(spec, message, letter, key).await,
            Way::Syslog(spec) => syslog::send(spec, message, letter).await,
            Way::Snmp(spec) => snmp::send(spec, message, letter, key).await,
        }
    };
    match tokio::time::timeout(PATIENCE, sending).await {
        Ok(sent) => sent.map(|said| answer(&said)),
        Err(_) => Err(Undelivered::new(SendTrouble::Silent, format!("{} s", PATIENCE.as_secs()))),
    }
}

/// What others say is anybody's text: one line, and not a long one.
pub fn answer(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(ANSWER_MAX).collect()
}

pub(super) fn open(secret: &Sealed<String>, key: &SecretKey) -> Result<Zeroizing<String>, Undelivered> {
    let failed = |error: OpenError| Undelivered::new(SendTrouble::Sealed, error.to_string());
    secret.open(key).map(Zeroizing::new).map_err(failed)
}

/// The addresses of a receiver that cake may send to.
pub(super) async fn addresses(host: &str, port: u16) -> Result<Vec<SocketAddr>, Undelivered> {
    let found: Vec<SocketAddr> = match host.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, port)],
        Err(_) => {
            let looked = tokio::net::lookup_host((host, port)).await;
            looked.map_err(|error| Undelivered::new(SendTrouble::Unreachable, format!("{host}: {error}")))?.collect()
        }
    };
    reachable(found).ok_or_else(|| Undelivered::new(SendTrouble::Forbidden, host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_one_short_line() {
        assert_eq!(answer(" 250 2.0.0\r\n\x1b[31mOK  queued\t as 1\u{7} "), "250 2.0.0 [31mOK queued as 1");
        assert_eq!(answer(&"謝".repeat(1000)).chars().count(), ANSWER_MAX);
    }
}
