//! An open session: what is signed and numbered, and the requests that wait for their answers. Pure.

use super::model::Ticket;
use super::pace::{Attempt, Pace, RoundTrip};
use crate::message::{Request, Response, net_fn};
use crate::rmcp::message::SEQUENCES;
use crate::rmcp::{Message, Packet, PayloadType, SessionKeys, Window, packet};
use rand::{RngCore, rngs::StdRng};
use std::time::Instant;

const CLOSE_SESSION: u8 = 0x3c;

/// Who wants the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Caller(Ticket),
    /// To use the privilege that was granted: a session starts as a user's (IPMI 2.0 §22.18).
    Privilege,
    KeepAlive,
    Close,
}

pub(super) struct Outstanding {
    pub purpose: Purpose,
    pub request: Request,
    /// When its caller gives up.
    pub deadline: Instant,
    pub attempt: Attempt,
    sequence: u8,
}

pub(super) struct Active {
    keys: Box<SessionKeys>,
    /// The BMC's id of the session.
    managed_session: u32,
    next_packet: u32,
    next_request: u8,
    window: Window,
    pub outstanding: Vec<Outstanding>,
    /// Callers' requests are held back until the privilege is set.
    pub ready: bool,
    /// When the BMC was heard last.
    pub heard: Instant,
    /// Since when something was sent and nothing heard, though who asked may be gone.
    silent_since: Option<Instant>,
}

/// What a packet of the session brings.
pub(super) enum Arrival {
    Response(Outstanding, Response),
    /// The number of the packet, and its payload.
    Sol(u32, Vec<u8>),
    /// Of a request that nobody waits for any more, or answered before.
    Unmatched,
    Replayed,
    /// Not from the BMC, or broken.
    Unauthentic,
}

impl Active {
    pub fn new(keys: Box<SessionKeys>, managed_session: u32, now: Instant) -> Self {
        Self {
            keys,
            managed_session,
            next_packet: 1,
            next_request: 0,
            window: Window::default(),
            outstanding: Vec::new(),
            ready: false,
            heard: now,
            silent_since: None,
        }
    }

    /// Whether the numbers of packets run out, which must never be used twice.
    pub fn worn_out(&self) -> bool {
        self.next_packet > u32::MAX - 1024
    }

    /// Whether the BMC seems not to know the session any more.
    pub fn seems_lost(&self, now: Instant, pace: &Pace) -> bool {
        self.silent_since.is_some_and(|since| now.saturating_duration_since(since) >= pace.lost)
    }

    pub fn request(
        &mut self,
        (purpose, request): (Purpose, Request),
        deadline: Instant,
        attempt: Attempt,
        random: &mut StdRng,
    ) -> Vec<u8> {
        self.silent_since.get_or_insert(attempt.sent);
        self.next_request = (self.next_request + 1) % SEQUENCES;
        let outstanding = Outstanding { purpose, request, deadline, attempt, sequence: self.next_request };
        let packet = self.packet_of(&outstanding.request, outstanding.sequence, random);
        self.outstanding.push(outstanding);
        packet
    }

    /// The same message in a new packet.
    pub fn again(
        &mut self,
        index: usize,
        now: Instant,
        (pace, trip): (&Pace, &RoundTrip),
        random: &mut StdRng,
    ) -> Vec<u8> {
        let outstanding = &mut self.outstanding[index];
        outstanding.attempt.again(now, trip.wait(pace));
        let (request, sequence) = (outstanding.request.clone(), outstanding.sequence);
        self.packet_of(&request, sequence, random)
    }

    fn packet_of(&mut self, request: &Request, sequence: u8, random: &mut StdRng) -> Vec<u8> {
        let message = Message::request(request, sequence).encode();
        self.seal(PayloadType::Ipmi, &message, random)
    }

    /// Close Session, whose answer nobody waits for.
    pub fn farewell(&mut self, random: &mut StdRng) -> Vec<u8> {
        self.packet_of(&self.close_request(), 0, random)
    }

    pub fn close_request(&self) -> Request {
        Request::new(net_fn::APP, CLOSE_SESSION, self.managed_session.to_le_bytes())
    }

    pub fn seal(&mut self, payload_type: PayloadType, payload: &[u8], random: &mut StdRng) -> Vec<u8> {
        let mut start = [0; 16];
        random.fill_bytes(&mut start);
        let number = self.next_packet;
        self.next_packet += 1;
        packet::seal(&self.keys, (payload_type, payload), (self.managed_session, number), start)
    }

    pub fn receive(&mut self, packet: &Packet<'_>, now: Instant) -> Arrival {
        if !self.window.is_new(packet.sequence) {
            return Arrival::Replayed;
        }
        let Ok(payload) = packet.open(&self.keys) else { return Arrival::Unauthentic };
        self.window.take(packet.sequence);
        self.heard = now;
        self.silent_since = None;
        match packet.payload_type {
            PayloadType::Sol => Arrival::Sol(packet.sequence, payload),
            PayloadType::Ipmi => self.receive_message(&payload),
            _ => Arrival::Unmatched,
        }
    }

    fn receive_message(&mut self, payload: &[u8]) -> Arrival {
        let Ok(message) = Message::parse(payload) else { return Arrival::Unauthentic };
        let answer = self.outstanding.iter().enumerate().find_map(|(index, waiting)| {
            let request = &waiting.request;
            Some((index, message.response_to(request.net_fn, request.command, waiting.sequence)?))
        });
        match answer {
            Some((index, response)) => Arrival::Response(self.outstanding.remove(index), response),
            None => Arrival::Unmatched,
        }
    }
}
