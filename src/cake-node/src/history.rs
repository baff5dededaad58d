//! What the server and its VMs used over time: measured every ten seconds, kept in files, asked for by span.
//!
//! ```text
//!   run: /proc, meters ─► rows ─► History ─► an Archive for the server and each VM that runs ─► files (cake-host)
//!                                    ▲ history(of, span, after), forget(vm)
//! ```

use crate::meters::Meters;
use cake_host::history::{Archive, FLUSH_EVERY, Folder, Layout, PageFile, Read};
use cake_host::usage::{host_counters, host_row, vm_row};
use cake_types::{Column, Counters, HostCounters, NodeId, Span, UsageHistory, UsageOf, VmCounters, VmId};
use cake_vm::Engine;
use jiff::Timestamp;
use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Milliseconds between measurements.
const EVERY: i64 = Span::Hour.step() as i64 * 1000;

/// The histories of this node.
pub struct History {
    node: NodeId,
    folder: Folder,
    live: Mutex<Live>,
    meters: tokio::sync::Mutex<Meters>,
}

#[derive(Default)]
struct Live {
    archives: HashMap<Uuid, Archive<PageFile>>,
    /// Of VMs that were removed while they were measured.
    forgotten: HashSet<Uuid>,
    /// Of whom it was said that nothing can be written.
    failing: HashSet<Uuid>,
}

/// Rows of one moment.
type Rows = Vec<(UsageOf, Vec<f32>)>;

impl History {
    pub fn new(node: NodeId, folder: Folder) -> Self {
        Self { node, folder, live: Mutex::default(), meters: tokio::sync::Mutex::default() }
    }

    /// What has been used since the start.
    pub async fn counters(&self, engine: &Engine) -> io::Result<Counters> {
        let vms = self.meters.lock().await.read(engine).await;
        Ok(Counters { host: host_counters()?, vms })
    }

    /// The history of a span until now, or what is newer than `after` (seconds since 1970).
    pub fn read(&self, of: UsageOf, span: Span, after: Option<i64>, now: Timestamp) -> io::Result<UsageHistory> {
        let (layout, now) = (self.layout(of), now.as_second());
        let step = i64::from(span.step());
        // The last point of the coarser spans is not over yet.
        let last = if span.has_most() { (now - 1).div_euclid(step) + 1 } else { now.div_euclid(step) };
        let oldest = last - i64::from(span.points()) + 1;
        let first = after.map_or(oldest, |after| after.div_euclid(step).saturating_add(1).clamp(oldest, last + 1));
        let read = self.read_points(layout, span, (first, last), now)?;
        let set_aside = self.folder.set_aside_at(layout.subject).and_then(|at| Timestamp::try_from(at).ok());
        Ok(UsageHistory { span, first: first * step, columns: columns(of, span, &read.numbers), set_aside })
    }

    fn read_points(&self, layout: Layout, span: Span, (first, last): (i64, i64), now: i64) -> io::Result<Read> {
        let mut live = self.live();
        if let Some(archive) = live.archives.get(&layout.subject) {
            let read = archive.read(span, first, last)?;
            if read.damaged.is_empty() {
                return Ok(read);
            }
            // Opened again, it is set aside.
            live.archives.remove(&layout.subject).map_or(Ok(()), |mut archive| archive.flush().map(|_| ()))?;
        }
        drop(live);
        match self.folder.find(layout, now)? {
            Some(archive) => archive.read(span, first, last),
            None => {
                let points = usize::try_from(last - first + 1).unwrap_or(0);
                let width = usize::from(layout.columns(span));
                Ok(Read { numbers: vec![f32::NAN; points * width], damaged: Vec::new() })
            }
        }
    }

    /// A VM was removed.
    pub fn forget(&self, vm: VmId) -> io::Result<()> {
        let mut live = self.live();
        live.forgotten.insert(vm.0);
        live.archives.remove(&vm.0);
        self.folder.remove(vm.0)
    }

    /// Removes the histories of VMs that nobody knows any more.
    pub fn sweep(&self, known: &HashSet<VmId>) -> io::Result<()> {
        self.folder.sweep(|subject| subject == self.node.0 || known.contains(&VmId(subject)))
    }

    /// Writes everything: the daemon ends.
    pub fn close(&self) {
        for (subject, mut archive) in self.live().archives.drain() {
            if let Err(error) = archive.close() {
                tracing::warn!(%subject, %error, "a history is not written to its end: {error}");
            }
        }
    }

