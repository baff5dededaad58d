//! Unattended, by an answer file on the stick: from a blank server to one that people work with, and its next start.

use crate::built::{BOOT, HTTPS, Mode, client, console, shown, stick};
use anyhow::{Context, Result, ensure};
use cake_tests::machine::{Disk, Hardware, Kind, Machine, Network};
use cake_tests::{ADMIN, PASSWORD};
use cake_types::ByteSize;

/// The wizard's answers, and what is to be done with the disks.
pub fn answers(install: &str) -> String {
    format!(
        "language = \"en\"\nname = \"rack\"\ntime_zone = \"Etc/UTC\"\n[administrator]\nname = \"{ADMIN}\"\npassword = \"{PASSWORD}\"\n\
         [install]\n{install}\n"
    )
}

/// A server with a stick in it, on which these answers lie, and one empty disk.
fn server(name: &str, install: &str) -> Result<Machine> {
    let hardware = Hardware::named(name).memory(ByteSize::gib(3)).tpm().bmc().network(Network::User { https: HTTPS });
    let disk = Disk::blank("SYSTEM", Kind::Nvme, ByteSize::gib(32));
    let machine = hardware.disk(disk).disk(stick()?).assemble()?;
    machine.disk("stick")?.put_file("cake-setup.toml", answers(install).as_bytes())?;
    Ok(machine)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blank_server_becomes_a_cloud_without_being_asked() -> Result<()> {
    let mut machine = server("installs", "disks = [\"SYSTEM\"]\nsave_recovery_key = true\nthen = \"poweroff\"")?;
    machine.power_on().await?;
    machine.wait_serial("cake: installing by the answer file on the stick", BOOT).await?;
    let end = machine.wait_first_of(&["cake: installed", "cake: not installed"], BOOT).await?;
    ensure!(end == 0, "{}", machine.heard()?);
    ensure!(machine.wait_off(BOOT).await?.success());
    // The key of the disks is where it was asked for: on the stick, which leaves.
    let names = machine.disk("stick")?.names()?;
    ensure!(names.iter().any(|name| name.starts_with("cake-recovery-key-")), "{names:?}");
    machine.remove_disk("stick")?;
    machine.power_on().await?;
    let (_, answer) = console(&mut machine, Mode::Installed, "/").await?;
    let anonymous = client(&mut machine, &answer).await?;
    // Nobody is asked for a token any more: the answers were given.
    let (administrator, _) = anonymous.log_in(ADMIN, PASSWORD).await?;
    let nodes = administrator.nodes().await?.items;
    ensure!(nodes.len() == 1 && nodes[0].connected == Some(true), "{nodes:?}");
    // A power cut: the same state, unlocked by the TPM, without a person.
    machine.cut_power();
    machine.power_on().await?;
    let (_, answer) = console(&mut machine, Mode::Installed, "/").await?;
    client(&mut machine, &answer).await?.log_in(ADMIN, PASSWORD).await?;
    machine.passed()
}

#[tokio::test(flavor = "multi_thread")]
async fn with_another_tpm_only_the_recovery_key_opens_the_state() -> Result<()> {
    let mut machine = server("installs-tpm", "disks = [\"SYSTEM\"]\nsave_recovery_key = true\nthen = \"poweroff\"")?;
    machine.power_on().await?;
    machine.wait_serial("cake: installed", BOOT).await?;
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
    let (_, answer) = console(&mut machine, Mode::Installed, "/").await?;
    client(&mut machine, &answer).await?.log_in(ADMIN, PASSWORD).await?;
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
    let mut machine = server("installs-refused", "disks = [\"SYSTEM\"]\nthen = \"poweroff\"")?;
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
