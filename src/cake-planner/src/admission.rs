//! What is accepted: does it fit, and is it legal now. A refusal is a [`Problem`] that says how much there is.
//! The bin takes whatever can be deleted and is not lost; from there it can only be brought back, or deleted for good.
//! The engine is replaced where a reset is legal.
//!
//! ```text
//!            start  shutdown  stop  reset  pause  resume  update  delete  adopt
//! pending      ·¹      ·       ·²     ·      ·      ·       yes     yes     ·
//! provisioning ·¹      ·       ·²     ·      ·      ·       yes     yes     ·
//! stopped      yes     ·       ·²     ·      ·      ·       yes     yes     ·
//! starting     ·       ·       yes    ·      ·      ·       ·³      yes     ·
//! running      ·       yes     yes    yes    yes    ·       ·³      yes     ·
//! paused       ·       ·       yes    ·      ·      yes     ·³      yes     ·
//! shutting-d.  ·       ·       yes    ·      ·      ·       ·³      yes     ·
//! stopping     ·       ·       ·      ·      ·      ·       ·³      yes     ·
//! failed       yes     ·       ·²     ·      ·      ·       yes     yes     ·
//! deleting     ·       ·       ·      ·      ·      ·       ·       ·       ·
//! lost         ·       ·       ·      ·      ·      ·       ·       yes     ·
//! orphaned     ·       ·       ·      ·      ·      ·       ·       ·       yes
//! ```
//! ¹ yes when it is not already asked to run · ² yes when it is asked to run (or to be paused): it will not start then ·
//! ³ the name and the restart rule yes, cpus and memory no; network cards while it runs or is paused

use cake_types::limits::{MEMORY_MIN, VCPUS_MAX};
use cake_types::{ByteSize, Code, Firmware, GuestOs, ImageFormat, ImageSpec, Power, Problem, VmState};

/// What a person wants to do with a VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    Start,
    Shutdown,
    Stop,
    Reset,
    Pause,
    Resume,
    /// Change more than the name and the restart rule.
    Resize,
    Rename,
    /// Give it a network card, or take one away.
    Rewire,
    Delete,
    Adopt,
    Console,
    /// Off, and out of sight, with everything that it has.
    Bin,
    Restore,
    /// Make one file of it.
    Export,
    /// Give the guest, while it runs, the QEMU of the current engine.
    ReplaceEngine,
}

impl Action {
    pub const ALL: [Self; 16] = [
        Self::Start,
        Self::Shutdown,
        Self::Stop,
        Self::Reset,
        Self::Pause,
        Self::Resume,
        Self::Resize,
        Self::Rename,
        Self::Rewire,
        Self::Delete,
        Self::Adopt,
        Self::Console,
        Self::Bin,
        Self::Restore,
        Self::Export,
        Self::ReplaceEngine,
    ];

    /// The word in problems; its text in every language is `action-WORD`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Shutdown => "shutdown",
            Self::Stop => "stop",
            Self::Reset => "reset",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Resize | Self::Rename | Self::Rewire => "update",
            Self::Delete => "delete",
            Self::Adopt => "adopt",
            Self::Console => "console",
            Self::Bin => "bin",
            Self::Restore => "restore",
            Self::Export => "export",
            Self::ReplaceEngine => "replace-engine",
        }
    }
}

/// A VM as an action finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Situation {
    pub state: VmState,
    /// Desired power.
    pub power: Power,
    pub orphaned: bool,
    pub deleting: bool,
    pub binned: bool,
}

/// Is `action` legal now?
pub fn legal(action: Action, now: Situation) -> Result<(), Problem> {
    let state = if now.deleting { VmState::Deleting } else { now.state };
    let refuse = |state: &str| Err(Problem::new(Code::IllegalNow).with("action", action.as_str()).with("state", state));
    if now.orphaned {
        return if matches!(action, Action::Adopt | Action::Console) { Ok(()) } else { refuse("orphaned") };
    }
    if now.binned && !now.deleting {
        return if matches!(action, Action::Restore | Action::Delete) { Ok(()) } else { refuse("binned") };
    }
    if is_legal(action, state, now.power) { Ok(()) } else { refuse(state.as_str()) }
}

