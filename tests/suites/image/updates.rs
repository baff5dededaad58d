//! Updates of an installed server, and what is said of them; the stories of other files use it.
//!
//! The other versions are the built image with another version in it, and one of them with a console that does not start
//! (`image/scripts/variants.sh`): the test's own web server has their repository.

use anyhow::{Context, Result, ensure};
use cake_client::Client;
use cake_client::wire::{Task, Update, UpdateServer};
use cake_tests::appliance::{self, BOOT, installed, log_in};
use cake_tests::machine::{Child, Files, HOST, Hardware, Lan, Machine, Network};
use cake_tests::workspace;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

pub const GOOD: &str = "90.1";
pub const BAD: &str = "90.2";

/// A network with addresses and the repository of both versions.
pub struct Wire {
    pub lan: Arc<Lan>,
    _files: Files,
    _dhcp: Child,
}

impl Wire {
    pub fn lay() -> Result<Self> {
        let repository = repository()?;
        let lan = Arc::new(Lan::lay()?);
        let files = lan.serve()?;
        files.offer_folder(&repository)?;
        let dhcp = lan.dhcp(None)?;
        Ok(Self { lan, _files: files, _dhcp: dhcp })
    }

    /// A server in it, installed, running and told of the repository, and the version that runs.
    pub async fn server(&self, hardware: Hardware) -> Result<(Machine, Client, String)> {
        let install = "disks = [\"SYSTEM\"]\nsave_recovery_key = true\nthen = \"poweroff\"";
        let mut machine = installed(hardware.network(Network::Lan(self.lan.clone())), install).await?;
        machine.power_on().await?;
        let administrator = log_in(&mut machine).await?;
        let first = told_of(&administrator).await?;
        Ok((machine, administrator, first))
    }
}

/// The repository of both, made of the built image once.
fn repository() -> Result<PathBuf> {
    let out = workspace().join("target/image/variants");
    let made = Command::new(workspace().join("image/scripts/variants.sh"))
        .arg(&out)
        .args([GOOD, &format!("{BAD}:broken")])
        .status()
        .context("image/scripts/variants.sh")?;
    ensure!(made.success(), "image/scripts/variants.sh: {made}");
    Ok(out)
}

/// Tells the server where the repository is, once it is known that what runs is good: that version.
pub async fn told_of(administrator: &Client) -> Result<String> {
    let first = until(administrator, |server| server.versions.iter().any(|version| version.good)).await?.running;
    let seen = administrator.update().await?;
    administrator.set_update_source(&seen, Some(&format!("http://{HOST}")), None).await?;
    Ok(first)
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

pub fn is_good(server: &UpdateServer, version: &str) -> bool {
    server.versions.iter().any(|known| known.version == version && known.good)
}

/// Writes a version to the disks: it is what the server starts next.
pub async fn on_trial(administrator: &Client, version: &str) -> Result<UpdateServer> {
    done(administrator, administrator.check_update().await?.value).await?;
    done(administrator, administrator.apply_update(version).await?.value).await?;
    until(administrator, |server| standing(server, version) == Some("next")).await
}

/// The same, and restarts into it.
pub async fn restart_into(machine: &mut Machine, administrator: &Client, version: &str) -> Result<()> {
    on_trial(administrator, version).await?;
    let node = administrator.nodes().await?.items[0].name.clone();
    administrator.leave(&node, "reboot", Some(10)).await?;
    machine.wait_reboot(BOOT).await
}
