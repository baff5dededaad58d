//! root's own tools: which VMs run, stop them, let the administrator in again. They work whether or not the daemon does.

use crate::database::{Database, VmRow};
use anyhow::{Context, Result, bail, ensure};
use argon2::password_hash::SaltString;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use cake_host::process::LiveProcess;
use cake_node_api::{ClientError, NodeClient, Observed, Verb};
use cake_qmp::Qmp;
use cake_qmp::commands::SystemPowerdown;
use cake_types::{ExitReason, HaltedBy, Name, OperationId, Power, SetupAnswers, VmId, VmState};
use cake_vm::{Folder, Holder};
use data_encoding::{BASE32_NOPAD, BASE64_NOPAD};
use jiff::Timestamp;
use nix::sys::signal::Signal;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, IsTerminal, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

/// The file of the state directory that says where the daemon listens.
pub(crate) const SOCKET_NOTE: &str = "socket";

/// The same as caked's: OWASP's least for argon2id, 19 MiB and 2 passes.
const ARGON2ID: (u32, u32, u32) = (19_456, 2, 1);

/// What is granted beyond what guests have.
const GRACE: Duration = Duration::from_secs(20);

/// The state directory that root's tools mean when none is named: `node` of `CAKE_STATE`, else of the nearest `.cake` from here
/// upward (a checkout's), else the appliance's.
pub fn default_state(cake_state: Option<PathBuf>, here: &Path) -> PathBuf {
    let checkout = || here.ancestors().map(|folder| folder.join(".cake/node")).find(|node| node.is_dir());
    cake_state.map(|state| state.join("node")).or_else(checkout).unwrap_or_else(|| "/var/lib/cake/node".into())
}

/// A VM whose QEMU lives.
pub struct Alive {
    pub id: VmId,
    pub name: String,
    pub state: VmState,
    pub process: LiveProcess,
}

/// The VMs that live, whether or not the daemon does.
pub async fn alive(state: &Path) -> Result<Vec<Alive>> {
    let database = state.join("node.db");
    if !database.exists() {
        return Ok(Vec::new());
    }
    let database = Database::open(&database)?;
    let states = match daemon(state).await {
        Some(client) => states(&client).await.unwrap_or_default(),
        None => BTreeMap::new(),
    };
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let rows = database.vms_after(after, 64).await?;
        let Some(last) = rows.last() else { return Ok(found) };
        after = Some(last.vm.meta.id);
        for row in rows {
            let id = row.vm.meta.id;
            if let Holder::Process(process) = Folder::of(&state.join("vms"), id).holder()? {
                let state = states.get(&id).copied().unwrap_or(VmState::Running);
                found.push(Alive { id, name: row.vm.meta.name.to_string(), state, process });
            }
        }
    }
}

/// The daemon of this state directory, if it answers.
async fn daemon(state: &Path) -> Option<NodeClient> {
    let socket = std::fs::read_to_string(state.join(SOCKET_NOTE)).ok()?;
    NodeClient::connect(Path::new(&socket)).await.ok()
}

async fn states(client: &NodeClient) -> Result<BTreeMap<VmId, VmState>> {
    let (mut observation, mut states) = (client.observe().await?, BTreeMap::new());
    loop {
        match observation.next().await? {
            Observed::Vm(record) => states.insert(record.vm.meta.id, record.status.state),
            Observed::SnapshotEnd => return Ok(states),
            _ => None,
        };
    }
}

/// Asks every guest to shut down and ends those that have not after `patience`. None of them starts again by itself, nor does a
/// VM that was about to start.
pub async fn stop(state: &Path, patience: Duration) -> Result<()> {
    if let Some(client) = daemon(state).await {
        // Who is starting is asked once it runs, so it may be asked at the very end.
        match tokio::time::timeout(2 * patience + GRACE, stop_through(&client, state, patience)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => eprintln!("cake-node: the daemon went away in the middle: {error:#}"),
            Err(_) => eprintln!("cake-node: not all guests ended in time: they are ended now"),
        }
    }
    if daemon(state).await.is_none() {
        stop_alone(state, patience).await?;
    }
    for vm in alive(state).await? {
        kill(&vm)?;
        let ended = tokio::time::timeout(GRACE, vm.process.wait_exit()).await;
        ended.with_context(|| format!("VM {} (pid {}) does not end", vm.id, vm.process.pid()))??;
    }
    Ok(())
}

/// VMs that run, or would when they can.
async fn wanted(state: &Path) -> Result<Vec<VmRow>> {
    let path = state.join("node.db");
    if !path.exists() {
        return Ok(Vec::new());
    }
    let database = Database::open(&path)?;
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let rows = database.vms_after(after, 64).await?;
        let Some(last) = rows.last() else { return Ok(found) };
        after = Some(last.vm.meta.id);
        found.extend(rows.into_iter().filter(|row| row.vm.spec.power != Power::Stopped && row.halted.is_none()));
    }
}

