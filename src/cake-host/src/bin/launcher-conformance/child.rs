//! What the suite launches: it reports what it finds around itself, then does as it is told.

use std::{
    collections::BTreeMap,
    env,
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    os::{fd::AsRawFd, unix::net::UnixStream},
};

use cake_host::launch::take_descriptors;
use serde::{Deserialize, Serialize};

use crate::Failure;

/// What a program sees after its launch.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) pid: u32,
    pub(crate) session: i32,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: BTreeMap<String, String>,
    /// Names and numbers of the descriptors that were passed.
    pub(crate) descriptors: Vec<(String, i32)>,
    /// The numbers of all open ones.
    pub(crate) open: Vec<i32>,
    pub(crate) input: String,
    pub(crate) folder: String,
    /// `SigBlk`, `SigIgn` and `Umask` of /proc/self/status.
    pub(crate) blocked: String,
    pub(crate) ignored: String,
    pub(crate) umask: String,
}

/// `stay`: lives until it is killed. `report`: writes a report to the descriptor `control`, and whatever it then reads
/// there, by lines: `say TEXT`, `use NAME`, `exit CODE`; the end of the stream ends it too.
pub(crate) fn run(behaviour: &str) -> Result<(), Failure> {
    if behaviour == "stay" {
        loop {
            nix::unistd::pause();
        }
    }
    let open = open_descriptors()?;
    let mut named: BTreeMap<String, File> = BTreeMap::new();
    let mut order = Vec::new();
    for descriptor in take_descriptors()? {
        order.push((descriptor.name.clone(), descriptor.descriptor.as_raw_fd()));
        named.insert(descriptor.name, descriptor.descriptor.into());
    }
    let control = named.remove("control").ok_or("no descriptor is called control")?;
    let mut control = UnixStream::from(std::os::fd::OwnedFd::from(control));
    let report = serde_json::to_string(&report(open, order)?)?;
    writeln!(control, "{report}")?;
    for line in BufReader::new(control.try_clone()?).lines() {
        let line = line?;
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("say", text) => println!("{text}"),
            ("use", name) => named.get_mut(name).ok_or("no such descriptor")?.write_all(b"used")?,
            ("exit", code) => std::process::exit(code.parse()?),
            _ => return Err("unknown order".into()),
        }
        writeln!(control, "done")?;
    }
    Ok(())
}

fn open_descriptors() -> Result<Vec<i32>, Failure> {
    let mut open = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        let entry = entry?;
        let is_this_list = fs::read_link(entry.path()).is_ok_and(|target| target.ends_with("fd"));
        if !is_this_list {
            open.push(entry.file_name().to_string_lossy().parse()?);
        }
    }
    open.sort_unstable();
    Ok(open)
}

fn report(open: Vec<i32>, descriptors: Vec<(String, i32)>) -> Result<Report, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let field = |name: &str| {
        let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.map(|value| value.trim().to_owned()).unwrap_or_default()
    };
    Ok(Report {
        pid: std::process::id(),
        session: nix::unistd::getsid(None)?.as_raw(),
        arguments: env::args().skip(1).collect(),
        environment: env::vars().collect(),
        descriptors,
        open,
        input: fs::read_link("/proc/self/fd/0")?.to_string_lossy().into_owned(),
        folder: env::current_dir()?.to_string_lossy().into_owned(),
        blocked: field("SigBlk"),
        ignored: field("SigIgn"),
        umask: field("Umask"),
    })
}
