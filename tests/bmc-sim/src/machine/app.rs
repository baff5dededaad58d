//! The App function: who it is, its watchdog, its users and channels (IPMI 2.0 §20 … §22, §27).

use super::{Answer, Machine, User, front};
use cake_bmc::Completion;

/// The channel that is the network.
pub const LAN: u8 = 1;
/// "The one that you ask me by".
const THIS: u8 = 0x0e;
/// Records of the cipher suites (table 22-18): authentication, integrity, confidentiality of numbers 0 … 17 (table 22-20).
const SUITES: [[u8; 3]; 18] = [
    [0, 0, 0],
    [1, 0, 0],
    [1, 1, 0],
    [1, 1, 1],
    [1, 1, 2],
    [1, 1, 3],
    [2, 0, 0],
    [2, 2, 0],
    [2, 2, 1],
    [2, 2, 2],
    [2, 2, 3],
    [2, 3, 0],
    [2, 3, 1],
    [2, 3, 2],
    [2, 3, 3],
    [3, 0, 0],
    [3, 4, 0],
    [3, 4, 1],
];
const IDS: u8 = 15;

/// Its settings, as they were written.
#[derive(Clone, Debug, Default)]
pub struct Watchdog {
    settings: [u8; 6],
    running: bool,
}

pub fn answer(machine: &mut Machine, command: u8, data: &[u8]) -> Answer {
    match command {
        0x01 => Ok(device_id()),
        0x02 | 0x03 => Ok(Vec::new()),
        // Self-test: no error.
        0x04 => Ok(vec![0x55, 0x00]),
        0x08 | 0x37 => Ok(machine.guid().to_vec()),
        0x22 => start_watchdog(machine),
        0x24 => set_watchdog(machine, data),
        0x25 => Ok(get_watchdog(&machine.watchdog)),
        0x2e => Ok(Vec::new()),
        // Global enables: event log and event buffer.
        0x2f => Ok(vec![0x0c]),
        0x38 => capabilities(machine, data),
        0x40 => front::<3>(data).map(|_| Vec::new()),
        // Always available, alerting off; the highest privilege is administrator.
        0x41 => front::<2>(data).and_then(|[channel, _]| is_lan(channel)).map(|()| vec![0x22, 0x04]),
        0x42 => channel_info(data),
        0x43 => set_access(machine, data),
        0x44 => get_access(machine, data),
        0x45 => set_name(machine, data),
        0x46 => get_name(machine, data),
        0x47 => password(machine, data),
        0x4c => Ok(Vec::new()),
        // IPMI messages and SOL are for everybody who has a login.
        0x4d => Ok(vec![0x03, 0, 0, 0]),
        0x54 => suites(&machine.description.suites, data),
        _ => Err(Completion::INVALID_COMMAND),
    }
}

impl Machine {
    /// As it is sent: the node first, the other way round than it is written (§20.8).
    pub fn guid(&self) -> [u8; 16] {
        let mut bytes = self.description.guid.into_bytes();
        bytes.reverse();
        bytes[0] ^= if self.another { 0xff } else { 0 };
        bytes
    }
}

/// §20.1. It has a chassis, name plates, an event log, records and sensors.
fn device_id() -> Vec<u8> {
    let (manufacturer, product) = (0u32.to_le_bytes(), 0xca4eu16.to_le_bytes());
    let mut bytes = vec![0x20, 0x01, 0x01, 0x00, 0x02, 0x8f];
    bytes.extend(&manufacturer[..3]);
    bytes.extend(product);
    bytes.extend([0; 4]);
    bytes
}

fn start_watchdog(machine: &mut Machine) -> Answer {
    if machine.watchdog.settings == [0; 6] {
        // "Attempt to start an uninitialised watchdog" (§27.5).
        return Err(Completion(0x80));
    }
    machine.watchdog.running = true;
    Ok(Vec::new())
}

fn set_watchdog(machine: &mut Machine, data: &[u8]) -> Answer {
    machine.watchdog.settings = front(data)?;
    machine.watchdog.running = false;
    Ok(Vec::new())
}

fn get_watchdog(watchdog: &Watchdog) -> Vec<u8> {
    let mut bytes = watchdog.settings.to_vec();
    bytes[0] |= u8::from(watchdog.running) << 6;
    // The present count-down: it stands where it was set, since no host is watched.
    bytes.extend(&watchdog.settings[4..]);
    bytes
}

fn is_lan(channel: u8) -> Result<(), Completion> {
    if matches!(channel & 0x0f, LAN | THIS) { Ok(()) } else { Err(Completion::INVALID_FIELD) }
}

