//! What a change of status means to a person: at most one event per change.

use crate::alert::Turn;
use cake_types::{Alert, EventKind, ExitReason, Severity, VmState, VmStatus};
use std::collections::BTreeMap;

/// What happened, in the vocabulary of events; `params` are the facts that its sentence names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    pub kind: EventKind,
    pub severity: Severity,
    pub params: BTreeMap<String, String>,
}

impl Happened {
    pub fn new(kind: EventKind, severity: Severity) -> Self {
        Self { kind, severity, params: BTreeMap::new() }
    }

    /// With one fact more.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.params.insert(name.into(), value.into());
        self
    }
}

fn happened(kind: EventKind, severity: Severity) -> Option<Happened> {
    Some(Happened::new(kind, severity))
}

/// The event behind the step from `before` to `after`. What is seen for the first time is no event: it may be long ago.
pub fn of_vm(before: Option<&VmStatus>, after: &VmStatus) -> Option<Happened> {
    let before = before?;
    if let Some(halted) = after.halted_by
        && before.halted_by != after.halted_by
    {
        return match halted.reason {
            _ if halted.by_host => happened(EventKind::VmStopped, Severity::Info),
            ExitReason::Guest => happened(EventKind::VmHaltedByGuest, Severity::Info),
            ExitReason::Crash => happened(EventKind::VmCrashed, Severity::Error),
            ExitReason::Killed => happened(EventKind::VmCrashed, Severity::Warning),
        };
    }
    if after.restarts > before.restarts {
        return happened(EventKind::VmRestarted, Severity::Warning);
    }
    if before.state == after.state {
        return None;
    }
    match after.state {
        VmState::Running if before.state == VmState::Paused => happened(EventKind::VmResumed, Severity::Info),
        // A guest that ignored its power button goes on as it was.
        VmState::Running if before.state == VmState::ShuttingDown => None,
        VmState::Running => happened(EventKind::VmStarted, Severity::Info),
        VmState::Paused => happened(EventKind::VmPaused, Severity::Info),
        VmState::Stopped if before.state.is_alive() => happened(EventKind::VmStopped, Severity::Info),
        VmState::Failed => {
            let failure = after.failure.as_ref();
            let code = failure.map_or("internal", |failure| failure.code.as_str());
            Some(Happened::new(EventKind::VmFailed, Severity::Error).with("code", code))
        }
        _ => None,
    }
}

/// The event of an alert that began, became worse, or ended. Its facts go with it, so that the sentence can be said later.
pub fn of_alert(turn: &Turn) -> Happened {
    let (kind, severity, Alert { kind: alert, params, .. }) = match turn {
        Turn::Began(alert) => (EventKind::AlertBegan, alert.severity, alert),
        Turn::Ended(alert) => (EventKind::AlertEnded, Severity::Info, alert),
    };
    Happened { kind, severity, params: params.clone() }.with("alert", alert.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cake_types::{Epoch, Failure, FailureCode, Generation, HaltedBy, Stamp};
    use jiff::Timestamp;

    fn status(state: VmState) -> VmStatus {
        VmStatus::at_rest(Stamp { epoch: Epoch(1), generation: Generation(1) }, state)
    }

    #[test]
    fn each_step_has_its_event() {
        use VmState::{Failed, Paused, Provisioning, Running, ShuttingDown, Starting, Stopped, Stopping};
        for (before, after, kind) in [
            (Starting, Running, Some(EventKind::VmStarted)),
            (Stopped, Running, Some(EventKind::VmStarted)),
            (Paused, Running, Some(EventKind::VmResumed)),
            (ShuttingDown, Running, None),
            (Running, Paused, Some(EventKind::VmPaused)),
            (Stopping, Stopped, Some(EventKind::VmStopped)),
            (Provisioning, Stopped, None),
            (Provisioning, Failed, Some(EventKind::VmFailed)),
            (Running, Running, None),
            (Stopped, Starting, None),
        ] {
            let found = of_vm(Some(&status(before)), &status(after)).map(|h| h.kind);
            assert_eq!(found, kind, "{before:?} → {after:?}");
        }
        assert_eq!(of_vm(None, &status(Running)), None);
    }

    #[test]
    fn how_it_ended_is_told_once() {
        for (reason, kind) in [
            (ExitReason::Guest, EventKind::VmHaltedByGuest),
            (ExitReason::Crash, EventKind::VmCrashed),
            (ExitReason::Killed, EventKind::VmCrashed),
        ] {
            let mut after = status(VmState::Stopped);
            after.halted_by =
                Some(HaltedBy { reason, generation: Generation(1), at: Timestamp::UNIX_EPOCH, by_host: false });
            assert_eq!(of_vm(Some(&status(VmState::Running)), &after).unwrap().kind, kind);
            assert_eq!(of_vm(Some(&after), &after.clone()), None);
        }
        let mut failed = status(VmState::Failed);
        failed.failure = Some(Failure { code: FailureCode::Disk, detail: String::new() });
        let event = of_vm(Some(&status(VmState::Starting)), &failed).unwrap();
        assert_eq!(event.params["code"], "disk");
        let mut again = status(VmState::Running);
        again.restarts = 1;
        assert_eq!(of_vm(Some(&status(VmState::Running)), &again).unwrap().kind, EventKind::VmRestarted);
    }
}
