//! Which sequence numbers of a session were seen (IPMI 2.0 §13.28.5, §6.12.13).

/// The newest number that was taken, and which of the 32 before it were.
///
/// A number that is far ahead is taken: the code of the packet was right, so the peer sent it, and what came between is lost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Window {
    newest: u32,
    /// Bit n: `newest - 1 - n` was taken.
    before: u32,
}

impl Window {
    /// Whether this number is new. Zero never is: it belongs to packets outside a session.
    pub fn is_new(&self, sequence: u32) -> bool {
        if sequence == 0 || sequence == self.newest {
            return false;
        }
        if sequence > self.newest {
            return true;
        }
        let age = self.newest - sequence - 1;
        age < u32::BITS && self.before & 1 << age == 0
    }

    /// Notes a number, of a packet whose code was right. `false`: it was there already, or is too old to say.
    pub fn take(&mut self, sequence: u32) -> bool {
        if !self.is_new(sequence) {
            return false;
        }
        if sequence < self.newest {
            self.before |= 1 << (self.newest - sequence - 1);
            return true;
        }
        let ahead = sequence - self.newest;
        let with_newest = u64::from(self.before) << 1 | 1;
        self.before = if ahead > u32::BITS { 0 } else { (with_newest << (ahead - 1)) as u32 };
        self.newest = sequence;
        true
    }
}
