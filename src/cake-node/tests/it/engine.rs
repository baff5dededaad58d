//! A running guest whose QEMU is replaced by that of another engine root.

use crate::hostile_qemu::{fake_engine, fake_qemu};
use crate::network::typed;
use crate::office::Office;
use crate::storm::processes_of;
use crate::support::{Leader, NodeProcess, engine};
use anyhow::{Context, Result, ensure};
use cake_node_api::{OperationResult, Verb};
use cake_types::{
    ByteSize, EngineStep, EngineWay, FailureCode, Firmware, NicSpec, OperationId, Power, Vm, VmId, VmState, VmStatus,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

const MIB: u64 = 1 << 20;
/// Behind the image's last partition.
const FREE: u64 = 72;

/// Two engine roots, the second being the first under another name, and the link that says which one is current.
struct Roots {
    folder: TempDir,
    second: bool,
}

impl Roots {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        std::fs::create_dir(folder.path().join("root-two"))?;
        let mounted =
            Command::new("mount").arg("--bind").arg(engine()?).arg(folder.path().join("root-two")).status()?;
        ensure!(mounted.success(), "the second root");
        symlink(engine()?, folder.path().join("current"))?;
        Ok(Self { folder, second: false })
    }

    fn link(&self) -> PathBuf {
        self.folder.path().join("current")
    }

    fn set(&self, root: &Path) -> Result<()> {
        let new = self.folder.path().join("new");
        symlink(root, &new)?;
        Ok(std::fs::rename(new, self.link())?)
    }

    /// The other one is current.
    fn switch(&mut self) -> Result<()> {
        self.second = !self.second;
        match self.second {
            true => self.set(&self.folder.path().join("root-two")),
            false => self.set(&engine()?),
        }
    }
}

/// The engine with another file here and there.
struct Patched(TempDir);

impl Patched {
    /// Its QEMU does not take memory that changes hands.
    fn without_cpr() -> Result<Self> {
        let folder = Self(tempfile::tempdir()?);
        let (patch, engine) = (folder.0.path().join("patch"), engine()?);
        std::fs::create_dir_all(patch.join("usr/bin"))?;
        std::fs::create_dir(folder.root())?;
        std::fs::write(patch.join("behaviour"), "knows no cpr")?;
        std::fs::copy(fake_qemu()?, patch.join("usr/bin/qemu-system-x86_64"))?;
        std::fs::copy(engine.join("usr/bin/qemu-system-x86_64"), patch.join("usr/bin/qemu-real"))?;
        let layers = format!("lowerdir={}:{}", patch.display(), engine.display());
        let mount =
            Command::new("mount").args(["-t", "overlay", "overlay", "-o", &layers]).arg(folder.root()).status()?;
        ensure!(mount.success(), "the patched root");
        Ok(folder)
    }

    fn root(&self) -> PathBuf {
        self.0.path().join("root")
    }
}

impl Drop for Patched {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.root()).status();
    }
}

impl Drop for Roots {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.folder.path().join("root-two")).status();
    }
}

async fn replace(leader: &mut Leader, vm: &Vm) -> Result<OperationResult> {
    let operation = OperationId::now();
    leader.client.operate(operation, vm.meta.id, Verb::ReplaceEngine).await?;
    leader.outcome(operation).await
}

async fn replaced(leader: &mut Leader, vm: &Vm, before: &VmStatus, way: EngineWay) -> Result<VmStatus> {
    let done = replace(leader, vm).await?;
    ensure!(done == OperationResult::Done, "{done:?}");
    let other = |status: &VmStatus| status.pid.is_some() && status.pid != before.pid && status.engine.is_some();
    let status = leader.until(vm.meta.id, other).await?;
    let engine = status.engine.clone().context("an engine")?;
    let replaced = engine.replaced.context("it was replaced")?;
    ensure!((engine.outdated, replaced.way) == (false, way), "{engine:?}");
    ensure!(replaced.pause_us > 0 && replaced.pause_us < 30_000_000, "{engine:?}");
    println!("the guest stood still for {} us ({way:?})", replaced.pause_us);
    let pid = status.pid.context("a pid")?;
    ensure!(processes_of(vm.meta.id)? == [pid], "one QEMU has the guest");
    ensure!(status.state == VmState::Running, "{status:?}");
    Ok(status)
}

