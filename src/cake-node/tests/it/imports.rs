//! Files that become images: every format, on real converters, whatever is done to the daemon, and those that must not.

use crate::support::{LIMIT, Leader, NodeProcess, engine};
use anyhow::{Context, Result, ensure};
use cake_node_api::staged::Staged;
use cake_types::{
    ByteSize, DiskSpec, Drivers, FailureCode, Firmware, Generation, GuestOs, ImageId, Import, ImportSource, ImportSpec,
    ImportStage, ImportStatus, Meta, ProjectName, Stamp, VmState,
};
use jiff::Timestamp;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub const MIB: u64 = 1 << 20;

/// The engine's qemu-img, which sees `folder` as /tmp.
pub fn qemu_img(folder: &Path, arguments: &[&str]) -> Result<()> {
    let (root, folder) = (engine()?, folder.to_owned());
    let mut command = Command::new("/usr/bin/qemu-img");
    command.args(arguments).env_clear().stdout(Stdio::null());
    let enter = move || {
        unshare(CloneFlags::CLONE_NEWNS)?;
        mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?;
        mount(Some(&folder), &root.join("tmp"), None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
        nix::unistd::chroot(&root)?;
        Ok(nix::unistd::chdir("/tmp")?)
    };
    // SAFETY: between fork and exec only system calls are made, by a child with one thread.
    unsafe { command.pre_exec(enter) };
    ensure!(command.status()?.success(), "qemu-img {arguments:?}");
    Ok(())
}

/// A disk with something at both ends, and as much noise as asked in between.
pub fn disk(path: &Path, size: u64, noise: u64) -> Result<Vec<u8>> {
    let mut bytes = vec![0; size as usize];
    let mut seed = 7u64;
    for byte in &mut bytes[MIB as usize..(MIB + noise) as usize] {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        *byte = (seed >> 56) as u8;
    }
    bytes[..5].copy_from_slice(b"begin");
    bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
    let end = bytes.len() - 3;
    bytes[end..].copy_from_slice(b"end");
    std::fs::write(path, &bytes)?;
    Ok(bytes)
}

pub fn import(leader: &Leader, name: &str, size: u64, sha256: Option<String>) -> Import {
    let now = Timestamp::now();
    let meta = Meta {
        id: ImageId::now(),
        project: ProjectName::default_project(),
        name: name.parse().expect("a name"),
        generation: Generation::FIRST,
        created_at: now,
        updated_at: now,
    };
    let spec = ImportSpec {
        source: ImportSource::Upload,
        size: ByteSize(size),
        sha256,
        pool: leader.pool,
        os: GuestOs::Other,
        ending: false,
    };
    Import { meta, spec }
}

pub fn stamp(leader: &Leader) -> Stamp {
    Stamp { epoch: leader.epoch, generation: Generation(9) }
}

/// As caked does: into the file that the node hands over.
pub async fn send(leader: &Leader, import: &Import, bytes: &[u8]) -> Result<()> {
    let stamp = Stamp { epoch: leader.epoch, generation: import.meta.generation };
    leader.client.apply_import(stamp, import.clone()).await?;
    let id = import.meta.id;
    let staged = Staged::new(File::from(leader.client.open_import(id).await?), bytes.len() as u64);
    for chunk in (0..).take_while(|chunk| staged.place(*chunk).is_some()) {
        let (start, length) = staged.place(chunk).context("a chunk")?;
        staged.write(start, &bytes[start as usize..(start + length) as usize])?;
        staged.here(chunk)?;
    }
    Ok(leader.client.look_at_import(id).await?)
}

pub async fn stage(leader: &mut Leader, id: ImageId, wanted: &[ImportStage]) -> Result<ImportStatus> {
    let until = tokio::time::Instant::now() + LIMIT;
    loop {
        match leader.imports.get(&id) {
            Some(status) if wanted.contains(&status.stage) => return Ok(status.clone()),
            status => {
                let said = format!("the import is {status:?}");
                tokio::time::timeout_at(until, leader.see()).await.with_context(|| said)??;
            }
        }
    }
}

pub const OVER: [ImportStage; 2] = [ImportStage::Done, ImportStage::Failed];

pub async fn bring(leader: &mut Leader, name: &str, bytes: &[u8]) -> Result<ImageId> {
    let import = import(leader, name, bytes.len() as u64, Some(hash(bytes)));
    send(leader, &import, bytes).await?;
    let status = stage(leader, import.meta.id, &OVER).await?;
    ensure!(status.stage == ImportStage::Done, "{name}: {:?}", status.failure);
    while !leader.images.contains_key(name) {
        leader.see().await?;
    }
    Ok(import.meta.id)
}

pub fn hash(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(bytes))
}

