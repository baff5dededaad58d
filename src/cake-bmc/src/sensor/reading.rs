//! The answer to Get Sensor Reading (IPMI 2.0 §35.14).

use super::meaning::{fact, group};
use crate::message::Completion;
use crate::sdr::{Factors, SensorRecord, Thresholds};
use cake_types::{Limits, Sensor, SensorFact, SensorState, SensorUnit, Severity};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawReading {
    pub value: u8,
    /// Somebody looks at it. Without, whatever else is in the answer is old.
    pub scanning: bool,
    pub unavailable: bool,
    /// Of a threshold sensor bits 0 … 5, of a discrete one 0 … 14.
    pub states: u16,
}

impl RawReading {
    /// `None`: shorter than an answer can be. The states may be left out.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let [value, flags, ref states @ ..] = *bytes else { return None };
        let state = |of: usize| states.get(of).copied().unwrap_or(0);
        Some(Self {
            value,
            scanning: flags & 0x40 != 0,
            unavailable: flags & 0x20 != 0,
            states: u16::from_le_bytes([state(0), state(1)]) & 0x7fff,
        })
    }
}

/// A sensor that answered. `factors`: those of this reading, for one that is not linear.
pub fn sensor(record: &SensorRecord, raw: RawReading, factors: Option<Factors>, thresholds: &Thresholds) -> Sensor {
    let limits = record.limits(thresholds).unwrap_or_default();
    if !raw.scanning || raw.unavailable {
        let state = if raw.scanning { SensorState::Unavailable } else { SensorState::ScanningDisabled };
        return told(record, state, None, Vec::new(), limits);
    }
    if record.is_threshold() {
        let non_linear = record.conversion.is_some_and(|conversion| conversion.is_non_linear());
        let value = match factors {
            Some(factors) => record.value_by(factors, raw.value),
            None if non_linear => None,
            None => record.value(raw.value),
        };
        return told(record, threshold_state(raw.states), value, Vec::new(), limits);
    }
    let offsets = (0..15).filter(|offset| raw.states & 1 << offset != 0);
    let facts: Vec<_> = offsets.map(|offset| fact(record.kind, record.class, offset)).collect();
    let state = if is_absent(record, raw.states) { SensorState::Absent } else { discrete_state(&facts) };
    told(record, state, None, facts, limits)
}

/// A sensor that did not: it sends only events, or refused.
pub fn silent(record: &SensorRecord, refusal: Option<Completion>, thresholds: &Thresholds) -> Sensor {
    let state = match refusal {
        _ if !record.readable => SensorState::EventOnly,
        Some(Completion::NOT_PRESENT) => SensorState::Absent,
        _ => SensorState::Unavailable,
    };
    told(record, state, None, Vec::new(), record.limits(thresholds).unwrap_or_default())
}

fn told(
    record: &SensorRecord,
    state: SensorState,
    value: Option<f64>,
    facts: Vec<SensorFact>,
    limits: Limits,
) -> Sensor {
    Sensor {
        id: record.id(),
        number: Some(record.number),
        name: record.name.clone(),
        group: group(record),
        unit: if record.is_threshold() { record.unit } else { SensorUnit::None },
        value,
        state,
        facts,
        limits,
        entity: Some(record.entity),
    }
}

/// The worst that the BMC says. It knows the hysteresis; comparing numbers here would guess.
fn threshold_state(states: u16) -> SensorState {
    const WORST_FIRST: [(u16, SensorState); 6] = [
        (1 << 2, SensorState::LowerNonRecoverable),
        (1 << 5, SensorState::UpperNonRecoverable),
        (1 << 1, SensorState::LowerCritical),
        (1 << 4, SensorState::UpperCritical),
        (1 << 0, SensorState::LowerNonCritical),
        (1 << 3, SensorState::UpperNonCritical),
    ];
    WORST_FIRST.iter().find(|(bit, _)| states & bit != 0).map_or(SensorState::Ok, |(_, state)| *state)
}

fn discrete_state(facts: &[SensorFact]) -> SensorState {
    if facts.iter().any(|fact| fact.severity == Severity::Error) {
        SensorState::Critical
    } else if facts.iter().any(|fact| fact.severity == Severity::Warning) {
        SensorState::Warning
    } else {
        SensorState::Ok
    }
}

/// It says that it is not there; or could say that it is, and says nothing at all.
fn is_absent(record: &SensorRecord, states: u16) -> bool {
    let (absent, present) = match (record.class, record.kind) {
        (0x08, _) => (Some(0), None),
        (0x6f, 0x25) => (Some(1), None),
        (0x6f, 0x2c) => (Some(0), None),
        (0x6f, 0x07) => (None, Some(7)),
        (0x6f, 0x08 | 0x0d) => (None, Some(0)),
        (0x6f, 0x0c) => (None, Some(6)),
        (0x6f, 0x29) => (None, Some(2)),
        _ => (None, None),
    };
    absent.is_some_and(|bit: u16| states & 1 << bit != 0)
        || present.is_some_and(|bit: u16| states == 0 && record.mask & 1 << bit != 0)
}
