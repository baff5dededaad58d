//! One running cake in a directory of its own.

use crate::cake::Cake;
use crate::place::Place;
use crate::process::{Daemon, Process, is_alive};
use crate::{DEADLINE, in_time};
use anyhow::{Context, Result, ensure};
use cake_client::wire::{NewVm, Task, Vm};
use cake_client::{Client, Credential, Seen, Trust};
use cake_types::ByteSize;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// caked's user here: every Debian has it.
const CAKED_USER: &str = "nobody";
pub const ADMIN: &str = "admin";
pub const PASSWORD: &str = "correct horse battery";
pub const SETUP_LANGUAGE: &str = "en";

/// Both daemons, their state, and every QEMU that they started.
#[derive(Debug)]
pub struct Instance {
    place: Place,
    directory: tempfile::TempDir,
    node: Option<Daemon>,
    caked: Option<Daemon>,
    caked_ids: (u32, u32),
    accelerator: &'static str,
    /// Address and port, fixed by the first start.
    https: String,
    /// More in caked's environment.
    caked_environment: Vec<(String, String)>,
}

impl Instance {
    /// Both daemons, before the wizard.
    pub fn start() -> Result<Self> {
        Self::start_with(&[])
    }

    /// As [`Instance::start`], with more in caked's environment.
    pub fn start_with(caked_environment: &[(&str, &str)]) -> Result<Self> {
        Self::start_on("tcg", caked_environment)
    }

    /// As [`Instance::start_with`], with an accelerator: `auto` as in service, or `tcg`, which every machine has and which
    /// saves each instance the probe.
    pub fn start_on(accelerator: &'static str, caked_environment: &[(&str, &str)]) -> Result<Self> {
        Self::start_in(&std::env::temp_dir(), accelerator, caked_environment)
    }

    /// As [`Instance::start_on`], with its state in this folder, which every user may enter.
    fn start_in(folder: &Path, accelerator: &'static str, caked_environment: &[(&str, &str)]) -> Result<Self> {
        ensure!(nix::unistd::geteuid().is_root(), "cake-node is root's: run this test as root");
        let place = Place::find()?;
        // A short name: a socket's path has at most 107 bytes.
        let directory = tempfile::Builder::new().prefix("cake-").tempdir_in(folder)?;
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
        for (name, mode) in [("bin", 0o755), ("run", 0o755), ("log", 0o755), ("node", 0o700), ("caked", 0o700)] {
            let path = directory.path().join(name);
            fs::create_dir(&path)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        }
        let user = nix::unistd::User::from_name(CAKED_USER)?.context("every system has that user")?;
        let (uid, gid) = (user.uid.as_raw(), user.gid.as_raw());
        chown(directory.path().join("caked"), Some(uid), Some(gid))?;
        let mut instance = Self {
            place,
            directory,
            node: None,
            caked: None,
            caked_ids: (uid, gid),
            accelerator,
            https: "127.0.0.1:0".into(),
            caked_environment: caked_environment
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .collect(),
        };
        // caked's user need not be able to enter the checkout.
        for program in ["caked", "cake-node"] {
            let to = instance.state().join("bin").join(program);
            fs::copy(instance.place.program(program), &to)?;
            fs::set_permissions(&to, fs::Permissions::from_mode(0o755))?;
        }
        instance.start_node()?;
        instance.start_caked()?;
        Ok(instance)
    }

    /// Both daemons, the wizard answered, and a client of the administrator.
    pub async fn ready() -> Result<(Self, Client)> {
        Self::ready_in(&std::env::temp_dir(), "tcg").await
    }

    /// As [`Instance::ready`], with its state in this folder and an accelerator.
    pub async fn ready_in(folder: &Path, accelerator: &'static str) -> Result<(Self, Client)> {
        let instance = Self::start_in(folder, accelerator, &[])?;
        instance.answer_wizard().await?;
        let client = instance.administrator().await?;
        instance.settled(&client).await?;
        Ok((instance, client))
    }

    pub fn state(&self) -> &Path {
        self.directory.path()
    }

    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The console's address.
    pub fn url(&self) -> String {
        format!("https://{}", self.https)
    }

    pub fn address(&self) -> &str {
        &self.https
    }

    pub fn ca(&self) -> PathBuf {
        self.state().join("ca.pem")
    }

    pub fn node(&self) -> &Daemon {
        self.node.as_ref().expect("the node runs")
    }

    pub fn caked(&self) -> &Daemon {
        self.caked.as_ref().expect("caked runs")
    }

