//! Which addresses of a range have a BMC: ASF presence pings, paced.

use crate::asf::{Ping, Pong};
use crate::rmcp::DATAGRAM_MAX;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::{Instant, interval, sleep_until};

/// Addresses of the longest range that is asked: a /20.
pub const RANGE_MAX: usize = 4096;

/// The addresses of a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    first: IpAddr,
    count: usize,
    port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    #[error("the range ends before it begins")]
    Backwards,
    #[error("the range has more than {RANGE_MAX} addresses")]
    TooLong,
    #[error("the ends of the range are of different families")]
    Mixed,
}

impl Range {
    /// Both ends belong to it.
    pub fn new(first: IpAddr, last: IpAddr, port: u16) -> Result<Self, RangeError> {
        let (from, to) = match (first, last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => (first.to_bits().into(), last.to_bits().into()),
            (IpAddr::V6(first), IpAddr::V6(last)) => (first.to_bits(), last.to_bits()),
            _ => return Err(RangeError::Mixed),
        };
        let more: u128 = to.checked_sub(from).ok_or(RangeError::Backwards)?;
        let count = usize::try_from(more).unwrap_or(usize::MAX).saturating_add(1);
        if count > RANGE_MAX { Err(RangeError::TooLong) } else { Ok(Self { first, count, port }) }
    }

    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> + use<> {
        let Self { first, count, port } = *self;
        (0..count).map(move |index| {
            let ip = match first {
                // Not beyond the last: that was counted.
                IpAddr::V4(first) => IpAddr::V4((first.to_bits() + index as u32).into()),
                IpAddr::V6(first) => IpAddr::V6((first.to_bits() + index as u128).into()),
            };
            SocketAddr::new(ip, port)
        })
    }
}

/// Something that answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub address: SocketAddr,
    /// It speaks IPMI.
    pub ipmi: bool,
    /// IANA's enterprise number of its maker; `None`: it does not say.
    pub enterprise: Option<u32>,
}

/// Whom to ask, and who answered. Pure.
#[derive(Debug)]
pub struct Scan {
    /// What is yet to be sent, the last first.
    left: Vec<SocketAddr>,
    asked: BTreeSet<SocketAddr>,
    found: BTreeMap<SocketAddr, Found>,
    tag: u8,
}

impl Scan {
    /// `tag`: comes back in the answers; drawn by chance, so that others' answers are not taken for ours.
    pub fn new(range: &Range, rounds: usize, tag: u8) -> Self {
        let addresses: Vec<_> = range.addresses().collect();
        let left = addresses.iter().rev().cycle().take(addresses.len() * rounds).copied().collect();
        Self { left, asked: BTreeSet::new(), found: BTreeMap::new(), tag }
    }

    /// The next ping and where it goes. Whoever answered is not asked again.
    pub fn ping(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        let address = std::iter::from_fn(|| self.left.pop()).find(|address| !self.found.contains_key(address))?;
        self.asked.insert(address);
        Some((address, Ping { tag: self.tag }.encode()))
    }

    /// Whether all have answered, or there is nobody left to ask.
    pub fn is_complete(&self) -> bool {
        self.left.iter().all(|address| self.found.contains_key(address)) && self.found.len() == self.asked.len()
    }

    /// `false`: an answer that nobody asked for, or none at all.
    pub fn receive(&mut self, datagram: &[u8], from: SocketAddr) -> bool {
        let Ok(pong) = Pong::parse(datagram) else { return false };
        if pong.tag != self.tag || !self.asked.contains(&from) {
            return false;
        }
        // 4542 is ASF's own.
        let enterprise = (pong.enterprise != crate::asf::ENTERPRISE && pong.enterprise != 0).then_some(pong.enterprise);
        self.found.insert(from, Found { address: from, ipmi: pong.ipmi, enterprise });
        true
    }

    pub fn found(self) -> Vec<Found> {
        self.found.into_values().collect()
    }
}

/// How a range is asked.
#[derive(Clone, Copy, Debug)]
pub struct Tempo {
    /// Between two pings, so that neither switches nor BMCs are flooded.
    pub between: Duration,
    /// How often each address is asked that does not answer.
    pub rounds: usize,
    /// How long the last answers may take.
    pub patience: Duration,
}

impl Default for Tempo {
    fn default() -> Self {
        Self { between: Duration::from_millis(2), rounds: 2, patience: Duration::from_secs(1) }
    }
}

/// Asks a whole range by a socket of its family that somebody else opened.
pub async fn discover(socket: &UdpSocket, range: &Range, tempo: Tempo) -> io::Result<Vec<Found>> {
    let mut scan = Scan::new(range, tempo.rounds, rand::random());
    let mut buffer = vec![0; DATAGRAM_MAX];
    let mut pings = interval(tempo.between.max(Duration::from_micros(1)));
    let mut until = None;
    loop {
        let end = async {
            match until {
                Some(until) => sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            received = socket.recv_from(&mut buffer) => {
                // An error is of one address, whose network says that it is not there.
                if let Ok((length, from)) = received {
                    scan.receive(&buffer[..length], from);
                }
                if until.is_some() && scan.is_complete() {
                    return Ok(scan.found());
                }
            }
            _ = pings.tick(), if until.is_none() => match scan.ping() {
                Some((address, ping)) => {
                    // An address that can't be reached has no BMC for us.
                    let _ = socket.send_to(&ping, address).await;
                }
                None => until = Some(Instant::now() + tempo.patience),
            },
            () = end => return Ok(scan.found()),
        }
    }
}
