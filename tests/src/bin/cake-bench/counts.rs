//! What noise can't touch: synced writes and commands of one start, counted by strace where it is installed.

use anyhow::{Context, Result};
use cake_client::{Client, VmAction};
use cake_tests::Instance;
use cake_tests::table::{Goal, Samples, Table};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// strace on one process and all its threads, writing to a file.
struct Traced {
    child: Child,
    log: tempfile::NamedTempFile,
}

impl Traced {
    fn start(pid: u32) -> Result<Self> {
        let log = tempfile::NamedTempFile::new()?;
        let mut child = Command::new("strace")
            .args(["-f", "-e", "trace=fsync,fdatasync,sync_file_range", "-o"])
            .arg(log.path())
            .args(["-p", &pid.to_string()])
            .stderr(Stdio::piped())
            .spawn()?;
        // Its first line says that it is attached.
        let mut line = String::new();
        BufReader::new(child.stderr.take().context("a pipe")?).read_line(&mut line)?;
        Ok(Self { child, log })
    }

    fn count(mut self) -> Result<f64> {
        nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(self.child.id().try_into()?),
            nix::sys::signal::Signal::SIGINT,
        )?;
        self.child.wait()?;
        let text = std::fs::read_to_string(self.log.path())?;
        Ok(text.lines().filter(|line| line.contains("sync(") || line.contains("sync_file_range(")).count() as f64)
    }
}

pub async fn measure(table: &mut Table, instance: &Instance, client: &Client) -> Result<()> {
    let strace = Command::new("strace").arg("-V").stdout(Stdio::null()).status();
    if !strace.is_ok_and(|status| status.success()) {
        table.note("synced writes of one start: not counted, strace is not installed");
        return Ok(());
    }
    let vm = instance.pvh(client, "counted", false).await?;
    let id = vm.id.to_string();
    for (action, what) in [(VmAction::Start, "start"), (VmAction::Stop, "force stop")] {
        let (caked, node) = (Traced::start(instance.caked().pid())?, Traced::start(instance.node().pid())?);
        instance.done(client, client.act(&id, action).await?).await?;
        let (caked, node) = (caked.count()?, node.count()?);
        let own = Samples::new("", [caked + node]);
        table.row(
            format!("synced writes of one {what}"),
            own,
            None,
            Goal::None,
            format!("caked {caked}, cake-node {node}"),
        );
    }
    let vm = client.vm(&id).await?;
    instance.done(client, client.delete_vm(&vm).await?).await?;
    Ok(())
}
