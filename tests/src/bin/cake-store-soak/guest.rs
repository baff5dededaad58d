//! The guest that writes until it is cut off.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use cake_tests::cuts::log;

/// An acknowledgement, and how many entries the log had when it was heard here. The guest said it after its flush was
/// done, so everything it needs is among those entries.
pub struct Ack {
    pub line: String,
    pub entries: u64,
}

/// Where the parts are.
pub struct Parts {
    pub engine: PathBuf,
    pub kernel: PathBuf,
    pub initrd: PathBuf,
}

/// Makes `size` bytes with an empty file system.
pub fn format(disk: &Path, kind: &str, size: u64) -> Result<()> {
    File::create(disk)?.set_len(size)?;
    let mut command = match kind {
        "ext4" => Command::new("mkfs.ext4"),
        "xfs" => Command::new("mkfs.xfs"),
        other => bail!("no such file system: {other}"),
    };
    run(command.arg("-q").arg(disk))
}

pub fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{command:?}: {out}{err}");
    Ok(())
}

/// Ends the guest when it goes out of scope, whatever happened.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already; that is what is wanted.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Runs the guest until it has acknowledged `wanted` writes, then pulls the plug.
pub fn write_until(parts: &Parts, disk: &Path, log: &Path, kind: &str, wanted: usize) -> Result<Vec<Ack>> {
    let console = log.with_extension("console");
    File::create(log)?;
    let mut guest = Running(qemu(parts, disk, log, kind, &console)?.spawn().context("QEMU")?);
    let lines = BufReader::new(guest.0.stdout.take().context("the guest's serial port")?);
    let log = File::open(log)?;
    let mut acks = Vec::new();
    let start = Instant::now();
    for line in lines.split(b'\n') {
        let line = String::from_utf8_lossy(&line?).trim().to_owned();
        if line.starts_with("ack ") {
            acks.push(Ack { line, entries: log::header(&log)?.0 });
        }
        if acks.len() >= wanted {
            return Ok(acks);
        }
        ensure!(start.elapsed() < Duration::from_secs(1800), "the guest is too slow: {} writes", acks.len());
    }
    let said = std::fs::read_to_string(&console).unwrap_or_default();
    bail!("the guest ended after {} writes; its console said:\n{said}", acks.len())
}

fn qemu(parts: &Parts, disk: &Path, log: &Path, kind: &str, console: &Path) -> Result<Command> {
    let engine = parts.engine.canonicalize().with_context(|| parts.engine.display().to_string())?;
    // The engine root's own loader and libraries: the same QEMU as in service, on any Debian.
    let mut command = Command::new(engine.join("lib64/ld-linux-x86-64.so.2"));
    command.arg("--library-path").arg(engine.join("usr/lib/x86_64-linux-gnu"));
    command.arg(engine.join("usr/bin/qemu-system-x86_64"));
    for firmware in ["seabios", "qemu"] {
        command.arg("-L").arg(engine.join("usr/share").join(firmware));
    }
    command.args(["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"]);
    command.args(["-machine", "q35", "-accel", "tcg", "-cpu", "qemu64", "-m", "256"]);
    command.arg("-kernel").arg(&parts.kernel).arg("-initrd").arg(&parts.initrd);
    command.arg("-append").arg(format!("console=ttyS1 quiet nokaslr no_timer_check panic=-1 cake.fs={kind}"));
    for (name, path) in [("disk", disk), ("log", log)] {
        let path = path.display().to_string().replace(',', ",,");
        command.arg("-blockdev").arg(format!("driver=file,node-name={name},filename={path}"));
    }
    command
        .arg("-blockdev")
        .arg("driver=blklogwrites,node-name=logged,file=disk,log=log,log-sector-size=512,log-super-update-interval=1");
    command.args(["-device", "virtio-blk-pci,drive=logged"]);
    command.args(["-serial", "stdio", "-serial"]).arg(format!("file:{}", console.display()));
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    Ok(command)
}
