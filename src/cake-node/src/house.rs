//! Where the hypervisor engine meets storage, the database and the board.

use crate::board::Board;
use crate::database::{Database, DatabaseError, FIRST_UID, PoolRow, VmRow};
use crate::disks::gone;
use crate::history::History;
use crate::library::Library;
use crate::networks;
use async_trait::async_trait;
use cake_node_api::{Observed, OperationOutcome, OperationResult};
use cake_storage::{Pool, StorageError, seed};
use cake_types::{
    ByteSize, Failure, FailureCode, Firmware, HaltedBy, HardwareRecord, ImageId, OperationId, PoolId, PoolStatus,
    SecretKey, VmId, VmStatus,
};
use cake_vm::argv::uefi_variables_template;
use cake_vm::cards::Card;
use cake_vm::machine::Outcome;
use cake_vm::{Assignment, Files, Folder, Making, Surroundings};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// All that VMs need of the node.
pub struct House {
    pub database: Database,
    pub board: Board,
    pub library: Library,
    pub key: SecretKey,
    pub history: Arc<History>,
    /// The folder of the VMs' folders.
    pub vms: PathBuf,
    pub engine: PathBuf,
    /// Where a pool without a path is.
    pub default_pool: PathBuf,
    /// One volume at a time is made, grown or removed: whoever asks again does not meet what was asked before.
    pub(crate) volumes: tokio::sync::Mutex<()>,
    pools: Mutex<BTreeMap<PoolId, Pool>>,
    /// Known, and not to be opened yet.
    closed: Mutex<BTreeMap<PoolId, PoolRow>>,
}

pub(crate) fn failure(code: FailureCode, detail: impl std::fmt::Display) -> Failure {
    Failure { code, detail: detail.to_string() }
}

impl House {
    pub fn new(
        database: Database,
        board: Board,
        library: Library,
        key: SecretKey,
        history: Arc<History>,
        state: &Path,
        engine: PathBuf,
    ) -> Self {
        let (vms, default_pool) = (state.join("vms"), state.join("pool"));
        Self {
            database,
            board,
            library,
            key,
            history,
            vms,
            engine,
            default_pool,
            volumes: tokio::sync::Mutex::default(),
            pools: Mutex::default(),
            closed: Mutex::default(),
        }
    }

    /// Opens a pool and says what is so. A directory that is open already is only looked at: disks may be in the making there.
    /// Whether it was not open before. One that can't be opened is tried again by whoever asks for [`House::closed_pools`].
    pub async fn open_pool(&self, row: PoolRow) -> Result<bool, StorageError> {
        let (id, path) = (row.id, self.path_of(&row));
        let marked = row.marked.as_deref().is_some_and(|at| Path::new(at) == path);
        let open: Vec<Pool> = self.all_pools().into_values().collect();
        let at = path.clone();
        let opened = blocking(move || {
            let there = at.canonicalize().ok();
            let known = open.into_iter().find(|pool| Some(pool.path()) == there.as_deref());
            let open = || if marked { Pool::open_marked(&at, id) } else { Pool::open(&at) };
            let pool = known.map_or_else(open, Ok)?;
            let status = pool.status();
            Ok((pool, status))
        });
        match opened.await {
            Ok((pool, status)) => {
                self.board.set_pool(id, status);
                self.closed.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
                Ok(self.pools.lock().unwrap_or_else(PoisonError::into_inner).insert(id, pool).is_none())
            }
            Err(error) => {
                if self.pool(id).is_err() {
                    self.board.set_pool(id, unavailable(&path, &error));
                    self.closed.lock().unwrap_or_else(PoisonError::into_inner).insert(id, row);
                }
                Err(error)
            }
        }
    }

    /// Leaves the pool's mark where it is now, unless the disks that were made there are somewhere else: then this may be what
    /// lies under the pool while its file system is not mounted.
    pub async fn mark_pool(&self, row: &PoolRow) -> Result<(), StorageError> {
        let (id, path) = (row.id, self.path_of(row));
        if row.marked.as_deref().is_some_and(|at| Path::new(at) == path) {
            return Ok(());
        }
        let Ok(pool) = self.pool(id) else { return Ok(()) };
        match self.disks_are_here(id, &pool).await {
            Ok(true) => {}
            Ok(false) => {
                tracing::warn!(pool = %id, "pool {id}: no disk of its VMs is at {}, so it is not marked", path.display());
                return Ok(());
            }
            Err(error) => {
                tracing::error!(pool = %id, error = crate::chain(&error), "pool {id} is not marked: {error}");
                return Ok(());
            }
        }
        blocking(move || pool.mark(id)).await?;
        if let Err(error) = self.database.set_marked(id, path.to_string_lossy().into_owned()).await {
            tracing::error!(pool = %id, error = crate::chain(&error), "pool {id}: its mark is not remembered: {error}");
        }
        Ok(())
    }

