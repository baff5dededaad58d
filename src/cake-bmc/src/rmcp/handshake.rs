//! Open session and RAKP 1 … 4 (IPMI 2.0 §13.17 … §13.23), the payloads that make a session. They travel in session 0.

use super::suite::Algorithms;
use super::{Broken, Reader};
use crate::TransportError;
use cake_types::BMC_USER_MAX;

/// What the second byte of each response says (table 13-15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u8);

impl Status {
    pub const OK: Self = Self(0x00);
    pub const NO_RESOURCES: Self = Self(0x01);
    pub const INVALID_SESSION: Self = Self(0x02);
    pub const INVALID_AUTHENTICATION: Self = Self(0x04);
    pub const INVALID_INTEGRITY: Self = Self(0x05);
    pub const INACTIVE_SESSION: Self = Self(0x08);
    pub const INVALID_ROLE: Self = Self(0x09);
    pub const UNAUTHORIZED_ROLE: Self = Self(0x0a);
    pub const NO_RESOURCES_FOR_ROLE: Self = Self(0x0b);
    pub const INVALID_NAME_LENGTH: Self = Self(0x0c);
    pub const UNAUTHORIZED_NAME: Self = Self(0x0d);
    pub const WRONG_CODE: Self = Self(0x0f);
    pub const INVALID_CONFIDENTIALITY: Self = Self(0x10);
    pub const NO_SUITE: Self = Self(0x11);
    pub const ILLEGAL_PARAMETER: Self = Self(0x12);

    pub const fn is_about_algorithms(self) -> bool {
        matches!(self.0, 0x04..=0x07 | 0x10 | 0x11)
    }

    pub const fn is_about_role(self) -> bool {
        matches!(self.0, 0x09 | 0x0a)
    }

    pub const fn error(self) -> TransportError {
        match self.0 {
            0x01 | 0x0b => TransportError::Busy,
            0x04..=0x07 | 0x10 | 0x11 => TransportError::Cipher,
            0x09 | 0x0a => TransportError::Forbidden,
            0x0c..=0x0f => TransportError::Refused,
            _ => TransportError::Garbled("the BMC refuses the login for no known reason"),
        }
    }
}

/// RMCP+ Open Session Request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenRequest {
    /// Comes back in the response.
    pub tag: u8,
    /// The highest privilege that is wanted; 0: the highest that the suite allows.
    pub privilege: u8,
    pub console_session: u32,
    pub algorithms: Algorithms,
}

impl OpenRequest {
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![self.tag, self.privilege & 0x0f, 0, 0];
        bytes.extend(self.console_session.to_le_bytes());
        encode_algorithms(&mut bytes, self.algorithms);
        bytes
    }

    pub fn parse(payload: &[u8]) -> Result<Self, Broken> {
        let mut reader = Reader(payload);
        let [tag, privilege, _, _] = reader.array()?;
        let console_session = reader.u32()?;
        let algorithms = parse_algorithms(&mut reader)?;
        Ok(Self { tag, privilege: privilege & 0x0f, console_session, algorithms })
    }
}

/// RMCP+ Open Session Response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenResponse {
    Open {
        tag: u8,
        privilege: u8,
        console_session: u32,
        managed_session: u32,
        algorithms: Algorithms,
    },
    /// Some BMCs don't even say whose session they refuse.
    Refused {
        tag: u8,
        status: Status,
        console_session: Option<u32>,
    },
}

impl OpenResponse {
    pub fn encode(&self) -> Vec<u8> {
        match *self {
            Self::Open { tag, privilege, console_session, managed_session, algorithms } => {
                let mut bytes = vec![tag, Status::OK.0, privilege, 0];
                bytes.extend(console_session.to_le_bytes());
                bytes.extend(managed_session.to_le_bytes());
                encode_algorithms(&mut bytes, algorithms);
                bytes
            }
            Self::Refused { tag, status, console_session } => {
                let mut bytes = vec![tag, status.0];
                if let Some(session) = console_session {
                    bytes.extend([0, 0]);
                    bytes.extend(session.to_le_bytes());
                }
                bytes
            }
        }
    }

    pub fn parse(payload: &[u8]) -> Result<Self, Broken> {
        let mut reader = Reader(payload);
        let [tag, status] = reader.array()?;
        if Status(status) != Status::OK {
            let console_session = reader.u16().and_then(|_| reader.u32()).ok();
            return Ok(Self::Refused { tag, status: Status(status), console_session });
        }
        let [privilege, _] = reader.array()?;
        let console_session = reader.u32()?;
        let managed_session = reader.u32()?;
        let algorithms = parse_algorithms(&mut reader)?;
        Ok(Self::Open { tag, privilege: privilege & 0x0f, console_session, managed_session, algorithms })
    }
}

