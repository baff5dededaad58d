//! The time of day as a parameter: the Store's own clock, read as a timestamp.

use cake_store::Clock;
use jiff::Timestamp;

/// Now, to the millisecond.
pub fn now(clock: &dyn Clock) -> Timestamp {
    Timestamp::from_millisecond(clock.unix_ms()).unwrap_or(Timestamp::UNIX_EPOCH)
}