    /// Pools that could not be opened.
    pub fn closed_pools(&self) -> Vec<PoolRow> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn path_of(&self, row: &PoolRow) -> PathBuf {
        row.spec.path.as_ref().map_or_else(|| self.default_pool.clone(), PathBuf::from)
    }

    /// Whether at least one disk that was made in the pool is there, or none was ever made.
    async fn disks_are_here(&self, id: PoolId, pool: &Pool) -> Result<bool, DatabaseError> {
        const PAGE: u32 = 64;
        let (mut after, mut none) = (None, true);
        loop {
            let rows = self.database.vms_after(after, PAGE).await?;
            let Some(last) = rows.last() else { return Ok(none) };
            after = Some(last.vm.meta.id);
            for row in rows {
                let made = self.disks_made(&row);
                let disks = row.vm.spec.numbered_disks().filter(|(number, _)| *number < made);
                for (number, disk) in disks.filter(|(_, disk)| disk.pool == id) {
                    if pool.volume(row.vm.disk_file(number, disk)).exists() {
                        return Ok(true);
                    }
                    none = false;
                }
            }
        }
    }

    /// Its disks with numbers below were made at some time. The first version did not write it down, but what has been started was
    /// made.
    pub(crate) fn disks_made(&self, row: &VmRow) -> u32 {
        match row.made {
            0 if Folder::of(&self.vms, row.vm.meta.id).plan().exists() => {
                u32::try_from(row.vm.spec.disks.len()).unwrap_or(u32::MAX)
            }
            made => made,
        }
    }

    /// Users of VMs that own a process, or a file in a pool: this node's own and others', of a checkout beside this one or of
    /// a state that was lost.
    pub async fn users_in_use(&self) -> BTreeSet<u32> {
        let folders = self.all_pools().into_values().map(|pool| pool.path().to_owned());
        let folders: Vec<PathBuf> = folders.chain([PathBuf::from("/proc")]).collect();
        let look = move || {
            let entries = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
            // What has just gone is nobody's.
            let owners = entries.filter_map(|entry| Some(entry.ok()?.metadata().ok()?.uid()));
            owners.filter(|uid| *uid >= FIRST_UID).collect()
        };
        tokio::task::spawn_blocking(look).await.unwrap_or_default()
    }

    /// Where imported images lie, in every pool that is open.
    pub fn image_folders(&self) -> Vec<PathBuf> {
        let folders: BTreeSet<PathBuf> = self.all_pools().into_values().map(|pool| pool.images()).collect();
        folders.into_iter().collect()
    }

    /// Lets images be found when somebody asks for one. Looking at them all is left for later.
    pub async fn note_image_folders(&self) {
        self.library.note(self.image_folders()).await;
    }

    /// Looks at all images again.
    pub async fn refresh_images(&self) {
        self.library.refresh(self.image_folders()).await;
    }

    /// Measures all pools again.
    pub async fn measure_pools(&self) {
        for (id, pool) in self.all_pools() {
            if let Ok(status) = tokio::task::spawn_blocking(move || pool.status()).await {
                self.board.set_pool(id, status);
            }
        }
    }

    pub(crate) fn all_pools(&self) -> BTreeMap<PoolId, Pool> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn pool(&self, id: PoolId) -> Result<Pool, Failure> {
        let pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools.get(&id).cloned().ok_or_else(|| failure(FailureCode::PoolMissing, format_args!("no pool {id} here")))
    }

    fn make_uefi_variables(&self, hardware: &HardwareRecord, folder: &Folder, uid: u32) -> io::Result<()> {
        let path = folder.uefi_variables();
        if path.exists() {
            return Ok(());
        }
        let template = std::fs::read(self.engine.join(uefi_variables_template(hardware)))?;
        write_whole(&path, &template, Some(uid))
    }

