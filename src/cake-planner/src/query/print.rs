//! [`Filter`] to text: what is read from it is the same filter.

use super::{Compare, Expr, Filter, Moment, Test};
use std::fmt::{self, Display, Formatter};

/// Units of ages, largest first.
pub(super) const AGE_UNITS: [(char, i64); 5] = [('w', 7 * 86_400), ('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];
/// Units of sizes, largest first.
const SIZE_UNITS: [(&str, u32); 6] = [("EiB", 60), ("PiB", 50), ("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];

impl Display for Filter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.expr.fmt(f)
    }
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            // Alternatives bind less than what stands beside each other.
            Self::All(parts) => joined(f, parts, " ", |part| matches!(part, Self::Any(_))),
            Self::Any(parts) => joined(f, parts, " OR ", |_| false),
            Self::Not(inside) if matches!(**inside, Self::Test(_)) => write!(f, "-{inside}"),
            Self::Not(inside) => write!(f, "-({inside})"),
            Self::Test(test) => test.fmt(f),
        }
    }
}

fn joined(f: &mut Formatter<'_>, parts: &[Expr], between: &str, encloses: fn(&Expr) -> bool) -> fmt::Result {
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            f.write_str(between)?;
        }
        if encloses(part) { write!(f, "({part})")? } else { write!(f, "{part}")? }
    }
    Ok(())
}

impl Display for Test {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => f.write_str(&quoted(word)),
            Self::Text { field, exact, any } => {
                let values: Vec<_> = any.iter().map(|value| quoted(value)).collect();
                write!(f, "{}{}{}", field.as_str(), if *exact { "=" } else { ":" }, values.join(","))
            }
            Self::Number { field, compare, value } if field.is_size() => {
                write!(f, "{}{}{}", field.as_str(), compare.sign(), size(*value))
            }
            Self::Number { field, compare, value } => write!(f, "{}{}{value}", field.as_str(), compare.sign()),
            Self::Time { field, compare, value } => write!(f, "{}{}{value}", field.as_str(), compare.sign()),
            Self::Age { compare, seconds } => {
                let whole = |(_, unit): &&(char, i64)| seconds % unit == 0;
                let (name, unit) = AGE_UNITS.iter().find(whole).expect("a second is whole");
                write!(f, "age{}{}{name}", compare.sign(), seconds / unit)
            }
        }
    }
}

impl Compare {
    const fn sign(self) -> &'static str {
        match self {
            Self::Equal => ":",
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Below => "<",
            Self::AtMost => "<=",
        }
    }
}

impl Display for Moment {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Today => f.write_str("today"),
            Self::Yesterday => f.write_str("yesterday"),
            Self::Day(day) => day.fmt(f),
            Self::Minute(time) => f.write_str(&time.strftime("%Y-%m-%dT%H:%M").to_string()),
            Self::Second(at) => at.fmt(f),
        }
    }
}

/// The largest unit that leaves nothing over.
fn size(bytes: u64) -> String {
    let whole = |(_, shift): &&(&str, u32)| bytes > 0 && bytes.trailing_zeros() >= *shift;
    match SIZE_UNITS.iter().find(whole) {
        Some((name, shift)) => format!("{}{name}", bytes >> shift),
        None => bytes.to_string(),
    }
}

/// As it is where that reads the same, in quotes otherwise.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '@');
    if text != "OR" && !text.starts_with('-') && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
