//! What becomes of a switch's ports over time: links that come and go, errors that climb.

use cake_types::SwitchReading;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// Links that came or went within this count as restless …
const FLAPS: Duration = Duration::from_secs(600);
/// … and errors within this as fresh.
const ERRORS: Duration = Duration::from_secs(3600);
/// Of one port: what is more than that is as bad.
const KEPT: usize = 128;

#[derive(Debug, Default)]
struct Port {
    up: bool,
    /// `ifLastChange`, hundredths of a second since the switch began.
    last_change: Option<u64>,
    flips: VecDeque<Instant>,
    /// Errors since the switch began to count.
    errors: u64,
    fresh: VecDeque<(Instant, u64)>,
}

/// The ports as they were read before. It knows no clock.
#[derive(Debug, Default)]
pub struct Trend(BTreeMap<u32, Port>);

impl Trend {
    /// Takes a reading in, and says in it what follows from those before.
    pub fn take(&mut self, reading: &mut SwitchReading, now: Instant) {
        let mut before = std::mem::take(&mut self.0);
        for port in &mut reading.ports {
            let errors = port.errors_in.unwrap_or(0).saturating_add(port.errors_out.unwrap_or(0));
            let known = before.remove(&port.index);
            let is_new = known.is_none();
            let mut known = known.unwrap_or_default();
            // A change between two looks is one that ends as it began: it shows in the time alone.
            if !is_new && (known.up != port.up || known.last_change != port.last_change) {
                known.flips.push_back(now);
            }
            // Who counts from nothing again has begun anew, or has counted as far as he can.
            if !is_new && errors > known.errors {
                known.fresh.push_back((now, errors - known.errors));
            }
            (known.up, known.last_change, known.errors) = (port.up, port.last_change, errors);
            let is_late = |at: &Instant, window| now.saturating_duration_since(*at) > window;
            while known.flips.len() > KEPT || known.flips.front().is_some_and(|at| is_late(at, FLAPS)) {
                known.flips.pop_front();
            }
            while known.fresh.len() > KEPT || known.fresh.front().is_some_and(|(at, _)| is_late(at, ERRORS)) {
                known.fresh.pop_front();
            }
            port.changes = u32::try_from(known.flips.len()).unwrap_or(u32::MAX);
            port.fresh_errors = known.fresh.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count));
            self.0.insert(port.index, known);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cake_types::SwitchPort;

    fn reading(up: bool, last_change: u64, errors: u64) -> SwitchReading {
        let port = SwitchPort {
            index: 1,
            up,
            last_change: Some(last_change),
            errors_in: Some(errors),
            ..SwitchPort::default()
        };
        SwitchReading { ports: vec![port] }
    }

    #[test]
    fn links_that_come_and_go_and_errors_that_climb_are_counted_for_a_while() {
        let (mut trend, start) = (Trend::default(), Instant::now());
        let mut at = |seconds: u64, (up, change, errors): (bool, u64, u64)| {
            let mut reading = reading(up, change, errors);
            trend.take(&mut reading, start + Duration::from_secs(seconds));
            (reading.ports[0].changes, reading.ports[0].fresh_errors)
        };
        assert_eq!(at(0, (true, 10, 500)), (0, 0), "what was before is history");
        assert_eq!(at(30, (true, 10, 500)), (0, 0));
        assert_eq!(at(60, (false, 99, 510)), (1, 10));
        assert_eq!(at(90, (false, 120, 510)), (2, 10), "it came and went between two looks");
        assert_eq!(at(120, (true, 150, 520)), (3, 20));
        assert_eq!(at(150, (true, 150, 4)), (3, 20), "the switch began anew");
        assert_eq!(at(400, (true, 150, 9)), (3, 25));
        assert_eq!(at(700, (true, 150, 9)), (1, 25), "only the last ten minutes");
        assert_eq!(at(3800, (true, 150, 9)), (0, 5), "only the last hour");
    }
}
