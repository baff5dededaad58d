//! The installed system's half: finding its state and its pools on the disks, opening and mounting them.
//!
//! ```text
//!  members of `cake-state` ─► array, also with a disk missing ─► TPM, else key file, else locked ─► XFS on the mount point
//! ```

use crate::arrays::{self, Array, ArrayError};
use crate::disks::{DisksError, KEY_FILE, booted_from, read_from_esp, table};
use crate::headers::Header;
use crate::layout::Layout;
use crate::luks::{self, LuksError, TpmPolicy};
use crate::mounts::{self, Kind, MountError, Mounted};
use crate::plan::STATE;
use crate::secret::Secret;
use crate::tool::{ToolError, Tools};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Disks behind controllers appear late; they are looked for so often.
const LOOK_EVERY: Duration = Duration::from_millis(200);

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("there is no installation of cake on the disks of this server")]
    NoInstallation,
    #[error(
        "there are {0} installations of cake on the disks, and this machine was started from none of them: take out the disks of the others"
    )]
    Several(usize),
    #[error("the state is locked: {0}. It opens with the recovery key")]
    Locked(String),
    #[error("that is not the recovery key of this installation")]
    WrongKey,
    #[error(transparent)]
    Array(#[from] ArrayError),
    #[error(transparent)]
    Luks(#[from] LuksError),
    #[error(transparent)]
    Mount(#[from] MountError),
    #[error(transparent)]
    Disks(#[from] DisksError),
    #[error(transparent)]
    Tool(#[from] ToolError),
    #[error("{path} can't be read")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

/// What opened the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    Tpm,
    KeyFile,
    RecoveryKey,
    /// It was open.
    Already,
}

/// A state that is mounted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Opened {
    pub by: By,
    /// Disks that should be there and are not.
    pub missing_disks: u32,
    /// Partitions that were away and are brought up to date.
    pub taken_back: Vec<String>,
    /// Why the TPM did not open it, where it should have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpm: Option<String>,
}

/// How one pool fared.
#[derive(Debug)]
pub struct Pool {
    pub name: String,
    pub opened: Result<PathBuf, OpenError>,
}

/// An array of the state that runs, not opened yet.
struct Running {
    array: Array,
    device: PathBuf,
    taken_back: Vec<String>,
}

/// Finds the state, opens it with what this machine has, and mounts it on `mount`. Disks may take `wait` to appear.
pub fn open_state(tools: &Tools<'_>, mount: &Path, wait: Duration) -> Result<Opened, OpenError> {
    let running = run_state(tools, wait)?;
    if luks::mapped(STATE).is_some() {
        return mounted(running, mount, By::Already, None);
    }
    let mut tpm = None;
    if luks::has_tpm_token(tools, &running.device)? {
        match luks::open_by_tpm(tools, &running.device, STATE) {
            Ok(()) => return mounted(running, mount, By::Tpm, None),
            Err(LuksError::Tool(ToolError::Cancelled)) => return Err(ToolError::Cancelled.into()),
            Err(error) => tpm = Some(error.to_string()),
        }
    }
    for part in boot_partitions(tools, &running.array)? {
        // One that is damaged is as if it had no key: there may be another.
        let Ok(Some(key)) = read_from_esp(&part, KEY_FILE) else { continue };
        if luks::open(tools, &running.device, STATE, &Secret::from_bytes(key))? {
            return mounted(running, mount, By::KeyFile, tpm);
        }
    }
    let why = match tpm {
        Some(error) => format!("this server's TPM does not open it ({error})"),
        None => "no boot partition has its key".into(),
    };
    Err(OpenError::Locked(why))
}

/// The same with the recovery key; then lets this server's TPM open the state from the next start on, where a policy is given.
pub fn unlock(
    tools: &Tools<'_>,
    mount: &Path,
    wait: Duration,
    key: &Secret,
    policy: Option<&TpmPolicy>,
) -> Result<Opened, OpenError> {
    let running = run_state(tools, wait)?;
    if !luks::is_key(tools, &running.device, key)? {
        return Err(OpenError::WrongKey);
    }
    if luks::mapped(STATE).is_none() {
        luks::open(tools, &running.device, STATE, key)?;
    }
    // A TPM that refuses is told of, and no reason not to start.
    let tpm = match policy.map(|policy| luks::enrol_tpm(tools, &running.device, key, policy)) {
        Some(Err(error)) => Some(error.to_string()),
        _ => None,
    };
    mounted(running, mount, By::RecoveryKey, tpm)
}

fn mounted(running: Running, mount: &Path, by: By, tpm: Option<String>) -> Result<Opened, OpenError> {
    if !mounts::is_mounted(mount) {
        Mounted::new(&luks::opened(STATE)?, Kind::Xfs, mount)?.keep();
    }
    let Running { array, device: _, taken_back } = running;
    let missing_disks = array.disks.saturating_sub(u32::try_from(array.members.len()).unwrap_or(u32::MAX));
    Ok(Opened { by, missing_disks, taken_back, tpm })
}

/// The state's array and its device, started.
pub(crate) fn run_array(tools: &Tools<'_>, wait: Duration) -> Result<(Array, PathBuf), OpenError> {
    run_state(tools, wait).map(|Running { array, device, taken_back: _ }| (array, device))
}

/// Finds the state's array and starts it.
fn run_state(tools: &Tools<'_>, wait: Duration) -> Result<Running, OpenError> {
    let until = Instant::now() + wait;
    let mut found = loop {
        let found = arrays::arrays(&arrays::headers()?, |name| name == STATE);
        let all_there = !found.is_empty() && found.iter().all(Array::is_whole);
        if all_there || Instant::now() >= until {
            break found;
        }
        tools.check_cancelled()?;
        std::thread::sleep(LOOK_EVERY);
    };
    if found.len() > 1 {
        let booted = booted_from(Path::new("/sys")).ok().flatten();
        let count = found.len();
        let mut own = Vec::new();
        for array in found {
            if has_part(tools, &array, booted.as_deref())? {
                own.push(array);
            }
        }
        if own.len() != 1 {
            return Err(OpenError::Several(count));
        }
        found = own;
    }
    let array = found.pop().ok_or(OpenError::NoInstallation)?;
    let device = arrays::start(tools, &array)?;
    let taken_back = arrays::take_back(tools, &device, &array)?;
    Ok(Running { array, device, taken_back })
}

fn has_part(tools: &Tools<'_>, array: &Array, uuid: Option<&str>) -> Result<bool, OpenError> {
    let Some(uuid) = uuid else { return Ok(false) };
    for disk in disks_of(&array.members) {
        if parts(tools, &disk)?.iter().any(|part| part.has_uuid(uuid)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The boot partitions beside an array's members.
pub(crate) fn boot_partitions(tools: &Tools<'_>, array: &Array) -> Result<Vec<PathBuf>, OpenError> {
    let r#type = Layout::embedded().esp.r#type.to_string();
    let mut found = Vec::new();
    for disk in disks_of(&array.members) {
        let its = parts(tools, &disk)?.into_iter().filter(|part| part.r#type == r#type);
        found.extend(its.map(|part| Path::new("/dev").join(part.name)));
    }
    Ok(found)
}

pub(crate) fn parts(tools: &Tools<'_>, disk: &str) -> Result<Vec<crate::disks::Part>, OpenError> {
    let said = tools.said("sfdisk", [Path::new("--json"), &Path::new("/dev").join(disk)])?;
    Ok(said.and_then(|said| table(&said)).map_or_else(Vec::new, |(_, parts)| parts))
}

/// The disks that these partitions are on.
pub(crate) fn disks_of(members: &[String]) -> Vec<String> {
    let disk = |member: &String| {
        let folder = Path::new("/sys/class/block").join(member).canonicalize().ok()?;
        folder.parent()?.file_name()?.to_str().map(ToOwned::to_owned)
    };
    let mut disks: Vec<String> = members.iter().filter_map(disk).collect();
    disks.dedup();
    disks
}

/// Opens and mounts, below `pools`, every pool that the state has a key of. One that can't be opened does not keep the others.
pub fn open_pools(tools: &Tools<'_>, state: &Path, pools: &Path) -> Result<Vec<Pool>, OpenError> {
    let keys = pool_keys(&state.join("keys"))?;
    let wanted = |name: &str| keys.iter().any(|(pool, _)| name.strip_prefix("cake-pool-") == Some(pool));
    let mut not_started = BTreeMap::new();
    for array in arrays::arrays(&arrays::headers()?, wanted) {
        let started = arrays::start(tools, &array).and_then(|device| arrays::take_back(tools, &device, &array));
        if let Err(error) = started {
            not_started.insert(array.name, error);
        }
    }
    let headers = arrays::headers()?;
    let each = keys.iter().map(|(name, key)| {
        let opened = open_pool(tools, &headers, name, key, pools);
        // That its array does not start is the nearer reason.
        let reason = opened.is_err().then(|| not_started.remove(&format!("cake-pool-{name}"))).flatten();
        Pool { name: name.clone(), opened: reason.map_or(opened, |error| Err(error.into())) }
    });
    Ok(each.collect())
}

/// Names of pools, and the files with their keys.
pub(crate) fn pool_keys(folder: &Path) -> Result<Vec<(String, PathBuf)>, OpenError> {
    let read = |source| OpenError::Read { path: folder.to_owned(), source };
    let mut keys = Vec::new();
    for entry in fs::read_dir(folder).map_err(read)? {
        let entry = entry.map_err(read)?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let pool = name.strip_prefix("pool-").and_then(|rest| rest.strip_suffix(".key"));
        keys.extend(pool.map(|pool| (pool.to_owned(), entry.path())));
    }
    keys.sort();
    Ok(keys)
}

fn open_pool(
    tools: &Tools<'_>,
    headers: &[(String, Header)],
    name: &str,
    key: &Path,
    pools: &Path,
) -> Result<PathBuf, OpenError> {
    let mapping = format!("cake-pool-{name}");
    let place = pools.join(name);
    if luks::mapped(&mapping).is_none() {
        let bytes = fs::read(key).map_err(|source| OpenError::Read { path: key.to_owned(), source })?;
        let key = Secret::from_bytes(bytes);
        let called = |header: &Header| matches!(header, Header::Luks { label } if *label == mapping);
        let mut devices =
            headers.iter().filter(|(_, header)| called(header)).map(|(device, _)| Path::new("/dev").join(device));
        // Another installation's pool may be called the same; its key is another.
        let opened =
            devices.try_fold(
                false,
                |opened, device| {
                    if opened { Ok(true) } else { luks::open(tools, &device, &mapping, &key) }
                },
            )?;
        if !opened {
            return Err(OpenError::Locked("its disks are missing, or its key is another".into()));
        }
    }
    if !mounts::is_mounted(&place) {
        Mounted::new(&luks::opened(&mapping)?, Kind::Xfs, &place)?.keep();
    }
    Ok(place)
}
