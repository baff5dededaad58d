//! Files that become images.
//!
//! ```text
//!   apply ──► receiving ── all chunks here ──► checking ──► converting ──► done: POOL/images/ID.toml makes it an image
//!                POOL/images/ID.img              │  confined workers  │
//!                                                └────────┬───────────┘
//!                                                         ▼
//!                                                      failed: nothing of it is kept
//! ```
//!
//! What is received is sent by caked, or brought from a stick by the node itself. The stage is written down before its work begins, and each stage's work may be done again from its start: a node that is
//! killed goes on where it was. A raw disk and a CD are kept as they came; qcow2, VMDK and VHDX become raw disks, because that is
//! what disks are made from. Of a VM in one file each disk becomes one ([`package`]).

mod package;
mod stick;
mod work;

use crate::converter::{self, Converter, Files, failure, file_failure, run_blocking};
use crate::database::ImportRow;
use crate::hold::Hold;
use crate::house::House;
use crate::inspector::{AskError, WorkerInspector};
use crate::sticks::Sticks;
use cake_node_api::staged;
use cake_node_api::{ImportRecord, NodeError};
use cake_storage::images::{self, Image};
use cake_storage::inspect::Found;
use cake_storage::worker::Refused;
use cake_types::{
    ByteSize, Failure, FailureCode, Firmware, GuestOs, ImageFormat, ImageId, ImageSpec, Import, ImportSpec,
    ImportStage, ImportStatus, Stamp, is_sha256, limits,
};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::fchown;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use stick::Chosen;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use work::{Disk, Work};

/// Between two looks at what was received, where nobody says that there is something to see.
const LOOK: Duration = Duration::from_secs(1);
/// Between two looks for a pool that is not there yet.
const WAIT_FOR_POOL: Duration = Duration::from_secs(2);

pub struct Imports {
    house: Arc<House>,
    inspector: Arc<WorkerInspector>,
    sticks: Arc<Sticks>,
    jobs: Mutex<BTreeMap<ImageId, Job>>,
}

struct Job {
    look: Arc<Notify>,
    task: AbortHandle,
    hold: Arc<Hold>,
}

impl Job {
    fn end(&self) {
        self.hold.give_up();
        self.task.abort();
    }
}

fn unreadable(error: AskError) -> Failure {
    failure(FailureCode::Internal, format_args!("it could not be looked into: {}", crate::chain(&*error)))
}

impl Imports {
    pub fn new(house: Arc<House>, inspector: Arc<WorkerInspector>, sticks: Arc<Sticks>) -> Arc<Self> {
        Arc::new(Self { house, inspector, sticks, jobs: Mutex::default() })
    }

    fn jobs(&self) -> MutexGuard<'_, BTreeMap<ImageId, Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on with everything that is written down.
    pub async fn resume(self: &Arc<Self>) -> Result<(), NodeError> {
        for row in self.house.database.imports().await? {
            self.begin(row);
        }
        Ok(())
    }

    pub async fn apply(self: &Arc<Self>, stamp: Stamp, import: Import) -> Result<(), NodeError> {
        admit(&import.spec)?;
        let size = import.spec.size;
        if self.house.database.import(import.meta.id).await?.is_none() {
            let free = self.house.pool(import.spec.pool).map_err(|failure| invalid(failure.detail))?.free();
            if size > free.map_err(|error| invalid(error.to_string()))? {
                return Err(NodeError::NoSpace);
            }
        }
        if let Some(row) = self.house.database.apply_import(stamp, import).await? {
            self.begin(row);
        }
        Ok(())
    }

    /// Ends the work on it and lets go of what is not an image.
    pub async fn remove(&self, id: ImageId, stamp: Stamp) -> Result<(), NodeError> {
        let row = self.house.database.import(id).await?;
        let job = self.jobs().remove(&id);
        if let Some(job) = &job {
            job.end();
        }
        if let Some(row) = row.filter(|row| row.stage != ImportStage::Done)
            && let Ok(pool) = self.house.pool(row.import.spec.pool)
        {
            let hold = job.map(|job| job.hold);
            tolerate_missing(Hold::clear(hold, move || images::withdraw(&pool.images(), id)).await)?;
        }
        self.house.database.entomb_import(id, stamp).await?;
        self.house.board.remove_import(id);
        Ok(())
    }

