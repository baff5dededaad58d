//! VMs that become files.
//!
//! ```text
//!   apply ──► waiting ──► converting ──► packing ──► done: POOL/exports/ID.tar
//!               one at      a confined      │  ID.N.disk → ID.new, synced, renamed
//!               a time      worker each     ▼
//!                                        failed: nothing of it is kept
//! ```
//!
//! The stage is written down before its work begins, and all of the work may be done again from its start: a node that is killed
//! begins anew and removes what it had begun. Only what was renamed is offered.
//!
//! The VM must be off. That it stayed so is not believed but seen: its disks are the same, to the nanosecond of their last change,
//! after the last byte was read.

mod plan;

use crate::board::Board;
use crate::converter::{self, Converter, Files, failure, file_failure, run_blocking};
use crate::database::ExportRow;
use crate::hold::Hold;
use crate::house::House;
use cake_node_api::{ExportRecord, NodeError};
use cake_storage::package::{self, Writer};
use cake_storage::volume::own_file;
use cake_types::{ByteSize, Export, ExportId, ExportStage, ExportStatus, Failure, FailureCode, Stamp};
use jiff::{SignedDuration, Timestamp};
use plan::{Place, Plan, Source};
use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

/// Between two looks for a pool that is not there yet.
const WAIT_FOR_POOL: Duration = Duration::from_secs(2);

/// How long after its days a node waits for its leader to remove an export.
const GRACE: SignedDuration = SignedDuration::from_hours(24);

pub struct Exports {
    house: Arc<House>,
    /// This very program.
    program: PathBuf,
    /// Compressing takes all the processors that it gets: one at a time, so that guests keep theirs.
    turn: Semaphore,
    jobs: Mutex<BTreeMap<ExportId, Job>>,
}

struct Job {
    task: AbortHandle,
    hold: Arc<Hold>,
}

impl Exports {
    pub fn new(house: Arc<House>, program: PathBuf) -> Arc<Self> {
        Arc::new(Self { house, program, turn: Semaphore::new(1), jobs: Mutex::default() })
    }

    fn jobs(&self) -> MutexGuard<'_, BTreeMap<ExportId, Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on with everything that is written down.
    pub async fn resume(self: &Arc<Self>) -> Result<(), NodeError> {
        for row in self.house.database.exports().await? {
            self.begin(row);
        }
        Ok(())
    }

    pub async fn apply(self: &Arc<Self>, stamp: Stamp, export: Export) -> Result<(), NodeError> {
        if let Some(row) = self.house.database.apply_export(stamp, export).await? {
            self.begin(row);
        }
        Ok(())
    }

    /// Ends the work on it and removes its file. Whoever reads that now reads it to its end.
    pub async fn remove(&self, id: ExportId, stamp: Stamp) -> Result<(), NodeError> {
        self.withdraw(id).await?;
        self.house.database.entomb_export(id, stamp).await?;
        self.gone(id).await;
        Ok(())
    }

    /// Ends the work on it and removes its files.
    async fn withdraw(&self, id: ExportId) -> Result<(), NodeError> {
        let row = self.house.database.export(id).await?;
        let job = self.jobs().remove(&id);
        if let Some(job) = &job {
            job.hold.give_up();
            job.task.abort();
        }
        let pool = row.and_then(|row| self.house.pool(row.export.spec.pool).ok());
        let remove = move || pool.map_or(Ok(()), |pool| Place { folder: pool.exports(), id }.withdraw());
        Hold::clear(job.map(|job| job.hold), remove).await.map_err(internal)
    }

    async fn gone(&self, id: ExportId) {
        self.house.board.remove_export(id);
        self.house.measure_pools().await;
    }

    /// Removes what a leader should have removed long ago: one that was restored from a backup does not know it.
    pub async fn sweep(&self, now: Timestamp) -> Result<(), NodeError> {
        for row in self.house.database.exports().await? {
            if row.export.expires_at().checked_add(GRACE).is_ok_and(|last| last < now) {
                // No leader has asked for it: one that comes in the middle is no reason to stop.
                let id = row.export.meta.id;
                self.withdraw(id).await?;
                self.house.database.forget_export(id).await?;
                self.gone(id).await;
            }
        }
        Ok(())
    }

