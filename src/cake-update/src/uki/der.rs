//! DER, as far as signatures need it (X.690 §8, §10): elements with short tags and definite lengths.

/// What is left to read.
#[derive(Clone, Copy, Debug)]
pub struct Der<'a>(pub &'a [u8]);

/// One element.
#[derive(Clone, Copy, Debug)]
pub struct Element<'a> {
    pub tag: u8,
    pub content: &'a [u8],
    /// With tag and length.
    pub whole: &'a [u8],
}

pub const OCTETS: u8 = 0x04;
pub const OBJECT: u8 = 0x06;
pub const SEQUENCE: u8 = 0x30;
pub const SET: u8 = 0x31;
/// `[0]`, with something inside.
pub const FIRST: u8 = 0xa0;

impl<'a> Der<'a> {
    /// The next element. `None` at the end, and where it is no DER.
    pub fn next(&mut self) -> Option<Element<'a>> {
        let all = self.0;
        let (&tag, rest) = all.split_first()?;
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0x00..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(Element { tag, content, whole: &all[..all.len() - rest.len()] })
    }

    /// The next element, which must have this tag.
    pub fn take(&mut self, tag: u8) -> Option<Element<'a>> {
        self.next().filter(|element| element.tag == tag)
    }

    /// What is inside of the next element, which must have this tag.
    pub fn enter(&mut self, tag: u8) -> Option<Self> {
        self.take(tag).map(|element| Self(element.content))
    }

    /// Passes over the next element if it has this tag.
    pub fn skip(&mut self, tag: u8) {
        let mut after = *self;
        if after.take(tag).is_some() {
            *self = after;
        }
    }
}
