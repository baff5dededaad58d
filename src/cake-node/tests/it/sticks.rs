//! Sticks that are plugged into a server and pulled out of it, inside a guest that has some: what the kernel's own drivers wrote on
//! them, and what becomes of a file when somebody pulls.

use crate::confinement::{assert_powerless, status};
use crate::imports::{MIB, OVER, cd, files, hash, import, stage};
use crate::support::{LIMIT, Leader, NodeProcess, launcher};
use crate::systemd::in_guest_with;
use anyhow::{Context, Result, ensure};
use cake_types::{FailureCode, Import, ImportSource, ImportStage, Stamp, Stick, StickFile, StickFormat, StickTrouble};
use nix::mount::{MsFlags, mount, umount};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Sticks give four MiB a second: what happens in the middle of a file happens there.
const LARGE: u64 = 40 * MIB;

fn run(words: &[&str]) -> Result<()> {
    let done = Command::new(words[0]).args(&words[1..]).output().context(words[0].to_owned())?;
    ensure!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&[done.stdout, done.stderr].concat()));
    Ok(())
}

/// A disk that boots nowhere, and is the same each time.
fn large() -> Vec<u8> {
    let mut seed = 7u64;
    let mut next = || {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 56) as u8
    };
    let mut bytes: Vec<u8> = (0..LARGE).map(|_| next()).collect();
    bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
    bytes
}

#[test]
fn sticks_come_are_read_and_are_pulled_out() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let stick = |name: &str, size: u64| -> Result<String> {
        let path = folder.path().join(name);
        fs::File::create(&path)?.set_len(size)?;
        Ok(path.to_str().context("a path")?.to_owned())
    };
    let (fat, exfat, ntfs) = (stick("LARGE", 64 * MIB)?, stick("EXFAT", 16 * MIB)?, stick("NTFS", 16 * MIB)?);
    run(&["sh", "-c", "echo '2048,,c' | sfdisk -q --label dos \"$0\"", &fat])?;
    let part = format!("{fat}@@1M");
    run(&["mkfs.vfat", "-F", "32", "--offset", "2048", "-n", "LARGE", "-s", "1", &fat, &(63 * 1024).to_string()])?;
    let file = folder.path().join("large");
    fs::write(&file, large())?;
    run(&["mcopy", "-i", &part, file.to_str().context("a path")?, "::A large disk.raw"])?;
    run(&["mkfs.exfat", "-L", "安裝", &exfat])?;
    run(&["mkntfs", "--fast", "--force", "--quiet", "-L", "WINDOWS", &ntfs])?;
    let words = [&fat, &exfat, &ntfs].map(|path| format!("stick={path}")).join(" ");
    let prepare = "modprobe -a virtio_scsi sd_mod exfat ntfs3";
    let (said, error, passed) = in_guest_with("sticks::inside", &words, prepare)?;
    ensure!(passed && said.contains("1 passed"), "{said}\n{error}");
    Ok(())
}

/// What the kernel calls the disk with this serial number.
fn device(serial: &str) -> Option<String> {
    let disks = fs::read_dir("/sys/block").ok()?.flatten();
    let is =
        |path: &Path| fs::read(path.join("device/vpd_pg80")).is_ok_and(|page| page.get(4..) == Some(serial.as_bytes()));
    let found = disks.into_iter().find(|disk| is(&disk.path()))?;
    Some(found.file_name().to_string_lossy().into_owned())
}

fn until<T>(what: &str, look: impl Fn() -> Option<T>) -> Result<T> {
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        ensure!(Instant::now() < end, "no {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The kernel says that a disk was changed.
fn poke(disk: &str) -> Result<()> {
    Ok(fs::write(format!("/sys/block/{disk}/uevent"), "change")?)
}

fn mounted(disk: &str, kind: &str) -> Result<PathBuf> {
    let place = PathBuf::from("/tmp").join(kind);
    fs::create_dir_all(&place)?;
    mount(Some(format!("/dev/{disk}").as_str()), &place, Some(kind), MsFlags::empty(), None::<&str>)?;
    Ok(place)
}

async fn sees(leader: &mut Leader, what: &str, so: impl Fn(&[Stick]) -> bool) -> Result<Vec<Stick>> {
    let end = tokio::time::Instant::now() + LIMIT;
    while !leader.sticks.as_deref().is_some_and(&so) {
        let seen = format!("{what}: {:?}", leader.sticks);
        tokio::time::timeout_at(end, leader.see()).await.with_context(|| seen)??;
    }
    Ok(leader.sticks.clone().unwrap_or_default())
}

fn called<'a>(sticks: &'a [Stick], label: &str) -> Result<&'a Stick> {
    sticks.iter().find(|stick| stick.label.as_deref() == Some(label)).with_context(|| format!("{label} in {sticks:?}"))
}