    /// The file of one that is done.
    pub async fn open(&self, id: ExportId) -> Result<OwnedFd, NodeError> {
        let row = self.house.database.export(id).await?.filter(|row| row.stage == ExportStage::Done);
        let row = row.ok_or(NodeError::Unknown)?;
        let pool = self.house.pool(row.export.spec.pool);
        let pool = pool.map_err(|failure| NodeError::Invalid { detail: failure.detail })?;
        let file = File::open(Place { folder: pool.exports(), id }.published());
        file.map(OwnedFd::from).map_err(internal)
    }

    fn begin(self: &Arc<Self>, row: ExportRow) {
        let id = row.export.meta.id;
        self.tell(&row, 0, 0);
        if row.stage.is_over() {
            return;
        }
        let mut jobs = self.jobs();
        if jobs.contains_key(&id) {
            // A newer stamp changes nothing of what is made.
            return;
        }
        let hold = Arc::new(Hold::default());
        let task = tokio::spawn(self.clone().run(row, hold.clone())).abort_handle();
        jobs.insert(id, Job { task, hold });
    }

    fn tell(&self, row: &ExportRow, done: u64, total: u64) {
        tell(&self.house.board, row, done, total);
    }

    async fn run(self: Arc<Self>, mut row: ExportRow, hold: Arc<Hold>) {
        let id = row.export.meta.id;
        let place = loop {
            match self.house.pool(row.export.spec.pool) {
                Ok(pool) => break Place { folder: pool.exports(), id },
                Err(_) => tokio::time::sleep(WAIT_FOR_POOL).await,
            }
        };
        let (stage, why) = match self.work(&mut row, &place, &hold).await {
            Ok(size) => {
                row.size = size;
                (ExportStage::Done, None)
            }
            Err(failure) => {
                tracing::warn!(export = %id, code = failure.code.as_str(), "an export came to nothing: {}", failure.detail);
                let left = place.clone();
                let swept = run_blocking(move || left.withdraw().map_err(file_failure("remove what is left"))).await;
                if let Err(failure) = swept {
                    tracing::error!(export = %id, "what an export left is not removed: {}", failure.detail);
                }
                (ExportStage::Failed, Some(failure))
            }
        };
        self.enter(&mut row, stage, why).await;
        self.jobs().remove(&id);
        self.house.measure_pools().await;
    }

    /// Writes down where it is, and tells.
    async fn enter(&self, row: &mut ExportRow, stage: ExportStage, why: Option<Failure>) {
        (row.stage, row.failure) = (stage, why);
        let id = row.export.meta.id;
        if let Err(error) = self.house.database.set_export_stage(id, stage, row.size, row.failure.clone()).await {
            tracing::error!(export = %id, error = crate::chain(&error), "how far an export is can't be written down");
        }
        self.tell(row, 0, 0);
    }

    /// Makes the file and gives its length.
    async fn work(&self, row: &mut ExportRow, place: &Place, hold: &Arc<Hold>) -> Result<ByteSize, Failure> {
        // Whoever was killed a moment after it was published finds it there.
        if let Ok(file) = place.published().metadata() {
            return Ok(ByteSize(file.len()));
        }
        let closed = |error| failure(FailureCode::Internal, error);
        let _turn = self.turn.acquire().await.map_err(closed)?;
        let plan = Plan::make(&self.house, &row.export).await?;
        let fresh = place.clone();
        let asked = plan.room();
        let pool = self.house.pool(row.export.spec.pool)?;
        hold.run(move |_| fresh.prepare(&pool, asked)).await?;
        self.enter(row, ExportStage::Converting, None).await;
        let mut disks = Vec::new();
        let (mut before, all) = (0, plan.sources.iter().map(|source| source.size).sum());
        for source in &plan.sources {
            disks.push(self.convert(row, place, source, (before, all), hold).await?);
            before += source.size;
        }
        self.enter(row, ExportStage::Packing, None).await;
        self.pack(row, place, plan, disks, hold).await
    }

