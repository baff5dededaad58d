//! Scans for BMCs, on the node's side: one at a time. The worker asks; the node makes its connections, to addresses of the range and to
//! nobody else, and keeps what is found on its board.

use super::sockets::{connected, udp};
use super::wire::Order;
use super::{Servers, bounds};
use cake_bmc::discover::Range;
use cake_node_api::NodeError;
use cake_planner::scan::total;
use cake_types::{FOUND_MAX, FoundBmc, OperationId, ScanEnd, ScanRange, ScanStatus};
use jiff::Timestamp;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

/// Whoever does not take a connection by then has no Redfish: a network answers in milliseconds, one that drops what it does not like
/// never.
const DIAL: Duration = Duration::from_secs(2);
/// Connections that are made at once: more than the worker asks for.
pub(super) const DIALS: usize = 192;

/// The scan that is at work.
pub(super) struct Running {
    operation: OperationId,
    range: ScanRange,
    /// The worker knows of it.
    handed_over: bool,
}

impl Servers {
    /// Begins; the same again is the same scan.
    pub fn scan(self: &Arc<Self>, operation: OperationId, range: ScanRange) -> Result<(), NodeError> {
        let invalid = |detail: String| NodeError::Invalid { detail };
        Range::new(range.first, range.last, range.port).map_err(|error| invalid(error.to_string()))?;
        if range.port == 0 || range.redfish_port == 0 {
            return Err(invalid("a scan asks at ports".into()));
        }
        if self.board().scan().is_some_and(|known| known.operation == operation) {
            return Ok(());
        }
        {
            let mut state = self.state();
            if state.scan.is_some() {
                return Err(invalid("another scan is at work".into()));
            }
            state.scan = Some(Running { operation, range, handed_over: false });
        }
        let (total, started_at, found) = (total(&range), Timestamp::now(), Vec::new());
        let scan = ScanStatus { operation, range, total, asked: 0, started_at, end: None, found, more: false };
        self.board().set_scan(scan);
        self.hand_over_scan();
        // Without a worker one is started.
        self.wanted.notify_one();
        Ok(())
    }

    pub fn stop_scan(&self, operation: OperationId) {
        self.end_scan(operation, ScanEnd::Cancelled);
    }

    /// To the worker, if there is one that takes orders.
    pub(super) fn hand_over_scan(&self) {
        let mut state = self.state();
        let Some(Running { operation, range, handed_over: false }) = state.scan else { return };
        if !state.takes_orders {
            return;
        }
        let Some(orders) = &state.orders else { return };
        let handed_over = socket(range.first).is_ok_and(|socket| {
            // The worker may have gone: it takes this with it.
            orders.send((Order::Scan { operation, range }, Some(socket))).is_ok()
        });
        if let Some(scan) = &mut state.scan {
            scan.handed_over = handed_over;
        }
        drop(state);
        if !handed_over {
            self.end_scan(operation, ScanEnd::Interrupted);
        }
    }

    /// The worker is gone, and the scan that it had.
    pub(super) fn scan_interrupted(&self) {
        self.lose_scan(|scan| scan.handed_over);
    }

    /// No worker can be started: nobody will ask.
    pub(super) fn scan_impossible(&self) {
        self.lose_scan(|_| true);
    }

    fn lose_scan(&self, is_lost: impl Fn(&Running) -> bool) {
        let lost = self.state().scan.as_ref().filter(|scan| is_lost(scan)).map(|scan| scan.operation);
        if let Some(operation) = lost {
            self.end_scan(operation, ScanEnd::Interrupted);
        }
    }

    fn end_scan(&self, operation: OperationId, end: ScanEnd) {
        {
            let mut state = self.state();
            if state.scan.as_ref().is_none_or(|scan| scan.operation != operation) {
                return;
            }
            state.scan = None;
        }
        if end != ScanEnd::Done {
            self.tell(Order::StopScan);
        }
        self.board().change_scan(operation, |scan| {
            if end == ScanEnd::Done {
                scan.asked = scan.total;
            }
            scan.end = Some(end);
        });
        // The worker may not be needed any more.
        self.wanted.notify_one();
    }

    /// What the worker says, of addresses that it was told to ask.
    pub(super) fn scanned(&self, operation: OperationId, asked: u32, found: Vec<FoundBmc>) {
        self.board().change_scan(operation, |scan| {
            scan.asked = scan.asked.saturating_add(asked).min(scan.total);
            let range = scan.range;
            for bmc in found.into_iter().filter(|bmc| range.contains(bmc.address)) {
                put(scan, bounds::found(bmc));
            }
        });
    }

    pub(super) fn scan_over(&self, operation: OperationId) {
        self.end_scan(operation, ScanEnd::Done);
    }

    /// Connects the worker to an address of its scan.
    pub(super) async fn dial_found(self: Arc<Self>, ask: u64, operation: OperationId, address: IpAddr) {
        let range = self.state().scan.as_ref().filter(|scan| scan.operation == operation).map(|scan| scan.range);
        let connection = match (range.filter(|range| range.contains(address)), self.dials.try_acquire()) {
            (Some(range), Ok(_one)) => connected(SocketAddr::new(address, range.redfish_port), DIAL).await,
            _ => None,
        };
        self.dialed(ask, connection);
    }
}

/// In the order of addresses. What was known of one is known anew.
fn put(scan: &mut ScanStatus, bmc: FoundBmc) {
    match scan.found.binary_search_by_key(&bmc.address, |known| known.address) {
        Ok(at) => scan.found[at] = bmc,
        Err(_) if scan.found.len() >= FOUND_MAX => scan.more = true,
        Err(at) => scan.found.insert(at, bmc),
    }
}

/// Of the family of the range.
fn socket(of: IpAddr) -> io::Result<OwnedFd> {
    udp(if of.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })
}
