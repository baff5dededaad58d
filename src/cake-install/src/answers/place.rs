//! Where in an answer file something stands.

use super::AnswerError;
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// A part of the file: its path (`install.disks.0`) and the bytes that it takes.
struct Part {
    path: String,
    span: Range<usize>,
}

/// An error at `path`; where that is missing, at the nearest thing around it that is there.
pub fn error_at(text: &str, path: &str, message: String) -> AnswerError {
    let parts = parts(text);
    let mut around = path;
    let start = loop {
        if let Some(part) = parts.iter().find(|part| part.path == around) {
            break part.span.start;
        }
        match around.rsplit_once('.') {
            Some((outer, _)) => around = outer,
            None => break 0,
        }
    };
    let (line, column) = line_and_column(text, start);
    AnswerError { line, column, field: Some(written(path)), message }
}

/// The innermost field whose key or value takes the byte at `at`.
pub fn field_at(text: &str, at: usize) -> Option<String> {
    let takes = |part: &Part| part.span.contains(&at) || part.span.start == at;
    let parts = parts(text);
    let innermost = parts.iter().filter(|part| takes(part)).min_by_key(|part| (part.span.len(), part.path.len()))?;
    Some(written(&innermost.path))
}

/// Both from 1; columns in characters.
pub fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit_once('\n').map_or(before, |(_, line)| line);
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

/// `install.disks.0` as people write it: `install.disks[0]`.
pub fn written(path: &str) -> String {
    path.split('.').enumerate().fold(String::new(), |whole, (index, part)| match part.parse::<usize>() {
        Ok(number) => format!("{whole}[{number}]"),
        Err(_) if index == 0 => part.to_owned(),
        Err(_) => format!("{whole}.{part}"),
    })
}

/// Every key and every value; none where the file is not TOML.
fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    if let Ok(table) = DeTable::parse(text) {
        of_table(table.get_ref(), "", &mut parts);
    }
    parts
}

fn of_table(table: &DeTable<'_>, path: &str, parts: &mut Vec<Part>) {
    for (key, value) in table {
        let path = if path.is_empty() { key.get_ref().to_string() } else { format!("{path}.{}", key.get_ref()) };
        let whole = match value.get_ref() {
            DeValue::Table(_) | DeValue::Array(_) => value.span(),
            // From the key on: that is where an editor's cursor is wanted.
            _ => key.span().start.min(value.span().start)..value.span().end,
        };
        parts.push(Part { path: path.clone(), span: whole });
        parts.push(Part { path: path.clone(), span: key.span() });
        of_value(value.get_ref(), &path, parts);
    }
}

fn of_value(value: &DeValue<'_>, path: &str, parts: &mut Vec<Part>) {
    match value {
        DeValue::Table(table) => of_table(table, path, parts),
        DeValue::Array(array) => {
            for (index, item) in array.iter().enumerate() {
                let path = format!("{path}.{index}");
                parts.push(Part { path: path.clone(), span: item.span() });
                of_value(item.get_ref(), &path, parts);
            }
        }
        _ => {}
    }
}
