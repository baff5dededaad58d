//! VMs that become files: what other products read, on the real converter, whatever is done to the daemon.

use crate::imports::{MIB, bring, hash, qemu_img, stamp};
use crate::support::{LIMIT, Leader, NodeProcess, engine};
use anyhow::{Context, Result, ensure};
use cake_types::{
    ByteSize, DiskSpec, Epoch, Export, ExportFormat, ExportId, ExportSpec, ExportStage, ExportStatus, FailureCode,
    Firmware, Generation, Meta, NicSpec, Power, Stamp, TaskId, Vm, VmState,
};
use jiff::{SignedDuration, Timestamp};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::{FileExt, fchown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Noise that no compression makes smaller.
fn noise(length: usize, mut seed: u64) -> Vec<u8> {
    let mut next = || {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// A VM that is off, with two disks and two network cards; what its disks hold.
pub async fn resting(leader: &mut Leader, node: &NodeProcess) -> Result<(Vm, Vec<Vec<u8>>)> {
    let disk = |size, number| DiskSpec::own(ByteSize(size), leader.pool, None, number);
    let disks = vec![disk(12 * MIB, None), disk(6 * MIB, Some(3))];
    let mut vm = leader.with_disks(leader.tiny(Firmware::Uefi, "mail")?, disks);
    let forwards = vec!["tcp:28080:80".parse()?];
    vm = leader.with_nics(vm, vec![NicSpec::Nat { forwards }, NicSpec::nat()]);
    vm.meta.name = "Mail & Files 台北".parse().or_else(|_| "Mail Files 台北".parse())?;
    vm.spec.power = Power::Stopped;
    leader.apply(&vm).await?;
    leader.state(&vm, VmState::Stopped).await?;
    let mut contents = Vec::new();
    for (number, size) in [(0, 12 * MIB), (3, 6 * MIB)] {
        let path = volume(node, &vm, number);
        let mut bytes = vec![0; size as usize];
        bytes[MIB as usize..4 * MIB as usize].copy_from_slice(&noise(3 * MIB as usize, u64::from(number) + 7));
        let end = bytes.len() - 3;
        bytes[end..].copy_from_slice(b"end");
        File::options().write(true).open(path)?.write_all_at(&bytes, 0)?;
        contents.push(bytes);
    }
    Ok((vm, contents))
}

fn volume(node: &NodeProcess, vm: &Vm, number: u32) -> PathBuf {
    node.state.path().join(format!("pool/{}-{number}.raw", vm.meta.id))
}

pub fn export(leader: &Leader, vm: &Vm, format: ExportFormat) -> Export {
    let now = Timestamp::now();
    let meta = Meta {
        id: ExportId::now(),
        project: vm.meta.project.clone(),
        name: vm.meta.name.clone(),
        generation: Generation::FIRST,
        created_at: now,
        updated_at: now,
    };
    Export { meta, spec: ExportSpec { vm: vm.meta.id, format, pool: leader.pool, task: TaskId::now(), ending: false } }
}

pub async fn apply(leader: &Leader, export: &Export) -> Result<()> {
    let stamp = Stamp { epoch: leader.epoch, generation: export.meta.generation };
    Ok(leader.client.apply_export(stamp, export.clone()).await?)
}

async fn until(leader: &mut Leader, id: ExportId, good: impl Fn(&ExportStatus) -> bool) -> Result<ExportStatus> {
    let until = tokio::time::Instant::now() + LIMIT;
    loop {
        match leader.exports.get(&id) {
            Some(status) if good(status) => return Ok(status.clone()),
            status => {
                let said = format!("the export is {status:?}");
                tokio::time::timeout_at(until, leader.see()).await.with_context(|| said)??;
            }
        }
    }
}

pub async fn over(leader: &mut Leader, id: ExportId) -> Result<ExportStatus> {
    until(leader, id, |status| status.stage.is_over()).await
}

/// The files of a package, in their order.
async fn packed(leader: &mut Leader, export: &Export) -> Result<Vec<(String, Vec<u8>)>> {
    apply(leader, export).await?;
    let status = over(leader, export.meta.id).await?;
    ensure!(status.stage == ExportStage::Done, "{:?}", status.failure);
    let mut bytes = Vec::new();
    File::from(leader.client.open_export(export.meta.id).await?).read_to_end(&mut bytes)?;
    ensure!(bytes.len() as u64 == status.size.bytes());
    let mut archive = tar::Archive::new(&bytes[..]);
    let mut files = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        files.push((entry.path()?.to_string_lossy().into_owned(), content));
    }
    Ok(files)
}

fn names(files: &[(String, Vec<u8>)]) -> Vec<&str> {
    files.iter().map(|(name, _)| name.as_str()).collect()
}

/// Every sum of the manifest is that of its file, and there is one for each.
fn check_manifest(files: &[(String, Vec<u8>)]) -> Result<()> {
    let files: BTreeMap<&str, &Vec<u8>> = files.iter().map(|(name, bytes)| (name.as_str(), bytes)).collect();
    let (manifest, text) = files.iter().find(|(name, _)| name.ends_with(".mf")).context("a manifest")?;
    let text = std::str::from_utf8(text)?;
    let mut seen = 0;
    for line in text.lines() {
        let (name, sum) = line.strip_prefix("SHA256(").and_then(|line| line.split_once(")= ")).context("a sum")?;
        ensure!(hash(files[name]) == sum, "{name}");
        seen += 1;
    }
    ensure!(seen == files.len() - 1, "{manifest}: {text}");
    Ok(())
}

/// The raw bytes of a disk in the package, once qemu-img has found nothing wrong with it.
fn unpacked(name: &str, bytes: &[u8], format: &str) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join(name), bytes)?;
    if format == "qcow2" {
        qemu_img(folder.path(), &["check", "-q", "-f", format, name])?;
    }
    qemu_img(folder.path(), &["info", "-f", format, name])?;
    qemu_img(folder.path(), &["convert", "-f", format, "-O", "raw", name, "out.raw"])?;
    Ok(std::fs::read(folder.path().join("out.raw"))?)
}

