//! Names in requests: what they may be, and whether a text means an id or a name.

use cake_types::{Code, HostName, Name, NameError, Problem, limits};
use std::str::FromStr;
use uuid::Uuid;

/// How a person points at a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    Id(Uuid),
    Name(Name),
}

impl Reference {
    /// A UUID is an id, everything else a name. `None` is neither, so nothing can have it.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(id) = Uuid::try_parse(text)
            && text.len() == 36
        {
            return Some(Self::Id(id));
        }
        text.parse().ok().map(Self::Name)
    }
}

/// The stable word for why a text is not a name; its sentence in every language is `reason-WORD`.
pub const fn reason(error: NameError) -> &'static str {
    match error {
        NameError::Empty => "name-empty",
        NameError::TooLong => "name-too-long",
        NameError::Edge => "name-edge",
        NameError::Character(_) => "name-character",
        NameError::Repeated => "name-repeated",
        NameError::HostName => "name-host",
    }
}

/// The name, and after it others like it: `NAME-2` to `NAME-99`.
pub fn numbered(name: &Name) -> impl Iterator<Item = Name> {
    let stem: String = name.as_str().chars().take(limits::NAME_MAX - 3).collect();
    let others = (2..100).filter_map(move |number| format!("{stem}-{number}").parse().ok());
    std::iter::once(name.clone()).chain(others)
}

/// A name from a request; `pointer` is where it stood. A name that looks like an id is refused: it could never be reached.
pub fn name(text: &str, pointer: &str) -> Result<Name, Problem> {
    let name: Name = parse(text, pointer)?;
    match Reference::parse(text) {
        Some(Reference::Id(_)) => Err(bad("name-id", pointer)),
        _ => Ok(name),
    }
}

/// A host name from a request.
pub fn host_name(text: &str, pointer: &str) -> Result<HostName, Problem> {
    parse(text, pointer)
}

fn parse<T: FromStr<Err = NameError>>(text: &str, pointer: &str) -> Result<T, Problem> {
    text.parse().map_err(|error| bad(reason(error), pointer))
}

fn bad(reason: &str, pointer: &str) -> Problem {
    Problem::new(Code::BadName).with("reason", reason).at(pointer)
}

/// Two names that a person takes for one are one: case does not tell them apart.
pub fn fold(name: &Name) -> String {
    name.as_str().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_told_from_a_name() {
        let id = "0192f3c4-0000-7000-8000-000000000001";
        assert_eq!(Reference::parse(id), Some(Reference::Id(id.parse().unwrap())));
        assert_eq!(Reference::parse("web"), Some(Reference::Name("web".parse().unwrap())));
        assert_eq!(Reference::parse("../web"), None);
        // Forms of a UUID that nobody types as an id stay names.
        assert!(matches!(Reference::parse("0192f3c4000070008000000000000001"), Some(Reference::Name(_))));
    }

    #[test]
    fn a_bad_name_says_where_and_why() {
        for (text, reason) in [
            ("", "name-empty"),
            ("..", "name-edge"),
            ("a'b", "name-character"),
            ("a\0b", "name-character"),
            ("a\u{202e}b", "name-character"),
            ("a  b", "name-repeated"),
            ("0192f3c4-0000-7000-8000-000000000001", "name-id"),
        ] {
            let problem = name(text, "/name").unwrap_err();
            assert_eq!((problem.code, problem.pointer.as_deref()), (Code::BadName, Some("/name")), "{text:?}");
            assert_eq!(problem.params["reason"], reason, "{text:?}");
        }
        assert_eq!(name(&"x".repeat(300), "/name").unwrap_err().params["reason"], "name-too-long");
    }
}
