//! What a QEMU is as a process, and what is left of a worker.

use crate::support::{Leader, NodeProcess};
use anyhow::{Context, Result};
use cake_types::{NicSpec, VmState};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A field of /proc/PID/status, its words.
pub fn status(pid: u32, field: &str) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).context(field.to_owned())?;
    Ok(line.split_whitespace().map(str::to_owned).collect())
}

pub fn assert_powerless(pid: u32) -> Result<()> {
    assert_eq!(status(pid, "NoNewPrivs")?, ["1"]);
    assert_eq!(status(pid, "Seccomp")?, ["2"]);
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(status(pid, set)?, ["0000000000000000"], "{set}");
    }
    assert!(status(pid, "Groups")?.is_empty());
    Ok(())
}

/// The sockets that a process holds, by inode.
fn sockets(pid: u32) -> Result<BTreeSet<String>> {
    let mut inodes = BTreeSet::new();
    for entry in std::fs::read_dir(format!("/proc/{pid}/fd"))? {
        let target = std::fs::read_link(entry?.path())?.to_string_lossy().into_owned();
        inodes.extend(target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')).map(str::to_owned));
    }
    Ok(inodes)
}

/// Inodes of TCP sockets that listen, where this process is.
fn listening(pid: u32) -> Result<BTreeSet<String>> {
    const LISTEN: &str = "0A";
    let tables =
        ["tcp", "tcp6"].map(|table| std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default());
    let fields = tables.iter().flat_map(|table| table.lines().skip(1)).map(|line| line.split_whitespace().collect());
    Ok(fields.filter(|fields: &Vec<&str>| fields[3] == LISTEN).map(|fields| fields[9].to_owned()).collect())
}

#[tokio::test]
async fn a_qemu_has_its_own_user_root_and_no_rights() -> Result<()> {
    let node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let mut uids = BTreeSet::new();
    for nics in [Vec::new(), vec![NicSpec::nat()]] {
        let behind_nat = !nics.is_empty();
        let vm = leader.with_nics(leader.pvh(), nics);
        leader.apply(&vm).await?;
        let pid = leader.state(&vm, VmState::Running).await?.pid.context("a pid")?;
        assert_powerless(pid)?;
        let uid: BTreeSet<u32> = status(pid, "Uid")?.iter().map(|uid| uid.parse()).collect::<Result<_, _>>()?;
        assert_eq!(uid.len(), 1);
        assert!(uid.iter().all(|uid| *uid >= 1_900_000_000));
        uids.extend(uid);

        let root = PathBuf::from(format!("/proc/{pid}/root"));
        let packages = Path::new("usr/share/cake/packages");
        assert_eq!(std::fs::read(root.join(packages))?, std::fs::read(crate::support::engine()?.join(packages))?);
        assert_eq!(std::fs::read_dir(root.join("proc"))?.count(), 0);
        assert!(std::fs::write(root.join("written"), "").is_err());
        let devices: BTreeSet<String> = std::fs::read_dir(root.join("dev"))?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<Result<_>>()?;
        assert_eq!(devices, BTreeSet::from(["null".to_owned(), "urandom".to_owned()]));

        assert!(sockets(pid)?.is_disjoint(&listening(pid)?));
        let outside = std::fs::read_link("/proc/self/ns/net")? == std::fs::read_link(format!("/proc/{pid}/ns/net"))?;
        assert_eq!(outside, behind_nat);
        assert_ne!(std::fs::read_link("/proc/self/ns/mnt")?, std::fs::read_link(format!("/proc/{pid}/ns/mnt"))?);
    }
    assert_eq!(uids.len(), 2, "each VM has a user of its own");
    Ok(())
}

#[test]
fn a_worker_has_no_rights_when_it_reads_the_first_byte() -> Result<()> {
    let (read, write) = nix::unistd::pipe()?;
    let mut worker = Command::new(env!("CARGO_BIN_EXE_cake-node"))
        .args(["worker", "inspect-image"])
        .stdin(read)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut pipe = std::fs::File::from(write);
    // More than a pipe holds: it has been read from.
    pipe.write_all(&[0; 256 * 1024])?;
    let pid = worker.id();
    assert_powerless(pid)?;
    assert_eq!(status(pid, "Uid")?, vec![cake_storage::worker::WORKER_UID.to_string(); 4]);
    assert!(sockets(pid)?.is_empty());
    assert_eq!(std::fs::read_dir(format!("/proc/{pid}/fd"))?.count(), 3);
    assert_ne!(std::fs::read_link("/proc/self/ns/net")?, std::fs::read_link(format!("/proc/{pid}/ns/net"))?);
    drop(pipe);
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut worker.stdout.take().context("a pipe")?, &mut answer)?;
    assert!(worker.wait()?.success());
    let answer: cake_storage::worker::Answer = serde_json::from_str(&answer)?;
    assert_eq!(answer.found.unwrap_err().detail, "it is empty");
    Ok(())
}

/// Each VM costs descriptors; a QEMU gets what the helper gives it, not what the daemon has.
#[tokio::test]
async fn the_node_may_open_as_many_files_as_it_is_allowed() -> Result<()> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let hard = hard.min(20_000);
    setrlimit(Resource::RLIMIT_NOFILE, 64, hard)?;
    let node = NodeProcess::start()?;
    let open_files = |pid: u32| -> Result<Vec<u64>> {
        let limits = std::fs::read_to_string(format!("/proc/{pid}/limits"))?;
        let line = limits.lines().find(|line| line.starts_with("Max open files")).context("a limit")?;
        Ok(line.split_whitespace().filter_map(|word| word.parse().ok()).collect())
    };
    assert_eq!(open_files(node.pid())?, [hard, hard]);
    let mut leader = Leader::new(&node, 1).await?;
    let vm = leader.pvh();
    leader.apply(&vm).await?;
    let pid = leader.state(&vm, VmState::Running).await?.pid.context("a pid")?;
    assert_eq!(open_files(pid)?, [8192, 8192]);
    Ok(())
}
