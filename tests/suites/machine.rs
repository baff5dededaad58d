//! The harness itself: a whole server, with cake-tiny on its disk, does what a test asks of it and tells what happens.

use anyhow::{Context, Result, ensure};
use cake_tests::machine::{Disk, HOST, Hardware, Kind, Lan, Network, Wish, ipmitool};
use cake_tests::{DEADLINE, workspace};
use cake_types::ByteSize;
use std::path::PathBuf;
use std::sync::Arc;

fn tiny() -> Result<PathBuf> {
    let engine = std::env::var_os("CAKE_ENGINE_DIR").map_or_else(|| workspace().join("target/engine"), PathBuf::from);
    let images = std::env::var_os("CAKE_IMAGES_DIR").map_or_else(|| engine.join("images"), PathBuf::from);
    let path = images.join("cake-tiny.raw");
    ensure!(path.exists(), "there is no cake-tiny: run make engine");
    Ok(path)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_is_switched_on_and_off_and_its_disks_and_tpm_changed_between() -> Result<()> {
    let hardware = Hardware::named("harness").memory(ByteSize::mib(256)).cpus(1);
    let hardware = hardware.network(Network::User { https: 443 }).tpm().second_serial();
    let system = Disk::copy_of("system", Kind::Virtio, &tiny()?);
    let mut machine = hardware.disk(system).disk(Disk::blank("data", Kind::Nvme, ByteSize::gib(32))).assemble()?;
    machine.power_on().await?;
    machine.wait_serial("cake-tiny: ready on", DEADLINE).await?;
    // Nobody listens in the guest, and QEMU's port is there all the same.
    ensure!(machine.https().await?.port() != 0 && machine.get(443, "/").await.is_err());
    machine.type_in("\nwc -c < /sys/firmware/efi/fw_platform_size; echo do''ne\n").await?;
    machine.wait_serial("done", DEADLINE).await?;
    let picture = tempfile::tempdir()?.keep().join("screen.png");
    machine.screenshot(&picture).await?;
    ensure!(std::fs::read(&picture)?.starts_with(b"\x89PNG"));
    std::fs::remove_dir_all(picture.parent().context("a folder")?)?;
    // The reset button: the same QEMU, from the beginning.
    machine.reset().await?;
    machine.wait_serial("cake-tiny: ready on", DEADLINE).await?;
    ensure!(machine.replace_tpm().is_err(), "a running machine keeps its TPM");
    // A power cut, and what can be done only then.
    machine.cut_power();
    machine.replace_tpm()?;
    machine.remove_disk("data")?;
    machine.add_disk(&Disk::blank("more", Kind::Stick, ByteSize::mib(64)))?;
    machine.power_on().await?;
    machine.wait_serial("cake-tiny: ready on", DEADLINE).await?;
    machine
        .type_in("\nuntil ls -l /proc/$(pidof acpid)/fd 2>/dev/null | grep -q input; do :; done; echo lis''tens\n")
        .await?;
    machine.wait_serial("listens", DEADLINE).await?;
    machine.power_button().await?;
    let ended = machine.wait_off(DEADLINE).await?;
    ensure!(ended.success(), "{ended}");
    machine.passed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bmc_on_the_network_switches_its_machine() -> Result<()> {
    let hardware = Hardware::named("harness-bmc").memory(ByteSize::mib(256)).cpus(1).bmc_on_network();
    let mut machine = hardware.disk(Disk::copy_of("system", Kind::Sata, &tiny()?)).assemble()?;
    let bmc = machine.bmc()?.address();
    ensure!(ipmitool(bmc, &["chassis", "power", "status"]).await?.contains("is off"));
    let (asked, wish) = tokio::join!(ipmitool(bmc, &["chassis", "power", "on"]), machine.obey_bmc(DEADLINE));
    asked?;
    ensure!(wish? == Wish::On);
    machine.wait_serial("cake-tiny: ready on", DEADLINE).await?;
    ensure!(ipmitool(bmc, &["chassis", "power", "status"]).await?.contains("is on"));
    let (asked, wish) = tokio::join!(ipmitool(bmc, &["chassis", "power", "off"]), machine.obey_bmc(DEADLINE));
    asked?;
    ensure!(wish? == Wish::Off && machine.heard().is_err(), "it is off");
    ensure!(ipmitool(bmc, &["chassis", "power", "status"]).await?.contains("is off"));
    machine.passed()
}

#[tokio::test(flavor = "multi_thread")]
async fn firmware_boots_by_http_from_a_wire_of_its_own() -> Result<()> {
    let lan = Arc::new(Lan::lay()?);
    let files = lan.serve()?;
    let _dhcp = lan.dhcp(Some(&format!("http://{HOST}/loader.efi")))?;
    let hardware = Hardware::named("harness-http").memory(ByteSize::mib(256)).cpus(1).http_boot();
    let system = Disk::copy_of("system", Kind::Virtio, &tiny()?);
    let mut machine = hardware.network(Network::Lan(lan)).disk(system).assemble()?;
    let loader = tempfile::NamedTempFile::new()?;
    let mut content = machine.disk("system")?.file("EFI/BOOT/BOOTX64.EFI")?;
    std::fs::write(loader.path(), &content)?;
    files.offer("/loader.efi", loader.path());
    machine.power_on().await?;
    machine.wait_serial("BdsDxe: starting Boot", DEADLINE).await?;
    ensure!(machine.wait_line("\"", DEADLINE).await?.contains("HTTPv4"));
    ensure!(files.asked().contains(&"GET /loader.efi".to_owned()), "{:?}", files.asked());
    machine.cut_power();
    // What was put onto a disk is there.
    content.truncate(1000);
    machine.disk("system")?.put_file("half", &content)?;
    ensure!(machine.disk("system")?.file("half")? == content);
    let names = machine.disk("system")?.names()?;
    ensure!(names.iter().any(|name| name == "half") && names.iter().any(|name| name == "EFI"), "{names:?}");
    machine.passed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_with_the_machine_and_leaves_evidence() -> Result<()> {
    let mut machine = Hardware::named("harness-failed").memory(ByteSize::mib(256)).cpus(1).assemble()?;
    machine.power_on().await?;
    // The firmware finds nothing to boot.
    machine.wait_serial("BdsDxe", DEADLINE).await?;
    let waited = machine.wait_serial("never", std::time::Duration::from_secs(1)).await;
    let waited = format!("{:#}", waited.err().context("it never says that")?);
    ensure!(waited.contains("\"never\""), "{waited}");
    drop(machine);
    let folder = workspace().join("target/image/failed/harness-failed");
    ensure!(std::fs::read(folder.join("screen.png"))?.starts_with(b"\x89PNG"));
    ensure!(std::fs::read_to_string(folder.join("serial-1.log"))?.contains("BdsDxe"));
    Ok(std::fs::remove_dir_all(folder)?)
}
