//! A BMC in memory that does as the specification says, but for what a test makes it do otherwise.

use async_trait::async_trait;
use cake_bmc::{Completion, Request, Response, Transport, TransportError};
use std::collections::HashMap;
use std::sync::Mutex;

type Trick = Box<dyn FnMut(&mut Machine, &Request) -> Option<Response> + Send>;

#[derive(Default)]
pub struct Machine {
    pub sdr: Vec<Vec<u8>>,
    pub sdr_times: (u32, u32),
    pub sel: Vec<[u8; 16]>,
    pub fru: HashMap<u8, Vec<u8>>,
    /// Of each sensor what Get Sensor Reading answers, and its thresholds.
    pub readings: HashMap<u8, Vec<u8>>,
    pub thresholds: HashMap<u8, [u8; 7]>,
    /// What was asked, in its order: net function and command.
    pub asked: Vec<(u8, u8)>,
    pub reservation: u16,
}

pub struct Fake {
    machine: Mutex<Machine>,
    trick: Mutex<Trick>,
}

impl Fake {
    pub fn new(machine: Machine) -> Self {
        Self::with(machine, |_, _| None)
    }

    /// `trick` answers in the BMC's place where it likes.
    pub fn with(
        machine: Machine,
        trick: impl FnMut(&mut Machine, &Request) -> Option<Response> + Send + 'static,
    ) -> Self {
        Self { machine: Mutex::new(machine), trick: Mutex::new(Box::new(trick)) }
    }

    pub fn change<R>(&self, with: impl FnOnce(&mut Machine) -> R) -> R {
        with(&mut self.machine.lock().expect("not poisoned"))
    }

    /// How often something was asked since somebody counted last.
    pub fn count(&self, net_fn: u8, command: u8) -> usize {
        self.change(|machine| {
            let count = machine.asked.iter().filter(|of| **of == (net_fn, command)).count();
            machine.asked.retain(|of| *of != (net_fn, command));
            count
        })
    }
}

pub fn ok(data: &[u8]) -> Response {
    Response { completion: Completion::OK, data: data.to_vec() }
}

pub fn no(completion: u8) -> Response {
    Response { completion: Completion(completion), data: vec![] }
}

#[async_trait]
impl Transport for Fake {
    async fn send(&self, request: &Request) -> Result<Response, TransportError> {
        let mut machine = self.machine.lock().expect("not poisoned");
        machine.asked.push((request.net_fn, request.command));
        let answer = (self.trick.lock().expect("not poisoned"))(&mut machine, request);
        Ok(answer.unwrap_or_else(|| machine.answer(request)))
    }
}

impl Machine {
    fn answer(&mut self, request: &Request) -> Response {
        let data = &request.data;
        match (request.net_fn, request.command) {
            (0x06, 0x01) => ok(&[0x20, 0x01, 0x02, 0x34, 0x02, 0x8f, 0x57, 0x01, 0x00, 0x01, 0x00]),
            (0x00, 0x01) => ok(&[0x21, 0, 0x40]),
            (0x0a, 0x20) => {
                let mut info = vec![0x51];
                info.extend((self.sdr.len() as u16).to_le_bytes());
                info.extend([0, 0]);
                info.extend(self.sdr_times.0.to_le_bytes());
                info.extend(self.sdr_times.1.to_le_bytes());
                info.push(2);
                ok(&info)
            }
            (0x0a, 0x22 | 0x42) => {
                self.reservation += 1;
                ok(&self.reservation.to_le_bytes())
            }
            (0x0a, 0x23) => self.record(data, &self.sdr.clone()),
            (0x0a, 0x40) => {
                let mut info = vec![0x51];
                info.extend((self.sel.len() as u16).to_le_bytes());
                info.extend([0x00, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
                ok(&info)
            }
            (0x0a, 0x43) => self.record(data, &self.sel.iter().map(|of| of.to_vec()).collect::<Vec<_>>()),
            (0x0a, 0x47) => {
                if data[..2] != self.reservation.to_le_bytes() {
                    return no(0xc5);
                }
                self.sel.clear();
                ok(&[1])
            }
            (0x0a, 0x10) => match self.fru.get(&data[0]) {
                Some(bytes) => ok(&[(bytes.len() & 0xff) as u8, (bytes.len() >> 8) as u8, 0]),
                None => no(0xcb),
            },
            (0x0a, 0x11) => {
                let bytes = &self.fru[&data[0]];
                let at = usize::from(u16::from_le_bytes([data[1], data[2]]));
                let part = &bytes[at.min(bytes.len())..(at + usize::from(data[3])).min(bytes.len())];
                ok(&[&[part.len() as u8], part].concat())
            }
            (0x04, 0x2d) => self.readings.get(&data[0]).map_or(no(0xcb), |reading| ok(reading)),
            (0x04, 0x27) => self.thresholds.get(&data[0]).map_or(no(0xcd), |of| ok(of)),
            _ => no(0xc1),
        }
    }

    /// Get SDR and Get SEL Entry are alike. Records are known by the two bytes that they begin with.
    fn record(&self, data: &[u8], records: &[Vec<u8>]) -> Response {
        let (reservation, id) = (u16::from_le_bytes([data[0], data[1]]), &data[2..4]);
        if data[4] != 0 && reservation != self.reservation {
            return no(0xc5);
        }
        let Some(at) = (if id == [0, 0] {
            (!records.is_empty()).then_some(0)
        } else {
            records.iter().position(|of| &of[..2] == id)
        }) else {
            return no(0xcb);
        };
        let next = records.get(at + 1).map_or([0xff, 0xff], |next| [next[0], next[1]]);
        let record = &records[at];
        if usize::from(data[4]) >= record.len() {
            return no(0xc9);
        }
        let end = (usize::from(data[4]) + usize::from(data[5])).min(record.len());
        ok(&[&next[..], &record[usize::from(data[4])..end]].concat())
    }
}
