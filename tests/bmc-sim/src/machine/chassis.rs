//! The chassis (IPMI 2.0 §28).

use super::{Answer, Machine, front, parameter};
use cake_bmc::Completion;
use std::collections::BTreeMap;

/// What is done to the server's power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    On,
    Off,
    Soft,
    Cycle,
    Reset,
}

#[derive(Debug)]
pub struct Chassis {
    pub on: bool,
    pub intrusion: bool,
    /// For the server to do, the oldest first.
    pub orders: Vec<Order>,
    /// Seconds, or for ever.
    pub identify: Identify,
    restore: u8,
    boot: BTreeMap<u8, Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identify {
    Off,
    /// Nothing here counts the seconds down: whoever asks again sees that it was asked for.
    For(u8),
    On,
}

const BOOT_FLAGS: u8 = 5;

impl Chassis {
    pub fn new(on: bool) -> Self {
        // In progress, partition, partition scan, valid-bit clearing, acknowledge, flags, initiator (§28.13).
        let sizes = [(0, 1), (1, 1), (2, 1), (3, 1), (4, 2), (BOOT_FLAGS, 5), (6, 9)];
        let boot = sizes.into_iter().map(|(number, size)| (number, vec![0; size])).collect();
        Self { on, intrusion: false, orders: Vec::new(), identify: Identify::Off, restore: 0, boot }
    }

    /// What the next start boots from: a device's number (table 28-14, byte 2), once or for ever.
    pub fn boot_device(&self) -> u8 {
        let flags = &self.boot[&BOOT_FLAGS];
        if flags[0] & 0x80 != 0 { flags[1] >> 2 & 0x0f } else { 0 }
    }

    fn order(&mut self, order: Order) {
        match order {
            Order::On | Order::Reset | Order::Cycle => {
                self.on = true;
                self.booted();
            }
            Order::Off => self.on = false,
            // Its system may take its time, or not listen.
            Order::Soft => {}
        }
        self.orders.push(order);
    }

    /// A start uses up flags that are for one start.
    fn booted(&mut self) {
        let flags = self.boot.get_mut(&BOOT_FLAGS).expect("made by `new`");
        if flags[0] & 0x40 == 0 {
            flags[0] &= 0x7f;
        }
    }
}

pub fn answer(machine: &mut Machine, command: u8, data: &[u8]) -> Answer {
    let chassis = &mut machine.chassis;
    match command {
        0x00 => Ok(vec![0x01, 0x20, 0x20, 0x20, 0x20, 0x20]),
        0x01 => Ok(status(chassis)),
        0x02 => control(chassis, data),
        0x04 => {
            chassis.identify = match data {
                [_, 1, ..] => Identify::On,
                [0, ..] => Identify::Off,
                [seconds, ..] => Identify::For(*seconds),
                [] => Identify::For(15),
            };
            Ok(Vec::new())
        }
        0x06 => {
            let [policy] = front(data)?;
            // 3: leave it as it is, and say what can be.
            if policy & 7 < 3 {
                chassis.restore = policy & 7;
            }
            Ok(vec![0x07])
        }
        // The cause of the last restart: this command.
        0x07 => Ok(vec![0x01, 0x01]),
        0x08 => set_boot(chassis, data),
        0x09 => {
            let [number, _set, _block] = front(data)?;
            let value = parameter(&chassis.boot, number & 0x7f)?;
            Ok([&[0x01, number & 0x7f], value.as_slice()].concat())
        }
        0x0f => Ok(vec![60, 0, 0, 0, 0]),
        _ => Err(Completion::INVALID_COMMAND),
    }
}

fn status(chassis: &Chassis) -> Vec<u8> {
    let identify = match chassis.identify {
        Identify::Off => 0,
        Identify::For(_) => 1,
        Identify::On => 2,
    };
    let misc = u8::from(chassis.intrusion) | 0x40 | identify << 4;
    vec![u8::from(chassis.on) | chassis.restore << 5, 0, misc, 0]
}

fn control(chassis: &mut Chassis, data: &[u8]) -> Answer {
    let [verb] = front(data)?;
    let order = match verb & 0x0f {
        0 => Order::Off,
        1 => Order::On,
        2 => Order::Cycle,
        3 => Order::Reset,
        5 => Order::Soft,
        _ => return Err(Completion::INVALID_FIELD),
    };
    // A server that is off has nothing to reset and nobody to ask (§28.3).
    if !chassis.on && matches!(order, Order::Reset | Order::Soft) {
        return Err(Completion::NOT_NOW);
    }
    chassis.order(order);
    Ok(Vec::new())
}

fn set_boot(chassis: &mut Chassis, data: &[u8]) -> Answer {
    let (number, value) = data.split_first().ok_or(Completion::INVALID_LENGTH)?;
    let known = chassis.boot.get_mut(&(number & 0x7f)).ok_or(Completion(0x80))?;
    // The first byte alone: the parameter is marked as valid or not, and stays.
    if value.is_empty() {
        return Ok(Vec::new());
    }
    *known = value.get(..known.len()).ok_or(Completion::INVALID_LENGTH)?.to_vec();
    Ok(Vec::new())
}
