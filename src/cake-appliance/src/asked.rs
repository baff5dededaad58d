//! Installation that the wizard asks for: cake-node starts these, and speaks JSON with them.
//!
//! ```text
//!  disks ─▶ InstallDisks      plan ◀ InstallChoice ─▶ InstallJudged      run FOLDER ─▶ InstallNews, a line each
//! ```
//!
//! Nothing here decides: what can be and what is done are cake-install's.

use anyhow::{Context, Result};
use cake_install::disks::{Candidate, Content, Found, candidates};
use cake_install::event::Event;
use cake_install::layout::Layout;
use cake_install::luks;
use cake_install::mounts::{Kind, Mounted};
use cake_install::plan::{self, Machine, Plan, PlannedDisk, Refusal, Volume, Why};
use cake_install::tool::Tools;
use cake_install::{answers, plan::Unlock};
use cake_types::{
    ByteSize, InstallChoice, InstallContent, InstallContentKind, InstallDisk, InstallDisks, InstallJudged, InstallNews,
    InstallOrder, InstallPlan, InstallPlanDisk, InstallPlanPool, InstallRefusal, InstallWhy, ShownKey,
};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use crate::medium::Medium;
use crate::mode::RUN;
use crate::screen;
use crate::unattended::{self, FIRMWARE, PCR_KEY};

/// What is asked for, in the folder that cake-node made, and the same as an answer file.
const ORDER: &str = "order.json";
const ANSWERS: &str = "answers.toml";
/// Longest choice that is read, in bytes.
const CHOICE_MAX: u64 = 256 << 10;
const MIB: u64 = 1 << 20;

static NEVER: AtomicBool = AtomicBool::new(false);
/// The installer that is under way, for the handler of a signal.
static CHILD: AtomicI32 = AtomicI32::new(0);
static CANCELLED: AtomicBool = AtomicBool::new(false);

/// This server was started over the network: the file that would be installed is on no medium of it.
#[derive(Debug, thiserror::Error)]
#[error("this server was not started from a stick or a CD: there is nothing to install from")]
pub struct NoMedium;

/// Prints which disks there are.
pub fn disks() -> Result<()> {
    let firmware = firmware_size()?;
    let layout = Layout::embedded();
    let (least_system, least_pool) = (layout.least_system_disk(firmware), layout.least_pool_disk());
    let disks =
        candidates(&Tools::new(&NEVER))?.into_iter().map(|disk| shown(disk, least_system, least_pool)).collect();
    tell(&InstallDisks { disks, least_system: ByteSize(least_system), least_pool: ByteSize(least_pool) })
}

/// Prints what a choice, read from standard input, comes to.
pub fn plan() -> Result<()> {
    let choice: InstallChoice =
        serde_json::from_reader(std::io::stdin().take(CHOICE_MAX)).context("read the choice")?;
    let machine = Machine { tpm: luks::tpm(Path::new(PCR_KEY).exists()), firmware: firmware_size()? };
    let disks = candidates(&Tools::new(&NEVER))?;
    let judged = match Plan::new(&disks, &answers::Install::of(&choice), machine) {
        Ok(plan) => InstallJudged::Plan(drawn(&plan)),
        Err(refusals) => InstallJudged::Refused(refusals.0.into_iter().map(refusal).collect()),
    };
    tell(&judged)
}

/// Installs by the answers in `folder`. What it says last is how it ended.
pub fn run(folder: &Path) -> Result<()> {
    cancel_on_signals();
    let done = install(folder);
    // They hold the hash of a password, which nobody needs any more.
    for used in [ORDER, ANSWERS] {
        let _ = fs::remove_file(folder.join(used));
    }
    match done {
        Ok(()) => {
            screen::say("installed: take the stick out, and press “Restart” in the browser");
            tell(&InstallNews::Done)
        }
        Err(error) => {
            let cancelled = CANCELLED.load(Ordering::Relaxed);
            let detail = if cancelled { "it was called off".to_owned() } else { format!("{error:#}") };
            screen::say(&format!("not installed: {detail}"));
            tell(&InstallNews::Failed { detail, cancelled })?;
            Err(error)
        }
    }
}

