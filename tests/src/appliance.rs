//! What `make image` made, and what the systems in it say on the serial line.

use anyhow::{Context, Result, anyhow, bail, ensure};
use cake_client::{Client, Trust};
use cake_types::ByteSize;
use data_encoding::{BASE64, HEXLOWER};
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::timeout;

use crate::machine::{Answer, Disk, Hardware, Kind, Machine, Network};
use crate::{ADMIN, PASSWORD, workspace};

/// Longer than an emulated server takes from its power button to its console, with Secure Boot and a TPM, on a busy machine.
pub const BOOT: Duration = Duration::from_secs(600);
/// The console's port in the appliance.
pub const HTTPS: u16 = 443;

/// A file of `target/image`, or of `CAKE_IMAGE_DIR`.
pub fn built(name: &str) -> Result<PathBuf> {
    let folder = std::env::var_os("CAKE_IMAGE_DIR").map_or_else(|| workspace().join("target/image"), PathBuf::from);
    let path = folder.join(name);
    ensure!(path.exists(), "{} is missing: run make image", path.display());
    Ok(path)
}

/// The stick, as it is bought or written.
pub fn stick() -> Result<Disk> {
    Ok(Disk::copy_of("stick", Kind::Stick, &built("cake-installer.img")?))
}

/// The wizard's answers, and what is to be done with the disks.
pub fn answers(install: &str) -> String {
    format!(
        "language = \"en\"\nname = \"rack\"\ntime_zone = \"Etc/UTC\"\n[administrator]\nname = \"{ADMIN}\"\npassword = \"{PASSWORD}\"\n\
         [install]\n{install}\n"
    )
}

/// A server with a stick in it, on which these answers lie, and one empty disk, `SYSTEM`.
pub fn blank(name: &str, install: &str) -> Result<Machine> {
    let hardware = Hardware::named(name).memory(ByteSize::gib(3)).tpm().bmc().network(Network::User { https: HTTPS });
    let disk = Disk::blank("SYSTEM", Kind::Nvme, ByteSize::gib(32));
    let machine = hardware.disk(disk).disk(stick()?).assemble()?;
    machine.disk("stick")?.put_file("cake-setup.toml", answers(install).as_bytes())?;
    Ok(machine)
}

/// What the appliance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Started from a stick or the network: nothing is kept.
    Installer,
    Installed,
    /// Its state could not be unlocked.
    Locked,
}

/// What the appliance shows when its console is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// SHA-256 of the console's certificate, in hexadecimal digits without more.
    pub fingerprint: String,
    /// The wizard's, until it is answered.
    pub token: Option<String>,
}

/// Waits until the appliance says that its console is up and has an address.
pub async fn shown(machine: &mut Machine, mode: Mode) -> Result<Shown> {
    let word = match mode {
        Mode::Installer => "installer",
        Mode::Installed => "installed",
        Mode::Locked => "locked",
    };
    machine.wait_serial(&format!(": {word}\n  console      https://"), BOOT).await?;
    let fingerprint = machine.wait_line("  fingerprint  ", BOOT).await?;
    let fingerprint = fingerprint.chars().filter(char::is_ascii_hexdigit).collect::<String>().to_lowercase();
    let token = match mode {
        Mode::Installer => Some(machine.wait_line("  token        ", BOOT).await?),
        Mode::Installed | Mode::Locked => None,
    };
    Ok(Shown { fingerprint, token })
}

/// Asks the console, which must have the certificate whose fingerprint stands on the serial line.
pub async fn console(machine: &mut Machine, mode: Mode, path: &str) -> Result<(Shown, Answer)> {
    let mut last = shown(machine, mode).await?;
    for _ in 0..30 {
        let answer = machine.get(HTTPS, path).await?;
        let own = answer.certificates.first().context("a certificate")?;
        if sha256(own) == last.fingerprint {
            return Ok((last, answer));
        }
        // It is made anew when an address comes that it is not for: shown a moment before it is served, or served before it is shown.
        if let Ok(again) = timeout(Duration::from_secs(2), shown(machine, mode)).await {
            last = again?;
        }
    }
    bail!("the console's certificate is not the one that is shown: {}", last.fingerprint)
}

/// A client of the API that believes the authority which the console's certificate came with. Compared first: see [`console`].
pub async fn client(machine: &mut Machine, answer: &Answer) -> Result<Client> {
    let authority = answer.certificates.last().context("a certificate")?;
    let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", BASE64.encode(authority));
    let trust = Trust::pem(pem.as_bytes()).map_err(|error| anyhow!("the console's authority: {error}"))?;
    Ok(Client::new(&format!("https://{}", machine.https().await?), &trust)?.patient(BOOT))
}

/// SHA-256 in hexadecimal digits.
fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}
