//! A line of syslog (RFC 5424 §6).

use cake_types::{AlertTurn, Severity};
use jiff::Timestamp;
use std::fmt::Write;

/// What a line says.
pub struct Line<'a> {
    pub at: Timestamp,
    /// `-` where it is empty or nothing that a line can hold.
    pub host: &'a str,
    /// MSGID.
    pub kind: &'a str,
    pub severity: Severity,
    /// Structured data, under the enterprise number that documents may use (RFC 5612).
    pub facts: &'a [(&'a str, &'a str)],
    pub text: &'a str,
}

/// `daemon` (§6.2.1).
const FACILITY: u8 = 3;
/// Receivers take 2,048 bytes, should take more, and need not (§6.1).
pub const LINE_MAX: usize = 2048;

/// What has ended is told, and is no error.
pub fn severity(turn: AlertTurn, severity: Severity) -> Severity {
    match turn {
        AlertTurn::Ended | AlertTurn::Passed => Severity::Info,
        AlertTurn::Began | AlertTurn::Worse | AlertTurn::Flaps => severity,
    }
}

pub fn line(of: &Line<'_>) -> String {
    let level = match of.severity {
        Severity::Error => 3,
        Severity::Warning => 4,
        Severity::Info => 6,
    };
    let at = of.at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ");
    let mut line = format!("<{}>1 {at} {} cake - {} ", FACILITY * 8 + level, word(of.host, 255), word(of.kind, 32));
    if of.facts.is_empty() {
        line.push('-');
    } else {
        line.push_str("[alert@32473");
        for (name, value) in of.facts {
            let _ = write!(line, " {}=\"{}\"", word(name, 32), quoted(value));
        }
        line.push(']');
    }
    line.push(' ');
    // The mark says that what follows is UTF-8 (§6.4).
    if !of.text.is_ascii() {
        line.push('\u{feff}');
    }
    line.extend(of.text.chars().map(|c| if c.is_control() { ' ' } else { c }));
    cut(line)
}

/// Printable ASCII without spaces (§6: PRINTUSASCII).
fn word(text: &str, most: usize) -> String {
    let word: String =
        text.chars().filter(char::is_ascii_graphic).filter(|c| !"=]\"".contains(*c)).take(most).collect();
    if word.is_empty() { "-".into() } else { word }
}

/// §6.3.3: `"`, `\` and `]` are escaped.
fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    for c in text.chars().filter(|c| !c.is_control()).take(128) {
        if matches!(c, '"' | '\\' | ']') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

fn cut(mut line: String) -> String {
    line.truncate(line.floor_char_boundary(LINE_MAX));
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of<'a>(host: &'a str, facts: &'a [(&'a str, &'a str)], text: &'a str) -> Line<'a> {
        let at = Timestamp::from_microsecond(1_800_000_000_000_001).unwrap();
        Line { at, host, kind: "pool-space", severity: Severity::Warning, facts, text }
    }

    #[test]
    fn a_line_is_as_the_standard_has_it() {
        assert_eq!(
            line(&of("rack 1", &[("turn", "began"), ("subject", "a\"b]c\\d")], "full")),
            "<28>1 2027-01-15T08:00:00.000001Z rack1 cake - pool-space \
             [alert@32473 turn=\"began\" subject=\"a\\\"b\\]c\\\\d\"] full"
        );
        assert_eq!(
            line(&of("", &[], "儲存池\n快滿了")),
            "<28>1 2027-01-15T08:00:00.000001Z - cake - pool-space - \u{feff}儲存池 快滿了"
        );
        assert_eq!(severity(AlertTurn::Ended, Severity::Error), Severity::Info);
    }

    proptest! {
        #[test]
        fn nobodys_name_begins_a_second_line(host: String, value: String, text: String) {
            let line = line(&of(&host, &[("subject", &value)], &text));
            prop_assert!(line.len() <= LINE_MAX && !line.contains(['\n', '\r', '\0']));
            prop_assert!(line.starts_with("<28>1 2027-01-15T08:00:00.000001Z "));
        }
    }
}
