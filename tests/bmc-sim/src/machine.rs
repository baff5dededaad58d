//! The BMC behind its sessions: the bytes of a request in, the bytes of a response out. No clock, no socket, no process.

mod app;
mod chassis;
mod dcmi;
mod log;
mod plate;
mod records;
mod sensors;
mod storage;
mod transport;

pub use chassis::{Chassis, Order};
pub use log::Log;
pub use sensors::Live;

use crate::description::Description;
use app::Watchdog;
use cake_bmc::message::net_fn;
use cake_bmc::{Completion, Request, Response};
use std::collections::BTreeMap;

/// What a request is answered with: data, or a completion code that is an error.
pub type Answer = Result<Vec<u8>, Completion>;

pub const USER: u8 = 2;
pub const OPERATOR: u8 = 3;
pub const ADMINISTRATOR: u8 = 4;

/// Who asks, and when.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// 0: without a login.
    pub privilege: u8,
    /// Seconds since 1970.
    pub now: u32,
}

/// A user as it is now.
#[derive(Clone, Debug)]
pub struct User {
    pub name: String,
    pub password: Vec<u8>,
    pub privilege: u8,
    pub enabled: bool,
}

#[derive(Debug)]
pub struct Machine {
    pub description: Description,
    pub sensors: Vec<Live>,
    pub log: Log,
    pub chassis: Chassis,
    pub users: BTreeMap<u8, User>,
    /// What DCMI says that the server draws.
    pub watts: u16,
    /// The event log grows while it is read.
    pub grows: bool,
    /// It answers with the GUID of another.
    pub another: bool,
    plates: Vec<Vec<u8>>,
    records: Vec<Vec<u8>>,
    reservation: u16,
    watchdog: Watchdog,
    lan: BTreeMap<u8, Vec<u8>>,
    sol: BTreeMap<u8, Vec<u8>>,
    pub(crate) limit: dcmi::Limit,
}

impl Machine {
    pub fn new(description: Description) -> Self {
        let users = description.users.iter().map(|user| {
            let (name, password) = (user.name.clone(), user.password.clone().into_bytes());
            (user.id, User { name, password, privilege: user.privilege, enabled: true })
        });
        Self {
            users: users.collect(),
            sensors: description.sensors.iter().cloned().map(Live::new).collect(),
            log: Log::new(description.log_capacity, description.log_wraps),
            chassis: Chassis::new(description.on),
            watts: description.watts.unwrap_or_default(),
            grows: false,
            another: false,
            plates: description.parts.iter().map(plate::plate).collect(),
            records: records::records(&description),
            reservation: 0,
            watchdog: Watchdog::default(),
            lan: transport::lan(&description),
            sol: transport::sol(&description),
            limit: dcmi::Limit::default(),
            description,
        }
    }

    pub fn answer(&mut self, request: &Request, caller: Caller) -> Response {
        let answer = if caller.privilege < needed(request) {
            Err(Completion::INSUFFICIENT_PRIVILEGE)
        } else {
            let data = request.data.as_slice();
            match request.net_fn {
                net_fn::APP => app::answer(self, request.command, data),
                net_fn::CHASSIS => chassis::answer(self, request.command, data),
                net_fn::SENSOR_EVENT => sensors::answer(self, request.command, data, caller.now),
                net_fn::STORAGE => storage::answer(self, request.command, data, caller.now),
                net_fn::TRANSPORT => transport::answer(self, request.command, data),
                net_fn::GROUP => match dcmi::answer(self, request.command, data, caller.now) {
                    Ok((completion, data)) => return Response { completion, data },
                    Err(completion) => Err(completion),
                },
                _ => Err(Completion::INVALID_COMMAND),
            }
        };
        match answer {
            Ok(data) => Response { completion: Completion::OK, data },
            Err(completion) => Response { completion, data: Vec::new() },
        }
    }

    /// It is reached at this port.
    pub fn bound(&mut self, port: u16) {
        for settings in [&mut self.lan, &mut self.sol] {
            settings.insert(transport::PORT, port.to_le_bytes().to_vec());
        }
    }

    /// A sensor by its name.
    pub fn sensor(&mut self, name: &str) -> Option<&mut Live> {
        self.sensors.iter_mut().find(|sensor| sensor.spec.name == name)
    }

    /// Moves a sensor; what it passes becomes events.
    pub fn move_sensor(&mut self, name: &str, value: f64, now: u32) -> bool {
        let Some(sensor) = self.sensor(name) else { return false };
        let events = sensor.moved(sensor.spec.raw(value));
        events.into_iter().for_each(|event| self.log.event(now, event));
        true
    }

    /// Sets the states of a discrete sensor; what began and what ended becomes events.
    pub fn set_states(&mut self, name: &str, states: u16, now: u32) -> bool {
        let Some(sensor) = self.sensor(name) else { return false };
        let events = sensor.told(states);
        events.into_iter().for_each(|event| self.log.event(now, event));
        true
    }
}

/// The privilege that a command needs (IPMI 2.0 appendix G).
fn needed(request: &Request) -> u8 {
    match (request.net_fn, request.command) {
        (net_fn::APP, 0x37 | 0x38 | 0x54) => 0,
        (net_fn::APP, 0x02 | 0x03 | 0x40 | 0x43 | 0x45 | 0x47 | 0x4c) => ADMINISTRATOR,
        (net_fn::APP, 0x22 | 0x24) => OPERATOR,
        (net_fn::CHASSIS, 0x02 | 0x04 | 0x06 | 0x08) => OPERATOR,
        (net_fn::SENSOR_EVENT, 0x02 | 0x24 | 0x26 | 0x28 | 0x2a) => OPERATOR,
        (net_fn::STORAGE, 0x12 | 0x44 | 0x46 | 0x47 | 0x49) => OPERATOR,
        (net_fn::TRANSPORT, 0x01 | 0x21) => ADMINISTRATOR,
        (net_fn::TRANSPORT, 0x02) => OPERATOR,
        (net_fn::GROUP, 0x04 | 0x05) => OPERATOR,
        _ => USER,
    }
}

/// The first bytes of a request's data, or "the length is wrong".
fn front<const N: usize>(data: &[u8]) -> Result<[u8; N], Completion> {
    data.first_chunk::<N>().copied().ok_or(Completion::INVALID_LENGTH)
}

/// A part of a record that is handed out piecemeal.
fn piece(bytes: &[u8], offset: usize, count: u8, max: u8) -> Answer {
    let rest = bytes.get(offset..).ok_or(Completion::PARAMETER_OUT_OF_RANGE)?;
    let count = usize::from(count).min(rest.len());
    if count > usize::from(max) {
        return Err(Completion::CANNOT_RETURN_LENGTH);
    }
    Ok(rest[..count].to_vec())
}

/// A setting that is read and written by its number (LAN and SOL configuration, boot options).
fn parameter(settings: &BTreeMap<u8, Vec<u8>>, number: u8) -> Answer {
    // 80h: "parameter not supported".
    settings.get(&number).cloned().ok_or(Completion(0x80))
}
