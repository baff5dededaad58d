//! A server without a system, from the network: UEFI HTTP boot of the same signed file.

use anyhow::{Result, ensure};
use cake_tests::appliance::{Mode, built, shown};
use cake_tests::machine::{HOST, Hardware, Lan, Network};
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn the_signed_file_comes_over_http() -> Result<()> {
    let lan = Arc::new(Lan::lay()?);
    let files = lan.serve()?;
    files.offer("/cake.efi", &built("cake.efi")?);
    let _dhcp = lan.dhcp(Some(&format!("http://{HOST}/cake.efi")))?;
    let hardware = Hardware::named("network").network(Network::Lan(lan)).http_boot();
    let mut machine = hardware.secure_boot(&built("boot.pem")?).assemble()?;
    machine.power_on().await?;
    shown(&mut machine, Mode::Installer).await?;
    ensure!(files.asked().contains(&"GET /cake.efi".to_owned()), "{:?}", files.asked());
    machine.passed()
}
