//! Whether the version that runs is good: looked at after each start, for a bounded time.
//!
//! ```text
//!   console · node · network · VMs, as they were ──► good ──► blessed on every system disk: it is started from now on
//!                     └── not in time ──► why is written to the state, the version is given up, the server restarts:
//!                                         the boot loader takes the one of before
//! ```
//!
//! A version that was found good once is never given up here: what is wrong then is the server's, and its alerts tell of it.

pub mod disks;
mod look;

use anyhow::{Context, Result, bail};
use cake_install::starts;
use cake_types::{StartFailure, StartReason};
use jiff::Timestamp;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::mode::{Mode, RUN, STATE};
use crate::screen::say;
use crate::{next_root, program, release};
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
        let seen = match Mode::read(Path::new(RUN)) {
            Some(Mode::Installer) => return Ok(()),
            Some(Mode::Installed) => look::look(&LastGood::read(state)),
            Some(Mode::Locked) => Err(Wrong::new(StartReason::State, "the state is locked")),
            None => Err(Wrong::new(StartReason::State, "the state was not found")),
        };
        match seen {
            Ok(now) => return good(state, &now),
            Err(wrong) if began.elapsed() > PATIENCE => return bad(state, wrong),
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

fn good(state: &Path, now: &LastGood) -> Result<()> {
    let text = release::version()?;
    let version = text.parse()?;
    let disks = SystemDisks::open()?;
    for esp in disks.esps() {
        match esp.bless(&version) {
            Ok(true) => say(&format!("version {text} is good: it is started from now on")),
            Ok(false) => {}
            // A disk that was away during the update does not have it.
            Err(error) => eprintln!("{error}"),
        }
    }
    now.keep(state).context("write down how this server is when it is well")
}

fn bad(state: &Path, Wrong { reason, detail }: Wrong) -> Result<()> {
    let text = release::version()?;
    let version = text.parse()?;
    let is_open = Mode::read(Path::new(RUN)) == Some(Mode::Installed);
    let disks = SystemDisks::open()?;
    if !disks.on_trial(&version)? {
        // What was wrong for so long is how this server is: the next version is not to blame for it. What can't be asked stays.
        if let (true, Ok(now)) = (is_open, LastGood::now()) {
            now.keep(state).context("write down how this server is")?;
        }
        bail!("not everything works: {detail}");
    }
    if is_open {
        let failure = StartFailure { reason, detail: Some(detail.clone()), at: Some(Timestamp::now()) };
        starts::note(state, &text, failure).context("write down why this version is given up")?;
    }
    let mut given_up = false;
    for esp in disks.esps() {
        match esp.give_up(&version) {
            Ok(_) => given_up = true,
            Err(error) => eprintln!("{error}"),
        }
    }
    drop(disks);
    if !given_up {
        bail!("version {text} does not work ({detail}), and there is no other one on the system disks");
    }
    say(&format!("version {text} does not work ({detail}): this server goes back to the version before"));
    // With a next root that is ready systemctl would start that, not the machine.
    next_root::discard()?;
    program::run("systemctl", &["reboot"]).map(drop)
}
