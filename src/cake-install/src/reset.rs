//! Back to a server that nobody has set up: every key of its disks is destroyed, and what they opened is made anew, empty.
//!
//! ```text
//!  begin (running)     mark on every boot partition ─► key slots of pools, then of the state ─► (restart)
//!  renew (next start)  a mark? ─► key slots again ─► pools anew ─► state anew, with the mark's id in it ─► mark away
//! ```
//!
//! From the first mark on it always ends: killed anywhere, the next start goes on. A mark on a disk that was away meanwhile is known by
//! its id, which the new state has together with all before it, and means nothing.

use crate::arrays::{self, Array, ArrayError};
use crate::disks::{KEY_FILE, OWN_MOUNTS, read_from_esp};
use crate::esps;
use crate::luks::{self, LuksError, TpmPolicy, has_tpm};
use crate::mounts::{Kind, MountError, Mounted};
use crate::open::{self, OpenError};
use crate::plan::STATE;
use crate::secret::Secret;
use crate::tool::{ToolError, Tools};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;
use uuid::Uuid;

/// On each boot partition while a reset is under way.
const MARK: &str = "cake/reset.json";
/// In the state: ids of the resets that are over, a line each.
const MADE_BY: &str = "setup/reset";
/// What begins the name of a pool's volume.
const POOL: &str = "cake-pool-";

