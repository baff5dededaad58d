//! Sensor data records (SDR, IPMI 2.0 §43), made of the description.

use super::sensors::Live;
use crate::description::{Description, PartSpec, SensorSpec};

const VERSION: u8 = 0x51;
const BMC: u8 = 0x20;

/// The BMC itself, its sensors, its parts.
pub fn records(description: &Description) -> Vec<Vec<u8>> {
    let mut records = vec![controller()];
    for sensor in &description.sensors {
        records.push(match (sensor.event_only, sensor.has_thresholds()) {
            (true, _) => event_only(sensor),
            (false, true) => full(&Live::new(sensor.clone())),
            (false, false) => compact(sensor),
        });
    }
    // The first part is the BMC's own and needs no record.
    records.extend((0u8..).zip(&description.parts).skip(1).map(|(id, part)| part_record(id, part)));
    for (number, record) in (1u16..).zip(&mut records) {
        record[..2].copy_from_slice(&number.to_le_bytes());
        record[4] = (record.len() - 5) as u8;
    }
    records
}

/// Header and body; number and length come later.
fn record(kind: u8, body: &[u8], name: &str) -> Vec<u8> {
    let mut bytes = vec![0, 0, VERSION, kind, 0];
    bytes.extend(body);
    bytes.push(0xc0 | name.len() as u8);
    bytes.extend(name.as_bytes());
    bytes
}

/// Bytes 6 … 10 of a sensor's record: owner, channel and LUN, number, entity.
fn key(sensor: &SensorSpec) -> [u8; 5] {
    [BMC, 0, sensor.number, sensor.entity.0, sensor.entity.1]
}

/// Type 01h (table 43-1).
fn full(live: &Live) -> Vec<u8> {
    let sensor = &live.spec;
    let mut body = key(sensor).to_vec();
    // Scanning, events, thresholds, hysteresis and type are initialised; both are on.
    body.push(0x7f);
    // Re-arms by itself; hysteresis and thresholds can be set; events are enabled one by one.
    body.push(0x68);
    body.extend([sensor.kind, sensor.code]);
    let events = live.event_bits().to_le_bytes();
    body.extend(events);
    body.extend(events);
    // Which thresholds can be read, and set.
    body.extend([live.limit_bits(); 2]);
    body.extend([sensor.format << 6, sensor.unit, 0, sensor.linearisation]);
    body.extend(sensor.factors());
    // No nominal reading; the range of a reading.
    let (highest, lowest) = match sensor.format {
        0 => (0xff, 0x00),
        1 => (0x7f, 0x80),
        _ => (0x7f, 0x80),
    };
    body.extend([0, 0, 0, 0, highest, lowest]);
    let mut limits = live.limit_bytes();
    // unr, ucr, unc, lnr, lcr, lnc.
    limits.reverse();
    body.extend(limits);
    body.extend([sensor.hysteresis, sensor.hysteresis, 0, 0, 0]);
    record(0x01, &body, &sensor.name)
}

/// Type 02h (table 43-2).
fn compact(sensor: &SensorSpec) -> Vec<u8> {
    let mut body = key(sensor).to_vec();
    body.extend([0x67, 0x40, sensor.kind, sensor.code]);
    // Every state makes events and can be read.
    body.extend([0xff, 0x7f, 0xff, 0x7f, 0xff, 0x7f]);
    // No analogue reading; not shared; no hysteresis.
    body.extend([0xc0, sensor.unit, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    record(0x02, &body, &sensor.name)
}

/// Type 03h (table 43-3).
fn event_only(sensor: &SensorSpec) -> Vec<u8> {
    let mut body = key(sensor).to_vec();
    body.extend([sensor.kind, sensor.code, 1, 0, 0, 0]);
    record(0x03, &body, &sensor.name)
}

/// Type 11h: where a part's name plate is read (table 43-7).
fn part_record(id: u8, part: &PartSpec) -> Vec<u8> {
    let name: String = part.name.chars().filter(char::is_ascii).take(16).collect();
    // A logical device of the BMC; device type 10h, behind a controller.
    record(0x11, &[BMC, id, 0x80, 0, 0, 0x10, 0, part.entity.0, part.entity.1, 0], &name)
}

/// Type 12h: what the BMC is able to do (table 43-8).
fn controller() -> Vec<u8> {
    record(0x12, &[BMC, 0, 0, 0x8f, 0, 0, 0, 7, 1, 0], "cake laboratory")
}