pub fn files(node: &NodeProcess) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(node.state.path().join("pool/images")).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

#[tokio::test]
async fn every_format_becomes_a_disk_and_can_be_taken_away_again() -> Result<()> {
    let node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let folder = tempfile::tempdir()?;
    let plain = disk(&folder.path().join("a.raw"), 12 * MIB, 3 * MIB)?;
    let formats = [
        ("a.qcow2", &["-O", "qcow2"][..]),
        ("c.qcow2", &["-O", "qcow2", "-c"]),
        ("a.vmdk", &["-O", "vmdk"]),
        ("s.vmdk", &["-O", "vmdk", "-o", "subformat=streamOptimized"]),
        ("a.vhdx", &["-O", "vhdx"]),
    ];
    for (name, options) in formats {
        qemu_img(folder.path(), &[&["convert", "-f", "raw"], options, &["a.raw", name]].concat())?;
    }
    for name in formats.map(|(name, _)| name).into_iter().chain(["a.raw"]) {
        let bytes = std::fs::read(folder.path().join(name))?;
        let id = bring(&mut leader, name, &bytes).await?;
        let mut image = Vec::new();
        std::io::Read::read_to_end(&mut File::from(leader.client.open_image(id).await?), &mut image)?;
        assert!(image == plain, "{name} is another disk");
        // A disk made from it is the same.
        let spec = DiskSpec::own(ByteSize(16 * MIB), leader.pool, Some(id), None);
        let vm = leader.with_disks(leader.pvh(), vec![spec]);
        leader.apply(&vm).await?;
        leader.state(&vm, VmState::Running).await?;
        let made = File::open(node.state.path().join(format!("pool/{}-0.raw", vm.meta.id)))?;
        let mut end = [0; 3];
        made.read_exact_at(&mut end, 12 * MIB - 3)?;
        assert_eq!(&end, b"end");
        leader
            .client
            .remove_vm(vm.meta.id, Stamp { generation: Generation(2), ..leader.stamp(&vm) }, Vec::new())
            .await?;
        // The import is over, the image stays; then it goes too.
        leader.client.remove_import(id, stamp(&leader)).await?;
        assert!(leader.images.contains_key(name));
        leader.client.remove_image(id, stamp(&leader)).await?;
        while leader.images.contains_key(name) {
            leader.see().await?;
        }
    }
    assert_eq!(files(&node), Vec::<PathBuf>::new());
    let built_in = leader.images["cake-tiny"];
    assert!(leader.client.remove_image(built_in, stamp(&leader)).await.is_err(), "what came with cake stays");
    Ok(())
}

#[tokio::test]
async fn what_is_no_image_leaves_nothing_and_says_why() -> Result<()> {
    let node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let folder = tempfile::tempdir()?;
    let plain = disk(&folder.path().join("a.raw"), 8 * MIB, MIB)?;
    qemu_img(folder.path(), &["convert", "-f", "raw", "-O", "qcow2", "a.raw", "a.qcow2"])?;
    qemu_img(folder.path(), &["create", "-q", "-f", "qcow2", "-b", "a.qcow2", "-F", "qcow2", "backed.qcow2"])?;
    let whole = std::fs::read(folder.path().join("a.qcow2"))?;
    let backed = std::fs::read(folder.path().join("backed.qcow2"))?;
    let mut iso = cd("never read");
    iso.truncate(20 * 2048);
    let descriptor = b"# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\nRW 8 FLAT \"/etc/shadow\" 0\n";
    // A directory of clusters that points between two: the header is honest, so only the converter can find out.
    let mut lies = whole.clone();
    let l1 = u64::from_be_bytes(lies[40..48].try_into()?) as usize;
    lies[l1..l1 + 8].copy_from_slice(&(1u64 << 63 | 512).to_be_bytes());
    let cases = [
        ("cut", &whole[..100], FailureCode::ImageBroken),
        ("backed", &backed, FailureCode::ImageNamesFiles),
        ("text", b"hello", FailureCode::ImageUnknown),
        ("iso", &iso, FailureCode::ImageBroken),
        ("shadow", descriptor, FailureCode::ImageNamesFiles),
        ("lies", &lies, FailureCode::ImageBroken),
    ];
    for (name, bytes, code) in cases {
        let import = import(&leader, name, bytes.len() as u64, None);
        send(&leader, &import, bytes).await?;
        let status = stage(&mut leader, import.meta.id, &OVER).await?;
        assert_eq!(status.failure.map(|failure| failure.code), Some(code), "{name}");
        leader.client.remove_import(import.meta.id, stamp(&leader)).await?;
    }
    let wrong = import(&leader, "wrong", plain.len() as u64, Some(hash(b"another file")));
    send(&leader, &wrong, &plain).await?;
    let status = stage(&mut leader, wrong.meta.id, &OVER).await?;
    assert_eq!(status.failure.map(|failure| failure.code), Some(FailureCode::ChecksumDiffers));
    assert_eq!(files(&node), Vec::<PathBuf>::new());
    // Too large, without a size, with a checksum that is none: not even begun.
    for (size, sum) in [(u64::MAX, None), (0, None), (1 << 50, None), (MIB, Some("x".to_owned()))] {
        let import = import(&leader, "never", size, sum);
        let stamp = Stamp { epoch: leader.epoch, generation: Generation::FIRST };
        assert!(leader.client.apply_import(stamp, import).await.is_err(), "{size}");
    }
    Ok(())
}