    async fn write_seed(&self, assignment: &Arc<Assignment>, folder: &Folder) -> Result<PathBuf, Failure> {
        let cloud_init = assignment.vm.spec.cloud_init.clone();
        let cloud_init = cloud_init.ok_or_else(|| failure(FailureCode::Hardware, "a seed without cloud-init"))?;
        let user_data = cloud_init.user_data.as_ref().map(|sealed| sealed.open(&self.key)).transpose();
        let user_data = user_data.map_err(|error| failure(FailureCode::Seal, error))?.map(zeroize::Zeroizing::new);
        let (path, vm) = (folder.seed(), assignment.id());
        blocking(move || {
            let image = seed::image(vm, &cloud_init, user_data.as_ref().map(|text| text.as_str()))
                .map_err(|source| StorageError::Io { what: "make", path: path.clone(), source })?;
            write_whole(&path, &image, None).map_err(|source| StorageError::Io {
                what: "write",
                path: path.clone(),
                source,
            })?;
            Ok(path)
        })
        .await
        .map_err(|error| error.to_failure())
    }
}

/// What is said of a pool that can't be opened.
fn unavailable(path: &Path, error: &StorageError) -> PoolStatus {
    PoolStatus {
        path: path.display().to_string(),
        file_system: String::new(),
        size: ByteSize(0),
        free: ByteSize(0),
        reflink: false,
        available: false,
        detail: Some(crate::chain(error)),
    }
}

/// Guests' memory is taken page by page: what is not there at the start would be missing in the middle.
fn check_memory(asked: ByteSize) -> Result<(), Failure> {
    let have = cake_host::usage::capacity().map_err(|error| failure(FailureCode::Internal, error))?;
    let free = ByteSize(have.memory_available);
    if asked > free {
        return Err(failure(FailureCode::Memory, format_args!("{asked} are asked and {free} are free")));
    }
    Ok(())
}

/// A file that is whole or not there. Not synced: what it is made from is.
fn write_whole(path: &Path, bytes: &[u8], owner: Option<u32>) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(bytes)?;
    if let Some(owner) = owner {
        std::os::unix::fs::fchown(&file, Some(owner), Some(owner))?;
    }
    std::fs::rename(new, path)
}

/// The folder of a TPM that remembers nothing yet.
fn make_tpm(folder: &Folder, uid: u32) -> io::Result<()> {
    let path = folder.tpm();
    match DirBuilder::new().mode(0o700).create(&path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    std::os::unix::fs::chown(&path, Some(uid), Some(uid))
}

pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StorageError> + Send + 'static,
) -> Result<T, StorageError> {
    let finished = tokio::task::spawn_blocking(work).await;
    finished.unwrap_or_else(|error| {
        Err(StorageError::Io { what: "finish work on", path: PathBuf::new(), source: io::Error::other(error) })
    })
}

fn log_lost(error: &DatabaseError, what: &str, id: VmId) {
    tracing::error!(vm = %id, error = crate::chain(error), "VM {id}: cannot write down {what}: {error}");
}

#[async_trait]
impl Surroundings for House {
    async fn make(&self, assignment: &Arc<Assignment>, making: Making) -> Result<(), Failure> {
        let internal = |error: io::Error| failure(FailureCode::Internal, error);
        let folder = Folder::of(&self.vms, assignment.id());
        folder.create().map_err(internal)?;
        let spec = &assignment.vm.spec;
        self.forget_disks(assignment.id(), spec.removed_disks.clone()).await?;
        self.make_disks(assignment, 0..spec.disks.len(), &making).await?;
        if assignment.vm.spec.firmware == Firmware::Uefi {
            self.make_uefi_variables(&spec.hardware, &folder, assignment.uid).map_err(internal)?;
        }
        if spec.hardware.tpm {
            make_tpm(&folder, assignment.uid).map_err(internal)?;
        }
        Ok(())
    }

    fn has_memory(&self, assignment: &Assignment) -> Result<(), Failure> {
        check_memory(assignment.vm.spec.memory)
    }

