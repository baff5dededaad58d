//! A machine that is on: its QEMU and what it says.

use super::child::{Child, Gets};
use super::serial::Serial;
use super::{Bmc, Machine, Network, argv};
use anyhow::{Context, Result, bail};
use cake_qmp::{EventKind, Events, Limits, Notice, Qmp};
use serde_json::json;
use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};

/// Time for what a busy emulator answers at once otherwise.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Running {
    // QEMU first: the TPM is pulled out of no running machine.
    pub qemu: Child,
    _tpm: Option<Child>,
    pub qmp: Qmp,
    events: Events,
    pub serial: Serial,
    pub shell: Option<Serial>,
}

impl Running {
    pub async fn start(machine: &Machine) -> Result<Self> {
        let (hardware, folder) = (&machine.hardware, machine.folder.path());
        for name in [argv::QMP, argv::SERIAL, argv::SHELL, argv::TPM] {
            // Left by an earlier start, if there was one.
            let _ = std::fs::remove_file(folder.join(name));
        }
        let listen =
            |name| UnixListener::bind(folder.join(name)).with_context(|| format!("{name} in {}", folder.display()));
        let (qmp, serial) = (listen(argv::QMP)?, listen(argv::SERIAL)?);
        let shell = hardware.shell.then(|| listen(argv::SHELL)).transpose()?;
        let start = |tpm: &super::Tpm| tpm.start(&machine.engine, &folder.join(argv::TPM), &folder.join("swtpm.log"));
        let tpm = machine.tpm.as_ref().map(start).transpose()?;
        let mut qemu = start_qemu(machine)?;
        let log = |name: &Path| File::create(name).with_context(|| name.display().to_string());
        let serial = Serial::over(called(&mut qemu, &serial).await?, log(&machine.log(machine.boots))?);
        let shell = match shell {
            Some(listener) => Some(Serial::over(called(&mut qemu, &listener).await?, log(&machine.path("shell.log"))?)),
            None => None,
        };
        let limits = Limits { command: PATIENCE, greeting: PATIENCE, ..Limits::default() };
        let (qmp, events) = Qmp::connect_with(called(&mut qemu, &qmp).await?, limits).await?;
        Ok(Self { qemu, _tpm: tpm, qmp, events, serial, shell })
    }

    /// Waits until the guest resets the machine.
    pub async fn rebooted(&mut self) -> Result<()> {
        loop {
            match self.events.next().await {
                Ok(Notice::Event(event)) => match event.kind() {
                    EventKind::Reset { guest: true, .. } => return Ok(()),
                    EventKind::Shutdown { reason, .. } => bail!("it went off instead of starting again: {reason}"),
                    _ => {}
                },
                Ok(Notice::Lost { count }) => bail!("{count} events of QEMU are lost"),
                Err(reason) => bail!("QEMU ended instead of starting again: {reason:?}"),
            }
        }
    }

    /// The port of loopback that QEMU forwards.
    pub async fn forwarded(&self) -> Result<SocketAddr> {
        let said = self.qmp.execute("human-monitor-command", &json!({ "command-line": "info usernet" })).await?;
        let said = said.as_str().context("a text")?;
        // TCP[HOST_FORWARD]  12       127.0.0.1 44441       10.0.2.15   443     0     0
        let line = said.lines().find(|line| line.contains("HOST_FORWARD")).context("nothing is forwarded")?;
        let port = line.split_whitespace().nth(3).with_context(|| line.to_owned())?;
        Ok(SocketAddr::from(([127, 0, 0, 1], port.parse()?)))
    }

    /// Says something to QEMU's monitor, which answers only what it does not do.
    pub async fn monitor(&self, line: &str) -> Result<()> {
        let said = self.qmp.execute("human-monitor-command", &json!({ "command-line": line })).await?;
        match said.as_str().map(str::trim) {
            Some("") => Ok(()),
            // It says so of what it has taken away.
            Some(said) if said.ends_with("removed") => Ok(()),
            other => bail!("{line}: {other:?}"),
        }
    }

    pub async fn screenshot(&self, file: &Path) -> Result<()> {
        self.qmp.execute("screendump", &json!({ "filename": file, "format": "png" })).await?;
        Ok(())
    }
}

fn start_qemu(machine: &Machine) -> Result<Child> {
    let mut command = machine.engine.command("qemu-system-x86_64");
    for roms in ["seabios", "qemu"] {
        command.arg("-L").arg(machine.engine.share(roms));
    }
    command.args(machine.firmware.arguments());
    let connected = argv::Connected {
        folder: machine.folder.path(),
        disks: &machine.disks,
        plug: machine.plug.as_ref(),
        bmc: machine.bmc.as_ref().map(Bmc::system),
    };
    command.args(argv::arguments(&machine.hardware, &connected));
    let network = match &machine.hardware.network {
        Network::Lan(lan) => Some(lan.namespace()),
        Network::Unplugged | Network::User { .. } => None,
    };
    Child::start(command, &machine.path("qemu.log"), Gets { descriptor: None, network })
}

/// Waits until QEMU connects, or has ended.
async fn called(qemu: &mut Child, listener: &UnixListener) -> Result<UnixStream> {
    tokio::select! {
        stream = listener.accept() => Ok(stream?.0),
        ended = qemu.ended() => bail!("QEMU did not start ({}): {}", ended?, qemu.said()),
    }
}