/// §22.13.
fn capabilities(machine: &Machine, data: &[u8]) -> Answer {
    let [channel, _privilege] = front(data)?;
    is_lan(channel)?;
    // Of IPMI 1.5 nothing is spoken but this. Users have names; K_g is not all zeros.
    let key = u8::from(machine.description.key.is_some()) << 5;
    Ok(vec![LAN, 0x80, key | 0x04, 0x02, 0, 0, 0, 0])
}

/// §22.24: an 802.3 LAN that speaks IPMB, sessions of many.
fn channel_info(data: &[u8]) -> Answer {
    let [channel] = front(data)?;
    is_lan(channel)?;
    Ok(vec![LAN, 0x04, 0x01, 0x80, 0xf2, 0x1b, 0, 0, 0])
}

/// §22.15, with the data of one of its pieces.
fn suites(offered: &[u8], data: &[u8]) -> Answer {
    let [channel, _payload, index] = front(data)?;
    is_lan(channel)?;
    let mut records = Vec::new();
    for id in offered {
        let [authentication, integrity, confidentiality] =
            SUITES.get(usize::from(*id)).ok_or(Completion::UNSPECIFIED)?;
        records.extend([0xc0, *id, *authentication, 0x40 | integrity, 0x80 | confidentiality]);
    }
    let piece = records.chunks(16).nth(usize::from(index & 0x3f)).unwrap_or_default();
    Ok([&[LAN], piece].concat())
}

fn user_of(machine: &Machine, id: u8) -> Result<(u8, Option<&User>), Completion> {
    let id = id & 0x3f;
    if (1..=IDS).contains(&id) { Ok((id, machine.users.get(&id))) } else { Err(Completion::INVALID_FIELD) }
}

/// The user, made without a name, password or right where there was none.
fn user_mut(machine: &mut Machine, id: u8) -> Result<&mut User, Completion> {
    // The first has no name and can't be changed.
    let id = Some(id & 0x3f).filter(|id| (2..=IDS).contains(id)).ok_or(Completion::INVALID_FIELD)?;
    let nobody = || User { name: String::new(), password: Vec::new(), privilege: 0x0f, enabled: false };
    Ok(machine.users.entry(id).or_insert_with(nobody))
}

fn set_access(machine: &mut Machine, data: &[u8]) -> Answer {
    let [_channel, id, privilege] = front(data)?;
    user_mut(machine, id)?.privilege = privilege & 0x0f;
    Ok(Vec::new())
}

fn get_access(machine: &Machine, data: &[u8]) -> Answer {
    let [channel, id] = front(data)?;
    is_lan(channel)?;
    let (_, user) = user_of(machine, id)?;
    let enabled = machine.users.values().filter(|user| user.enabled).count() as u8;
    // Enabled is 1 and disabled 2 (table 22-35); logins and IPMI messages are allowed.
    let (status, privilege) = user.map_or((2, 0x0f), |user| (if user.enabled { 1 } else { 2 }, 0x30 | user.privilege));
    Ok(vec![IDS, status << 6 | enabled, 1, privilege])
}

fn set_name(machine: &mut Machine, data: &[u8]) -> Answer {
    let [id] = front(data)?;
    let name: [u8; 16] = front(&data[1..])?;
    let name = String::from_utf8(name.into_iter().take_while(|byte| *byte != 0).collect());
    user_mut(machine, id)?.name = name.map_err(|_| Completion::INVALID_FIELD)?;
    Ok(Vec::new())
}

fn get_name(machine: &Machine, data: &[u8]) -> Answer {
    let [id] = front(data)?;
    let (_, user) = user_of(machine, id)?;
    let mut name = user.map_or_else(Vec::new, |user| user.name.clone().into_bytes());
    name.resize(16, 0);
    Ok(name)
}

/// §22.30: off, on, set or try, with 16 or 20 bytes.
fn password(machine: &mut Machine, data: &[u8]) -> Answer {
    let [id, operation] = front(data)?;
    let length = if id & 0x80 != 0 { 20 } else { 16 };
    let user = user_mut(machine, id)?;
    let given = || data[2..].get(..length).ok_or(Completion::INVALID_LENGTH);
    let zeros_off = |bytes: &[u8]| bytes.iter().copied().take_while(|byte| *byte != 0).collect::<Vec<_>>();
    match operation & 3 {
        0 => user.enabled = false,
        1 => user.enabled = true,
        2 => user.password = zeros_off(given()?),
        // "Password test failed", "wrong size" is 81h.
        _ if zeros_off(given()?) == user.password => {}
        _ => return Err(Completion(0x80)),
    }
    Ok(Vec::new())
}
