//! A server's own disks, asked inside a guest that has some: QEMU's NVMe, SATA and virtio disks, and what smartctl says of them.

use crate::confinement::status;
use crate::support::{Leader, NodeProcess, launcher};
use crate::systemd::in_guest_with;
use anyhow::{Context, Result, ensure};
use cake_types::{DiskSilence, DiskVerdict, DiskWarning, ServerBus, ServerDisk};
use serde_json::Value;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn disks_say_what_smartctl_says() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut words = Vec::new();
    for (kind, serial) in [("nvme", "NV-WELL"), ("nvme-worn", "NV-WORN"), ("ide", "ATA-1"), ("virtio", "VIRT")] {
        let path = folder.path().join(serial);
        std::fs::File::create(&path)?.set_len(16 << 20)?;
        words.push(format!("{kind}={}", path.display()));
    }
    let prepare = "modprobe -a nvme ahci sd_mod\nmount --bind /dev /engine/dev";
    let (said, error, passed) = in_guest_with("server_disks::inside", &words.join(" "), prepare)?;
    ensure!(passed && said.contains("1 passed"), "{said}\n{error}");
    Ok(())
}

/// A disk that a machine has can't be made to wear in a test: what smartctl says of it is put in its place, in the same cage.
#[test]
fn how_a_disk_wears_is_remembered() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("NV-WEARS");
    std::fs::File::create(&path)?.set_len(16 << 20)?;
    let prepare = format!(
        "modprobe nvme
mkdir -p {WORN} && mount -t tmpfs worn {WORN} && mkdir {WORN}/up {WORN}/work {WORN}/engine
mount -t overlay worn -o lowerdir=/engine,upperdir={WORN}/up,workdir={WORN}/work {WORN}/engine
cp -L /bin/sh {WORN}/engine/bin/sh"
    );
    let disk = format!("nvme={}", path.display());
    let (said, error, passed) = in_guest_with("server_disks::inside_for_days", &disk, &prepare)?;
    ensure!(passed && said.contains("1 passed"), "{said}\n{error}");
    Ok(())
}

const WORN: &str = "/run/worn";
/// Hours from one per cent to the next, and per cents.
const PACE: i64 = 25;
const PERCENTS: std::ops::RangeInclusive<u32> = 70..=77;

/// Only in that guest, whose clock it turns. The node is killed before each step.
#[tokio::test]
async fn inside_for_days() -> Result<()> {
    if launcher() != "systemd" {
        return Ok(());
    }
    until("the disk", || Ok(is_there("nvme0n1")))?;
    let engine = std::path::Path::new(WORN).join("engine");
    let says = |percent: u32| {
        let answer = format!(
            r#"{{"smartctl":{{"exit_status":0}},"smart_status":{{"passed":true}},"nvme_smart_health_information_log":{{"percentage_used":{percent}}}}}"#
        );
        std::fs::write(engine.join("usr/sbin/smartctl"), format!("#!/bin/sh\necho '{answer}'\n"))
    };
    says(*PERCENTS.start())?;
    let mut node = NodeProcess::with_engine(engine.clone())?;
    let mut found = Vec::new();
    for percent in PERCENTS {
        node.kill()?;
        says(percent)?;
        if percent > *PERCENTS.start() {
            let then = jiff::Timestamp::now().as_second() + PACE * 3600;
            ensure!(Command::new("date").args(["-s", &format!("@{then}")]).output()?.status.success(), "the clock");
        }
        node.serve()?;
        found.push(wears(&node).await?);
        ensure!(found.last().is_some_and(|found| found.percent_used == Some(percent)), "{found:?}");
    }
    let told = found.iter().map(|health| health.worn_out_at.is_some()).collect::<Vec<_>>();
    // The first look is no step, and four days of steps say something of a month: not yet three.
    ensure!(told == [false, false, false, false, false, true, true, true], "{told:?}");
    let last = found.pop().context("the last")?;
    let at = last.worn_out_at.context("a moment")?;
    let left = at.duration_since(jiff::Timestamp::now()).as_hours();
    ensure!((left - i64::from(100 - PERCENTS.end()) * PACE).abs() <= 2, "{left} h");
    ensure!(last.verdict() == DiskVerdict::Wearing, "{last:?}");
    // Nothing steps: what is known is the same after another kill.
    node.kill()?;
    node.serve()?;
    let again = wears(&node).await?.worn_out_at.context("a moment")?;
    ensure!(again.duration_since(at).as_hours().abs() <= 1, "{again} {at}");
    Ok(())
}

async fn wears(node: &NodeProcess) -> Result<cake_types::DiskHealth> {
    let client = node.client().await?;
    client.hello(None).await?;
    let disks = client.read_disks().await?;
    let disk = disks.iter().find(|disk| disk.serial.as_deref() == Some("NV-WEARS")).context("the disk")?;
    Ok(disk.health.clone())
}

