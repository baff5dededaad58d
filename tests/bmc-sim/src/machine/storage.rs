//! Name plates, records and the event log, as they are read (IPMI 2.0 §31, §33, §34).

use super::sensors::Event;
use super::{Answer, Machine, front, log, piece};
use cake_bmc::Completion;

/// "Not available while it is erased".
const NEVER: [u8; 4] = [0; 4];

pub fn answer(machine: &mut Machine, command: u8, data: &[u8], now: u32) -> Answer {
    match command {
        0x10 => {
            let [id] = front(data)?;
            let size = machine.plates.get(usize::from(id)).ok_or(Completion::NOT_PRESENT)?.len() as u16;
            let [low, high] = size.to_le_bytes();
            Ok(vec![low, high, 0])
        }
        0x11 => read_plate(machine, data),
        0x12 => write_plate(machine, data),
        0x20 => Ok(repository(machine)),
        0x21 => Ok(vec![0, 1, 16, 0, 0, 1, 0, 1, 1]),
        0x22 => {
            machine.reservation = machine.reservation.checked_add(1).unwrap_or(1);
            Ok(machine.reservation.to_le_bytes().to_vec())
        }
        0x23 => record(machine, data),
        0x28 | 0x48 => Ok(machine.log.time(now).to_le_bytes().to_vec()),
        0x40 => Ok(log_info(machine)),
        0x41 => Ok(vec![0, 2, 16, 0, 0, 2, 0, 2, 1]),
        0x42 => Ok(machine.log.reserve().to_le_bytes().to_vec()),
        0x43 => entry(machine, data, now),
        0x44 => machine.log.add(now, front::<{ log::RECORD }>(data)?).map(|id| id.to_le_bytes().to_vec()),
        0x46 => {
            let [low, high, id @ ..] = front::<4>(data)?;
            reserved(machine, [low, high])?;
            Ok(machine.log.delete(now, u16::from_le_bytes(id))?.to_le_bytes().to_vec())
        }
        0x47 => clear(machine, data, now),
        0x49 => {
            machine.log.set_time(now, u32::from_le_bytes(front(data)?));
            Ok(Vec::new())
        }
        // UTC offset: unspecified.
        0x5c => Ok(0x07ffu16.to_le_bytes().to_vec()),
        _ => Err(Completion::INVALID_COMMAND),
    }
}

fn read_plate(machine: &Machine, data: &[u8]) -> Answer {
    let [id, low, high, count] = front(data)?;
    let plate = machine.plates.get(usize::from(id)).ok_or(Completion::NOT_PRESENT)?;
    let offset = usize::from(u16::from_le_bytes([low, high]));
    let bytes = piece(plate, offset, count, machine.description.max_read)?;
    Ok([&[bytes.len() as u8], bytes.as_slice()].concat())
}

fn write_plate(machine: &mut Machine, data: &[u8]) -> Answer {
    let [id, low, high] = front(data)?;
    let plate = machine.plates.get_mut(usize::from(id)).ok_or(Completion::NOT_PRESENT)?;
    let offset = usize::from(u16::from_le_bytes([low, high]));
    let written = &data[3..];
    let place = plate.get_mut(offset..offset + written.len()).ok_or(Completion::PARAMETER_OUT_OF_RANGE)?;
    place.copy_from_slice(written);
    Ok(vec![written.len() as u8])
}

/// §33.9: version, records, free bytes, when something was added and erased; it can be reserved.
fn repository(machine: &Machine) -> Vec<u8> {
    let mut bytes = vec![0x51];
    bytes.extend((machine.records.len() as u16).to_le_bytes());
    bytes.extend(1024u16.to_le_bytes());
    // Its records were made once, when it was built: a time that never changes.
    bytes.extend(1u32.to_le_bytes());
    bytes.extend(NEVER);
    bytes.push(0x22);
    bytes
}

/// §33.12.
fn record(machine: &Machine, data: &[u8]) -> Answer {
    let [low, high, id_low, id_high, offset, count] = front(data)?;
    let (reservation, id) = (u16::from_le_bytes([low, high]), u16::from_le_bytes([id_low, id_high]));
    let at = match id {
        0 => 0,
        0xffff => machine.records.len() - 1,
        id => usize::from(id) - 1,
    };
    let record = machine.records.get(at).ok_or(Completion::NOT_PRESENT)?;
    if offset != 0 && reservation != machine.reservation {
        return Err(Completion::RESERVATION_CANCELED);
    }
    let next = if at + 1 < machine.records.len() { at as u16 + 2 } else { 0xffff };
    let bytes = piece(record, offset.into(), count, machine.description.max_read)?;
    Ok([next.to_le_bytes().as_slice(), &bytes].concat())
}

/// §31.2.
fn log_info(machine: &Machine) -> Vec<u8> {
    let log = &machine.log;
    let mut bytes = vec![0x51];
    bytes.extend((log.len() as u16).to_le_bytes());
    // FFFFh: that many or more.
    bytes.extend(u16::try_from(log.free() * log::RECORD).unwrap_or(0xffff).to_le_bytes());
    bytes.extend(log.added.to_le_bytes());
    bytes.extend(log.erased.to_le_bytes());
    // It can be reserved, entries can be deleted.
    bytes.push(0x0a | u8::from(log.overflowed) << 7);
    bytes
}

fn entry(machine: &mut Machine, data: &[u8], now: u32) -> Answer {
    let [low, high, id_low, id_high, offset, count] = front(data)?;
    if machine.grows {
        let event = Event { kind: 0x12, number: 0, code: 0x6f, asserted: true, data: [0x00, 0xff, 0xff] };
        machine.log.event(now, event);
    }
    if offset != 0 {
        reserved(machine, [low, high])?;
    }
    let (next, record) = machine.log.get(u16::from_le_bytes([id_low, id_high]))?;
    let bytes = piece(&record, offset.into(), count, machine.description.max_read)?;
    Ok([next.to_le_bytes().as_slice(), &bytes].concat())
}

fn clear(machine: &mut Machine, data: &[u8], now: u32) -> Answer {
    let [low, high, c, l, r, action] = front(data)?;
    reserved(machine, [low, high])?;
    if [c, l, r] != *b"CLR" {
        return Err(Completion::INVALID_FIELD);
    }
    if action == 0xaa {
        machine.log.clear(now);
        machine.log.reserve();
    }
    // Done.
    Ok(vec![1])
}

fn reserved(machine: &Machine, reservation: [u8; 2]) -> Result<(), Completion> {
    if u16::from_le_bytes(reservation) == machine.log.reservation {
        Ok(())
    } else {
        Err(Completion::RESERVATION_CANCELED)
    }
}
