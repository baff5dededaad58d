//! Tags: short words that people stick on resources to find them again together.

use crate::limits::{TAG_MAX, TAGS_MAX};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// A tag, 1 to [`TAG_MAX`] bytes: a–z, 0–9 and single `-`, `.`, `_` between them, so that it needs no quotes in the filter
/// language, in a shell or in an address.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(Box<str>);

/// The tags of one resource: sorted, each once, at most [`TAGS_MAX`].
pub type Tags = BTreeSet<Tag>;

/// Why a text is not a tag. Each reason has a sentence of its own in every language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    #[error("a tag can't be empty")]
    Empty,
    #[error("a tag has at most {TAG_MAX} bytes")]
    TooLong,
    #[error("a tag holds a-z, 0-9 and '-', '.', '_' between them")]
    Character(char),
    #[error("a tag begins and ends with a letter or a digit")]
    Edge,
    #[error("a resource has at most {TAGS_MAX} tags")]
    TooMany,
}

impl TagError {
    /// The stable word; its sentence in every language is `reason-WORD`.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Empty => "tag-empty",
            Self::TooLong => "tag-too-long",
            Self::Character(_) => "tag-character",
            Self::Edge => "tag-edge",
            Self::TooMany => "tag-too-many",
        }
    }
}

impl Tag {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Texts as the tags of one resource. The number of the text that is wrong comes with the reason.
pub fn tags<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Tags, (usize, TagError)> {
    let mut tags = Tags::new();
    for (at, text) in texts.into_iter().enumerate() {
        tags.insert(text.parse().map_err(|error| (at, error))?);
        if tags.len() > TAGS_MAX {
            return Err((at, TagError::TooMany));
        }
    }
    Ok(tags)
}

impl FromStr for Tag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        match text {
            "" => Err(TagError::Empty),
            _ if text.len() > TAG_MAX => Err(TagError::TooLong),
            _ => match text.chars().find(|&c| !plain(c) && !matches!(c, '-' | '.' | '_')) {
                Some(c) => Err(TagError::Character(c)),
                None if !text.starts_with(plain) || !text.ends_with(plain) => Err(TagError::Edge),
                None => Ok(Self(text.into())),
            },
        }
    }
}

impl TryFrom<String> for Tag {
    type Error = TagError;

    fn try_from(text: String) -> Result<Self, TagError> {
        text.parse()
    }
}

impl From<Tag> for String {
    fn from(tag: Tag) -> Self {
        tag.0.into()
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_need_no_quotes_are_tags() {
        for text in ["accounts", "test", "a", "2026", "team-a.web_1"] {
            assert_eq!(text.parse::<Tag>().unwrap().as_str(), text);
        }
        for (text, error) in [
            ("", TagError::Empty),
            ("Web", TagError::Character('W')),
            ("會計", TagError::Character('會')),
            ("a b", TagError::Character(' ')),
            ("a,b", TagError::Character(',')),
            ("a:b", TagError::Character(':')),
            ("-a", TagError::Edge),
            ("a.", TagError::Edge),
            (&*"x".repeat(64), TagError::TooLong),
        ] {
            assert_eq!(text.parse::<Tag>().unwrap_err(), error, "{text:?}");
        }
    }

    #[test]
    fn one_tag_is_there_once_and_there_are_not_too_many() {
        assert_eq!(tags(["b", "a", "b"]).unwrap().iter().map(Tag::as_str).collect::<Vec<_>>(), ["a", "b"]);
        let many: Vec<String> = (0..17).map(|n| format!("t{n}")).collect();
        assert_eq!(tags(many.iter().map(String::as_str)), Err((16, TagError::TooMany)));
        assert_eq!(tags(["a", "B"]), Err((1, TagError::Character('B'))));
    }
}