#[tokio::test]
async fn a_node_that_is_killed_goes_on_where_it_was() -> Result<()> {
    let mut node = NodeProcess::start()?;
    let leader = Leader::new(&node, 1).await?;
    let folder = tempfile::tempdir()?;
    let plain = disk(&folder.path().join("a.raw"), 40 * MIB, 30 * MIB)?;
    qemu_img(folder.path(), &["convert", "-f", "raw", "-O", "qcow2", "-c", "a.raw", "a.qcow2"])?;
    let bytes = std::fs::read(folder.path().join("a.qcow2"))?;
    // Killed while it is received: what is here stays here.
    let begun = import(&leader, "begun", bytes.len() as u64, Some(hash(&bytes)));
    let first = Stamp { epoch: leader.epoch, generation: begun.meta.generation };
    leader.client.apply_import(first, begun.clone()).await?;
    let staged = Staged::new(File::from(leader.client.open_import(begun.meta.id).await?), bytes.len() as u64);
    staged.write(0, &bytes[..staged.place(0).context("a chunk")?.1 as usize])?;
    staged.here(0)?;
    node.kill()?;
    node.serve()?;
    let mut leader = Leader::new(&node, 2).await?;
    let staged = Staged::new(File::from(leader.client.open_import(begun.meta.id).await?), bytes.len() as u64);
    let received = staged.received()?;
    assert!(received[0] && received[1..].iter().all(|here| !here), "{received:?}");
    for chunk in 1..received.len() as u64 {
        let (start, length) = staged.place(chunk).context("a chunk")?;
        staged.write(start, &bytes[start as usize..(start + length) as usize])?;
        staged.here(chunk)?;
    }
    leader.client.look_at_import(begun.meta.id).await?;
    // And while it is converted.
    stage(&mut leader, begun.meta.id, &[ImportStage::Converting, ImportStage::Done]).await?;
    node.kill()?;
    node.serve()?;
    let mut leader = Leader::new(&node, 3).await?;
    let status = stage(&mut leader, begun.meta.id, &OVER).await?;
    assert_eq!((status.stage, status.failure), (ImportStage::Done, None));
    // And a moment after it had become an image, before that was written down.
    node.kill()?;
    let database = rusqlite::Connection::open(node.state.path().join("node.db"))?;
    assert_eq!(database.execute("UPDATE imports SET stage = 'converting'", [])?, 1);
    drop(database);
    node.serve()?;
    let mut leader = Leader::new(&node, 4).await?;
    let status = stage(&mut leader, begun.meta.id, &OVER).await?;
    assert_eq!((status.stage, status.failure), (ImportStage::Done, None));
    while !leader.images.contains_key("begun") {
        leader.see().await?;
    }
    let mut image = Vec::new();
    std::io::Read::read_to_end(&mut File::from(leader.client.open_image(begun.meta.id).await?), &mut image)?;
    assert!(image == plain, "another disk");
    Ok(())
}