    /// Runs the confined worker on one disk. `before` of `all` bytes are done already.
    async fn convert(
        &self,
        row: &ExportRow,
        place: &Place,
        source: &Source,
        (before, all): (u64, u64),
        hold: &Arc<Hold>,
    ) -> Result<package::Disk, Failure> {
        let format = row.export.spec.format;
        let (path, target) = (source.path.clone(), place.disk(source.number));
        let made = target.clone();
        let (file, kept) = hold.run(move |_| hand_over(&path, &made)).await?;
        let shared = kept.try_clone().map_err(file_failure("hand the file over"))?;
        let files = Files { source: file, place: None, target: shared, pool: self.house.pool(row.export.spec.pool)? };
        let worker = Converter { program: &self.program, engine: &self.house.engine };
        let told = |done| self.tell(row, before + converter::part(source.size, done), all);
        let kind = ["export-disk", package::disk_format(format)];
        worker.run(kind, files, FailureCode::Disk, told).await?;
        let length = run_blocking(move || {
            let taken = fchown(&kept, Some(0), Some(0)).and_then(|()| kept.metadata());
            taken.map(|file| file.len()).map_err(file_failure("keep the disk"))
        })
        .await?;
        Ok(package::Disk { name: source.file.clone(), path: target, length })
    }

    /// Puts everything into one file and publishes it.
    async fn pack(
        &self,
        row: &ExportRow,
        place: &Place,
        plan: Plan,
        disks: Vec<package::Disk>,
        hold: &Arc<Hold>,
    ) -> Result<ByteSize, Failure> {
        let total = disks.iter().map(|disk| disk.length).sum();
        let (place, row, house) = (place.clone(), row.clone(), self.house.clone());
        hold.run(move |hold| {
            let mut done = 0;
            let mut watch = |more| {
                done += more;
                tell(&house.board, &row, done, total);
                !hold.is_unwanted()
            };
            let description = plan.describe(&disks, row.export.spec.format)?;
            let file =
                own_file().create(true).truncate(true).open(place.half()).map_err(file_failure("make the file"))?;
            let modified = row.export.meta.created_at.as_second().try_into().unwrap_or(0);
            let writer = Writer::new(&file, modified, &mut watch);
            let length = writer.write(&plan.base, row.export.spec.format, &description, &disks);
            let length = length.map_err(file_failure("write the file"))?;
            plan.same(&house)?;
            if hold.is_unwanted() {
                return Err(failure(FailureCode::Internal, "it is not wanted any more"));
            }
            place.publish().map_err(file_failure("publish the file"))?;
            Ok(ByteSize(length))
        })
        .await
    }
}

fn tell(board: &Board, row: &ExportRow, done: u64, total: u64) {
    let ExportRow { export, stamp, stage, size, failure } = row;
    let (done, total) = (ByteSize(done), ByteSize(total));
    let status = ExportStatus { observed: *stamp, stage: *stage, done, total, size: *size, failure: failure.clone() };
    board.set_export(ExportRecord { id: export.meta.id, status });
}

/// The disk, to be read, and the file to be written, which is its user's for as long as that takes.
fn hand_over(source: &PathBuf, target: &PathBuf) -> Result<(File, File), Failure> {
    let source = File::open(source).map_err(file_failure("open the disk"))?;
    let owner = source.metadata().map_err(file_failure("look at the disk"))?.uid();
    let made = own_file().create(true).truncate(true).open(target).map_err(file_failure("make the file"))?;
    fchown(&made, Some(owner), Some(owner)).map_err(file_failure("hand the file over"))?;
    Ok((source, made))
}

fn internal(error: impl std::fmt::Display) -> NodeError {
    NodeError::Internal { detail: error.to_string() }
}
