//! The system calls that are left to programs of others which this one becomes in a cage.

use seccompiler::{BackendError, BpfProgram, SeccompAction, SeccompFilter, SeccompRule, TargetArch};
use std::collections::BTreeMap;

/// These calls, by number, each under one of its rules or under none. Others are refused rather than a reason to be killed: a C
/// library that tries something newer first falls back.
pub fn only(calls: BTreeMap<i64, Vec<SeccompRule>>) -> Result<BpfProgram, BackendError> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let refuse = SeccompAction::Errno(libc::EPERM as u32);
    SeccompFilter::new(calls, refuse, SeccompAction::Allow, arch)?.try_into()
}
