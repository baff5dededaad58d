//! Installation by the answer file that lies on the stick: the same program that the wizard drives.

use anyhow::{Context, Result, bail};
use nix::mount::{MsFlags, mount, umount};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::medium::Medium;
use crate::mode::RUN;
use crate::screen;

/// What people call the file; beside the directory EFI.
const ANSWERS: &str = "cake-setup.toml";
const FIRMWARE: &str = "EFI/BOOT/BOOTX64.EFI";
const LOADER: &str = "/usr/lib/systemd/boot/efi/systemd-bootx64.efi.signed";
const PCR_KEY: &str = "/run/systemd/tpm2-pcr-public-key.pem";

/// Nothing happens without the file: the wizard is waiting in the browser.
pub fn install() -> Result<()> {
    let Some(medium) = Medium::find()? else { return Ok(()) };
    let place = Path::new(RUN).join("medium");
    fs::create_dir_all(&place)?;
    mount(Some(&medium.device), &place, Some("vfat"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC, None::<&str>)
        .with_context(|| format!("mount {}", medium.device.display()))?;
    let answers = place.join(ANSWERS);
    if !answers.exists() {
        return umount(&place).context("unmount the stick");
    }
    screen::say("installing by the answer file on the stick");
    match run(&answers, &place.join(FIRMWARE)) {
        Ok(()) => screen::say("installed"),
        Err(error) => {
            screen::say(&format!("not installed: {error:#}"));
            return Err(error);
        }
    }
    let _ = umount(&place);
    Ok(())
}

fn run(answers: &Path, firmware: &Path) -> Result<()> {
    let mut command = Command::new("/usr/lib/cake/cake-install");
    command.arg("run").arg("--answers").arg(answers).arg("--firmware").arg(firmware);
    command.args(["--boot-loader", LOADER, "--version", version()?.as_str()]);
    if Path::new(PCR_KEY).exists() {
        command.args(["--pcr-public-key", PCR_KEY]);
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context("start the installer")?;
    let lines = BufReader::new(child.stdout.take().context("the installer has no output")?).lines();
    for line in lines.map_while(Result::ok) {
        screen::say(&line);
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("{}", crate::program::said(&output));
    }
    Ok(())
}

/// The version that runs is the one that is installed.
fn version() -> Result<String> {
    let release = fs::read_to_string("/usr/lib/os-release")?;
    let version = release.lines().find_map(|line| line.strip_prefix("IMAGE_VERSION="));
    version.map(|version| version.trim_matches('"').to_owned()).context("this root does not say which version it is")
}
