//! One line from QEMU as a typed message. Plain functions over bytes that nobody vouches for.

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::event::{Event, Timestamp};

/// The deepest nesting that is read. QEMU's own answers stay below 20.
const DEEPEST: usize = 64;
/// The longest event, in bytes. An event is kept as a [`Value`], which takes many times its text.
const LONGEST_EVENT: usize = 64 * 1024;
/// The longest part of QEMU's own words that an error keeps, in bytes.
const LONGEST_DESCRIPTION: usize = 1024;

/// What a line from QEMU can be.
#[derive(Debug)]
pub enum Message {
    /// The first line of a connection.
    Greeting(Greeting),
    /// A command succeeded. The value is decoded only by whoever asked.
    Answer { id: Option<u64>, value: Box<RawValue> },
    /// A command failed, or (without an id) QEMU could not read what we sent.
    Refused { id: Option<u64>, refusal: Refusal },
    /// Something happened.
    Event(Event),
}

/// Who answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    pub version: Version,
    /// Capabilities that could be enabled, such as `oob`.
    pub capabilities: Vec<String>,
}

/// QEMU's version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub major: u32,
    pub minor: u32,
    pub micro: u32,
    /// The distribution's name for it, such as `Debian 1:10.0.2+ds-2`.
    pub package: String,
}

/// Why QEMU refused a command, in its words.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Refusal {
    /// `GenericError`, `CommandNotFound`, `DeviceNotFound`…
    pub class: String,
    #[serde(rename = "desc")]
    pub description: String,
}

/// Why a line is not a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    #[error("an empty line")]
    Empty,
    #[error("nested deeper than {limit}")]
    TooDeep { limit: usize },
    #[error("not the JSON of a QMP message: {because}")]
    Malformed { because: String },
    #[error("neither greeting, answer, error nor event, or several of them at once")]
    Ambiguous,
    #[error("an event of more than {limit} bytes")]
    EventTooLong { limit: usize },
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(rename = "QMP")]
    greeting: Option<WireGreeting>,
    #[serde(borrow, rename = "return")]
    answer: Option<&'a RawValue>,
    error: Option<Refusal>,
    event: Option<String>,
    data: Option<&'a RawValue>,
    timestamp: Option<Timestamp>,
    id: Option<u64>,
}

#[derive(Deserialize)]
struct WireGreeting {
    version: WireVersion,
    #[serde(default)]
    capabilities: Vec<String>,
}

/// As `query-version` answers too.
#[derive(Deserialize)]
pub(crate) struct WireVersion {
    qemu: WireTriple,
    #[serde(default)]
    package: String,
}

#[derive(Deserialize)]
struct WireTriple {
    major: u32,
    minor: u32,
    micro: u32,
}

impl From<WireVersion> for Version {
    fn from(WireVersion { qemu: WireTriple { major, minor, micro }, package }: WireVersion) -> Self {
        Self { major, minor, micro, package }
    }
}

/// Reads one line (without its end).
pub fn parse_line(line: &[u8]) -> Result<Message, ParseError> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Err(ParseError::Empty);
    }
    check_depth(line)?;
    let parsed: Line<'_> = serde_json::from_slice(line).map_err(malformed)?;
    match parsed {
        Line { greeting: Some(greeting), answer: None, error: None, event: None, .. } => {
            let WireGreeting { version, capabilities } = greeting;
            Ok(Message::Greeting(Greeting { version: version.into(), capabilities }))
        }
        Line { greeting: None, answer: Some(value), error: None, event: None, id, .. } => {
            Ok(Message::Answer { id, value: value.to_owned() })
        }
        Line { greeting: None, answer: None, error: Some(mut refusal), event: None, id, .. } => {
            shorten(&mut refusal.class);
            shorten(&mut refusal.description);
            Ok(Message::Refused { id, refusal })
        }
        Line { greeting: None, answer: None, error: None, event: Some(name), data, timestamp, .. } => {
            if line.len() > LONGEST_EVENT {
                return Err(ParseError::EventTooLong { limit: LONGEST_EVENT });
            }
            let data = match data {
                Some(raw) => serde_json::from_str(raw.get()).map_err(malformed)?,
                None => Value::Null,
            };
            let timestamp = timestamp.ok_or_else(|| malformed("an event without a timestamp"))?;
            Ok(Message::Event(Event { name, data, timestamp }))
        }
        _ => Err(ParseError::Ambiguous),
    }
}

fn malformed(error: impl std::fmt::Display) -> ParseError {
    let mut because = error.to_string();
    shorten(&mut because);
    ParseError::Malformed { because }
}

fn shorten(text: &mut String) {
    if text.len() > LONGEST_DESCRIPTION {
        let end = (0..=LONGEST_DESCRIPTION).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.shrink_to_fit();
    }
}

