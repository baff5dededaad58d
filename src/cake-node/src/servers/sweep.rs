//! A range of addresses asked for BMCs, in the worker: by ASF presence pings and, over connections that the node makes, for the service
//! root of Redfish. Nobody logs in.
//!
//! ```text
//!   range ──► so many addresses at once ──┬─► pings, twice ──────────────► pongs ──┐
//!                                         └─► dial (the node) ──► GET /redfish/v1 ─┴─► told four times a second
//! ```
//!
//! The next addresses are asked when all of these have answered or have had their time: the kernel's table of neighbours, which holds
//! 1024, never fills up with machines that are not there.

use super::bounds;
use super::dial::{Dials, ScanDial};
use super::wire::Said;
use cake_bmc::discover::{self, Found, Range, Tempo};
use cake_bmc::redfish::{self, Discovered, Patience};
use cake_types::{FoundBmc, FoundRedfish, OperationId, REDFISH_PORT, ScanRange, bracketed};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::interval;

/// Addresses that are asked at once.
pub const AT_ONCE: usize = 128;
/// Between two words to the node.
const TELL: Duration = Duration::from_millis(250);
/// Whoever does not say in this time that it is Redfish is none. Handshakes of slow BMCs take seconds.
const ROOT: Patience = Patience { request: Duration::from_secs(5), call: Duration::from_secs(6) };
/// 128 addresses twice in half a second, and two seconds for the last to answer.
const TEMPO: Tempo = Tempo { between: Duration::from_millis(2), rounds: 2, patience: Duration::from_secs(2) };

/// From the first address to the last; what breaks on the way is a BMC that is not found.
pub async fn sweep(
    operation: OperationId,
    range: ScanRange,
    socket: OwnedFd,
    dials: Arc<Dials>,
    say: mpsc::Sender<Said>,
) {
    let sweep = Sweep { operation, range, dials, say };
    match (udp(socket), Range::new(range.first, range.last, range.port)) {
        (Ok(socket), Ok(addresses)) => {
            let addresses: Vec<IpAddr> = addresses.addresses().map(|address| address.ip()).collect();
            for part in addresses.chunks(AT_ONCE) {
                sweep.ask(&socket, part).await;
            }
        }
        // The node checks ranges, and has sockets to give.
        (Err(error), _) => tracing::error!(%error, "a scan can't begin: {error}"),
        (_, Err(error)) => tracing::error!(%error, "a scan can't begin: {error}"),
    }
    // Nobody listens when the worker is about to end.
    let _ = sweep.say.send(Said::ScanOver { operation }).await;
}

fn udp(socket: OwnedFd) -> io::Result<UdpSocket> {
    UdpSocket::from_std(std::net::UdpSocket::from(socket))
}

struct Sweep {
    operation: OperationId,
    range: ScanRange,
    dials: Arc<Dials>,
    say: mpsc::Sender<Said>,
}

/// What is known of some addresses, and what of it was told.
#[derive(Default)]
struct News {
    known: BTreeMap<IpAddr, FoundBmc>,
    untold: BTreeMap<IpAddr, FoundBmc>,
    asked: u32,
}

impl News {
    fn change(&mut self, address: IpAddr, change: impl FnOnce(&mut FoundBmc)) {
        let nothing = || FoundBmc { address, ipmi: false, manufacturer: None, redfish: None };
        let bmc = self.known.entry(address).or_insert_with(nothing);
        change(bmc);
        self.untold.insert(address, bmc.clone());
    }

    /// What speaks ASF alone can do nothing for cake.
    fn pong(&mut self, found: &Found) {
        if found.ipmi {
            self.change(found.address.ip(), |bmc| (bmc.ipmi, bmc.manufacturer) = (true, found.enterprise));
        }
    }

    fn root(&mut self, address: IpAddr, root: Option<Discovered>) {
        self.asked += 1;
        if let Some(Discovered { uuid, product, vendor, version, fingerprint: _ }) = root {
            let redfish = bounds::redfish(FoundRedfish { version, vendor, product, uuid });
            self.change(address, |bmc| bmc.redfish = Some(redfish));
        }
    }
}

impl Sweep {
    /// Some addresses, all at once.
    async fn ask(&self, socket: &UdpSocket, part: &[IpAddr]) {
        let (Some(first), Some(last)) = (part.first(), part.last()) else { return };
        let Ok(range) = Range::new(*first, *last, self.range.port) else { return };
        let mut news = News::default();
        let mut roots: FuturesUnordered<_> = part.iter().map(|address| self.root(*address)).collect();
        let pings = discover::discover(socket, &range, TEMPO);
        tokio::pin!(pings);
        let mut pinged = false;
        let mut tell = interval(TELL);
        while !pinged || !roots.is_empty() {
            tokio::select! {
                pongs = &mut pings, if !pinged => {
                    pinged = true;
                    pongs.unwrap_or_default().iter().for_each(|found| news.pong(found));
                }
                Some((address, root)) = roots.next() => news.root(address, root),
                _ = tell.tick() => self.tell(&mut news).await,
            }
        }
        self.tell(&mut news).await;
    }

    async fn root(&self, address: IpAddr) -> (IpAddr, Option<Discovered>) {
        let dial = ScanDial { operation: self.operation, address, dials: self.dials.clone() };
        let host = match self.range.redfish_port {
            REDFISH_PORT => bracketed(&address.to_string()),
            port => SocketAddr::new(address, port).to_string(),
        };
        (address, redfish::discover(Box::new(dial), &host, ROOT).await.ok())
    }

    async fn tell(&self, news: &mut News) {
        if news.asked == 0 && news.untold.is_empty() {
            return;
        }
        let (asked, found) = (std::mem::take(&mut news.asked), std::mem::take(&mut news.untold));
        let found = found.into_values().collect();
        let _ = self.say.send(Said::Scanned { operation: self.operation, asked, found }).await;
    }
}
