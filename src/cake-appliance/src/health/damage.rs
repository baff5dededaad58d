//! What the system disks hold after a start that was not the firmware's first choice: a file that was passed over because it is not as
//! its maker signed it is written anew from another disk, or given up.

use anyhow::{Context, Result, bail};
use cake_install::starts;
use cake_types::{StartFailure, StartReason};
use cake_update::slots::{SlotName, replace};
use cake_update::uki::{self, Maker, UkiError};
use cake_update::{Control, Esp, Version};
use jiff::Timestamp;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::disks::SystemDisks;
use crate::screen::say;

/// Whose signature counts: what Secure Boot was given.
const CERTIFICATE: &str = "/usr/lib/cake/boot.pem";

/// Who signs what this server starts.
pub fn maker() -> Result<Maker> {
    let certificate = std::fs::read(CERTIFICATE).with_context(|| format!("read {CERTIFICATE}"))?;
    Maker::new(&certificate).context(CERTIFICATE)
}

/// What a file holds, if it is what the maker signed as this version.
pub fn verified(file: &File, version: &Version, maker: &Maker) -> Result<uki::Verified> {
    let verified = uki::verify(file, maker).with_context(|| format!("version {version}"))?;
    if verified.version.parse().ok().as_ref() != Some(version) {
        bail!("the file of version {version} holds version {}", verified.version);
    }
    Ok(verified)
}

/// Looks at what may have been passed over: the version that runs and newer ones.
pub fn mend(disks: &SystemDisks, state: &Path, running: &Version) -> Result<()> {
    let maker = maker()?;
    for disk in disks.each() {
        for slot in disk.esp.slots()?.iter().filter(|slot| !slot.is_bad() && slot.version >= *running) {
            let Err(error) = whole(&disk.esp, slot, &maker) else { continue };
            let device = disk.part.device.display();
            if !error.chain().any(|cause| {
                matches!(cause.downcast_ref(), Some(UkiError::Changed | UkiError::NotSigned | UkiError::Malformed(_)))
            }) {
                // One that can't be read this time may be read the next.
                eprintln!("cake-appliance: {device}: {error:#}");
                continue;
            }
            match disks.esps().find_map(|other| copy(other, &slot.version, &maker)) {
                Some(copy) => match replace(&disk.esp, slot, &copy, &Control::default()) {
                    Ok(()) => say(&format!("version {} on {device} was damaged and is written anew", slot.version)),
                    Err(error) => eprintln!("cake-appliance: {device}: {error}"),
                },
                // What runs from memory was whole when it started; who starts it again finds out.
                None if slot.version == *running => eprintln!("cake-appliance: {device}: {error:#}"),
                None => {
                    let detail = Some(format!("{device}: {error:#}"));
                    let failure = StartFailure { reason: StartReason::Damaged, detail, at: Some(Timestamp::now()) };
                    starts::note(state, slot.version.as_str(), failure).context("write down what is damaged")?;
                    disk.esp.give_up(&slot.version)?;
                    say(&format!("version {} on {device} is damaged: it is not started any more", slot.version));
                }
            }
        }
    }
    Ok(())
}

fn whole(esp: &Esp, slot: &SlotName, maker: &Maker) -> Result<()> {
    let path = esp.path(slot);
    let file = File::open(&path).with_context(|| format!("open {}", path.display()))?;
    verified(&file, &slot.version, maker).map(drop)
}

/// A whole file of this version.
fn copy(esp: &Esp, version: &Version, maker: &Maker) -> Option<PathBuf> {
    let slot = esp.find(version).ok()??;
    whole(esp, &slot, maker).ok().map(|()| esp.path(&slot))
}
