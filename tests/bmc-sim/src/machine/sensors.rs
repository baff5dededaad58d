//! Sensors: what they read, their thresholds and events (IPMI 2.0 §35).

use super::{Answer, Machine, front};
use crate::description::SensorSpec;
use cake_bmc::Completion;

/// What a sensor tells the event log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub kind: u8,
    pub number: u8,
    pub code: u8,
    pub asserted: bool,
    pub data: [u8; 3],
}

/// A sensor as it is now.
#[derive(Clone, Debug)]
pub struct Live {
    pub spec: SensorSpec,
    /// There is a reading.
    pub available: bool,
    pub scanning: bool,
    raw: u8,
    states: u16,
    /// lnr, lcr, lnc, unc, ucr, unr, as readings.
    limits: [Option<u8>; 6],
    /// Which of them are passed.
    passed: [bool; 6],
    events: bool,
}

/// Per limit in the order of `LimitSpec::all`: its bit in Get Sensor Thresholds and in a reading (§35.9, §35.14), its place in the data,
/// and the offset of its event (table 42-2: lower ones going low, upper ones going high).
const LIMITS: [(u8, usize, u8); 6] = [(2, 2, 4), (1, 1, 2), (0, 0, 0), (3, 3, 7), (4, 4, 9), (5, 5, 11)];

impl Live {
    pub fn new(spec: SensorSpec) -> Self {
        let limits = spec.limits.all().map(|limit| limit.map(|value| spec.raw(value)));
        let (raw, states) = (spec.raw(spec.value), spec.states);
        let mut live =
            Self { spec, available: true, scanning: true, raw, states, limits, passed: [false; 6], events: true };
        // How it is at the beginning is no event.
        live.moved(raw);
        live
    }

    pub fn moved(&mut self, raw: u8) -> Vec<Event> {
        self.raw = raw;
        let mut events = Vec::new();
        for (index, limit) in self.limits.into_iter().enumerate() {
            let Some(limit) = limit else { continue };
            let (value, at) = (self.spec.ordinal(raw), self.spec.ordinal(limit));
            let slack = if self.passed[index] { i16::from(self.spec.hysteresis) } else { 0 };
            let passed = if index < 3 { value <= at + slack } else { value >= at - slack };
            if passed != self.passed[index] {
                self.passed[index] = passed;
                // Bytes 2 and 3 hold the reading and the threshold (table 29-6).
                events.push(self.event(passed, [0x50 | LIMITS[index].2, raw, limit]));
            }
        }
        self.only_if_enabled(events)
    }

    pub fn told(&mut self, states: u16) -> Vec<Event> {
        let changed = states ^ self.states;
        self.states = states;
        let bits = (0..15u8).filter(|bit| changed >> bit & 1 == 1);
        let events = bits.map(|bit| self.event(states >> bit & 1 == 1, [bit, 0xff, 0xff])).collect();
        self.only_if_enabled(events)
    }

    fn event(&self, asserted: bool, data: [u8; 3]) -> Event {
        Event { kind: self.spec.kind, number: self.spec.number, code: self.spec.code, asserted, data }
    }

    fn only_if_enabled(&self, events: Vec<Event>) -> Vec<Event> {
        if self.events && self.scanning { events } else { Vec::new() }
    }

    /// §35.14.
    fn reading(&self) -> Answer {
        if self.spec.event_only {
            return Err(Completion::ILLEGAL_FOR_SENSOR);
        }
        let flags = u8::from(self.events) << 7 | u8::from(self.scanning) << 6 | u8::from(!self.available) << 5;
        if self.spec.has_thresholds() {
            let raw = if self.available { self.raw } else { 0 };
            return Ok(vec![raw, flags, 0xc0 | self.passed_bits()]);
        }
        let [low, high] = self.states.to_le_bytes();
        Ok(vec![0, flags, low, 0x80 | high])
    }

    fn passed_bits(&self) -> u8 {
        LIMITS.iter().zip(self.passed).filter(|(_, passed)| *passed).fold(0, |bits, ((bit, ..), _)| bits | 1 << bit)
    }

