//! The two runs whose every write is kept: an installation, and first start and update of what it made.

use anyhow::{Context, Result, ensure};
use cake_client::Client;
use cake_client::wire::{Task, Update, UpdateServer};
use cake_tests::appliance::{self, BOOT, built, log_in, server, stick, wrote};
use cake_tests::cuts::log;
use cake_tests::machine::{Disk, HOST, Hardware, Kind, Lan, Machine, Network, copy_sparse};
use cake_tests::workspace;
use cake_types::ByteSize;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// The disk that is written to.
pub const DISK: &str = "SYSTEM";
/// The version that the update brings.
pub const NEW: &str = "90.1";
/// The one beside it in the repository of the image's tests; it is not touched.
const BESIDE: &str = "90.2:broken";
/// What is put on the stick beside the wizard's answers.
pub const INSTALL: &str = "disks = [\"SYSTEM\"]\nsave_recovery_key = true\nthen = \"poweroff\"";

/// What happened at some entry of a log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Mark {
    pub what: String,
    /// How many entries the log had by then: all that is needed for it is among them.
    pub entries: u64,
}

/// A run that was recorded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// SHA-256 of the firmware that ran: another image needs another record.
    image: String,
    pub marks: Vec<Mark>,
    #[serde(skip)]
    folder: PathBuf,
}

impl Record {
    /// The one that was kept in this folder, if it is of this image.
    fn kept(folder: &Path, image: &str) -> Option<Self> {
        let text = fs::read(folder.join("record.json")).ok()?;
        let record: Self = serde_json::from_slice(&text).ok()?;
        (record.image == image).then(|| Self { folder: folder.into(), ..record })
    }

    fn begin(folder: &Path, image: &str) -> Result<Self> {
        // What an earlier one left may be half.
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder)?;
        Ok(Self { image: image.into(), marks: Vec::new(), folder: folder.into() })
    }

    fn mark(&mut self, what: &str, machine: &Machine) -> Result<()> {
        let entries = log::header(&File::open(machine.disk(DISK)?.log()?)?)?.0;
        println!("  {what}: {entries} requests");
        self.marks.push(Mark { what: what.into(), entries });
        Ok(())
    }

    /// Keeps disk, log, TPM and firmware of a machine that is off.
    fn end(self, machine: Machine) -> Result<Self> {
        let disk = machine.disk(DISK)?;
        copy_sparse(&disk.path, &self.disk())?;
        copy_sparse(disk.log()?, &self.log())?;
        machine.keep_board(&self.board())?;
        machine.passed()?;
        fs::write(self.folder.join("record.json"), serde_json::to_vec_pretty(&self)?)?;
        Ok(self)
    }

    /// The disk at the end.
    pub fn disk(&self) -> PathBuf {
        self.folder.join("disk")
    }

    pub fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// What firmware and TPM remember at the end.
    pub fn board(&self) -> PathBuf {
        self.folder.join("board")
    }
}

/// The size of the disk, in bytes.
pub const SIZE: ByteSize = ByteSize::gib(32);

pub fn sha256(file: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    std::io::copy(&mut File::open(file)?, &mut hash)?;
    Ok(HEXLOWER.encode(&hash.finalize()))
}

/// The server that all of this happens to. Its card keeps its address from wire to wire.
pub fn hardware(name: &str, lan: &Arc<Lan>) -> Hardware {
    server(name).bmc().network(Network::Lan(lan.clone()))
}

