//! Records of sensors: full, compact, event-only (IPMI 2.0 §43.1 to §43.3).

use super::{Conversion, Factors, Format, RecordError, Units, entity, id_string, unit};
use cake_types::{Entity, Limits, SensorUnit};

/// Reading type 01h: the state is how a value stands to its thresholds.
pub const THRESHOLD: u8 = 0x01;

/// Threshold access: those of the record are meant, and cannot be read.
pub const FIXED: u8 = 3;

#[derive(Clone, Debug, PartialEq)]
pub struct SensorRecord {
    /// The controller that has it, its logical unit, and the number there.
    pub owner: u8,
    pub lun: u8,
    pub number: u8,
    pub entity: Entity,
    /// Table 42-3: temperature, memory …
    pub kind: u8,
    /// Event/reading type code, table 42-1.
    pub class: u8,
    pub name: String,
    /// It can be asked; otherwise it only sends events.
    pub readable: bool,
    /// Which states it can tell of (table 43-1, bytes 19 and 20); of thresholds, which can be read.
    pub mask: u16,
    pub unit: SensorUnit,
    /// Only full records have one.
    pub conversion: Option<Conversion>,
    /// What a converted value is multiplied by to be in [`SensorRecord::unit`].
    pub factor: f64,
    pub thresholds: Thresholds,
}

/// Raw, as the record has them (bytes 37 to 42), in the order of Get Sensor Thresholds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Thresholds {
    /// §43.1, byte 12: 0 none, 1 readable, 2 settable too, 3 fixed: those of the record are meant.
    pub access: u8,
    /// Bits 0 … 5: which of `raw` are there.
    pub mask: u8,
    pub raw: [u8; 6],
}

impl SensorRecord {
    /// `OWNER.LUN.NUMBER`, see [`cake_types::Sensor::id`].
    pub fn id(&self) -> String {
        sensor_id(self.owner, self.lun, self.number)
    }

    pub const fn is_threshold(&self) -> bool {
        self.class == THRESHOLD
    }

    /// A raw reading in [`SensorRecord::unit`].
    pub fn value(&self, raw: u8) -> Option<f64> {
        self.value_by(self.conversion?.factors, raw)
    }

    pub fn value_by(&self, factors: Factors, raw: u8) -> Option<f64> {
        if !self.is_threshold() {
            return None;
        }
        self.conversion?.value_by(factors, raw).map(|value| value * self.factor)
    }

    /// `None` for a sensor whose factors belong to one reading only: what a raw threshold means there cannot be known.
    pub fn limits(&self, thresholds: &Thresholds) -> Option<Limits> {
        self.conversion.filter(|conversion| !conversion.is_non_linear())?;
        let limit = |of: usize| (thresholds.mask & 1 << of != 0).then(|| self.value(thresholds.raw[of])).flatten();
        Some(Limits {
            lower_non_critical: limit(0),
            lower_critical: limit(1),
            lower_non_recoverable: limit(2),
            upper_non_critical: limit(3),
            upper_critical: limit(4),
            upper_non_recoverable: limit(5),
        })
    }
}

pub fn sensor_id(owner: u8, lun: u8, number: u8) -> String {
    format!("{owner:02x}.{lun}.{number:02x}")
}

/// Numbers below are the specification's byte numbers less one.
pub fn full(record: &[u8]) -> Result<SensorRecord, RecordError> {
    let fixed = record.get(..47).ok_or(RecordError::Length)?;
    let format = match fixed[20] >> 6 {
        0 => Some(Format::Unsigned),
        1 => Some(Format::OnesComplement),
        2 => Some(Format::TwosComplement),
        _ => None,
    };
    let factors = Factors::parse(&[fixed[24], fixed[25], fixed[26], fixed[27], fixed[28], fixed[29]]);
    let linearisation = fixed[23] & 0x7f;
    let (unit, factor) = unit(Units::parse(&[fixed[20], fixed[21], fixed[22]]));
    let mut sensor = readable(fixed);
    sensor.name = id_string(record, 47);
    if let Some(format) = format {
        (sensor.unit, sensor.factor) = (unit, factor);
        sensor.conversion = Some(Conversion { format, linearisation, factors });
    }
    // The record: UNR, UC, UNC, LNR, LC, LNC. Get Sensor Thresholds: LNC, LC, LNR, UNC, UC, UNR.
    sensor.thresholds.raw = [fixed[41], fixed[40], fixed[39], fixed[38], fixed[37], fixed[36]];
    Ok(sensor)
}

pub fn compact(record: &[u8]) -> Result<Vec<SensorRecord>, RecordError> {
    let fixed = record.get(..31).ok_or(RecordError::Length)?;
    Ok(shared(&SensorRecord { name: id_string(record, 31), ..readable(fixed) }, fixed[23], fixed[24]))
}

pub fn event_only(record: &[u8]) -> Result<Vec<SensorRecord>, RecordError> {
    let fixed = record.get(..16).ok_or(RecordError::Length)?;
    let sensor = SensorRecord {
        kind: fixed[10],
        class: fixed[11],
        name: id_string(record, 16),
        readable: false,
        ..keyed(fixed)
    };
    Ok(shared(&sensor, fixed[12], fixed[13]))
}

/// What all three kinds begin with.
fn keyed(fixed: &[u8]) -> SensorRecord {
    SensorRecord {
        owner: fixed[5],
        lun: fixed[6] & 3,
        number: fixed[7],
        entity: entity(&fixed[8..]),
        kind: 0,
        class: 0,
        name: String::new(),
        readable: true,
        mask: 0,
        unit: SensorUnit::None,
        conversion: None,
        factor: 1.0,
        thresholds: Thresholds::default(),
    }
}

/// What full and compact records begin with.
fn readable(fixed: &[u8]) -> SensorRecord {
    let thresholds = Thresholds { access: fixed[11] >> 2 & 3, mask: fixed[18] & 0x3f, raw: [0; 6] };
    let mask = u16::from_le_bytes([fixed[18], fixed[19]]) & 0x7fff;
    SensorRecord { kind: fixed[12], class: fixed[13], mask, thresholds, ..keyed(fixed) }
}

/// One record for several sensors with consecutive numbers (table 43-2, bytes 24 and 25).
fn shared(first: &SensorRecord, sharing: u8, instances: u8) -> Vec<SensorRecord> {
    let count = (sharing & 0xf).max(1);
    let suffix = |of: u8| match (count, sharing >> 4 & 3) {
        (1, _) => String::new(),
        (_, 0) => ((instances & 0x7f) + of).to_string(),
        (_, 1) => letters((instances & 0x7f) + of),
        _ => String::new(),
    };
    let one = |of: u8| {
        let instance = first.entity.instance.saturating_add(if instances & 0x80 == 0 { 0 } else { of }).min(0x7f);
        SensorRecord {
            number: first.number.wrapping_add(of),
            name: format!("{}{}", first.name, suffix(of)),
            entity: Entity { instance, ..first.entity },
            ..first.clone()
        }
    };
    (0..count).map(one).collect()
}

/// A, B … Z, AA, AB …
fn letters(number: u8) -> String {
    let letter = |of: u8| char::from(b'A' + of % 26);
    match number.checked_sub(26) {
        None => letter(number).to_string(),
        Some(rest) => [letter(rest / 26), letter(rest)].iter().collect(),
    }
}
