//! The stick, from the power button to its installer.

use crate::built::{BOOT, built};
use anyhow::Result;
use cake_tests::machine::{Disk, Hardware, Kind};

fn stick() -> Result<Disk> {
    Ok(Disk::copy_of("stick", Kind::Stick, &built("cake-installer.img")?))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stick_starts_the_installer() -> Result<()> {
    let mut machine = Hardware::named("boots").disk(stick()?).assemble()?;
    machine.power_on().await?;
    machine.wait_serial("installer ready", BOOT).await?;
    machine.passed()
}
