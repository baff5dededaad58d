//! Installation by the answer file that lies on the stick.

use anyhow::{Context, Result, bail};
use cake_install::answers::Then;
use cake_install::event::Event;
use cake_install::mounts::{Kind, Mounted};
use nix::fcntl::{Flock, FlockArg};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::boot::INSTALL;
use crate::medium::Medium;
use crate::mode::RUN;
use crate::{program, release, screen};

/// What people call the file; beside the directory EFI.
const ANSWERS: &str = "cake-setup.toml";
pub const FIRMWARE: &str = "EFI/BOOT/BOOTX64.EFI";
const LOADER: &str = "/usr/lib/systemd/boot/efi/systemd-bootx64.efi.signed";
/// The maker's key for PCR 11, as the UKI's stub left it (systemd-stub(7)).
pub const PCR_KEY: &str = "/run/systemd/tpm2-pcr-public-key.pem";

/// Nothing happens without the file: the stick runs cake from memory.
pub fn install() -> Result<()> {
    let Some(medium) = Medium::find()? else { return Ok(()) };
    let stick = Mounted::new(&medium.device, Kind::Fat, &Path::new(RUN).join("medium"))?;
    let answers = stick.place().join(ANSWERS);
    if !answers.exists() {
        return Ok(stick.unmount()?);
    }
    let _one = only_one()?;
    screen::say("installing by the answer file on the stick");
    match run(&answers, &stick.place().join(FIRMWARE)) {
        Ok(then) => {
            screen::say("installed");
            // The key that lies on it is written by now; a stick that stays mounted is no reason to stay on.
            if let Err(error) = stick.unmount() {
                eprintln!("{error}");
            }
            program::run("systemctl", &["--no-block", verb(then)]).map(drop)
        }
        Err(error) => {
            screen::say(&format!("not installed: {error:#}"));
            Err(error)
        }
    }
}

/// The sub-command of systemctl.
fn verb(then: Then) -> &'static str {
    match then {
        Then::Reboot => "reboot",
        Then::Poweroff => "poweroff",
    }
}

/// Held while cake is being installed, whoever asked for it: two at once would write over each other.
pub fn only_one() -> Result<Flock<File>> {
    let path = Path::new(RUN).join("installing");
    let file = File::create(&path).with_context(|| format!("make {}", path.display()))?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(lock),
        Err((_, nix::Error::EWOULDBLOCK)) => bail!("another installation is under way"),
        Err((_, error)) => Err(error).context("see whether another installation is under way"),
    }
}

/// Starts the installer with everything that it needs from this system.
pub fn installer(answers: &Path, firmware: &Path) -> Result<Child> {
    let mut command = Command::new(INSTALL);
    command.args(["run", "--json", "--answers"]).arg(answers).arg("--firmware").arg(firmware);
    command.args(["--boot-loader", LOADER, "--version", release::version()?.as_str()]);
    if Path::new(PCR_KEY).exists() {
        command.args(["--pcr-public-key", PCR_KEY]);
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context("start the installer")
}

fn run(answers: &Path, firmware: &Path) -> Result<Then> {
    let mut shown = 0;
    follow(installer(answers, firmware)?, |event| {
        show(&event, &mut shown);
        Ok(())
    })
}

/// Hears the installer out. What is to be done next, once everything is written.
pub fn follow(mut child: Child, mut hear: impl FnMut(Event) -> Result<()>) -> Result<Then> {
    let lines = BufReader::new(child.stdout.take().context("the installer has no output")?).lines();
    let mut then = None;
    for line in lines.map_while(Result::ok) {
        match serde_json::from_str(&line) {
            Ok(Event::Done { then: asked }) => then = Some(asked),
            Ok(event) => hear(event)?,
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
fn show(event: &Event, shown: &mut usize) {
    match event {
        Event::Warning { message } => screen::say(message),
        Event::Progress { number, of, message, .. } if number != shown => {
            *shown = *number;
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
