//! OpenIPMI's simulator, run by a test: a BMC that is not ours, on an address of its own.

use anyhow::{Context, Result, bail, ensure};
use cake_bmc::asf::{Ping, Pong};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub const USER: &str = "admin";
pub const PASSWORD: &str = "cakepass";
/// Another user. (That it is "user" only is not enforced by the simulator: a session may have any privilege that it asks for.)
pub const LOOKER: &str = "looker";
pub const LOOKER_PASSWORD: &str = "lookpass";

/// How long a simulator may take to answer for the first time, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What differs between the simulators of the tests.
#[derive(Default)]
pub struct Setup {
    /// Lines after those that make the management controller: `sensor_add …` and the like.
    pub commands: String,
    /// Records for `sdrcomp`; absent: there are none.
    pub records: Option<String>,
    /// K_g as `bmc_key` takes it.
    pub key: Option<String>,
    /// Further lines of the configuration: `sol …`, `startcmd …`.
    pub configuration: String,
}

/// Ended when it is dropped. Its state survives [`Simulator::stop`] and is there again after [`Simulator::start_again`].
pub struct Simulator {
    folder: TempDir,
    address: SocketAddr,
    child: Option<Child>,
}

impl Simulator {
    pub fn start() -> Result<Self> {
        Self::start_with(&Setup::default())
    }

    pub fn start_with(setup: &Setup) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let address = own_address()?;
        fs::write(folder.path().join("lan.conf"), configuration(setup, address)?)?;
        fs::write(folder.path().join("bmc.emu"), commands(setup))?;
        if let Some(records) = &setup.records {
            compile_records(folder.path(), records)?;
        }
        let mut simulator = Self { folder, address, child: None };
        simulator.start_again()?;
        Ok(simulator)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the simulator's files are, for values that it polls.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns when it answers.
    pub fn start_again(&mut self) -> Result<()> {
        let folder = self.folder.path();
        let log = fs::File::create(folder.join("log"))?;
        let child = Command::new("ipmi_sim")
            .arg("-c")
            .arg(folder.join("lan.conf"))
            .arg("-f")
            .arg(folder.join("bmc.emu"))
            .arg("-s")
            .arg(folder)
            .arg("-n")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("ipmi_sim (Debian: openipmi)")?;
        self.child = Some(child);
        self.wait_for_an_answer()
    }

    /// As if its power went.
    pub fn stop(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    fn wait_for_an_answer(&mut self) -> Result<()> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(Duration::from_millis(100)))?;
        let until = Instant::now() + PATIENCE;
        let mut answer = [0; 64];
        while Instant::now() < until {
            socket.send_to(&Ping { tag: 1 }.encode(), self.address)?;
            if let Ok(length) = socket.recv(&mut answer)
                && Pong::parse(&answer[..length]).is_ok()
            {
                return Ok(());
            }
            if let Some(child) = &mut self.child
                && let Some(status) = child.try_wait()?
            {
                bail!("ipmi_sim ended, {status}: {}", fs::read_to_string(self.folder.path().join("log"))?);
            }
        }
        bail!("ipmi_sim does not answer")
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

/// An address of 127.0.0.0/8 that no other test of this machine uses: the simulator can't be given port 0.
fn own_address() -> Result<SocketAddr> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let [high, low] = (std::process::id() as u16).to_be_bytes();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    ensure!(number < 250, "too many simulators in one test program");
    // 127.0.x.x is left to others.
    let address = Ipv4Addr::new(127, high | 1, low, number as u8 + 1);
    Ok(UdpSocket::bind((address, 0))?.local_addr()?)
}

fn configuration(setup: &Setup, address: SocketAddr) -> Result<String> {
    let (host, port) = (address.ip(), address.port());
    // The local interface wants a port as well, though nobody connects to it.
    let serial = TcpListener::bind((host, 0))?.local_addr()?.port();
    let key = setup.key.as_ref().map(|key| format!("    bmc_key \"{key}\"\n")).unwrap_or_default();
    let methods = "none md2 md5 straight";
    let extra = &setup.configuration;
    Ok(format!(
        "name \"sim\"
set_working_mc 0x20
  startlan 1
    addr {host} {port}
    priv_limit admin
    allowed_auths_callback {methods}
    allowed_auths_user {methods}
    allowed_auths_operator {methods}
    allowed_auths_admin {methods}
    guid a123456789abcdefa123456789abcdef
{key}  endlan
  serial 15 {host} {serial} codec VM
{extra}
  startnow false
  user 1 true \"\" \"test\" user 10 {methods}
  user 2 true \"{USER}\" \"{PASSWORD}\" admin 10 {methods}
  user 3 true \"{LOOKER}\" \"{LOOKER_PASSWORD}\" user 10 {methods}
"
    ))
}

fn commands(setup: &Setup) -> String {
    let persistence = if setup.records.is_some() { " persist_sdr" } else { "" };
    let extra = &setup.commands;
    format!(
        "mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02{persistence}
sel_enable 0x20 1000 0x0a
{extra}
mc_enable 0x20
"
    )
}

fn compile_records(folder: &Path, records: &str) -> Result<()> {
    let source = folder.join("records");
    fs::write(&source, records)?;
    let target = folder.join("ipmi_sim/sim");
    fs::create_dir_all(&target)?;
    let status =
        Command::new("sdrcomp").arg("-o").arg(target.join("sdr.20.main")).arg(&source).status().context("sdrcomp")?;
    ensure!(status.success(), "sdrcomp: {status}");
    Ok(())
}