#[derive(Debug, thiserror::Error)]
pub enum ResetError {
    #[error("{path} can't be read or written")]
    Io {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("no boot partition takes the mark: nothing was done")]
    NoMark,
    #[error("the state is not open: nothing was done")]
    NotOpen,
    #[error("{0} is neither an array nor a partition")]
    Nowhere(String),
    #[error("there is no randomness for keys")]
    Random(#[source] std::io::Error),
    #[error("{0}, which was just made, can't be opened")]
    Closed(String),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Array(#[from] ArrayError),
    #[error(transparent)]
    Luks(#[from] LuksError),
    #[error(transparent)]
    Mount(#[from] MountError),
    #[error(transparent)]
    Tool(#[from] ToolError),
}

/// What is to be made anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    /// A later one is greater.
    id: Uuid,
    /// Those of before.
    over: Vec<Uuid>,
    /// Pools first, the state last.
    volumes: Vec<Volume>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Volume {
    /// `cake-state`, `cake-pool-NAME`.
    name: String,
    at: Place,
}

/// Where a volume lies: what it is called stays the same while its header is written anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Place {
    /// By the array's id, in hexadecimal digits.
    Array(String),
    /// By the partition's GUID.
    Partition(String),
}

/// Begins it: when this returns, the keys are gone, and only a restart is left to do. `state`: where the state is mounted.
///
/// # Errors
/// What keeps it from beginning; then nothing was done. Once a boot partition has the mark, keys that can't be destroyed now are told on
/// stderr and destroyed at the next start.
pub fn begin(tools: &Tools<'_>, state: &Path) -> Result<(), ResetError> {
    luks::mapped(STATE).ok_or(ResetError::NotOpen)?;
    let mark = Mark { id: Uuid::now_v7(), over: over(state), volumes: open_volumes(tools, state)? };
    let array = array_of_state(&mark)?.ok_or(ResetError::NotOpen)?;
    let parts = open::boot_partitions(tools, &array)?;
    let _one = esps::only_one().map_err(io(Path::new(OWN_MOUNTS)))?;
    let text = serde_json::to_vec(&mark).unwrap_or_default();
    let marked = parts.iter().filter(|part| told(part, write_to(part, MARK, &text))).count();
    if marked == 0 {
        return Err(ResetError::NoMark);
    }
    for volume in &mark.volumes {
        told(Path::new(&volume.name), erase(tools, volume));
    }
    Ok(())
}

/// Goes on with a reset that was begun, if one was: `true` when the state was made anew. The state's volume stays open then.
pub fn renew(tools: &Tools<'_>, wait: Duration, policy: Option<&TpmPolicy>) -> Result<bool, ResetError> {
    let (array, _) = match open::run_array(tools, wait) {
        Ok(running) => running,
        Err(OpenError::NoInstallation) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let parts = open::boot_partitions(tools, &array)?;
    let read = |part: &PathBuf| serde_json::from_slice::<Mark>(&read_from_esp(part, MARK).ok()??).ok();
    let own = |mark: &Mark| mark.volumes.iter().any(|volume| volume.name == STATE && volume.at == Place::of(&array));
    let Some(mark) = parts.iter().filter_map(read).filter(own).max_by_key(|mark| mark.id) else { return Ok(false) };
    let made = is_made(tools, &mark)?;
    if !made {
        make(tools, &mark, &parts, policy)?;
    }
    let _one = esps::only_one().map_err(io(Path::new(OWN_MOUNTS)))?;
    for part in &parts {
        told(part, remove_from(part, MARK));
    }
    Ok(!made)
}

impl Place {
    fn of(array: &Array) -> Self {
        Self::Array(array.uuid.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Of a device that the kernel calls so.
    fn of_device(tools: &Tools<'_>, device: &str) -> Result<Self, ResetError> {
        let all = arrays::arrays(&arrays::headers()?, |_| true);
        let holds = |array: &&Array| arrays::holding(&array.members).as_deref() == Some(device);
        if let Some(array) = all.iter().find(holds) {
            return Ok(Self::of(array));
        }
        let nowhere = || ResetError::Nowhere(device.into());
        let disk = open::disks_of(&[device.to_owned()]).pop().ok_or_else(nowhere)?;
        let part = open::parts(tools, &disk)?.into_iter().find(|part| part.name == device);
        part.and_then(|part| part.uuid).map(Self::Partition).ok_or_else(nowhere)
    }

    /// The device, started if it is an array; none where its disks are away.
    fn device(&self, tools: &Tools<'_>) -> Result<Option<PathBuf>, ResetError> {
        match self {
            Self::Array(_) => {
                let all = arrays::arrays(&arrays::headers()?, |_| true);
                let Some(array) = all.into_iter().find(|array| Self::of(array) == *self) else { return Ok(None) };
                let device = arrays::start(tools, &array)?;
                arrays::take_back(tools, &device, &array)?;
                Ok(Some(device))
            }
            Self::Partition(uuid) => {
                for disk in disks()? {
                    let part = open::parts(tools, &disk)?.into_iter().find(|part| part.has_uuid(uuid));
                    if let Some(part) = part {
                        return Ok(Some(Path::new("/dev").join(part.name)));
                    }
                }
                Ok(None)
            }
        }
    }
}

/// Disks that have partitions, as the kernel calls them.
fn disks() -> Result<Vec<String>, ResetError> {
    let folder = Path::new("/sys/class/block");
    let entries = fs::read_dir(folder).map_err(io(folder))?.flatten();
    let parts = entries.filter(|entry| entry.path().join("partition").exists());
    let mut parts: Vec<String> = parts.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    parts.sort();
    Ok(open::disks_of(&parts))
}

/// Volumes of this installation that are open: pools that the state has keys of, and the state.
fn open_volumes(tools: &Tools<'_>, state: &Path) -> Result<Vec<Volume>, ResetError> {
    let mut volumes = Vec::new();
    let pools = open::pool_keys(&state.join("keys"))?.into_iter().map(|(pool, _)| format!("{POOL}{pool}"));
    for name in pools.chain([STATE.to_owned()]) {
        let Some(mapped) = luks::mapped(&name) else {
            eprintln!("{name} is not here: what is on its disks stays closed, since its key goes with the state");
            continue;
        };
        let slaves = Path::new("/sys/class/block").join(mapped.file_name().unwrap_or_default()).join("slaves");
        let below = fs::read_dir(&slaves).map_err(io(&slaves))?.flatten().next();
        let below = below.and_then(|entry| entry.file_name().into_string().ok()).ok_or(ResetError::NotOpen)?;
        volumes.push(Volume { name, at: Place::of_device(tools, &below)? });
    }
    Ok(volumes)
}

fn array_of_state(mark: &Mark) -> Result<Option<Array>, ResetError> {
    let state = mark.volumes.iter().find(|volume| volume.name == STATE);
    let all = arrays::arrays(&arrays::headers()?, |name| name == STATE);
    Ok(all.into_iter().find(|array| state.is_some_and(|state| state.at == Place::of(array))))
}

/// Destroys every key slot; the kernel goes on with what is open.
fn erase(tools: &Tools<'_>, volume: &Volume) -> Result<(), ResetError> {
    let Some(device) = volume.at.device(tools)? else { return Ok(()) };
    // Where no header is left there is no key either: it was being written anew when the power went.
    if tools.said("cryptsetup", [Path::new("isLuks"), &device])?.is_some() {
        tools.run("cryptsetup", [Path::new("erase"), Path::new("--batch-mode"), &device])?;
    }
    Ok(())
}

/// Resets that the state at `root` knows to be over.
fn over(root: &Path) -> Vec<Uuid> {
    let text = fs::read_to_string(root.join(MADE_BY)).unwrap_or_default();
    text.lines().filter_map(|line| line.trim().parse().ok()).collect()
}

/// Whether the state is one that this reset made, or a later one.
fn is_made(tools: &Tools<'_>, mark: &Mark) -> Result<bool, ResetError> {
    let place = own_mount("state");
    match open::open_state(tools, &place, Duration::ZERO) {
        Ok(_) => {}
        Err(OpenError::Locked(_)) => return Ok(false),
        // Key slots that are half erased, or a file system that is half made.
        Err(error) => {
            eprintln!("a state that is to be made anew does not open: {error}");
            close(tools, STATE)?;
            return Ok(false);
        }
    }
    let made = over(&place).contains(&mark.id);
    crate::mounts::unmount_below(&place)?;
    if !made {
        close(tools, STATE)?;
    }
    Ok(made)
}

fn close(tools: &Tools<'_>, name: &str) -> Result<(), ResetError> {
    if luks::mapped(name).is_some() {
        luks::close(tools, name)?;
    }
    Ok(())
}

fn make(tools: &Tools<'_>, mark: &Mark, parts: &[PathBuf], policy: Option<&TpmPolicy>) -> Result<(), ResetError> {
    let recovery = Secret::recovery_key().map_err(ResetError::Random)?;
    mark.volumes.iter().try_for_each(|volume| erase(tools, volume))?;
    let mut keys = Vec::new();
    for Volume { name, at } in mark.volumes.iter().filter(|volume| volume.name != STATE) {
        let Some(device) = at.device(tools)? else {
            eprintln!("{name} is not here: it is not made anew");
            continue;
        };
        let pool = name.strip_prefix(POOL).unwrap_or(name);
        made_anew(tools, name, pool, &device, &recovery)?;
        let key = Secret::key_file().map_err(ResetError::Random)?;
        luks::add_key(tools, &device, &recovery, &key)?;
        close(tools, name)?;
        keys.push((pool.to_owned(), key));
    }
    let state = mark.volumes.iter().find(|volume| volume.name == STATE);
    let device = state.map(|state| state.at.device(tools)).transpose()?.flatten().ok_or(ResetError::NotOpen)?;
    made_anew(tools, STATE, "state", &device, &recovery)?;
    match policy.filter(|_| has_tpm()) {
        Some(policy) => luks::enrol_tpm(tools, &device, &recovery, policy)?,
        None => {
            let key = Secret::key_file().map_err(ResetError::Random)?;
            luks::add_key(tools, &device, &recovery, &key)?;
            let written = parts.iter().filter(|part| told(part, write_to(part, KEY_FILE, key.bytes()))).count();
            if written == 0 {
                return Err(ResetError::NoMark);
            }
        }
    }
    fill(mark, &keys, &recovery)
}

/// A volume that the recovery key opens, with an empty file system; it is left open.
fn made_anew(tools: &Tools<'_>, name: &str, label: &str, device: &Path, recovery: &Secret) -> Result<(), ResetError> {
    close(tools, name)?;
    luks::format(tools, device, name, recovery)?;
    if !luks::open(tools, device, name, recovery)? {
        return Err(ResetError::Closed(name.into()));
    }
    let mapped = luks::opened(name)?;
    let fixed = ["-f", "-q", "-m", "reflink=1", "-L", label].map(Path::new);
    tools.run("mkfs.xfs", fixed.into_iter().chain([mapped.as_path()]))?;
    Ok(())
}

/// What the next start finds in the state; that it is whole says the last file.
fn fill(mark: &Mark, keys: &[(String, Secret)], recovery: &Secret) -> Result<(), ResetError> {
    let mounted = Mounted::new(&luks::opened(STATE)?, Kind::Xfs, &own_mount("state"))?;
    let root = mounted.place().to_owned();
    for name in ["keys", "setup"] {
        let path = root.join(name);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(io(&path))?;
    }
    for (pool, key) in keys {
        write_file(&root.join(format!("keys/pool-{pool}.key")), key.bytes())?;
    }
    write_file(&root.join("setup/recovery-key"), recovery.bytes())?;
    for name in ["keys", "setup", "."] {
        let path = root.join(name);
        File::open(&path).and_then(|folder| folder.sync_all()).map_err(io(&path))?;
    }
    let all: String = mark.over.iter().chain([&mark.id]).map(|id| format!("{id}\n")).collect();
    write_file(&root.join(MADE_BY), all.as_bytes())?;
    let setup = root.join("setup");
    File::open(&setup).and_then(|folder| folder.sync_all()).map_err(io(&setup))?;
    Ok(mounted.unmount()?)
}

fn write_to(part: &Path, name: &str, content: &[u8]) -> Result<(), ResetError> {
    let mounted = Mounted::new(part, Kind::Fat, &own_mount("esp"))?;
    let (path, fresh) = (mounted.place().join(name), mounted.place().join("cake/new"));
    write_file(&fresh, content)?;
    fs::rename(&fresh, &path).map_err(io(&path))?;
    Ok(mounted.unmount()?)
}

fn remove_from(part: &Path, name: &str) -> Result<(), ResetError> {
    let mounted = Mounted::new(part, Kind::Fat, &own_mount("esp"))?;
    let path = mounted.place().join(name);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(&path)(error)),
        _ => {}
    }
    Ok(mounted.unmount()?)
}

/// Whether it was done; why not is told, and the rest goes on.
fn told(what: &Path, done: Result<(), ResetError>) -> bool {
    if let Err(error) = &done {
        eprintln!("{}: {error}", what.display());
    }
    done.is_ok()
}

fn own_mount(name: &str) -> PathBuf {
    Path::new(OWN_MOUNTS).join("reset").join(name)
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> ResetError {
    move |source| ResetError::Io { path: path.to_owned(), source }
}

/// A file that only root reads, on the disk when this returns.
fn write_file(path: &Path, content: &[u8]) -> Result<(), ResetError> {
    let open = File::options().write(true).create(true).truncate(true).mode(0o600).open(path);
    let mut file = open.map_err(io(path))?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(io(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_says_what_is_made_anew_and_where() {
        let array = Array { uuid: [0xab; 16], name: STATE.into(), level: 1, disks: 1, members: Vec::new() };
        let state = Volume { name: STATE.into(), at: Place::of(&array) };
        let pool = Volume { name: "cake-pool-local".into(), at: Place::Partition("ca4e-1".into()) };
        let mark = Mark { id: Uuid::nil(), over: vec![Uuid::max()], volumes: vec![pool, state] };
        let text = serde_json::to_string(&mark).unwrap();
        assert!(text.contains(r#""at":{"array":"abababab"#) && text.contains(r#"{"partition":"ca4e-1"}"#), "{text}");
        assert_eq!(serde_json::from_str::<Mark>(&text).unwrap(), mark);
    }
}
