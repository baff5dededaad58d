//! What five hundred BMCs weigh: sessions that are open, records, what each can do, and the newest reading of every sensor.
//!
//! In a process of its own, which nothing else has made larger. Where there are not so many simulators, several sessions lead to each;
//! nothing is shared between them.

use super::{Ipmi, Session, hub, on_one_thread, session};
use anyhow::{Context, Result, ensure};
use cake_bmc::{Bmc, Reading};
use cake_tests::Resident;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

pub const ALL: usize = 500;

/// Bytes that they take beyond the first: the figure of a process that is started for it.
pub fn measure(peers: &[SocketAddr]) -> Result<f64> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("bmc-memory").args(peers.iter().map(ToString::to_string));
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "{command:?}: {}", output.status);
    String::from_utf8(output.stdout)?.trim().parse().context("a number of bytes")
}

/// The process itself.
pub fn tell(peers: &[String]) -> Result<()> {
    let peers: Vec<SocketAddr> = peers.iter().map(|peer| peer.parse()).collect::<Result<_, _>>()?;
    let bytes = on_one_thread(async {
        let hub = hub()?;
        let mut all: Vec<(Ipmi<Session>, Reading)> = Vec::with_capacity(ALL + 1);
        let mut before = 0;
        // One after the other: what is needed only while one is read is no part of what they weigh.
        for peer in peers.iter().cycle().take(ALL + 1) {
            let mut bmc = Ipmi::new(session(&hub, *peer)?, None);
            let reading = bmc.read().await?;
            ensure!(reading.sensors.len() >= 60);
            all.push((bmc, reading));
            if all.len() == 1 {
                before = Resident::of(std::process::id())?.all;
            }
        }
        let after = Resident::of(std::process::id())?.all;
        for (mut bmc, _) in all {
            bmc.close().await;
        }
        Ok(after - before)
    })?;
    println!("{bytes}");
    Ok(())
}
