//! Cipher suites (IPMI 2.0 §13.28, §22.15): the two that are safe enough.

use super::{Broken, Reader};

/// The others lack encryption, or integrity, or rest on MD5 or RC4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CipherSuite {
    /// RAKP-HMAC-SHA1, HMAC-SHA1-96, AES-CBC-128.
    Three,
    /// RAKP-HMAC-SHA256, HMAC-SHA256-128, AES-CBC-128.
    Seventeen,
}

/// The numbers of a suite's algorithms (tables 13-17, 13-18 and 13-19).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Algorithms {
    pub authentication: u8,
    pub integrity: u8,
    pub confidentiality: u8,
}

const STANDARD: u8 = 0xc0;
const OEM: u8 = 0xc1;

impl CipherSuite {
    pub const ALL: [Self; 2] = [Self::Three, Self::Seventeen];

    pub const fn id(self) -> u8 {
        match self {
            Self::Three => 3,
            Self::Seventeen => 17,
        }
    }

    pub const fn algorithms(self) -> Algorithms {
        match self {
            Self::Three => Algorithms { authentication: 1, integrity: 1, confidentiality: 1 },
            Self::Seventeen => Algorithms { authentication: 3, integrity: 4, confidentiality: 1 },
        }
    }

    pub fn of(algorithms: Algorithms) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.algorithms() == algorithms)
    }

    /// Bytes of a RAKP code in full (tables 13-11 and 13-13).
    pub const fn code_length(self) -> usize {
        match self {
            Self::Three => 20,
            Self::Seventeen => 32,
        }
    }

    /// Bytes of the code at the end of a packet, and in RAKP 4.
    pub const fn integrity_length(self) -> usize {
        match self {
            Self::Three => 12,
            Self::Seventeen => 16,
        }
    }

    /// Its record in the answer to Get Channel Cipher Suites.
    pub fn record(self) -> [u8; 5] {
        let Algorithms { authentication, integrity, confidentiality } = self.algorithms();
        [STANDARD, self.id(), authentication, 0x40 | integrity, 0x80 | confidentiality]
    }
}

/// The best suite in the records of Get Channel Cipher Suites (table 22-18). Makers' own suites and unsafe ones don't count.
pub fn best(records: &[u8]) -> Result<Option<CipherSuite>, Broken> {
    let mut best = None;
    let mut reader = Reader(records);
    while let Ok(start) = reader.byte() {
        reader.take(match start {
            STANDARD => 1,
            // Its number, and IANA's of the maker.
            OEM => 4,
            _ => return Err(Broken("no record of a cipher suite")),
        })?;
        let count = reader.0.iter().position(|byte| matches!(*byte, STANDARD | OEM)).unwrap_or(reader.0.len());
        let listed = reader.take(count)?;
        let offered = |suite: &CipherSuite| suite.record()[2..].iter().all(|algorithm| listed.contains(algorithm));
        if start == STANDARD {
            best = best.max(CipherSuite::ALL.into_iter().filter(offered).max());
        }
    }
    Ok(best)
}
