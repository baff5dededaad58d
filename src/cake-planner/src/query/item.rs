//! Whether a thing is what a query asks for.

use super::field::{Kind, NumberField, TextField, TimeField};
use super::{Compare, Expr, Moment, Test};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// What a filter looks at.
pub trait Item {
    fn kind(&self) -> Kind;

    /// Whether `is` holds for any text of this field.
    fn text(&self, field: TextField, is: &mut dyn FnMut(&str) -> bool) -> bool;

    fn number(&self, field: NumberField) -> Option<u64>;

    fn time(&self, field: TimeField) -> Option<Timestamp>;

    /// Whether `is` holds for any text that a reader sees: what plain words are searched in.
    fn says(&self, is: &mut dyn FnMut(&str) -> bool) -> bool;
}

/// When and where somebody asks: `today` begins at midnight there.
#[derive(Clone, Debug)]
pub struct Now<'a> {
    pub at: Timestamp,
    pub zone: &'a TimeZone,
}

pub(super) fn holds(expr: &Expr, item: &dyn Item, now: &Now<'_>) -> bool {
    match expr {
        Expr::All(parts) => parts.iter().all(|part| holds(part, item, now)),
        Expr::Any(parts) => parts.iter().any(|part| holds(part, item, now)),
        Expr::Not(inside) => !holds(inside, item, now),
        Expr::Test(test) => test.holds(item, now),
    }
}

/// Whether it could hold, and could fail, for something of this kind.
pub(super) fn possible(expr: &Expr, kind: Kind) -> (bool, bool) {
    match expr {
        Expr::All(parts) => {
            let all: Vec<_> = parts.iter().map(|part| possible(part, kind)).collect();
            (all.iter().all(|(hold, _)| *hold), all.iter().any(|(_, fail)| *fail))
        }
        Expr::Any(parts) => {
            let all: Vec<_> = parts.iter().map(|part| possible(part, kind)).collect();
            (all.iter().any(|(hold, _)| *hold), all.iter().all(|(_, fail)| *fail))
        }
        Expr::Not(inside) => {
            let (hold, fail) = possible(inside, kind);
            (fail, hold)
        }
        Expr::Test(Test::Text { field: TextField::Kind, any, .. }) => {
            let is = any.iter().any(|word| word == kind.as_str());
            (is, !is)
        }
        Expr::Test(test) => (test.is_of(kind), true),
    }
}

impl Test {
    fn is_of(&self, kind: Kind) -> bool {
        match self {
            Self::Word(_) | Self::Age { .. } => true,
            Self::Text { field, .. } => field.is_of(kind),
            Self::Number { field, .. } => field.is_of(kind),
            Self::Time { field, .. } => field.is_of(kind),
        }
    }

    fn holds(&self, item: &dyn Item, now: &Now<'_>) -> bool {
        match self {
            Self::Word(word) => {
                let word = word.to_lowercase();
                item.says(&mut |text| text.to_lowercase().contains(&word))
            }
            Self::Text { field: TextField::Kind, any, .. } => any.iter().any(|word| word == item.kind().as_str()),
            Self::Text { field, exact, any } => {
                let any: Vec<String> = any.iter().map(|value| value.to_lowercase()).collect();
                let searched = field.is_searched() && !exact;
                item.text(*field, &mut |text| {
                    let text = text.to_lowercase();
                    any.iter().any(|wanted| if searched { text.contains(wanted) } else { text == *wanted })
                })
            }
            Self::Number { field, compare, value } => {
                item.number(*field).is_some_and(|number| compare.holds(&number, value, value))
            }
            Self::Time { field, compare, value } => {
                let span = value.span(now);
                item.time(*field).is_some_and(|at| compare.holds(&at, &span.0, &span.1))
            }
            Self::Age { compare, seconds } => item.time(TimeField::Created).is_some_and(|at| {
                let age = now.at.as_second() - at.as_second();
                compare.holds(&age, seconds, seconds)
            }),
        }
    }
}

impl Compare {
    /// Against something that is from `first` to `last`: a number is both.
    fn holds<T: PartialOrd>(self, value: &T, first: &T, last: &T) -> bool {
        match self {
            Self::Equal => value >= first && value <= last,
            Self::Above => value > last,
            Self::AtLeast => value >= first,
            Self::Below => value < first,
            Self::AtMost => value <= last,
        }
    }
}

impl Moment {
    /// The first and the last instant of it, there.
    fn span(self, now: &Now<'_>) -> (Timestamp, Timestamp) {
        let today = || now.at.to_zoned(now.zone.clone()).date();
        match self {
            Self::Today => day(today(), now.zone),
            Self::Yesterday => day(today().saturating_sub(1.day()), now.zone),
            Self::Day(date) => day(date, now.zone),
            Self::Minute(time) => {
                let first = now.zone.to_ambiguous_timestamp(time).compatible().unwrap_or(Timestamp::MAX);
                (first, last_before(first, 60))
            }
            Self::Second(at) => (at, last_before(at, 1)),
        }
    }
}

fn day(date: Date, zone: &TimeZone) -> (Timestamp, Timestamp) {
    let midnight = |date: Date| date.to_zoned(zone.clone()).map(|zoned| zoned.timestamp());
    let first = midnight(date).unwrap_or(Timestamp::MAX);
    let next = date.tomorrow().and_then(midnight).unwrap_or(Timestamp::MAX);
    (first, last_before(next, 0))
}

/// A nanosecond before `seconds` after `at`.
fn last_before(at: Timestamp, seconds: i64) -> Timestamp {
    at.saturating_add(seconds.seconds()).and_then(|end| end.checked_sub(1.nanosecond())).unwrap_or(Timestamp::MAX)
}