fn left(node: &NodeProcess) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(node.state.path().join("pool/exports")).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

#[tokio::test]
async fn an_ova_is_what_other_products_read() -> Result<()> {
    let node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let (vm, contents) = resting(&mut leader, &node).await?;
    let one = export(&leader, &vm, ExportFormat::Ova);
    let files = packed(&mut leader, &one).await?;
    let base = cake_types::HostName::from_name(&vm.meta.name).to_string();
    let disks = [format!("{base}-disk0.vmdk"), format!("{base}-disk3.vmdk")];
    assert_eq!(names(&files), [&format!("{base}.ovf"), &format!("{base}.mf"), &disks[0], &disks[1]]);
    check_manifest(&files)?;
    for ((name, bytes), content) in files[2..].iter().zip(&contents) {
        // A sparse extent of version 3, compressed, with markers (VMware's Virtual Disk Format 5.0).
        assert_eq!((&bytes[..4], bytes[4]), (&b"KDMV"[..], 3), "{name}");
        assert!(bytes.windows(40).any(|part| part.starts_with(b"createType=\"streamOptimized\"")), "{name}");
        assert!(unpacked(name, bytes, "vmdk")? == *content, "{name} is another disk");
    }
    // The descriptor is read by an XML parser, and what it says is so.
    let text = std::str::from_utf8(&files[0].1)?;
    let document = roxmltree::Document::parse(text)?;
    const OVF: &str = "http://schemas.dmtf.org/ovf/envelope/1";
    let all = |name: &str| document.descendants().filter(|node| node.has_tag_name((OVF, name))).collect::<Vec<_>>();
    let attribute = |node: &roxmltree::Node<'_, '_>, name: &str| node.attribute((OVF, name)).map(str::to_owned);
    for ((file, disk), (index, (name, bytes))) in all("File").iter().zip(all("Disk")).zip(files[2..].iter().enumerate())
    {
        assert_eq!(attribute(file, "href").as_deref(), Some(name.as_str()));
        assert_eq!(attribute(file, "size"), Some(bytes.len().to_string()));
        assert_eq!(attribute(file, "id"), attribute(&disk, "fileRef"));
        assert_eq!(attribute(&disk, "capacity"), Some(contents[index].len().to_string()));
    }
    assert_eq!((all("File").len(), all("Disk").len(), all("Name")[0].text()), (2, 2, Some(vm.meta.name.as_str())));
    let types: Vec<&str> = document
        .descendants()
        .filter(|node| node.tag_name().name() == "ResourceType")
        .filter_map(|node| node.text())
        .collect();
    assert_eq!(types, ["3", "4", "6", "17", "17", "10", "10"]);
    assert!(text.contains("vmw:value=\"efi\""), "{text}");
    // Removed, nothing of it is left.
    leader.client.remove_export(one.meta.id, stamp(&leader)).await?;
    while leader.exports.contains_key(&one.meta.id) {
        leader.see().await?;
    }
    assert_eq!(left(&node), Vec::<PathBuf>::new());
    assert!(leader.client.open_export(one.meta.id).await.is_err());
    Ok(())
}

