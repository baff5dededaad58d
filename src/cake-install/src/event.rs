//! What `cake-install run --json` tells, one line each.

use crate::answers::Then;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// Something that the person should know of, and no reason to stop.
    Warning { message: String },
    Progress {
        /// Of everything, from 0 to 1.
        fraction: f64,
        /// Of the step, from 1.
        number: usize,
        of: usize,
        /// The step's id.
        step: String,
        message: String,
    },
    /// Where the recovery key of the disks is, or the key itself.
    RecoveryKey {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<String>,
    },
    /// Everything is written; what the answers want next.
    Done { then: Then },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_read_as_it_was_written() {
        let progress =
            Event::Progress { fraction: 0.5, number: 3, of: 16, step: "write".into(), message: "write".into() };
        let key = Event::RecoveryKey { key: None, file: Some("/a/b.txt".into()) };
        for (event, line) in [
            (Event::Warning { message: "w".into() }, r#"{"event":"warning","message":"w"}"#),
            (progress, r#"{"event":"progress","fraction":0.5,"number":3,"of":16,"step":"write","message":"write"}"#),
            (key, r#"{"event":"recovery-key","file":"/a/b.txt"}"#),
            (Event::Done { then: Then::Poweroff }, r#"{"event":"done","then":"poweroff"}"#),
        ] {
            assert_eq!(serde_json::to_string(&event).unwrap(), line);
            assert_eq!(serde_json::from_str::<Event>(line).unwrap(), event);
        }
    }
}