    pub async fn remove_image(&self, id: ImageId, stamp: Stamp) -> Result<(), NodeError> {
        if self.house.library.is_built_in(id).await {
            return Err(invalid("this image came with cake".into()));
        }
        for folder in self.house.image_folders() {
            tolerate_missing(Hold::clear(None, move || images::withdraw(&folder, id)).await)?;
        }
        self.house.database.entomb_import(id, stamp).await?;
        self.house.refresh_images().await;
        Ok(())
    }

    pub fn look(&self, id: ImageId) {
        if let Some(job) = self.jobs().get(&id) {
            job.look.notify_one();
        }
    }

    /// The file that is received.
    pub async fn open(&self, id: ImageId) -> Result<OwnedFd, NodeError> {
        let row = self.house.database.import(id).await?.ok_or(NodeError::Unknown)?;
        if row.stage != ImportStage::Receiving {
            return Err(NodeError::Unknown);
        }
        let pool = self.house.pool(row.import.spec.pool).map_err(|failure| invalid(failure.detail))?;
        let work = Work::new(row, pool.images(), Arc::default());
        let opened = tokio::task::spawn_blocking(move || work.staged().map(|(file, _)| file));
        let opened = opened.await.map_err(|error| NodeError::Internal { detail: error.to_string() })?;
        opened.map(OwnedFd::from).map_err(|failure| NodeError::Internal { detail: failure.detail })
    }

    fn begin(self: &Arc<Self>, row: ImportRow) {
        let id = row.import.meta.id;
        self.tell(&row, ByteSize(0), ByteSize(0));
        if row.stage.is_over() {
            return;
        }
        let mut jobs = self.jobs();
        if let Some(old) = jobs.remove(&id) {
            old.end();
        }
        let (look, hold) = (Arc::new(Notify::new()), Arc::new(Hold::default()));
        let task = tokio::spawn(self.clone().run(row, look.clone(), hold.clone())).abort_handle();
        jobs.insert(id, Job { look, task, hold });
    }

    fn tell(&self, row: &ImportRow, done: ByteSize, total: ByteSize) {
        let ImportRow { import, stamp, stage, failure } = row;
        let status = ImportStatus { observed: *stamp, stage: *stage, done, total, failure: failure.clone() };
        self.house.board.set_import(ImportRecord { id: import.meta.id, status });
    }

    async fn run(self: Arc<Self>, mut row: ImportRow, look: Arc<Notify>, hold: Arc<Hold>) {
        let id = row.import.meta.id;
        let (stage, why) = match self.work(&mut row, &look, &hold).await {
            Ok(()) => (ImportStage::Done, None),
            Err(failure) => {
                tracing::warn!(import = %id, code = failure.code.as_str(), "an import came to nothing: {}", failure.detail);
                (ImportStage::Failed, Some(failure))
            }
        };
        if stage == ImportStage::Failed
            && let Ok(pool) = self.house.pool(row.import.spec.pool)
        {
            let _ = Hold::clear(Some(hold), move || images::withdraw(&pool.images(), id)).await;
        }
        self.enter(&mut row, stage, why).await;
    }

    /// Writes down where it is, and tells.
    async fn enter(&self, row: &mut ImportRow, stage: ImportStage, why: Option<Failure>) {
        (row.stage, row.failure) = (stage, why);
        let id = row.import.meta.id;
        if let Err(error) = self.house.database.set_import_stage(id, stage, row.failure.clone()).await {
            tracing::error!(import = %id, error = crate::chain(&error), "how far an import is can't be written down");
        }
        self.tell(row, ByteSize(0), ByteSize(0));
    }

