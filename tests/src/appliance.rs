//! What `make image` made, and what the systems in it say on the serial line.

use anyhow::{Context, Result, anyhow, bail, ensure};
use cake_client::{Client, Trust};
use cake_types::ByteSize;
use data_encoding::{BASE64, HEXLOWER};
use sha2::{Digest, Sha256};
use std::fmt::Debug;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::{sleep, timeout};

use crate::machine::{Answer, Disk, Hardware, Kind, Machine, Network};
use crate::{ADMIN, PASSWORD, workspace};

/// Longer than an emulated server takes from its power button to its console, with Secure Boot and a TPM, on a busy machine.
pub const BOOT: Duration = Duration::from_secs(600);
/// Between two looks: an emulated server can't be asked more often without being slowed down.
const LOOK: Duration = Duration::from_secs(1);
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

/// The wizard's answers, and what is to be done with the disks: what `[install]` says itself, then the tables within it.
pub fn answers(install: &str) -> String {
    format!(
        "language = \"en\"\nname = \"rack\"\ntime_zone = \"Etc/UTC\"\n[administrator]\nname = \"{ADMIN}\"\npassword = \"{PASSWORD}\"\n\
         [install]\n{install}\n"
    )
}

/// What an appliance of the tests is made of, without its disks. Its card is on QEMU's own network, unless it is put elsewhere.
pub fn server(name: &str) -> Hardware {
    Hardware::named(name).memory(ByteSize::gib(3)).tpm().network(Network::User { https: HTTPS })
}

/// A server with a stick in it, on which these [`answers`] lie, and one empty disk, `SYSTEM`.
pub fn blank(hardware: Hardware, install: &str) -> Result<Machine> {
    let disk = Disk::blank("SYSTEM", Kind::Nvme, ByteSize::gib(32));
    let machine = hardware.disk(disk).disk(stick()?).assemble()?;
    machine.disk("stick")?.put_file("cake-setup.toml", answers(install).as_bytes())?;
    Ok(machine)
}

/// Waits until the disks are written, or are not: a refusal is not waited out.
pub async fn wrote(machine: &mut Machine) -> Result<()> {
    let end = machine.wait_first_of(&["cake: installed", "cake: not installed"], BOOT).await?;
    ensure!(end == 0, "{}", machine.heard()?);
    Ok(())
}

/// A server that was installed by these [`answers`], which switch it off; the stick is out.
pub async fn installed(hardware: Hardware, install: &str) -> Result<Machine> {
    let mut machine = blank(hardware, install)?;
    machine.power_on().await?;
    wrote(&mut machine).await?;
    ensure!(machine.wait_off(BOOT).await?.success());
    machine.remove_disk("stick")?;
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

/// The administrator of an installed server that is starting.
pub async fn log_in(machine: &mut Machine) -> Result<Client> {
    let (_, answer) = console(machine, Mode::Installed, "/").await?;
    Ok(client(machine, &answer).await?.log_in(ADMIN, PASSWORD).await?.0)
}

/// Looks until it is so. What happens in a server comes to its console by itself; nothing else can be waited for from outside.
pub async fn until<T: Debug>(
    limit: Duration,
    mut look: impl AsyncFnMut() -> Result<T>,
    is_so: impl Fn(&T) -> bool,
) -> Result<T> {
    let mut last = None;
    let looking = async {
        loop {
            let seen = look().await?;
            if is_so(&seen) {
                return anyhow::Ok(seen);
            }
            last = Some(seen);
            sleep(LOOK).await;
        }
    };
    match timeout(limit, looking).await {
        Ok(seen) => seen,
        Err(_) => bail!("it is not so within {} s: {last:?}", limit.as_secs()),
    }
}

/// SHA-256 in hexadecimal digits.
fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}
