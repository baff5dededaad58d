use super::{Record, RecordError, parse};
use crate::sdr::SensorRecord;
use cake_types::{Entity, SensorUnit};

/// A record's bytes from those after its header.
fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[7, 0, 0x51, kind, body.len() as u8], body].concat()
}

/// A CPU temperature: bytes 6 to 47 of table 43-1, then the name.
fn full(name: &[u8]) -> Vec<u8> {
    let mut body = vec![0x20, 0x12, 0x30, 3, 0x81, 0x7f, 0x68, 0x01, 0x01];
    body.extend([0x95, 0x7a, 0x95, 0x7a, 0x3f, 0x3f]); // masks
    body.extend([0x80, 1, 0, 0, 0x02, 0x01, 0, 0, 0, 0xf0]); // two's complement, °C, M 2, R exponent -1
    body.extend([7, 40, 60, 0, 127, 0x80, 99, 95, 90, 1, 2, 3, 2, 2, 0, 0, 0]);
    body.extend(name);
    record(0x01, &body)
}

fn one(bytes: &[u8]) -> SensorRecord {
    match parse(bytes) {
        Ok(Record::Sensors(mut sensors)) if sensors.len() == 1 => sensors.remove(0),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_full_record_is_read() {
    let sensor = one(&full(b"\xc8CPU Temp"));
    assert_eq!((sensor.id().as_str(), sensor.name.as_str()), ("20.2.30", "CPU Temp"));
    assert_eq!(sensor.entity, Entity { id: 3, instance: 1 });
    assert_eq!((sensor.kind, sensor.class, sensor.unit, sensor.readable), (1, 1, SensorUnit::Celsius, true));
    assert_eq!([sensor.value(50), sensor.value(0xf6)], [Some(10.0), Some(-2.0)]);
    assert_eq!((sensor.thresholds.access, sensor.thresholds.mask), (2, 0x3f));
    let limits = sensor.limits(&sensor.thresholds).expect("a linear sensor");
    assert_eq!([limits.lower_non_critical, limits.upper_non_recoverable], [Some(0.6), Some(19.8)]);
    assert_eq!([limits.lower_critical, limits.upper_critical], [Some(0.4), Some(19.0)]);
}

#[test]
fn names_are_read_in_every_packing() {
    for (bytes, name) in [
        (&b"\xc3fan"[..], "fan"),
        (b"\x83\x29\xdc\xa6", "IPMI"),
        (b"\x42\x12\xa3", "12 3"),
        (b"\x04\x6b\x70\xe8\x66", "\u{706b}\u{66e8}"),
        (b"\xc6T\xb0ein\xe9", "T°einé"),
        // Cut off, and none.
        (b"\xdfshort", "short"),
        (b"\xc0", ""),
        (b"", ""),
    ] {
        assert_eq!(one(&full(bytes)).name, name, "{bytes:x?}");
    }
}

#[test]
fn one_compact_record_is_several_sensors() {
    let mut body = vec![0x20, 0, 0x40, 10, 1, 0x67, 0x40, 0x08, 0x6f, 0, 0, 0, 0, 0x0f, 0, 0xc0, 0, 0];
    body.extend([0x03, 0x81, 0, 0, 0, 0, 0, 0]); // three, numbers from 1, instances count up
    body.extend(b"\xc3PSU");
    let Ok(Record::Sensors(sensors)) = parse(&record(0x02, &body)) else { panic!("sensors") };
    let told: Vec<_> = sensors.iter().map(|of| (of.name.as_str(), of.number, of.entity.instance)).collect();
    assert_eq!(told, [("PSU1", 0x40, 1), ("PSU2", 0x41, 2), ("PSU3", 0x42, 3)]);
    assert!(sensors.iter().all(|of| of.conversion.is_none() && of.mask == 0x0f && of.readable));
    // Letters, and all of one entity.
    (body[18], body[19]) = (0x12, 25);
    let Ok(Record::Sensors(sensors)) = parse(&record(0x02, &body)) else { panic!("sensors") };
    let told: Vec<_> = sensors.iter().map(|of| (of.name.as_str(), of.entity.instance)).collect();
    assert_eq!(told, [("PSUZ", 1), ("PSUAA", 1)]);
}

#[test]
fn what_only_sends_events_is_not_asked() {
    let sensor = one(&record(0x03, b"\x20\0\x50\x22\x01\x23\x6f\x01\0\0\0\xc8watchdog"));
    assert_eq!((sensor.readable, sensor.kind, sensor.class, sensor.name.as_str()), (false, 0x23, 0x6f, "watchdog"));
}

#[test]
fn locators_are_read_and_what_we_do_not_need_is_no_error() {
    let Ok(Record::Fru(fru)) = parse(&record(0x11, b"\x20\x03\x80\0\0\x10\0\x0a\x01\0\xc3PS1")) else {
        panic!("a FRU")
    };
    assert_eq!((fru.owner, fru.device, fru.logical, fru.name.as_str()), (0x20, 3, true, "PS1"));
    let Ok(Record::Controller(mc)) = parse(&record(0x12, b"\x20\0\0\xbf\0\0\0\x07\x01\0\xc3BMC")) else {
        panic!("an MC")
    };
    assert_eq!((mc.address, mc.name.as_str()), (0x20, "BMC"));
    assert_eq!(parse(&record(0x08, &[0; 11])), Ok(Record::Association));
    assert_eq!(parse(&record(0x09, &[0; 27])), Ok(Record::Association));
    assert_eq!(parse(&record(0xc0, &[0x57, 1, 0, 9])), Ok(Record::Oem));
    assert_eq!(parse(&record(0x77, &[])), Ok(Record::Other(0x77)));
}

#[test]
fn wrong_lengths_are_refused() {
    let whole = full(b"\xc8CPU Temp");
    for length in 0..whole.len() {
        assert_eq!(parse(&whole[..length]), Err(RecordError::Short), "{length}");
    }
    for length in 0..42 {
        let mut short = whole.clone();
        short[4] = length;
        assert_eq!(parse(&short), Err(RecordError::Length), "{length}");
    }
    // What comes after a record is none of its business.
    assert_eq!(one(&[&whole[..], b"more"].concat()).name, "CPU Temp");
    for (kind, least) in [(0x02, 26), (0x03, 11), (0x11, 10), (0x12, 10)] {
        assert_eq!(parse(&record(kind, &vec![0; least - 1])), Err(RecordError::Length), "{kind:#x}");
        assert!(parse(&record(kind, &vec![0; least])).is_ok(), "{kind:#x}");
    }
}