    fn layout(&self, of: UsageOf) -> Layout {
        let subject = match of {
            UsageOf::Node => self.node.0,
            UsageOf::Vm(vm) => vm.0,
        };
        Layout::of_usage(subject, of.measures().len() as u16)
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in the rows of a moment; who has none any more rests.
    fn take(&self, point: i64, rows: &Rows) {
        let mut live = self.live();
        for (of, row) in rows {
            let layout = self.layout(*of);
            let subject = layout.subject;
            if live.forgotten.contains(&subject) {
                continue;
            }
            match self.take_row(&mut live, layout, point, row) {
                Ok(()) => drop(live.failing.remove(&subject)),
                Err(error) if live.failing.insert(subject) => {
                    tracing::warn!(%subject, %error, "a history can't be written: {error}");
                }
                Err(_) => {}
            }
        }
        let measured: HashSet<Uuid> = rows.iter().map(|(of, _)| self.layout(*of).subject).collect();
        let resting = live.archives.extract_if(|subject, _| !measured.contains(subject));
        for (subject, mut archive) in resting.collect::<Vec<_>>() {
            if let Err(error) = archive.close() {
                tracing::warn!(%subject, %error, "a history is not written to its end: {error}");
            }
        }
    }

    fn take_row(&self, live: &mut Live, layout: Layout, point: i64, row: &[f32]) -> io::Result<()> {
        let archive = match live.archives.entry(layout.subject) {
            std::collections::hash_map::Entry::Occupied(archive) => archive.into_mut(),
            std::collections::hash_map::Entry::Vacant(vacant) => {
                vacant.insert(self.folder.archive(layout, point * EVERY / 1000)?)
            }
        };
        archive.add(point, row)?;
        // Each at its own time, so that the disk is not hit by all of them at once.
        let phase = i64::from(layout.subject.as_bytes()[15]);
        if (point + phase) % i64::from(FLUSH_EVERY) == 0 {
            archive.flush()?;
        }
        Ok(())
    }
}

/// Column by column.
fn columns(of: UsageOf, span: Span, numbers: &[f32]) -> Vec<Column> {
    let measures = of.measures();
    let width = measures.len() * if span.has_most() { 2 } else { 1 };
    let column = |at: usize| numbers.chunks_exact(width).map(|row| Some(row[at]).filter(|n| n.is_finite())).collect();
    let column = |(at, measure): (usize, &cake_types::Measure)| Column {
        measure: *measure,
        mean: column(at),
        most: if span.has_most() { column(at + measures.len()) } else { Vec::new() },
    };
    measures.iter().enumerate().map(column).collect()
}

/// Measures for as long as the node runs.
pub async fn run(history: Arc<History>, engine: Engine) {
    let mut before = Before::default();
    loop {
        let now = Timestamp::now().as_millisecond();
        // At round times, so that points of the clock and measurements are the same.
        let wait = EVERY - now.rem_euclid(EVERY);
        tokio::time::sleep(Duration::from_millis(wait.unsigned_abs())).await;
        let point = (Timestamp::now().as_millisecond() + EVERY / 2).div_euclid(EVERY);
        let counters = match history.counters(&engine).await {
            Ok(counters) => counters,
            Err(error) => {
                tracing::warn!(%error, "nothing could be measured: {error}");
                continue;
            }
        };
        let rows = before.rows(counters, Instant::now());
        let keeper = history.clone();
        // Waiting for a disk stops nothing else.
        let _ = tokio::task::spawn_blocking(move || keeper.take(point, &rows)).await;
    }
}

/// The last reading.
#[derive(Default)]
struct Before {
    at: Option<Instant>,
    host: HostCounters,
    vms: HashMap<VmId, VmCounters>,
}

impl Before {
    fn rows(&mut self, now: Counters, at: Instant) -> Rows {
        let seconds = self.at.map_or(0.0, |before| at.duration_since(before).as_secs_f64());
        let mut rows = Rows::with_capacity(now.vms.len() + 1);
        // Of the first reading only what is no rate is known.
        let before = if self.at.is_some() { &self.host } else { &now.host };
        rows.push((UsageOf::Node, host_row(before, &now.host, seconds)));
        for (vm, counters) in &now.vms {
            let (before, seconds) = self.vms.get(vm).map_or((counters, 0.0), |before| (before, seconds));
            rows.push((UsageOf::Vm(*vm), vm_row(before, counters, seconds)));
        }
        *self = Self { at: Some(at), host: now.host, vms: now.vms.into_iter().collect() };
        rows
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
