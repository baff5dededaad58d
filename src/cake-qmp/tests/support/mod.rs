//! A QEMU from the engine root, with its QMP socket bound before it starts.

use std::{
    os::{fd::AsRawFd, unix::net::UnixListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use anyhow::{Context, Result, ensure};
use cake_qmp::{Events, Qmp};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use tokio::net::UnixStream;

pub const UUID: uuid::Uuid = uuid::uuid!("4d1e3a52-8f0c-4c7b-9a57-0c6f1f6f2b11");

pub struct Qemu {
    process: Option<Child>,
    folder: tempfile::TempDir,
}

/// The engine root: `CAKE_ENGINE`, or where `make` puts it.
fn engine() -> Result<PathBuf> {
    let root = std::env::var_os("CAKE_ENGINE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/engine/current"), PathBuf::from);
    let qemu = root.join("usr/bin/qemu-system-x86_64");
    ensure!(
        qemu.exists(),
        "no engine root: {} is missing. Run image/scripts/engine-root.sh, or set CAKE_ENGINE",
        qemu.display()
    );
    Ok(root)
}

impl Qemu {
    /// Two vCPUs that do not run yet, a ring buffer `ring`, an empty port `port0`.
    pub fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let listener = UnixListener::bind(folder.path().join("qmp"))?;
        // Inherited: each test is a process of its own, so nobody else can start a program meanwhile.
        fcntl(&listener, FcntlArg::F_SETFD(FdFlag::empty()))?;
        let monitor = format!("socket,id=qmp,fd={},server=on,wait=off", listener.as_raw_fd());
        let process = Command::new("chroot")
            .arg(engine()?)
            .arg("/usr/bin/qemu-system-x86_64")
            .args(["-nodefaults", "-no-user-config", "-display", "none", "-S", "-machine", "q35,accel=tcg"])
            .args(["-cpu", "qemu64", "-smp", "2", "-m", "64", "-uuid", &UUID.to_string()])
            .args(["-device", "pcie-root-port,id=port0", "-chardev", "ringbuf,id=ring,size=1024"])
            .args(["-chardev", &monitor, "-mon", "chardev=qmp,mode=control"])
            .stdin(Stdio::null())
            .spawn()
            .context("chroot")?;
        Ok(Self { process: Some(process), folder })
    }

    pub async fn connect(&self) -> Result<(Qmp, Events)> {
        let stream = UnixStream::connect(self.folder.path().join("qmp")).await?;
        Ok(Qmp::connect(stream).await?)
    }

    pub fn kill(&mut self) -> Result<()> {
        Ok(self.process.as_mut().context("it runs")?.kill()?)
    }

    /// Waits for its end.
    pub fn ended(mut self) -> Result<ExitStatus> {
        Ok(self.process.take().context("it runs")?.wait()?)
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
