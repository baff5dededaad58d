//! DCMI 1.5 §6: what the server draws and may draw.

use super::{Answer, Machine, front};
use cake_bmc::Completion;

const DCMI: u8 = 0xdc;
/// "No active limit".
const NO_LIMIT: Completion = Completion(0x80);

/// §6.6.2.
#[derive(Clone, Debug, Default)]
pub struct Limit {
    active: bool,
    action: u8,
    watts: u16,
    correction: [u8; 4],
    period: [u8; 2],
}

impl Limit {
    /// Watts, while it is switched on.
    pub fn in_force(&self) -> Option<u16> {
        self.active.then_some(self.watts)
    }
}

/// An answer here may have data and say that something is amiss.
pub fn answer(machine: &mut Machine, command: u8, data: &[u8], now: u32) -> Result<(Completion, Vec<u8>), Completion> {
    if data.first() != Some(&DCMI) || machine.description.watts.is_none() {
        return Err(Completion::INVALID_COMMAND);
    }
    let answer = match command {
        0x01 => capabilities(data)?,
        0x02 => reading(machine, now),
        0x03 => get_limit(&machine.limit),
        0x04 => {
            set_limit(&mut machine.limit, data, machine.description.least_limit)?;
            Vec::new()
        }
        0x05 => {
            machine.limit.active = front::<2>(data)?[1] == 1;
            Vec::new()
        }
        0x09 => text(b"cake laboratory\0", data)?,
        0x06 => text(b"", data)?,
        _ => return Err(Completion::INVALID_COMMAND),
    };
    let completion = if command == 0x03 && !machine.limit.active { NO_LIMIT } else { Completion::OK };
    Ok((completion, [&[DCMI], answer.as_slice()].concat()))
}

/// §6.1: DCMI 1.5, parameter revision 2.
fn capabilities(data: &[u8]) -> Answer {
    let [_, parameter] = front(data)?;
    let value: &[u8] = match parameter {
        // Power management; in-band and out-of-band LAN.
        1 => &[0, 0x01, 0x07],
        // A log of 512 entries that does not wrap; nothing else of note.
        2 => &[0x00, 0x02, 0, 0, 1],
        // The BMC itself measures power.
        3 => &[0x20, 0],
        4 => &[1, 0xff, 0xff],
        // Statistics over one period: a minute.
        5 => &[1, 0x41],
        _ => return Err(Completion::PARAMETER_OUT_OF_RANGE),
    };
    Ok([&[1, 5, 2], value].concat())
}

/// §6.6.1. The reading is one number: the lowest, highest and mean of its period are it too.
fn reading(machine: &Machine, now: u32) -> Vec<u8> {
    let watts = machine.watts.to_le_bytes();
    let mut bytes = watts.repeat(4);
    bytes.extend(machine.log.time(now).to_le_bytes());
    bytes.extend(60_000u32.to_le_bytes());
    bytes.push(0x40);
    bytes
}

fn get_limit(limit: &Limit) -> Vec<u8> {
    let mut bytes = vec![0, 0, limit.action];
    bytes.extend(limit.watts.to_le_bytes());
    bytes.extend(limit.correction);
    bytes.extend([0, 0]);
    bytes.extend(limit.period);
    bytes
}

fn set_limit(limit: &mut Limit, data: &[u8], least: u16) -> Result<(), Completion> {
    let [_, _, _, _, action, low, high, c0, c1, c2, c3, _, _, p0, p1] = front(data)?;
    if u16::from_le_bytes([low, high]) < least {
        // "Power limit out of range".
        return Err(Completion(0x84));
    }
    limit.action = action;
    limit.watts = u16::from_le_bytes([low, high]);
    limit.correction = [c0, c1, c2, c3];
    limit.period = [p0, p1];
    Ok(())
}

/// A text that is read from an offset on, at most 16 bytes at a time (§6.4.1, §6.4.6).
fn text(whole: &[u8], data: &[u8]) -> Answer {
    let [_, offset, count] = front(data)?;
    let rest = whole.get(usize::from(offset)..).ok_or(Completion::PARAMETER_OUT_OF_RANGE)?;
    let piece = &rest[..rest.len().min(usize::from(count))];
    Ok([&[whole.len() as u8], piece].concat())
}
