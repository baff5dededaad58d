//! Networks of this node: what VMs can be bridged to, what a network card needs, which addresses guests use.
//!
//! ```text
//!   a link or an address changed ──► the bridges that there are ──► board
//!   now and then ──► addresses that the kernel remembers of guests ──► board
//!                └─► filters of taps that are gone are taken away; of one that is there and has none (somebody emptied the packet
//!                    filter) it is put back
//! ```

use crate::board::Board;
use crate::database::USERS;
use crate::listen::listen;
use cake_net::{Changes, NetError};
use cake_types::{Failure, FailureCode, MacAddress, NicSpec};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Between two looks at what guests use: while one has just come, and otherwise.
const SOON: Duration = Duration::from_secs(1);
const LATER: Duration = Duration::from_secs(15);

/// A guest behind NAT was connected since this program began: the guard has to stand.
static GUARDED: AtomicBool = AtomicBool::new(false);

/// Makes what a network card needs; a tap's descriptor, if it is bridged.
pub async fn connect(mac: MacAddress, spec: NicSpec) -> Result<Option<OwnedFd>, Failure> {
    let connect = move || match &spec {
        NicSpec::Bridged { bridge } => cake_net::plug(mac, bridge).map(Some),
        NicSpec::Nat { forwards } => {
            GUARDED.store(true, Ordering::Relaxed);
            cake_net::guard(&USERS)?;
            forwards.iter().try_for_each(|forward| cake_net::port_is_free(*forward))?;
            Ok(None)
        }
    };
    blocking(connect).await
}

/// Makes a second tap for a card whose guest changes its QEMU. Behind NAT there is nothing to make: the ports are still open.
pub async fn connect_beside(mac: MacAddress, spec: NicSpec) -> Result<Option<OwnedFd>, Failure> {
    let NicSpec::Bridged { bridge } = spec else { return Ok(None) };
    blocking(move || cake_net::plug_beside(mac, &bridge).map(Some)).await
}

/// Takes away what is left of cards of a VM that is removed.
pub async fn disconnect(macs: Vec<MacAddress>) {
    let gone = blocking(move || macs.into_iter().try_for_each(cake_net::unplug)).await;
    if let Err(failure) = gone {
        tracing::warn!("what is left of a network card was not taken away: {}", failure.detail);
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, NetError> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| error.to_failure()),
        Err(error) => Err(Failure { code: FailureCode::Internal, detail: error.to_string() }),
    }
}

/// Looks for as long as the node runs.
pub async fn run(board: Board) {
    let listening = Changes::new().and_then(|changes| listen("links", move || changes.wait()));
    let changed = match listening {
        Ok(changed) => changed,
        Err(error) => return tracing::error!(%error, "the kernel does not tell of its links: {error}"),
    };
    look_at_bridges(&board);
    // A node that ended may have left something.
    let (mut links_changed, mut pause) = (true, SOON);
    loop {
        tokio::select! {
            () = changed.notified() => {
                (links_changed, pause) = (true, SOON);
                look_at_bridges(&board);
            }
            () = tokio::time::sleep(pause) => {
                pause = look_at_guests(&board, std::mem::take(&mut links_changed)).await;
            }
        }
    }
}

fn look_at_bridges(board: &Board) {
    match cake_net::bridges() {
        Ok(bridges) if bridges == board.node().bridges => {}
        Ok(bridges) => board.change_node(|node| node.bridges = bridges),
        Err(error) => tracing::warn!(error = crate::chain(&error), "the bridges can't be listed: {error}"),
    }
}

/// When to look again.
async fn look_at_guests(board: &Board, links_changed: bool) -> Duration {
    let macs = board.cards();
    let guarded = GUARDED.load(Ordering::Relaxed);
    if macs.is_empty() && !links_changed {
        return LATER;
    }
    let looked = blocking(move || {
        if links_changed {
            cake_net::sweep()?;
        }
        if guarded && !cake_net::is_guarded()? {
            cake_net::guard(&USERS)?;
        }
        let bridged: Vec<_> = macs.into_iter().filter(|mac| cake_net::is_plugged(*mac)).collect();
        if bridged.is_empty() {
            return Ok((bridged, Default::default()));
        }
        let seen = cake_net::seen()?;
        for mac in bridged.iter().filter(|mac| !seen.contains_key(mac)) {
            cake_net::filter(*mac)?;
        }
        Ok((bridged, seen))
    });
    match looked.await {
        Ok((bridged, seen)) => {
            let silent = bridged.iter().any(|mac| seen.get(mac).is_none_or(Vec::is_empty));
            board.set_addresses(&seen);
            if silent { SOON } else { LATER }
        }
        Err(failure) => {
            tracing::warn!("the guests' addresses can't be read: {}", failure.detail);
            LATER
        }
    }
}