/// An import of this file, as caked asks for it.
fn chosen(leader: &Leader, name: &str, stick: &Stick, file: &StickFile, content: &[u8]) -> Import {
    let mut import = import(leader, name, file.size.bytes(), Some(hash(content)));
    let (stick, called) = (stick.id.clone(), stick.called().to_owned());
    import.spec.source = ImportSource::Stick { stick, called, path: file.path.clone(), modified: file.modified };
    import
}

async fn begin(leader: &Leader, import: &Import) -> Result<()> {
    let stamp = Stamp { epoch: leader.epoch, generation: import.meta.generation };
    Ok(leader.client.apply_import(stamp, import.clone()).await?)
}

/// Until a chunk of it is here, and not all of it.
async fn under_way(leader: &mut Leader, import: &Import) -> Result<()> {
    let end = tokio::time::Instant::now() + LIMIT;
    loop {
        let status = leader.imports.get(&import.meta.id).cloned();
        if status.as_ref().is_some_and(|status| status.done.bytes() > 0) {
            ensure!(status.is_some_and(|status| status.stage == ImportStage::Receiving && status.done < status.total));
            return Ok(());
        }
        tokio::time::timeout_at(end, leader.see()).await.with_context(|| format!("{status:?}"))??;
    }
}

/// What is in the pool's folder of images.
fn kept(node: &NodeProcess) -> BTreeSet<PathBuf> {
    files(node).into_iter().collect()
}

/// The worker that reads a file.
fn worker() -> Option<u32> {
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let mut pids = processes.into_iter().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.find(|pid| {
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        words.split(|byte| *byte == 0).nth(2) == Some(b"read-stick")
    })
}

