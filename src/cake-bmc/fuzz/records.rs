//! What must hold for all bytes that a BMC can send. Shared by the fuzz targets and by their replay on stable Rust.
#![allow(dead_code)] // Each target is a program of its own and takes one function of this file.

use cake_bmc::sdr::{self, Record, SensorRecord};
use cake_bmc::sensor::{RawReading, sensor, silent};
use cake_bmc::{fru, sel};

/// A sensor record, then an answer to Get Sensor Reading and Get Sensor Thresholds.
pub fn sdr(bytes: &[u8]) {
    let Ok(record) = sdr::parse(bytes) else { return };
    let rest = &bytes[sdr::length(bytes).expect("it was parsed")..];
    let Record::Sensors(sensors) = record else { return };
    assert!((1..=15).contains(&sensors.len()));
    for record in &sensors {
        no_control_characters(&record.name);
        read(record, rest);
    }
}

fn read(record: &SensorRecord, answer: &[u8]) {
    let _ = silent(record, None, &record.thresholds);
    let Some(raw) = RawReading::parse(answer) else { return };
    let told = sensor(record, raw, None, &record.thresholds);
    assert!(told.value.is_none_or(f64::is_finite));
    // What nobody scans, or is not available, has no value: never zero instead.
    assert!(told.value.is_none() || raw.scanning && !raw.unavailable);
    assert!(told.facts.len() <= 15);
}

/// Records of the event log, one after the other; what is left over is a sensor record that may be their sensor's.
pub fn sel(bytes: &[u8]) {
    let sensors = match sdr::parse(bytes) {
        Ok(Record::Sensors(sensors)) => sensors,
        _ => Vec::new(),
    };
    for chunk in bytes.chunks_exact(sel::RECORD) {
        let record = sel::Record::parse(chunk.try_into().expect("so many bytes"));
        let event = record.event(&sensors);
        assert_eq!(sel::Record::number(&event.id), Some(record.id));
        assert_eq!(event.raw.len(), 2 * sel::RECORD);
        assert!(event.value.is_none_or(f64::is_finite) && event.limit.is_none_or(f64::is_finite));
    }
}

/// A name plate.
pub fn fru(bytes: &[u8]) {
    let plate = fru::parse(bytes);
    for field in &plate.fields {
        assert!(!field.text.is_empty());
        no_control_characters(&field.text);
    }
    // Nothing is longer than what it was read from.
    assert!(plate.fields.len() <= 3 * bytes.len());
    for start in fru::areas(bytes) {
        let _ = fru::area_length(bytes.get(start..).unwrap_or_default());
    }
}

fn no_control_characters(text: &str) {
    assert!(!text.contains(char::is_control), "{text:?}");
}
