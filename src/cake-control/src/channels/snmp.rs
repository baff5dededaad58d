//! SNMP: a version 2c trap for each alert. Nobody answers a trap: what was written to the network counts as arrived.

use cake_planner::snmp::{Trap, Value, trap};
use cake_types::{Letter, Message, SecretKey, SendTrouble, Severity, SnmpSpec};
use nix::time::{ClockId, clock_gettime};

use super::send::{Undelivered, addresses, open};
use super::syslog::socket_to;

/// Notifications of CAKE-MIB, and the one instance of each of its objects.
const ALERT: &[u32] = &[0, 1];
const MORE: &[u32] = &[0, 2];
const TEST: &[u32] = &[0, 3];
const TURN: &[u32] = &[1, 1, 0];
const ID: &[u32] = &[1, 2, 0];
const KIND: &[u32] = &[1, 3, 0];
const SEVERITY: &[u32] = &[1, 4, 0];
const SUBJECT: &[u32] = &[1, 5, 0];
const TEXT: &[u32] = &[1, 6, 0];

pub async fn send(spec: &SnmpSpec, message: &Message, letter: &Letter, key: &SecretKey) -> Result<String, Undelivered> {
    let community = open(&spec.community, key)?;
    let to = addresses(&spec.host, spec.port).await?[0];
    let broken = |error: std::io::Error| Undelivered::new(SendTrouble::Unreachable, format!("{to}: {error}"));
    let socket = socket_to(to).await.map_err(broken)?;
    let traps = traps(&community, message, letter);
    for bytes in &traps {
        socket.send(bytes).await.map_err(broken)?;
    }
    Ok(format!("{} → {to}", traps.len()))
}

/// Hundredths of a second since this machine began.
fn uptime() -> u32 {
    let since = clock_gettime(ClockId::CLOCK_BOOTTIME).map(std::time::Duration::from).unwrap_or_default();
    // It turns over after 497 days, as the standard has it.
    (since.as_millis() / 10) as u32
}

fn traps(community: &str, message: &Message, letter: &Letter) -> Vec<Vec<u8>> {
    let uptime = uptime();
    // Sent twice, it has the same number.
    let first =
        i32::from_be_bytes([0, message.id.as_bytes()[13], message.id.as_bytes()[14], message.id.as_bytes()[15]]);
    let number = |at: usize| first.wrapping_add(at as i32);
    let mut traps: Vec<Vec<u8>> = letter
        .parts
        .iter()
        .enumerate()
        .map(|(at, part)| {
            let severity = match cake_planner::syslog::severity(part.turn, part.alert.severity) {
                Severity::Info => 1,
                Severity::Warning => 2,
                Severity::Error => 3,
            };
            let objects = [
                (TURN, Value::Text(part.turn.as_str())),
                (ID, Value::Text(part.alert.id.as_str())),
                (KIND, Value::Text(part.alert.kind.as_str())),
                (SEVERITY, Value::Number(severity)),
                (SUBJECT, Value::Text(&part.alert.subject.name)),
                (TEXT, Value::Text(&part.title)),
            ];
            trap(&Trap { community, request: number(at), uptime, notification: ALERT, objects: &objects })
        })
        .collect();
    if message.test || message.more > 0 {
        let text = format!("{} {}", letter.subject, letter.closing.join(" "));
        let notification = if message.test { TEST } else { MORE };
        let request = number(traps.len());
        traps.push(trap(&Trap { community, request, uptime, notification, objects: &[(TEXT, Value::Text(&text))] }));
    }
    traps
}
