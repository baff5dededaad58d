//! What the updater says, in the words of the node API. Pure functions.

use super::sources::Forbidden;
use super::wire::{End, SlotSeen};
use cake_types::{
    ByteSize, Failure, FailureCode, RELEASES_MAX, ReleaseRefused, SlotStanding, StartFailure, StartReason, UpdateOffer,
    UpdateRelease, UpdateSlot, UpdateSource, UpdateStage,
};
use cake_update::slots::standings;
use cake_update::{Offer, RepositoryError, SlotError, SlotName, SourceError, Stage, Standing, UpdateError, Version};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::SystemTime;

/// An order that came to nothing.
pub fn end(error: &UpdateError) -> End {
    if error.is_cancelled() {
        return End::Cancelled;
    }
    End::Failed(Failure { code: code(error), detail: crate::chain(error) })
}

fn code(error: &UpdateError) -> FailureCode {
    match error {
        UpdateError::NoDisk => FailureCode::UpdateNoDisk,
        UpdateError::Running(_) | UpdateError::NotOffered(_) => FailureCode::UpdateRefused,
        UpdateError::FailedBefore(_) => FailureCode::UpdateFailedBefore,
        UpdateError::Tampered(_) | UpdateError::Blocks(_) => FailureCode::UpdateTampered,
        UpdateError::Repository(error) => of_repository(error),
        UpdateError::Slot(error) => of_slot(error),
        UpdateError::Source(error) => of_source(error),
        UpdateError::Cancelled(_) => FailureCode::Internal,
    }
}

fn of_repository(error: &RepositoryError) -> FailureCode {
    match error {
        RepositoryError::Expired { .. } => FailureCode::UpdateExpired,
        RepositoryError::RolledBack { .. } => FailureCode::UpdateOld,
        RepositoryError::NotSigned { .. } | RepositoryError::TestKeys | RepositoryError::ReleaseKeys => {
            FailureCode::UpdateUnsigned
        }
        RepositoryError::Mixed { .. } | RepositoryError::Described { .. } => FailureCode::UpdateTampered,
        RepositoryError::NoRole { .. } | RepositoryError::EndlessRoots(_) => FailureCode::UpdateIncomplete,
        RepositoryError::KnownBad(_) | RepositoryError::TooOld { .. } => FailureCode::UpdateRefused,
        RepositoryError::Source(error) => of_source(error),
        RepositoryError::Memory { .. } | RepositoryError::Io { .. } | RepositoryError::Cancelled(_) => {
            FailureCode::Internal
        }
    }
}

pub fn of_slot(error: &SlotError) -> FailureCode {
    match error {
        SlotError::NoSpace { .. } => FailureCode::NoSpace,
        SlotError::Spoilt { .. } | SlotError::Io { .. } | SlotError::NotAnEsp { .. } => FailureCode::UpdateDisk,
        SlotError::NoSuchSlot { .. } => FailureCode::UpdateRefused,
        SlotError::Needed { .. } => FailureCode::UpdateNoWayBack,
        SlotError::Cancelled(_) => FailureCode::Internal,
    }
}

fn of_source(error: &SourceError) -> FailureCode {
    match error {
        SourceError::Missing { .. } | SourceError::Truncated { .. } => FailureCode::UpdateIncomplete,
        SourceError::TooLong { .. } => FailureCode::UpdateTampered,
        SourceError::NoUrl(_) => FailureCode::FetchForbidden,
        SourceError::Status { .. } | SourceError::NoRanges { .. } | SourceError::Stalled { .. } => {
            FailureCode::FetchFailed
        }
        SourceError::Http { source, .. } if is_forbidden(source) => FailureCode::FetchForbidden,
        SourceError::Http { .. } => FailureCode::FetchFailed,
        SourceError::Io { .. } => FailureCode::StickUnreadable,
        SourceError::NoPath(_) | SourceError::Cancelled(_) => FailureCode::Internal,
    }
}

/// A name or a redirect led to where nothing is fetched from.
fn is_forbidden(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|error| error.is::<Forbidden>())
}

pub fn stage(stage: Stage) -> UpdateStage {
    match stage {
        Stage::Checking => UpdateStage::Checking,
        Stage::Indexing => UpdateStage::Indexing,
        Stage::Assembling => UpdateStage::Assembling,
        Stage::Mirroring => UpdateStage::Mirroring,
        Stage::Verifying | Stage::Finished => UpdateStage::Verifying,
    }
}

/// What a repository has. `bad`: versions that were given up here.
pub fn offer(offer: &Offer, source: UpdateSource, running: &Version, bad: &[Version], at: Timestamp) -> UpdateOffer {
    let refused = |version: &Version| match offer.policy.allows(version) {
        _ if version == running => Some(ReleaseRefused::Running),
        Err(RepositoryError::KnownBad(_)) => Some(ReleaseRefused::KnownBad),
        Err(_) => Some(ReleaseRefused::TooOld),
        Ok(()) => bad.contains(version).then_some(ReleaseRefused::FailedBefore),
    };
    let releases = offer.releases.iter().take(RELEASES_MAX).map(|release| UpdateRelease {
        version: release.version.to_string(),
        kernel: release.kernel.chars().filter(|c| !c.is_control()).take(64).collect(),
        size: ByteSize(release.image.size),
        refused: refused(&release.version),
    });
    UpdateOffer { at, source, expires: time(offer.expires), releases: releases.collect() }
}

