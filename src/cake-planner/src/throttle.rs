//! How long somebody who gives wrong passwords has to wait: the delay grows, the door is never locked for good.

use std::time::Duration;

/// How patient to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// So many failures cost nothing.
    pub free: u32,
    /// Longest wait.
    pub longest: Duration,
    /// After so long without a failure all is forgotten.
    pub forget: Duration,
}

/// Of one account: short, so that nobody can lock somebody else out by guessing.
pub const ACCOUNT: Patience =
    Patience { free: 5, longest: Duration::from_secs(30), forget: Duration::from_secs(15 * 60) };
/// Of one address: long.
pub const ADDRESS: Patience =
    Patience { free: 10, longest: Duration::from_secs(15 * 60), forget: Duration::from_secs(60 * 60) };

/// What is remembered of one account or address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    pub count: u32,
    /// Milliseconds since 1970.
    pub last: i64,
}

impl Failures {
    /// How long from `now` until the next try counts. Zero: go on.
    pub fn wait(self, now: i64, patience: Patience) -> Duration {
        if self.is_over(now, patience) || self.count < patience.free {
            return Duration::ZERO;
        }
        let doubled = self.count - patience.free;
        let delay = Duration::from_secs(1u64 << doubled.min(20)).min(patience.longest);
        // A clock that was set back must not make anybody wait longer than the delay itself.
        let passed = Duration::from_millis(now.saturating_sub(self.last).max(0) as u64);
        delay.saturating_sub(passed)
    }

    #[must_use]
    pub fn failed(self, now: i64, patience: Patience) -> Self {
        let count = if self.is_over(now, patience) { 0 } else { self.count };
        Self { count: count.saturating_add(1), last: now }
    }

    /// Nothing needs to be remembered any more.
    pub fn is_over(self, now: i64, patience: Patience) -> bool {
        u128::try_from(now.saturating_sub(self.last)).is_ok_and(|passed| passed >= patience.forget.as_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_delay_doubles_after_the_free_tries() {
        let mut failures = Failures::default();
        let mut waits = Vec::new();
        for _ in 0..10 {
            failures = failures.failed(3_600_000_000, ACCOUNT);
            waits.push(failures.wait(3_600_000_000, ACCOUNT).as_secs());
        }
        assert_eq!(waits, [0, 0, 0, 0, 1, 2, 4, 8, 16, 30]);
        assert_eq!(failures.wait(3_600_000_000 + 30_000, ACCOUNT), Duration::ZERO);
        assert_eq!(failures.failed(3_600_000_000 + 900_000, ACCOUNT).count, 1);
    }

    proptest! {
        #[test]
        fn nobody_waits_longer_than_the_longest(count: u32, last in 0i64..1 << 50, now in 0i64..1 << 50) {
            let wait = Failures { count, last }.wait(now, ADDRESS);
            prop_assert!(wait <= ADDRESS.longest);
        }
    }
}
