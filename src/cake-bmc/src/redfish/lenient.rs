//! Fields of documents that others wrote. BMCs send numbers as texts, `null` for lists and objects for texts: a field that is not what
//! the schema says is absent, and the rest of its document still counts. Only what is no JSON at all is refused as a whole.
//!
//! Nothing is kept that is not asked for, so what a document becomes is never much larger than the document.

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// Bytes of a text that are kept.
pub const TEXT_MAX: usize = 1024;
/// Entries of a list that are kept.
pub const LIST_MAX: usize = 4096;

/// Control characters are no part of any name: they are shown as what they are not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Text(pub Option<String>);

/// Always finite.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Number(pub Option<f64>);

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Flag(pub Option<bool>);

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object<T>(pub Option<T>);

/// The objects of a list; what is no object is left out.
#[derive(Clone, Debug, PartialEq)]
pub struct List<T>(pub Vec<T>);

/// The texts of a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Words(pub Vec<String>);

/// The elements of a list as they came.
#[derive(Debug, Default)]
pub struct Raws(pub Vec<Box<RawValue>>);

/// Texts, numbers and flags by their names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table(pub BTreeMap<String, Cell>);

/// A value whose kind its owner chose.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(untagged)]
pub enum Cell {
    Flag(bool),
    Number(f64),
    Text(String),
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl Text {
    /// Absent when it is empty.
    pub fn get(&self) -> Option<&str> {
        self.0.as_deref().map(str::trim).filter(|text| !text.is_empty())
    }

    pub fn is(&self, word: &str) -> bool {
        self.get().is_some_and(|text| text.eq_ignore_ascii_case(word))
    }

    pub fn string(&self) -> String {
        self.get().unwrap_or_default().to_owned()
    }
}

/// What a field can be made of: each takes what fits it.
trait Field<'de>: Default {
    fn flag(_: bool) -> Self {
        Self::default()
    }

    fn number(_: f64) -> Self {
        Self::default()
    }

    fn text(_: &str) -> Self {
        Self::default()
    }

    fn list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }

    fn object<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
}

struct Anything<T>(PhantomData<T>);

impl<'de, T: Field<'de>> Visitor<'de> for Anything<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("anything")
    }

    fn visit_bool<E>(self, value: bool) -> Result<T, E> {
        Ok(T::flag(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<T, E> {
        Ok(T::number(value as f64))
    }

    fn visit_u64<E>(self, value: u64) -> Result<T, E> {
        Ok(T::number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<T, E> {
        Ok(T::number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<T, E> {
        Ok(T::text(value))
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        T::list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::object(map)
    }
}

impl Field<'_> for Text {
    fn text(text: &str) -> Self {
        Self(Some(shown(text)))
    }

    /// Serial numbers come as numbers.
    fn number(number: f64) -> Self {
        Self(Some(number.to_string()))
    }
}

impl Field<'_> for Number {
    fn number(number: f64) -> Self {
        Self(Some(number).filter(|number| number.is_finite()))
    }

    fn text(text: &str) -> Self {
        text.trim().parse().map_or(Self(None), Self::number)
    }
}

impl Field<'_> for Flag {
    fn flag(flag: bool) -> Self {
        Self(Some(flag))
    }
}

impl<'de, T: Deserialize<'de> + Default> Field<'de> for Object<T> {
    fn object<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|value| Self(Some(value)))
    }
}

/// At most [`LIST_MAX`] elements; the rest is passed over.
fn elements<'de, E: Deserialize<'de>, A: SeqAccess<'de>>(mut list: A) -> Result<Vec<E>, A::Error> {
    let mut kept = Vec::new();
    while kept.len() < LIST_MAX {
        match list.next_element()? {
            None => return Ok(kept),
            Some(element) => kept.push(element),
        }
    }
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(kept)
}

impl<'de, T: Deserialize<'de> + Default> Field<'de> for List<T> {
    fn list<A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
        Ok(Self(elements::<Object<T>, A>(list)?.into_iter().filter_map(|element| element.0).collect()))
    }
}

impl<'de> Field<'de> for Words {
    fn list<A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
        Ok(Self(elements::<Text, A>(list)?.into_iter().filter_map(|element| element.0).collect()))
    }
}

impl<'de> Field<'de> for Raws {
    fn list<A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
        elements(list).map(Self)
    }
}

#[derive(Default)]
struct MaybeCell(Option<Cell>);

impl Field<'_> for MaybeCell {
    fn flag(flag: bool) -> Self {
        Self(Some(Cell::Flag(flag)))
    }

    fn number(number: f64) -> Self {
        Self(Number::number(number).0.map(Cell::Number))
    }

    fn text(text: &str) -> Self {
        Self(Some(Cell::Text(shown(text))))
    }
}

impl<'de> Field<'de> for Table {
    fn object<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut cells = BTreeMap::new();
        while let Some((name, cell)) = map.next_entry::<Text, MaybeCell>()? {
            if let (Some(name), Some(cell), true) = (name.0, cell.0, cells.len() < LIST_MAX) {
                cells.insert(name, cell);
            }
        }
        Ok(Self(cells))
    }
}

/// At most [`TEXT_MAX`] bytes of it, without control characters.
fn shown(text: &str) -> String {
    let mut end = text.len().min(TEXT_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let hidden =
        |letter: char| letter.is_control() || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text[..end].chars().map(|letter| if hidden(letter) { char::REPLACEMENT_CHARACTER } else { letter }).collect()
}

/// Each of them is read as whatever comes.
macro_rules! read_as_anything {
    ($($name:ident $(<$of:ident>)?,)*) => {$(
        impl<'de $(, $of: Deserialize<'de> + Default)?> Deserialize<'de> for $name $(<$of>)? {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from.deserialize_any(Anything(PhantomData))
            }
        }
    )*};
}

read_as_anything!(Text, Number, Flag, Object<T>, List<T>, Words, Raws, MaybeCell, Table,);
