//! Who may log in to the BMC (IPMI 2.0 §22.26 to §22.30).

use super::{ask, fixed, refused, send};
use crate::bmc::BmcError;
use crate::message::{Completion, Request, Transport, net_fn};
use cake_types::{BMC_PASSWORD_MAX, BMC_USER_MAX};

/// "The channel by which this is asked" (§6.3).
pub const THIS_CHANNEL: u8 = 0x0e;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// 1 … 63; the first has no name in many BMCs.
    pub number: u8,
    pub name: String,
    pub privilege: Privilege,
    /// It may send IPMI messages by this channel: without, a name is no way in.
    pub messaging: bool,
    /// Not every BMC tells.
    pub enabled: Option<bool>,
    /// Its name can't be changed.
    pub fixed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Privilege {
    Callback,
    User,
    Operator,
    Administrator,
    Oem,
    None,
}

impl Privilege {
    const fn parse(byte: u8) -> Self {
        match byte & 0xf {
            1 => Self::Callback,
            2 => Self::User,
            3 => Self::Operator,
            4 => Self::Administrator,
            5 => Self::Oem,
            _ => Self::None,
        }
    }

    const fn encode(self) -> u8 {
        match self {
            Self::Callback => 1,
            Self::User => 2,
            Self::Operator => 3,
            Self::Administrator => 4,
            Self::Oem => 5,
            Self::None => 0xf,
        }
    }
}

/// Every user that has a name or a privilege.
pub async fn list(transport: &dyn Transport) -> Result<Vec<User>, BmcError> {
    let mut users = Vec::new();
    let mut number = 1;
    let mut last = 1;
    while number <= last {
        let access = ask(transport, &Request::new(net_fn::APP, 0x44, [THIS_CHANNEL, number])).await?;
        let [most, enabled, fixed_names, access]: [u8; 4] = fixed(&access, "Get User Access")?;
        last = most & 0x3f;
        let name = name(transport, number).await?;
        let privilege = Privilege::parse(access);
        if !name.is_empty() || privilege != Privilege::None && access & 0x10 != 0 {
            // §22.27, bits 7 and 6 of byte 2: 00 the BMC does not tell.
            let enabled = [None, Some(true), Some(false), None][usize::from(enabled >> 6)];
            let messaging = access & 0x10 != 0;
            let fixed = number <= fixed_names & 0x3f;
            users.push(User { number, name, privilege, messaging, enabled, fixed });
        }
        number += 1;
    }
    Ok(users)
}

/// §22.29 Get User Name. A user without one is answered with an error by some.
async fn name(transport: &dyn Transport, number: u8) -> Result<String, BmcError> {
    let response = send(transport, &Request::new(net_fn::APP, 0x46, [number])).await?;
    let name = match response.completion {
        Completion::OK => response.data,
        Completion::INSUFFICIENT_PRIVILEGE => return Err(refused(response.completion)),
        _ => Vec::new(),
    };
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    Ok(crate::text::decode(crate::text::Packing::EightBit, &name[..end]))
}

/// §22.28. A name that is too long is refused before it is sent.
pub async fn set_name(transport: &dyn Transport, number: u8, name: &str) -> Result<(), BmcError> {
    let mut data = [0; 1 + BMC_USER_MAX];
    data[0] = number;
    put(&mut data[1..], name.as_bytes())?;
    ask(transport, &Request::new(net_fn::APP, 0x45, data)).await.map(drop)
}

/// §22.30 Set User Password, of 20 bytes where it needs them: some BMCs take only 16.
pub async fn set_password(transport: &dyn Transport, number: u8, password: &str) -> Result<(), BmcError> {
    const SET: u8 = 2;
    let long = password.len() > 16;
    let mut data = vec![number & 0x3f | if long { 0x80 } else { 0 }, SET];
    data.resize(2 + if long { BMC_PASSWORD_MAX } else { 16 }, 0);
    put(&mut data[2..], password.as_bytes())?;
    ask(transport, &Request::new(net_fn::APP, 0x47, data)).await.map(drop)
}

/// A user that may no longer log in keeps its name and password.
pub async fn set_enabled(transport: &dyn Transport, number: u8, enabled: bool) -> Result<(), BmcError> {
    // The password's bytes are left out (§22.30): operations 0 and 1.
    ask(transport, &Request::new(net_fn::APP, 0x47, [number & 0x3f, u8::from(enabled)])).await.map(drop)
}

/// §22.26 Set User Access, on this channel: with IPMI messaging, without callback.
pub async fn set_privilege(transport: &dyn Transport, number: u8, privilege: Privilege) -> Result<(), BmcError> {
    let data = [0x80 | 0x10 | THIS_CHANNEL, number & 0x3f, privilege.encode()];
    ask(transport, &Request::new(net_fn::APP, 0x43, data)).await.map(drop)
}

fn put(to: &mut [u8], text: &[u8]) -> Result<(), BmcError> {
    to.get_mut(..text.len()).ok_or(BmcError::Completion(Completion::INVALID_LENGTH))?.copy_from_slice(text);
    Ok(())
}
