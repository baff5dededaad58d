//! What a TOML parser says, in the words of somebody who wrote an answer file.

use super::{AnswerError, place};

/// An error of the parser or of a type, with the field that it is about.
pub fn of_toml(text: &str, error: &toml::de::Error) -> AnswerError {
    let at = error.span().map_or(0, |span| span.start);
    let (line, column) = place::line_and_column(text, at);
    let (around, said) = (place::field_at(text, at), error.message());
    let within = |name: &str| match around.as_deref() {
        Some(table) if table == name || table.ends_with(&format!(".{name}")) => table.to_owned(),
        Some(table) if at > 0 => format!("{table}.{name}"),
        _ => name.to_owned(),
    };
    let quoted = |after: &str| said.strip_prefix(after).and_then(|rest| rest.split('`').next());
    let (field, message) = if let Some(name) = quoted("unknown field `") {
        let known = said.split_once("expected ").map_or("", |(_, known)| known).trim_start_matches("one of ");
        (Some(within(name)), format!("there is no such field; there are {}", known.replace('`', "")))
    } else if let Some(name) = quoted("missing field `") {
        (Some(within(name)), "is missing".to_owned())
    } else if let Some(kinds) = said.strip_prefix("invalid type: ").and_then(|kinds| kinds.split_once(", expected ")) {
        (around, format!("is {}, and should be {}", article(kinds.0), plain(kinds.1)))
    } else if let Some(name) = quoted("unknown variant `") {
        let known = said.split_once("expected ").map_or("", |(_, known)| known).trim_start_matches("one of ");
        (around, format!("can't be {name}; it is one of {}", known.replace('`', "").replace(" or ", ", ")))
    } else if said.starts_with("invalid value: integer") {
        (around, "is too large or too small a number".to_owned())
    } else if said.starts_with("invalid IP address") {
        (around, "is no IP address".to_owned())
    } else {
        (around, said.to_owned())
    };
    AnswerError { line, column, field, message }
}

/// Never shows a value: it may be a password that somebody wrote without quotes.
fn article(kind: &str) -> &'static str {
    match kind.split(' ').next().unwrap_or_default() {
        "integer" => "a whole number",
        "floating" => "a number",
        "boolean" => "true or false",
        "string" => "a text",
        "sequence" => "a list",
        "map" => "a table",
        _ => "something else",
    }
}

fn plain(expected: &str) -> String {
    match expected {
        "a string" => "a text in quotes".into(),
        "a sequence" => "a list in square brackets".into(),
        "a boolean" => "true or false".into(),
        "u16" => "a whole number".into(),
        other if other.starts_with("struct ") || other == "a map" => "a table".into(),
        other => other.into(),
    }
}