fn is_legal(action: Action, state: VmState, power: Power) -> bool {
    use VmState::{Deleting, Failed, Lost, Paused, Pending, Provisioning, Running, ShuttingDown, Starting, Stopped};
    match action {
        Action::Start => match state {
            Stopped | Failed => true,
            Pending | Provisioning => power != Power::Running,
            _ => false,
        },
        Action::Shutdown | Action::Reset | Action::Pause | Action::ReplaceEngine => state == Running,
        Action::Stop => match state {
            Starting | Running | Paused | ShuttingDown => true,
            Pending | Provisioning | Stopped | Failed => power != Power::Stopped,
            _ => false,
        },
        Action::Resume => state == Paused,
        Action::Resize => matches!(state, Pending | Provisioning | Stopped | Failed),
        Action::Rewire => matches!(state, Pending | Provisioning | Stopped | Failed | Running | Paused),
        Action::Rename => !matches!(state, Deleting | Lost),
        Action::Delete => state != Deleting,
        Action::Bin => !matches!(state, Deleting | Lost),
        // Only from the bin, or from where nobody knows it.
        Action::Adopt | Action::Restore => false,
        // What a guest writes meanwhile would be half in the file.
        Action::Export => matches!(state, Stopped | Failed),
        Action::Console => matches!(state, Starting | Running | Paused | ShuttingDown),
    }
}

/// Between one processor and as many as the server has.
pub fn cpus(asked: u32, have: u32) -> Result<u32, Problem> {
    let most = have.clamp(1, VCPUS_MAX);
    match asked {
        0 => Err(out_of_range("cpus", 1, most).at("/cpus")),
        n if n > most => Err(Problem::new(Code::TooManyCpus).with("asked", n).with("have", most).at("/cpus")),
        n => Ok(n),
    }
}

/// At least what the image boots with, at most what the server has. Whole MiB, because QEMU takes nothing else.
pub fn memory(asked: ByteSize, least: ByteSize, have: ByteSize) -> Result<ByteSize, Problem> {
    let least = least.max(MEMORY_MIN);
    if asked < least {
        return Err(out_of_range("memory", least, have).at("/memory"));
    }
    if asked > have {
        return Err(Problem::new(Code::TooMuchMemory).with("asked", asked).with("have", have).at("/memory"));
    }
    Ok(ByteSize::mib(asked.mib_ceil()))
}

/// The disk of a VM that is installed from a CD, when nothing is asked, and the least.
pub const CD_DISK: ByteSize = ByteSize::gib(20);
/// An empty disk is at least so large.
const DISK_LEAST: ByteSize = ByteSize::mib(1);
const SECTOR: u64 = 512;

/// The size of the boot disk: the image's own when nothing is asked; it never shrinks and must fit the pool.
pub fn disk(
    asked: Option<ByteSize>,
    image: &ImageSpec,
    pool: &str,
    free: Option<ByteSize>,
) -> Result<Option<ByteSize>, Problem> {
    if image.format == ImageFormat::Kernel {
        return match asked {
            None | Some(ByteSize(0)) => Ok(None),
            Some(_) => Err(Problem::invalid("disk", "kernel-has-no-disk").at("/disk")),
        };
    }
    // A CD is not copied to the disk: its installer wants an empty one.
    let (least, usual) = match image.format {
        ImageFormat::Iso => (DISK_LEAST, CD_DISK),
        _ => (image.virtual_size, image.virtual_size),
    };
    let size = asked.unwrap_or(usual);
    if size < least || size.bytes() == 0 {
        return Err(Problem::new(Code::DiskTooSmall).with("asked", size).with("least", least).at("/disk"));
    }
    let size = sectors(size);
    fits(size, free, pool).map_err(|problem| problem.at("/disk"))?;
    Ok(Some(size))
}