/// Only in that guest.
#[tokio::test]
async fn inside() -> Result<()> {
    if launcher() != "systemd" {
        return Ok(());
    }
    until("the disks", || Ok(["nvme0n1", "nvme1n1", "sda"].iter().all(|name| is_there(name))))?;
    // It looks by itself when it starts, and tells whoever watches.
    let node = NodeProcess::start()?;
    let client = Leader::new(&node, 1).await?.client;
    let disks = client.read_disks().await?;
    let find = |serial: &str| disks.iter().find(|d| d.serial.as_deref() == Some(serial)).context(serial.to_owned());
    for serial in ["NV-WELL", "NV-WORN", "ATA-1"] {
        compare(find(serial)?)?;
    }
    let (well, worn, ata, virt) = (find("NV-WELL")?, find("NV-WORN")?, find("ATA-1")?, find("VIRT")?);
    ensure!((well.bus, ata.bus, virt.bus) == (ServerBus::Nvme, ServerBus::Ata, ServerBus::Virtio), "{disks:?}");
    ensure!(well.health.verdict() == DiskVerdict::Well && ata.health.verdict() == DiskVerdict::Well, "{disks:?}");
    ensure!(worn.health.warnings == [DiskWarning::Spare, DiskWarning::ReadOnly], "{worn:?}");
    ensure!(worn.health.verdict() == DiskVerdict::Failing);
    ensure!(ata.health.reallocated_sectors == Some(0) && ata.health.pending_sectors.is_none(), "{ata:?}");
    ensure!(virt.health.silence == Some(DiskSilence::Unsupported) && virt.health.passed.is_none(), "{virt:?}");
    ensure!(well.size.bytes() == 16 << 20 && !well.removable && !well.rotational && ata.rotational, "{disks:?}");
    powerless(&well.name, 21)?;
    powerless(&ata.name, 17)
}

fn is_there(name: &str) -> bool {
    std::path::Path::new("/sys/block").join(name).exists()
}

fn until(what: &str, so: impl Fn() -> Result<bool>) -> Result<()> {
    let end = Instant::now() + crate::support::LIMIT;
    while !so()? {
        ensure!(Instant::now() < end, "no {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// The same questions to the same program, not confined and read by nobody else's code.
fn compare(disk: &ServerDisk) -> Result<()> {
    let asked = ["/engine", "/usr/sbin/smartctl", "--json", "--all", &format!("/dev/{}", disk.name)];
    let answer = Command::new("chroot").args(asked).output()?;
    let said: Value = serde_json::from_slice(&answer.stdout)?;
    let number = |at: &str| said.pointer(at).and_then(Value::as_u64);
    let health = &disk.health;
    ensure!(said["model_name"].as_str() == disk.model.as_deref(), "{said}");
    ensure!(said["serial_number"].as_str() == disk.serial.as_deref(), "{said}");
    ensure!(number("/user_capacity/bytes") == Some(disk.size.bytes()), "{said}");
    ensure!(said["smart_status"]["passed"].as_bool() == health.passed && health.passed.is_some(), "{said}");
    ensure!(number("/temperature/current") == health.temperature.map(|t| t as u64), "{health:?} {said}");
    ensure!(health.temperature.is_some() && number("/power_on_time/hours") == health.power_on_hours, "{said}");
    let log = "/nvme_smart_health_information_log";
    ensure!(number(&format!("{log}/media_errors")) == health.media_errors, "{said}");
    ensure!(number(&format!("{log}/percentage_used")) == health.percent_used.map(u64::from), "{said}");
    ensure!(number(&format!("{log}/available_spare")) == health.spare.map(u64::from), "{said}");
    Ok(())
}

/// What is left of smartctl while it runs: its answer does not fit into the pipe, so it waits.
fn powerless(disk: &str, capability: u32) -> Result<()> {
    let (read, write) = nix::unistd::pipe()?;
    let mut full = std::fs::File::from(write.try_clone()?);
    nix::fcntl::fcntl(write.as_fd(), nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK))?;
    while full.write(&[b' '; 512]).is_ok() {}
    nix::fcntl::fcntl(write.as_fd(), nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::empty()))?;
    drop(full);
    let worker = Command::new(env!("CARGO_BIN_EXE_cake-node"))
        .args(["worker", "ask-disk", disk, "/engine"])
        .stdin(Stdio::null())
        .stdout(write)
        .spawn();
    let (mut worker, pid) = worker.map(|worker| {
        let pid = worker.id();
        (worker, pid)
    })?;
    until("smartctl", || {
        Ok(std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe.ends_with("usr/sbin/smartctl")))
    })?;
    let only = format!("{:016x}", 1u64 << capability);
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        ensure!(status(pid, set)? == [only.clone()], "{set}: {:?}", status(pid, set)?);
    }
    ensure!(status(pid, "NoNewPrivs")? == ["1"] && status(pid, "Seccomp")? == ["2"]);
    ensure!(status(pid, "Uid")? == vec![cake_storage::worker::WORKER_UID.to_string(); 4]);
    let mut devices: Vec<_> = std::fs::read_dir(format!("/proc/{pid}/root/dev"))?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_>>()?;
    devices.sort();
    let mut expected = vec![disk.to_owned(), "null".into(), "urandom".into()];
    expected.sort();
    ensure!(devices == expected, "{devices:?}");
    let mut answer = String::new();
    std::fs::File::from(read).read_to_string(&mut answer)?;
    worker.wait()?;
    let said: Value = serde_json::from_str(answer.trim())?;
    ensure!(said["smartctl"]["exit_status"].as_u64().is_some(), "{said}");
    Ok(())
}
