//! A whole server made of QEMU: firmware, disks, TPM, BMC, a network card, and a serial line that tells what happens on it.
//!
//! Start from [`Hardware::named`]: say what it is made of, [`Hardware::assemble`] it, [`Machine::power_on`].
//!
//! ```text
//!  Hardware ──assemble──► Machine ──power_on──► QEMU ── swtpm
//!                            │                   │  ├── serial line ──► Serial (and a file, the evidence)
//!   disks, NVRAM, TPM state  │                   │  └── QMP: power button, reset, screenshot
//!   outlive its power        │                   └── network: QEMU's own, or a Lan with DHCP and HTTP
//! ```
//!
//! A machine that is dropped before [`Machine::passed`] belongs to a failed test: the end of its serial line is printed, and that line
//! and a screenshot are kept in `target/image/failed/NAME`. Nothing waits by sleeping: a text on the serial line, an event of QEMU or
//! the end of a process ends every wait, and so does a kernel's panic.
//!
//! It deliberately does not know what is booted.

mod argv;
mod bmc;
mod child;
mod disk;
mod engine;
mod files;
mod firmware;
mod hardware;
mod https;
mod lan;
mod running;
mod serial;
mod tpm;

pub use bmc::{Bmc, Wish, ipmitool};
pub use child::Child;
pub use disk::{Disk, DiskFile, Kind, copy_sparse};
pub use files::Files;
pub use hardware::{Hardware, Network};
pub use https::Answer;
pub use lan::{HOST, Lan};
pub use serial::Serial;

use crate::Reply;
use crate::workspace;
use anyhow::{Context, Result, anyhow, ensure};
use engine::Engine;
use firmware::Firmware;
use running::Running;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tpm::Tpm;

/// How many of a serial line's last lines are printed.
const TAIL: usize = 60;

/// An assembled server, on or off.
#[derive(Debug)]
pub struct Machine {
    hardware: Hardware,
    engine: Engine,
    folder: tempfile::TempDir,
    firmware: Firmware,
    tpm: Option<Tpm>,
    bmc: Option<Bmc>,
    plug: Option<lan::Plug>,
    disks: Vec<DiskFile>,
    running: Option<Running>,
    /// How often it was switched on.
    boots: u32,
    passed: bool,
}

