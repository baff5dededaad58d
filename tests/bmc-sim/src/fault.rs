//! What goes wrong with a BMC, on demand.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

/// What is wrong with every answer as long as it is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// No answer at all.
    Silent,
    /// A checksum of the IPMI message within.
    Checksum,
    /// The code that signs the packet.
    Code,
    /// The session that the packet is for.
    Session,
    /// The sequence number of the packet: always the first.
    Sequence,
    /// rqSeq: the number of another request.
    Request,
    /// Everything twice.
    Twice,
    /// The last bytes are missing.
    Truncated,
    /// No further login.
    Full,
    /// The GUID of another.
    Guid,
    /// The event log grows while it is read.
    Grow,
}

const NAMES: [(&str, Fault); 11] = [
    ("silent", Fault::Silent),
    ("checksum", Fault::Checksum),
    ("code", Fault::Code),
    ("session", Fault::Session),
    ("sequence", Fault::Sequence),
    ("request", Fault::Request),
    ("twice", Fault::Twice),
    ("truncated", Fault::Truncated),
    ("full", Fault::Full),
    ("guid", Fault::Guid),
    ("grow", Fault::Grow),
];

impl FromStr for Fault {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let found = NAMES.iter().find(|(name, _)| *name == word);
        found.map(|(_, fault)| *fault).ok_or_else(|| format!("there is no fault {word}"))
    }
}

#[derive(Clone, Debug, Default)]
pub struct Faults {
    on: BTreeSet<Fault>,
    /// So many of so many datagrams that come in are lost.
    pub drop: Option<(u32, u32)>,
    seen: u32,
    /// Each answer is so late.
    pub delay: Duration,
}

impl Faults {
    pub fn has(&self, fault: Fault) -> bool {
        self.on.contains(&fault)
    }

    pub fn set(&mut self, fault: Fault, on: bool) {
        if on {
            self.on.insert(fault);
        } else {
            self.on.remove(&fault);
        }
    }

    /// Whether the datagram that just came is lost. The lost ones are the first of each round, so that a test knows them.
    pub fn loses(&mut self) -> bool {
        if self.has(Fault::Silent) {
            return true;
        }
        let Some((lost, of)) = self.drop else { return false };
        let at = self.seen % of.max(1);
        self.seen = self.seen.wrapping_add(1);
        at < lost
    }

    /// What leaves instead of an answer.
    pub fn spoil(&self, mut datagram: Vec<u8>) -> Vec<Vec<u8>> {
        if self.has(Fault::Code)
            && let Some(last) = datagram.last_mut()
        {
            *last ^= 0x55;
        }
        if self.has(Fault::Truncated) {
            datagram.truncate(datagram.len().saturating_sub(5));
        }
        let count = if self.has(Fault::Twice) { 2 } else { 1 };
        vec![datagram; count]
    }
}
