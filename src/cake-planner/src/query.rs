//! The filter language of `/v1/query`, the CLI and every list: words that all have to hold.
//!
//! ```text
//!   kind:vm state:running memory>4GiB -name:test web
//!   │       │             │           │          └ plain words are searched in names
//!   │       │             │           └ a minus in front turns it round
//!   │       │             └ numbers and sizes compare with = > >= < <=
//!   └───────┴ field:value, field:one,other for either; quotes keep blanks together
//! ```
//!
//! A plain function from text to [`Filter`]; the fuzz target is [`Filter::parse`].

use cake_types::{ByteSize, Code, Problem};

/// Longest query, in bytes.
pub const LENGTH_MAX: usize = 512;
/// Most conditions in one query.
pub const TERMS_MAX: usize = 32;

/// A parsed query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    negated: bool,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    /// In lower case.
    Word(String),
    Text {
        field: TextField,
        any: Vec<String>,
    },
    Number {
        field: NumberField,
        compare: Compare,
        value: u64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compare {
    Equal,
    Above,
    AtLeast,
    Below,
    AtMost,
}

/// Fields that hold words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextField {
    Kind,
    Name,
    State,
    Project,
    Image,
    Id,
}

/// Fields that hold numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberField {
    Memory,
    Cpus,
    Disk,
}

/// What a filter looks at.
pub trait Item {
    fn text(&self, field: TextField) -> Option<String>;
    fn number(&self, field: NumberField) -> Option<u64>;
}

fn text_field(name: &str) -> Option<TextField> {
    Some(match name {
        "kind" => TextField::Kind,
        "name" => TextField::Name,
        "state" => TextField::State,
        "project" => TextField::Project,
        "image" => TextField::Image,
        "id" => TextField::Id,
        _ => return None,
    })
}

fn number_field(name: &str) -> Option<NumberField> {
    Some(match name {
        "memory" => NumberField::Memory,
        "cpus" => NumberField::Cpus,
        "disk" => NumberField::Disk,
        _ => return None,
    })
}

impl Filter {
    pub fn parse(text: &str) -> Result<Self, Problem> {
        if text.len() > LENGTH_MAX {
            return Err(bad(format_args!("more than {LENGTH_MAX} bytes")));
        }
        let words = split(text)?;
        if words.len() > TERMS_MAX {
            return Err(bad(format_args!("more than {TERMS_MAX} conditions")));
        }
        let terms = words.iter().map(|word| term(word)).collect::<Result<_, _>>()?;
        Ok(Self { terms })
    }

    pub fn matches(&self, item: &impl Item) -> bool {
        self.terms.iter().all(|term| holds(&term.test, item) != term.negated)
    }

    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }
}

fn bad(detail: impl std::fmt::Display) -> Problem {
    Problem::new(Code::BadParameter).with("name", "q").with("detail", detail)
}

/// Words apart, quotes taken off.
fn split(text: &str) -> Result<Vec<String>, Problem> {
    let mut words = Vec::new();
    let (mut word, mut quoted) = (String::new(), false);
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            c => word.push(c),
        }
    }
    if quoted {
        return Err(bad("a quote is not closed"));
    }
    if !word.is_empty() {
        words.push(word);
    }
    Ok(words)
}

fn term(word: &str) -> Result<Term, Problem> {
    let (negated, body) = match word.strip_prefix('-') {
        Some(rest) if !rest.is_empty() => (true, rest),
        _ => (false, word),
    };
    let test = match body.find([':', '=', '<', '>']) {
        Some(at) if at > 0 => condition(&body[..at], &body[at..])?,
        _ => Test::Word(body.to_lowercase()),
    };
    Ok(Term { negated, test })
}

fn condition(field: &str, rest: &str) -> Result<Test, Problem> {
    let field = field.to_lowercase();
    let (compare, value) = operator(rest);
    if let Some(field) = number_field(&field) {
        let value: ByteSize = value.parse().map_err(|error| bad(format_args!("{value:?}: {error}")))?;
        return Ok(Test::Number { field, compare, value: value.bytes() });
    }
    let Some(known) = text_field(&field) else {
        return Err(bad(format_args!(
            "no field {field:?}; there are kind, name, state, project, image, id, memory, cpus, disk"
        )));
    };
    if compare != Compare::Equal {
        return Err(bad(format_args!("{field:?} is a word; use {field}:value")));
    }
    let any = value.split(',').map(str::to_lowercase).collect();
    Ok(Test::Text { field: known, any })
}

fn operator(rest: &str) -> (Compare, &str) {
    for (sign, compare) in [
        (">=", Compare::AtLeast),
        ("<=", Compare::AtMost),
        (">", Compare::Above),
        ("<", Compare::Below),
        (":", Compare::Equal),
        ("=", Compare::Equal),
    ] {
        if let Some(value) = rest.strip_prefix(sign) {
            return (compare, value);
        }
    }
    (Compare::Equal, rest)
}

fn holds(test: &Test, item: &impl Item) -> bool {
    match test {
        Test::Word(word) => item.text(TextField::Name).is_some_and(|name| name.to_lowercase().contains(word)),
        Test::Text { field, any } => item.text(*field).is_some_and(|text| {
            let text = text.to_lowercase();
            // A name is searched, a state or kind is one of a few words.
            any.iter().any(|wanted| if *field == TextField::Name { text.contains(wanted) } else { text == *wanted })
        }),
        Test::Number { field, compare, value } => item.number(*field).is_some_and(|number| match compare {
            Compare::Equal => number == *value,
            Compare::Above => number > *value,
            Compare::AtLeast => number >= *value,
            Compare::Below => number < *value,
            Compare::AtMost => number <= *value,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Vm(&'static str, &'static str, u64);

    impl Item for Vm {
        fn text(&self, field: TextField) -> Option<String> {
            match field {
                TextField::Kind => Some("vm".into()),
                TextField::Name => Some(self.0.into()),
                TextField::State => Some(self.1.into()),
                _ => None,
            }
        }

        fn number(&self, field: NumberField) -> Option<u64> {
            (field == NumberField::Memory).then_some(self.2)
        }
    }

    #[test]
    fn finds_what_was_meant() {
        let web = Vm("Web 1", "running", 8 << 30);
        for (query, found) in [
            ("", true),
            ("web", true),
            ("WEB kind:vm", true),
            ("name:\"web 1\"", true),
            ("\"eb 1\"", true),
            ("state:running,paused memory>4GiB", true),
            ("memory>=8GiB memory<=8GiB memory:8GiB", true),
            ("memory<8GiB", false),
            ("-state:stopped", true),
            ("-web", false),
            ("state:run", false),
            ("kind:task", false),
            ("image:tiny", false),
            ("cpus>0", false),
            ("-", false),
        ] {
            assert_eq!(Filter::parse(query).unwrap().matches(&web), found, "{query}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        for query in ["\"open", "colour:red", "memory>lots", "name>3", &"a ".repeat(33), &"x".repeat(513)] {
            assert_eq!(Filter::parse(query).unwrap_err().code, Code::BadParameter, "{query}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,80}", name in "[a-z]{0,9}") {
            let name: &'static str = name.leak();
            if let Ok(filter) = Filter::parse(&text) {
                filter.matches(&Vm(name, "running", 1));
            }
        }
    }
}
