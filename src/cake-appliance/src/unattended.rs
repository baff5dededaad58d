//! Installation by the answer file that lies on the stick: the same program that the wizard drives.

use anyhow::{Context, Result, bail};
use nix::mount::{MsFlags, mount, umount};
use serde::Deserialize;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::boot::INSTALL;
use crate::medium::Medium;
use crate::mode::RUN;
use crate::{program, release, screen};

/// What people call the file; beside the directory EFI.
const ANSWERS: &str = "cake-setup.toml";
const FIRMWARE: &str = "EFI/BOOT/BOOTX64.EFI";
const LOADER: &str = "/usr/lib/systemd/boot/efi/systemd-bootx64.efi.signed";
/// The maker's key for PCR 11, as the UKI's stub left it (systemd-stub(7)).
pub const PCR_KEY: &str = "/run/systemd/tpm2-pcr-public-key.pem";

/// Nothing happens without the file: the wizard is waiting in the browser.
pub fn install() -> Result<()> {
    let Some(medium) = Medium::find()? else { return Ok(()) };
    let place = Path::new(RUN).join("medium");
    fs::create_dir_all(&place)?;
    mount(
        Some(&medium.device),
        &place,
        Some("vfat"),
        MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC,
        None::<&str>,
    )
    .with_context(|| format!("mount {}", medium.device.display()))?;
    let answers = place.join(ANSWERS);
    if !answers.exists() {
        return umount(&place).context("unmount the stick");
    }
    screen::say("installing by the answer file on the stick");
    match run(&answers, &place.join(FIRMWARE)) {
        Ok(then) => {
            screen::say("installed");
            let _ = umount(&place);
            program::run("systemctl", &["--no-block", then.verb()]).map(drop)
        }
        Err(error) => {
            screen::say(&format!("not installed: {error:#}"));
            Err(error)
        }
    }
}

/// A line of `cake-install run --json`.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Event {
    Warning { message: String },
    Progress { number: u32, of: u32, message: String },
    RecoveryKey { key: Option<String>, file: Option<String> },
    Done { then: Then },
}

/// What the answer file wants afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Then {
    Reboot,
    Poweroff,
}

impl Then {
    /// The sub-command of systemctl.
    fn verb(self) -> &'static str {
        match self {
            Self::Reboot => "reboot",
            Self::Poweroff => "poweroff",
        }
    }
}

fn run(answers: &Path, firmware: &Path) -> Result<Then> {
    let mut command = Command::new(INSTALL);
    command.args(["run", "--json", "--answers"]).arg(answers).arg("--firmware").arg(firmware);
    command.args(["--boot-loader", LOADER, "--version", release::version()?.as_str()]);
    if Path::new(PCR_KEY).exists() {
        command.args(["--pcr-public-key", PCR_KEY]);
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context("start the installer")?;
    let lines = BufReader::new(child.stdout.take().context("the installer has no output")?).lines();
    let (mut then, mut step) = (None, 0);
    for line in lines.map_while(Result::ok) {
        match serde_json::from_str(&line) {
            Ok(Event::Done { then: asked }) => then = Some(asked),
            Ok(event) => show(&event, &mut step),
            Err(_) => screen::say(&line),
        }
    }
    let output = child.wait_with_output()?;
    match then {
        Some(then) if output.status.success() => Ok(then),
        _ => bail!("{}", program::said(&output)),
    }
}

/// Each step once: a serial port is slow and often somebody's log.
fn show(event: &Event, step: &mut u32) {
    match event {
        Event::Warning { message } => screen::say(message),
        Event::Progress { number, of, message } if number != step => {
            *step = *number;
            screen::say(&format!("{number}/{of} {message}"));
        }
        Event::RecoveryKey { file: Some(file), .. } => {
            let name = Path::new(file).file_name().unwrap_or_default().display().to_string();
            screen::say(&format!(
                "the recovery key of the disks is on the stick, in {name}: keep it where the server is not"
            ));
        }
        // To whoever stands in front of it, and into no journal.
        Event::RecoveryKey { key: Some(key), .. } => {
            screen::show_once(&format!("the recovery key of the disks: {key}"))
        }
        Event::Progress { .. } | Event::RecoveryKey { .. } | Event::Done { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_installers_lines_are_understood() {
        let progress = r#"{"event":"progress","fraction":0.5,"number":3,"of":16,"step":"write","message":"write"}"#;
        assert_eq!(
            serde_json::from_str::<Event>(progress).unwrap(),
            Event::Progress { number: 3, of: 16, message: "write".into() }
        );
        let key = serde_json::from_str::<Event>(r#"{"event":"recovery-key","file":"/a/b.txt"}"#).unwrap();
        assert_eq!(key, Event::RecoveryKey { key: None, file: Some("/a/b.txt".into()) });
        let done = serde_json::from_str::<Event>(r#"{"event":"done","then":"poweroff"}"#).unwrap();
        assert_eq!(done, Event::Done { then: Then::Poweroff });
        assert_eq!(Then::Reboot.verb(), "reboot");
    }
}