#[tokio::test]
async fn a_qcow2_package_defines_the_vm_and_holds_no_secret() -> Result<()> {
    let node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let (vm, contents) = resting(&mut leader, &node).await?;
    let one = export(&leader, &vm, ExportFormat::Qcow2);
    let files = packed(&mut leader, &one).await?;
    assert_eq!(files.len(), 4);
    check_manifest(&files)?;
    for ((name, bytes), content) in files[2..].iter().zip(&contents) {
        assert!(unpacked(name, bytes, "qcow2")? == *content, "{name} is another disk");
    }
    let machine = cake_storage::package::definition::read(std::str::from_utf8(&files[0].1)?)?;
    assert_eq!((machine.name.as_str(), machine.cpus, machine.memory), (vm.meta.name.as_str(), 1, vm.spec.memory));
    let card = &machine.nics[0];
    assert_eq!((card.network.as_str(), card.forwards[0].as_str()), ("nat", "tcp:28080:80"));
    assert_eq!(card.mac, vm.spec.hardware.nics[0].mac.to_string());
    let capacities: Vec<u64> = machine.disks.iter().map(|disk| disk.capacity.bytes()).collect();
    assert_eq!(capacities, [12 * MIB, 6 * MIB]);
    Ok(())
}

#[tokio::test]
async fn a_vm_that_runs_or_is_written_to_gives_no_file() -> Result<()> {
    let node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let running = leader.pvh();
    leader.apply(&running).await?;
    leader.state(&running, VmState::Running).await?;
    let one = export(&leader, &running, ExportFormat::Ova);
    apply(&leader, &one).await?;
    let status = over(&mut leader, one.meta.id).await?;
    assert_eq!(status.failure.map(|failure| failure.code), Some(FailureCode::VmChanged));
    // Written to while it is read: a disk that is half old and half new is never offered.
    let (vm, _) = resting(&mut leader, &node).await?;
    // One that was done before the write is a good one: then another is tried.
    loop {
        let two = export(&leader, &vm, ExportFormat::Qcow2);
        apply(&leader, &two).await?;
        until(&mut leader, two.meta.id, |status| status.stage != ExportStage::Waiting).await?;
        File::options().write(true).open(volume(&node, &vm, 0))?.write_all_at(b"new", 0)?;
        let status = over(&mut leader, two.meta.id).await?;
        if let Some(failure) = status.failure {
            assert_eq!(failure.code, FailureCode::VmChanged);
            assert!(leader.client.open_export(two.meta.id).await.is_err());
            break;
        }
        leader.client.remove_export(two.meta.id, stamp(&leader)).await?;
    }
    // A VM that nobody knows, and one whose disk is gone.
    let mut nobody = vm.clone();
    nobody.meta.id = cake_types::VmId::now();
    let three = export(&leader, &nobody, ExportFormat::Ova);
    apply(&leader, &three).await?;
    let status = over(&mut leader, three.meta.id).await?;
    assert_eq!(status.failure.map(|failure| failure.code), Some(FailureCode::VmChanged));
    std::fs::remove_file(volume(&node, &vm, 3))?;
    let four = export(&leader, &vm, ExportFormat::Ova);
    apply(&leader, &four).await?;
    let status = over(&mut leader, four.meta.id).await?;
    assert_eq!(status.failure.map(|failure| failure.code), Some(FailureCode::Disk));
    assert_eq!(left(&node), Vec::<PathBuf>::new());
    Ok(())
}

