//! Lists in parts: a cursor is opaque and says where the next part begins.

use cake_types::{Code, Problem};
use serde::Deserialize;
use std::str::FromStr;
use uuid::Uuid;

/// Items when nothing is asked, and the most.
pub const LIMIT_DEFAULT: usize = 100;
pub const LIMIT_MAX: usize = 1000;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    pub limit: Option<usize>,
    pub cursor: Option<String>,
    /// Of VMs.
    pub project: Option<String>,
    /// Of tasks, events and audit records: only about this.
    pub subject: Option<Uuid>,
    /// Of events: only at least this severe.
    pub severity: Option<String>,
    /// Of a query.
    pub q: Option<String>,
    /// Of a query: `json`, `csv`.
    pub format: Option<String>,
}

impl Paging {
    pub fn limit(&self) -> Result<usize, Problem> {
        match self.limit.unwrap_or(LIMIT_DEFAULT) {
            limit @ 1..=LIMIT_MAX => Ok(limit),
            _ => Err(Problem::new(Code::BadParameter).with("name", "limit").with("detail", "1 to 1000")),
        }
    }

    /// What was asked for of `all`, which are in the order of their ids, and where the next part begins.
    pub fn part<T>(
        &self,
        all: impl IntoIterator<Item = T>,
        id: impl Fn(&T) -> Uuid,
    ) -> Result<(Vec<T>, Option<String>), Problem> {
        let (limit, after) = (self.limit()?, self.cursor::<Uuid>()?);
        let wanted = all.into_iter().filter(|item| after.is_none_or(|after| id(item) > after));
        let mut items: Vec<T> = wanted.take(limit + 1).collect();
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|last| id(last).to_string());
        Ok((items, next))
    }

    pub fn cursor<T: FromStr>(&self) -> Result<Option<T>, Problem> {
        let parse = |text: &str| text.parse().map_err(|_| Problem::new(Code::BadCursor));
        self.cursor.as_deref().map(parse).transpose()
    }
}

/// `{"items":[…],"next":…}` from parts that are JSON already.
pub fn join<'a>(items: impl Iterator<Item = &'a [u8]>, next: Option<String>, expected: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(expected + 64);
    out.extend_from_slice(b"{\"items\":[");
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(item);
    }
    out.extend_from_slice(b"],\"next\":");
    // A cursor is letters, digits, `-` and `_`.
    match next {
        Some(next) => out.extend_from_slice(format!("\"{next}\"}}").as_bytes()),
        None => out.extend_from_slice(b"null}"),
    }
    out
}
