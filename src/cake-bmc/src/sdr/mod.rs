//! Sensor data records: what a BMC says its sensors are (IPMI 2.0 §43).
//!
//! One record is one call of [`parse`]; what is wrong with one says nothing of the next.

mod cache;
mod conversion;
pub(crate) mod read;
mod sensor;
mod unit;

pub use cache::{Known, SdrCache, SdrStamp};
pub use conversion::{Conversion, Factors, Format};
pub use sensor::{FIXED, SensorRecord, Thresholds, sensor_id};
pub use unit::{Units, unit};

use crate::text::{self, Packing};
use cake_types::Entity;

/// Bytes before a record's body: id, version, type, length.
pub const HEADER: usize = 5;
/// The longest that a record can be: its length is one byte.
pub const LONGEST: usize = HEADER + 255;

#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// One or, of a compact or event-only record that several share, up to fifteen.
    Sensors(Vec<SensorRecord>),
    Fru(FruLocator),
    Controller(ControllerLocator),
    /// Which entities are in which: nothing that we show.
    Association,
    /// Its manufacturer knows.
    Oem,
    Other(u8),
}

/// Where a name plate lies (§43.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FruLocator {
    /// The controller that keeps it.
    pub owner: u8,
    pub lun: u8,
    /// The FRU device id, of a logical one; else its address on a bus of the controller's.
    pub device: u8,
    /// It can be read by FRU commands.
    pub logical: bool,
    pub entity: Entity,
    pub name: String,
}

/// A controller (§43.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControllerLocator {
    pub address: u8,
    pub entity: Entity,
    pub name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    #[error("the record is shorter than it says")]
    Short,
    #[error("the record is too short for its type")]
    Length,
}

/// The bytes of a record that its header announces, header included.
pub fn length(header: &[u8]) -> Option<usize> {
    header.get(4).map(|length| HEADER + usize::from(*length))
}

/// A record's id and the bytes that belong to it.
pub fn parse(bytes: &[u8]) -> Result<Record, RecordError> {
    let length = length(bytes).ok_or(RecordError::Short)?;
    let record = bytes.get(..length).ok_or(RecordError::Short)?;
    Ok(match record[3] {
        0x01 => Record::Sensors(vec![sensor::full(record)?]),
        0x02 => Record::Sensors(sensor::compact(record)?),
        0x03 => Record::Sensors(sensor::event_only(record)?),
        0x08 | 0x09 => Record::Association,
        0x11 => Record::Fru(fru_locator(record)?),
        0x12 => Record::Controller(controller_locator(record)?),
        0xc0 => Record::Oem,
        other => Record::Other(other),
    })
}

fn fru_locator(record: &[u8]) -> Result<FruLocator, RecordError> {
    let fixed = record.get(..15).ok_or(RecordError::Length)?;
    Ok(FruLocator {
        owner: fixed[5] & 0xfe,
        lun: fixed[7] >> 3 & 3,
        device: fixed[6],
        logical: fixed[7] & 0x80 != 0,
        entity: entity(&fixed[12..]),
        name: id_string(record, 15),
    })
}

fn controller_locator(record: &[u8]) -> Result<ControllerLocator, RecordError> {
    let fixed = record.get(..15).ok_or(RecordError::Length)?;
    Ok(ControllerLocator { address: fixed[5] & 0xfe, entity: entity(&fixed[12..]), name: id_string(record, 15) })
}

fn entity(bytes: &[u8]) -> Entity {
    Entity { id: bytes[0], instance: bytes[1] & 0x7f }
}

/// The text whose type/length byte is at `at` (§43.15). One that is cut off is shown as far as it goes.
fn id_string(record: &[u8], at: usize) -> String {
    let Some(code) = record.get(at) else { return String::new() };
    let packing = match code >> 6 {
        0 => Packing::Unicode,
        1 => Packing::BcdPlus,
        2 => Packing::SixBit,
        _ => Packing::EightBit,
    };
    let rest = &record[at + 1..];
    text::decode(packing, &rest[..rest.len().min(usize::from(code & 0x1f))])
}

#[cfg(test)]
mod tests;