    async fn work(&self, row: &mut ImportRow, look: &Notify, hold: &Arc<Hold>) -> Result<(), Failure> {
        let pool = loop {
            match self.house.pool(row.import.spec.pool) {
                Ok(pool) => break pool,
                Err(_) => tokio::time::sleep(WAIT_FOR_POOL).await,
            }
        };
        let work = Work::new(row.clone(), pool.images(), hold.clone());
        if row.stage == ImportStage::Receiving {
            self.receive(row, &work, look).await?;
        }
        // Whoever was killed a moment after it had become an image finds it there.
        if !images::is_published(&work.folder, work.id) {
            self.enter(row, ImportStage::Checking, None).await;
            let image = self.make(row, &work).await?;
            let (folder, published) = (work.folder.clone(), image.clone());
            hold.run(move |_| images::publish(&folder, &published).map_err(file_failure("publish the image"))).await?;
            self.inspector.vouch(&image).await;
        }
        run_blocking(move || work.tidy().map_err(file_failure("remove the original"))).await?;
        self.house.refresh_images().await;
        Ok(())
    }

    /// Until all of it is here.
    async fn receive(&self, row: &ImportRow, work: &Work, look: &Notify) -> Result<(), Failure> {
        let total = row.import.spec.size;
        let again = work.clone();
        let staged = work.hold.run(move |_| again.staged().map(|(_, staged)| Arc::new(staged))).await?;
        if let Some(chosen) = Chosen::of(&row.import.spec.source) {
            self.tell(row, ByteSize(0), total);
            self.bring(row, work, &staged, chosen).await?;
        }
        loop {
            let looked = staged.clone();
            let here = run_blocking(move || {
                let received = looked.received().map_err(file_failure("look at what was received"))?;
                let here = looked.bytes(&received);
                if received.iter().all(|here| *here) {
                    looked.finish().map_err(file_failure("finish the file"))?;
                }
                Ok(here)
            })
            .await?;
            self.tell(row, ByteSize(here), total);
            if ByteSize(here) == total {
                return Ok(());
            }
            let _ = tokio::time::timeout(LOOK, look.notified()).await;
        }
    }

    /// The image that the file is, or becomes.
    async fn make(&self, row: &mut ImportRow, work: &Work) -> Result<Image, Failure> {
        let path = work.received();
        let answer = self.inspector.glance(&path).await.map_err(unreadable)?;
        let found = answer.found.map_err(|Refused { code, detail }| failure(code, detail))?;
        let foreign = match found {
            Found::Package => return self.unpack(row, work).await,
            Found::Raw { .. } | Found::Iso { .. } => None,
            Found::Qcow2 { virtual_size, .. } => Some(("qcow2", virtual_size)),
            Found::Vmdk { virtual_size } => Some(("vmdk", virtual_size)),
            Found::Vhdx { virtual_size } => Some(("vhdx", virtual_size)),
            Found::Kernel { .. } => return Err(failure(FailureCode::ImageUnknown, "kernels are not imported")),
        };
        let wanted = row.import.spec.sha256.clone();
        let checksum = self.checksum(&path, wanted.as_deref());
        match foreign {
            None => describe(work, found, path.clone(), checksum.await?),
            // Reading all of it twice, at the same time.
            Some((format, virtual_size)) => {
                self.enter(row, ImportStage::Converting, None).await;
                let disk = Disk { format, place: None, virtual_size, target: work.converted() };
                let told = |done| self.tell(row, ByteSize(done), ByteSize(virtual_size));
                let (found, sha256) = tokio::try_join!(self.convert(row, work, &disk, told), checksum)?;
                describe(work, found, disk.target, sha256)
            }
        }
    }

