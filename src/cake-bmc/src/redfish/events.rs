//! Entries of a Redfish event log, in cake's words, and their order. Plain functions of documents.

use super::wire::LogEntry;
use crate::EventLog;
use cake_types::{SensorFact, SensorUnit, ServerEvent, Severity};
use jiff::Timestamp;

/// What a BMC whose clock was never set counts from is no time.
const CLOCK_SET: i64 = 946_684_800; // 2000-01-01

pub fn event(path: &str, wire: &LogEntry) -> ServerEvent {
    let text = wire.message.get().or(wire.name.get()).map(str::to_owned);
    let severity = match wire.severity.get() {
        Some("Critical") => Severity::Error,
        Some("Warning") => Severity::Warning,
        _ => Severity::Info,
    };
    let origin = wire.links.0.as_ref().and_then(|links| links.origin_of_condition.0.as_ref()?.id.get());
    ServerEvent {
        id: path.to_owned(),
        at: at(wire),
        sensor: origin.map(str::to_owned),
        name: wire.sensor_type.string(),
        fact: SensorFact { key: key(wire.message_id.get()), severity, text },
        asserted: !wire.entry_code.is("Deassert"),
        value: None,
        limit: None,
        unit: SensorUnit::None,
        raw: String::new(),
    }
}

/// `redfish-REGISTRY.VERSION.MESSAGE`, or `redfish` for what has no id of a message.
fn key(message: Option<&str>) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || ".-_".contains(letter);
    match message.filter(|message| message.len() <= 128 && message.chars().all(plain)) {
        Some(message) => format!("redfish-{message}"),
        None => "redfish".to_owned(),
    }
}

fn at(wire: &LogEntry) -> Option<Timestamp> {
    let said = wire.created.get().or(wire.event_timestamp.get())?;
    // Many BMCs say neither zone nor offset: theirs is UTC, as nearly all are set.
    let at = said.parse::<Timestamp>().ok().or_else(|| format!("{said}Z").parse().ok())?;
    (at.as_second() >= CLOCK_SET).then_some(at)
}

/// The oldest first, and only what is newer than `known`. BMCs list their entries in either order: theirs is by number, as a clock can
/// be set back; by time where ids are no numbers.
pub fn log(mut events: Vec<ServerEvent>, known: Option<&str>, overflowed: bool) -> EventLog {
    if events.iter().all(|event| number(&event.id).is_some()) {
        events.sort_by_cached_key(|event| number(&event.id));
    } else {
        events.sort_by_cached_key(|event| (event.at, event.id.clone()));
    }
    let place = known.and_then(|known| events.iter().position(|event| event.id == known));
    let anew = known.is_some() && place.is_none();
    if let Some(place) = place {
        events.drain(..=place);
    }
    EventLog { events, anew, overflowed, full: None }
}

fn number(id: &str) -> Option<u64> {
    id.trim_end_matches('/').rsplit('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{event, log};
    use crate::redfish::wire::{LogEntry, parse};
    use cake_types::{ServerEvent, Severity};

    fn entry(path: &str, json: &str) -> ServerEvent {
        event(path, &parse::<LogEntry>(json.as_bytes(), "an entry").expect("JSON"))
    }

    fn ids(events: &[ServerEvent]) -> Vec<&str> {
        events.iter().map(|event| event.id.as_str()).collect()
    }

    #[test]
    fn an_entry_says_what_when_and_how_bad() {
        let fan = entry(
            "/redfish/v1/L/1",
            r#"{"Created": "2026-03-01T08:00:00+08:00", "Severity": "Critical", "EntryCode": "Assert", "SensorType": "Fan",
                "Message": "Fan 2 stopped", "MessageId": "SensorEvent.1.0.ReadingBelowLowerCriticalThreshold",
                "Links": {"OriginOfCondition": {"@odata.id": "/redfish/v1/Chassis/1/Sensors/Fan2"}}}"#,
        );
        assert_eq!(fan.at.expect("a time").to_string(), "2026-03-01T00:00:00Z");
        assert_eq!((fan.fact.severity, fan.asserted, fan.name.as_str()), (Severity::Error, true, "Fan"));
        assert_eq!(fan.sensor.as_deref(), Some("/redfish/v1/Chassis/1/Sensors/Fan2"));
        assert_eq!(fan.fact.key, "redfish-SensorEvent.1.0.ReadingBelowLowerCriticalThreshold");
        assert_eq!(fan.fact.text.as_deref(), Some("Fan 2 stopped"));

        let ended = entry(
            "/redfish/v1/L/2",
            r#"{"Created": "1970-01-01T00:03:12Z", "EntryCode": "Deassert", "Severity": "Warning"}"#,
        );
        assert_eq!((ended.at, ended.asserted, ended.severity()), (None, false, Severity::Info), "an end is no trouble");
        let plain = entry("/redfish/v1/L/3", r#"{"Created": "2026-03-01T08:00:00", "MessageId": "not an id"}"#);
        assert_eq!(
            (plain.at.expect("UTC").to_string().as_str(), plain.fact.key.as_str()),
            ("2026-03-01T08:00:00Z", "redfish")
        );
    }

    #[test]
    fn only_what_is_newer_than_known_is_told_whichever_way_the_bmc_lists_it() {
        let newest_first = || {
            let each = [("10", "2026-03-03"), ("9", "2026-03-04"), ("2", "2026-03-01")];
            each.map(|(id, day)| entry(&format!("/redfish/v1/L/{id}"), &format!(r#"{{"Created": "{day}T00:00:00Z"}}"#)))
                .to_vec()
        };
        let all = log(newest_first(), None, false);
        assert_eq!(
            ids(&all.events),
            ["/redfish/v1/L/2", "/redfish/v1/L/9", "/redfish/v1/L/10"],
            "a clock that went back"
        );
        let newer = log(newest_first(), Some("/redfish/v1/L/9"), false);
        assert_eq!((ids(&newer.events), newer.anew), (vec!["/redfish/v1/L/10"], false));
        let cleared = log(newest_first(), Some("/redfish/v1/L/77"), false);
        assert_eq!((cleared.events.len(), cleared.anew), (3, true));
        let named =
            ["b-2", "a-1"].map(|id| entry(&format!("/redfish/v1/L/{id}"), r#"{"Created": "2026-03-01T00:00:00Z"}"#));
        assert_eq!(ids(&log(named.to_vec(), None, false).events), ["/redfish/v1/L/a-1", "/redfish/v1/L/b-2"]);
    }
}
