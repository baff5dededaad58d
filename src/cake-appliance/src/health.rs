//! Whether the version that runs is good: looked at after each start, for a bounded time.
//!
//! ```text
//!   console · node · network · VMs, as they were ──► good ──► blessed on every system disk: it is started from now on
//!                     └── not in time ──► why is written to the state, the version is given up, the server restarts:
//!                                         the boot loader takes the one of before
//! ```
//!
//! A version that was found good once is never given up here: what is wrong then is the server's, and its alerts tell of it.

pub mod damage;
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
use crate::{boot_entries, program, release};
use disks::SystemDisks;
use look::{LastGood, Wrong};

/// So long everything may take to come up, measured from when system services start.
const PATIENCE: Duration = Duration::from_secs(300);
/// A version on trial whose console or agent ended so often, without ever answering within that time, is not waited for any longer.
const CRASHES: u32 = 5;
const CRASHES_AFTER: Duration = Duration::from_secs(45);
const DAEMONS: [&str; 2] = ["caked.service", "cake-node.service"];
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
            Err(wrong) if is_decided(&wrong, began.elapsed()) => return bad(state, wrong),
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

/// Whether more time changes nothing.
fn is_decided(wrong: &Wrong, elapsed: Duration) -> bool {
    let of_daemon = matches!(wrong.reason, StartReason::Console | StartReason::Node);
    elapsed > PATIENCE || (of_daemon && elapsed > CRASHES_AFTER && restarts() >= CRASHES)
}

/// How often systemd started the daemon again that ended most often; 0 where it does not say.
fn restarts() -> u32 {
    let asked = ["show", "--property=NRestarts", "--value"].into_iter().chain(DAEMONS);
    program::run("systemctl", &asked.collect::<Vec<_>>()).map_or(0, |said| most(&said))
}

/// The largest of systemd's answers, one to a line with empty ones between (systemctl(1)).
fn most(said: &str) -> u32 {
    said.lines().filter_map(|line| line.trim().parse().ok()).max().unwrap_or(0)
}

fn good(state: &Path, now: &LastGood) -> Result<()> {
    let text = release::version()?;
    let version = text.parse()?;
    let disks = SystemDisks::open()?;
    // What follows makes the next start better; nothing of it makes this version bad.
    if !cake_efi::is_first_choice(Path::new(cake_efi::EFIVARS)).unwrap_or(true)
        && let Err(error) = damage::mend(&disks, state, &version)
    {
        eprintln!("cake-appliance: what was passed over can't be mended: {error:#}");
    }
    for esp in disks.esps() {
        match esp.bless(&version) {
            Ok(true) => say(&format!("version {text} is good: it is started from now on")),
            Ok(false) => {}
            // A disk that was away during the update does not have it.
            Err(error) => eprintln!("{error}"),
        }
    }
    if let Err(error) = boot_entries::follow(&disks) {
        eprintln!("cake-appliance: the firmware does not take boot entries: {error:#}");
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
    program::run("systemctl", &["reboot"]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_crashes_is_given_up_sooner_than_who_is_slow() {
        assert_eq!((most("0\n\n7\n"), most(""), most("[not set]\n")), (7, 0, 0));
        let wrong = |reason| Wrong::new(reason, "");
        assert!(is_decided(&wrong(StartReason::Network), PATIENCE + PAUSE));
        assert!(!is_decided(&wrong(StartReason::Console), PAUSE));
        assert!(!is_decided(&wrong(StartReason::Network), CRASHES_AFTER + PAUSE));
    }
}
