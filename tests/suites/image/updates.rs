//! Updates of an installed server: to a version that works, and to one that does not.
//!
//! The other versions are the built image with another version in it, and one of them with a console that does not start
//! (`image/scripts/variants.sh`): the test's own web server has their repository.

use anyhow::{Context, Result, ensure};
use cake_client::Client;
use cake_client::wire::{Task, UpdateServer};
use cake_tests::appliance::{BOOT, Mode, answers, client, console, stick};
use cake_tests::machine::{Disk, HOST, Hardware, Kind, Lan, Machine, Network};
use cake_tests::{ADMIN, PASSWORD, workspace};
use cake_types::ByteSize;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

const GOOD: &str = "90.1";
const BAD: &str = "90.2";

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

/// Installed by an answer file, and started from its disk.
async fn installed(name: &str, lan: &Arc<Lan>) -> Result<(Machine, Client)> {
    let answers = answers("disks = [\"SYSTEM\"]\nsave_recovery_key = true\nthen = \"poweroff\"");
    let hardware = Hardware::named(name).memory(ByteSize::gib(3)).tpm().network(Network::Lan(lan.clone()));
    let disk = Disk::blank("SYSTEM", Kind::Nvme, ByteSize::gib(32));
    let mut machine = hardware.disk(disk).disk(stick()?).assemble()?;
    machine.disk("stick")?.put_file("cake-setup.toml", answers.as_bytes())?;
    machine.power_on().await?;
    let end = machine.wait_first_of(&["cake: installed", "cake: not installed"], BOOT).await?;
    ensure!(end == 0, "{}", machine.heard()?);
    ensure!(machine.wait_off(BOOT).await?.success());
    machine.remove_disk("stick")?;
    machine.power_on().await?;
    let administrator = log_in(&mut machine).await?;
    Ok((machine, administrator))
}

async fn log_in(machine: &mut Machine) -> Result<Client> {
    let (_, answer) = console(machine, Mode::Installed, "/").await?;
    Ok(client(machine, &answer).await?.log_in(ADMIN, PASSWORD).await?.0)
}

/// What the server says of its firmware, once that is so.
async fn until(administrator: &Client, so: impl Fn(&UpdateServer) -> bool) -> Result<UpdateServer> {
    let deadline = tokio::time::Instant::now() + BOOT;
    loop {
        let seen = administrator.update().await?;
        if let Some(server) = seen.servers.first().filter(|server| so(server)) {
            return Ok(server.clone());
        }
        ensure!(tokio::time::Instant::now() < deadline, "{:?}", seen.value);
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}

async fn done(administrator: &Client, task: Task) -> Result<()> {
    let ended = administrator.wait_task(task.id, |_| {}).await?;
    ensure!(ended.succeeded(), "{:?}", ended.value);
    Ok(())
}

fn standing<'a>(server: &'a UpdateServer, version: &str) -> Option<&'a str> {
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
    let (mut machine, administrator) = installed("updates", &lan).await?;
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
