//! Records of the system event log (IPMI 2.0 §32).

pub(crate) mod read;

use crate::sdr::{SensorRecord, sensor_id};
use crate::sensor;
use cake_types::{SensorFact, SensorUnit, ServerEvent, Severity};
use jiff::Timestamp;

/// Every record has as many bytes.
pub const RECORD: usize = 16;
/// A clock that was never set counts from the BMC's start, up to here (§37).
const NOT_SET: u32 = 0x2000_0000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    pub id: u16,
    /// Seconds since 1970, where there is one and it can be meant.
    pub seconds: Option<u32>,
    pub body: Body,
    pub raw: [u8; RECORD],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    Event(Event),
    /// C0h … DFh with a time, E0h … FFh without: only its manufacturer knows.
    Oem,
    /// A type that the specification keeps for later.
    Unknown,
}

/// Of a sensor (§32.1, table 32-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The controller's address, or with bit 0 a program's id.
    pub generator: u8,
    pub lun: u8,
    pub kind: u8,
    pub number: u8,
    /// Event type code, as the sensor's record has it.
    pub class: u8,
    pub asserted: bool,
    pub offset: u8,
    /// Raw: what was read, and the threshold that it passed.
    pub reading: Option<u8>,
    pub threshold: Option<u8>,
    /// The sensor's type adds a code of its own.
    pub detail: Option<u8>,
}

impl Record {
    pub fn parse(raw: [u8; RECORD]) -> Self {
        let seconds = u32::from_le_bytes([raw[3], raw[4], raw[5], raw[6]]);
        let body = match raw[2] {
            0x02 => Body::Event(Event::parse(&raw)),
            0xc0.. => Body::Oem,
            _ => Body::Unknown,
        };
        let seconds = (raw[2] < 0xe0 && seconds > NOT_SET && seconds != u32::MAX).then_some(seconds);
        Self { id: u16::from_le_bytes([raw[0], raw[1]]), seconds, body, raw }
    }

    /// The record's number, and what tells it from another that had the number before the log was cleared or went round.
    pub fn id(&self) -> String {
        // FNV-1a: no secret, only a short sum that is the same in every version of this program.
        let sum = self.raw.iter().fold(0x811c_9dc5_u32, |sum, byte| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
        format!("{:04x}-{sum:08x}", self.id)
    }

    /// The number in an [`Record::id`].
    pub fn number(id: &str) -> Option<u16> {
        u16::from_str_radix(id.split_once('-')?.0, 16).ok()
    }

    /// What only the maker knows, after the time where there is one.
    fn oem(&self) -> SensorFact {
        let data = if self.raw[2] < 0xe0 { &self.raw[7..] } else { &self.raw[3..] };
        SensorFact { key: "ipmi-oem".to_owned(), severity: Severity::Info, text: Some(hex(data)) }
    }

    /// In words that need no IPMI. `sensors`: what the BMC's records know.
    pub fn event(&self, sensors: &[SensorRecord]) -> ServerEvent {
        let mut told = ServerEvent {
            id: self.id(),
            at: self.seconds.and_then(|seconds| Timestamp::from_second(seconds.into()).ok()),
            sensor: None,
            name: String::new(),
            fact: self.oem(),
            asserted: true,
            value: None,
            limit: None,
            unit: SensorUnit::None,
            raw: hex(&self.raw),
        };
        let Body::Event(event) = self.body else { return told };
        told.fact = match event.detail {
            Some(detail) => sensor::detailed(event.kind, event.class, event.offset, detail),
            None => sensor::fact(event.kind, event.class, event.offset),
        };
        told.asserted = event.asserted;
        if let Some(sensor) = sensors.iter().find(|sensor| event.is_of(sensor)) {
            told.sensor = Some(sensor_id(event.generator, event.lun, event.number));
            told.name.clone_from(&sensor.name);
            if sensor.is_threshold() && event.class == sensor.class {
                told.unit = sensor.unit;
                let linear = !sensor.conversion.is_some_and(|conversion| conversion.is_non_linear());
                let value = |raw: Option<u8>| raw.filter(|_| linear).and_then(|raw| sensor.value(raw));
                (told.value, told.limit) = (value(event.reading), value(event.threshold));
            }
        }
        told
    }
}

impl Event {
    fn parse(raw: &[u8; RECORD]) -> Self {
        let class = raw[12] & 0x7f;
        // Table 29-6: what bytes 2 and 3 of the event data are; only for thresholds they are a reading and a limit.
        let data = |shift: u8, byte: u8| (class == 1 && raw[13] >> shift & 3 == 1).then_some(byte);
        Self {
            generator: raw[7],
            lun: raw[8] & 3,
            kind: raw[10],
            number: raw[11],
            class,
            asserted: raw[12] & 0x80 == 0,
            offset: raw[13] & 0xf,
            reading: data(6, raw[14]),
            threshold: data(4, raw[15]),
            detail: (raw[13] >> 6 == 3).then_some(raw[14]),
        }
    }

