//! Finds this server's state.

use anyhow::{Context, Result, bail};
use cake_install::{exit, luks, plan};
use nix::mount::{MsFlags, mount};
use nix::unistd::{Group, User, chown};
use std::fs::{self, DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use crate::medium::Medium;
use crate::mode::{Mode, RUN, STATE};
use crate::program::{output, run, said};
use crate::unattended::PCR_KEY;

/// What writes system disks, and opens and mounts their state.
pub const INSTALL: &str = "/usr/lib/cake/cake-install";
/// Extends PCR 11 by a word; without a TPM nothing happens.
const MEASURE: &str = "/usr/lib/systemd/systemd-pcrextend";
/// The user of caked.
const USER: &str = "cake";
/// The journal's place, once it is kept.
const JOURNAL: &str = "/var/log/journal";

pub fn boot() -> Result<()> {
    let medium = Medium::find()?;
    let mode = match &medium {
        Some(medium) if medium.is_system_disk() => open_state()?,
        _ => Mode::Installer,
    };
    match mode {
        Mode::Installed => opened()?,
        Mode::Installer => {
            make_rooms(Path::new(STATE))?;
            mode.tell(Path::new(RUN))?;
        }
        Mode::Locked => mode.tell(Path::new(RUN))?,
    }
    println!("this server is: {}", mode.word());
    Ok(())
}

/// The state is open and mounted: what daemons find there.
pub fn opened() -> Result<()> {
    make_rooms(Path::new(STATE))?;
    hand_over_key(Path::new(STATE))?;
    keep_journal()?;
    open_pools();
    Mode::Installed.tell(Path::new(RUN))
}

/// The TPM gives the key in one phase of the boot only (PCR 11, systemd-pcrphase(8)): it begins and ends here. After a soft reboot the
/// state is open still, and that phase is over.
fn open_state() -> Result<Mode> {
    let open = luks::mapped(plan::STATE).is_some();
    if !open {
        run(MEASURE, &["--graceful", "enter-initrd"])?;
        go_on_with_reset();
    }
    let opened = output(INSTALL, &["open-state", "--mount", STATE]);
    run(MEASURE, &["--graceful", "leave-initrd"])?;
    let opened = opened?;
    match opened.status.code() {
        Some(0) => Ok(Mode::Installed),
        Some(code) if code == i32::from(exit::LOCKED) => {
            eprintln!("the state stays closed: {}", said(&opened));
            Ok(Mode::Locked)
        }
        _ => bail!("the state cannot be opened: {}", said(&opened)),
    }
}

/// A reset that was begun always ends. One that can't go on is told; the state is locked then, or what it was.
fn go_on_with_reset() {
    let key = Path::new(PCR_KEY).exists().then_some(["--pcr-public-key", PCR_KEY]);
    let arguments: Vec<&str> = ["renew"].into_iter().chain(key.into_iter().flatten()).collect();
    match run(INSTALL, &arguments) {
        Ok(said) => println!("a reset: {}", said.trim()),
        Err(error) => eprintln!("a reset can't go on: {error:#}"),
    }
}

/// Disks for VMs that do not open are told by cake-node, which finds their place empty; the rest of the server works.
fn open_pools() {
    if let Err(error) = run(INSTALL, &["open-pools"]) {
        eprintln!("{error:#}");
    }
}

/// Where each daemon keeps its own.
fn make_rooms(state: &Path) -> Result<()> {
    for (name, mode) in [("node", 0o700), ("caked", 0o700), ("log", 0o755)] {
        let room = state.join(name);
        DirBuilder::new()
            .recursive(true)
            .mode(mode)
            .create(&room)
            .with_context(|| format!("make {}", room.display()))?;
    }
    give_to_caked(&state.join("caked"))
}

fn give_to_caked(path: &Path) -> Result<()> {
    let user = User::from_name(USER)?.with_context(|| format!("there is no user {USER}"))?;
    let group = Group::from_name(USER)?.with_context(|| format!("there is no group {USER}"))?;
    chown(path, Some(user.uid), Some(group.gid)).with_context(|| format!("give caked {}", path.display()))
}

/// The recovery key that the installer showed becomes that of the wizard too. Interrupted anywhere, the next start does it again.
fn hand_over_key(state: &Path) -> Result<()> {
    let (from, to) = (state.join("setup/recovery-key"), state.join("caked/recovery-key"));
    let Ok(key) = fs::read(&from) else { return Ok(()) };
    let fresh = to.with_extension("new");
    let _ = fs::remove_file(&fresh);
    let mut file =
        File::options().write(true).create_new(true).mode(0o600).open(&fresh).context("hand over the recovery key")?;
    file.write_all(&key).and_then(|()| file.sync_all()).context("hand over the recovery key")?;
    give_to_caked(&fresh)?;
    fs::rename(&fresh, &to).and_then(|()| fs::remove_file(&from)).context("hand over the recovery key")
}

/// The journal moves from memory to the state.
fn keep_journal() -> Result<()> {
    let kept = Path::new(STATE).join("log/journal");
    fs::create_dir_all(&kept).with_context(|| format!("make {}", kept.display()))?;
    fs::create_dir_all(JOURNAL).with_context(|| format!("make {JOURNAL}"))?;
    mount(Some(&kept), JOURNAL, None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .context("put the journal on the state")?;
    run("journalctl", &["--flush"])?;
    Ok(())
}
