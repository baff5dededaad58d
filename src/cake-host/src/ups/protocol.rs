//! Lines of the protocol, as text.

use cake_types::UpsProblem;

/// Longest line, in bytes. NUT's own server writes at most 512.
pub const LINE_MAX: usize = 2048;
/// Most variables of a UPS. Real ones have about fifty.
pub const VARIABLES_MAX: usize = 512;
const WORDS_MAX: usize = 16;

/// One line of a NUT server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Ok,
    /// `VAR UPS NAME "VALUE"`
    Variable {
        name: String,
        value: String,
    },
    /// `UPS NAME "DESCRIPTION"`
    Ups {
        name: String,
    },
    Begin,
    End,
    /// `ERR CODE`
    Error(String),
    /// What this client did not ask for.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    #[error("a line is longer than {LINE_MAX} bytes")]
    TooLong,
    #[error("a list is longer than {VARIABLES_MAX} lines")]
    TooMany,
    #[error("a line is no text")]
    NotText,
    #[error("a line has an open quotation mark or too many words")]
    Malformed,
    #[error("the answer belongs to another question")]
    Unexpected,
}

/// Reads one line, without its end.
pub fn parse(line: &[u8]) -> Result<Answer, ProtocolError> {
    if line.len() > LINE_MAX {
        return Err(ProtocolError::TooLong);
    }
    let text = std::str::from_utf8(line).map_err(|_| ProtocolError::NotText)?;
    let words = words(text)?;
    let mut words = words.into_iter();
    let first = words.next().unwrap_or_default();
    let rest: Vec<String> = words.collect();
    Ok(match (first.as_str(), rest.as_slice()) {
        ("OK", _) => Answer::Ok,
        ("BEGIN", _) => Answer::Begin,
        ("END", _) => Answer::End,
        ("ERR", [code, ..]) => Answer::Error(code.clone()),
        ("UPS", [name, ..]) => Answer::Ups { name: name.clone() },
        ("VAR", [_, name, value]) => Answer::Variable { name: name.clone(), value: value.clone() },
        _ => Answer::Other,
    })
}

/// Words between spaces, or in quotation marks, in which a backslash makes the next character an ordinary one.
fn words(text: &str) -> Result<Vec<String>, ProtocolError> {
    let mut words = Vec::new();
    let mut characters = text.chars().peekable();
    while let Some(first) = characters.next() {
        if first.is_whitespace() {
            continue;
        }
        if words.len() == WORDS_MAX {
            return Err(ProtocolError::Malformed);
        }
        let mut word = String::new();
        if first == '"' {
            loop {
                match characters.next().ok_or(ProtocolError::Malformed)? {
                    '"' => break,
                    '\\' => word.push(characters.next().ok_or(ProtocolError::Malformed)?),
                    other => word.push(other),
                }
            }
        } else {
            word.push(first);
            while let Some(other) = characters.next_if(|c| !c.is_whitespace()) {
                word.push(other);
            }
        }
        words.push(word);
    }
    Ok(words)
}

/// A word as a request says it. What is no part of a line must have been refused before.
pub fn quoted(word: &str) -> String {
    let mut text = String::with_capacity(word.len() + 2);
    text.push('"');
    for c in word.chars().filter(|c| !c.is_control()) {
        if matches!(c, '"' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
    text
}

/// What an error of the server means for whoever waits for the UPS.
pub(super) fn problem(code: &str) -> UpsProblem {
    match code {
        "UNKNOWN-UPS" => UpsProblem::Unknown,
        "DATA-STALE" | "DRIVER-NOT-CONNECTED" => UpsProblem::Stale,
        // A server that lets nobody in without a password, or not this address.
        "ACCESS-DENIED" | "USERNAME-REQUIRED" | "PASSWORD-REQUIRED" | "INVALID-PASSWORD" | "INVALID-USERNAME" => {
            UpsProblem::Login
        }
        _ => UpsProblem::Garbled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        let variable = |name: &str, value: &str| Answer::Variable { name: name.into(), value: value.into() };
        for (line, expected) in [
            ("OK", Ok(Answer::Ok)),
            ("OK TRACKING 7", Ok(Answer::Ok)),
            ("VAR ups battery.charge \"100\"", Ok(variable("battery.charge", "100"))),
            ("VAR ups ups.model \"A \\\"B\\\" \\\\ C\"", Ok(variable("ups.model", "A \"B\" \\ C"))),
            ("VAR ups x \"\"", Ok(variable("x", ""))),
            ("UPS ups \"In the \\\"rack\\\"\"", Ok(Answer::Ups { name: "ups".into() })),
            ("BEGIN LIST VAR ups", Ok(Answer::Begin)),
            ("END LIST VAR ups", Ok(Answer::End)),
            ("ERR DATA-STALE", Ok(Answer::Error("DATA-STALE".into()))),
            ("ERR", Ok(Answer::Other)),
            ("", Ok(Answer::Other)),
            ("VAR ups x", Ok(Answer::Other)),
            ("VAR ups x \"open", Err(ProtocolError::Malformed)),
            ("VAR ups x \"open\\", Err(ProtocolError::Malformed)),
            ("a a a a a a a a a a a a a a a a a", Err(ProtocolError::Malformed)),
        ] {
            assert_eq!(parse(line.as_bytes()), expected, "{line}");
        }
        assert_eq!(parse(&[0xFF; 4]), Err(ProtocolError::NotText));
        assert_eq!(parse(&[b'x'; LINE_MAX + 1]), Err(ProtocolError::TooLong));
    }

    #[test]
    fn a_word_comes_back_as_it_was_said() {
        for word in ["geheim", "two words", "a\"b\\c", "密碼", ""] {
            assert_eq!(words(&quoted(word)), Ok(vec![word.to_owned()]));
        }
        assert_eq!(quoted("one\nLOGOUT"), "\"oneLOGOUT\"", "a line stays one");
    }

    #[test]
    fn errors_have_a_meaning() {
        assert_eq!(problem("UNKNOWN-UPS"), UpsProblem::Unknown);
        assert_eq!(problem("DRIVER-NOT-CONNECTED"), UpsProblem::Stale);
        assert_eq!(problem("ACCESS-DENIED"), UpsProblem::Login);
        assert_eq!(problem("UNKNOWN-COMMAND"), UpsProblem::Garbled);
    }
}