    pub fn start_node(&mut self) -> Result<()> {
        let state = self.state();
        let mut command = Command::new(state.join("bin/cake-node"));
        command
            .arg("serve")
            .arg("--state")
            .arg(state.join("node"))
            .arg("--engine")
            .arg(&self.place.engine)
            .arg("--images")
            .arg(&self.place.images)
            .arg("--socket")
            .arg(state.join("run/node.sock"))
            .args(["--allow-user", CAKED_USER, "--accelerator", self.accelerator]);
        let log = state.join("log/cake-node.log");
        self.node = Some(Daemon::start(command, &log)?);
        Ok(())
    }

    pub fn start_caked(&mut self) -> Result<()> {
        let state = self.state();
        let mut command = self.caked_command("serve");
        command.arg("--node-socket").arg(state.join("run/node.sock")).arg("--https").arg(&self.https);
        command.envs(self.caked_environment.iter().map(|(name, value)| (name, value)));
        let log = state.join("log/caked.log");
        let daemon = Daemon::start(command, &log)?;
        self.caked = Some(daemon);
        if self.https.ends_with(":0") {
            self.remember_address()?;
        }
        Ok(())
    }

    fn caked_command(&self, command: &str) -> Command {
        let mut caked = Command::new(self.state().join("bin/caked"));
        caked.arg(command).arg("--state").arg(self.state().join("caked"));
        caked.uid(self.caked_ids.0).gid(self.caked_ids.1).current_dir("/");
        caked
    }