    /// Which limits there are, a bit each.
    pub fn limit_bits(&self) -> u8 {
        LIMITS
            .iter()
            .zip(self.limits)
            .filter(|(_, limit)| limit.is_some())
            .fold(0, |bits, ((bit, ..), _)| bits | 1 << bit)
    }

    /// Which events of limits there are, an offset each.
    pub fn event_bits(&self) -> u16 {
        LIMITS
            .iter()
            .zip(self.limits)
            .filter(|(_, l)| l.is_some())
            .fold(0, |bits, ((.., offset), _)| bits | 1 << offset)
    }

    /// lnc, lcr, lnr, unc, ucr, unr.
    pub fn limit_bytes(&self) -> [u8; 6] {
        let mut bytes = [0; 6];
        for ((_, place, _), limit) in LIMITS.iter().zip(self.limits) {
            bytes[*place] = limit.unwrap_or_default();
        }
        bytes
    }

    fn set_limits(&mut self, mask: u8, bytes: [u8; 6]) {
        for (index, (bit, place, _)) in LIMITS.iter().enumerate() {
            if mask >> bit & 1 == 1 && self.limits[index].is_some() {
                self.limits[index] = Some(bytes[*place]);
            }
        }
    }
}

pub fn answer(machine: &mut Machine, command: u8, data: &[u8], now: u32) -> Answer {
    if command == 0x02 {
        return platform_event(machine, data, now);
    }
    if !matches!(command, 0x23..=0x2f) {
        return Err(Completion::INVALID_COMMAND);
    }
    let [number] = front(data)?;
    let found = machine.sensors.iter_mut().find(|sensor| sensor.spec.number == number);
    let sensor = found.ok_or(Completion::NOT_PRESENT)?;
    match command {
        // The factors of a sensor that is not linear: the same for every reading (§35.5).
        0x23 => Ok([&[data.get(1).copied().unwrap_or_default()], sensor.spec.factors().as_slice()].concat()),
        0x24 => {
            sensor.spec.hysteresis = front::<3>(data)?[2];
            Ok(Vec::new())
        }
        0x25 => Ok(vec![sensor.spec.hysteresis; 2]),
        0x26 => {
            let [_, mask, limits @ ..] = front::<8>(data)?;
            sensor.set_limits(mask, limits);
            let events = sensor.moved(sensor.raw);
            events.into_iter().for_each(|event| machine.log.event(now, event));
            Ok(Vec::new())
        }
        0x27 if sensor.spec.has_thresholds() => Ok([&[sensor.limit_bits()], sensor.limit_bytes().as_slice()].concat()),
        0x27 => Err(Completion::ILLEGAL_FOR_SENSOR),
        0x28 => {
            let [_, flags] = front(data)?;
            (sensor.events, sensor.scanning) = (flags & 0x80 != 0, flags & 0x40 != 0);
            Ok(Vec::new())
        }
        0x29 => {
            let [low, high] = if sensor.spec.has_thresholds() { sensor.event_bits() } else { 0x7fff }.to_le_bytes();
            Ok(vec![u8::from(sensor.events) << 7 | u8::from(sensor.scanning) << 6, low, high, low, high])
        }
        0x2a => Ok(Vec::new()),
        0x2b => {
            let passed = LIMITS.iter().zip(sensor.passed).filter(|(_, passed)| *passed);
            let limits = passed.fold(0u16, |bits, ((.., offset), _)| bits | 1 << offset);
            let [low, high] = if sensor.spec.has_thresholds() { limits } else { sensor.states }.to_le_bytes();
            Ok(vec![u8::from(sensor.events) << 7 | u8::from(sensor.scanning) << 6, low, high, 0, 0])
        }
        0x2d => sensor.reading(),
        0x2f => Ok(vec![sensor.spec.kind, sensor.spec.code & 0x7f]),
        _ => Err(Completion::INVALID_COMMAND),
    }
}

/// Somebody else's event, for the log (§29.3).
fn platform_event(machine: &mut Machine, data: &[u8], now: u32) -> Answer {
    let [_revision, kind, number, direction, data @ ..] = front::<7>(data)?;
    let event = Event { kind, number, code: direction & 0x7f, asserted: direction & 0x80 == 0, data };
    machine.log.event(now, event);
    Ok(Vec::new())
}