    /// One that has the number and is of another type is another's record.
    fn is_of(&self, sensor: &SensorRecord) -> bool {
        (sensor.owner, sensor.lun, sensor.number, sensor.kind) == (self.generator, self.lun, self.number, self.kind)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{Body, Record};
    use cake_types::Severity;

    fn record(kind: u8, time: u32, rest: [u8; 9]) -> Record {
        let mut raw = [0; 16];
        raw[..3].copy_from_slice(&[5, 0, kind]);
        raw[3..7].copy_from_slice(&time.to_le_bytes());
        raw[7..].copy_from_slice(&rest);
        Record::parse(raw)
    }

    const FAILED: [u8; 9] = [0x20, 0, 4, 0x08, 0x31, 0x6f, 0x01, 0xff, 0xff];

    #[test]
    fn a_clock_that_was_never_set_tells_no_time() {
        for time in [0, 1, 0x2000_0000, u32::MAX] {
            assert_eq!(record(2, time, FAILED).event(&[]).at, None, "{time:#x}");
        }
        let at = record(2, 1_760_000_000, FAILED).event(&[]).at.expect("a time");
        assert_eq!(at.to_string(), "2025-10-09T08:53:20Z");
    }

    #[test]
    fn an_event_of_an_unknown_sensor_still_says_what_it_is() {
        let event = record(2, 1_760_000_000, FAILED).event(&[]);
        assert_eq!(
            (event.fact.key.as_str(), event.fact.severity, event.asserted),
            ("ipmi-6f-08-01", Severity::Error, true)
        );
        assert_eq!((event.sensor, event.name.as_str()), (None, ""));
        let mut gone = FAILED;
        gone[5] |= 0x80;
        let gone = record(2, 1_760_000_000, gone).event(&[]);
        assert_eq!((gone.asserted, gone.severity()), (false, Severity::Info));
    }

    #[test]
    fn a_makers_own_record_is_told_as_it_came() {
        let timed = record(0xc1, 1_760_000_000, *b"\x57\x01\0abcdef");
        assert_eq!(timed.body, Body::Oem);
        assert!(timed.event(&[]).at.is_some());
        let untimed = record(0xe0, 1_760_000_000, *b"\x57\x01\0abcdef");
        assert_eq!(untimed.event(&[]).at, None);
        assert_eq!(untimed.event(&[]).fact.key, "ipmi-oem");
        assert!(untimed.event(&[]).raw.ends_with("616263646566"));
        assert_eq!(record(0x05, 1_760_000_000, FAILED).body, Body::Unknown);
    }

    #[test]
    fn the_same_number_with_other_bytes_is_another_event() {
        let (first, second) = (record(2, 1_760_000_000, FAILED), record(2, 1_760_000_001, FAILED));
        assert_ne!(first.id(), second.id());
        assert_eq!(Record::number(&first.id()), Some(5));
        assert_eq!([Record::number("5"), Record::number("zz-1"), Record::number("")], [None; 3]);
    }
}