    /// What `caked status` says: address, fingerprint, and the setup token as long as there is one.
    pub fn status(&self) -> Result<Value> {
        let output = self.caked_command("status").output()?;
        ensure!(output.status.success(), "caked status: {}", String::from_utf8_lossy(&output.stderr));
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Writes `cake.toml` as `make up` does, and keeps the port for restarts.
    fn remember_address(&mut self) -> Result<()> {
        let status = self.status()?;
        let url = status["url"].as_str().context("a url")?;
        self.https = url.trim_start_matches("https://").trim_end_matches('/').to_owned();
        let ca = find_file(&self.state().join("caked"), "ca.pem").context("the authority's certificate")?;
        fs::copy(ca, self.ca())?;
        fs::set_permissions(self.ca(), fs::Permissions::from_mode(0o644))?;
        fs::write(self.state().join("cake.toml"), format!("url = \"https://{}\"\nca = \"ca.pem\"\n", self.https))?;
        Ok(())
    }

    /// `kill -9` of caked.
    pub fn kill_caked(&mut self) {
        if let Some(mut caked) = self.caked.take() {
            caked.kill();
        }
    }

    /// `kill -9` of cake-node.
    pub fn kill_node(&mut self) {
        if let Some(mut node) = self.node.take() {
            node.kill();
        }
    }

    /// `kill -9` of both, and both again.
    pub fn crash(&mut self) -> Result<()> {
        self.kill_caked();
        self.kill_node();
        self.start_node()?;
        self.start_caked()
    }

    pub fn setup_token(&self) -> Result<String> {
        let status = self.status()?;
        Ok(status["setup_token"].as_str().context("the wizard is still to be answered")?.to_owned())
    }

    pub async fn answer_wizard(&self) -> Result<()> {
        self.anonymous()?.set_up(&self.setup_token()?, &answers()).await?;
        Ok(())
    }

    /// A client that has not said who asks.
    pub fn anonymous(&self) -> Result<Client> {
        Ok(Client::new(&self.url(), &Trust::file(&self.ca())?)?.patient(DEADLINE / 4))
    }

    /// A client with an API token of the administrator.
    pub async fn administrator(&self) -> Result<Client> {
        let (session, _) = self.anonymous()?.log_in(ADMIN, PASSWORD).await?;
        let token = session.create_token(&format!("test {}", uuid::Uuid::new_v4().simple())).await?;
        let token = token.token.clone().context("a new token is shown once")?;
        Ok(self.anonymous()?.with(Credential::Token(token)))
    }

    /// The `cake` program on this instance.
    pub fn cake(&self) -> Cake {
        Cake::new(self.place.program("cake"), self.state())
    }

    /// Waits until a caked that was just started has heard from its node what there is.
    pub async fn settled(&self, client: &Client) -> Result<()> {
        let wait = async {
            loop {
                let mut watch = client.watch(None).await?;
                loop {
                    let images = client.images().await?.items;
                    let nodes = client.nodes().await?.items;
                    let pools = client.pools().await?.items;
                    let there = !images.is_empty() && images.iter().all(|image| image.available == Some(true));
                    // Before its pool is measured, caked can't say that a disk does not fit.
                    let there = there && pools.iter().all(|pool| pool.free.is_some());
                    if there && nodes.iter().any(|node| node.connected == Some(true)) {
                        return Ok(());
                    }
                    if watch.next().await?.is_none() {
                        break;
                    }
                }
            }
        };
        in_time("caked hears from its node", wait).await
    }

    /// Creates a cake-tiny VM and waits until it runs.
    pub async fn tiny(&self, client: &Client, name: &str) -> Result<Seen<Vm>> {
        let new = NewVm {
            name: name.into(),
            image: "cake-tiny".into(),
            cpus: 1,
            memory: ByteSize::mib(256),
            disk: Some(ByteSize::mib(128)),
            start: Some(true),
            ..NewVm::default()
        };
        self.create(client, &new).await
    }

    /// Creates the guest of a few dozen bytes, which prints one line and rests.
    pub async fn pvh(&self, client: &Client, name: &str, start: bool) -> Result<Seen<Vm>> {
        self.create(client, &pvh(name, start)).await
    }

    pub async fn create(&self, client: &Client, new: &NewVm) -> Result<Seen<Vm>> {
        let task = client.create_vm(new).await?;
        let id = task.subject.id.to_string();
        self.done(client, task).await?;
        let vm = client.vm(&id).await?;
        Ok(vm)
    }

    /// Waits for a task's end, which must be a good one.
    pub async fn done(&self, client: &Client, task: Seen<Task>) -> Result<Seen<Task>> {
        let what = format!("{} of {}", task.kind, task.subject.name);
        let ended = in_time(&what, async { Ok(client.wait_task(task.id, |_| {}).await?) }).await?;
        ensure!(ended.succeeded(), "{what}: {}", ended.json);
        Ok(ended)
    }

    /// Waits until a VM is as it should be.
    pub async fn until(&self, client: &Client, vm: &str, right: impl Fn(&Vm) -> bool) -> Result<Seen<Vm>> {
        let mut last = String::new();
        let wait = async {
            loop {
                let mut watch = client.watch(None).await?;
                loop {
                    match client.vm(vm).await {
                        Ok(seen) => {
                            if right(&seen) {
                                return Ok(seen);
                            }
                            last.clone_from(&seen.json);
                        }
                        // Not yet: an orphan is there once its node has told of it.
                        Err(error) if error.code() == Some("not-found") => {}
                        Err(error) => return Err(error.into()),
                    }
                    if watch.next().await?.is_none() {
                        break;
                    }
                }
            }
        };
        in_time(vm, wait).await.with_context(|| last)
    }

    /// A VM's QEMU, known by pid and start time.
    pub fn qemu(&self, vm: &Vm) -> Result<Process> {
        let pid = vm.pid.with_context(|| format!("{} has no process: {vm:?}", vm.name))?;
        Process::find(pid).with_context(|| format!("process {pid} of {} does not exist", vm.name))
    }
}

/// The wizard's answers, as the API takes them.
pub fn answers() -> Value {
    json!({
        "language": SETUP_LANGUAGE,
        "name": "cake",
        "time_zone": "Etc/UTC",
        "administrator": { "name": ADMIN, "password": PASSWORD },
    })
}

/// The measuring guest, as it is asked for.
pub fn pvh(name: &str, start: bool) -> NewVm {
    NewVm {
        name: name.into(),
        image: "cake-pvh".into(),
        cpus: 1,
        memory: ByteSize::mib(32),
        network: Some("none".into()),
        start: Some(start),
        ..NewVm::default()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.kill_caked();
        self.kill_node();
        let folders = fs::read_dir(self.state().join("node/vms")).into_iter().flatten().flatten();
        let ids: Vec<String> = folders.map(|folder| folder.file_name().to_string_lossy().into_owned()).collect();
        for guest in qemus_of(&ids).into_iter().filter_map(Process::find) {
            guest.kill();
        }
    }
}

/// Pids of the QEMUs that were started for these VMs.
pub fn qemus_of(ids: &[String]) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_string_lossy().parse::<u32>().ok());
    let ours = |pid: &u32| {
        let program = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let arguments = String::from_utf8_lossy(&arguments);
        program.starts_with("qemu-system") && is_alive(*pid) && ids.iter().any(|id| arguments.contains(id))
    };
    pids.filter(ours).collect()
}

fn find_file(directory: &Path, name: &str) -> Option<PathBuf> {
    let entries: Vec<_> = fs::read_dir(directory).ok()?.flatten().map(|entry| entry.path()).collect();
    if let Some(found) = entries.iter().find(|path| path.is_file() && path.file_name().is_some_and(|n| n == name)) {
        return Some(found.clone());
    }
    entries.iter().filter(|path| path.is_dir()).find_map(|path| find_file(path, name))
}
