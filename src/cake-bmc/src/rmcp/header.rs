//! The four bytes in front of everything (IPMI 2.0 §13.1.3).

use super::{Broken, Reader};

const VERSION_1_0: u8 = 0x06;
/// "No RMCP acknowledgement, please": nobody acknowledges IPMI (§13.2.1).
const NO_ACK: u8 = 0xff;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Asf = 6,
    Ipmi = 7,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub class: Class,
}

impl Header {
    pub const LENGTH: usize = 4;

    pub const fn encode(self) -> [u8; Self::LENGTH] {
        [VERSION_1_0, 0, NO_ACK, self.class as u8]
    }

    /// The header, and what follows it.
    pub fn parse(datagram: &[u8]) -> Result<(Self, &[u8]), Broken> {
        let mut reader = Reader(datagram);
        let [version, _reserved, _sequence, class] = reader.array()?;
        if version != VERSION_1_0 {
            return Err(Broken("not RMCP 1.0"));
        }
        let class = match class {
            6 => Class::Asf,
            7 => Class::Ipmi,
            // Bit 7 marks an acknowledgement, which carries nothing.
            _ => return Err(Broken("neither IPMI nor ASF")),
        };
        Ok((Self { class }, reader.0))
    }
}
