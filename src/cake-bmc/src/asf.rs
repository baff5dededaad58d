//! ASF presence ping and pong (DSP0136 §3.2.4): "are you a BMC?", asked without a login.

use crate::rmcp::{Broken, Class, Header, Reader};

/// IANA's enterprise number of ASF.
const ASF: u32 = 4542;
const PING: u8 = 0x80;
const PONG: u8 = 0x40;
const PONG_LENGTH: u8 = 16;
/// IPMI is spoken (IPMI 2.0 §13.2.4).
const SUPPORTS_IPMI: u8 = 0x80;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ping {
    /// Comes back in the pong.
    pub tag: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pong {
    pub tag: u8,
    /// IANA's enterprise number of who made the BMC; 4542 when it says only "ASF".
    pub enterprise: u32,
    pub ipmi: bool,
}

impl Ping {
    pub fn encode(self) -> Vec<u8> {
        encode(PING, self.tag, &[])
    }

    pub fn parse(datagram: &[u8]) -> Result<Self, Broken> {
        parse(datagram, PING).map(|(tag, _)| Self { tag })
    }
}

impl Pong {
    pub fn encode(self) -> Vec<u8> {
        let mut data = [0; PONG_LENGTH as usize];
        data[..4].copy_from_slice(&self.enterprise.to_be_bytes());
        data[8] = if self.ipmi { SUPPORTS_IPMI | 1 } else { 1 };
        encode(PONG, self.tag, &data)
    }

    pub fn parse(datagram: &[u8]) -> Result<Self, Broken> {
        let (tag, data) = parse(datagram, PONG)?;
        let mut reader = Reader(data);
        let enterprise = u32::from_be_bytes(reader.array()?);
        let _oem = reader.u32()?;
        let ipmi = reader.byte()? & SUPPORTS_IPMI != 0;
        Ok(Self { tag, enterprise, ipmi })
    }
}

fn encode(kind: u8, tag: u8, data: &[u8]) -> Vec<u8> {
    let mut bytes = Header { class: Class::Asf }.encode().to_vec();
    bytes.extend(ASF.to_be_bytes());
    // At most PONG_LENGTH.
    bytes.extend([kind, tag, 0, data.len() as u8]);
    bytes.extend(data);
    bytes
}

/// The tag and the data of a message of this kind.
fn parse(datagram: &[u8], kind: u8) -> Result<(u8, &[u8]), Broken> {
    let (header, rest) = Header::parse(datagram)?;
    if header.class != Class::Asf {
        return Err(Broken("not ASF"));
    }
    let mut reader = Reader(rest);
    if u32::from_be_bytes(reader.array()?) != ASF {
        return Err(Broken("not ASF"));
    }
    let [found, tag, _reserved, length] = reader.array()?;
    if found != kind {
        return Err(Broken("another ASF message"));
    }
    Ok((tag, reader.take(length.into())?))
}
