//! The system calls that are left in a cage.

use seccompiler::{BackendError, BpfProgram, SeccompAction, SeccompFilter, SeccompRule, TargetArch};
use std::collections::BTreeMap;

/// For programs of others: these calls, by number, each under one of its rules or under none. Others are refused rather than a reason
/// to be killed: a C library that tries something newer first falls back.
pub fn only(calls: BTreeMap<i64, Vec<SeccompRule>>) -> Result<BpfProgram, BackendError> {
    filter(calls, SeccompAction::Errno(libc::EPERM as u32))
}

/// For programs of our own: who makes another call is not what it was, and ends.
pub fn only_or_end(calls: impl IntoIterator<Item = i64>) -> Result<BpfProgram, BackendError> {
    filter(calls.into_iter().map(|number| (number, Vec::new())).collect(), SeccompAction::KillProcess)
}

/// For programs of our own that need much: all calls but these, which are refused.
pub fn all_but(calls: impl IntoIterator<Item = i64>) -> Result<BpfProgram, BackendError> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let calls = calls.into_iter().map(|number| (number, Vec::new())).collect();
    let refused = SeccompAction::Errno(libc::EPERM as u32);
    SeccompFilter::new(calls, SeccompAction::Allow, refused, arch)?.try_into()
}

fn filter(calls: BTreeMap<i64, Vec<SeccompRule>>, otherwise: SeccompAction) -> Result<BpfProgram, BackendError> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    SeccompFilter::new(calls, otherwise, SeccompAction::Allow, arch)?.try_into()
}
