//! Starts of an installed server and of plain Debian with its kernel, in turns.

use anyhow::{Context, Result, ensure};
use cake_tests::appliance::{BOOT, Mode, console, server};
use cake_tests::machine::{Disk, Kind, Machine};
use cake_tests::workspace;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

/// Seconds of each start.
#[derive(Default)]
pub struct Starts {
    /// Until the console has answered.
    pub console: Vec<f64>,
    /// Until Debian asks who it is.
    pub login: Vec<f64>,
    /// Until the firmware has found something to start; the server's.
    pub firmware: Vec<f64>,
}

impl Starts {
    pub async fn of(machine: &mut Machine, rounds: usize) -> Result<Self> {
        let mut starts = Self::default();
        for _ in 0..rounds {
            starts.one(machine).await?;
            starts.login.push(debian().await?);
        }
        Ok(starts)
    }

    async fn one(&mut self, machine: &mut Machine) -> Result<()> {
        let begun = Instant::now();
        machine.power_on().await?;
        machine.wait_serial("BdsDxe: starting", BOOT).await?;
        self.firmware.push(begun.elapsed().as_secs_f64());
        let (_, answer) = console(machine, Mode::Installed, "/").await?;
        ensure!(!answer.reply.status.is_server_error(), "{:?}", answer.reply);
        self.console.push(begun.elapsed().as_secs_f64());
        machine.cut_power();
        Ok(())
    }
}

/// On the same hardware: memory, disk, TPM, network.
async fn debian() -> Result<f64> {
    let disk = Disk::copy_of("SYSTEM", Kind::Nvme, &plain_debian()?);
    let mut machine = server("debian").bmc().disk(disk).assemble()?;
    let begun = Instant::now();
    machine.power_on().await?;
    machine.wait_serial("plain-debian login:", BOOT).await?;
    let took = begun.elapsed().as_secs_f64();
    machine.passed()?;
    Ok(took)
}

fn plain_debian() -> Result<PathBuf> {
    let made = Command::new(workspace().join("image/scripts/plain-debian.sh")).output().context("plain-debian.sh")?;
    ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Ok(String::from_utf8(made.stdout)?.trim().into())
}
