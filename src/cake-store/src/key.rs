//! Keys: path-like names such as `/vms/<uuid>`, and prefixes that name a folder of them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The longest key, in bytes.
pub const MAX_KEY_BYTES: usize = 512;

/// Where a resource lies: `/` and segments of ASCII letters, digits, `-`, `_`, `.`, `:` or `@`, never `.` or `..`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<str>);

/// A folder of keys: `/` for all of them, or a key followed by `/`. It never cuts a segment in two,
/// so `/vms/` does not match `/vms-old/1`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyPrefix(Arc<str>);

/// Why a text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A key has at least one segment.
    #[error("a key must start with `/` and name something")]
    NotAPath,
    /// Two slashes in a row, a slash at the end of a key, or none at the end of a prefix.
    #[error("a key is made of non-empty segments; a prefix ends with `/`")]
    EmptySegment,
    /// `.` and `..` mean something else elsewhere.
    #[error("a segment of a key must not be `.` or `..`")]
    DotSegment,
    /// Anything outside the small alphabet.
    #[error("a key holds only ASCII letters, digits and `-_.:@`")]
    BadCharacter,
    /// Longer than [`MAX_KEY_BYTES`].
    #[error("a key has at most {MAX_KEY_BYTES} bytes")]
    TooLong,
}

fn check(text: &str) -> Result<(), KeyError> {
    if text.len() > MAX_KEY_BYTES {
        return Err(KeyError::TooLong);
    }
    let segments = text.strip_prefix('/').ok_or(KeyError::NotAPath)?;
    if segments.is_empty() {
        return Err(KeyError::NotAPath);
    }
    for segment in segments.split('/') {
        match segment {
            "" => return Err(KeyError::EmptySegment),
            "." | ".." => return Err(KeyError::DotSegment),
            _ => {}
        }
        let good = |b: u8| b.is_ascii_alphanumeric() || b"-_.:@".contains(&b);
        if !segment.bytes().all(good) {
            return Err(KeyError::BadCharacter);
        }
    }
    Ok(())
}

impl Key {
    /// Checks `text` and makes it a key.
    pub fn new(text: &str) -> Result<Self, KeyError> {
        check(text)?;
        Ok(Self(text.into()))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last segment: usually the id of the resource.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
}

impl KeyPrefix {
    /// Checks `text` (`/` or `/…/`) and makes it a prefix.
    pub fn new(text: &str) -> Result<Self, KeyError> {
        if text != "/" {
            check(text.strip_suffix('/').ok_or(KeyError::EmptySegment)?)?;
        }
        Ok(Self(text.into()))
    }

    /// Every key there is.
    pub fn all() -> Self {
        Self("/".into())
    }

    /// The prefix as text, with its final slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Does `key` lie in this folder, at any depth?
    pub fn contains(&self, key: &Key) -> bool {
        key.0.starts_with(&*self.0)
    }

    /// The key `name` directly in this folder.
    pub fn key(&self, name: &str) -> Result<Key, KeyError> {
        Key::new(&format!("{}{name}", self.0))
    }

    /// The first text after every key of this folder: `/` + 1 is `0`.
    pub(crate) fn end(&self) -> String {
        format!("{}0", &self.0[..self.0.len() - 1])
    }
}

macro_rules! text_type {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
        impl FromStr for $name {
            type Err = KeyError;
            fn from_str(text: &str) -> Result<Self, KeyError> {
                Self::new(text)
            }
        }
        impl TryFrom<&str> for $name {
            type Error = KeyError;
            fn try_from(text: &str) -> Result<Self, KeyError> {
                Self::new(text)
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}
text_type!(Key);
text_type!(KeyPrefix);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_paths() {
        assert_eq!(Key::new("/vms/1a-2b").unwrap().name(), "1a-2b");
        let long = format!("/{}", "a".repeat(MAX_KEY_BYTES));
        for (text, why) in [
            ("", KeyError::NotAPath),
            ("/", KeyError::NotAPath),
            ("vms/1", KeyError::NotAPath),
            ("/vms/", KeyError::EmptySegment),
            ("/vms//1", KeyError::EmptySegment),
            ("/vms/../1", KeyError::DotSegment),
            ("/./1", KeyError::DotSegment),
            ("/vms/a b", KeyError::BadCharacter),
            ("/vms/a\0", KeyError::BadCharacter),
            ("/vms/\u{202e}x", KeyError::BadCharacter),
            ("/vms/a%", KeyError::BadCharacter),
            (&long, KeyError::TooLong),
        ] {
            assert_eq!(Key::new(text), Err(why), "{text:?}");
        }
    }

    #[test]
    fn prefixes_are_folders() {
        let vms = KeyPrefix::new("/vms/").unwrap();
        assert!(vms.contains(&Key::new("/vms/1").unwrap()));
        assert!(!vms.contains(&Key::new("/vms-old/1").unwrap()));
        assert!(!vms.contains(&Key::new("/vms").unwrap()));
        assert_eq!(vms.end(), "/vms0");
        assert_eq!(KeyPrefix::all().end(), "0");
        assert_eq!(vms.key("1").unwrap().as_str(), "/vms/1");
        assert!(vms.key("../1").is_err());
        assert!(KeyPrefix::new("/vms").is_err());
        assert!(KeyPrefix::new("").is_err());
        assert!(KeyPrefix::new("//").is_err());
    }
}
