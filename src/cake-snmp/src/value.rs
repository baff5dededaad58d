use crate::ber::{self, Broken};
use crate::oid::Oid;

/// A value of SNMP version 2 (RFC 2578 §7.1) or why there is none (RFC 3416 §3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Integer(i64),
    Octets(Vec<u8>),
    Null,
    Object(Oid),
    Address([u8; 4]),
    /// `Counter32`, `Gauge32`, `Unsigned32`, `TimeTicks`, `Counter64`.
    Unsigned(u64),
    Opaque(Vec<u8>),
    NoSuchObject,
    NoSuchInstance,
    EndOfMibView,
}

/// Octets of a text or an address that are kept: none that is read here is longer.
const OCTETS_MAX: usize = 255;

impl Value {
    pub(crate) fn read(tag: u8, content: &[u8]) -> Result<Self, Broken> {
        let kept = || content[..content.len().min(OCTETS_MAX)].to_vec();
        Ok(match tag {
            0x02 => Self::Integer(ber::signed(content)?),
            0x04 => Self::Octets(kept()),
            0x05 => Self::Null,
            0x06 => Self::Object(ber::object(content)?),
            0x40 => Self::Address(content.try_into().map_err(|_| Broken)?),
            0x41..=0x43 => {
                let number = ber::unsigned(content)?;
                Self::Unsigned(u32::try_from(number).map_err(|_| Broken)?.into())
            }
            0x44 => Self::Opaque(kept()),
            0x46 => Self::Unsigned(ber::unsigned(content)?),
            0x80 => Self::NoSuchObject,
            0x81 => Self::NoSuchInstance,
            0x82 => Self::EndOfMibView,
            _ => return Err(Broken),
        })
    }

    /// There is something.
    pub const fn is_there(&self) -> bool {
        !matches!(self, Self::Null | Self::NoSuchObject | Self::NoSuchInstance | Self::EndOfMibView)
    }

    pub fn number(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Unsigned(number) => i64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// Without what nobody can read: control characters, and blanks at both ends; not longer than `most` characters.
    pub fn text(&self, most: usize) -> Option<String> {
        let Self::Octets(octets) = self else { return None };
        let text: String = match std::str::from_utf8(octets) {
            Ok(text) => text.to_owned(),
            // Latin-1 is what old agents speak.
            Err(_) => octets.iter().map(|octet| char::from(*octet)).collect(),
        };
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        let text: String = text.trim().chars().take(most).collect();
        Some(text.trim_end().to_owned()).filter(|text| !text.is_empty())
    }
}
