//! The floor beneath a start: the plan that cake-node wrote for this very VM, carried out by the same helper, by hand.
//! The same arguments, uid, namespaces and seccomp filter; no API, no Store, no Journal, no launcher, no state machine.

use anyhow::{Context, Result, bail, ensure};
use nix::libc;
use serde_json::Value;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Where the helper takes the two sockets, as the arguments name them.
const SOCKETS: [RawFd; 2] = [3, 4];

/// What is needed to start one QEMU by hand, again and again.
pub struct ByHand {
    folder: tempfile::TempDir,
    helper: PathBuf,
}

/// A QEMU that was started by hand.
pub struct Running {
    child: Child,
    /// From the call to "running" over QMP.
    pub running: Duration,
    /// … and to the guest's first line.
    pub line: Duration,
    _qmp: UnixStream,
    _serial: UnixStream,
}

impl ByHand {
    /// `plan` is what cake-node wrote at its last start of that VM.
    pub fn new(helper: &Path, plan: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("cake-hand-").tempdir()?;
        let to = folder.path().join("plan.json");
        fs::copy(plan, &to).with_context(|| plan.display().to_string())?;
        Ok(Self { folder, helper: helper.to_owned() })
    }

    pub fn start(&self) -> Result<Running> {
        let place = self.folder.path();
        let begun = Instant::now();
        let listeners = ["qmp", "serial"].map(|name| {
            // A socket of the round before may lie there.
            let _ = fs::remove_file(place.join(name));
            UnixListener::bind(place.join(name))
        });
        let [qmp_listener, serial_listener] = listeners;
        let (qmp_listener, serial_listener) = (qmp_listener?, serial_listener?);
        let qmp = UnixStream::connect(place.join("qmp"))?;
        let serial = UnixStream::connect(place.join("serial"))?;
        let mut command = Command::new(&self.helper);
        command.arg("exec-vm").arg(place.join("plan.json")).env_clear();
        let log = File::create(place.join("qemu.log"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let descriptors = [qmp_listener.as_raw_fd(), serial_listener.as_raw_fd()];
        // SAFETY: fcntl and dup2 are async-signal-safe, and only numbers go in.
        unsafe {
            command.pre_exec(move || hand_over(descriptors));
        }
        let child = command.spawn()?;
        drop((qmp_listener, serial_listener));
        let running = speak(&qmp).with_context(|| fs::read_to_string(place.join("qemu.log")).unwrap_or_default())?;
        ensure!(running, "QEMU does not run");
        let running = begun.elapsed();
        let mut byte = [0];
        (&serial).read_exact(&mut byte)?;
        Ok(Running { child, running, line: begun.elapsed(), _qmp: qmp, _serial: serial })
    }
}

impl Running {
    /// SIGKILL, and its end.
    pub fn stop(mut self) -> Result<Duration> {
        let begun = Instant::now();
        self.child.kill()?;
        self.child.wait()?;
        Ok(begun.elapsed())
    }
}

fn hand_over(descriptors: [RawFd; 2]) -> std::io::Result<()> {
    // First out of the way of both numbers, then to them.
    let mut moved = [0; 2];
    for (from, to) in descriptors.into_iter().zip(&mut moved) {
        // SAFETY: only numbers go in.
        *to = unsafe { libc::fcntl(from, libc::F_DUPFD, 20) };
        if *to < 0 {
            return Err(std::io::Error::last_os_error());
        }
    }
    for (from, to) in moved.into_iter().zip(SOCKETS) {
        // SAFETY: only numbers go in.
        if unsafe { libc::dup2(from, to) } < 0 {
            return Err(std::io::Error::last_os_error());
        }
    }
    Ok(())
}

/// The shortest conversation that proves that it runs.
fn speak(qmp: &UnixStream) -> Result<bool> {
    let mut lines = BufReader::new(qmp);
    let mut answer = |ask: &str| -> Result<Value> {
        if !ask.is_empty() {
            (&*qmp).write_all(ask.as_bytes())?;
        }
        loop {
            let mut line = String::new();
            if lines.read_line(&mut line)? == 0 {
                bail!("QEMU ended");
            }
            let value: Value = serde_json::from_str(&line)?;
            if value.get("event").is_none() {
                return Ok(value);
            }
        }
    };
    answer("")?;
    answer("{\"execute\":\"qmp_capabilities\"}\n")?;
    let status = answer("{\"execute\":\"query-status\"}\n")?;
    Ok(status["return"]["running"] == true)
}
