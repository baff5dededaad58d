//! Whether the version that runs is good: looked at after each start, for a bounded time.
//!
//! ```text
//!   console · node · network · VMs, as they were ──► good ──► blessed on every system disk: it is started from now on
//!                     └── not in time ──► why is written to the state, the version is given up, the server restarts:
//!                                         the boot loader takes the one of before
//! ```
//!
//! A version that was found good once is never given up here: what is wrong then is the server's, and its alerts tell of it.

mod disks;
mod look;

use anyhow::{Context, Result, bail};
use cake_install::starts;
use cake_types::{StartFailure, StartReason};
use jiff::Timestamp;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::mode::{Mode, RUN, STATE};
use crate::screen::say;
use crate::{program, release};
use disks::SystemDisks;
use look::{LastGood, Wrong};

/// So long everything may take to come up, measured from when system services start.
const PATIENCE: Duration = Duration::from_secs(300);
/// Between two looks.
const PAUSE: Duration = Duration::from_secs(2);

pub fn check() -> Result<()> {
    let began = Instant::now();
    let state = Path::new(STATE);
    loop {
        let wrong = match Mode::read(Path::new(RUN)) {
            Some(Mode::Installer) => return Ok(()),
            Some(Mode::Installed) => look::look(&LastGood::read(state)).err(),
            Some(Mode::Locked) => Some(Wrong::new(StartReason::State, "the state is locked")),
            None => Some(Wrong::new(StartReason::State, "the state was not found")),
        };
        match wrong {
            None => return good(state),
            Some(wrong) if began.elapsed() > PATIENCE => return bad(state, wrong),
            Some(_) => std::thread::sleep(PAUSE),
        }
    }
}

fn good(state: &Path) -> Result<()> {
    let version = release::version()?;
    let disks = SystemDisks::open()?;
    for esp in disks.esps() {
        match esp.bless(&version.parse()?) {
            Ok(true) => say(&format!("version {version} is good: it is started from now on")),
            Ok(false) => {}
            // A disk that was away during the update does not have it.
            Err(error) => eprintln!("{error}"),
        }
    }
    look::remember(state).context("write down how this server is when it is well")
}

fn bad(state: &Path, Wrong { reason, detail }: Wrong) -> Result<()> {
    let version = release::version()?;
    let disks = SystemDisks::open()?;
    if !disks.on_trial(&version.parse()?)? {
        // What was wrong for so long is how this server is: the next version is not to blame for it.
        look::remember(state).context("write down how this server is")?;
        bail!("not everything works: {detail}");
    }
    if Mode::read(Path::new(RUN)) == Some(Mode::Installed) {
        let failure = StartFailure { reason, detail: Some(detail.clone()), at: Some(Timestamp::now()) };
        starts::note(state, &version, failure).context("write down why this version is given up")?;
    }
    let mut given_up = false;
    for esp in disks.esps() {
        match esp.give_up(&version.parse()?) {
            Ok(_) => given_up = true,
            Err(error) => eprintln!("{error}"),
        }
    }
    drop(disks);
    if !given_up {
        bail!("version {version} does not work ({detail}), and there is no other one on the system disks");
    }
    say(&format!("version {version} does not work ({detail}): this server goes back to the version before"));
    program::run("systemctl", &["reboot"]).map(drop)
}
