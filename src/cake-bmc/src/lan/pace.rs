//! When to ask again.

use std::time::{Duration, Instant};

/// How patient a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Until a request is sent again, as long as no answer was measured.
    pub first: Duration,
    /// The shortest and the longest such wait.
    pub least: Duration,
    pub most: Duration,
    /// A request without an answer for so long means that the session is lost.
    pub lost: Duration,
    /// How long a request may take in all, logging in included.
    pub total: Duration,
    /// A session that is not used for so long is kept awake by a request of its own: BMCs end it after 60 s (IPMI 2.0 §6.12.15).
    pub keep_alive: Duration,
    /// Requests that may be outstanding. More than one only for a BMC that proved to bear it; after a loss it is one again.
    pub outstanding: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(250),
            least: Duration::from_millis(100),
            most: Duration::from_secs(2),
            lost: Duration::from_secs(3),
            total: Duration::from_secs(10),
            keep_alive: Duration::from_secs(25),
            outstanding: 1,
        }
    }
}

/// How long answers take (RFC 6298).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RoundTrip {
    /// Smoothed, and how much it varies.
    measured: Option<(Duration, Duration)>,
    /// Losses since the last answer that was measured: each doubles the wait.
    losses: u32,
}

impl RoundTrip {
    pub fn wait(&self, pace: &Pace) -> Duration {
        let base = match self.measured {
            None => pace.first,
            Some((smoothed, variation)) => (smoothed + 4 * variation).max(pace.least),
        };
        base.saturating_mul(1 << self.losses.min(8)).min(pace.most)
    }

    pub fn lost(&mut self) {
        self.losses += 1;
    }

    /// Only an attempt that was sent once says how long its answer took (Karn).
    pub fn answered(&mut self, attempt: &Attempt, now: Instant) {
        if attempt.tries > 1 {
            return;
        }
        let took = now.saturating_duration_since(attempt.sent);
        self.losses = 0;
        self.measured = Some(match self.measured {
            None => (took, took / 2),
            Some((smoothed, variation)) => ((smoothed * 7 + took) / 8, (variation * 3 + smoothed.abs_diff(took)) / 4),
        });
    }
}

/// One packet that waits for its answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    pub started: Instant,
    pub sent: Instant,
    /// When it is sent again.
    pub due: Instant,
    pub tries: u32,
}

impl Attempt {
    pub fn new(now: Instant, wait: Duration) -> Self {
        Self { started: now, sent: now, due: now + wait, tries: 1 }
    }

    pub fn again(&mut self, now: Instant, wait: Duration) {
        self.sent = now;
        self.due = now + wait;
        self.tries += 1;
    }
}
