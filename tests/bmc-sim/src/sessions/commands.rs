//! The commands that are about the session that they come in (IPMI 2.0 §22.18 … §22.20, §24).

use super::{Around, Sessions};
use crate::machine::Answer;
use crate::sol::{self, Sol};
use cake_bmc::message::net_fn;
use cake_bmc::{Completion, Request};

/// The payload type that can be switched on.
const SOL: u8 = 1;

/// Which session Close Session ends.
pub fn closed(data: &[u8], own: u32) -> u32 {
    data.first_chunk().map_or(own, |bytes| u32::from_le_bytes(*bytes))
}

impl Sessions {
    /// `None`: it is not about sessions.
    pub(super) fn session_command(&mut self, id: u32, request: &Request, around: &mut Around<'_>) -> Option<Answer> {
        if request.net_fn != net_fn::APP {
            return None;
        }
        let data = request.data.as_slice();
        Some(match request.command {
            0x3b => self.set_privilege(id, data),
            0x3c if self.sessions.contains_key(&closed(data, id)) => Ok(Vec::new()),
            // "Invalid session id in request".
            0x3c => Err(Completion(0x87)),
            0x3d => self.info(id),
            0x48 => self.activate(id, data),
            0x49 => self.deactivate(id, data, around),
            0x4a => Ok(vec![1, u8::from(data == [SOL] && self.is_watched()), 0]),
            0x4b => Ok(self.instance()),
            // IPMI messages and SOL; open session and RAKP.
            0x4e => Ok(vec![0x03, 0, 0x3f, 0, 0, 0, 0, 0]),
            0x4f => Ok(vec![0x10]),
            _ => return None,
        })
    }

    fn set_privilege(&mut self, id: u32, data: &[u8]) -> Answer {
        let active = self.active(id).ok_or(Completion::UNSPECIFIED)?;
        match data {
            [0, ..] => {}
            // "Exceeds the limit of the user or the session".
            [wanted, ..] if wanted & 0x0f > active.limit => return Err(Completion(0x81)),
            [wanted, ..] => active.privilege = wanted & 0x0f,
            [] => return Err(Completion::INVALID_LENGTH),
        }
        Ok(vec![active.privilege])
    }

    fn info(&mut self, id: u32) -> Answer {
        let (possible, count) = (self.machine.description.sessions as u8, self.sessions.len() as u8);
        let active = self.active(id).ok_or(Completion::UNSPECIFIED)?;
        // RMCP+ on the LAN channel.
        Ok(vec![id as u8, possible, count, active.user, active.privilege, 0x10 | 0x01])
    }

    /// §24.1: sizes both ways and the port, which is the session's own.
    fn activate(&mut self, id: u32, data: &[u8]) -> Answer {
        let [kind, _instance, ..] = data else { return Err(Completion::INVALID_LENGTH) };
        if *kind != SOL || self.machine.description.serial.is_none() {
            // "Payload type is disabled".
            return Err(Completion(0x81));
        }
        if self.is_watched() {
            // "Already active on another session".
            return Err(Completion(0x80));
        }
        let port = self.port;
        self.active(id).ok_or(Completion::UNSPECIFIED)?.sol = Some(Sol::default());
        let size = (sol::MAX as u16 + 4).to_le_bytes();
        let mut bytes = vec![0; 4];
        bytes.extend(size);
        bytes.extend(size);
        bytes.extend(port.to_le_bytes());
        // No VLAN.
        bytes.extend([0xff, 0xff]);
        Ok(bytes)
    }

    /// §24.2: whose console it is does not matter. Who has it and did not ask is told.
    fn deactivate(&mut self, own: u32, data: &[u8], around: &mut Around<'_>) -> Answer {
        let watching = self.watching().map(|(id, ..)| id).filter(|_| data.first() == Some(&SOL));
        // "Already deactivated".
        let id = watching.ok_or(Completion(0x80))?;
        if id != own {
            self.end_console(around);
        }
        self.active(id).ok_or(Completion::UNSPECIFIED)?.sol = None;
        Ok(Vec::new())
    }

    /// Whose the payload is, and its port's number.
    fn instance(&mut self) -> Vec<u8> {
        let id = self.watching().map_or(0, |(id, ..)| id);
        let mut bytes = id.to_le_bytes().to_vec();
        bytes.extend([1, 0, 0, 0, 0, 0, 0, 0]);
        bytes
    }
}
