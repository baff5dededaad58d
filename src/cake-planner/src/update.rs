//! What a person may ask of a server's firmware.

use cake_types::{ByteSize, Code, Problem, ReleaseRefused, SlotStanding, SoftReboot, UPDATE_URL_MAX, UpdateStatus};

/// What stays free beside a second root, for what programs need while they start.
const SPARE: ByteSize = ByteSize::mib(256);

/// An address below which a repository lies, as it is kept.
pub fn url(text: &str) -> Result<String, Problem> {
    let wrong = |reason: &str| Problem::invalid("url", reason).at("/url");
    let text = text.trim();
    if text.len() > UPDATE_URL_MAX || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(wrong("update-url"));
    }
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    // A name and a password in it would be kept and shown; what stands behind a question mark leads to no folder.
    if rest.is_none_or(|rest| rest.is_empty() || rest.contains(['@', '?', '#'])) {
        return Err(wrong("update-url"));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// Whether a version was offered and can be installed.
pub fn may_apply(status: &UpdateStatus, version: &str) -> Result<(), Problem> {
    let offered = status.offer.iter().flat_map(|offer| &offer.releases).find(|release| release.version == version);
    let problem = |code: Code| Problem::new(code).with("version", version).at("/version");
    match offered.map(|release| release.refused) {
        None => Err(problem(Code::UpdateNotOffered)),
        Some(Some(ReleaseRefused::FailedBefore)) => Err(problem(Code::UpdateFailedBefore)),
        Some(Some(reason)) => Err(problem(Code::UpdateForbidden).with("reason", reason.as_str())),
        Some(None) => Ok(()),
    }
}

/// Whether a version can be taken off the system disks: it is there and does not run.
pub fn may_remove(status: &UpdateStatus, version: &str) -> Result<(), Problem> {
    let slot = status.slots.iter().find(|slot| slot.version == version);
    let slot = slot.ok_or_else(|| Problem::not_found("version", version))?;
    match slot.standing {
        SlotStanding::Running => Err(Problem::new(Code::UpdateNeeded).with("version", version)),
        _ => Ok(()),
    }
}

/// The version that is next beside the one that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// Whether both have the same kernel, parameters and corrections of the processor; not known, where a file can't be read.
    pub same_below: Option<bool>,
    /// What its root takes in memory.
    pub root: ByteSize,
}

/// Whether the next version can start while the guests go on. QEMU keeps the root that it runs from, so its own version is no reason.
pub fn soft_reboot(next: Next, available: ByteSize) -> SoftReboot {
    match next.same_below {
        None => SoftReboot::Unreadable,
        Some(false) => SoftReboot::Kernel,
        Some(true) if available.bytes() < next.root.bytes().saturating_add(SPARE.bytes()) => SoftReboot::Memory,
        Some(true) => SoftReboot::Possible,
    }
}

