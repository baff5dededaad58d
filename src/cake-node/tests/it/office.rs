//! An office network in a test: a network namespace of the test's own with a bridge, and another machine on it with a DHCP server.
//!
//! ```text
//!   this thread's namespace (the node's)            the other machine's namespace
//!     guests ── taps ── br0 10.9.0.2 ── veth ──────── 10.9.0.1, udhcpd: 10.9.0.100 to .120
//! ```

use anyhow::{Context, Result, ensure};
use cake_types::MacAddress;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

pub const NODE: &str = "10.9.0.2";
pub const OTHER: &str = "10.9.0.1";

pub struct Office {
    /// Keeps the other machine's namespace.
    other: Child,
    dhcp: Option<Child>,
    files: TempDir,
}

impl Office {
    /// From here on this thread, and what it starts, is in a namespace with the bridge `br0`. No link of the machine is touched.
    pub fn open() -> Result<Self> {
        const NOTHING: Option<&str> = None;
        unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS)?;
        mount(NOTHING, "/", NOTHING, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NOTHING)?;
        // Links are seen where this is mounted.
        mount(Some("sysfs"), "/sys", Some("sysfs"), MsFlags::empty(), NOTHING)?;
        let mut other = Command::new("unshare")
            .args(["--net", "sh", "-c", "echo there; exec sleep infinity"])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut word = [0; 6];
        std::io::Read::read_exact(other.stdout.as_mut().context("a pipe")?, &mut word)?;
        let office = Self { other, dhcp: None, files: tempfile::tempdir()? };
        let pid = office.other.id().to_string();
        for line in [
            "link set lo up",
            "link add br0 type bridge",
            "link set br0 up",
            "addr add 10.9.0.2/24 dev br0",
            "link add office type veth peer name eth0",
            "link set office master br0",
            "link set office up",
            &format!("link set eth0 netns {pid}"),
        ] {
            run(Command::new("ip").args(line.split(' ')))?;
        }
        for line in ["link set lo up", "link set eth0 up", "addr add 10.9.0.1/24 dev eth0"] {
            run(office.other("ip").args(line.split(' ')))?;
        }
        Ok(office)
    }

    /// A program on the other machine.
    pub fn other(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.other.id().to_string(), "--net", program]);
        command
    }

    /// One of busybox's tools on the other machine.
    pub fn tool(&self, words: &[&str]) -> Result<Command> {
        let mut command = self.other(busybox()?.to_str().context("a path in UTF-8")?);
        command.args(words).stdin(Stdio::null());
        Ok(command)
    }

    /// What a tool says on the other machine.
    pub fn ask(&self, words: &[&str]) -> Result<String> {
        run(&mut self.tool(words)?)
    }

    pub fn serve_dhcp(&mut self) -> Result<()> {
        let (config, leases) = (self.files.path().join("udhcpd.conf"), self.leases());
        std::fs::write(&leases, "")?;
        let text = format!(
            "start 10.9.0.100\nend 10.9.0.120\ninterface eth0\nlease_file {}\nauto_time 1\npidfile {}\noption subnet \
             255.255.255.0\noption router 10.9.0.1\n",
            leases.display(),
            self.files.path().join("pid").display()
        );
        std::fs::write(&config, text)?;
        // Without asking the wire first whether somebody has the address, which takes two seconds for each.
        let config = config.to_str().context("a path in UTF-8")?;
        self.dhcp = Some(self.tool(&["udhcpd", "-f", "-a", "0", config])?.stderr(Stdio::null()).spawn()?);
        Ok(())
    }

    fn leases(&self) -> PathBuf {
        self.files.path().join("leases")
    }

    /// Waits until the DHCP server's list says that it gave this one an address. The server writes it down when it is asked to.
    pub async fn leased_to(&self, mac: MacAddress) -> Result<()> {
        let server = self.dhcp.as_ref().context("it serves")?.id();
        let server = nix::unistd::Pid::from_raw(server.cast_signed());
        tokio::time::timeout(Duration::from_secs(20), async {
            while !std::fs::read(self.leases())?.windows(6).any(|bytes| bytes == mac.0) {
                nix::sys::signal::kill(server, nix::sys::signal::SIGUSR1)?;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            anyhow::Ok(())
        })
        .await
        .with_context(|| format!("the server has given nothing to {mac}"))?
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        for child in self.dhcp.iter_mut().chain([&mut self.other]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What it said; an error if it failed.
pub fn run(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "{command:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
    Ok(said)
}

/// The guests' own busybox, which stands beside their kernel.
fn busybox() -> Result<PathBuf> {
    let engine = crate::support::engine()?;
    let engines = engine.parent().context("a folder")?;
    for entry in std::fs::read_dir(engines)? {
        let path = entry?.path().join("usr/bin/busybox");
        if path.is_file() {
            return Ok(path);
        }
    }
    anyhow::bail!("no busybox in {}", engines.display())
}
