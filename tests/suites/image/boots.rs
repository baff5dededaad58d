//! The stick, from the power button to its installer: with Secure Boot and without, whole and damaged.

use anyhow::{Result, ensure};
use cake_tests::appliance::{BOOT, HTTPS, Mode, built, console, shown, stick};
use cake_tests::machine::{Hardware, Machine, Network};
use std::fs::File;
use std::os::unix::fs::FileExt;

/// How OVMF says that it does not start a file whose signature does not fit.
const REFUSED: &str = "Access Denied";

/// A server with a TPM that starts only what the image's maker signed.
fn guarded(name: &str) -> Result<Hardware> {
    let hardware = Hardware::named(name).network(Network::User { https: HTTPS });
    Ok(hardware.secure_boot(&built("boot.pem")?).tpm().disk(stick()?))
}

/// Turns one bit over, in the root within the stick's one file, where it is compressed data that the kernel would not miss at once.
fn damage(machine: &Machine) -> Result<()> {
    let stick = machine.disk("stick")?;
    let file = File::open(&stick.path)?;
    // The magic number stands in the kernel's own driver too, which does not go on with the format's version (4.0).
    let (mut at, mut version) = (0, [0; 4]);
    while version != [4, 0, 0, 0] {
        at = stick.find(b"hsqs", at + 1)?;
        file.read_exact_at(&mut version, at + 28)?;
    }
    stick.flip_bit(at + (1 << 20))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stick_starts_the_installer() -> Result<()> {
    let mut machine = Hardware::named("boots").network(Network::User { https: HTTPS }).disk(stick()?).assemble()?;
    machine.power_on().await?;
    let (shown, answer) = console(&mut machine, Mode::Installer, "/").await?;
    ensure!(shown.token.is_some_and(|token| !token.is_empty()));
    ensure!(answer.reply.status.is_success() || answer.reply.status.is_redirection(), "{:?}", answer.reply);
    machine.passed()
}

#[tokio::test(flavor = "multi_thread")]
async fn secure_boot_starts_what_was_signed_and_nothing_else() -> Result<()> {
    let mut machine = guarded("boots-guarded")?.assemble()?;
    machine.power_on().await?;
    shown(&mut machine, Mode::Installer).await?;
    machine.cut_power();
    damage(&machine)?;
    machine.power_on().await?;
    machine.wait_serial(REFUSED, BOOT).await?;
    machine.passed()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_secure_boot_a_damaged_root_is_found_before_it_runs() -> Result<()> {
    let mut machine = Hardware::named("boots-damaged").disk(stick()?).assemble()?;
    damage(&machine)?;
    machine.power_on().await?;
    machine.wait_serial("cake-init: the root is not the one that was signed", BOOT).await?;
    // And not once only: it starts anew.
    machine.wait_reboot(BOOT).await?;
    machine.passed()
}
