//! Names that people give. Letters of any script, so that a VM can be called 會計; nothing that a file system, a shell or a
//! reader's eye could take for something else.

use crate::limits::NAME_MAX;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Why a text is not a name. Each reason has a sentence of its own in every language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("a name can't be empty")]
    Empty,
    #[error("a name has at most {NAME_MAX} characters")]
    TooLong,
    #[error("a name begins and ends with a letter or a digit")]
    Edge,
    #[error("a name holds letters, digits, and single '-', '_', '.' or space between them")]
    Character(char),
    #[error("two of '-', '_', '.' and space can't follow each other, except '--'")]
    Repeated,
    #[error("a host name holds only a-z, 0-9 and '-' in each part")]
    HostName,
}

/// The name of a resource, 1 to 63 characters: letters and digits of any script, with single `-`, `_`, `.` or space between.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(Box<str>);

/// The name of a project (tenant), under the same rules as [`Name`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProjectName(Name);

/// A host name (RFC 1123 §2.1): at most 253 characters in labels of at most 63, lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostName(Box<str>);

/// A letter or digit that stands for itself: no mark that changes its neighbours, nothing invisible, nothing that turns the
/// direction of reading.
fn is_word(c: char) -> bool {
    c.is_alphanumeric()
}

impl Name {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.chars().count() > NAME_MAX {
            return Err(NameError::TooLong);
        }
        if let Some(c) = text.chars().find(|&c| !is_word(c) && !matches!(c, '-' | '_' | '.' | ' ')) {
            return Err(NameError::Character(c));
        }
        if !text.starts_with(is_word) || !text.ends_with(is_word) {
            return Err(NameError::Edge);
        }
        let pairs = text.chars().zip(text.chars().skip(1));
        if pairs.into_iter().any(|(a, b)| !is_word(a) && !is_word(b) && (a, b) != ('-', '-')) {
            return Err(NameError::Repeated);
        }
        Ok(Self(text.into()))
    }
}

impl ProjectName {
    /// The project that everything belongs to until somebody makes another.
    pub fn default_project() -> Self {
        Self(Name("default".into()))
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl Default for ProjectName {
    fn default() -> Self {
        Self::default_project()
    }
}

impl FromStr for ProjectName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        text.parse().map(Self)
    }
}

impl HostName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A host name made from a resource's name: what is not a-z, 0-9 or `-` becomes `-`; `vm` where nothing is left.
    pub fn from_name(name: &Name) -> Self {
        let mut out = String::new();
        for c in name.as_str().chars() {
            let c = c.to_ascii_lowercase();
            if c.is_ascii_alphanumeric() {
                out.push(c);
            } else if !out.is_empty() && !out.ends_with('-') {
                out.push('-');
            }
        }
        let out = out.trim_end_matches('-');
        Self(if out.is_empty() { "vm".into() } else { out.into() })
    }
}

impl FromStr for HostName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let label_ok = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        match text {
            "" => Err(NameError::Empty),
            _ if text.len() > 253 => Err(NameError::TooLong),
            _ if text.split('.').all(label_ok) => Ok(Self(text.into())),
            _ => Err(NameError::HostName),
        }
    }
}

macro_rules! text_type {
    ($($name:ident),*) => {$(
        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.as_str().to_owned()
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.as_str())
            }
        }
    )*};
}

text_type!(Name, ProjectName, HostName);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_people_are_taken() {
        for text in ["web", "web-1", "會計 主機", "Büro.2", "a", "db--old", "x86_64"] {
            assert!(text.parse::<Name>().is_ok(), "{text}");
        }
    }

    #[test]
    fn names_that_could_harm_are_refused() {
        let long = "x".repeat(300);
        for (text, error) in [
            ("", NameError::Empty),
            ("..", NameError::Edge),
            ("a..b", NameError::Repeated),
            ("../etc", NameError::Character('/')),
            ("a\0b", NameError::Character('\0')),
            ("a'b", NameError::Character('\'')),
            ("a\"b", NameError::Character('"')),
            ("a\u{202e}b", NameError::Character('\u{202e}')),
            ("a\u{200b}b", NameError::Character('\u{200b}')),
            ("-rf", NameError::Edge),
            (long.as_str(), NameError::TooLong),
        ] {
            assert_eq!(text.parse::<Name>().unwrap_err(), error, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_host_name_made_from_a_name_is_a_host_name(text in "\\PC{1,80}") {
            if let Ok(name) = text.parse::<Name>() {
                let host = HostName::from_name(&name);
                prop_assert_eq!(host.as_str().parse::<HostName>().unwrap(), host);
            }
        }
    }
}