/// The version that a soft reboot brings, if it can.
pub fn may_soft_reboot(status: &UpdateStatus) -> Result<&str, Problem> {
    let problem = |reason: &str| Problem::new(Code::SoftRebootImpossible).with("reason", reason);
    let next = status.slots.iter().find(|slot| slot.standing == SlotStanding::Next);
    match (next, status.soft) {
        (Some(next), Some(SoftReboot::Possible)) => Ok(&next.version),
        (Some(_), Some(reason)) => Err(problem(reason.as_str())),
        (None, _) | (_, None) => Err(problem("nothing")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cake_types::{UpdateOffer, UpdateRelease, UpdateSlot, UpdateSource};
    use jiff::Timestamp;

    #[test]
    fn an_address_leads_to_a_folder() {
        assert_eq!(url(" https://updates.example.com/cake/ ").unwrap(), "https://updates.example.com/cake");
        assert_eq!(url("http://10.0.0.7:8080").unwrap(), "http://10.0.0.7:8080");
        let long = format!("https://example.com/{}", "a".repeat(UPDATE_URL_MAX));
        for bad in [
            "",
            "example.com",
            "ftp://example.com",
            "https://",
            "https://a:b@example.com",
            "https://a/?b",
            "https://a b",
            &long,
        ] {
            assert!(url(bad).is_err(), "{bad}");
        }
    }

    fn status() -> UpdateStatus {
        let release = |version: &str, refused| UpdateRelease {
            version: version.into(),
            kernel: "6.12".into(),
            size: ByteSize::mib(250),
            refused,
        };
        let slot = |version: &str, standing| UpdateSlot {
            version: version.into(),
            standing,
            good: true,
            disks: 1,
            failure: None,
        };
        UpdateStatus {
            running: "0.2.0".into(),
            disks: 1,
            slots: vec![slot("0.3.0", SlotStanding::Bad), slot("0.2.0", SlotStanding::Running)],
            offer: Some(UpdateOffer {
                at: Timestamp::UNIX_EPOCH,
                source: UpdateSource::Url { url: "https://example.com".into() },
                expires: Timestamp::MAX,
                releases: vec![
                    release("0.4.0", None),
                    release("0.3.0", Some(ReleaseRefused::FailedBefore)),
                    release("0.1.0", Some(ReleaseRefused::TooOld)),
                ],
            }),
            ..UpdateStatus::default()
        }
    }

    #[test]
    fn only_what_is_offered_and_allowed_is_installed() {
        let status = status();
        may_apply(&status, "0.4.0").unwrap();
        for (version, code) in [
            ("0.3.0", Code::UpdateFailedBefore),
            ("0.1.0", Code::UpdateForbidden),
            ("0.5.0", Code::UpdateNotOffered),
            ("", Code::UpdateNotOffered),
        ] {
            assert_eq!(may_apply(&status, version).unwrap_err().code, code, "{version}");
        }
        assert!(may_apply(&UpdateStatus::default(), "0.4.0").is_err());
    }

    #[test]
    fn what_runs_stays() {
        let status = status();
        may_remove(&status, "0.3.0").unwrap();
        assert_eq!(may_remove(&status, "0.2.0").unwrap_err().code, Code::UpdateNeeded);
        assert_eq!(may_remove(&status, "0.9.0").unwrap_err().code, Code::NotFound);
    }

    #[test]
    fn guests_go_on_where_nothing_below_them_changes() {
        let next = Next { same_below: Some(true), root: ByteSize::mib(300) };
        let plenty = ByteSize::gib(4);
        for (next, available, wanted) in [
            (next, plenty, SoftReboot::Possible),
            (next, ByteSize::mib(556), SoftReboot::Possible),
            (next, ByteSize::mib(555), SoftReboot::Memory),
            (Next { root: ByteSize(u64::MAX), ..next }, plenty, SoftReboot::Memory),
            (Next { same_below: Some(false), ..next }, plenty, SoftReboot::Kernel),
            (Next { same_below: None, ..next }, plenty, SoftReboot::Unreadable),
        ] {
            assert_eq!(soft_reboot(next, available), wanted, "{next:?} {available}");
        }
    }

    #[test]
    fn a_soft_reboot_is_refused_with_its_reason() {
        let slot = |standing| UpdateSlot { version: "0.3.0".into(), standing, good: false, disks: 1, failure: None };
        let status = |standing, soft| UpdateStatus { slots: vec![slot(standing)], soft, ..UpdateStatus::default() };
        let possible = Some(SoftReboot::Possible);
        assert_eq!(may_soft_reboot(&status(SlotStanding::Next, possible)).unwrap(), "0.3.0");
        for (standing, soft) in [
            (SlotStanding::Next, Some(SoftReboot::Kernel)),
            (SlotStanding::Next, None),
            (SlotStanding::Running, possible),
            (SlotStanding::Running, None),
        ] {
            let problem = may_soft_reboot(&status(standing, soft)).unwrap_err();
            assert_eq!(problem.code, Code::SoftRebootImpossible);
        }
    }
}
