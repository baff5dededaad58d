//! One agent that is asked: a request at a time, sent again while nobody answers, given up in the end. It knows no clock and no socket.

use crate::error::SnmpError;
use crate::message::{Request, Response};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How patient one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Until a request is sent again; each time twice as long.
    pub first: Duration,
    pub most: Duration,
    /// How often it is sent in all.
    pub tries: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { first: Duration::from_millis(500), most: Duration::from_secs(2), tries: 4 }
    }
}

/// What happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub requests: u64,
    /// Datagrams that were sent again.
    pub repeated: u64,
    /// Dropped: no answer that can be read.
    pub broken: u64,
    /// Dropped: answers nothing that is waited for, or with another community.
    pub unmatched: u64,
}

/// What is to be done after a call.
#[derive(Debug)]
pub enum Turn {
    Send(Vec<u8>),
    /// The request is over.
    Over(Result<Response, SnmpError>),
    Wait,
}

struct Waiting {
    id: i32,
    datagram: Vec<u8>,
    due: Instant,
    wait: Duration,
    tries: u32,
    /// Something came that could not be read.
    garbled: bool,
}

pub struct Machine {
    community: Zeroizing<Vec<u8>>,
    pace: Pace,
    /// Of the next request. It begins anywhere, so that who can't see what is asked can't answer it.
    next: i32,
    waiting: Option<Waiting>,
    counters: Counters,
}

impl Machine {
    /// `seed`: anything that nobody else knows.
    pub fn new(community: Zeroizing<Vec<u8>>, pace: Pace, seed: u32) -> Self {
        let next = (seed & 0x7fff_ffff).cast_signed();
        Self { community, pace, next, waiting: None, counters: Counters::default() }
    }

    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// When [`Machine::tick`] is to be called, while something is waited for.
    pub fn due(&self) -> Option<Instant> {
        self.waiting.as_ref().map(|waiting| waiting.due)
    }

    /// Asks. What was asked before is asked no longer.
    pub fn ask(&mut self, request: &Request, now: Instant) -> Vec<u8> {
        let id = self.next;
        // From 0 to 2³¹ - 1, as RFC 3416 §3 has it for who is careful.
        self.next = id.checked_add(1).unwrap_or(0);
        let datagram = request.encode(&self.community, id);
        let (due, wait) = (now + self.pace.first, self.pace.first);
        self.waiting = Some(Waiting { id, datagram: datagram.clone(), due, wait, tries: 1, garbled: false });
        self.counters.requests += 1;
        datagram
    }

    /// Takes in what came from the agent's address, whoever sent it.
    pub fn receive(&mut self, datagram: &[u8]) -> Turn {
        let Some(waiting) = &mut self.waiting else {
            self.counters.unmatched += 1;
            return Turn::Wait;
        };
        let Some(response) = Response::decode(datagram) else {
            self.counters.broken += 1;
            waiting.garbled = true;
            return Turn::Wait;
        };
        if response.id != waiting.id || response.community != *self.community {
            self.counters.unmatched += 1;
            return Turn::Wait;
        }
        self.waiting = None;
        Turn::Over(Ok(response))
    }

    pub fn tick(&mut self, now: Instant) -> Turn {
        let Some(waiting) = self.waiting.as_mut().filter(|waiting| waiting.due <= now) else { return Turn::Wait };
        if waiting.tries >= self.pace.tries {
            let error = match waiting.garbled {
                true => SnmpError::Garbled("no answer that can be read"),
                false => SnmpError::Silent,
            };
            self.waiting = None;
            return Turn::Over(Err(error));
        }
        waiting.tries += 1;
        waiting.wait = (waiting.wait * 2).min(self.pace.most);
        waiting.due = now + waiting.wait;
        self.counters.repeated += 1;
        Turn::Send(waiting.datagram.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, Oid};
    use cake_planner::snmp::{OCTETS, SEQUENCE, element, integer};

    fn answer(community: &str, id: i32) -> Vec<u8> {
        let pdu = [integer(id), integer(0), integer(0), element(SEQUENCE, &[])].concat();
        element(SEQUENCE, &[integer(1), element(OCTETS, community.as_bytes()), element(0xa2, &pdu)].concat())
    }

    fn asked(seed: u32) -> (Machine, Instant) {
        let community = Zeroizing::new(b"c".to_vec());
        let mut machine = Machine::new(community, Pace::default(), seed);
        let now = Instant::now();
        let names = vec![Oid::new([1, 3]).unwrap()];
        machine.ask(&Request { kind: Kind::Get, names }, now);
        (machine, now)
    }

    #[test]
    fn only_its_own_answer_is_one() {
        let (mut machine, _) = asked(7);
        for other in [answer("c", 8), answer("d", 7), answer("c", -7), vec![], vec![0; 2000]] {
            assert!(matches!(machine.receive(&other), Turn::Wait));
        }
        assert!(matches!(machine.receive(&answer("c", 7)), Turn::Over(Ok(_))));
        assert!(matches!(machine.receive(&answer("c", 7)), Turn::Wait), "it came before");
        assert_eq!(machine.counters(), Counters { requests: 1, repeated: 0, broken: 2, unmatched: 4 });
    }

    #[test]
    fn asked_again_and_given_up() {
        let (mut machine, now) = asked(u32::MAX);
        let mut waits = Vec::new();
        let mut at = now;
        let error = loop {
            let due = machine.due().unwrap();
            waits.push(due - at);
            at = due;
            assert!(matches!(machine.tick(at - Duration::from_millis(1)), Turn::Wait));
            match machine.tick(at) {
                Turn::Send(datagram) => assert_eq!(datagram[7..].len(), datagram.len() - 7),
                Turn::Over(result) => break result.unwrap_err(),
                Turn::Wait => panic!("it was due"),
            }
        };
        assert_eq!(waits, [500, 1000, 2000, 2000].map(Duration::from_millis));
        assert!(matches!(error, SnmpError::Silent));
        assert_eq!(machine.due(), None);
        let (mut machine, mut at) = asked(1);
        machine.receive(b"nonsense");
        let error = loop {
            at += Duration::from_secs(3);
            if let Turn::Over(result) = machine.tick(at) {
                break result.unwrap_err();
            }
        };
        assert!(matches!(error, SnmpError::Garbled(_)));
    }

    #[test]
    fn numbers_of_requests_never_get_a_sign() {
        let (mut machine, now) = asked(0x7fff_ffff);
        let names = vec![Oid::new([1, 3]).unwrap()];
        machine.ask(&Request { kind: Kind::Get, names }, now);
        assert!(matches!(machine.receive(&answer("c", 0)), Turn::Over(Ok(_))));
    }
}
