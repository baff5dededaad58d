//! Screens of VMs: who looks, who of them is in control, and pictures.
//!
//! ```text
//!   viewers ── RFB ──► rfb: lets input through, or not ──► the descriptor of QEMU's VNC server
//!                        ▲
//!                      floor: who is in control (pure)
//!
//!   who asks for a picture ◄── PNG ── picture ◄── pixmap, a file from the node, the same for ten seconds
//! ```
//!
//! What a viewer may do is enforced here, on every byte that it sends, and not by its page.

pub mod floor;
pub mod picture;
pub mod rfb;

use bytes::Bytes;
use cake_node_api::StreamKind;
use cake_planner::admission::{self, Action};
use cake_types::{Code, Problem, VmId};
use floor::{Control, Floor, VIEWERS_MAX, ViewerId};
use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, watch};

use crate::board::VmEntry;
use crate::error;
use crate::nodes::Nodes;

/// Pictures kept for those who ask for the same one again, in bytes.
const KEPT_MAX: usize = 4 << 20;

pub struct Screens {
    nodes: Arc<Nodes>,
    rooms: Mutex<HashMap<VmId, Arc<Room>>>,
    kept: Mutex<VecDeque<(FileId, Bytes)>>,
    /// One picture at a time is made: they are for looking at lists, not for watching.
    making: Semaphore,
}

/// The viewers of one screen.
struct Room {
    floor: Mutex<Floor>,
    changed: watch::Sender<()>,
}

/// Tells one picture from every other: inode, and when it was written.
type FileId = (u64, i64, i64);

impl Screens {
    pub fn new(nodes: Arc<Nodes>) -> Self {
        Self { nodes, rooms: Mutex::default(), kept: Mutex::default(), making: Semaphore::new(1) }
    }

    /// Whether somebody could look now.
    pub fn admit(entry: &VmEntry) -> Result<(), Problem> {
        if !entry.vm.spec.hardware.has_screen() {
            return Err(Problem::new(Code::NoScreen));
        }
        admission::legal(Action::Console, entry.situation())
    }

    /// One more viewer. `may`: the role allows input.
    pub fn join(self: &Arc<Self>, vm: VmId, name: &str, may: bool) -> Result<Seat, Problem> {
        let mut rooms = lock(&self.rooms);
        let room = rooms
            .entry(vm)
            .or_insert_with(|| Arc::new(Room { floor: Mutex::default(), changed: watch::Sender::new(()) }));
        let joined = lock(&room.floor).join(name, may);
        let viewer = joined.ok_or_else(|| Problem::new(Code::TooManyViewers).with("limit", VIEWERS_MAX))?;
        let room = room.clone();
        drop(rooms);
        room.changed.send_replace(());
        Ok(Seat { screens: self.clone(), vm, room, viewer })
    }

    /// The screen as a PNG, at most ten seconds old.
    pub async fn picture(&self, entry: &VmEntry) -> Result<Bytes, Problem> {
        Self::admit(entry)?;
        let node = self.nodes.require()?;
        let ticket = node.client.ticket(StreamKind::Picture, entry.id()).await.map_err(error::node)?;
        let file = File::from(node.client.open(ticket).await.map_err(error::node)?);
        let unreadable = |error: io::Error| error::internal("a picture can't be read", &error);
        let metadata = file.metadata().map_err(unreadable)?;
        let id = (metadata.ino(), metadata.mtime(), metadata.mtime_nsec());
        let _one = self.making.acquire().await.map_err(|error| error::internal("pictures are over", &error))?;
        if let Some((_, png)) = lock(&self.kept).iter().find(|(kept, _)| *kept == id) {
            return Ok(png.clone());
        }
        let made = tokio::task::spawn_blocking(move || picture::png(&mut BufReader::new(FromStart { file, at: 0 })));
        let png = made.await.map_err(|error| error::internal("a picture was not made", &error))?;
        let png = Bytes::from(png.map_err(|error| error::internal("a picture is none", &error))?);
        self.keep(id, png.clone());
        Ok(png)
    }

    fn keep(&self, id: FileId, png: Bytes) {
        let mut kept = lock(&self.kept);
        kept.push_back((id, png));
        while kept.len() > 1 && kept.iter().map(|(_, png)| png.len()).sum::<usize>() > KEPT_MAX {
            kept.pop_front();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads a file that others read too: all of them share its position.
struct FromStart {
    file: File,
    at: u64,
}

impl Read for FromStart {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// A viewer's place; it is given up when dropped.
pub struct Seat {
    screens: Arc<Screens>,
    vm: VmId,
    room: Arc<Room>,
    viewer: ViewerId,
}

impl Seat {
    pub fn control(&self) -> Control {
        lock(&self.room.floor).control(self.viewer)
    }

    /// Asks for control.
    pub fn take(&self) {
        lock(&self.room.floor).take(self.viewer);
        self.room.changed.send_replace(());
    }

    /// Tells that [`Seat::control`] may have changed.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.room.changed.subscribe()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // Nobody joins between the last leaving and the room's end.
        let mut rooms = lock(&self.screens.rooms);
        let mut floor = lock(&self.room.floor);
        floor.leave(self.viewer);
        if floor.is_empty() {
            rooms.remove(&self.vm);
        }
        drop(floor);
        self.room.changed.send_replace(());
    }
}
