//! cake's main job, end to end on real parts: a VM is made, boots, is typed into, and outlives everything.

use anyhow::{Context, Result, ensure};
use cake_client::VmAction;
use cake_client::wire::{CloudInit, GuestUser, NewVm, Vm};
use cake_tests::{Cake, Instance, PASSWORD, Terminal, in_time, is_alive, qemus_of};
use cake_types::ByteSize;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout};

/// `cake vm console` with pipes instead of a terminal.
struct Piped {
    keys: ChildStdin,
    screen: ChildStdout,
    seen: String,
    read: usize,
    _child: Child,
}

impl Piped {
    fn open(cake: &Cake, vm: &str) -> Result<Self> {
        let mut command = cake.command(&["vm", "console", vm, "--serial"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn()?;
        let (keys, screen) = (child.stdin.take().context("stdin")?, child.stdout.take().context("stdout")?);
        Ok(Self { keys, screen, seen: String::new(), read: 0, _child: child })
    }

    async fn type_in(&mut self, text: &str) -> Result<()> {
        Ok(self.keys.write_all(text.as_bytes()).await?)
    }

    async fn expect(&mut self, text: &str) -> Result<()> {
        let wait = async {
            let mut buffer = [0; 4096];
            while self.seen[self.read..].find(text).is_none() {
                let length = self.screen.read(&mut buffer).await?;
                ensure!(length > 0, "the console ended");
                self.seen.push_str(&String::from_utf8_lossy(&buffer[..length]));
            }
            Ok(())
        };
        in_time(&format!("{text:?} on the console"), wait).await.with_context(|| self.seen.clone())?;
        self.read += self.seen[self.read..].find(text).unwrap_or(0) + text.len();
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vm_is_made_typed_into_and_outlives_both_daemons() -> Result<()> {
    let mut instance = Instance::start()?;
    let cake = instance.cake();
    ensure!(cake.json(&["setup", "status"]).await?["done"] == false, "the wizard is still to be answered");
    instance.answer_wizard().await?;
    let login = cake.run_with(&["login", "--user", "admin", "--password-stdin"], PASSWORD.as_bytes()).await?;
    ensure!(login.code == 0, "{login:?}");

    let vm = cake
        .json(&[
            "vm",
            "create",
            "web",
            "--image",
            "cake-tiny",
            "--memory",
            "256MiB",
            "--disk",
            "128MiB",
            "--hostname",
            "erstes",
        ])
        .await?;
    ensure!(vm["state"] == "running" && vm["name"] == "web" && vm["project"] == "default", "{vm}");
    let pid = vm["pid"].as_u64().context("a running VM has a pid")?;
    let client = instance.administrator().await?;
    let process = {
        let vm = client.vm("web").await?;
        instance.qemu(&vm)?
    };

    let mut console = Piped::open(&cake, "web")?;
    console.expect("ready on").await?;
    console.type_in("\n").await?;
    console.expect("# ").await?;
    console.type_in("echo come ba''ck $(hostname)\n").await?;
    console.expect("come back erstes").await?;

    instance.crash()?;
    ensure!(process.is_alive(), "QEMU outlives both daemons");
    // The same call goes on: it finds the console again by itself.
    console.type_in("echo still the''re\n").await?;
    console.expect("still there").await?;
    let after = cake.json(&["vm", "show", "web"]).await?;
    ensure!(after["state"] == "running" && after["pid"].as_u64() == Some(pid), "the same QEMU: {after}");
    ensure!(after["id"] == vm["id"], "the same VM");
    drop(console);

    cake.ok(&["vm", "pause", "web"]).await?;
    ensure!(cake.json(&["vm", "show", "web"]).await?["state"] == "paused");
    cake.ok(&["vm", "resume", "web"]).await?;
    cake.ok(&["vm", "rename", "web", "shop"]).await?;
    cake.ok(&["vm", "stop", "shop"]).await?;
    ensure!(!process.is_alive(), "force off ends QEMU");
    cake.ok(&["vm", "start", "shop"]).await?;
    let again = instance.until(&client, "shop", |vm| vm.state == "running").await?;
    let mut terminal = Terminal::open(&client, "shop").await?;
    terminal.shell().await?;
    terminal.power_button().await?;
    cake.ok(&["vm", "shutdown", "shop"]).await?;
    let off = instance.until(&client, "shop", |vm| vm.state == "stopped").await?;
    ensure!(off.power == "stopped", "a guest that shut down stays off: {}", off.json);
    ensure!(!is_alive(again.pid.context("a pid")?), "the guest shut down, so QEMU ended");
    // Into the bin, out of it again, and then for good.
    cake.ok(&["vm", "delete", "shop"]).await?;
    ensure!(cake.run(&["vm", "show", "shop"]).await?.code == 3, "what is in the bin has no name");
    cake.ok(&["bin", "restore", "shop", "--name", "shop-2"]).await?;
    cake.ok(&["vm", "start", "shop-2"]).await?;
    Terminal::open(&client, "shop-2").await?.shell().await?;
    cake.ok(&["vm", "delete", "shop-2", "--now", "--yes"]).await?;
    let gone = cake.run(&["vm", "show", "shop"]).await?;
    ensure!(gone.code == 3, "{gone:?}");
    let mut left = named(&instance.state().join("node"), vm["id"].as_str().context("an id")?)?;
    // The launcher's note of which process it was is swept when the node starts next.
    left.retain(|path| path.parent().is_none_or(|place| !place.ends_with("units")));
    ensure!(left.is_empty(), "of a deleted VM there is still {left:?}");
    Ok(())
}

/// Files and directories of that name, however deep.
fn named(directory: &Path, name: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().contains(name) {
            found.push(entry.path());
        } else if entry.file_type()?.is_dir() {
            found.extend(named(&entry.path(), name)?);
        }
    }
    Ok(found)
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    let status = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status()?;
    ensure!(status.success(), "cp {}", from.display());
    Ok(())
}

/// The epoch that the node has seen last.
async fn epoch(client: &cake_client::Client) -> Result<u64> {
    let nodes = client.nodes().await?;
    nodes.items.first().and_then(|node| node.epoch).with_context(|| nodes.json.clone())
}

/// A file of the disk that a guest's cloud-init reads (NoCloud).
fn seed(instance: &Instance, vm: &Vm, name: &str) -> Result<String> {
    let path = instance.state().join("node/vms").join(vm.id.to_string()).join("seed.img");
    ensure!(fs::metadata(&path)?.permissions().mode() & 0o007 == 0, "{} is for its VM alone", path.display());
    let disk = std::io::Cursor::new(fs::read(&path)?);
    let disk = fatfs::FileSystem::new(disk, fatfs::FsOptions::new())?;
    ensure!(disk.volume_label() == "CIDATA", "{}", disk.volume_label());
    let mut text = String::new();
    disk.root_dir().open_file(name)?.read_to_string(&mut text)?;
    Ok(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cloud_init_is_told_is_on_the_guests_disk_alone() -> Result<()> {
    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFUTT8yKMkJm4xpt5EYSvrvwzBuLtO8GyCWDeKE0PsOb ada@example";
    const SECRET: &str = "a-word-that-is-nowhere-else";
    let (instance, client) = Instance::ready().await?;
    let tiny = |name: &str, told: CloudInit| NewVm {
        name: name.into(),
        image: "cake-tiny".into(),
        cpus: 1,
        memory: ByteSize::mib(256),
        start: Some(true),
        cloud_init: Some(told),
        ..NewVm::default()
    };
    let ada = GuestUser { name: "ada".into(), ssh_keys: vec![KEY.into()], administrator: true };
    let bob = GuestUser { name: "bob".into(), ssh_keys: Vec::new(), administrator: false };
    let told = CloudInit { hostname: Some("web-1".into()), users: vec![ada, bob], user_data: None };
    let vm = instance.create(&client, &tiny("people", told)).await?;
    let (meta, user) = (seed(&instance, &vm, "meta-data")?, seed(&instance, &vm, "user-data")?);
    ensure!(
        meta.contains(&format!("instance-id: \"{}\"", vm.id)) && meta.contains("local-hostname: \"web-1\""),
        "{meta}"
    );
    // YAML contains JSON: the users are one line of it.
    let users = user.lines().find_map(|line| line.strip_prefix("users: ")).with_context(|| user.clone())?;
    let users: serde_json::Value = serde_json::from_str(users)?;
    ensure!(user.starts_with("#cloud-config\n") && users[0]["name"] == "ada" && users[1]["name"] == "bob", "{user}");
    ensure!(users[0]["ssh_authorized_keys"] == serde_json::json!([KEY]) && users[0]["sudo"].is_string(), "{user}");
    ensure!(users[1]["sudo"].is_null(), "{user}");

    let text = format!("#cloud-config\npassword: {SECRET}\n# 會計\n");
    let told = CloudInit { hostname: None, users: Vec::new(), user_data: Some(text.clone()) };
    let vm = instance.create(&client, &tiny("verbatim", told)).await?;
    ensure!(seed(&instance, &vm, "user-data")? == text, "user-data is given as it came");
    // Sealed to the node on its way: neither Store, Journal, the node's database nor a log can be read for it.
    let output = std::process::Command::new("grep").args(["-rlaF", SECRET]).arg(instance.state()).output()?;
    let found = String::from_utf8(output.stdout)?;
    let own = format!("node/vms/{}/seed.img", vm.id);
    ensure!(found.lines().all(|file| file.ends_with(&own)) && found.lines().count() == 1, "{found}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_restored_from_an_old_copy_removes_nothing() -> Result<()> {
    let (mut instance, client) = Instance::ready().await?;
    let old = instance.pvh(&client, "old", true).await?;
    instance.kill_caked();
    let state = instance.state().join("caked");
    let copy = instance.state().join("an-hour-ago");
    copy_tree(&state, &copy)?;
    instance.start_caked()?;
    let young = instance.pvh(&client, "young", true).await?;
    let gone = instance.pvh(&client, "gone", false).await?;
    instance.done(&client, client.delete_vm(&gone).await?).await?;
    let before = epoch(&client).await?;

    instance.kill_caked();
    fs::remove_dir_all(&state)?;
    fs::rename(&copy, &state)?;
    instance.start_caked()?;
    let orphan = instance.until(&client, &young.id.to_string(), |vm| vm.orphaned).await?;
    ensure!(orphan.pid == young.pid && instance.qemu(&young)?.is_alive(), "an orphan goes on running: {}", orphan.json);
    let kept = instance.until(&client, "old", |vm| vm.state == "running").await?;
    ensure!(kept.pid == old.pid, "what the copy knows goes on as it was: {}", kept.json);
    let after = epoch(&client).await?;
    ensure!(after > before, "the epoch rises above what the node has seen: {before} → {after}");

    let cake = instance.cake();
    let login = cake.run_with(&["login", "--user", "admin", "--password-stdin"], PASSWORD.as_bytes()).await?;
    ensure!(login.code == 0, "{login:?}");
    cake.ok(&["vm", "adopt", &young.id.to_string()]).await?;
    let adopted = instance.until(&client, &young.id.to_string(), |vm| !vm.orphaned && vm.state == "running").await?;
    ensure!(adopted.name == "young" && adopted.pid == young.pid, "adopted as it was: {}", adopted.json);
    // It is an ordinary VM again.
    instance.done(&client, client.act("young", VmAction::Stop).await?).await?;
    ensure!(!instance.qemu(&young).is_ok_and(|process| process.is_alive()), "it obeys");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_storms_start_nothing_twice_and_lose_nothing() -> Result<()> {
    let (mut instance, client) = Instance::ready().await?;
    let mut guests = Vec::new();
    for name in ["a", "b", "c"] {
        guests.push(instance.pvh(&client, name, true).await?);
    }
    for round in 0..10 {
        match round % 3 {
            0 => {
                instance.kill_node();
                instance.start_node()?;
            }
            1 => {
                instance.kill_caked();
                instance.start_caked()?;
            }
            _ => instance.crash()?,
        }
        for guest in &guests {
            let now = instance.until(&client, &guest.id.to_string(), |vm| vm.state == "running").await?;
            ensure!(now.pid == guest.pid, "round {round}: {} had {:?}, has {:?}", guest.name, guest.pid, now.pid);
        }
    }
    // They are not only seen, they obey.
    for guest in &guests {
        let id = guest.id.to_string();
        for action in [VmAction::Pause, VmAction::Resume] {
            instance.done(&client, client.act(&id, action).await?).await?;
        }
        ensure!(client.vm(&id).await?.pid == guest.pid);
    }
    let uuids: Vec<String> = guests.iter().map(|guest| guest.id.to_string()).collect();
    let running = qemus_of(&uuids);
    ensure!(running.len() == guests.len(), "one QEMU each, not {running:?}");
    Ok(())
}