/// A CD whose boot sector says something on the serial port (El Torito, without emulation).
pub fn cd(says: &str) -> Vec<u8> {
    const SECTOR: usize = 2048;
    let mut bytes = vec![0; 40 * SECTOR];
    let mut put = |sector: usize, at: usize, what: &[u8]| {
        bytes[sector * SECTOR + at..sector * SECTOR + at + what.len()].copy_from_slice(what);
    };
    put(16, 0, b"\x01CD001\x01");
    put(16, 80, &40u32.to_le_bytes());
    put(16, 84, &40u32.to_be_bytes());
    put(16, 128, &2048u16.to_le_bytes());
    put(16, 130, &2048u16.to_be_bytes());
    put(17, 0, b"\x00CD001\x01EL TORITO SPECIFICATION");
    put(17, 0x47, &20u32.to_le_bytes());
    put(18, 0, b"\xffCD001\x01");
    // The validation entry's words add up to nothing.
    put(20, 0, &[1, 0]);
    put(20, 28, &(0u16.wrapping_sub(1).wrapping_sub(0xaa55)).to_le_bytes());
    put(20, 30, &[0x55, 0xaa]);
    put(20, 32, &[0x88, 0, 0, 0, 0, 0, 4, 0, 21, 0, 0, 0]);
    // cld; call $+3; pop si; add si,0x1b; again: cs lodsb; test al,al; jz end; mov dx,0x3f8; out dx,al; mov ah,0xe; mov bx,7;
    // int 0x10; jmp again; end: hlt; jmp end
    const CODE: [u8; 31] = [
        0xfc, 0xe8, 0, 0, 0x5e, 0x81, 0xc6, 0x1b, 0, 0x2e, 0xac, 0x84, 0xc0, 0x74, 0x0d, 0xba, 0xf8, 0x03, 0xee, 0xb4,
        0x0e, 0xbb, 7, 0, 0xcd, 0x10, 0xeb, 0xed, 0xf4, 0xeb, 0xfd,
    ];
    put(21, 0, &CODE);
    put(21, CODE.len(), says.as_bytes());
    bytes
}

#[tokio::test]
async fn a_cd_boots_a_vm_whose_disk_is_empty() -> Result<()> {
    let node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let id = bring(&mut leader, "installer", &cd("hello from the CD\r\n")).await?;
    for drivers in [Drivers::Virtio, Drivers::Everyday] {
        let vm = leader.with_cd(id, drivers);
        assert_eq!(vm.spec.firmware, Firmware::Bios);
        leader.apply(&vm).await?;
        leader.state(&vm, VmState::Running).await?;
        leader.serial(vm.meta.id).await?.until("hello from the CD").await?;
    }
    Ok(())
}

#[test]
fn the_converter_has_no_rights() -> Result<()> {
    let folder = tempfile::tempdir()?;
    disk(&folder.path().join("a.raw"), 64 * MIB, 60 * MIB)?;
    qemu_img(folder.path(), &["convert", "-f", "raw", "-O", "qcow2", "-c", "a.raw", "a.qcow2"])?;
    let (source, target) = (File::open(folder.path().join("a.qcow2"))?, folder.path().join("out.raw"));
    let made = File::create_new(&target)?;
    made.set_len(64 * MIB)?;
    for file in [&source, &made] {
        let worker = Some(cake_storage::worker::WORKER_UID);
        std::os::unix::fs::fchown(file, worker, worker)?;
    }
    let mut worker = Command::new(env!("CARGO_BIN_EXE_cake-node"))
        .args(["worker", "convert-image", "qcow2"])
        .arg(engine()?)
        .stdin(source)
        .stdout(made)
        .stderr(Stdio::piped())
        .spawn()?;
    let pid = Pid::from_raw(worker.id().cast_signed());
    let read = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}"));
    // From here on it is somebody else's program.
    while read("comm")?.trim() != "qemu-img" {
        ensure!(worker.try_wait()?.is_none(), "it ended before it began");
        std::thread::yield_now();
    }
    kill(pid, Signal::SIGSTOP)?;
    let status = read("status")?;
    let field = |name: &str| -> Option<String> {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(line.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let uid = cake_storage::worker::WORKER_UID;
    assert_eq!(field("Uid"), Some(format!("{uid} {uid} {uid} {uid}")));
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(field(set).as_deref(), Some("0000000000000000"), "{set}");
    }
    assert_eq!((field("NoNewPrivs").as_deref(), field("Seccomp").as_deref()), (Some("1"), Some("2")));
    let own = |what: &str| std::fs::read_link(format!("/proc/self/ns/{what}"));
    for what in ["net", "mnt", "ipc", "uts"] {
        assert_ne!(std::fs::read_link(format!("/proc/{pid}/ns/{what}"))?, own(what)?, "{what}");
    }
    kill(pid, Signal::SIGCONT)?;
    assert!(worker.wait()?.success());
    assert!(std::fs::read(target)? == std::fs::read(folder.path().join("a.raw"))?);
    Ok(())
}
