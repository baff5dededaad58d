//! What changes, for whoever watches: a broadcast, and the last few changes for those who come back after a broken connection.

use cake_types::{DeviceId, Event, ExportId, ImageId, NodeId, PoolId, ServerId, SessionId, Task, VmId, VolumeId};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::broadcast;

/// Changes kept for those who come back.
const KEPT: usize = 256;

/// One change.
#[derive(Clone, Debug)]
pub struct Change {
    /// Counts up by one from the start of the program.
    pub place: u64,
    pub what: What,
}

#[derive(Clone, Debug)]
pub enum What {
    /// Its newest state is on the board.
    Vm(VmId),
    VmGone(VmId),
    /// At work or just ended.
    Task(Arc<Task>),
    Event(Arc<Event>),
    Audit,
    Image(ImageId),
    ImageGone(ImageId),
    Import(ImageId),
    ImportGone(ImageId),
    Export(ExportId),
    ExportGone(ExportId),
    Volume(VolumeId),
    VolumeGone(VolumeId),
    Pool(PoolId),
    Node(NodeId),
    Server(ServerId),
    ServerGone(ServerId),
    /// A scan for BMCs has begun, gone on or ended.
    Scan,
    Device(DeviceId),
    DeviceGone(DeviceId),
    /// Which are open, or what is known of one.
    Alerts,
    Settings,
    Account,
    SessionEnded(SessionId),
    /// The program ends: so do all watches.
    Ending,
}

/// Why a watch can't go on from a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compacted;

pub struct Changes {
    kept: Mutex<Kept>,
    sender: broadcast::Sender<Change>,
}

struct Kept {
    /// The place of the next change.
    next: u64,
    ring: VecDeque<Change>,
}

impl Default for Changes {
    fn default() -> Self {
        let (sender, _) = broadcast::channel(KEPT);
        Self { kept: Mutex::new(Kept { next: 1, ring: VecDeque::new() }), sender }
    }
}

impl Changes {
    pub fn tell(&self, what: What) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let change = Change { place: kept.next, what };
        kept.next += 1;
        if kept.ring.len() == KEPT {
            kept.ring.pop_front();
        }
        kept.ring.push_back(change.clone());
        // Sent under the lock, so that nobody sees them out of order. Nobody may be listening.
        let _ = self.sender.send(change);
    }

    /// Changes from now on.
    pub fn follow(&self) -> broadcast::Receiver<Change> {
        self.sender.subscribe()
    }

    /// The last place; a watch from there misses nothing that comes.
    pub fn place(&self) -> u64 {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).next - 1
    }

    /// What came after `place`, and everything from now on.
    pub fn follow_from(&self, place: u64) -> Result<(Vec<Change>, broadcast::Receiver<Change>), Compacted> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = kept.next - kept.ring.len() as u64;
        if place >= kept.next || place + 1 < oldest {
            return Err(Compacted);
        }
        let missed = kept.ring.iter().filter(|change| change.place > place).cloned().collect();
        Ok((missed, self.sender.subscribe()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_watch_goes_on_where_it_was_or_says_that_it_cannot() {
        let changes = Changes::default();
        for _ in 0..10 {
            changes.tell(What::Settings);
        }
        assert_eq!(changes.place(), 10);
        let (missed, mut live) = changes.follow_from(7).unwrap();
        assert_eq!(missed.iter().map(|c| c.place).collect::<Vec<_>>(), [8, 9, 10]);
        changes.tell(What::Account);
        assert_eq!(live.recv().await.unwrap().place, 11);
        assert_eq!(changes.follow_from(99).err(), Some(Compacted));
        for _ in 0..KEPT {
            changes.tell(What::Settings);
        }
        assert_eq!(changes.follow_from(7).err(), Some(Compacted));
        assert!(changes.follow_from(changes.place()).unwrap().0.is_empty());
    }
}
