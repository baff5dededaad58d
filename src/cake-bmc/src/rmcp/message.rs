//! An IPMI message as a LAN carries it (IPMI 2.0 §13.8, figure 13-4).

use super::{Broken, Reader};
use crate::message::{Completion, Request, Response};

/// The BMC's address.
pub const BMC: u8 = 0x20;
/// The software id of a remote console.
pub const CONSOLE: u8 = 0x81;
/// Values that rqSeq can take.
pub const SEQUENCES: u8 = 64;

/// A request, or a response (an odd `net_fn`), whose data start with the completion code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    pub to: u8,
    pub net_fn: u8,
    pub to_lun: u8,
    pub from: u8,
    /// rqSeq, 0 … 63: the response carries its request's.
    pub sequence: u8,
    pub from_lun: u8,
    pub command: u8,
    pub data: &'a [u8],
}

impl<'a> Message<'a> {
    /// A console's request to its BMC.
    pub fn request(request: &'a Request, sequence: u8) -> Self {
        Self {
            to: BMC,
            net_fn: request.net_fn,
            to_lun: request.lun,
            from: CONSOLE,
            sequence,
            from_lun: 0,
            command: request.command,
            data: &request.data,
        }
    }

    /// The response to this request; `data`: the completion code and what follows it.
    pub fn answer<'b>(&self, data: &'b [u8]) -> Message<'b> {
        Message {
            to: self.from,
            net_fn: self.net_fn | 1,
            to_lun: self.from_lun,
            from: self.to,
            sequence: self.sequence,
            from_lun: self.to_lun,
            command: self.command,
            data,
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(7 + self.data.len());
        bytes.extend([self.to, self.net_fn << 2 | self.to_lun & 3]);
        bytes.push(checksum(&bytes));
        bytes.extend([self.from, self.sequence << 2 | self.from_lun & 3, self.command]);
        bytes.extend(self.data);
        bytes.push(checksum(&bytes[3..]));
        bytes
    }

    pub fn parse(payload: &'a [u8]) -> Result<Self, Broken> {
        let mut reader = Reader(payload);
        let [to, function, sum] = reader.array()?;
        if checksum(&[to, function]) != sum {
            return Err(Broken("the first checksum of the message is wrong"));
        }
        let (sum, body) = reader.0.split_last().ok_or(Broken("cut short"))?;
        if checksum(body) != *sum {
            return Err(Broken("the second checksum of the message is wrong"));
        }
        let mut reader = Reader(body);
        let [from, sequence, command] = reader.array()?;
        Ok(Self {
            to,
            net_fn: function >> 2,
            to_lun: function & 3,
            from,
            sequence: sequence >> 2,
            from_lun: sequence & 3,
            command,
            data: reader.0,
        })
    }

    /// The response to a request of this function and command with this rqSeq; `None`: it answers another.
    pub fn response_to(&self, net_fn: u8, command: u8, sequence: u8) -> Option<Response> {
        let matches = self.net_fn == net_fn | 1 && self.command == command && self.sequence == sequence;
        let (code, data) = self.data.split_first().filter(|_| matches)?;
        Some(Response { completion: Completion(*code), data: data.to_vec() })
    }
}

/// Two's complement: the sum of the bytes and this is zero.
fn checksum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0u8, |sum, byte| sum.wrapping_sub(*byte))
}