/// Refuses deep nesting before any decoder sees it: values that are kept as text are not walked by serde_json, so its own
/// limit does not hold for them.
fn check_depth(line: &[u8]) -> Result<(), ParseError> {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for byte in line {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'{' | b'[') => depth += 1,
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Err(ParseError::TooDeep { limit: DEEPEST });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(line: &str) -> ParseError {
        parse_line(line.as_bytes()).expect_err(line)
    }

    #[test]
    fn greeting() {
        let line = br#"{"QMP": {"version": {"qemu": {"micro": 2, "minor": 0, "major": 10}, "package": "Debian"}, "capabilities": ["oob"]}}"#;
        let Ok(Message::Greeting(greeting)) = parse_line(line) else { panic!("not a greeting") };
        assert_eq!(greeting.version, Version { major: 10, minor: 0, micro: 2, package: "Debian".into() });
        assert_eq!(greeting.capabilities, ["oob"]);
    }

    #[test]
    fn answer_keeps_its_value_as_text() {
        let Ok(Message::Answer { id, value }) = parse_line(br#"{"return": {"a": [1, 2]}, "id": 7}"#) else {
            panic!("not an answer")
        };
        assert_eq!((id, value.get()), (Some(7), r#"{"a": [1, 2]}"#));
    }

    #[test]
    fn refusal_with_and_without_id() {
        let Ok(Message::Refused { id, refusal }) =
            parse_line(br#"{"id": 3, "error": {"class": "GenericError", "desc": "no"}}"#)
        else {
            panic!("not a refusal")
        };
        assert_eq!((id, refusal.description.as_str()), (Some(3), "no"));
        assert!(matches!(
            parse_line(br#"{"error": {"class": "GenericError", "desc": "JSON parse error"}}"#),
            Ok(Message::Refused { id: None, .. })
        ));
    }

    #[test]
    fn an_event_nobody_heard_of_survives() {
        let line =
            br#"{"timestamp": {"seconds": 5, "microseconds": 6}, "event": "NEW_IN_QEMU_99", "data": {"x": [null]}}"#;
        let Ok(Message::Event(event)) = parse_line(line) else { panic!("not an event") };
        assert_eq!(event.name, "NEW_IN_QEMU_99");
        assert_eq!(event.data, serde_json::json!({"x": [null]}));
        assert_eq!(event.timestamp, Timestamp { seconds: 5, microseconds: 6 });
    }

    #[test]
    fn lies_are_typed_errors() {
        for line in ["", "   ", "\t"] {
            assert_eq!(refused(line), ParseError::Empty);
        }
        for line in ["{}", r#"{"id": 1}"#, r#"{"return": {}, "event": "X", "id": 1}"#] {
            assert_eq!(refused(line), ParseError::Ambiguous, "{line}");
        }
        for line in [
            "nonsense",
            "[]",
            "7",
            r#"{"return": {}, "id": "1"}"#,
            r#"{"return": {}, "id": -1}"#,
            r#"{"return": {}, "id": 1.5}"#,
            r#"{"return": {}, "return": {}, "id": 1}"#,
            r#"{"error": "no", "id": 1}"#,
            r#"{"error": {"class": 1, "desc": "no"}, "id": 1}"#,
            r#"{"event": 4}"#,
            r#"{"event": "X"}"#,
            r#"{"event": "X", "timestamp": {"seconds": "now"}}"#,
            r#"{"QMP": {}}"#,
            r#"{"QMP": {"version": {"qemu": {"major": -1, "minor": 0, "micro": 0}}}}"#,
            r#"{"return": {}, "id": 1} trailing"#,
            r#"{"return": {"#,
        ] {
            assert!(matches!(refused(line), ParseError::Malformed { .. }), "{line}");
        }
        assert!(matches!(parse_line(b"{\"return\": \"\xff\xfe\", \"id\": 1}"), Err(ParseError::Malformed { .. })));
    }

    #[test]
    fn deep_nesting_is_refused_and_brackets_in_strings_are_not_nesting() {
        let deep = format!(r#"{{"return": {}{}, "id": 1}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(refused(&deep), ParseError::TooDeep { limit: DEEPEST });
        let flat = format!(r#"{{"return": "{}\"[", "id": 1}}"#, "[{".repeat(1000));
        assert!(matches!(parse_line(flat.as_bytes()), Ok(Message::Answer { .. })));
    }

    #[test]
    fn long_words_are_cut_and_long_events_refused() {
        let line = format!(r#"{{"id": 1, "error": {{"class": "G", "desc": "{}"}}}}"#, "長".repeat(5000));
        let Ok(Message::Refused { refusal, .. }) = parse_line(line.as_bytes()) else { panic!("not a refusal") };
        assert!(refusal.description.len() <= LONGEST_DESCRIPTION);
        let line = format!(
            r#"{{"timestamp": {{"seconds": 5, "microseconds": 6}}, "event": "X", "data": "{}"}}"#,
            "x".repeat(LONGEST_EVENT)
        );
        assert_eq!(refused(&line), ParseError::EventTooLong { limit: LONGEST_EVENT });
    }
}
