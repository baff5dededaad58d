//! Unattended, by an answer file on the stick, where it is refused; where it goes well the story of the server begins with it.

use anyhow::{Result, ensure};
use cake_tests::appliance::{BOOT, blank, server};

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
