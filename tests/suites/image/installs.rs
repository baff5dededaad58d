//! Unattended, by an answer file on the stick: from a blank server to one that people work with, and its next start.

use anyhow::{Context, Result, ensure};
use cake_tests::appliance::{BOOT, HTTPS, Mode, blank, log_in, server, shown, wrote};
use cake_tests::machine::Machine;

/// The key of the disks is left on the stick, which is looked at once the server is off.
const INSTALL: &str = "disks = [\"SYSTEM\"]\nsave_recovery_key = true\nthen = \"poweroff\"";

#[tokio::test(flavor = "multi_thread")]
async fn a_blank_server_becomes_a_cloud_without_being_asked() -> Result<()> {
    let mut machine = blank(server("installs").bmc(), INSTALL)?;
    machine.power_on().await?;
    machine.wait_serial("cake: installing by the answer file on the stick", BOOT).await?;
    wrote(&mut machine).await?;
    ensure!(machine.wait_off(BOOT).await?.success());
    // The key of the disks is where it was asked for: on the stick, which leaves.
    let names = machine.disk("stick")?.names()?;
    ensure!(names.iter().any(|name| name.starts_with("cake-recovery-key-")), "{names:?}");
    machine.remove_disk("stick")?;
    machine.power_on().await?;
    // Nobody is asked for a token any more: the answers were given.
    let administrator = log_in(&mut machine).await?;
    let nodes = administrator.nodes().await?.items;
    ensure!(nodes.len() == 1 && nodes[0].connected == Some(true), "{nodes:?}");
    // A power cut: the same state, unlocked by the TPM, without a person.
    machine.cut_power();
    machine.power_on().await?;
    log_in(&mut machine).await?;
    machine.passed()
}

#[tokio::test(flavor = "multi_thread")]
async fn with_another_tpm_only_the_recovery_key_opens_the_state() -> Result<()> {
    let mut machine = blank(server("installs-tpm").bmc(), INSTALL)?;
    machine.power_on().await?;
    wrote(&mut machine).await?;
    machine.wait_off(BOOT).await?;
    let key = recovery_key(&machine)?;
    machine.remove_disk("stick")?;
    machine.replace_tpm()?;
    machine.power_on().await?;
    shown(&mut machine, Mode::Locked).await?;
    let page = machine.get(HTTPS, "/").await?.reply;
    ensure!(page.status.is_success() && page.text()?.contains("name=\"key\""), "{page:?}");
    let other = format!("{}{}", if key.starts_with('c') { 'd' } else { 'c' }, &key[1..]);
    let wrong = machine.post_form(HTTPS, "/", &[("key", &other)]).await?;
    ensure!(wrong.text()?.contains("Nothing was changed"), "{wrong:?}");
    let opened = machine.post_form(HTTPS, "/", &[("key", &key)]).await?;
    ensure!(opened.text()?.contains("The disks are open"), "{opened:?}");
    log_in(&mut machine).await?;
    // The new TPM knows the server now.
    machine.cut_power();
    machine.power_on().await?;
    shown(&mut machine, Mode::Installed).await?;
    machine.passed()
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

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_holds_something_is_left_alone_unless_it_is_named() -> Result<()> {
    let mut machine = blank(server("installs-refused").bmc(), "disks = [\"SYSTEM\"]\nthen = \"poweroff\"")?;
    let disk = &machine.disk("SYSTEM")?.path;
    // An old master boot record, with one partition: sixteen bytes, and the mark at the sector's end.
    let mut sector = [0_u8; 512];
    sector[446..462].copy_from_slice(&[0, 0, 2, 0, 0x83, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0x10, 0]);
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    std::os::unix::fs::FileExt::write_all_at(&std::fs::File::options().write(true).open(disk)?, &sector, 0)?;
    let before = std::fs::metadata(disk)?.modified()?;
    machine.power_on().await?;
    let refusal = machine.wait_line("cake: not installed:", BOOT).await?;
    ensure!(refusal.contains("SYSTEM"), "{refusal}");
    machine.cut_power();
    ensure!(std::fs::metadata(&machine.disk("SYSTEM")?.path)?.modified()? == before, "the disk was written to");
    machine.passed()
}