/// The console's random number and who it says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rakp1 {
    pub tag: u8,
    pub managed_session: u32,
    pub random: [u8; 16],
    /// The byte as it is sent, since codes are made over it: [`role`] makes it.
    pub role: u8,
    pub user: Vec<u8>,
}

/// The privilege that is wanted, and whether the user is found by name alone (bit 4) or by name and privilege.
pub const fn role(privilege: u8, by_name_only: bool) -> u8 {
    privilege & 0x0f | (by_name_only as u8) << 4
}

impl Rakp1 {
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![self.tag, 0, 0, 0];
        bytes.extend(self.managed_session.to_le_bytes());
        bytes.extend(self.random);
        bytes.extend([self.role, 0, 0, self.user.len() as u8]);
        bytes.extend(&self.user);
        bytes
    }

    pub fn parse(payload: &[u8]) -> Result<Self, Broken> {
        let mut reader = Reader(payload);
        let [tag, _, _, _] = reader.array()?;
        let managed_session = reader.u32()?;
        let random = reader.array()?;
        let [role, _, _, length] = reader.array()?;
        if usize::from(length) > BMC_USER_MAX {
            return Err(Broken("the user's name is too long"));
        }
        let user = reader.take(length.into())?.to_vec();
        Ok(Self { tag, managed_session, random, role, user })
    }
}

/// The BMC's random number, and the proof that it knows the user's password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rakp2 {
    pub tag: u8,
    pub status: Status,
    pub console_session: u32,
    /// Absent when `status` is an error.
    pub proof: Option<ManagedProof>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedProof {
    pub random: [u8; 16],
    pub guid: [u8; 16],
    pub code: Vec<u8>,
}

impl Rakp2 {
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = start(self.tag, self.status, self.console_session);
        if let Some(proof) = &self.proof {
            bytes.extend(proof.random);
            bytes.extend(proof.guid);
            bytes.extend(&proof.code);
        }
        bytes
    }

    pub fn parse(payload: &[u8]) -> Result<Self, Broken> {
        let mut reader = Reader(payload);
        let (tag, status, console_session) = parse_start(&mut reader)?;
        let proof = match status {
            Status::OK => {
                Some(ManagedProof { random: reader.array()?, guid: reader.array()?, code: reader.0.to_vec() })
            }
            _ => None,
        };
        Ok(Self { tag, status, console_session, proof })
    }
}

/// The proof that the console knows the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rakp3 {
    pub tag: u8,
    /// An error tells the BMC to forget the session.
    pub status: Status,
    pub managed_session: u32,
    pub code: Vec<u8>,
}

impl Rakp3 {
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = start(self.tag, self.status, self.managed_session);
        bytes.extend(&self.code);
        bytes
    }

    pub fn parse(payload: &[u8]) -> Result<Self, Broken> {
        let mut reader = Reader(payload);
        let (tag, status, managed_session) = parse_start(&mut reader)?;
        Ok(Self { tag, status, managed_session, code: reader.0.to_vec() })
    }
}

/// The proof that both have the same session key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rakp4 {
    pub tag: u8,
    pub status: Status,
    pub console_session: u32,
    pub code: Vec<u8>,
}

impl Rakp4 {
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = start(self.tag, self.status, self.console_session);
        bytes.extend(&self.code);
        bytes
    }

    pub fn parse(payload: &[u8]) -> Result<Self, Broken> {
        let mut reader = Reader(payload);
        let (tag, status, console_session) = parse_start(&mut reader)?;
        Ok(Self { tag, status, console_session, code: reader.0.to_vec() })
    }
}

fn start(tag: u8, status: Status, session: u32) -> Vec<u8> {
    let mut bytes = vec![tag, status.0, 0, 0];
    bytes.extend(session.to_le_bytes());
    bytes
}

fn parse_start(reader: &mut Reader<'_>) -> Result<(u8, Status, u32), Broken> {
    let [tag, status, _, _] = reader.array()?;
    Ok((tag, Status(status), reader.u32()?))
}

fn encode_algorithms(bytes: &mut Vec<u8>, algorithms: Algorithms) {
    let Algorithms { authentication, integrity, confidentiality } = algorithms;
    for (kind, algorithm) in (0..).zip([authentication, integrity, confidentiality]) {
        bytes.extend([kind, 0, 0, 8, algorithm, 0, 0, 0]);
    }
}

fn parse_algorithms(reader: &mut Reader<'_>) -> Result<Algorithms, Broken> {
    let mut next = |expected| {
        let [kind, _, _, length, algorithm, _, _, _] = reader.array()?;
        // Length 0 is "whichever you like" in a request, and then no algorithm is named.
        match (kind == expected, length) {
            (true, 8) => Ok(algorithm & 0x3f),
            _ => Err(Broken("no description of an algorithm")),
        }
    };
    Ok(Algorithms { authentication: next(0)?, integrity: next(1)?, confidentiality: next(2)? })
}