/// Killed at each stage, and a moment after it was published: there is a whole file in the end, and nothing else.
#[tokio::test]
async fn a_node_that_is_killed_makes_it_again() -> Result<()> {
    let mut node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let (vm, contents) = resting(&mut leader, &node).await?;
    let one = export(&leader, &vm, ExportFormat::Qcow2);
    apply(&leader, &one).await?;
    for (epoch, stage) in (2..).zip([ExportStage::Converting, ExportStage::Packing]) {
        until(&mut leader, one.meta.id, |status| status.stage == stage || status.stage.is_over()).await?;
        node.kill()?;
        // What a kill in the middle can leave, whole or not.
        let folder = node.state.path().join("pool/exports");
        for ending in ["0.disk", "9.disk", "new"] {
            std::fs::write(folder.join(format!("{}.{ending}", one.meta.id)), b"half")?;
        }
        let published = folder.join(format!("{}.tar", one.meta.id));
        if published.exists() {
            std::fs::remove_file(published)?;
            let database = rusqlite::Connection::open(node.state.path().join("node.db"))?;
            database.execute("UPDATE exports SET stage = 'packing'", [])?;
        }
        node.serve()?;
        leader = Leader::new(&node, epoch).await?;
    }
    let status = over(&mut leader, one.meta.id).await?;
    assert_eq!((status.stage, status.failure), (ExportStage::Done, None));
    node.kill()?;
    let database = rusqlite::Connection::open(node.state.path().join("node.db"))?;
    assert_eq!(database.execute("UPDATE exports SET stage = 'packing', size = 0", [])?, 1);
    drop(database);
    node.serve()?;
    let mut leader = Leader::new(&node, 9).await?;
    let after = over(&mut leader, one.meta.id).await?;
    assert_eq!((after.stage, after.size), (ExportStage::Done, status.size));
    assert_eq!(left(&node).len(), 1, "{:?}", left(&node));
    let mut bytes = Vec::new();
    File::from(leader.client.open_export(one.meta.id).await?).read_to_end(&mut bytes)?;
    let mut archive = tar::Archive::new(&bytes[..]);
    let mut disk = Vec::new();
    archive.entries()?.nth(2).context("a disk")??.read_to_end(&mut disk)?;
    assert!(unpacked("disk.qcow2", &disk, "qcow2")? == contents[0]);
    Ok(())
}

/// Given up at each stage.
#[tokio::test]
async fn one_that_is_given_up_leaves_nothing() -> Result<()> {
    let node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let (vm, _) = resting(&mut leader, &node).await?;
    for stage in [ExportStage::Waiting, ExportStage::Converting, ExportStage::Packing, ExportStage::Done] {
        let one = export(&leader, &vm, ExportFormat::Ova);
        apply(&leader, &one).await?;
        until(&mut leader, one.meta.id, |status| status.stage == stage || status.stage.is_over()).await?;
        leader.client.remove_export(one.meta.id, stamp(&leader)).await?;
        while leader.exports.contains_key(&one.meta.id) {
            leader.see().await?;
        }
        assert_eq!(left(&node), Vec::<PathBuf>::new(), "{stage:?}");
        // It can't come back.
        assert!(apply(&leader, &one).await.is_err());
    }
    // The next one is made as if nothing had been.
    let next = export(&leader, &vm, ExportFormat::Ova);
    assert_eq!(packed(&mut leader, &next).await?.len(), 4);
    Ok(())
}

#[tokio::test]
async fn what_would_not_fit_is_refused_before_anything_is_written() -> Result<()> {
    let node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let (vm, _) = resting(&mut leader, &node).await?;
    let folder = node.state.path().join("small");
    std::fs::create_dir(&folder)?;
    let _mounted = Tmpfs::mount(&folder, "12m")?;
    let small = cake_types::PoolId("6ab7d1f2-0000-7000-8000-000000000002".parse()?);
    let spec = cake_types::PoolSpec { path: Some(folder.to_string_lossy().into_owned()) };
    let first = Stamp { epoch: leader.epoch, generation: Generation(1) };
    leader.client.apply_pool(small, first, spec).await?;
    let mut one = export(&leader, &vm, ExportFormat::Ova);
    one.spec.pool = small;
    apply(&leader, &one).await?;
    let status = over(&mut leader, one.meta.id).await?;
    assert_eq!(status.failure.map(|failure| failure.code), Some(FailureCode::NoSpace));
    assert_eq!(std::fs::read_dir(folder.join("exports"))?.count(), 0);
    Ok(())
}

/// A small file system that everybody sees, for as long as this lives.
struct Tmpfs(PathBuf);

impl Tmpfs {
    fn mount(folder: &Path, size: &str) -> Result<Self> {
        let options = format!("size={size}");
        let flags = nix::mount::MsFlags::empty();
        nix::mount::mount(Some("tmpfs"), folder, Some("tmpfs"), flags, Some(options.as_str()))?;
        Ok(Self(folder.to_owned()))
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = nix::mount::umount2(&self.0, nix::mount::MntFlags::MNT_DETACH);
    }
}

