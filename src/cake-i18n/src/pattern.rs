//! Reading Fluent files and filling in their patterns.
//!
//! Of Fluent's grammar: comments, `id = pattern`, patterns that go on in indented lines, `{ $name }`, `{ "text" }` and
//! `{ $name -> [key] … *[key] … }`. Attributes, terms and functions are not used (a test says so).

use cake_types::Language;

/// The messages of a file: id and pattern. A pattern without variables is already its text.
pub fn messages(file: &'static str) -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::new();
    let mut lines = Lines { rest: file };
    let mut pending = lines.next();
    while let Some(line) = pending {
        pending = lines.next();
        let Some((id, first)) = head(line) else { continue };
        let mut pattern: &'static str = first.trim();
        if pending.is_some_and(continues) {
            let mut whole = pattern.to_owned();
            while let Some(more) = pending.filter(|more| continues(more)) {
                whole.push('\n');
                whole.push_str(more.trim());
                pending = lines.next();
            }
            pattern = whole.trim().to_owned().leak();
        }
        found.push((id, settled(pattern)));
    }
    found
}

struct Lines {
    rest: &'static str,
}

impl Lines {
    fn next(&mut self) -> Option<&'static str> {
        if self.rest.is_empty() {
            return None;
        }
        let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        self.rest = rest;
        Some(line)
    }
}

/// `id = …` at the beginning of a line.
fn head(line: &'static str) -> Option<(&'static str, &'static str)> {
    let (id, pattern) = line.split_once('=')?;
    let id = id.trim_end();
    let is_id = id.starts_with(|c: char| c.is_ascii_alphabetic())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    is_id.then_some((id, pattern))
}

fn continues(line: &str) -> bool {
    line.starts_with(' ') && !line.trim().is_empty() || line.starts_with('}')
}

/// Without variables a pattern says the same every time: said once, here.
fn settled(pattern: &'static str) -> &'static str {
    if pattern.contains('{') && variables(pattern).is_empty() {
        fill(pattern, Language::English, &|_| None).leak()
    } else {
        pattern
    }
}

/// The variables of a pattern, in order of their first letter in it.
pub fn variables(pattern: &'static str) -> Vec<&'static str> {
    let mut names = Vec::new();
    let mut rest = pattern;
    while let Some(at) = rest.find('$') {
        rest = &rest[at + 1..];
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_')).unwrap_or(rest.len());
        names.push(&rest[..end]);
    }
    names
}

/// A pattern in pieces.
pub enum Piece<'a> {
    Text(&'a str),
    Literal(&'a str),
    Variable(&'a str),
    /// The variable and its variants: key, body, whether it is the one for everything else.
    Select(&'a str, Vec<Variant<'a>>),
}

pub struct Variant<'a> {
    pub key: &'a str,
    pub body: &'a str,
    pub fallback: bool,
}

/// Cuts a pattern into its pieces.
pub fn pieces(pattern: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = pattern;
    while let Some(open) = rest.find('{') {
        if open > 0 {
            pieces.push(Piece::Text(&rest[..open]));
        }
        let close = open + closing(&rest[open..]);
        pieces.push(placeable(rest[open + 1..close].trim()));
        rest = rest.get(close + 1..).unwrap_or("");
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

/// Where the brace that opens `text` is closed.
fn closing(text: &str) -> usize {
    let (mut depth, mut quoted) = (0usize, false);
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '{' if !quoted => depth += 1,
            '}' if !quoted => {
                depth -= 1;
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    text.len()
}

fn placeable(inner: &str) -> Piece<'_> {
    if let Some(text) = inner.strip_prefix('"') {
        return Piece::Literal(text.trim_end_matches('"'));
    }
    let name = inner.strip_prefix('$').unwrap_or(inner);
    match name.split_once("->") {
        Some((name, variants)) => Piece::Select(name.trim(), read_variants(variants)),
        None => Piece::Variable(name.trim()),
    }
}

/// Variants begin in lines of their own with `[key]` or `*[key]`.
fn read_variants(text: &str) -> Vec<Variant<'_>> {
    let mut variants: Vec<Variant<'_>> = Vec::new();
    for line in text.split('\n').map(str::trim) {
        let (fallback, start) = (line.starts_with('*'), line.trim_start_matches('*'));
        if let Some((key, body)) = start.strip_prefix('[').and_then(|s| s.split_once(']')) {
            variants.push(Variant { key: key.trim(), body: body.trim(), fallback });
        }
    }
    variants
}

/// The pattern's text. A variable without a value shows as itself.
pub fn fill<'v>(pattern: &str, language: Language, value: &dyn Fn(&str) -> Option<&'v str>) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    for piece in pieces(pattern) {
        match piece {
            Piece::Text(text) | Piece::Literal(text) => out.push_str(text),
            Piece::Variable(name) => match value(name) {
                Some(value) => out.push_str(value),
                None => {
                    out.push_str("{$");
                    out.push_str(name);
                    out.push('}');
                }
            },
            Piece::Select(name, variants) => {
                let value_of = value(name).unwrap_or("");
                if let Some(variant) = choose(&variants, value_of, language) {
                    out.push_str(&fill(variant.body, language, value));
                }
            }
        }
    }
    out
}

/// The variant for a value: its own word first, then its plural category (CLDR: English has `one`, Chinese only `other`).
fn choose<'a, 'b>(variants: &'b [Variant<'a>], value: &str, language: Language) -> Option<&'b Variant<'a>> {
    let category = match language {
        Language::English if value == "1" => "one",
        Language::English | Language::ChineseTaiwan => "other",
    };
    variants
        .iter()
        .find(|v| v.key == value)
        .or_else(|| variants.iter().find(|v| v.key == category))
        .or_else(|| variants.iter().find(|v| v.fallback))
}
