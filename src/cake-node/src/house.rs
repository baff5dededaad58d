//! Where the hypervisor engine meets storage, the database and the board.

use crate::board::Board;
use crate::database::{Database, DatabaseError};
use crate::library::Library;
use async_trait::async_trait;
use cake_node_api::{Observed, OperationOutcome, OperationResult};
use cake_storage::{Pool, StorageError, seed, volume};
use cake_types::{
    ByteSize, Failure, FailureCode, Firmware, HaltedBy, ImageFormat, OperationId, PoolId, PoolSpec, ProvisionProgress,
    SecretKey, VmId, VmStatus,
};
use cake_vm::argv::UEFI_VARIABLES_TEMPLATE;
use cake_vm::machine::Outcome;
use cake_vm::{Assignment, Files, Folder, Making, Surroundings};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// All that VMs need of the node.
pub struct House {
    pub database: Database,
    pub board: Board,
    pub library: Library,
    pub key: SecretKey,
    /// The folder of the VMs' folders.
    pub vms: PathBuf,
    pub engine: PathBuf,
    /// Where a pool without a path is.
    pub default_pool: PathBuf,
    pools: Mutex<BTreeMap<PoolId, Pool>>,
}

fn failure(code: FailureCode, detail: impl std::fmt::Display) -> Failure {
    Failure { code, detail: detail.to_string() }
}

impl House {
    pub fn new(
        database: Database,
        board: Board,
        library: Library,
        key: SecretKey,
        state: &Path,
        engine: PathBuf,
    ) -> Self {
        let (vms, default_pool) = (state.join("vms"), state.join("pool"));
        Self { database, board, library, key, vms, engine, default_pool, pools: Mutex::default() }
    }

    /// Opens a pool and says what is so. A directory that is open already is only looked at: disks may be in the making there.
    pub async fn open_pool(&self, id: PoolId, spec: PoolSpec) -> Result<(), StorageError> {
        let path = spec.path.map_or_else(|| self.default_pool.clone(), PathBuf::from);
        let open: Vec<Pool> = self.all_pools().into_values().collect();
        let opened = blocking(move || {
            let there = path.canonicalize().ok();
            let known = open.into_iter().find(|pool| Some(pool.path()) == there.as_deref());
            let pool = known.map_or_else(|| Pool::open(&path), Ok)?;
            let status = pool.status();
            Ok((pool, status))
        });
        let (pool, status) = opened.await?;
        self.pools.lock().unwrap_or_else(PoisonError::into_inner).insert(id, pool);
        self.board.set_pool(id, status);
        Ok(())
    }

    /// Measures all pools again.
    pub async fn measure_pools(&self) {
        for (id, pool) in self.all_pools() {
            if let Ok(status) = tokio::task::spawn_blocking(move || pool.status()).await {
                self.board.set_pool(id, status);
            }
        }
    }

    fn all_pools(&self) -> BTreeMap<PoolId, Pool> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn pool(&self, id: PoolId) -> Result<Pool, Failure> {
        let pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools.get(&id).cloned().ok_or_else(|| failure(FailureCode::PoolMissing, format_args!("no pool {id} here")))
    }

    /// Whether all disks exist, by their names alone.
    pub fn is_made(&self, vm: &cake_types::Vm) -> bool {
        vm.spec
            .disks
            .iter()
            .enumerate()
            .all(|(index, disk)| self.pool(disk.pool).is_ok_and(|pool| pool.volume(vm.meta.id, index).exists()))
    }

    async fn make_disk(&self, assignment: &Arc<Assignment>, index: usize, making: &Making) -> Result<(), Failure> {
        let disk = &assignment.vm.spec.disks[index];
        let pool = self.pool(disk.pool)?;
        let (vm, size, owner) = (assignment.id(), disk.size, assignment.uid);
        if pool.volume(vm, index).metadata().is_ok_and(|metadata| metadata.len() == size.bytes()) {
            return Ok(());
        }
        let image = match disk.image {
            Some(image) => {
                let image = self.library.usable(image).await?;
                if image.spec.format != ImageFormat::Raw {
                    let name = &image.name;
                    return Err(failure(
                        FailureCode::Disk,
                        format_args!("disks are made from raw images, {name} is not one"),
                    ));
                }
                Some(image.path)
            }
            None => None,
        };
        let making = making.clone();
        blocking(move || {
            let watch = |done, total| {
                making.progress(ProvisionProgress { done: ByteSize(done), total: ByteSize(total) });
                !making.is_cancelled()
            };
            let request = volume::VolumeRequest { vm, index, size, image: image.as_deref(), owner };
            volume::make(&pool, &request, &watch).map(|_| ())
        })
        .await
        .map_err(|error| error.to_failure())
    }

    fn make_uefi_variables(&self, folder: &Folder, uid: u32) -> io::Result<()> {
        let path = folder.uefi_variables();
        if path.exists() {
            return Ok(());
        }
        let template = std::fs::read(self.engine.join(UEFI_VARIABLES_TEMPLATE))?;
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

async fn blocking<T: Send + 'static>(
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
        for index in 0..assignment.vm.spec.disks.len() {
            self.make_disk(assignment, index, &making).await?;
        }
        if assignment.vm.spec.firmware == Firmware::Uefi {
            self.make_uefi_variables(&folder, assignment.uid).map_err(internal)?;
        }
        Ok(())
    }

    async fn files(&self, assignment: &Arc<Assignment>) -> Result<Files, Failure> {
        let (id, spec) = (assignment.id(), &assignment.vm.spec);
        check_memory(spec.memory)?;
        let disks = spec.disks.iter().enumerate().map(|(index, disk)| Ok(self.pool(disk.pool)?.volume(id, index)));
        let seed = match (&spec.hardware.seed, &spec.cloud_init) {
            (Some(_), Some(_)) => Some(self.write_seed(assignment, &Folder::of(&self.vms, id)).await?),
            _ => None,
        };
        let kernel = match spec.kernel {
            Some(kernel) => Some(self.library.usable(kernel).await?.path),
            None => None,
        };
        Ok(Files { disks: disks.collect::<Result<_, Failure>>()?, seed, kernel })
    }

    async fn remove(&self, id: VmId) -> Result<(), Failure> {
        let pools = self.all_pools();
        blocking(move || pools.values().try_for_each(|pool| pool.remove(id)))
            .await
            .map_err(|error| error.to_failure())?;
        let buried =
            self.database.forget_vm(id).await.map_err(|error| failure(FailureCode::Internal, crate::chain(&error)))?;
        self.board.remove_vm(id);
        if let Some(buried) = buried {
            self.board.tell(Observed::VmRemoved(buried));
        }
        Ok(())
    }

    async fn halted(&self, id: VmId, halted: HaltedBy) {
        if let Err(error) = self.database.set_halted(id, halted).await {
            log_lost(&error, "who halted it", id);
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
