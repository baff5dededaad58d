//! The menu of an installed server, as somebody in front of it uses it: over the serial port, and once on the screen.

use anyhow::{Context, Result, ensure};
use cake_tests::appliance::{BOOT, HTTPS, Mode, client, installed, server, shown};
use cake_tests::machine::Machine;
use cake_tests::{ADMIN, PASSWORD};
use std::net::Ipv4Addr;

/// An address of QEMU's own network that its DHCP gives to nobody.
const TYPED: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 44);

/// Types these, and waits for what the menu says to it.
async fn types(machine: &mut Machine, keys: &str, says: &str) -> Result<()> {
    machine.type_in(keys).await?;
    machine.wait_serial(says, BOOT).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_menu_repairs_the_network_destroys_everything_and_switches_the_server_off() -> Result<()> {
    let mut machine = installed(server("menu"), "disks = [\"SYSTEM\"]\nthen = \"poweroff\"").await?;
    machine.power_on().await?;
    shown(&mut machine, Mode::Installed).await?;
    machine.wait_serial("menu         press Enter", BOOT).await?;
    types(&mut machine, "\r", "Health: good. No VM running.").await?;

    // What the network is, and another one: a mistake is told at its field, and what is right is kept by a key here.
    types(&mut machine, "\r", "1  Network repair").await?;
    types(&mut machine, "1", "10.0.2.15/24 (dhcp)").await?;
    types(&mut machine, "1", "< by DHCP >").await?;
    types(&mut machine, "\x1b[C", "< typed here >").await?;
    types(&mut machine, "\r10.0.2\r\r\r\r\r\r\r", "! Address/prefix: 10.0.2 is not written as").await?;
    types(&mut machine, ".44/24\r10.0.2.2\r10.0.2.3\r\r\r\r\r", "Tried now: 10.0.2.44/24, gateway 10.0.2.2").await?;
    machine.wait_serial("1  Keep this network", BOOT).await?;
    types(&mut machine, "1", "Asked for: 10.0.2.44/24").await?;

    // Whoever looks at the console sees it, and by whom it was done is no secret either.
    machine.lead_to(TYPED, HTTPS).await?;
    let answer = machine.wait_https(HTTPS, "/", BOOT).await?;
    let (administrator, _) = client(&mut machine, &answer).await?.log_in(ADMIN, PASSWORD).await?;
    let node = administrator.nodes().await?.items.first().context("a server")?.name.clone();
    let network = administrator.network(&node).await?;
    ensure!(network.asked.addresses == ["10.0.2.44/24"] && network.trial.is_none(), "{}", network.json);
    ensure!(network.ended.as_ref().is_some_and(|ended| ended.end == "confirmed"), "{}", network.json);
    let events = administrator.events(Some(200)).await?;
    ensure!(events.items.iter().any(|event| event.kind == "network-confirmed"), "{}", events.json);

    // The screen has a menu of its own.
    machine.press("ret").await?;

    // Everything is lost, by the server's name and nothing less; it comes back as one that nobody has set up.
    types(&mut machine, "0", "5  Factory reset").await?;
    machine.keep_screenshot("menu.png").await?;
    types(&mut machine, "5", "Type cake and press Enter").await?;
    types(&mut machine, "yes\r", "Nothing is done").await?;
    machine.type_in("\x15cake\r").await?;
    machine.wait_reboot(BOOT).await?;
    shown(&mut machine, Mode::Installed).await?;
    let token = machine.wait_line("  token        ", BOOT).await?;
    ensure!(!token.trim().is_empty(), "{}", machine.heard()?);
    types(&mut machine, "\r", "Health:").await?;

    types(&mut machine, "\r", "4  Shut down or restart").await?;
    types(&mut machine, "41", "Type yes and press Enter").await?;
    machine.type_in("yes\r").await?;
    ensure!(machine.wait_off(BOOT).await?.success());
    machine.passed()
}
