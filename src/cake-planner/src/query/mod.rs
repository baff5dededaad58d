//! The filter language: one for the search box, every list, `/v1/query` and the CLI.
//!
//! ```text
//!   kind:vm state:running memory>4GiB -tag:test (web OR mail) created>2026-11-01 age<7d
//!   │       │             │           │         │             │                  └ how long ago: 90s 30m 12h 7d 2w
//!   │       │             │           │         │             └ a day, a minute or an instant; today, yesterday
//!   │       │             │           │         └ either; parentheses keep together
//!   │       │             │           └ a minus in front turns it round
//!   │       │             └ numbers and sizes compare with : = > >= < <=
//!   └───────┴ field:value, field:one,other for either; quotes keep blanks together: name:"web 1"
//! ```
//!
//! Conditions beside each other all have to hold; plain words are searched in what a row shows. [`Filter::parse`] is a plain
//! function from text to [`Filter`] (fuzzed), [`Filter`]'s `Display` writes it again, and reading that gives the same filter.
//! What is wrong is said with its column and what is possible there.

mod field;
mod item;
mod items;
mod parse;
mod print;
#[cfg(test)]
mod tests;

pub use field::{Kind, NumberField, TextField, TimeField};
pub use item::{Item, Now};
pub use items::{AccountItem, AuditItem, EventItem, ImageItem, NodeItem, PoolItem, TaskItem, VmItem, VolumeItem};

use cake_types::{Code, Problem};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};

/// Longest query, in bytes.
pub const LENGTH_MAX: usize = 512;
/// Most conditions in one query.
pub const TERMS_MAX: usize = 32;
/// Deepest parentheses.
pub const DEPTH_MAX: usize = 8;

/// A parsed query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    expr: Expr,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expr {
    /// All of them; nothing asked for is `All` of none.
    All(Vec<Expr>),
    Any(Vec<Expr>),
    Not(Box<Expr>),
    Test(Test),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    Word(String),
    Text {
        field: TextField,
        exact: bool,
        any: Vec<String>,
    },
    Number {
        field: NumberField,
        compare: Compare,
        value: u64,
    },
    Time {
        field: TimeField,
        compare: Compare,
        value: Moment,
    },
    /// Seconds since it was made.
    Age {
        compare: Compare,
        seconds: i64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    Equal,
    Above,
    AtLeast,
    Below,
    AtMost,
}

/// A point in time as people say it: it is as long as it is vague.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Today,
    Yesterday,
    Day(Date),
    Minute(DateTime),
    Second(Timestamp),
}

impl Default for Filter {
    /// Finds everything.
    fn default() -> Self {
        Self { expr: Expr::All(Vec::new()) }
    }
}

impl Filter {
    pub fn parse(text: &str) -> Result<Self, Problem> {
        parse::parse(text).map(|expr| Self { expr }).map_err(Wrong::problem)
    }

    pub fn matches(&self, item: &dyn Item, now: &Now<'_>) -> bool {
        item::holds(&self.expr, item, now)
    }

    /// Nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.expr == Expr::All(Vec::new())
    }

    /// Whether anything of this kind could match: what can't need not be read.
    pub fn may_find(&self, kind: Kind) -> bool {
        item::possible(&self.expr, kind).0
    }

    /// Only what is of this kind as well.
    #[must_use]
    pub fn of_kind(self, kind: Kind) -> Self {
        let test = Test::Text { field: TextField::Kind, exact: false, any: vec![kind.as_str().into()] };
        Self { expr: Expr::Test(test) }.and(self)
    }

    /// What both find.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { expr: parse::flat(vec![self.expr, other.expr], Expr::All) }
    }
}

/// Where a query is wrong, why, and what is possible there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// From 1, in characters.
    pub column: usize,
    pub reason: Reason,
    pub found: String,
    pub possible: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Field,
    Value,
    Size,
    Number,
    Time,
    Age,
    Compare,
    Missing,
    Quote,
    Parenthesis,
    TooLong,
    TooMany,
    TooDeep,
}

impl Reason {
    pub const ALL: [Self; 13] = [
        Self::Field,
        Self::Value,
        Self::Size,
        Self::Number,
        Self::Time,
        Self::Age,
        Self::Compare,
        Self::Missing,
        Self::Quote,
        Self::Parenthesis,
        Self::TooLong,
        Self::TooMany,
        Self::TooDeep,
    ];

    /// The stable word; its sentence in every language is `reason-WORD`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Field => "query-field",
            Self::Value => "query-value",
            Self::Size => "query-size",
            Self::Number => "query-number",
            Self::Time => "query-time",
            Self::Age => "query-age",
            Self::Compare => "query-compare",
            Self::Missing => "query-missing",
            Self::Quote => "query-quote",
            Self::Parenthesis => "query-parenthesis",
            Self::TooLong => "query-too-long",
            Self::TooMany => "query-too-many",
            Self::TooDeep => "query-too-deep",
        }
    }
}

impl Wrong {
    fn problem(self) -> Problem {
        Problem::new(Code::BadQuery)
            .with("column", self.column)
            .with("reason", self.reason.as_str())
            .with("found", self.found)
            .with("possible", self.possible)
    }
}
