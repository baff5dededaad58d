//! IPMI 1.5 packets outside a session (IPMI 2.0 §13.6): what a BMC answers before a login.

use super::{Broken, Class, Header, Reader};

/// The first byte after the header: neither signed nor RMCP+.
pub const NO_AUTHENTICATION: u8 = 0x00;

/// `message`: an encoded [`super::Message`].
pub fn encode(message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(14 + message.len());
    bytes.extend(Header { class: Class::Ipmi }.encode());
    bytes.push(NO_AUTHENTICATION);
    // Sequence and session: none.
    bytes.extend([0; 8]);
    // What is sent without a session is a few bytes long.
    bytes.push(message.len() as u8);
    bytes.extend(message);
    bytes
}

/// The message within.
pub fn parse(datagram: &[u8]) -> Result<&[u8], Broken> {
    let (header, rest) = Header::parse(datagram)?;
    let mut reader = Reader(rest);
    if header.class != Class::Ipmi || reader.byte()? != NO_AUTHENTICATION {
        return Err(Broken("not an IPMI 1.5 packet without authentication"));
    }
    let [_sequence, session] = [reader.u32()?, reader.u32()?];
    if session != 0 {
        return Err(Broken("a session without authentication"));
    }
    let length = reader.byte()?;
    // What follows is a legacy pad (§13.6, table 13-8).
    reader.take(length.into())
}
