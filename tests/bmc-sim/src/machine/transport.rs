//! LAN and SOL configuration (IPMI 2.0 §23, §26): settings that are read and written by number.

use super::{Answer, Machine, app, front, parameter};
use crate::description::Description;
use cake_bmc::Completion;
use std::collections::BTreeMap;
use std::net::IpAddr;

const REVISION: u8 = 0x11;
/// The number of the primary RMCP port, and of the SOL payload's.
pub const PORT: u8 = 8;

pub fn lan(description: &Description) -> BTreeMap<u8, Vec<u8>> {
    let address = match description.listen.ip() {
        IpAddr::V4(address) => address.octets(),
        IpAddr::V6(_) => [0; 4],
    };
    let mut suites = vec![0];
    suites.extend(&description.suites);
    suites.resize(17, 0);
    BTreeMap::from([
        (0, vec![0]),
        // Of IPMI 1.5 no authentication is spoken.
        (1, vec![0]),
        (2, vec![0; 5]),
        (3, address.to_vec()),
        // The address is static.
        (4, vec![1]),
        (5, vec![0x02, 0xca, 0x4e, 0, 0, 1]),
        (6, vec![255, 0, 0, 0]),
        (7, vec![0x40, 0x40, 0x10]),
        (PORT, vec![0x6f, 0x02]),
        (10, vec![0]),
        (11, vec![2]),
        (12, vec![0; 4]),
        (13, vec![0; 6]),
        (14, vec![0; 4]),
        (15, vec![0; 6]),
        (16, vec![0; 18]),
        (17, vec![0]),
        (20, vec![0; 2]),
        (21, vec![0]),
        (22, vec![description.suites.len() as u8]),
        (23, suites),
        // Every suite up to administrator.
        (24, [&[0], [0x44; 8].as_slice()].concat()),
    ])
}

pub fn sol(description: &Description) -> BTreeMap<u8, Vec<u8>> {
    BTreeMap::from([
        (0, vec![0]),
        (1, vec![u8::from(description.serial.is_some())]),
        // Encrypted and signed, from user on.
        (2, vec![0xc2]),
        // 60 ms or 96 characters; 7 tries 100 ms apart.
        (3, vec![12, 96]),
        (4, vec![7, 10]),
        // 115.2 kbit/s.
        (5, vec![10]),
        (6, vec![10]),
        (7, vec![app::LAN]),
        (PORT, vec![0x6f, 0x02]),
    ])
}

pub fn answer(machine: &mut Machine, command: u8, data: &[u8]) -> Answer {
    match command {
        0x01 => set(&mut machine.lan, data),
        0x02 => get(&machine.lan, data),
        0x21 => set(&mut machine.sol, data),
        0x22 => get(&machine.sol, data),
        _ => Err(Completion::INVALID_COMMAND),
    }
}

fn set(settings: &mut BTreeMap<u8, Vec<u8>>, data: &[u8]) -> Answer {
    let [_channel, number] = front(data)?;
    let known = settings.get_mut(&number).ok_or(Completion(0x80))?;
    *known = data[2..].get(..known.len()).ok_or(Completion::INVALID_LENGTH)?.to_vec();
    Ok(Vec::new())
}

fn get(settings: &BTreeMap<u8, Vec<u8>>, data: &[u8]) -> Answer {
    let [channel, number, _set, _block] = front(data)?;
    if channel & 0x80 != 0 {
        return Ok(vec![REVISION]);
    }
    Ok([&[REVISION], parameter(settings, number)?.as_slice()].concat())
}
