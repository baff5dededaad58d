//! Things that happened in QEMU, and the bounded queue between the connection and whoever listens.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Notify;

use crate::connection::Ending;
use crate::error::CloseReason;

/// The most events that wait for their listener.
const MOST_EVENTS: usize = 256;
/// The most text that these had on the wire, in bytes.
const MOST_BYTES: usize = 64 * 1024;

/// An event as QEMU sent it, whether or not anyone knows its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub name: String,
    /// `Null` when it has none.
    pub data: Value,
    pub timestamp: Timestamp,
}

/// The host's clock when it happened; both −1 when QEMU could not read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Timestamp {
    pub seconds: i64,
    pub microseconds: i64,
}

/// The events that decide about a VM's power and devices; all others are [`EventKind::Other`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// QEMU ends, or stays stopped under `-no-shutdown`. `reason` is QEMU's word: `guest-shutdown`, `host-qmp-quit`,
    /// `host-signal`, `guest-panic`…
    Shutdown {
        guest: bool,
        reason: String,
    },
    Reset {
        guest: bool,
        reason: String,
    },
    /// The ACPI power button was pressed (by us).
    Powerdown,
    Stop,
    Resume,
    /// `action`: `pause`, `poweroff`, `run`.
    GuestPanicked {
        action: String,
    },
    /// `action`: `ignore`, `report` or `stop`.
    BlockIoError {
        device: String,
        action: String,
        no_space: bool,
    },
    /// The guest has let a device go, or QEMU has taken it away.
    DeviceDeleted {
        device: String,
    },
    /// The guest refuses to let a device go.
    UnplugRefused {
        device: String,
    },
    /// A CD drive's tray was opened or closed, by whomever.
    TrayMoved {
        device: String,
        open: bool,
    },
    Other,
}

impl Event {
    pub fn kind(&self) -> EventKind {
        let text = |key: &str| self.data.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let flag = |key: &str| self.data.get(key).and_then(Value::as_bool).unwrap_or_default();
        match self.name.as_str() {
            "SHUTDOWN" => EventKind::Shutdown { guest: flag("guest"), reason: text("reason") },
            "RESET" => EventKind::Reset { guest: flag("guest"), reason: text("reason") },
            "POWERDOWN" => EventKind::Powerdown,
            "STOP" => EventKind::Stop,
            "RESUME" => EventKind::Resume,
            "GUEST_PANICKED" => EventKind::GuestPanicked { action: text("action") },
            "BLOCK_IO_ERROR" => {
                EventKind::BlockIoError { device: text("device"), action: text("action"), no_space: flag("nospace") }
            }
            // Its children, which nobody named, are told of too.
            "DEVICE_DELETED" if self.data.get("device").is_some() => {
                EventKind::DeviceDeleted { device: text("device") }
            }
            "DEVICE_UNPLUG_GUEST_ERROR" => EventKind::UnplugRefused { device: text("device") },
            "DEVICE_TRAY_MOVED" => EventKind::TrayMoved { device: text("id"), open: flag("tray-open") },
            _ => EventKind::Other,
        }
    }
}

/// What [`Events::next`] gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    Event(Event),
    /// The listener was too slow: this many events are gone. Ask QEMU for its state instead.
    Lost {
        count: u64,
    },
}

/// Receives a connection's events in order.
#[derive(Debug)]
pub struct Events {
    queue: Arc<EventQueue>,
    ending: Arc<Ending>,
}

impl Events {
    pub(crate) fn new(queue: Arc<EventQueue>, ending: Arc<Ending>) -> Self {
        Self { queue, ending }
    }

    /// Waits for the next event; after the last one of a connection that ended, the reason why it did.
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Notice, CloseReason> {
        loop {
            // Looked up before the queue is read: what came before the end is still given out.
            let ended = self.ending.reason();
            if let Some(notice) = self.queue.pop() {
                return Ok(notice);
            }
            if let Some(reason) = ended {
                return Err(reason);
            }
            self.queue.arrived.notified().await;
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.queue.abandon();
    }
}

#[derive(Debug, Default)]
pub(crate) struct EventQueue {
    inner: Mutex<Inner>,
    pub(crate) arrived: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    events: VecDeque<(Event, usize)>,
    bytes: usize,
    lost: u64,
    abandoned: bool,
}

impl EventQueue {
    /// `bytes`: how long the event was on the wire. The newest event is dropped when there is no room.
    pub(crate) fn push(&self, event: Event, bytes: usize) {
        {
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            if inner.abandoned {
                return;
            }
            // Once something is lost, what follows is lost too until the listener knows: order is kept.
            if inner.lost > 0 || inner.events.len() >= MOST_EVENTS || inner.bytes + bytes > MOST_BYTES {
                inner.lost += 1;
            } else {
                inner.bytes += bytes;
                inner.events.push_back((event, bytes));
            }
        }
        self.arrived.notify_one();
    }

    fn pop(&self) -> Option<Notice> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((event, bytes)) = inner.events.pop_front() {
            inner.bytes -= bytes;
            if inner.events.is_empty() {
                inner.events = VecDeque::new();
            }
            return Some(Notice::Event(event));
        }
        match std::mem::take(&mut inner.lost) {
            0 => None,
            count => Some(Notice::Lost { count }),
        }
    }

    fn abandon(&self) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        *inner = Inner { abandoned: true, ..Inner::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, data: Value) -> Event {
        Event { name: name.into(), data, timestamp: Timestamp { seconds: 0, microseconds: 0 } }
    }

    #[test]
    fn a_slow_listener_is_told_what_it_lost_and_memory_stays_bounded() {
        let queue = EventQueue::default();
        for number in 0..1000 {
            queue.push(event("TICK", number.into()), 50);
        }
        for number in 0..MOST_EVENTS {
            assert_eq!(queue.pop(), Some(Notice::Event(event("TICK", number.into()))));
        }
        assert_eq!(queue.pop(), Some(Notice::Lost { count: 1000 - MOST_EVENTS as u64 }));
        queue.push(event("AFTER", Value::Null), MOST_BYTES);
        queue.push(event("TOO_MUCH", Value::Null), 1);
        assert_eq!(queue.pop(), Some(Notice::Event(event("AFTER", Value::Null))));
        assert_eq!(queue.pop(), Some(Notice::Lost { count: 1 }));
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn kinds_survive_wrong_types() {
        let kind = event("SHUTDOWN", serde_json::json!({"guest": true, "reason": "guest-shutdown"})).kind();
        assert_eq!(kind, EventKind::Shutdown { guest: true, reason: "guest-shutdown".into() });
        let kind = event("SHUTDOWN", serde_json::json!(["guest"])).kind();
        assert_eq!(kind, EventKind::Shutdown { guest: false, reason: String::new() });
        assert_eq!(event("NEW", Value::Null).kind(), EventKind::Other);
    }
}