async fn stop_through(client: &NodeClient, state: &Path, patience: Duration) -> Result<()> {
    let seconds = u32::try_from(patience.as_secs()).unwrap_or(u32::MAX);
    let mut observation = client.observe().await?;
    let mut waiting = BTreeSet::new();
    for row in wanted(state).await? {
        let operation = OperationId::now();
        match client.operate(operation, row.vm.meta.id, Verb::Halt { seconds }).await {
            Ok(()) => {
                waiting.insert(operation);
            }
            // One that is being removed needs no asking.
            Err(ClientError::Refused(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    while !waiting.is_empty() {
        if let Observed::Operation(outcome) = observation.next().await? {
            waiting.remove(&outcome.operation);
        }
    }
    Ok(())
}

/// Without the daemon: first written down, so that the daemon does not start them when it comes.
async fn stop_alone(state: &Path, patience: Duration) -> Result<()> {
    let rows = wanted(state).await?;
    if !rows.is_empty() {
        let database = Database::open(&state.join("node.db"))?;
        for row in rows {
            let generation = row.stamp.generation;
            let halted = HaltedBy { reason: ExitReason::Killed, generation, at: Timestamp::now(), by_host: true };
            database.set_halted(row.vm.meta.id, halted).await?;
        }
    }
    let (vms, alive) = (state.join("vms"), alive(state).await?);
    futures_util::future::join_all(alive.iter().map(|vm| end(&vms, vm, patience))).await.into_iter().collect()
}

async fn end(vms: &Path, vm: &Alive, patience: Duration) -> Result<()> {
    let asked = async {
        let stream = Folder::of(vms, vm.id).connect("qmp").await?;
        let (qmp, mut events) = Qmp::connect(stream).await?;
        qmp.run(&SystemPowerdown).await?;
        // A guest that has shut down leaves QEMU waiting, so its word for it is the event.
        loop {
            if let cake_qmp::Notice::Event(event) = events.next().await?
                && event.name == "SHUTDOWN"
            {
                return anyhow::Ok(());
            }
        }
    };
    let heard = tokio::time::timeout(patience, asked).await;
    if !matches!(heard, Ok(Ok(()))) {
        tracing::info!(vm = %vm.id, "VM {} did not shut down by itself", vm.id);
    }
    kill(vm)
}

fn kill(vm: &Alive) -> Result<()> {
    match vm.process.signal(Signal::SIGKILL) {
        Ok(()) | Err(cake_host::process::ProcessError::Gone { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Leaves a new password beside the node's socket, where caked finds it at the next try to log in.
pub fn reset_admin(state: &Path, name: &str, generate: bool) -> Result<()> {
    let name: Name = name.parse().context("the administrator's name")?;
    let socket = std::fs::read_to_string(state.join(SOCKET_NOTE))
        .with_context(|| format!("no cake-node has ever run with the state directory {}", state.display()))?;
    let socket = PathBuf::from(socket);
    let folder = socket.parent().context("the socket's directory")?;
    let owner = std::fs::metadata(&socket).or_else(|_| std::fs::metadata(folder))?.uid();
    let password = if generate { generated()? } else { asked()? };
    ensure!(
        password.chars().count() >= SetupAnswers::PASSWORD_MIN,
        "a password has at least {} characters",
        SetupAnswers::PASSWORD_MIN
    );
    let reset = json!({ "name": name, "password_argon2id": hash(&password)? });
    let (new, path) = (folder.join(".reset-admin.new"), folder.join("reset-admin"));
    let mut file = std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(&serde_json::to_vec(&reset)?)?;
    std::os::unix::fs::fchown(&file, Some(owner), None)?;
    file.sync_all()?;
    std::fs::rename(new, path)?;
    if generate {
        println!("{}", *password);
    }
    eprintln!("{name} can log in with the new password.");
    Ok(())
}

fn hash(password: &str) -> Result<String> {
    let (memory, passes, lanes) = ARGON2ID;
    let params = Params::new(memory, passes, lanes, None).map_err(anyhow::Error::msg)?;
    let mut salt = [0; 16];
    getrandom::fill(&mut salt)?;
    let salt = SaltString::from_b64(&BASE64_NOPAD.encode(&salt)).map_err(anyhow::Error::msg)?;
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    Ok(argon.hash_password(password.as_bytes(), &salt).map_err(anyhow::Error::msg)?.to_string())
}

/// 100 random bits in letters that are hard to mistake.
fn generated() -> Result<Zeroizing<String>> {
    let mut random = Zeroizing::new([0; 15]);
    getrandom::fill(&mut *random)?;
    Ok(Zeroizing::new(BASE32_NOPAD.encode(&*random)[..20].to_lowercase()))
}

/// Twice from a terminal, where nothing is shown; one line from anything else.
fn asked() -> Result<Zeroizing<String>> {
    if std::io::stdin().is_terminal() {
        let password = Zeroizing::new(rpassword::prompt_password("New password: ")?);
        let again = Zeroizing::new(rpassword::prompt_password("Again: ")?);
        if password != again {
            bail!("the two are not the same");
        }
        return Ok(password);
    }
    let mut line = Zeroizing::new(String::new());
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_found() {
        let checkout = tempfile::tempdir().unwrap();
        let (node, below) = (checkout.path().join(".cake/node"), checkout.path().join("src/deep"));
        std::fs::create_dir_all(&below).unwrap();
        assert_eq!(default_state(None, &below), Path::new("/var/lib/cake/node"));
        std::fs::create_dir_all(&node).unwrap();
        assert_eq!(default_state(None, &below), node);
        assert_eq!(default_state(Some("/srv/cake".into()), &below), Path::new("/srv/cake/node"));
    }
}
