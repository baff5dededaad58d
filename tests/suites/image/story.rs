//! The life of a server: from a blank one to VMs, an update, a disk whose bits tip over, an update that does not work. Its firmware checks
//! signatures (Secure Boot). That of another one does not, and its TPM is replaced at last.

use anyhow::{Context, Result, ensure};
use cake_client::Client;
use cake_tests::appliance::{BOOT, HTTPS, Mode, blank, built, log_in, server, shown, until as so, wrote};
use cake_tests::machine::{Hardware, Machine, Network};
use cake_tests::{Terminal, pvh};
use serde_json::json;

use crate::updates::{BAD, GOOD, Wire, done, is_good, on_trial, restart_into, standing, told_of, until};

const INSTALL: &str = "disks = [\"SYSTEM\"]\nsave_recovery_key = true\nthen = \"poweroff\"";
const VM: &str = "first";

#[tokio::test(flavor = "multi_thread")]
async fn a_server_lives_from_its_stick_to_an_update_that_fails() -> Result<()> {
    let wire = Wire::lay()?;
    let hardware = server("story").bmc().network(Network::Lan(wire.lan.clone()));
    let (mut machine, _) = installed(hardware.secure_boot(&built("boot.pem")?)).await?;

    // Nobody is asked for a token any more: the answers were given.
    machine.power_on().await?;
    let administrator = log_in(&mut machine).await?;
    let nodes = administrator.nodes().await?.items;
    ensure!(nodes.len() == 1 && nodes[0].connected == Some(true), "{nodes:?}");
    reads_its_bmc(&administrator).await?;
    administrator.wait_task(administrator.create_vm(&pvh(VM, true)).await?.id, |_| {}).await?;
    Terminal::open(&administrator, VM).await?.expect("cake-pvh").await?;

    let first = told_of(&administrator).await?;
    done(&administrator, administrator.check_update().await?.value).await?;
    let offered = until(&administrator, |server| server.offer.is_some()).await?;
    ensure!(offered.newest().is_some_and(|newest| newest.version == BAD), "{offered:?}");
    restart_into(&mut machine, &administrator, GOOD).await?;
    let administrator = log_in(&mut machine).await?;
    let now = until(&administrator, |server| is_good(server, GOOD)).await?;
    ensure!(now.running == GOOD && standing(&now, &first) == Some("previous"), "{now:?}");
    vm_runs(&administrator).await?;

    // A bit of what starts tips over while the server is off: the version before starts in its place.
    damaged(&mut machine, GOOD)?;
    machine.power_on().await?;
    let administrator = passed_over(&mut machine, &first).await?;
    vm_runs(&administrator).await?;

    // One whose console does not start is given up, and the server goes back by itself.
    restart_into(&mut machine, &administrator, BAD).await?;
    machine.wait_serial(&format!("cake: version {BAD} does not work"), BOOT).await?;
    machine.wait_reboot(BOOT).await?;
    let administrator = log_in(&mut machine).await?;
    let now = until(&administrator, |server| standing(server, BAD) == Some("bad")).await?;
    ensure!(now.running == first, "{now:?}");
    given_up(&administrator, BAD, "console").await?;
    vm_runs(&administrator).await?;
    machine.passed()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_secure_boot_damage_is_passed_over_too_and_another_tpm_needs_the_key() -> Result<()> {
    let wire = Wire::lay()?;
    let (mut machine, key) = installed(server("story-damaged").network(Network::Lan(wire.lan.clone()))).await?;
    machine.power_on().await?;
    let administrator = log_in(&mut machine).await?;
    let first = told_of(&administrator).await?;
    on_trial(&administrator, GOOD).await?;
    // Not even tried: what was written went bad before the restart.
    damaged(&mut machine, GOOD)?;
    machine.power_on().await?;
    machine.wait_serial("cake-init: the root is not the one that was signed", BOOT).await?;
    machine.wait_serial("Kernel panic - not syncing", BOOT).await?;
    machine.wait_reboot(BOOT).await?;
    passed_over(&mut machine, &first).await?;

    machine.cut_power();
    machine.replace_tpm()?;
    machine.power_on().await?;
    opens_with(&mut machine, &key).await?;
    log_in(&mut machine).await?;
    // The new TPM knows the server now.
    machine.cut_power();
    machine.power_on().await?;
    shown(&mut machine, Mode::Installed).await?;
    machine.passed()
}

/// Installed by the answer file on the stick, which is out again, and the recovery key that was left on it.
async fn installed(hardware: Hardware) -> Result<(Machine, String)> {
    let mut machine = blank(hardware, INSTALL)?;
    machine.power_on().await?;
    machine.wait_serial("cake: installing by the answer file on the stick", BOOT).await?;
    wrote(&mut machine).await?;
    ensure!(machine.wait_off(BOOT).await?.success());
    let key = recovery_key(&machine)?;
    machine.remove_disk("stick")?;
    Ok((machine, key))
}

/// The key that the installer left on the stick.
fn recovery_key(machine: &Machine) -> Result<String> {
    let stick = machine.disk("stick")?;
    let names = stick.names()?;
    let name =
        names.iter().find(|name| name.starts_with("cake-recovery-key-")).with_context(|| format!("{names:?}"))?;
    let text = String::from_utf8(stick.file(name)?)?;
    let key = text.split_whitespace().find(|word| word.len() == 71 && word.matches('-').count() == 7);
    Ok(key.with_context(|| text.clone())?.to_owned())
}

/// The server's own BMC, through the kernel's driver.
async fn reads_its_bmc(administrator: &Client) -> Result<()> {
    let added = administrator.add_server(&json!({ "name": "rack", "bmc": { "access": "local" } })).await?;
    let look = async || anyhow::Ok(administrator.server_heard(&added.id.to_string()).await?.value);
    let heard = so(BOOT, look, |server| server.read_at.is_some()).await?;
    ensure!(heard.problem.is_none() && heard.on == Some(true) && heard.device.is_some(), "{heard:?}");
    Ok(())
}

async fn vm_runs(administrator: &Client) -> Result<()> {
    let look = async || Ok(administrator.vm(VM).await?.value);
    so(BOOT, look, |vm| vm.state == "running").await.map(drop)
}

/// Turns a bit of a version's file over while the server has no power.
fn damaged(machine: &mut Machine, version: &str) -> Result<()> {
    machine.cut_power();
    let disk = machine.disk("SYSTEM")?;
    let names = disk.names_in("EFI/Linux")?;
    let name = names.iter().find(|name| name.starts_with(&format!("cake_{version}")));
    disk.damage_file(&format!("EFI/Linux/{}", name.with_context(|| format!("{names:?}"))?))
}

/// The version before starts, says what is damaged, and does not try that again.
async fn passed_over(machine: &mut Machine, first: &str) -> Result<Client> {
    let administrator = log_in(machine).await?;
    let now = until(&administrator, |server| standing(server, GOOD) == Some("bad")).await?;
    ensure!(now.running == first, "{now:?}");
    given_up(&administrator, GOOD, "damaged").await?;
    Ok(administrator)
}

/// It says why, and an alert says so too.
async fn given_up(administrator: &Client, version: &str, reason: &str) -> Result<()> {
    let now = until(administrator, |_| true).await?;
    let known = now.versions.iter().find(|known| known.version == version).context("the version")?;
    ensure!(known.failure.as_ref().is_some_and(|failure| failure.reason == reason), "{known:?}");
    let alerts = administrator.alerts().await?;
    ensure!(alerts.items.iter().any(|alert| alert.kind == "update-failed"), "{:?}", alerts.items);
    Ok(())
}

/// A server that is locked shows one page, which takes the recovery key and nothing else.
async fn opens_with(machine: &mut Machine, key: &str) -> Result<()> {
    shown(machine, Mode::Locked).await?;
    let page = machine.get(HTTPS, "/").await?.reply;
    ensure!(page.status.is_success() && page.text()?.contains("name=\"key\""), "{page:?}");
    let other = format!("{}{}", if key.starts_with('c') { 'd' } else { 'c' }, &key[1..]);
    let wrong = machine.post_form(HTTPS, "/", &[("key", &other)]).await?;
    ensure!(wrong.text()?.contains("Nothing was changed"), "{wrong:?}");
    let opened = machine.post_form(HTTPS, "/", &[("key", key)]).await?;
    ensure!(opened.text()?.contains("The disks are open"), "{opened:?}");
    Ok(())
}
