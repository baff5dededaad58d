//! What a change of status means to a person: at most one event per change.

use crate::alert::Turn;
use cake_types::{Alert, EventKind, ExitReason, Severity, UplinkEnd, UplinkStatus, VmState, VmStatus};
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

/// The events behind the step from `before` to `after` of a server's own network. What is seen for the first time is none.
pub fn of_uplink(before: &UplinkStatus, after: &UplinkStatus) -> Vec<Happened> {
    let mut events = Vec::new();
    for port in &after.ports {
        let was = before.ports.iter().find(|was| was.name == port.name && was.mac == port.mac);
        let turn = match was.map(|was| was.carrier) {
            Some(true) if !port.carrier => Happened::new(EventKind::PortDown, Severity::Warning),
            Some(false) if port.carrier => Happened::new(EventKind::PortUp, Severity::Info),
            _ => continue,
        };
        events.push(turn.with("port", port.name.as_str()));
    }
    let ended = after.ended.as_ref().filter(|ended| before.ended.as_ref() != Some(ended));
    match ended.map(|ended| ended.end) {
        Some(UplinkEnd::Confirmed) => events.push(Happened::new(EventKind::NetworkConfirmed, Severity::Info)),
        Some(end) => {
            let returned = Happened::new(EventKind::NetworkReturned, Severity::Warning);
            events.push(returned.with("end", end.as_str()));
        }
        None => {}
    }
    events
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
    use cake_types::{Epoch, Failure, FailureCode, Generation, HaltedBy, OperationId, Stamp, UplinkEnded, UplinkPort};
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
    fn a_cable_and_the_end_of_a_trial_are_told_once() {
        let port = |carrier| UplinkPort {
            name: "eno1".into(),
            mac: "52:54:00:00:00:01".parse().unwrap(),
            driver: None,
            carrier,
            speed: None,
            bonded: true,
            active: carrier,
            neighbor: None,
        };
        let with = |carrier| UplinkStatus { ports: vec![port(carrier)], ..UplinkStatus::default() };
        let kinds = |before: &UplinkStatus, after: &UplinkStatus| -> Vec<EventKind> {
            of_uplink(before, after).into_iter().map(|happened| happened.kind).collect()
        };
        assert_eq!(kinds(&UplinkStatus::default(), &with(true)), []);
        assert_eq!(kinds(&with(true), &with(false)), [EventKind::PortDown]);
        assert_eq!(kinds(&with(false), &with(true)), [EventKind::PortUp]);
        assert_eq!(kinds(&with(true), &with(true)), []);
        for (end, kind) in [
            (UplinkEnd::Confirmed, EventKind::NetworkConfirmed),
            (UplinkEnd::Expired, EventKind::NetworkReturned),
            (UplinkEnd::Restarted, EventKind::NetworkReturned),
        ] {
            let ended = UplinkEnded { operation: OperationId::now(), end, at: Timestamp::UNIX_EPOCH };
            let after = UplinkStatus { ended: Some(ended), ..with(true) };
            assert_eq!(kinds(&with(true), &after), [kind]);
            assert_eq!(kinds(&after, &after), []);
        }
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