    async fn files(&self, assignment: &Arc<Assignment>) -> Result<Files, Failure> {
        let (id, spec) = (assignment.id(), &assignment.vm.spec);
        // What was asked for while it ran, and did not come to pass, does so now.
        self.forget_disks(id, spec.removed_disks.clone()).await?;
        self.make_disks(assignment, 0..spec.disks.len(), &Making::silent()).await?;
        let disks = spec.numbered_disks().map(|(number, disk)| {
            let path = self.pool(disk.pool)?.volume(assignment.vm.disk_file(number, disk));
            if path.exists() { Ok(path) } else { Err(gone(&path)) }
        });
        let seed = match (&spec.hardware.seed, &spec.cloud_init) {
            (Some(_), Some(_)) => Some(self.write_seed(assignment, &Folder::of(&self.vms, id)).await?),
            _ => None,
        };
        let path = async |image: Option<ImageId>| match image {
            Some(image) => Ok(Some(self.image(image).await?)),
            None => Ok(None),
        };
        let (kernel, cd, drivers) = (path(spec.kernel).await?, path(spec.cd).await?, path(spec.drivers).await?);
        Ok(Files { disks: disks.collect::<Result<_, Failure>>()?, seed, cd, drivers, kernel })
    }

    async fn connect(&self, card: &Card) -> Result<Option<OwnedFd>, Failure> {
        networks::connect(card.mac, card.spec.clone()).await
    }

    async fn connect_beside(&self, card: &Card) -> Result<Option<OwnedFd>, Failure> {
        networks::connect_beside(card.mac, card.spec.clone()).await
    }

    async fn image(&self, image: ImageId) -> Result<PathBuf, Failure> {
        Ok(self.library.usable(image).await?.path)
    }

    async fn disk(&self, assignment: &Arc<Assignment>, index: usize) -> Result<PathBuf, Failure> {
        self.make_disks(assignment, [index], &Making::silent()).await?;
        let (vm, disk) = (&assignment.vm, &assignment.vm.spec.disks[index]);
        Ok(self.pool(disk.pool)?.volume(vm.disk_file(vm.spec.disk_number(index), disk)))
    }

    async fn forget_disk(&self, id: VmId, number: u32) -> Result<(), Failure> {
        self.forget_disks(id, vec![number]).await
    }

    async fn remove(&self, id: VmId) -> Result<(), Failure> {
        let lost = |error: DatabaseError| failure(FailureCode::Internal, crate::chain(&error));
        // A disk in a pool that can't be looked into would stay for ever: nobody would know the VM any more. Of one that nobody knows
        // any more everything is gone already, but for what is kept.
        if let Some(row) = self.database.vm(id).await.map_err(lost)? {
            row.vm.spec.disks.iter().try_for_each(|disk| self.pool(disk.pool).map(|_| ()))?;
            let bridged = cake_vm::cards::cards(&row.vm.spec).into_iter().filter(|card| card.bridge().is_some());
            networks::disconnect(bridged.map(|card| card.mac).collect()).await;
            let (pools, kept) = (self.all_pools(), row.vm.spec.detached_disks);
            let removed = blocking(move || pools.values().try_for_each(|pool| pool.remove(id, &kept))).await;
            removed.map_err(|error| error.to_failure())?;
        }
        // Before the VM is forgotten: whoever is killed in between comes here again.
        let history = self.history.clone();
        let forgotten = tokio::task::spawn_blocking(move || history.forget(id)).await;
        forgotten
            .unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(|error| failure(FailureCode::Internal, error))?;
        let buried = self.database.forget_vm(id).await.map_err(lost)?;
        self.board.remove_vm(id);
        if let Some(buried) = buried {
            self.board.tell(Observed::VmRemoved(buried));
        }
        Ok(())
    }

    async fn halted(&self, id: VmId, halted: HaltedBy) -> HaltedBy {
        self.database.set_halted(id, halted).await.unwrap_or_else(|error| {
            log_lost(&error, "who halted it", id);
            halted
        })
    }

    async fn begun(&self, id: VmId, operation: OperationId) {
        if let Err(error) = self.database.begin(operation).await {
            log_lost(&error, "that an operation is begun", id);
        }
    }

    async fn finished(&self, id: VmId, operation: OperationId, outcome: Outcome) {
        let result = match outcome {
            Outcome::Done => OperationResult::Done,
            Outcome::Failed(failure) => OperationResult::Failed(failure),
            Outcome::Superseded => OperationResult::Superseded,
        };
        let outcome = OperationOutcome { operation, vm: id, at: Timestamp::now(), result };
        if let Err(error) = self.database.finish(outcome.clone()).await {
            log_lost(&error, "the outcome of an operation", id);
        }
        self.board.tell(Observed::Operation(outcome));
    }

    fn status(&self, id: VmId, status: VmStatus) {
        self.board.set_vm(id, status);
    }
}