/// A leader that was restored from a backup does not know it any more: then the node removes it, a day later.
#[tokio::test]
async fn one_that_nobody_removes_goes_by_itself() -> Result<()> {
    let mut node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let (vm, _) = resting(&mut leader, &node).await?;
    let mut old = export(&leader, &vm, ExportFormat::Ova);
    old.meta.created_at = Timestamp::now() - SignedDuration::from_hours(24 * 7);
    apply(&leader, &old).await?;
    assert_eq!(over(&mut leader, old.meta.id).await?.stage, ExportStage::Done);
    let mut older = export(&leader, &vm, ExportFormat::Ova);
    older.meta.created_at = Timestamp::now() - SignedDuration::from_hours(24 * 9);
    apply(&leader, &older).await?;
    // Looked for at every start.
    node.kill()?;
    node.serve()?;
    let mut leader = Leader::new(&node, 2).await?;
    while leader.exports.contains_key(&older.meta.id) {
        leader.see().await?;
    }
    assert!(leader.exports.contains_key(&old.meta.id));
    Ok(())
}

/// What is refused is not done first.
#[tokio::test]
async fn a_leader_of_before_removes_nothing() -> Result<()> {
    let node = NodeProcess::start()?;
    let mut before = Leader::new(&node, 1).await?;
    let (vm, _) = resting(&mut before, &node).await?;
    let export = export(&before, &vm, ExportFormat::Ova);
    apply(&before, &export).await?;
    assert_eq!(over(&mut before, export.meta.id).await?.stage, ExportStage::Done);
    let image = bring(&mut before, "mine", &noise(MIB as usize, 3)).await?;
    let leader = Leader::new(&node, 2).await?;
    let stamp = |epoch| Stamp { epoch: Epoch(epoch), generation: Generation(9) };
    assert!(before.client.remove_export(export.meta.id, stamp(1)).await.is_err());
    assert!(before.client.remove_import(image, stamp(1)).await.is_err());
    assert!(before.client.remove_image(image, stamp(1)).await.is_err());
    leader.client.open_export(export.meta.id).await.context("its file is there")?;
    leader.client.open_image(image).await.context("so is the image's")?;
    leader.client.remove_export(export.meta.id, stamp(2)).await?;
    assert!(leader.client.open_export(export.meta.id).await.is_err());
    Ok(())
}

#[test]
fn the_exporter_is_the_vms_user_and_can_not_write_to_the_disk() -> Result<()> {
    const OWNER: u32 = 1_900_000_007;
    let folder = tempfile::tempdir()?;
    let disk = folder.path().join("a.raw");
    let bytes = noise(40 * MIB as usize, 7);
    File::create(&disk)?.write_all(&bytes)?;
    let (source, target) = (File::open(&disk)?, File::create(folder.path().join("out.vmdk"))?);
    fchown(&target, Some(OWNER), Some(OWNER))?;
    let start = |source: &File| {
        Command::new(env!("CARGO_BIN_EXE_cake-node"))
            .args(["worker", "export-disk", "vmdk"])
            .arg(engine().expect("an engine"))
            .stdin(source.try_clone().expect("a file"))
            .stdout(target.try_clone().expect("a file"))
            .stderr(Stdio::piped())
            .spawn()
    };
    // root's own file is nobody's disk.
    assert!(!start(&source)?.wait_with_output()?.status.success());
    fchown(&source, Some(OWNER), Some(OWNER))?;
    let mut worker = start(&source)?;
    let pid = Pid::from_raw(worker.id().cast_signed());
    let read = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}"));
    while read("comm")?.trim() != "qemu-img" {
        ensure!(worker.try_wait()?.is_none(), "it ended before it began");
        std::thread::yield_now();
    }
    kill(pid, Signal::SIGSTOP)?;
    let (status, mounts) = (read("status")?, read("mounts")?);
    kill(pid, Signal::SIGCONT)?;
    let words = |line: &str| line.split_whitespace().skip(1).map(str::to_owned).collect::<Vec<_>>();
    let field = |name: &str| status.lines().find(|line| line.starts_with(name)).map(words).unwrap_or_default();
    assert_eq!(field("Uid:"), vec![OWNER.to_string(); 4]);
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
        assert_eq!(field(set), ["0000000000000000"], "{set}");
    }
    assert_eq!((field("NoNewPrivs:"), field("Seccomp:")), (vec!["1".to_owned()], vec!["2".to_owned()]));
    let source_mount = mounts.lines().find(|line| line.contains(" /vm/source ")).context("the source is seen")?;
    assert!(source_mount.split(' ').nth(3).is_some_and(|flags| flags.split(',').any(|flag| flag == "ro")));
    assert!(worker.wait_with_output()?.status.success());
    assert!(std::fs::read(&disk)? == bytes);
    Ok(())
}
