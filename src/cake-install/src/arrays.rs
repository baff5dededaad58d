//! Arrays of md: made, found, started with what there is, stopped.

use crate::headers::{self, Header, Member};
use crate::tool::{ToolError, Tools};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Kernels and mdadm count arrays down from here.
const HIGHEST: u32 = 127;
/// How long the kernel may take to show what was made.
const APPEARS: Duration = Duration::from_secs(20);

#[derive(Debug, thiserror::Error)]
pub enum ArrayError {
    #[error("{path} can't be read")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("all {HIGHEST} arrays that there can be are in use")]
    NoNumber,
    #[error("{device} has not appeared")]
    Missing { device: PathBuf },
    #[error(transparent)]
    Tool(#[from] ToolError),
}

/// An array whose members, or some of them, are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Array {
    pub uuid: [u8; 16],
    pub name: String,
    pub level: i32,
    /// How many members it has when it is whole.
    pub disks: u32,
    /// Kernel's names of those that are there.
    pub members: Vec<String>,
}

impl Array {
    pub fn is_whole(&self) -> bool {
        self.members.len() >= self.disks as usize
    }
}

/// Every block device that the kernel knows, by name, with what it begins with.
pub fn headers() -> Result<Vec<(String, Header)>, ArrayError> {
    let folder = Path::new("/sys/class/block");
    let read = |source| ArrayError::Read { path: folder.into(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(read)? {
        let Ok(name) = entry.map_err(read)?.file_name().into_string() else { continue };
        if ["loop", "ram", "sr", "fd", "zram"].iter().any(|kind| name.starts_with(kind)) {
            continue;
        }
        // One that can't be read is not here, as far as we are concerned.
        if let Ok(Some(header)) = headers::read(&Path::new("/dev").join(&name)) {
            found.push((name, header));
        }
    }
    found.sort_by(|a, b| (a.0.len(), &a.0).cmp(&(b.0.len(), &b.0)));
    Ok(found)
}

/// Arrays whose name is wanted, from what devices begin with.
pub fn arrays(headers: &[(String, Header)], wanted: impl Fn(&str) -> bool) -> Vec<Array> {
    let mut found: BTreeMap<[u8; 16], (u64, Array)> = BTreeMap::new();
    for (device, header) in headers {
        let Header::Member(member) = header else { continue };
        let Member { uuid, name, level, disks, events } = member;
        if !wanted(name) {
            continue;
        }
        let (newest, array) = found.entry(*uuid).or_insert_with(|| {
            (0, Array { uuid: *uuid, name: name.clone(), level: *level, disks: *disks, members: Vec::new() })
        });
        array.members.push(device.clone());
        // How many disks there should be says the member that knows most.
        if *events >= *newest {
            (*newest, array.disks) = (*events, *disks);
        }
    }
    found.into_values().map(|(_, array)| array).collect()
}

/// The array that one of these partitions is in now, running or not.
pub fn holding(members: &[String]) -> Option<String> {
    members.iter().find_map(|member| {
        let folder = Path::new("/sys/class/block").join(member).join("holders");
        let mut holders = fs::read_dir(folder).ok()?.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        holders.find(|name| name.starts_with("md"))
    })
}

fn runs(array: &str) -> bool {
    let state = fs::read_to_string(Path::new("/sys/block").join(array).join("md/array_state")).unwrap_or_default();
    !matches!(state.trim(), "" | "clear" | "inactive")
}

/// The device of an array that is not there yet.
fn free_device() -> Result<PathBuf, ArrayError> {
    let free = (0..=HIGHEST).rev().find(|number| !runs_or_stands(*number)).ok_or(ArrayError::NoNumber)?;
    Ok(format!("/dev/md{free}").into())
}

fn runs_or_stands(number: u32) -> bool {
    // A node without an array may stay behind in /dev; what has members or a state is somebody's.
    let folder = PathBuf::from(format!("/sys/block/md{number}"));
    let state = fs::read_to_string(folder.join("md/array_state")).unwrap_or_default();
    folder.exists() && state.trim() != "clear"
}

/// Makes an array of these partitions; its device. `level` is md's: 0, 1, 10.
pub fn create(tools: &Tools<'_>, name: &str, level: u8, members: &[String]) -> Result<PathBuf, ArrayError> {
    let device = free_device()?;
    let mut arguments: Vec<String> = vec![
        "--create".into(),
        device.to_string_lossy().into_owned(),
        "--run".into(),
        "--metadata=1.2".into(),
        // Belongs to whichever machine the disks are in.
        "--homehost=any".into(),
        format!("--name={name}"),
        format!("--level={level}"),
        format!("--raid-devices={}", members.len()),
    ];
    if level > 0 {
        // A disk that was away for a moment is brought up to date in seconds.
        arguments.push("--bitmap=internal".into());
    }
    if members.len() == 1 {
        // A mirror of one, which a second disk can join.
        arguments.push("--force".into());
    }
    arguments.extend(members.iter().map(|member| format!("/dev/{member}")));
    tools.run("mdadm", arguments)?;
    appeared(tools, &device)?;
    Ok(device)
}

/// Starts an array with the members that there are; its device. One that runs already is left as it is.
pub fn start(tools: &Tools<'_>, array: &Array) -> Result<PathBuf, ArrayError> {
    if let Some(holder) = holding(&array.members) {
        let device = Path::new("/dev").join(&holder);
        if runs(&holder) {
            return Ok(device);
        }
        // udev collects members and waits for the missing ones.
        tools.run("mdadm", [Path::new("--stop"), &device])?;
    }
    let device = free_device()?;
    let members = array.members.iter().map(|member| Path::new("/dev").join(member));
    let head = [PathBuf::from("--assemble"), device.clone(), "--run".into()];
    tools.run("mdadm", head.into_iter().chain(members))?;
    appeared(tools, &device)?;
    Ok(device)
}

/// Brings back members that were away: only what the array's own bitmap can bring up to date.
pub fn take_back(tools: &Tools<'_>, device: &Path, array: &Array) -> Result<Vec<String>, ArrayError> {
    let mut back = Vec::new();
    for member in &array.members {
        if holding(std::slice::from_ref(member)).is_some() {
            continue;
        }
        let path = Path::new("/dev").join(member);
        if tools.said("mdadm", [device, Path::new("--re-add"), &path])?.is_some() {
            back.push(member.clone());
        }
    }
    Ok(back)
}

/// Waits for a device that a program has just made.
pub fn appeared(tools: &Tools<'_>, device: &Path) -> Result<(), ArrayError> {
    let until = Instant::now() + APPEARS;
    while !device.exists() {
        tools.check_cancelled()?;
        if Instant::now() > until {
            return Err(ArrayError::Missing { device: device.to_owned() });
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_put_together_by_their_array() {
        let member = |uuid: u8, name: &str, disks, events| {
            Header::Member(Member { uuid: [uuid; 16], name: name.into(), level: 1, disks, events })
        };
        let headers = [
            ("vda2".to_owned(), member(1, "cake-state", 1, 5)),
            ("vdb2".to_owned(), member(1, "cake-state", 2, 9)),
            ("vdc2".to_owned(), member(2, "cake-state", 2, 1)),
            ("vdd".to_owned(), member(3, "home", 2, 1)),
            ("vde".to_owned(), Header::Luks { label: "cake-state".into() }),
        ];
        let found = arrays(&headers, |name| name == "cake-state");
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].members.as_slice(), found[0].disks), (&["vda2".to_owned(), "vdb2".to_owned()][..], 2));
        assert!(found[0].is_whole() && !found[1].is_whole());
    }
}
