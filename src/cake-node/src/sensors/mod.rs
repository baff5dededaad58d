//! What the sensors of watched servers measured over time: kept in files of fixed size, a folder for each server.
//!
//! ```text
//!   servers: a status ─► [`SensorHistory::hear`] ─► one thread at a time ─► [`ServerHistory`] ─► rings (cake-host) · table of places
//!                                                                              ▲ read, energy, forget
//! ```
//!
//! What is not heard is not there: neither zero nor what was before. Trends are looked for in the same numbers.

mod server;
mod slots;
mod trends;

pub use server::Asked;

use cake_types::{SensorTrend, ServerEnergy, ServerId, ServerStatus};
use server::ServerHistory;
use std::collections::{HashMap, HashSet};
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;

/// Readings that wait for the disk. Of more than so many some are not kept: a disk that is so slow is in trouble already.
const AHEAD: usize = 256;

/// The histories of all servers that this node watches.
pub struct SensorHistories {
    folder: PathBuf,
    live: Mutex<Live>,
    /// What was found last.
    trends: Mutex<HashMap<ServerId, Vec<SensorTrend>>>,
    heard: mpsc::Sender<(ServerId, Box<ServerStatus>)>,
}

#[derive(Default)]
struct Live {
    servers: HashMap<ServerId, Arc<Mutex<ServerHistory>>>,
    /// Of servers that were removed while they were read.
    forgotten: HashSet<ServerId>,
    /// Of whom it was said that nothing can be written.
    failing: HashSet<ServerId>,
}

/// What was heard and is not kept yet.
pub type Heard = mpsc::Receiver<(ServerId, Box<ServerStatus>)>;

impl SensorHistories {
    /// Makes the folder if it is not there: for nobody but us.
    pub fn open(folder: PathBuf) -> io::Result<(Arc<Self>, Heard)> {
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let (heard, hear) = mpsc::channel(AHEAD);
        Ok((Arc::new(Self { folder, live: Mutex::default(), trends: Mutex::default(), heard }), hear))
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, id: ServerId) -> PathBuf {
        self.folder.join(id.to_string())
    }

    /// A reading is kept as soon as the disk allows: nobody waits for it.
    pub fn hear(&self, id: ServerId, status: &ServerStatus) {
        if self.heard.try_send((id, Box::new(status.clone()))).is_err() {
            tracing::debug!(server = %id, "a reading is not kept: the disk is too slow");
        }
    }

    /// Keeps a reading. Waits for the disk.
    pub fn take(&self, id: ServerId, status: &ServerStatus) {
        let Some(at) = status.read_at else { return };
        let taken = match self.history(id, at.as_second()) {
            Ok(Some(history)) => history.lock().unwrap_or_else(PoisonError::into_inner).take(status),
            Ok(None) => return,
            Err(error) => Err(error),
        };
        let taken = taken.map(|trends| drop(self.trends_now().insert(id, trends)));
        let mut live = self.live();
        match taken {
            Ok(()) => drop(live.failing.remove(&id)),
            Err(error) if live.failing.insert(id) => {
                tracing::warn!(server = %id, %error, "the history of a server's sensors can't be written: {error}");
            }
            Err(_) => {}
        }
    }

    fn trends_now(&self) -> MutexGuard<'_, HashMap<ServerId, Vec<SensorTrend>>> {
        self.trends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sensors of a server that near a limit, as far as was found at its last reading.
    pub fn trends(&self, id: ServerId) -> Vec<SensorTrend> {
        self.trends_now().get(&id).cloned().unwrap_or_default()
    }

    /// `None`: the server was removed.
    fn history(&self, id: ServerId, now: i64) -> io::Result<Option<Arc<Mutex<ServerHistory>>>> {
        let mut live = self.live();
        if live.forgotten.contains(&id) {
            return Ok(None);
        }
        if let Some(history) = live.servers.get(&id) {
            return Ok(Some(history.clone()));
        }
        let history = Arc::new(Mutex::new(ServerHistory::open(self.path(id), id, now)?));
        live.servers.insert(id, history.clone());
        Ok(Some(history))
    }

    /// The same, if it was begun some time.
    fn known(&self, id: ServerId, now: i64) -> io::Result<Option<Arc<Mutex<ServerHistory>>>> {
        let open = self.live().servers.contains_key(&id);
        if open || fs::exists(self.path(id))? { self.history(id, now) } else { Ok(None) }
    }

    /// `None`: no such sensor has ever spoken. `now`: seconds since 1970.
    pub fn read(&self, id: ServerId, asked: &Asked<'_>, now: i64) -> io::Result<Option<cake_types::SensorHistory>> {
        match self.known(id, now)? {
            Some(history) => history.lock().unwrap_or_else(PoisonError::into_inner).read(asked, now),
            // It may speak in a moment.
            None => Ok(asked.sensor.is_none().then(|| server::nothing(asked.span, now))),
        }
    }

    /// What each server drew in some times (seconds since 1970).
    pub fn energy(&self, servers: &[ServerId], periods: &[(i64, i64)], now: i64) -> io::Result<Vec<ServerEnergy>> {
        let mut all = Vec::new();
        for server in servers.iter().copied() {
            if let Some(history) = self.known(server, now)? {
                let history = history.lock().unwrap_or_else(PoisonError::into_inner);
                let (since_start, periods) = history.energy(periods, now)?;
                all.push(ServerEnergy { server, since_start, periods });
            }
        }
        Ok(all)
    }

    /// A server was removed, and its histories go with it.
    pub fn forget(&self, id: ServerId) -> io::Result<()> {
        let mut live = self.live();
        live.forgotten.insert(id);
        live.servers.remove(&id);
        self.trends_now().remove(&id);
        match fs::remove_dir_all(self.path(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes the histories of servers that nobody knows any more.
    pub fn sweep(&self, known: &HashSet<ServerId>) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let id = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
            if id.is_some_and(|id| !known.contains(&ServerId(id))) {
                fs::remove_dir_all(&path)?;
            }
        }
        Ok(())
    }

    /// Writes everything: the daemon ends.
    pub fn close(&self) {
        for (server, history) in self.live().servers.drain() {
            if let Err(error) = history.lock().unwrap_or_else(PoisonError::into_inner).close() {
                tracing::warn!(%server, %error, "the history of a server's sensors is not written to its end: {error}");
            }
        }
    }
}

/// Keeps what is heard, one reading after the other, for as long as the node runs.
pub async fn run(histories: Arc<SensorHistories>, mut heard: Heard) {
    while let Some((id, status)) = heard.recv().await {
        let histories = histories.clone();
        // Waiting for a disk stops nothing else.
        let _ = tokio::task::spawn_blocking(move || histories.take(id, &status)).await;
    }
}

#[cfg(test)]
#[path = "../sensors_tests.rs"]
mod tests;
