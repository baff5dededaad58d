//! Updates of an installed server: to a version that works, and to one that does not.
//!
//! The other versions are the built image with another version in it, and one of them with a console that does not start
//! (`image/scripts/variants.sh`): the test's own web server has their repository.

use anyhow::{Context, Result, ensure};
use cake_client::Client;
use cake_client::wire::{Task, Update, UpdateServer};
use cake_tests::appliance::{self, BOOT, installed, log_in, server};
use cake_tests::machine::{HOST, Lan, Machine, Network};
use cake_tests::workspace;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

pub const GOOD: &str = "90.1";
pub const BAD: &str = "90.2";

/// The repository of both, made of the built image once.
pub fn repository() -> Result<PathBuf> {
    let out = workspace().join("target/image/variants");
    let made = Command::new(workspace().join("image/scripts/variants.sh"))
        .arg(&out)
        .args([GOOD, &format!("{BAD}:broken")])
        .status()
        .context("image/scripts/variants.sh")?;
    ensure!(made.success(), "image/scripts/variants.sh: {made}");
    Ok(out)
}

/// What the server says of its firmware, once that is so.
pub async fn until(administrator: &Client, so: impl Fn(&UpdateServer) -> bool) -> Result<UpdateServer> {
    let look = async || anyhow::Ok(administrator.update().await?.value);
    let seen = appliance::until(BOOT, look, |seen: &Update| seen.servers.first().is_some_and(&so)).await?;
    seen.servers.into_iter().next().context("a server")
}

pub async fn done(administrator: &Client, task: Task) -> Result<()> {
    let ended = administrator.wait_task(task.id, |_| {}).await?;
    ensure!(ended.succeeded(), "{:?}", ended.value);
    Ok(())
}

pub fn standing<'a>(server: &'a UpdateServer, version: &str) -> Option<&'a str> {
    server.versions.iter().find(|known| known.version == version).map(|known| known.standing.as_str())
}

/// Writes a version to the disks, and restarts into it.
async fn restart_into(machine: &mut Machine, administrator: &Client, version: &str) -> Result<()> {
    done(administrator, administrator.apply_update(version).await?.value).await?;
    let next = until(administrator, |server| standing(server, version) == Some("next")).await?;
    ensure!(next.versions.len() == 2, "{next:?}");
    let node = administrator.nodes().await?.items[0].name.clone();
    administrator.leave(&node, "reboot", Some(10)).await?;
    machine.wait_reboot(BOOT).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_runs_and_a_bad_one_returns_by_itself_and_says_why() -> Result<()> {
    let repository = repository()?;
    let lan = Arc::new(Lan::lay()?);
    let files = lan.serve()?;
    files.offer_folder(&repository)?;
    let _dhcp = lan.dhcp(None)?;
    let hardware = server("updates").network(Network::Lan(lan.clone()));
    let install = "disks = [\"SYSTEM\"]\nsave_recovery_key = true\nthen = \"poweroff\"";
    let mut machine = installed(hardware, install).await?;
    machine.power_on().await?;
    let administrator = log_in(&mut machine).await?;
    let first = until(&administrator, |server| server.versions.iter().any(|version| version.good)).await?.running;
    let seen = administrator.update().await?;
    administrator.set_update_source(&seen, Some(&format!("http://{HOST}")), None).await?;
    done(&administrator, administrator.check_update().await?.value).await?;
    let offered = until(&administrator, |server| server.offer.is_some()).await?;
    ensure!(offered.newest().is_some_and(|newest| newest.version == BAD), "{offered:?}");

    restart_into(&mut machine, &administrator, GOOD).await?;
    let administrator = log_in(&mut machine).await?;
    let server = until(&administrator, |server| server.versions.iter().any(|v| v.version == GOOD && v.good)).await?;
    ensure!(server.running == GOOD && standing(&server, &first) == Some("previous"), "{server:?}");

    done(&administrator, administrator.check_update().await?.value).await?;
    restart_into(&mut machine, &administrator, BAD).await?;
    machine.wait_serial(&format!("cake: version {BAD} does not work"), BOOT).await?;
    machine.wait_reboot(BOOT).await?;
    let administrator = log_in(&mut machine).await?;
    let server = until(&administrator, |server| standing(server, BAD) == Some("bad")).await?;
    ensure!(server.running == GOOD, "{server:?}");
    let failure = server.versions.iter().find_map(|version| version.failure.clone()).context("a reason")?;
    ensure!(failure.reason == "console", "{failure:?}");
    let alerts = administrator.alerts().await?;
    ensure!(alerts.items.iter().any(|alert| alert.kind == "update-failed"), "{:?}", alerts.items);
    machine.passed()
}