/// Only in that guest.
#[tokio::test]
async fn inside() -> Result<()> {
    if launcher() != "systemd" {
        return Ok(());
    }
    let there = |serial: &'static str| until(serial, || device(serial));
    let (fat, exfat, ntfs) = (there("LARGE")?, there("EXFAT")?, there("NTFS")?);
    // Written by the kernel's own drivers; one of them is in use when the node begins.
    let (first, second) = (cd("from exFAT\r\n"), cd("from NTFS\r\n"));
    let place = mounted(&exfat, "exfat")?;
    fs::create_dir_all(place.join("Linux/更多"))?;
    fs::write(place.join("Linux/更多/安裝 光碟.iso"), &first)?;
    umount(&place)?;
    let place = mounted(&ntfs, "ntfs3")?;
    fs::create_dir_all(place.join("ISO"))?;
    fs::write(place.join("ISO/Windows 11.iso"), &second)?;

    let mut node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let busy =
        |sticks: &[Stick]| sticks.len() == 3 && sticks.iter().any(|stick| stick.trouble == Some(StickTrouble::Busy));
    let seen = sees(&mut leader, "the sticks", busy).await?;
    ensure!(seen.iter().all(|stick| stick.trouble.is_none() || stick.device == ntfs), "{seen:?}");
    umount(&place)?;
    poke(&ntfs)?;
    let seen = sees(&mut leader, "all of them", |sticks| sticks.iter().all(|stick| stick.trouble.is_none())).await?;
    let formats = ["LARGE", "安裝", "WINDOWS"].map(|label| called(&seen, label).map(|stick| stick.format));
    ensure!(matches!(formats, [Ok(StickFormat::Fat), Ok(StickFormat::Exfat), Ok(StickFormat::Ntfs)]), "{seen:?}");
    println!("each stick is told of");

    for (label, path, content) in
        [("安裝", "Linux/更多/安裝 光碟.iso", &first), ("WINDOWS", "ISO/Windows 11.iso", &second)]
    {
        let stick = called(&seen, label)?;
        let file = stick.file(path).with_context(|| format!("{stick:?}"))?;
        let import = chosen(&leader, &label.to_lowercase(), stick, file, content);
        begin(&leader, &import).await?;
        let status = stage(&mut leader, import.meta.id, &OVER).await?;
        ensure!(status.stage == ImportStage::Done, "{label}: {:?}", status.failure);
    }
    println!("files come from each of them");

    let (stick, content) = (called(&seen, "LARGE")?.clone(), large());
    let file = stick.files.first().context("a file")?.clone();
    ensure!(file.path == "A large disk.raw" && file.size.bytes() == LARGE, "{file:?}");
    not_as_it_was(&mut leader, &stick, &file).await?;
    let import = chosen(&leader, "cancelled", &stick, &file, &content);
    cancelled(&mut leader, &node, import).await?;

    // The node is killed in the middle, and goes on where it was.
    let import = chosen(&leader, "large", &stick, &file, &content);
    begin(&leader, &import).await?;
    under_way(&mut leader, &import).await?;
    node.kill()?;
    node.serve()?;
    let mut leader = Leader::new(&node, 2).await?;
    let status = stage(&mut leader, import.meta.id, &OVER).await?;
    ensure!(status.stage == ImportStage::Done, "{:?}", status.failure);
    println!("a node that was killed goes on");

    // Somebody pulls it out in the middle. What the kernel has read of it before would still be there.
    fs::write("/proc/sys/vm/drop_caches", "3")?;
    let before = kept(&node);
    let import = chosen(&leader, "pulled", &stick, &file, &content);
    begin(&leader, &import).await?;
    under_way(&mut leader, &import).await?;
    fs::write(format!("/sys/block/{fat}/device/delete"), "1")?;
    let status = stage(&mut leader, import.meta.id, &OVER).await?;
    ensure!(status.failure.as_ref().is_some_and(|why| why.code == FailureCode::StickGone), "{status:?}");
    ensure!(kept(&node) == before, "nothing half-made is kept: {:?}", kept(&node));
    sees(&mut leader, "two", |sticks| sticks.len() == 2).await?;
    println!("pulled out: said, and nothing is left");
    Ok(())
}

/// A file that was written anew since it was chosen.
async fn not_as_it_was(leader: &mut Leader, stick: &Stick, file: &StickFile) -> Result<()> {
    let mut import = import(leader, "changed", LARGE, None);
    let (id, called) = (stick.id.clone(), stick.called().to_owned());
    let modified = Some("2001-01-01T00:00:00Z".parse()?);
    import.spec.source = ImportSource::Stick { stick: id, called, path: file.path.clone(), modified };
    begin(leader, &import).await?;
    let status = stage(leader, import.meta.id, &OVER).await?;
    ensure!(status.failure.as_ref().is_some_and(|why| why.code == FailureCode::StickChanged), "{status:?}");
    Ok(())
}

/// Meanwhile it is seen what is left of the one who reads.
async fn cancelled(leader: &mut Leader, node: &NodeProcess, import: Import) -> Result<()> {
    let before = kept(node);
    begin(leader, &import).await?;
    under_way(leader, &import).await?;
    let pid = worker().context("a worker")?;
    assert_powerless(pid)?;
    ensure!(status(pid, "Uid")? == vec![cake_storage::worker::WORKER_UID.to_string(); 4]);
    let held: Vec<PathBuf> = fs::read_dir(format!("/proc/{pid}/fd"))?
        .map(|entry| Ok(fs::read_link(entry?.path())?))
        .collect::<Result<_>>()?;
    ensure!(held.len() == 3 && held.iter().filter(|path| path.starts_with("/dev")).count() == 1, "{held:?}");
    let generation = import.meta.generation.next();
    leader.client.remove_import(import.meta.id, Stamp { epoch: leader.epoch, generation }).await?;
    until("end of the worker", || (worker() != Some(pid)).then_some(()))?;
    ensure!(kept(node) == before, "nothing of it is left");
    println!("cancelled: its worker has ended");
    Ok(())
}