fn install(folder: &Path) -> Result<()> {
    let _one = unattended::only_one()?;
    write_answers(folder)?;
    let stick = medium()?;
    screen::say("installing: the browser shows how far it is");
    let child = unattended::installer(&folder.join(ANSWERS), &stick.place().join(FIRMWARE))?;
    CHILD.store(i32::try_from(child.id()).context("a process id")?, Ordering::Relaxed);
    if CANCELLED.load(Ordering::Relaxed) {
        signal_child();
    }
    let done = unattended::follow(child, hear);
    CHILD.store(0, Ordering::Relaxed);
    done?;
    // Everything is written: a stick that stays mounted is no reason to say otherwise.
    if let Err(error) = stick.unmount() {
        eprintln!("{error}");
    }
    Ok(())
}

fn hear(event: Event) -> Result<()> {
    match event {
        Event::Progress { fraction, number, of, step, .. } => {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            let of = u32::try_from(of).unwrap_or(u32::MAX);
            tell(&InstallNews::Step { number, of, step, thousandths: (fraction * 1000.0) as u32 })
        }
        Event::RecoveryKey { key: Some(key), .. } => tell(&InstallNews::Key { key: ShownKey(key) }),
        Event::Warning { .. } | Event::RecoveryKey { key: None, .. } | Event::Done { .. } => Ok(()),
    }
}

fn write_answers(folder: &Path) -> Result<()> {
    let order = fs::read(folder.join(ORDER)).context("read what is asked for")?;
    let InstallOrder { operation: _, answers: setup, choice, network } =
        serde_json::from_slice(&order).context("understand what is asked for")?;
    let install = answers::Install { network, ..answers::Install::of(&choice) };
    let text = answers::write(&setup, &install)?;
    let path = folder.join(ANSWERS);
    let file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).with_context(|| format!("write {}", path.display()))
}

extern "C" fn cancel(_: i32) {
    CANCELLED.store(true, Ordering::Relaxed);
    signal_child();
}

fn signal_child() {
    let child = CHILD.load(Ordering::Relaxed);
    if child > 0 {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(child), nix::sys::signal::Signal::SIGTERM);
    }
}

fn cancel_on_signals() {
    use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
    let action = SigAction::new(SigHandler::Handler(cancel), SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: the handler stores to an atomic and sends a signal, both of which may be done at any time (signal-safety(7)).
    let _ = unsafe { sigaction(Signal::SIGTERM, &action) };
}

/// The stick, for reading.
fn medium() -> Result<Mounted> {
    let Some(medium) = Medium::find()? else { return Err(NoMedium.into()) };
    Ok(Mounted::read_only(&medium.device, Kind::Fat, &Path::new(RUN).join("asked-medium"))?)
}

/// In bytes.
fn firmware_size() -> Result<u64> {
    let stick = medium()?;
    let file = stick.place().join(FIRMWARE);
    Ok(fs::metadata(&file).with_context(|| format!("look at {}", file.display()))?.len())
}

fn tell(what: &impl serde::Serialize) -> Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, what)?;
    writeln!(out)?;
    Ok(out.flush()?)
}

fn shown(disk: Candidate, least_system: u64, least_pool: u64) -> InstallDisk {
    let unfit = plan::against(&disk, least_pool).map(|why| word(&why));
    let Candidate { disk, used_as, content, .. } = disk;
    let fits_system = unfit.is_none() && disk.size.bytes() >= least_system;
    InstallDisk { content: told(&content), unfit, used_as, fits_system, disk }
}

