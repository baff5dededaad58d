//! Text to [`Expr`], by recursive descent over characters, so that every refusal knows its column.

use super::field::{self, AGE, NumberField, TextField, TimeField};
use super::{Compare, DEPTH_MAX, Expr, LENGTH_MAX, Moment, Reason, TERMS_MAX, Test, Wrong};
use cake_types::ByteSize;

const SIZES: &str = "512MiB, 4GiB, 1.5TiB";
const NUMBERS: &str = "1, 2, 16";
const TIMES: &str = "2026-11-01, 2026-11-01T08:30, today, yesterday";
const AGES: &str = "90s, 30m, 12h, 7d, 2w";
const WORDS: &str = "web, name:web, kind:vm, (, -";

pub(super) fn parse(text: &str) -> Result<Expr, Wrong> {
    if text.len() > LENGTH_MAX {
        let possible = format!("1–{LENGTH_MAX}");
        return Err(Wrong { column: 1, reason: Reason::TooLong, found: String::new(), possible });
    }
    let mut reader = Reader { text: text.chars().collect(), at: 0, terms: 0 };
    reader.blanks();
    if reader.peek().is_none() {
        return Ok(Expr::All(Vec::new()));
    }
    let expr = reader.either(0)?;
    match reader.peek() {
        None => Ok(expr),
        Some(_) => Err(reader.wrong(Reason::Parenthesis, WORDS)),
    }
}

/// One of something is that thing, and what is within its own kind is beside it.
pub(super) fn flat(parts: Vec<Expr>, make: fn(Vec<Expr>) -> Expr) -> Expr {
    let is_all = matches!(make(Vec::new()), Expr::All(_));
    let mut out = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Expr::All(more) if is_all => out.extend(more),
            Expr::Any(more) if !is_all => out.extend(more),
            other => out.push(other),
        }
    }
    if out.len() == 1 { out.remove(0) } else { make(out) }
}

struct Reader {
    text: Vec<char>,
    at: usize,
    terms: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn wrong(&self, reason: Reason, possible: &str) -> Wrong {
        self.wrong_at(self.at, reason, possible)
    }

    /// What stands there, up to the next blank.
    fn wrong_at(&self, at: usize, reason: Reason, possible: &str) -> Wrong {
        let found = self.text[at.min(self.text.len())..].iter().take_while(|c| !c.is_whitespace()).collect();
        Wrong { column: at + 1, reason, found, possible: possible.to_owned() }
    }

    /// `a b OR c`
    fn either(&mut self, depth: usize) -> Result<Expr, Wrong> {
        let mut parts = vec![self.together(depth)?];
        while self.is_or() {
            self.at += "OR".len();
            parts.push(self.together(depth)?);
        }
        Ok(flat(parts, Expr::Any))
    }

    fn is_or(&self) -> bool {
        self.text[self.at..].starts_with(&['O', 'R'])
            && self.text.get(self.at + 2).is_none_or(|c| c.is_whitespace() || matches!(c, '(' | ')'))
    }

    /// `a b`
    fn together(&mut self, depth: usize) -> Result<Expr, Wrong> {
        let mut parts = Vec::new();
        loop {
            self.blanks();
            match self.peek() {
                None | Some(')') => break,
                Some('O') if self.is_or() => break,
                Some(_) => parts.push(self.one(depth)?),
            }
        }
        if parts.is_empty() {
            return Err(self.wrong(Reason::Missing, WORDS));
        }
        Ok(flat(parts, Expr::All))
    }

    /// `-a`, `(a b)`, `a`
    fn one(&mut self, depth: usize) -> Result<Expr, Wrong> {
        match self.peek() {
            Some('-') => {
                self.at += 1;
                match self.peek() {
                    None | Some('-' | ')') => Err(self.wrong(Reason::Missing, "web, name:web, (")),
                    Some(c) if c.is_whitespace() => Err(self.wrong(Reason::Missing, "web, name:web, (")),
                    Some(_) => Ok(Expr::Not(Box::new(self.one(depth)?))),
                }
            }
            Some('(') if depth == DEPTH_MAX => Err(self.wrong(Reason::TooDeep, &format!("1–{DEPTH_MAX}"))),
            Some('(') => {
                self.at += 1;
                self.blanks();
                let inside = self.either(depth + 1)?;
                if self.peek() != Some(')') {
                    return Err(self.wrong(Reason::Parenthesis, ")"));
                }
                self.at += 1;
                Ok(inside)
            }
            _ => {
                self.terms += 1;
                if self.terms > TERMS_MAX {
                    return Err(self.wrong(Reason::TooMany, &format!("1–{TERMS_MAX}")));
                }
                self.test().map(Expr::Test)
            }
        }
    }

    fn test(&mut self) -> Result<Test, Wrong> {
        let begin = self.at;
        if self.peek() == Some('"') {
            return self.quoted().map(Test::Word);
        }
        let word = self.bare(&[':', '=', '<', '>']);
        match self.peek() {
            Some(':' | '=' | '<' | '>') => self.condition(begin, &word.to_lowercase()),
            _ => Ok(Test::Word(word)),
        }
    }

    /// Up to a blank, a quote, a parenthesis, or one of `ends`.
    fn bare(&mut self, ends: &[char]) -> String {
        let begin = self.at;
        while self.peek().is_some_and(|c| !c.is_whitespace() && !matches!(c, '(' | ')' | '"') && !ends.contains(&c)) {
            self.at += 1;
        }
        self.text[begin..self.at].iter().collect()
    }

