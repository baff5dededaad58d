//! The event log (SEL, IPMI 2.0 §31, §32).

use super::sensors::Event;
use cake_bmc::Completion;
use std::collections::VecDeque;

pub const RECORD: usize = 16;

#[derive(Debug)]
pub struct Log {
    entries: VecDeque<[u8; RECORD]>,
    capacity: usize,
    wraps: bool,
    next: u16,
    pub overflowed: bool,
    pub added: u32,
    pub erased: u32,
    /// What its clock is ahead of ours, in seconds.
    pub ahead: i64,
    pub reservation: u16,
}

impl Log {
    pub fn new(capacity: usize, wraps: bool) -> Self {
        let (next, overflowed, added, erased, ahead) = (1, false, 0, 0, 0);
        Self { entries: VecDeque::new(), capacity, wraps, next, overflowed, added, erased, ahead, reservation: 0 }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn free(&self) -> usize {
        self.capacity - self.entries.len()
    }

    pub fn time(&self, now: u32) -> u32 {
        // A clock of 32 bits, whoever sets it to what.
        (i64::from(now) + self.ahead) as u32
    }

    pub fn set_time(&mut self, now: u32, time: u32) {
        self.ahead = i64::from(time) - i64::from(now);
    }

    pub fn event(&mut self, now: u32, event: Event) {
        let Event { kind, number, code, asserted, data } = event;
        let direction = code | u8::from(!asserted) << 7;
        let mut record = [0; RECORD];
        record[2] = 0x02;
        record[7..].copy_from_slice(&[0x20, 0x00, 0x04, kind, number, direction, data[0], data[1], data[2]]);
        // Nobody waits for the number.
        let _ = self.add(now, record);
    }

    /// Adds a record, gives it its number and, where records of its type have one, its time.
    pub fn add(&mut self, now: u32, mut record: [u8; RECORD]) -> Result<u16, Completion> {
        if self.entries.len() >= self.capacity {
            self.overflowed = true;
            if !self.wraps || self.entries.pop_front().is_none() {
                return Err(Completion::OUT_OF_SPACE);
            }
        }
        let id = self.next;
        // 0000h and FFFFh mean the first and the last.
        self.next = if id >= 0xfffe { 1 } else { id + 1 };
        record[..2].copy_from_slice(&id.to_le_bytes());
        if record[2] < 0xe0 {
            record[3..7].copy_from_slice(&self.time(now).to_le_bytes());
        }
        self.entries.push_back(record);
        self.added = self.time(now);
        // What is added cancels nobody's reservation: only an erasure does (§31.4).
        Ok(id)
    }

    /// A record and the number of the next.
    pub fn get(&self, id: u16) -> Result<(u16, [u8; RECORD]), Completion> {
        let number = |record: &[u8; RECORD]| u16::from_le_bytes([record[0], record[1]]);
        let at = match id {
            0 => Some(0),
            0xffff => self.entries.len().checked_sub(1),
            id => self.entries.iter().position(|record| number(record) == id),
        };
        let at = at.filter(|at| *at < self.entries.len()).ok_or(Completion::NOT_PRESENT)?;
        let next = self.entries.get(at + 1).map_or(0xffff, number);
        Ok((next, self.entries[at]))
    }

    pub fn delete(&mut self, now: u32, id: u16) -> Result<u16, Completion> {
        let (_, record) = self.get(id)?;
        self.entries.retain(|entry| *entry != record);
        self.erased = self.time(now);
        Ok(u16::from_le_bytes([record[0], record[1]]))
    }

    pub fn clear(&mut self, now: u32) {
        self.entries.clear();
        self.overflowed = false;
        self.erased = self.time(now);
    }

    /// A new reservation; every older one is void. Never 0.
    pub fn reserve(&mut self) -> u16 {
        self.reservation = self.reservation.checked_add(1).unwrap_or(1);
        self.reservation
    }
}
