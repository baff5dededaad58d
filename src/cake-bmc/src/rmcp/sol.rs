//! Serial over LAN (IPMI 2.0 §15): its payload, and the numbers and acknowledgements that make a stream of it. Pure.

use super::{Broken, Reader};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A packet is sent again after so long, so often; then the stream is over.
const AGAIN: Duration = Duration::from_millis(500);
const TRIES: u32 = 10;
/// What waits to be sent. Who writes more must wait.
const QUEUE_MAX: usize = 16 * 1024;
/// The numbers that packets with data have: 1 … 15.
const NUMBERS: u8 = 15;

/// Figures 15-3 and 15-4.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payload {
    /// 0: only an acknowledgement.
    pub number: u8,
    /// Which packet this acknowledges; 0: none.
    pub acknowledged: u8,
    /// How many characters of that were taken.
    pub accepted: u8,
    /// Of a console an operation, of a BMC a status.
    pub status: u8,
    pub data: Vec<u8>,
}

/// Bits of `status`.
pub mod status {
    /// What was acknowledged was not taken in full.
    pub const NACK: u8 = 0x40;
    /// To the BMC: makes a break.
    pub const SEND_BREAK: u8 = 0x10;
    /// From the BMC: the stream is over.
    pub const DEACTIVATED: u8 = 0x10;
}

impl Payload {
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![self.number & 0x0f, self.acknowledged & 0x0f, self.accepted, self.status];
        bytes.extend(&self.data);
        bytes
    }

    pub fn parse(payload: &[u8]) -> Result<Self, Broken> {
        let mut reader = Reader(payload);
        let [number, acknowledged, accepted, status] = reader.array()?;
        Ok(Self { number: number & 0x0f, acknowledged: acknowledged & 0x0f, accepted, status, data: reader.0.to_vec() })
    }
}

/// The console's end of the stream.
#[derive(Debug)]
pub struct Stream {
    /// Characters that the BMC takes at once.
    most: usize,
    queue: VecDeque<u8>,
    breaks: u32,
    number: u8,
    outstanding: Option<Outstanding>,
    /// The last packet that was taken, so that its repetition is not taken for more.
    taken: u8,
    /// The session's number of the newest packet that came.
    newest: u32,
    over: bool,
    deactivated: bool,
}

#[derive(Debug)]
struct Outstanding {
    payload: Payload,
    due: Instant,
    tries: u32,
}

impl Stream {
    /// `most`: characters that a packet to the BMC may have, as it said when the stream was made.
    pub fn new(most: usize) -> Self {
        Self {
            most: most.clamp(1, 255),
            queue: VecDeque::new(),
            breaks: 0,
            number: 0,
            outstanding: None,
            taken: 0,
            newest: 0,
            over: false,
            deactivated: false,
        }
    }

    /// How many of the bytes were taken: all, unless too many wait already.
    pub fn write(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(QUEUE_MAX - self.queue.len());
        self.queue.extend(&bytes[..count]);
        count
    }

    /// Asks for a break behind what was written so far, or nearly.
    pub fn send_break(&mut self) {
        self.breaks += 1;
    }

    pub fn is_over(&self) -> bool {
        self.over
    }

    /// The BMC said that it is over.
    pub fn was_deactivated(&self) -> bool {
        self.deactivated
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.outstanding.as_ref().map(|outstanding| outstanding.due)
    }

    /// What is to be sent now, if anything.
    pub fn poll(&mut self, now: Instant) -> Option<Payload> {
        if self.over {
            return None;
        }
        let Some(outstanding) = &mut self.outstanding else { return self.next(now) };
        if outstanding.due > now {
            return None;
        }
        if outstanding.tries >= TRIES {
            self.over = true;
            return None;
        }
        outstanding.tries += 1;
        outstanding.due = now + AGAIN;
        Some(outstanding.payload.clone())
    }

    /// The characters that a packet of the BMC brings, and the acknowledgement to be sent for it. `sequence` is its number in the
    /// session (§13.28.5): a packet that a later one overtook is as good as lost. Its own number, one of fifteen, could be taken for
    /// one that is yet to come; whoever sent it sends it again.
    pub fn receive(&mut self, sequence: u32, payload: Payload) -> (Vec<u8>, Option<Payload>) {
        self.deactivated |= payload.status & status::DEACTIVATED != 0;
        self.over |= self.deactivated;
        if sequence <= self.newest {
            return (Vec::new(), None);
        }
        self.newest = sequence;
        if payload.acknowledged != 0 {
            self.acknowledge(&payload);
        }
        if payload.number == 0 {
            return (Vec::new(), None);
        }
        let accepted = u8::try_from(payload.data.len()).unwrap_or(u8::MAX);
        let answer = Payload { acknowledged: payload.number, accepted, ..Payload::default() };
        // One is sent after the other was acknowledged: only the last can come twice.
        if payload.number == self.taken {
            return (Vec::new(), Some(answer));
        }
        self.taken = payload.number;
        let mut data = payload.data;
        // More than can be acknowledged comes again.
        data.truncate(accepted.into());
        (data, Some(answer))
    }

    fn acknowledge(&mut self, payload: &Payload) {
        let Some(outstanding) = self.outstanding.take_if(|waiting| waiting.payload.number == payload.acknowledged)
        else {
            return;
        };
        let sent = outstanding.payload.data;
        // A packet that is just a break has nothing that could be taken in part.
        let refused = sent.get(usize::from(payload.accepted)..).unwrap_or_default();
        for byte in refused.iter().rev() {
            self.queue.push_front(*byte);
        }
    }

    fn next(&mut self, now: Instant) -> Option<Payload> {
        if self.queue.is_empty() && self.breaks == 0 {
            return None;
        }
        let count = self.queue.len().min(self.most);
        let data = self.queue.drain(..count).collect();
        let status = if self.breaks > 0 && self.queue.is_empty() {
            self.breaks -= 1;
            status::SEND_BREAK
        } else {
            0
        };
        self.number = self.number % NUMBERS + 1;
        let payload = Payload { number: self.number, status, data, ..Payload::default() };
        self.outstanding = Some(Outstanding { payload: payload.clone(), due: now + AGAIN, tries: 1 });
        Some(payload)
    }
}
