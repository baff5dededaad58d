//! A simulator on a port of its own, and clients that are not ours.

use anyhow::{Context, Result, bail, ensure};
use cake_bmc_sim::{Description, Sim};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

/// Longer than anything takes on a loaded machine.
pub const DEADLINE: Duration = Duration::from_secs(120);
pub const USER: &str = "admin";
pub const PASSWORD: &str = "correct-horse";
pub const SUITES: [u8; 2] = [3, 17];

/// What a client said, and whether it succeeded.
#[derive(Debug)]
pub struct Said {
    pub ok: bool,
    pub out: String,
    pub err: String,
}

pub struct Rig {
    pub sim: Sim,
    /// For sockets, caches and FreeIPMI's files.
    pub directory: tempfile::TempDir,
}

impl Rig {
    pub async fn start(describe: impl FnOnce(&mut Description)) -> Result<Self> {
        Self::start_in(tempfile::tempdir()?, describe).await
    }

    pub async fn start_in(directory: tempfile::TempDir, describe: impl FnOnce(&mut Description)) -> Result<Self> {
        let mut description = Description::server(USER, PASSWORD, 10);
        describe(&mut description);
        // FreeIPMI's library for consoles takes no port above 32767, where the kernel's free ones are.
        for _ in 0..100 {
            description.listen.set_port(rand::random_range(20_000..30_000));
            if let Ok(sim) = Sim::start(description.clone()).await {
                return Ok(Self { sim, directory });
            }
        }
        bail!("no port of a hundred is free")
    }

    pub fn control(&self, line: &str) -> Result<String> {
        self.sim.control(line).map_err(|said| anyhow::anyhow!("{line}: {said}"))
    }

    pub fn state(&self) -> Result<serde_json::Value> {
        Ok(serde_json::from_str(&self.control("state")?)?)
    }

    /// ipmitool's command line; the password is in its environment.
    pub fn ipmitool(&self, suite: u8, arguments: &[&str]) -> Command {
        let mut command = Command::new("ipmitool");
        command.args(["-I", "lanplus", "-H", "127.0.0.1", "-U", USER, "-E", "-C", &suite.to_string()]);
        command.args(["-p", &self.sim.address().port().to_string()]).args(arguments);
        command.env("IPMI_PASSWORD", PASSWORD).env("TZ", "UTC").env("HOME", self.directory.path()).kill_on_drop(true);
        command
    }

    pub async fn ipmitool_ok(&self, suite: u8, arguments: &[&str]) -> Result<String> {
        let said = run(&mut self.ipmitool(suite, arguments)).await?;
        ensure!(said.ok, "ipmitool -C {suite} {arguments:?}: {said:?}");
        Ok(said.out)
    }

    /// A command of FreeIPMI with its login in a file. `more`: lines of that file.
    pub fn freeipmi(&self, suite: u8, more: &str, program: &str, arguments: &[&str]) -> Result<Command> {
        let file = self.file(&format!("freeipmi-{suite}-{}", more.len()))?;
        let password = if more.contains("password") { String::new() } else { format!("password {PASSWORD}\n") };
        std::fs::write(&file, format!("username {USER}\n{password}cipher-suite-id {suite}\n{more}"))?;
        let mut command = Command::new(program);
        let mut option = std::ffi::OsString::from("--config-file=");
        option.push(&file);
        command.arg(option).args(["-h", &self.sim.address().to_string()]).args(arguments);
        command.env("HOME", self.directory.path()).env("TZ", "UTC").kill_on_drop(true);
        Ok(command)
    }

    pub async fn freeipmi_ok(&self, suite: u8, program: &str, arguments: &[&str]) -> Result<String> {
        let said = run(&mut self.freeipmi(suite, "driver-type LAN_2_0\n", program, arguments)?).await?;
        ensure!(said.ok, "{program} {arguments:?} with suite {suite}: {said:?}");
        Ok(said.out)
    }

    fn file(&self, name: &str) -> Result<PathBuf> {
        Ok(self.directory.path().join(name))
    }
}

pub async fn run(command: &mut Command) -> Result<Said> {
    let output = tokio::time::timeout(DEADLINE, command.stdin(Stdio::null()).output());
    let output = output.await.with_context(|| format!("{command:?} does not end"))??;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Said { ok: output.status.success(), out: text(&output.stdout), err: text(&output.stderr) })
}

/// Asks until it is so.
pub async fn until(what: &str, mut look: impl FnMut() -> Result<bool>) -> Result<()> {
    let began = std::time::Instant::now();
    while began.elapsed() < DEADLINE {
        if look()? {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bail!("{what}: not within {} s", DEADLINE.as_secs())
}

/// Runs a client on a terminal of its own; after each of these is seen, types what belongs to it.
pub async fn on_terminal(command: &Command, steps: &[(&str, &str)]) -> Result<String> {
    let plain = command.as_std();
    let words = std::iter::once(plain.get_program()).chain(plain.get_args());
    let line: Vec<_> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let mut terminal = Command::new("script");
    terminal.args(["-qec", &line.join(" "), "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    for (name, value) in plain.get_envs() {
        terminal.env(name, value.unwrap_or_default());
    }
    let mut child = terminal.kill_on_drop(true).spawn().context("script")?;
    let (mut keys, mut screen) = (child.stdin.take().context("a pipe")?, child.stdout.take().context("a pipe")?);
    let mut seen = String::new();
    let conversation = async {
        let mut buffer = [0; 1024];
        for (said, typed) in steps {
            while !seen.contains(said) {
                let length = screen.read(&mut buffer).await?;
                ensure!(length > 0, "it ended before it said {said:?}");
                seen.push_str(&String::from_utf8_lossy(&buffer[..length]));
            }
            keys.write_all(typed.as_bytes()).await?;
        }
        let mut rest = Vec::new();
        screen.read_to_end(&mut rest).await?;
        seen.push_str(&String::from_utf8_lossy(&rest));
        child.wait().await?;
        Ok(())
    };
    let result = tokio::time::timeout(DEADLINE, conversation).await;
    result.unwrap_or_else(|_| bail!("it does not end")).with_context(|| seen.clone())?;
    Ok(seen)
}