    fn quoted(&mut self) -> Result<String, Wrong> {
        let begin = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            let Some(c) = self.peek() else { return Err(self.wrong_at(begin, Reason::Quote, "\"")) };
            self.at += 1;
            match c {
                '"' if out.is_empty() => return Err(self.wrong_at(begin, Reason::Missing, WORDS)),
                '"' => return Ok(out),
                '\\' if matches!(self.peek(), Some('"' | '\\')) => {
                    out.extend(self.peek());
                    self.at += 1;
                }
                c => out.push(c),
            }
        }
    }

    fn condition(&mut self, begin: usize, name: &str) -> Result<Test, Wrong> {
        let sign = self.at;
        if let Some(field) = TextField::from_word(name) {
            let compare = self.comparison();
            if compare != Compare::Equal {
                return Err(self.wrong_at(sign, Reason::Compare, ": ="));
            }
            return self.texts(field, self.text[sign] == '=');
        }
        if let Some(field) = NumberField::from_word(name) {
            let compare = self.comparison();
            return self.number(field, compare);
        }
        if let Some(field) = TimeField::from_word(name) {
            let compare = self.comparison();
            let (at, text) = self.value(TIMES)?;
            let value = moment(&text).ok_or_else(|| self.wrong_at(at, Reason::Time, TIMES))?;
            return Ok(Test::Time { field, compare, value });
        }
        if name == AGE {
            let compare = self.comparison();
            if compare == Compare::Equal {
                return Err(self.wrong_at(sign, Reason::Compare, "> >= < <="));
            }
            let (at, text) = self.value(AGES)?;
            let seconds = age(&text).ok_or_else(|| self.wrong_at(at, Reason::Age, AGES))?;
            return Ok(Test::Age { compare, seconds });
        }
        Err(self.wrong_at(begin, Reason::Field, &field::names().join(", ")))
    }

    fn comparison(&mut self) -> Compare {
        let (first, second) = (self.text[self.at], self.text.get(self.at + 1));
        let longer = second == Some(&'=') && matches!(first, '<' | '>');
        self.at += if longer { 2 } else { 1 };
        match (first, longer) {
            ('>', false) => Compare::Above,
            ('>', true) => Compare::AtLeast,
            ('<', false) => Compare::Below,
            ('<', true) => Compare::AtMost,
            _ => Compare::Equal,
        }
    }

    /// A value and where it begins.
    fn value(&mut self, possible: &str) -> Result<(usize, String), Wrong> {
        let begin = self.at;
        let text = if self.peek() == Some('"') { self.quoted()? } else { self.bare(&[',']) };
        if text.is_empty() {
            return Err(self.wrong_at(begin, Reason::Missing, possible));
        }
        Ok((begin, text))
    }

    fn texts(&mut self, field: TextField, exact: bool) -> Result<Test, Wrong> {
        let known = field.vocabulary();
        let possible = known.map_or_else(|| "web, \"web 1\"".to_owned(), |known| known.join(", "));
        let mut any = Vec::new();
        loop {
            let (at, text) = self.value(&possible)?;
            match known {
                None => any.push(text),
                Some(known) => {
                    let text = text.to_lowercase();
                    if !known.contains(&text.as_str()) {
                        return Err(self.wrong_at(at, Reason::Value, &possible));
                    }
                    any.push(text);
                }
            }
            if any.len() > TERMS_MAX {
                return Err(self.wrong(Reason::TooMany, &format!("1–{TERMS_MAX}")));
            }
            if self.peek() != Some(',') {
                // In a field that is no free text, `:` and `=` mean the same.
                return Ok(Test::Text { field, exact: exact && field.is_searched(), any });
            }
            self.at += 1;
        }
    }

    fn number(&mut self, field: NumberField, compare: Compare) -> Result<Test, Wrong> {
        if field.is_size() {
            let (at, text) = self.value(SIZES)?;
            let value = text.parse::<ByteSize>().map_err(|_| self.wrong_at(at, Reason::Size, SIZES))?;
            return Ok(Test::Number { field, compare, value: value.bytes() });
        }
        let (at, text) = self.value(NUMBERS)?;
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        let value = text.parse().ok().filter(|_| digits);
        let value = value.ok_or_else(|| self.wrong_at(at, Reason::Number, NUMBERS))?;
        Ok(Test::Number { field, compare, value })
    }
}

/// `today`, `2026-11-01`, `2026-11-01T08:30`, `2026-11-01T08:30:00Z`
fn moment(text: &str) -> Option<Moment> {
    match text.to_lowercase().as_str() {
        "today" => return Some(Moment::Today),
        "yesterday" => return Some(Moment::Yesterday),
        _ => {}
    }
    // Only as people write them: jiff reads much more (basic formats, zones, leap seconds), and printing says one of these.
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    match shape.as_str() {
        "0000-00-00" => text.parse().ok().map(Moment::Day),
        "0000-00-00T00:00" => format!("{text}:00").parse().ok().map(Moment::Minute),
        "0000-00-00T00:00:00Z" if !text.ends_with(":60Z") => text.parse().ok().map(Moment::Second),
        _ => None,
    }
}

/// `7d` in seconds.
fn age(text: &str) -> Option<i64> {
    let (at, unit) = text.char_indices().next_back()?;
    let (_, seconds) = super::print::AGE_UNITS.iter().find(|(name, _)| *name == unit)?;
    let number = &text[..at];
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // A thousand years: what is older is everything.
    const LONGEST: i64 = 1000 * 366 * 86_400;
    number.parse::<i64>().ok()?.checked_mul(*seconds).filter(|seconds| *seconds <= LONGEST)
}
