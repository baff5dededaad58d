//! Name plates: the Platform Management FRU Information Storage Definition 1.0, revision 1.3.

pub(crate) mod read;

use crate::text::{self, Packing};
use cake_types::{PartFact, PartField, PartTrouble};
use jiff::{SignedDuration, Timestamp};

/// Bytes of the common header (§8).
pub const HEADER: usize = 8;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamePlate {
    pub fields: Vec<PartField>,
    /// The first thing that is wrong; what could be read is in `fields` all the same.
    pub trouble: Option<PartTrouble>,
}

/// Fields of an area in their order; after them whatever the maker added.
const CHASSIS: &[PartFact] = &[PartFact::ChassisPart, PartFact::ChassisSerial];
const BOARD: &[Option<PartFact>] = &[
    Some(PartFact::BoardMaker),
    Some(PartFact::BoardName),
    Some(PartFact::BoardSerial),
    Some(PartFact::BoardPart),
    // The FRU file id: of use only for whoever wrote it.
    None,
];
const PRODUCT: &[Option<PartFact>] = &[
    Some(PartFact::ProductMaker),
    Some(PartFact::ProductName),
    Some(PartFact::ProductPart),
    Some(PartFact::ProductVersion),
    Some(PartFact::ProductSerial),
    Some(PartFact::ProductAsset),
    None,
];

/// Where the areas begin that we understand: chassis, board, product. None if the header is none.
pub fn areas(header: &[u8]) -> Vec<usize> {
    let starts = header.get(2..5).filter(|_| header[0] & 0xf == 1).unwrap_or_default();
    starts.iter().map(|start| usize::from(*start) * 8).filter(|start| *start != 0).collect()
}

/// The bytes of an area, from the two that it begins with.
pub fn area_length(start: &[u8]) -> usize {
    start.get(1).map_or(0, |length| usize::from(*length) * 8)
}

pub fn parse(bytes: &[u8]) -> NamePlate {
    let mut plate = NamePlate::default();
    let Some(header) = bytes.get(..HEADER) else {
        plate.trouble = Some(if bytes.is_empty() { PartTrouble::Empty } else { PartTrouble::Broken });
        return plate;
    };
    if header.iter().all(|byte| *byte == 0) || header.iter().all(|byte| *byte == 0xff) {
        plate.trouble = Some(PartTrouble::Empty);
        return plate;
    }
    if sum(header) != 0 {
        // Where its areas are is then anybody's guess; each has a sum of its own, so guessing does no harm.
        plate.blame(PartTrouble::Checksum);
    }
    if header[0] & 0xf != 1 {
        plate.blame(PartTrouble::Broken);
        return plate;
    }
    plate.area(bytes, header[2], NamePlate::chassis);
    plate.area(bytes, header[3], NamePlate::board);
    plate.area(bytes, header[4], NamePlate::product);
    plate
}

impl NamePlate {
    fn blame(&mut self, trouble: PartTrouble) {
        self.trouble.get_or_insert(trouble);
    }

    /// Checks an area and hands it on, without its version, its length and its sum.
    fn area(&mut self, bytes: &[u8], start: u8, read: fn(&mut Self, &[u8])) {
        let start = usize::from(start) * 8;
        if start == 0 {
            return;
        }
        let Some(length) = bytes.get(start + 1).map(|length| usize::from(*length) * 8) else {
            return self.blame(PartTrouble::Broken);
        };
        let area = match bytes.get(start..start + length) {
            Some(area) if length > HEADER - 1 => area,
            _ => return self.blame(PartTrouble::Broken),
        };
        if sum(area) != 0 {
            self.blame(PartTrouble::Checksum);
        }
        if area[0] & 0xf != 1 {
            return self.blame(PartTrouble::Broken);
        }
        read(self, &area[2..length - 1]);
    }

    /// §10: type, fields.
    fn chassis(&mut self, area: &[u8]) {
        let Some((kind, fields)) = area.split_first() else { return };
        if *kind != 0 {
            self.push(PartFact::ChassisKind, kind.to_string());
        }
        let names: Vec<_> = CHASSIS.iter().copied().map(Some).collect();
        self.fields(fields, &names, true);
    }

    /// §11: language, date, fields.
    fn board(&mut self, area: &[u8]) {
        let [language, a, b, c, fields @ ..] = area else { return self.blame(PartTrouble::Broken) };
        let minutes = i64::from(u32::from_le_bytes([*a, *b, *c, 0]));
        if minutes != 0
            && let Ok(made) = EPOCH.checked_add(SignedDuration::from_mins(minutes))
        {
            self.push(PartFact::BoardMade, made.to_string());
        }
        self.fields(fields, BOARD, is_english(*language));
    }

    /// §12: language, fields.
    fn product(&mut self, area: &[u8]) {
        let Some((language, fields)) = area.split_first() else { return };
        self.fields(fields, PRODUCT, is_english(*language));
    }

    fn fields(&mut self, mut bytes: &[u8], names: &[Option<PartFact>], english: bool) {
        let mut names = names.iter();
        loop {
            let Some((code, rest)) = bytes.split_first() else { return self.blame(PartTrouble::Broken) };
            // C1h ends them: an 8-bit text of one letter can't be said, and nobody misses it.
            if *code == 0xc1 {
                return;
            }
            let length = usize::from(code & 0x3f);
            let Some((field, rest)) = rest.split_at_checked(length) else { return self.blame(PartTrouble::Broken) };
            bytes = rest;
            let text = match code >> 6 {
                0 => hex(field),
                1 => text::decode(Packing::BcdPlus, field),
                2 => text::decode(Packing::SixBit, field),
                _ if english => text::decode(Packing::EightBit, field),
                _ => text::decode(Packing::Unicode, field),
            };
            match names.next() {
                Some(Some(name)) => self.push(*name, text),
                Some(None) => {}
                None => self.push(PartFact::Extra, text),
            }
        }
    }

    fn push(&mut self, what: PartFact, text: String) {
        if !text.is_empty() {
            self.fields.push(PartField { what, text });
        }
    }
}

/// 1996-01-01T00:00Z (§11).
const EPOCH: Timestamp = Timestamp::constant(820_454_400, 0);

/// Language codes 0 and 25 (§15): 8-bit texts are ASCII and Latin-1; in every other language two bytes are a letter.
const fn is_english(language: u8) -> bool {
    language == 0 || language == 25
}

fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