pub(crate) fn sectors(size: ByteSize) -> ByteSize {
    ByteSize(size.bytes().checked_next_multiple_of(SECTOR).unwrap_or(u64::MAX))
}

pub(crate) fn fits(more: ByteSize, free: Option<ByteSize>, pool: &str) -> Result<(), Problem> {
    match free {
        Some(free) if more > free => {
            Err(Problem::new(Code::DiskDoesNotFit).with("asked", more).with("have", free).with("pool", pool))
        }
        _ => Ok(()),
    }
}

/// The size of a disk that is added, or that one grows to from `now`: it never shrinks, and what is more must fit the pool.
pub fn disk_size(asked: ByteSize, now: ByteSize, pool: &str, free: Option<ByteSize>) -> Result<ByteSize, Problem> {
    let (least, size) = (now.max(DISK_LEAST), sectors(asked));
    if size < least {
        return Err(Problem::new(Code::DiskTooSmall).with("asked", asked).with("least", least).at("/size"));
    }
    fits(ByteSize(size.bytes() - now.bytes()), free, pool).map_err(|problem| problem.at("/size"))?;
    Ok(size)
}

/// What a machine can prove about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    pub tpm: bool,
    pub secure_boot: bool,
}

/// The TPM and Secure Boot asked for, if the firmware has them; otherwise what is usual ([`crate::defaults::trust`]).
pub fn trust(tpm: Option<bool>, secure_boot: Option<bool>, firmware: Firmware, usual: Trust) -> Result<Trust, Problem> {
    let refuse = |field: &str, reason: &str| Err(Problem::invalid(field, reason).at(&format!("/{field}")));
    match (tpm, secure_boot) {
        (Some(true), _) if firmware == Firmware::Direct => refuse("tpm", "needs-firmware"),
        (_, Some(true)) if firmware != Firmware::Uefi => refuse("secure_boot", "needs-uefi"),
        _ => Ok(Trust { tpm: tpm.unwrap_or(usual.tpm), secure_boot: secure_boot.unwrap_or(usual.secure_boot) }),
    }
}

/// The firmware asked for, if the image boots with it; the image's best otherwise: what its machine had, and
/// for Windows without one UEFI.
pub fn firmware(asked: Option<Firmware>, image: &ImageSpec, image_name: &str) -> Result<Firmware, Problem> {
    let windows = image.os == GuestOs::Windows && image.firmware.contains(&Firmware::Uefi);
    let first = match &image.machine {
        Some(machine) => Some(machine.firmware),
        None if windows => Some(Firmware::Uefi),
        None => image.firmware.first().copied(),
    };
    let best = first.unwrap_or(match image.format {
        ImageFormat::Kernel => Firmware::Direct,
        ImageFormat::Raw | ImageFormat::Qcow2 | ImageFormat::Iso => Firmware::Bios,
    });
    match asked {
        Some(asked) if asked != best && !image.firmware.contains(&asked) => {
            let problem = Problem::new(Code::FirmwareUnfit);
            Err(problem.with("firmware", firmware_word(asked)).with("image", image_name).at("/firmware"))
        }
        asked => Ok(asked.unwrap_or(best)),
    }
}

pub const fn firmware_word(firmware: Firmware) -> &'static str {
    match firmware {
        Firmware::Bios => "bios",
        Firmware::Uefi => "uefi",
        Firmware::Direct => "direct",
    }
}

fn out_of_range(field: &str, min: impl std::fmt::Display, max: impl std::fmt::Display) -> Problem {
    Problem::new(Code::OutOfRange).with("field", field).with("min", min).with("max", max)
}

#[cfg(test)]
#[path = "admission_tests.rs"]
mod tests;
