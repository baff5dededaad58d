//! One device that answers SNMP, in the worker: looked at again and again.
//!
//! ```text
//!   look ──► say ──► wait ──┐        heard: as often as its kind is looked at
//!     ▲                     │        not heard: twice as long each time, up to 60 s, with what was so before and since when
//!     └─────────────────────┘
//! ```

use super::wire::{DeviceTarget, Said};
use cake_snmp::{Agent, Hub, Look, Pace, SnmpError, Trend, look};
use cake_types::{DeviceId, DeviceKind, DeviceStatus, SnmpProblem, Stamp};
use jiff::Timestamp;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use zeroize::Zeroizing;

/// The longest pause before a device is tried again that was not heard.
const SELDOM: Duration = Duration::from_secs(60);
/// Between the end of a look and the next, however long it took.
const REST: Duration = Duration::from_secs(1);
/// A device that needs longer for all that it says is not heard.
const PATIENCE: Duration = Duration::from_secs(60);

/// From the start of one look to that of the next.
const fn every(kind: DeviceKind) -> Duration {
    match kind {
        DeviceKind::Pdu => Duration::from_secs(10),
        // Hundreds of ports, and nothing that burns.
        DeviceKind::Switch => Duration::from_secs(30),
    }
}

/// Until it is aborted, or nobody listens any more. `stamp`: of what is wished for, which may change meanwhile.
pub async fn watch(id: DeviceId, stamp: Rc<Cell<Stamp>>, target: DeviceTarget, hub: Rc<Hub>, say: mpsc::Sender<Said>) {
    let mut status = DeviceStatus::unheard(stamp.get());
    let every = every(target.kind);
    let mut pause = every;
    let (mut agent, mut trend) = (None, Trend::default());
    loop {
        let began = Instant::now();
        match timeout(PATIENCE, read(&mut agent, &target, &hub)).await {
            Ok(Ok(Look { about, pdu, mut switch })) => {
                if let Some(switch) = &mut switch {
                    trend.take(switch, began.into_std());
                }
                let read_at = Some(Timestamp::now());
                status = DeviceStatus { stamp: stamp.get(), problem: None, read_at, about, pdu, switch };
                pause = every;
            }
            Ok(Err(error)) => {
                tracing::debug!(device = %id, %error, "a device is not heard");
                status.problem = Some(error.problem());
                pause = (pause * 2).min(SELDOM);
            }
            Err(_) => {
                status.problem = Some(SnmpProblem::Silent);
                pause = (pause * 2).min(SELDOM);
            }
        }
        status.stamp = stamp.get();
        if say.send(Said::Device { id, status: Box::new(status.clone()) }).await.is_err() {
            return;
        }
        tokio::time::sleep_until((began + pause).max(Instant::now() + REST)).await;
    }
}

async fn read(agent: &mut Option<Agent>, target: &DeviceTarget, hub: &Hub) -> Result<Look, SnmpError> {
    let agent = match agent {
        Some(agent) => agent,
        None => {
            let community = Zeroizing::new(target.community.as_bytes().to_vec());
            agent.insert(hub.agent(target.address, community, Pace::default())?)
        }
    };
    look(agent, target.kind).await
}