/// What is on a disk, for people: strings that somebody wrote there are cut.
fn told(content: &Content) -> InstallContent {
    const LONGEST: usize = 64;
    let plain = |text: &str| text.chars().filter(|c| !c.is_control()).take(LONGEST).collect::<String>();
    let all = content.signatures.iter().chain(content.parts.iter().flat_map(|part| &part.signatures));
    let mut systems: Vec<String> = all.map(|signature| plain(&signature.r#type)).collect();
    systems.sort_unstable();
    systems.dedup();
    let kind = match &content.cake {
        Some(Found::Unfinished) => InstallContentKind::Unfinished,
        Some(Found::System(_)) => InstallContentKind::Cake,
        Some(Found::Pool) => InstallContentKind::CakePool,
        None if content.is_empty() => InstallContentKind::Empty,
        None if !content.parts.is_empty() => InstallContentKind::Partitions,
        None if !systems.is_empty() => InstallContentKind::Whole,
        None if content.table.is_some() => InstallContentKind::EmptyTable,
        None => InstallContentKind::Unknown,
    };
    let (name, version) = match &content.cake {
        Some(Found::System(installed)) => {
            (installed.name.as_deref().map(plain), installed.version.as_deref().map(plain))
        }
        _ => (None, None),
    };
    let parts = u32::try_from(content.parts.len()).unwrap_or(u32::MAX);
    InstallContent { kind, free: content.is_free(), name, version, parts, systems }
}

const fn word(why: &Why) -> InstallWhy {
    match why {
        Why::Unknown => InstallWhy::Unknown,
        Why::Ambiguous { .. } => InstallWhy::Ambiguous,
        Why::BootMedium => InstallWhy::BootMedium,
        Why::ReadOnly => InstallWhy::ReadOnly,
        Why::Used { .. } => InstallWhy::Used,
        Why::TooSmall { .. } => InstallWhy::TooSmall,
        Why::HasData { .. } => InstallWhy::HasData,
        Why::Twice => InstallWhy::Twice,
    }
}

fn refusal(Refusal { serial, why }: Refusal) -> InstallRefusal {
    let word = word(&why);
    let (places, size, least) = match why {
        Why::Ambiguous { names: places } | Why::Used { places } => (places, None, None),
        Why::TooSmall { size, least } => (Vec::new(), Some(ByteSize(size)), Some(ByteSize(least))),
        Why::Unknown | Why::BootMedium | Why::ReadOnly | Why::HasData { .. } | Why::Twice => (Vec::new(), None, None),
    };
    InstallRefusal { serial, why: word, places, size, least }
}

/// The plan as it is drawn for people.
fn drawn(plan: &Plan) -> InstallPlan {
    let disks: Vec<InstallPlanDisk> = plan
        .disks
        .iter()
        .map(|disk| {
            let sizes: Vec<u64> = disk.parts.iter().map(|part| part.size_mib * MIB).collect();
            let (boot, state, pool) = match sizes.as_slice() {
                [boot, state, pool] => (*boot, *state, *pool),
                [pool] => (0, 0, *pool),
                _ => (0, 0, 0),
            };
            InstallPlanDisk {
                serial: disk.serial.clone(),
                name: disk.name.clone(),
                size: ByteSize(disk.size),
                system: disk.system,
                boot: ByteSize(boot),
                state: ByteSize(state),
                pool: ByteSize(pool),
            }
        })
        .collect();
    let holds =
        |planned: &PlannedDisk, volume: &Volume| planned.parts.iter().any(|part| volume.members.contains(&part.device));
    let pools = plan
        .pools
        .iter()
        .map(|volume| {
            let both = plan.disks.iter().zip(&disks).filter(|(planned, _)| holds(planned, volume));
            let members: Vec<&InstallPlanDisk> = both.map(|(_, drawn)| drawn).collect();
            InstallPlanPool {
                name: volume.label.clone(),
                level: volume.level,
                disks: members.iter().map(|disk| disk.serial.clone()).collect(),
                size: ByteSize(room(volume.level, &members)),
            }
        })
        .collect();
    InstallPlan {
        pools,
        tpm: plan.unlock == Unlock::Tpm,
        warnings: plan.warnings.clone(),
        steps: u32::try_from(plan.steps.len()).unwrap_or(u32::MAX),
        disks,
    }
}

/// About how many bytes an array of md has (md(4)): every member counts as its smallest, but for RAID 0, which uses the rest of larger
/// ones too.
fn room(level: Option<u8>, members: &[&InstallPlanDisk]) -> u64 {
    let each = || members.iter().map(|disk| disk.pool.bytes());
    let least = each().min().unwrap_or(0);
    match level {
        Some(1) | None => least,
        Some(0) => each().sum(),
        Some(_) => least * members.len() as u64 / 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cake_install::disks::{Part, Signature};
    use cake_install::plan::Tpm;
    use cake_types::{DiskHealth, ServerBus, ServerDisk};

    fn disk(name: &str, gib: u64) -> Candidate {
        let disk = ServerDisk {
            name: name.into(),
            model: None,
            serial: Some(name.to_uppercase()),
            size: ByteSize::gib(gib),
            bus: ServerBus::Nvme,
            rotational: false,
            removable: false,
            health: DiskHealth::default(),
        };
        let content = Content::default();
        Candidate { disk, sector: 512, read_only: false, boot_medium: false, used_as: Vec::new(), content }
    }

    fn choice(disks: &[&str], pool_disks: &[&str]) -> InstallChoice {
        let owned = |serials: &[&str]| serials.iter().map(|serial| (*serial).to_owned()).collect();
        InstallChoice {
            disks: owned(disks),
            pool_disks: owned(pool_disks),
            pool_layout: cake_types::InstallLayout::Mirrored,
            erase: Vec::new(),
        }
    }

    const MACHINE: Machine = Machine { tpm: Tpm::Ready, firmware: 280 << 20 };

    #[test]
    fn a_plan_is_drawn_with_what_vms_will_have() {
        let disks = [disk("a", 100), disk("b", 100), disk("c", 200), disk("d", 200), disk("e", 300)];
        let choice = choice(&["A", "B"], &["C", "D", "E"]);
        let drawn = drawn(&Plan::new(&disks, &answers::Install::of(&choice), MACHINE).unwrap());
        assert!(drawn.tpm && drawn.warnings.is_empty() && drawn.steps > 20, "{drawn:?}");
        let told: Vec<_> = drawn.pools.iter().map(|pool| (pool.name.as_str(), pool.level, pool.disks.len())).collect();
        assert_eq!(told, [("local", Some(1), 2), ("data", Some(10), 3)]);
        assert!(drawn.pools[0].size < ByteSize::gib(95) && drawn.pools[0].size > ByteSize::gib(85), "{drawn:?}");
        assert!(drawn.pools[1].size < ByteSize::gib(300) && drawn.pools[1].size > ByteSize::gib(298), "{drawn:?}");
        let [first, .., last] = drawn.disks.as_slice() else { panic!("{drawn:?}") };
        assert!(first.system && first.state > ByteSize(0) && !last.system && last.boot == ByteSize(0));
    }

    #[test]
    fn what_is_on_a_disk_is_told_without_what_could_hurt() {
        let part = |kind: &str| Part {
            name: "a1".into(),
            uuid: None,
            r#type: String::new(),
            label: None,
            start: 0,
            size: 1,
            signatures: vec![Signature { r#type: kind.into(), label: None }],
        };
        let content =
            Content { table: Some("gpt".into()), parts: vec![part("nt\u{1b}fs"), part("ext4")], ..Content::default() };
        let content = told(&content);
        assert_eq!((content.kind, content.parts, content.free), (InstallContentKind::Partitions, 2, false));
        assert_eq!(content.systems, ["ext4", "ntfs"]);
        let empty = told(&Content::default());
        assert_eq!((empty.kind, empty.free), (InstallContentKind::Empty, true));
    }

    #[test]
    fn every_reason_against_a_disk_is_told() {
        let disks = [disk("a", 1), Candidate { used_as: vec!["/srv".into()], ..disk("b", 100) }];
        let choice = choice(&["A"], &["B", "X"]);
        let refused = Plan::new(&disks, &answers::Install::of(&choice), MACHINE).unwrap_err();
        let told: Vec<_> = refused.0.into_iter().map(refusal).collect();
        let words: Vec<_> = told.iter().map(|one| (one.serial.as_str(), one.why)).collect();
        assert_eq!(words, [("A", InstallWhy::TooSmall), ("B", InstallWhy::Used), ("X", InstallWhy::Unknown)]);
        assert!(told[0].size < told[0].least && told[1].places == ["/srv"], "{told:?}");
    }
}