    /// The checksum of the whole file, if it is the one that its maker published.
    async fn checksum(&self, path: &Path, wanted: Option<&str>) -> Result<String, Failure> {
        let answer = self.inspector.ask(path).await.map_err(unreadable)?;
        // Whoever reads all of it may find what its headers do not show.
        answer.found.map_err(|Refused { code, detail }| failure(code, detail))?;
        let is = answer.sha256;
        match wanted {
            Some(wanted) if !wanted.eq_ignore_ascii_case(&is) => {
                Err(failure(FailureCode::ChecksumDiffers, format_args!("its checksum is {is}, not {wanted}")))
            }
            _ => Ok(is),
        }
    }

    /// Runs the confined worker and gives what came out. `told` hears how many bytes of the disk are done.
    async fn convert(&self, row: &ImportRow, work: &Work, disk: &Disk, told: impl Fn(u64)) -> Result<Found, Failure> {
        let Disk { format, place, virtual_size, target } = disk.clone();
        let (again, made) = (work.clone(), target.clone());
        let (source, file) = work.hold.run(move |_| again.hand_over(&made, virtual_size)).await?;
        let kept = file.try_clone().map_err(file_failure("hand the file over"))?;
        let files = Files { source, place, target: kept, pool: self.house.pool(row.import.spec.pool)? };
        let worker = Converter { program: &self.inspector.program, engine: &self.house.engine };
        let told = |done| told(converter::part(virtual_size, done));
        worker.run(["convert-image", format], files, FailureCode::ImageBroken, told).await?;
        run_blocking(move || {
            fchown(&file, Some(0), Some(0)).and_then(|()| file.sync_all()).map_err(file_failure("keep the disk"))
        })
        .await?;
        let answer = self.inspector.glance(&target).await.map_err(unreadable)?;
        answer.found.map_err(|Refused { code, detail }| failure(code, detail))
    }
}

/// Withdrawing from a directory that was never made is no failure.
fn tolerate_missing(done: io::Result<()>) -> Result<(), NodeError> {
    match done {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(NodeError::Internal { detail: error.to_string() }),
        _ => Ok(()),
    }
}

fn invalid(detail: String) -> NodeError {
    NodeError::Invalid { detail }
}

/// Refuses what can't be taken in.
fn admit(spec: &ImportSpec) -> Result<(), NodeError> {
    if spec.size.bytes() == 0 || spec.size.bytes() > staged::LARGEST {
        return Err(invalid(format!("a file of {} can't be an image", spec.size)));
    }
    if spec.sha256.as_deref().is_some_and(|sum| !is_sha256(sum)) {
        return Err(invalid("a checksum has 64 hexadecimal digits".into()));
    }
    Ok(())
}

/// What people and the planner are told of it.
fn describe(work: &Work, found: Found, path: PathBuf, sha256: String) -> Result<Image, Failure> {
    let Import { meta, spec: ImportSpec { os, .. } } = &work.import;
    let bios_first = |uefi: bool| match uefi {
        true => vec![Firmware::Uefi, Firmware::Bios],
        false => vec![Firmware::Bios, Firmware::Uefi],
    };
    let (format, virtual_size, firmware) = match found {
        Found::Raw { virtual_size, boot_record: _, gpt } => (ImageFormat::Raw, virtual_size, bios_first(gpt)),
        // A CD for both is quicker by BIOS; Windows wants UEFI.
        Found::Iso { size, bios, uefi } => {
            (ImageFormat::Iso, size, bios_first(uefi && (!bios || *os == GuestOs::Windows)))
        }
        _ => return Err(failure(FailureCode::Internal, "this is no disk")),
    };
    let title = BTreeMap::from([("en".to_owned(), meta.name.to_string())]);
    let spec = ImageSpec {
        title,
        format,
        os: *os,
        firmware,
        min_memory: limits::MEMORY_MIN,
        virtual_size: ByteSize(virtual_size),
        sha256,
        built_in: false,
        more_disks: Vec::new(),
        machine: None,
    };
    let converted = path == work.converted();
    Ok(Image { id: work.id, name: meta.name.clone(), spec, path, more: Vec::new(), converted })
}