/// An unattended installation from the stick.
pub async fn installation(folder: &Path) -> Result<Record> {
    let image = sha256(&built("cake.efi")?)?;
    if let Some(kept) = Record::kept(folder, &image) {
        return Ok(kept);
    }
    println!("an installation is recorded");
    let mut record = Record::begin(folder, &image)?;
    let lan = Arc::new(Lan::lay()?);
    let _dhcp = lan.dhcp(None)?;
    let disk = Disk::blank(DISK, Kind::Nvme, SIZE).logged();
    let mut machine = hardware("soak-install", &lan).disk(disk).disk(stick()?).assemble()?;
    machine.disk("stick")?.put_file("cake-setup.toml", appliance::answers(INSTALL).as_bytes())?;
    machine.power_on().await?;
    wrote(&mut machine).await?;
    record.mark("installed", &machine)?;
    ensure!(machine.wait_off(BOOT).await?.success());
    record.end(machine)
}

/// First start and update of what was installed.
pub async fn update(folder: &Path, installed: &Record) -> Result<Record> {
    if let Some(kept) = Record::kept(folder, &installed.image) {
        return Ok(kept);
    }
    println!("a first start and an update are recorded");
    let mut record = Record::begin(folder, &installed.image)?;
    let lan = Arc::new(Lan::lay()?);
    let files = lan.serve()?;
    files.offer_folder(&repository()?)?;
    let _dhcp = lan.dhcp(None)?;
    let disk = Disk::copy_of(DISK, Kind::Nvme, &installed.disk()).logged();
    let mut machine = hardware("soak-update", &lan).board(&installed.board()).disk(disk).assemble()?;
    machine.power_on().await?;
    let administrator = log_in(&mut machine).await?;
    record.mark("started", &machine)?;
    acknowledged(&mut record, &machine, &administrator, "token:first").await?;
    until(&administrator, |server| server.versions.iter().any(|version| version.good)).await?;
    let seen = administrator.update().await?;
    administrator.set_update_source(&seen, Some(&format!("http://{HOST}")), None).await?;
    done(&administrator, administrator.check_update().await?.value).await?;
    until(&administrator, |server| server.offer.is_some()).await?;
    acknowledged(&mut record, &machine, &administrator, "token:before").await?;
    record.mark("update", &machine)?;
    done(&administrator, administrator.apply_update(NEW).await?.value).await?;
    record.mark("written", &machine)?;
    acknowledged(&mut record, &machine, &administrator, "token:written").await?;
    let node = administrator.nodes().await?.items[0].name.clone();
    administrator.leave(&node, "reboot", Some(10)).await?;
    machine.wait_reboot(BOOT).await?;
    record.mark("restarted", &machine)?;
    let administrator = log_in(&mut machine).await?;
    acknowledged(&mut record, &machine, &administrator, "token:after").await?;
    until(&administrator, |server| server.versions.iter().any(|version| version.version == NEW && version.good))
        .await?;
    record.mark("good", &machine)?;
    acknowledged(&mut record, &machine, &administrator, "token:last").await?;
    machine.cut_power();
    record.end(machine)
}

/// Makes something that the Store must hold from now on.
async fn acknowledged(record: &mut Record, machine: &Machine, administrator: &Client, what: &str) -> Result<()> {
    administrator.create_token(what.trim_start_matches("token:")).await?;
    record.mark(what, machine)
}

async fn until(administrator: &Client, so: impl Fn(&UpdateServer) -> bool) -> Result<Update> {
    let look = async || anyhow::Ok(administrator.update().await?.value);
    appliance::until(BOOT, look, |seen: &Update| seen.servers.first().is_some_and(&so)).await
}

pub async fn done(administrator: &Client, task: Task) -> Result<()> {
    let ended = administrator.wait_task(task.id, |_| {}).await?;
    ensure!(ended.succeeded(), "{:?}", ended.value);
    Ok(())
}

/// The repository of the image's tests, made of the built image once.
pub fn repository() -> Result<PathBuf> {
    let out = workspace().join("target/image/variants");
    let made = Command::new(workspace().join("image/scripts/variants.sh")).arg(&out).args([NEW, BESIDE]).status();
    let made = made.context("image/scripts/variants.sh")?;
    ensure!(made.success(), "image/scripts/variants.sh: {made}");
    Ok(out)
}
