//! From a blank server to its first VM, and what that server takes when nothing happens.

use anyhow::{Context, Result};
use cake_client::Client;
use cake_tests::appliance::{blank, log_in, server, wrote};
use cake_tests::machine::Machine;
use cake_tests::{Terminal, pvh};
use std::time::{Duration, Instant};

/// A server that was installed a moment ago, and its only VM.
pub struct Story {
    machine: Machine,
    administrator: Client,
    installed: Duration,
    answered: Duration,
    vm: Duration,
}

const VM: &str = "first";

impl Story {
    pub async fn begin() -> Result<Self> {
        let install = "disks = [\"SYSTEM\"]\nsave_recovery_key = true\nthen = \"reboot\"";
        let mut machine = blank(server("bench").bmc(), install)?;
        let begun = Instant::now();
        machine.power_on().await?;
        wrote(&mut machine).await?;
        let installed = begun.elapsed();
        let administrator = log_in(&mut machine).await?;
        let answered = begun.elapsed();
        let task = administrator.create_vm(&pvh(VM, true)).await?;
        administrator.wait_task(task.id, |_| {}).await?;
        Terminal::open(&administrator, VM).await?.expect("cake-pvh").await?;
        Ok(Self { machine, administrator, installed, answered, vm: begun.elapsed() })
    }

    pub fn took(&self) -> Duration {
        self.vm
    }

    /// How it was made up.
    pub fn parts(&self) -> String {
        let seconds = |time: Duration| time.as_secs_f64();
        format!(
            "installed after {:.0} s, console after {:.0} s, VM {:.0} s later",
            seconds(self.installed),
            seconds(self.answered),
            seconds(self.vm.saturating_sub(self.answered))
        )
    }

    /// MiB that the server uses (MemTotal − MemAvailable, proc_meminfo(5)), its VM gone and left alone for so long.
    pub async fn memory_after(&mut self, idle: Duration) -> Result<f64> {
        let vm = self.administrator.vm(VM).await?;
        let task = self.administrator.delete_vm(&vm).await?;
        self.administrator.wait_task(task.id, |_| {}).await?;
        // The only wait for time: what is measured is a server with which nothing happens.
        tokio::time::sleep(idle).await;
        let node = self.administrator.nodes().await?.items.pop().context("a node")?;
        let all = node.memory.context("how much memory there is")?;
        let free = node.memory_available.context("how much memory is available")?;
        Ok((all.bytes() - free.bytes()) as f64 / f64::from(1 << 20))
    }

    /// The server, switched off, without the stick.
    pub fn into_machine(mut self) -> Result<Machine> {
        self.machine.cut_power();
        self.machine.remove_disk("stick")?;
        Ok(self.machine)
    }
}