/// What lies on the VM's only disk, behind its image.
fn on_disk(node: &NodeProcess, id: VmId, mib: u64) -> Result<String> {
    let pools = Command::new("find").arg(node.state.path()).args(["-size", "80M", "-type", "f"]).output()?;
    let found = String::from_utf8(pools.stdout)?;
    let path = found.lines().find(|path| path.contains(&id.to_string())).with_context(|| found.clone())?;
    let (mut file, mut bytes) = (File::open(path)?, [0; 16]);
    file.seek(SeekFrom::Start(mib * MIB))?;
    file.read_exact(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).trim_end_matches('\0').trim().to_owned())
}

fn write_line(word: &str, mib: u64) -> String {
    format!("echo {word} | dd of=$disk bs=1M seek={mib} conv=fsync,notrunc 2>/dev/null")
}

#[tokio::test]
async fn a_guest_goes_on_in_another_qemu_with_its_disks_its_network_and_its_console() -> Result<()> {
    let mut office = Office::open()?;
    office.serve_dhcp()?;
    let mut roots = Roots::new()?;
    let mut node = NodeProcess::with_engine(roots.link())?;
    let mut leader = Leader::new(&node, 1).await?;
    let bridged = NicSpec::Bridged { bridge: "br0".parse()? };
    let vm = leader.with_nics(leader.tiny(Firmware::Uefi, "moves")?, vec![bridged]);
    let id = vm.meta.id;
    leader.apply(&vm).await?;
    let before = leader.state(&vm, VmState::Running).await?;
    let mut console = leader.serial(id).await?;
    console.until("cake-tiny: ready on moves").await?;
    let has_address = |status: &VmStatus| status.nics.iter().any(|nic| !nic.addresses.is_empty());
    let address = leader.until(id, has_address).await?.nics[0].addresses[0];
    typed(&mut console, "mkdir -p /www && echo hello-from-moves >/www/index.html && httpd -p 80 -h /www").await?;
    let page = format!("http://{address}/");
    assert_eq!(office.ask(&["wget", "-qO-", &page])?, "hello-from-moves\n");
    let ticks = "kept=in-memory; (while true; do echo tick >>/tmp/ticks; sleep 0.1; done) & true";
    typed(&mut console, ticks).await?;
    // The other one is the seed.
    let find = "for d in /sys/block/vd*; do test $(cat $d/size) -gt 100000 && disk=/dev/${d##*/}; done; test -b $disk";
    assert!(typed(&mut console, find).await?.contains("exit=0"));
    typed(&mut console, &write_line("before", FREE)).await?;

    roots.switch()?;
    let after = replaced(&mut leader, &vm, &before, EngineWay::Transfer).await?;
    // The same console, the same shell, the same disk; and others reach it as before.
    assert!(typed(&mut console, "echo is-$kept").await?.contains("is-in-memory"));
    assert!(
        typed(&mut console, "a=$(wc -l </tmp/ticks); sleep 1; test $(wc -l </tmp/ticks) -gt $a")
            .await?
            .contains("exit=0")
    );
    // From the disk, not from the guest's memory.
    let read = format!("echo 3 >/proc/sys/vm/drop_caches; dd if=$disk bs=1M skip={FREE} count=1 | head -c 6");
    let said = typed(&mut console, &read).await?;
    assert!(said.contains("before"), "{said}");
    typed(&mut console, &write_line("after", FREE + 1)).await?;
    assert_eq!(office.ask(&["wget", "-qO-", &page])?, "hello-from-moves\n");

    // Back again, while a node that was killed comes anew in between.
    node.kill()?;
    node.serve()?;
    let mut leader = Leader::new(&node, 2).await?;
    let known = leader.until(id, |status| status.pid == after.pid && status.engine.is_some()).await?;
    assert_eq!(known.engine, after.engine, "what is known of it outlives the node");
    roots.switch()?;
    replaced(&mut leader, &vm, &after, EngineWay::Transfer).await?;
    let mut console = leader.serial(id).await?;
    assert!(typed(&mut console, "echo is-$kept").await?.contains("is-in-memory"));
    assert_eq!(office.ask(&["wget", "-qO-", &page])?, "hello-from-moves\n");
    assert_eq!((on_disk(&node, id, FREE)?.as_str(), on_disk(&node, id, FREE + 1)?.as_str()), ("before", "after"));

    // It ends as any other does.
    let mut vm = vm;
    leader.set_power(&mut vm, Power::Stopped).await?;
    leader.state(&vm, VmState::Stopped).await?;
    assert!(processes_of(id)?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_guest_behind_nat_whose_memory_is_its_qemus_own_is_copied() -> Result<()> {
    let mut roots = Roots::new()?;
    let node = NodeProcess::with_engine(roots.link())?;
    let mut leader = Leader::new(&node, 1).await?;
    let nic = NicSpec::Nat { forwards: vec!["tcp:18099:80".parse()?] };
    let mut vm = leader.with_nics(leader.tiny(Firmware::Bios, "copied")?, vec![nic]);
    vm.spec.hardware.shared_memory = false;
    vm.spec.memory = ByteSize::mib(192);
    leader.apply(&vm).await?;
    let before = leader.state(&vm, VmState::Running).await?;
    let mut console = leader.serial(vm.meta.id).await?;
    console.until("cake-tiny: ready on copied").await?;
    typed(&mut console, "kept=in-memory; mkdir -p /www && echo hello >/www/index.html && httpd -p 80 -h /www").await?;
    assert!(http(18099)?.ends_with("hello\n"));
    roots.switch()?;
    replaced(&mut leader, &vm, &before, EngineWay::Live).await?;
    assert!(typed(&mut console, "echo is-$kept").await?.contains("is-in-memory"));
    assert!(http(18099)?.ends_with("hello\n"), "the port leads to it again");
    Ok(())
}

fn http(port: u16) -> Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut said = String::new();
    stream.read_to_string(&mut said)?;
    Ok(said)
}

#[tokio::test]
async fn a_qemu_that_does_not_take_the_guest_leaves_it_where_it_was() -> Result<()> {
    let mut roots = Roots::new()?;
    let node = NodeProcess::with_engine(roots.link())?;
    let mut leader = Leader::new(&node, 1).await?;
    let vm = leader.tiny(Firmware::Bios, "stays")?;
    leader.apply(&vm).await?;
    let before = leader.state(&vm, VmState::Running).await?;
    let mut console = leader.serial(vm.meta.id).await?;
    console.until("cake-tiny: ready on stays").await?;
    typed(&mut console, "kept=in-memory").await?;

    // One without a QEMU, and one whose QEMU ends at once.
    let (empty, dying) = (tempfile::tempdir()?, tempfile::tempdir()?);
    fake_engine(dying.path(), "dies")?;
    for root in [empty.path(), dying.path()] {
        roots.set(root)?;
        match replace(&mut leader, &vm).await? {
            OperationResult::Failed(why) => {
                ensure!(why.code == FailureCode::EngineRefused && !why.detail.is_empty(), "{why:?}");
                println!("{}: {}", root.display(), why.detail);
            }
            other => anyhow::bail!("{other:?}"),
        }
        let pid = before.pid.context("a pid")?;
        ensure!(processes_of(vm.meta.id)? == [pid], "only the old one is there");
        assert!(typed(&mut console, "echo is-$kept").await?.contains("is-in-memory"));
    }

    // What has gone wrong hinders nothing later.
    roots.switch()?;
    replaced(&mut leader, &vm, &before, EngineWay::Transfer).await?;
    assert!(typed(&mut console, "echo is-$kept").await?.contains("is-in-memory"));
    Ok(())
}

#[tokio::test]
async fn a_qemu_that_takes_no_memory_over_gets_a_copy() -> Result<()> {
    let roots = Roots::new()?;
    let patched = Patched::without_cpr()?;
    let node = NodeProcess::with_engine(roots.link())?;
    let mut leader = Leader::new(&node, 1).await?;
    let vm = leader.tiny(Firmware::Bios, "old")?;
    leader.apply(&vm).await?;
    let before = leader.state(&vm, VmState::Running).await?;
    let mut console = leader.serial(vm.meta.id).await?;
    console.until("cake-tiny: ready on old").await?;
    typed(&mut console, "kept=in-memory").await?;
    roots.set(&patched.root())?;
    let done = replace(&mut leader, &vm).await?;
    ensure!(done == OperationResult::Done, "{done:?}");
    let other = |status: &VmStatus| status.pid != before.pid && status.engine.is_some();
    let status = leader.until(vm.meta.id, other).await?;
    let replaced = status.engine.and_then(|engine| engine.replaced).context("it was replaced")?;
    println!("the guest stood still for {} us ({:?})", replaced.pause_us, replaced.way);
    ensure!(replaced.way == EngineWay::Live, "{replaced:?}");
    ensure!(processes_of(vm.meta.id)? == [status.pid.context("a pid")?], "one QEMU has the guest");
    assert!(typed(&mut console, "echo is-$kept").await?.contains("is-in-memory"));
    Ok(())
}

#[tokio::test]
async fn a_replacement_that_is_called_off_leaves_the_guest_where_it_was() -> Result<()> {
    let mut roots = Roots::new()?;
    let node = NodeProcess::with_engine(roots.link())?;
    let mut leader = Leader::new(&node, 1).await?;
    let mut vm = leader.tiny(Firmware::Bios, "called")?;
    leader.apply(&vm).await?;
    let before = leader.state(&vm, VmState::Running).await?;
    let mut console = leader.serial(vm.meta.id).await?;
    console.until("cake-tiny: ready on called").await?;
    typed(&mut console, "kept=in-memory").await?;
    roots.switch()?;
    let operation = OperationId::now();
    leader.client.operate(operation, vm.meta.id, Verb::ReplaceEngine).await?;
    let at_work = |status: &VmStatus| status.engine.as_ref().is_some_and(|engine| engine.work.is_some());
    let work = leader.until(vm.meta.id, at_work).await?.engine.and_then(|engine| engine.work).context("work")?;
    ensure!((work.operation, work.step) == (operation, EngineStep::Start), "{work:?}");
    // The same once more.
    leader.set_power(&mut vm, Power::Running).await?;
    ensure!(leader.outcome(operation).await? == OperationResult::Superseded);
    let pid = before.pid.context("a pid")?;
    ensure!(processes_of(vm.meta.id)? == [pid], "only the old one is there");
    assert!(typed(&mut console, "echo is-$kept").await?.contains("is-in-memory"));
    // Another time it is wanted.
    replaced(&mut leader, &vm, &before, EngineWay::Transfer).await?;
    assert!(typed(&mut console, "echo is-$kept").await?.contains("is-in-memory"));
    Ok(())
}

fn rounds() -> u32 {
    std::env::var("CAKE_STORM_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(16)
}

#[tokio::test]
async fn killed_at_any_instant_of_a_replacement_one_qemu_has_the_guest() -> Result<()> {
    let mut roots = Roots::new()?;
    let mut node = NodeProcess::with_engine(roots.link())?;
    let mut leader = Leader::new(&node, 1).await?;
    let vm = leader.tiny(Firmware::Bios, "storm")?;
    let id = vm.meta.id;
    leader.apply(&vm).await?;
    leader.state(&vm, VmState::Running).await?;
    let mut console = leader.serial(id).await?;
    console.until("cake-tiny: ready on storm").await?;
    typed(&mut console, "kept=in-memory").await?;
    let mut random = StdRng::seed_from_u64(0xca4e);
    for round in 0..rounds() {
        roots.switch()?;
        let operation = OperationId::now();
        leader.client.operate(operation, id, Verb::ReplaceEngine).await?;
        tokio::time::sleep(Duration::from_micros(random.random_range(0..400_000))).await;
        node.kill()?;
        node.serve()?;
        leader = Leader::new(&node, u64::from(round) + 2).await?;
        // It goes on with what was begun, or finds it done.
        let outcome = leader.outcome(operation).await?;
        ensure!(outcome == OperationResult::Done, "round {round}: {outcome:?}");
        let current = |status: &VmStatus| {
            status.state == VmState::Running && status.engine.as_ref().is_some_and(|engine| !engine.outdated)
        };
        let pid = leader.until(id, current).await?.pid.context("a pid")?;
        ensure!(processes_of(id)? == [pid], "round {round}: one QEMU has the guest");
        let mut console = leader.serial(id).await?;
        let said = typed(&mut console, "echo is-$kept").await?;
        ensure!(said.contains("is-in-memory"), "round {round}: {said}");
    }
    Ok(())
}