fn time(at: SystemTime) -> Timestamp {
    Timestamp::try_from(at).unwrap_or(Timestamp::MAX)
}

/// The versions on all system disks, the newest first. One that is bad on one of them is bad.
pub fn slots(disks: &[Vec<SlotName>], running: &Version) -> Vec<SlotSeen> {
    let mut seen: BTreeMap<&Version, SlotSeen> = BTreeMap::new();
    for slots in disks {
        for (slot, standing) in slots.iter().zip(standings(slots, Some(running))) {
            let (version, good) = (slot.version.to_string(), slot.is_blessed());
            let standing = told(standing);
            let one = seen.entry(&slot.version);
            let one = one.or_insert(SlotSeen { version, standing, good: true, disks: 0 });
            (one.disks, one.good) = (one.disks + 1, one.good && good);
            if standing == SlotStanding::Bad {
                one.standing = standing;
            }
        }
    }
    // Who goes back is still running, and not what starts next.
    let leaves = |slot: &SlotName| slot.version == *running && slot.is_bad();
    let left = disks.iter().any(|slots| slots.iter().any(leaves));
    let mut seen: Vec<SlotSeen> = seen.into_values().rev().collect();
    if left && let Some(back) = seen.iter_mut().find(|slot| slot.standing == SlotStanding::Previous) {
        back.standing = SlotStanding::Next;
    }
    seen
}

fn told(standing: Standing) -> SlotStanding {
    match standing {
        Standing::Running => SlotStanding::Running,
        Standing::Next => SlotStanding::Next,
        Standing::Previous => SlotStanding::Previous,
        Standing::Bad => SlotStanding::Bad,
        Standing::Spare => SlotStanding::Spare,
    }
}

/// With the reasons that starts which failed have left.
pub fn explained(seen: Vec<SlotSeen>, reasons: &BTreeMap<String, StartFailure>) -> Vec<UpdateSlot> {
    let silent = || StartFailure { reason: StartReason::Silent, detail: None, at: None };
    let explain = |SlotSeen { version, standing, good, disks }: SlotSeen| {
        let bad = standing == SlotStanding::Bad;
        let failure = bad.then(|| reasons.get(&version).cloned().unwrap_or_else(silent));
        UpdateSlot { version, standing, good, disks, failure }
    };
    seen.into_iter().map(explain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(files: &[&str]) -> Vec<SlotName> {
        let mut names: Vec<SlotName> = files.iter().map(|file| SlotName::parse(file).unwrap()).collect();
        names.sort_by(|a, b| a.version.cmp(&b.version));
        names
    }

    fn seen(disks: &[&[&str]]) -> Vec<(String, SlotStanding, bool, u32)> {
        let disks: Vec<Vec<SlotName>> = disks.iter().map(|files| names(files)).collect();
        let seen = slots(&disks, &"0.2.0".parse().unwrap());
        seen.into_iter().map(|slot| (slot.version, slot.standing, slot.good, slot.disks)).collect()
    }

    #[test]
    fn versions_on_several_disks_are_one_list() {
        let (running, previous, next, bad) =
            (SlotStanding::Running, SlotStanding::Previous, SlotStanding::Next, SlotStanding::Bad);
        assert_eq!(
            seen(&[&["cake_0.1.0.efi", "cake_0.2.0.efi", "cake_0.3.0+3.efi"], &["cake_0.2.0+3.efi"]]),
            [
                ("0.3.0".into(), next, false, 1),
                ("0.2.0".into(), running, false, 2),
                ("0.1.0".into(), previous, true, 1)
            ]
        );
        // systemd-boot counts on the disk that it came from alone.
        assert_eq!(
            seen(&[&["cake_0.2.0.efi", "cake_0.3.0+0-3.efi"], &["cake_0.2.0.efi", "cake_0.3.0+3.efi"]]),
            [("0.3.0".into(), bad, false, 2), ("0.2.0".into(), running, true, 2)]
        );
        assert_eq!(
            seen(&[&["cake_0.1.0.efi", "cake_0.2.0+0-1.efi"]]),
            [("0.2.0".into(), running, false, 1), ("0.1.0".into(), next, true, 1)]
        );
        assert_eq!(seen(&[]), []);
    }

    #[test]
    fn a_version_that_was_given_up_says_why() {
        let disks = [names(&["cake_0.2.0.efi", "cake_0.3.0+0-3.efi", "cake_0.4.0+0-3.efi"])];
        let why = StartFailure { reason: StartReason::Console, detail: None, at: Some(Timestamp::UNIX_EPOCH) };
        let told = explained(slots(&disks, &"0.2.0".parse().unwrap()), &[("0.3.0".into(), why.clone())].into());
        let reasons: Vec<_> = told.iter().map(|slot| slot.failure.as_ref().map(|failure| failure.reason)).collect();
        assert_eq!(reasons, [Some(StartReason::Silent), Some(StartReason::Console), None]);
        assert_eq!(told[1].failure, Some(why));
    }
}