impl Machine {
    fn assemble(hardware: Hardware) -> Result<Self> {
        let engine = Engine::find()?;
        // Not in /tmp, which may be memory. A short name: a socket's path has at most 107 bytes.
        let folder = tempfile::Builder::new().prefix("cake-machine-").tempdir_in("/var/tmp")?;
        let firmware = Firmware::make(&engine, folder.path(), hardware.signer.as_deref())?;
        let tpm = hardware.tpm.then(|| Tpm::make(&engine, folder.path().join("tpm"))).transpose()?;
        if let Some(board) = &hardware.board {
            firmware.take(board)?;
            tpm.as_ref().map(|tpm| tpm.take(board)).transpose()?;
        }
        let outside = hardware.bmc == Some(hardware::Management::OnNetwork);
        let bmc = outside.then(|| Bmc::start(folder.path().join("bmc"))).transpose()?;
        let disks = hardware.disks.iter().map(|disk| disk.make(folder.path())).collect::<Result<_>>()?;
        let plug = match &hardware.network {
            Network::Lan(lan) => Some(lan.plug()?),
            Network::Unplugged | Network::User { .. } => None,
        };
        // What an earlier failure left would be taken for this one's.
        let _ = fs::remove_dir_all(evidence("failed", &hardware.name));
        Ok(Self { hardware, engine, folder, firmware, tpm, bmc, plug, disks, running: None, boots: 0, passed: false })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The log of the serial line since it was switched on this many times.
    fn log(&self, boot: u32) -> PathBuf {
        self.path(&format!("serial-{boot}.log"))
    }

    fn running(&mut self) -> Result<&mut Running> {
        self.running.as_mut().context("the machine is off")
    }

    pub async fn power_on(&mut self) -> Result<()> {
        ensure!(self.running.is_none(), "the machine is on");
        self.boots += 1;
        self.running = Some(Running::start(self).await?);
        self.tell_bmc(true)
    }

    fn tell_bmc(&self, on: bool) -> Result<()> {
        self.bmc.as_ref().map_or(Ok(()), |bmc| bmc.tell_power(on))
    }

    /// Its BMC on the network.
    pub fn bmc(&self) -> Result<&Bmc> {
        self.bmc.as_ref().context("the machine has no BMC on the network")
    }

    /// Waits until somebody asks something of the machine through its BMC, and does it.
    pub async fn obey_bmc(&mut self, limit: Duration) -> Result<Wish> {
        let bmc = self.bmc.as_mut().context("the machine has no BMC on the network")?;
        let wish =
            timeout(limit, bmc.wish()).await.with_context(|| format!("no wish within {} s", limit.as_secs()))??;
        match (wish, self.running.is_some()) {
            (Wish::On, false) => self.power_on().await?,
            (Wish::Off, true) => self.cut_power(),
            (Wish::Reset, true) => self.reset().await?,
            (Wish::ShutDown, true) => self.power_button().await?,
            (Wish::Other, _) | (Wish::On, true) | (Wish::Off | Wish::Reset | Wish::ShutDown, false) => {}
        }
        Ok(wish)
    }

    /// Presses the power button shortly: the system is asked to end.
    pub async fn power_button(&mut self) -> Result<()> {
        self.running()?.qmp.run(&cake_qmp::commands::SystemPowerdown).await?;
        Ok(())
    }

    /// The reset button.
    pub async fn reset(&mut self) -> Result<()> {
        self.running()?.qmp.run(&cake_qmp::commands::SystemReset).await?;
        Ok(())
    }

    /// A power cut. Nothing happens to a machine that is off.
    pub fn cut_power(&mut self) {
        self.running = None;
        // A BMC that can't be told is told at the next change.
        let _ = self.tell_bmc(false);
    }

    /// Waits until it has switched itself off, or QEMU has ended for another reason.
    pub async fn wait_off(&mut self, limit: Duration) -> Result<ExitStatus> {
        let Ok(ended) = timeout(limit, self.running()?.qemu.ended()).await else {
            return Err(self.failure(anyhow!("still on after {} s", limit.as_secs())).await);
        };
        self.cut_power();
        ended
    }

    /// Waits until the system starts the machine again by itself.
    pub async fn wait_reboot(&mut self, limit: Duration) -> Result<()> {
        let rebooted = timeout(limit, self.running()?.rebooted()).await;
        match rebooted.unwrap_or_else(|_| Err(anyhow!("no reboot within {} s", limit.as_secs()))) {
            Ok(()) => Ok(()),
            Err(error) => Err(self.failure(error).await),
        }
    }

    /// Waits until the serial line has said this after what was waited for before.
    pub async fn wait_serial(&mut self, text: &str, limit: Duration) -> Result<()> {
        self.wait_first_of(&[text], limit).await.map(drop)
    }

    /// [`Machine::wait_serial`], and what follows on that line.
    pub async fn wait_line(&mut self, text: &str, limit: Duration) -> Result<String> {
        self.wait_serial(text, limit).await?;
        timeout(limit, self.running()?.serial.rest_of_line()).await.context("the line's end")?
    }

    /// Waits for the first of these texts, and says which. A panic that comes before fails at once, and so does QEMU's end.
    pub async fn wait_first_of(&mut self, texts: &[&str], limit: Duration) -> Result<usize> {
        let missed = match timeout(limit, self.running()?.serial.first_of(texts)).await {
            Ok(Ok(which)) => return Ok(which),
            Ok(Err(serial::Missed::Fatal(line))) => anyhow!("instead of {texts:?} it said: {line}"),
            Ok(Err(serial::Missed::Closed)) => anyhow!("QEMU ended before {texts:?}: {}", self.qemu_said()),
            Err(_) => anyhow!("{texts:?} did not come within {} s", limit.as_secs()),
        };
        Err(self.failure(missed).await)
    }

    /// Types on the serial line.
    pub async fn type_in(&mut self, text: &str) -> Result<()> {
        self.running()?.serial.type_in(text).await
    }

    /// The second serial port.
    pub fn shell(&mut self) -> Result<&mut Serial> {
        self.running()?.shell.as_mut().context("there is no second serial port")
    }

    /// Everything that the serial line has said since the machine was switched on.
    pub fn heard(&mut self) -> Result<String> {
        Ok(self.running()?.serial.text())
    }

    /// A disk; to be changed only while the machine is off.
    pub fn disk(&self, name: &str) -> Result<&DiskFile> {
        self.disks.iter().find(|disk| disk.name == name).with_context(|| format!("no disk {name}"))
    }

    /// Puts one more disk in, behind the others.
    pub fn add_disk(&mut self, disk: &Disk) -> Result<()> {
        self.off()?;
        self.disks.push(disk.make(self.folder.path())?);
        Ok(())
    }

    /// Takes a disk out.
    pub fn remove_disk(&mut self, name: &str) -> Result<()> {
        self.off()?;
        let place = self.disks.iter().position(|disk| disk.name == name).with_context(|| format!("no disk {name}"))?;
        Ok(fs::remove_file(self.disks.remove(place).path)?)
    }

    /// Another TPM in its place, as after a repair.
    pub fn replace_tpm(&mut self) -> Result<()> {
        self.off()?;
        self.tpm.as_ref().context("there is no TPM")?.replace(&self.engine)
    }

    /// Keeps what its mainboard remembers, firmware and TPM, in a new folder: see [`Hardware::board`].
    pub fn keep_board(&self, folder: &Path) -> Result<()> {
        self.off()?;
        fs::create_dir_all(folder)?;
        self.firmware.keep(folder)?;
        self.tpm.as_ref().map_or(Ok(()), |tpm| tpm.keep(folder))
    }

    /// Another mainboard: the firmware has forgotten what it booted.
    pub fn forget_boot_entries(&mut self) -> Result<()> {
        self.off()?;
        self.firmware.forget(&self.engine, self.hardware.signer.as_deref())
    }

    fn off(&self) -> Result<()> {
        ensure!(self.running.is_none(), "this is done only while the machine is off");
        Ok(())
    }

    /// Where its console answers: a port of this machine's loopback.
    pub async fn https(&mut self) -> Result<SocketAddr> {
        match &self.hardware.network {
            Network::Lan(lan) => lan.forward((self.address(lan)?, 443).into()).await,
            _ => self.running()?.forwarded().await,
        }
    }

    /// What DHCP has given to its card.
    fn address(&self, lan: &Lan) -> Result<Ipv4Addr> {
        let mac = &self.plug.as_ref().context("a machine on a wire is plugged in")?.mac;
        lan.address_of(mac).context("DHCP has given it no address")
    }

    /// The card on QEMU's own network, by its MAC address.
    pub const CARD: &str = argv::CARD;

    /// The forwarded port leads to another address of the system from now on. Only with QEMU's own network.
    pub async fn lead_to(&mut self, address: Ipv4Addr, port: u16) -> Result<()> {
        let now = self.https().await?.port();
        let running = self.running()?;
        running.monitor(&format!("hostfwd_remove net tcp:127.0.0.1:{now}")).await?;
        running.monitor(&format!("hostfwd_add net tcp:127.0.0.1:0-{address}:{port}")).await
    }

    /// Plugs a cable in or pulls it out: `net`, or `spare`.
    pub async fn set_cable(&mut self, card: &str, plugged: bool) -> Result<()> {
        let link = serde_json::json!({ "name": card, "up": plugged });
        self.running()?.qmp.execute("set_link", &link).await?;
        Ok(())
    }

    /// A connection to a port of the system; with QEMU's own network, to the one that is forwarded.
    pub async fn connect(&mut self, port: u16) -> Result<TcpStream> {
        let Network::Lan(lan) = &self.hardware.network else {
            return Ok(TcpStream::connect(self.https().await?).await?);
        };
        let stream = lan.connect((self.address(lan)?, port).into())?;
        stream.set_nonblocking(true)?;
        Ok(TcpStream::from_std(stream)?)
    }

    /// Asks its console. To be called once the serial line has said that it is ready.
    pub async fn get(&mut self, port: u16, path: &str) -> Result<Answer> {
        https::get(self.connect(port).await?, path).await.with_context(|| format!("https, {path}"))
    }

    /// Sends a form to it.
    pub async fn post_form(&mut self, port: u16, path: &str, fields: &[(&str, &str)]) -> Result<Reply> {
        let answer = https::post_form(self.connect(port).await?, path, fields).await;
        Ok(answer.with_context(|| format!("https, {path}"))?.reply)
    }

    /// [`Machine::get`] for who has no line to wait for: asks until somebody listens.
    ///
    /// Only a refused connection is tried again: the end of a port that nobody listens on is no event that could be waited for from
    /// outside. (QEMU's network accepts first and closes when the guest refuses.) Every other answer counts.
    pub async fn wait_https(&mut self, port: u16, path: &str, limit: Duration) -> Result<Answer> {
        let deadline = Instant::now() + limit;
        loop {
            let asked = timeout_at(deadline, self.get(port, path)).await;
            let error = match asked {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) if is_refused(&error) => error,
                Ok(Err(error)) => return Err(self.failure(error).await),
                Err(_) => {
                    return Err(self.failure(anyhow!("{path} did not answer within {} s", limit.as_secs())).await);
                }
            };
            if !self.running()?.qemu.is_running() {
                return Err(self.failure(error).await);
            }
            // An emulated system can't be asked more often without being slowed down.
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Presses a key of its keyboard, as QEMU's monitor names it: `ret`, `down`, `ctrl-l`.
    pub async fn press(&mut self, key: &str) -> Result<()> {
        self.running()?.monitor(&format!("sendkey {key}")).await
    }

    /// Writes what its screen shows beside its logs, under this name.
    pub async fn keep_screenshot(&mut self, name: &str) -> Result<()> {
        let folder = evidence("logs", &self.hardware.name);
        fs::create_dir_all(&folder)?;
        self.screenshot(&folder.join(name)).await
    }

    /// Writes what its screen shows into a PNG file.
    pub async fn screenshot(&mut self, file: &Path) -> Result<()> {
        self.running()?.screenshot(file).await
    }

    fn qemu_said(&mut self) -> String {
        self.running.as_ref().map(|running| running.qemu.said()).unwrap_or_default()
    }

    /// An error with the evidence beside it.
    async fn failure(&mut self, error: anyhow::Error) -> anyhow::Error {
        let folder = evidence("failed", &self.hardware.name);
        let screen = folder.join("screen.png");
        let _ = fs::create_dir_all(&folder);
        // A machine that is off shows nothing; the first failure is the one that counts.
        if !screen.exists() && self.running.is_some() {
            let _ = self.screenshot(&screen).await;
        }
        let qemu = self.qemu_said();
        error.context(format!("machine {}, switched on {} times {qemu}", self.hardware.name, self.boots))
    }

    /// The test is over and was a good one: power off. The log of the serial line is kept in `target/image/logs/NAME`.
    pub fn passed(mut self) -> Result<()> {
        self.passed = true;
        self.cut_power();
        self.keep("logs")
    }

    /// Copies the logs of the serial line.
    fn keep(&self, kind: &str) -> Result<()> {
        let folder = evidence(kind, &self.hardware.name);
        fs::create_dir_all(&folder)?;
        for boot in 1..=self.boots {
            let log = self.log(boot);
            // QEMU did not start.
            if log.exists() {
                fs::copy(&log, folder.join(format!("serial-{boot}.log")))?;
            }
        }
        Ok(())
    }

    fn show_failure(&mut self) -> Result<()> {
        let folder = evidence("failed", &self.hardware.name);
        let screen = folder.join("screen.png");
        fs::create_dir_all(&folder)?;
        if !screen.exists() && self.running.is_some() {
            // Not every test's runtime can wait within a drop; then there is no picture.
            let runtime = tokio::runtime::Handle::try_current()?;
            if runtime.runtime_flavor() == tokio::runtime::RuntimeFlavor::MultiThread {
                let picture = async { timeout(Duration::from_secs(10), self.screenshot(&screen)).await };
                let _ = tokio::task::block_in_place(|| runtime.block_on(picture));
            }
        }
        self.keep("failed")?;
        let text = fs::read(self.log(self.boots)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        eprintln!("--- {}: the end of its serial line", self.hardware.name);
        eprintln!("{}", lines[lines.len().saturating_sub(TAIL)..].join("\n"));
        eprintln!("--- all of it, and a screenshot: {}", folder.display());
        Ok(())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if !self.passed
            && let Err(error) = self.show_failure()
        {
            eprintln!("--- {}: {error:#}", self.hardware.name);
        }
    }
}

/// Where the evidence of a machine is kept.
fn evidence(kind: &str, name: &str) -> PathBuf {
    workspace().join("target/image").join(kind).join(name)
}

/// Nobody listens there yet.
fn is_refused(error: &anyhow::Error) -> bool {
    use std::io::ErrorKind::{ConnectionRefused, ConnectionReset, HostUnreachable, UnexpectedEof};
    let kinds = [ConnectionRefused, ConnectionReset, HostUnreachable, UnexpectedEof];
    error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>()).any(|io| kinds.contains(&io.kind()))
}
