//! Serial over LAN (IPMI 2.0 §15): characters both ways, each packet acknowledged before the next.

use std::collections::VecDeque;

/// Characters in one packet.
pub const MAX: usize = 200;
/// How often a packet is sent that nobody acknowledges: on a busy machine a console may be late.
const TRIES: u8 = 50;
/// In the fourth byte of an acknowledgement.
const NACK: u8 = 0x40;
/// In the fourth byte of a console's packet: it makes a break.
const BREAK: u8 = 0x10;
/// In the fourth byte of a BMC's packet: the console is over.
const DEACTIVATED: u8 = 0x10;
/// Packets are numbered 1 … 15; 0 is an acknowledgement alone.
const NUMBERS: u8 = 15;

#[derive(Debug, Default)]
pub struct Sol {
    last: u8,
    waiting: Option<Waiting>,
    pending: VecDeque<u8>,
    heard: u8,
}

#[derive(Debug)]
struct Waiting {
    number: u8,
    characters: Vec<u8>,
    tries: u8,
}

/// What a console's packet brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// For the serial port.
    pub characters: Vec<u8>,
    /// A break on the serial line.
    pub is_break: bool,
    /// The acknowledgement that goes back.
    pub answer: Option<Vec<u8>>,
}

impl Sol {
    /// Characters of the serial port, for the console.
    pub fn say(&mut self, characters: &[u8]) {
        self.pending.extend(characters);
    }

    /// The next packet, if none is on its way.
    pub fn packet(&mut self) -> Option<Vec<u8>> {
        if self.waiting.is_some() || self.pending.is_empty() {
            return None;
        }
        let characters: Vec<u8> = self.pending.drain(..self.pending.len().min(MAX)).collect();
        self.last = self.last % NUMBERS + 1;
        let waiting = self.waiting.insert(Waiting { number: self.last, characters, tries: 1 });
        Some(waiting.encode())
    }

    /// The packet that was not acknowledged in time, once more. What is never acknowledged is lost, as on a real line.
    pub fn again(&mut self) -> Option<Vec<u8>> {
        let waiting = self.waiting.as_mut()?;
        waiting.tries += 1;
        if waiting.tries > TRIES {
            self.waiting = None;
            return self.packet();
        }
        Some(waiting.encode())
    }

    pub fn hear(&mut self, payload: &[u8]) -> Heard {
        let [number, acknowledged, accepted, status, characters @ ..] = payload else { return Heard::default() };
        self.acknowledged(acknowledged & 0x0f, usize::from(*accepted), *status);
        let number = number & 0x0f;
        if number == 0 {
            return Heard::default();
        }
        // At most 255: a payload is not longer.
        let answer = Some(vec![0, number, characters.len() as u8, 0]);
        let again = number == self.heard;
        self.heard = number;
        let is_break = !again && status & BREAK != 0;
        Heard { characters: if again { Vec::new() } else { characters.to_vec() }, is_break, answer }
    }

    /// What a console is told whose stream is ended.
    pub fn farewell() -> Vec<u8> {
        vec![0, 0, 0, DEACTIVATED]
    }

    fn acknowledged(&mut self, number: u8, accepted: usize, status: u8) {
        let Some(waiting) = self.waiting.take_if(|waiting| waiting.number == number) else { return };
        if status & NACK == 0 && accepted < waiting.characters.len() {
            // The console had no room for the rest.
            waiting.characters[accepted..].iter().rev().for_each(|character| self.pending.push_front(*character));
        } else if status & NACK != 0 {
            self.waiting = Some(waiting);
        }
    }
}

impl Waiting {
    fn encode(&self) -> Vec<u8> {
        [&[self.number, 0, 0, 0], self.characters.as_slice()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_waits_for_its_acknowledgement() {
        let mut sol = Sol::default();
        sol.say(b"hello");
        assert_eq!(sol.packet(), Some(b"\x01\0\0\0hello".to_vec()));
        sol.say(b"more");
        assert_eq!(sol.packet(), None, "one at a time");
        assert_eq!(sol.again(), Some(b"\x01\0\0\0hello".to_vec()));
        assert_eq!(sol.hear(&[0, 2, 5, 0]), Heard::default());
        assert_eq!(sol.packet(), None, "another one's");
        sol.hear(&[0, 1, 3, 0]);
        assert_eq!(sol.packet(), Some(b"\x02\0\0\0lomore".to_vec()), "what was not accepted comes again");
    }

    #[test]
    fn the_same_packet_twice_is_typed_once() {
        let mut sol = Sol::default();
        let first = sol.hear(b"\x01\0\0\0ls\r");
        assert_eq!((first.characters.as_slice(), first.answer.as_deref()), (&b"ls\r"[..], Some(&[0, 1, 3, 0][..])));
        let again = sol.hear(b"\x01\0\0\0ls\r");
        assert!(again.characters.is_empty() && again.answer == first.answer);
    }

    #[test]
    fn who_never_acknowledges_loses_and_the_line_goes_on() {
        let mut sol = Sol::default();
        sol.say(b"a");
        sol.packet();
        for _ in 1..TRIES {
            assert!(sol.again().is_some());
        }
        sol.say(b"b");
        assert_eq!(sol.again(), Some(b"\x02\0\0\0b".to_vec()));
    }
}
