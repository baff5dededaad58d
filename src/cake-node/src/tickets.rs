//! One-time tickets for byte streams.

use cake_node_api::{StreamKind, StreamTicket};
use cake_types::{ServerId, VmId};
use data_encoding::BASE64URL_NOPAD;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Tickets that may be out at a time; the oldest go first.
const MOST: usize = 1024;

#[derive(Default)]
pub struct Tickets {
    out: HashMap<StreamTicket, Grant>,
}

struct Grant {
    of: Stream,
    until: Instant,
}

/// What a ticket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Vm {
        kind: StreamKind,
        vm: VmId,
    },
    /// `take`: whoever has it at the BMC loses it.
    Console {
        server: ServerId,
        take: bool,
    },
}

impl Tickets {
    /// `random`: fresh and never used for anything else.
    pub fn issue(&mut self, of: Stream, random: &[u8; 32], now: Instant) -> StreamTicket {
        self.out.retain(|_, grant| grant.until > now);
        if self.out.len() >= MOST
            && let Some(oldest) = self.out.iter().min_by_key(|(_, grant)| grant.until).map(|(ticket, _)| ticket.clone())
        {
            self.out.remove(&oldest);
        }
        let ticket = StreamTicket(BASE64URL_NOPAD.encode(random));
        let until = now + Duration::from_secs(StreamTicket::LIFETIME_SECONDS);
        self.out.insert(ticket.clone(), Grant { of, until });
        ticket
    }

    /// Takes a ticket back; it is good once, and in time.
    pub fn redeem(&mut self, ticket: &StreamTicket, now: Instant) -> Option<Stream> {
        let grant = self.out.remove(ticket)?;
        (grant.until > now).then_some(grant.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_ticket_is_good_once_and_in_time() {
        let (now, mut tickets) = (Instant::now(), Tickets::default());
        let serial = Stream::Vm { kind: StreamKind::Serial, vm: VmId(Uuid::nil()) };
        let ticket = tickets.issue(serial, &[1; 32], now);
        assert_eq!(ticket.0.len(), 43);
        assert_eq!(tickets.redeem(&ticket, now), Some(serial));
        assert_eq!(tickets.redeem(&ticket, now), None);
        let late = tickets.issue(serial, &[2; 32], now);
        assert_eq!(tickets.redeem(&late, now + Duration::from_secs(30)), None);
        assert_eq!(tickets.redeem(&StreamTicket("guessed".into()), now), None);
    }

    #[test]
    fn tickets_are_bounded() {
        let (now, mut tickets) = (Instant::now(), Tickets::default());
        let console = Stream::Console { server: ServerId(Uuid::nil()), take: false };
        for number in 0..5000u32 {
            let mut random = [0; 32];
            random[..4].copy_from_slice(&number.to_le_bytes());
            tickets.issue(console, &random, now + Duration::from_millis(number.into()));
        }
        assert!(tickets.out.len() <= MOST);
    }
}
