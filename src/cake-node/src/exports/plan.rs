//! What an export reads, what it writes about it, and where.

use crate::converter::{failure, file_failure};
use crate::house::House;
use cake_storage::images::{FileMark, mark};
use cake_storage::package::{self, Machine, Nic, PackedDisk};
use cake_storage::{Pool, package as packages};
use cake_types::{
    ByteSize, DiskBus, Export, ExportFormat, ExportId, Failure, FailureCode, HostName, NicSpec, Vm, VmId, VmState,
};
use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

/// The files of one export.
#[derive(Clone, Debug)]
pub struct Place {
    pub folder: PathBuf,
    pub id: ExportId,
}

impl Place {
    fn file(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("{}.{ending}", self.id))
    }

    /// The file that is offered.
    pub fn published(&self) -> PathBuf {
        self.file("tar")
    }

    /// The same while it is written.
    pub fn half(&self) -> PathBuf {
        self.file("new")
    }

    /// A disk that was converted.
    pub fn disk(&self, number: u32) -> PathBuf {
        self.file(&format!("{number}.disk"))
    }

    /// Makes the folder, removes what was left by a work that was interrupted, and refuses what would not fit.
    pub fn prepare(&self, pool: &Pool, asked: u64) -> Result<(), Failure> {
        let folder = DirBuilder::new().recursive(true).mode(0o700).create(&self.folder);
        folder.map_err(file_failure("make a directory"))?;
        self.withdraw().map_err(file_failure("remove what was left"))?;
        let free = pool.free().map_err(file_failure("measure the pool"))?;
        if asked > free.bytes() {
            let asked = ByteSize(asked);
            return Err(failure(FailureCode::NoSpace, format_args!("{asked} are needed and {free} are free")));
        }
        Ok(())
    }

    /// From when this returns the file is offered, also after a power cut. It must be on the disk.
    pub fn publish(&self) -> io::Result<()> {
        std::fs::rename(self.half(), self.published())?;
        File::open(&self.folder)?.sync_all()
    }

    /// Removes all of it. A folder that was never made has nothing.
    pub fn withdraw(&self) -> io::Result<()> {
        let entries = match std::fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        let own = format!("{}.", self.id);
        for entry in entries {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(&own)) {
                match std::fs::remove_file(entry.path()) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
        }
        File::open(&self.folder)?.sync_all()
    }
}

/// A disk that is read.
pub struct Source {
    pub number: u32,
    pub path: PathBuf,
    /// What the guest sees, in bytes.
    pub size: u64,
    /// Its name in the package.
    pub file: String,
    mark: FileMark,
}

/// Everything that is known before the work begins.
pub struct Plan {
    vm: Vm,
    /// How the names of all files in the package begin.
    pub base: String,
    pub sources: Vec<Source>,
}

fn changed(detail: impl std::fmt::Display) -> Failure {
    failure(FailureCode::VmChanged, detail)
}

/// It has no process, and its disks are made.
fn rests(house: &House, id: VmId) -> Result<(), Failure> {
    match house.board.vm(id).map(|status| status.state) {
        Some(VmState::Stopped | VmState::Failed) => Ok(()),
        Some(state) => Err(changed(format_args!("the VM is {}", state.as_str()))),
        None => Err(changed("the VM is not on this server")),
    }
}

impl Plan {
    pub async fn make(house: &House, export: &Export) -> Result<Self, Failure> {
        let id = export.spec.vm;
        rests(house, id)?;
        let row = house.database.vm(id).await.map_err(|error| failure(FailureCode::Internal, crate::chain(&error)))?;
        let row = row.filter(|row| !row.removing).ok_or_else(|| changed("the VM is not on this server"))?;
        let base = HostName::from_name(&row.vm.meta.name).to_string();
        let source = |(number, disk): (u32, &cake_types::DiskSpec)| {
            let path = house.pool(disk.pool)?.volume(row.vm.disk_file(number, disk));
            let mark = mark(&path).map_err(|error| {
                failure(FailureCode::Disk, format_args!("{} can't be read: {error}", path.display()))
            })?;
            let file = packages::disk_file(&base, number, export.spec.format);
            Ok(Source { number, path, size: mark.size, file, mark })
        };
        let sources = row.vm.spec.numbered_disks().map(source).collect::<Result<Vec<_>, Failure>>()?;
        if sources.is_empty() {
            return Err(failure(FailureCode::Disk, "the VM has no disk"));
        }
        Ok(Self { vm: row.vm, base, sources })
    }

    /// The most room that the work takes, in bytes.
    pub fn room(&self) -> u64 {
        packages::room(&self.sources.iter().map(|source| source.mark.stored).collect::<Vec<_>>())
    }

    /// Fails if a guest ran, or something else wrote to a disk, since the plan was made.
    pub fn same(&self, house: &House) -> Result<(), Failure> {
        rests(house, self.vm.meta.id)?;
        for source in &self.sources {
            let now = mark(&source.path).map_err(file_failure("look at the disk again"))?;
            let key = |mark: &FileMark| (mark.size, mark.modified_ns, mark.inode);
            if key(&now) != key(&source.mark) {
                return Err(changed(format_args!("{} was changed meanwhile", source.path.display())));
            }
        }
        Ok(())
    }

    /// The text that begins the package.
    pub fn describe(&self, disks: &[package::Disk], format: ExportFormat) -> Result<String, Failure> {
        let sizes = self.sources.iter().map(|source| ByteSize(source.size));
        let disks = disks.iter().zip(sizes).map(|(disk, capacity)| PackedDisk {
            file: disk.name.clone(),
            length: disk.length,
            capacity,
        });
        let machine = machine(&self.vm, disks.collect());
        machine.describe(format).map_err(|error| failure(FailureCode::Internal, error))
    }
}

/// What others are told of a VM. Of cloud-init nothing: its user-data may hold passwords, and the guest has had it.
fn machine(vm: &Vm, disks: Vec<PackedDisk>) -> Machine {
    let (spec, hardware) = (&vm.spec, &vm.spec.hardware);
    let nics = spec.nics().into_iter().zip(&hardware.nics).map(|(nic, device)| {
        let (network, forwards) = match nic {
            NicSpec::Nat { forwards } => ("nat".to_owned(), forwards.iter().map(ToString::to_string).collect()),
            NicSpec::Bridged { bridge } => (format!("bridge:{bridge}"), Vec::new()),
        };
        Nic { network, mac: device.mac.to_string(), forwards }
    });
    Machine {
        name: vm.meta.name.to_string(),
        cpus: spec.cpus,
        memory: spec.memory,
        firmware: spec.firmware,
        secure_boot: hardware.secure_boot,
        tpm: hardware.tpm,
        windows: hardware.windows,
        everyday: hardware.disks.first().is_some_and(|disk| disk.bus == DiskBus::Sata),
        restart: spec.restart,
        tags: spec.tags.iter().map(ToString::to_string).collect(),
        nics: nics.collect(),
        disks,
    }
}
