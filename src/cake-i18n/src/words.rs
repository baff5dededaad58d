//! The words of the vocabulary: states, kinds, problems, events.

mod hardware;

use crate::Words;
use cake_types::{
    Actor, Alert, AuditResult, Event, EventKind, ExitReason, FailureCode, Firmware, GuestOs, HaltedBy, ImageFormat,
    NameError, NicSpec, Permission, Power, Priority, Problem, Restart, SetupError, Severity, Subject, Task, TaskKind,
    TaskState, TcgReason, UPLINK_BRIDGE, VmState,
};
use std::collections::BTreeMap;

/// A problem for the person who asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// In a few words.
    pub title: String,
    /// What is so and why.
    pub what: String,
    /// What to do now.
    pub next: String,
}

impl Words {
    pub fn vm_state(&self, state: VmState) -> &'static str {
        self.text_of(&format!("state-{}", state.as_str()))
    }

    pub fn task_kind(&self, kind: TaskKind) -> &'static str {
        self.text_of(&format!("task-kind-{}", kind.as_str()))
    }

    /// `Create VM web-1`.
    pub fn task_title(&self, task: &Task) -> String {
        self.text_with(&format!("task-{}", task.kind.as_str()), &[("name", &task.subject.name)])
    }

    pub fn task_state(&self, state: TaskState) -> &'static str {
        self.text_of(&format!("task-state-{}", state.as_str()))
    }

    /// The sentence that a task ended with, for somebody who reads nothing else of it; `None` while it runs.
    pub fn task_end(&self, task: &Task) -> Option<String> {
        let end = task.end.as_ref()?;
        Some(self.task_ended(task.kind.as_str(), &task.subject.name, end.state.as_str(), &end.code))
    }

    /// As [`Words::task_end`], from the words of the wire: `Created web`, or what was to be done and why it was not.
    pub fn task_ended(&self, kind: &str, name: &str, state: &str, code: &str) -> String {
        let name = [("name", name)];
        let done = format!("task-done-{kind}");
        if state == "done" && self.has(&done) {
            return self.text_with(&done, &name);
        }
        let title = self.text_with(&format!("task-{kind}"), &name);
        self.text_with("task-ended", &[("title", &title), ("why", self.task_why(state, code))])
    }

    /// Why a task ended as it did, beside its title.
    pub fn task_why(&self, state: &str, code: &str) -> &'static str {
        let ids = [format!("task-end-{code}"), format!("failure-{code}"), format!("task-end-{state}")];
        ids.iter().find(|id| self.has(id)).map_or("", |id| self.text_of(id))
    }

    /// What was done, as the audit record names it by an operation's id; an id of a newer cake as it is.
    pub fn operation(&self, action: &str) -> String {
        let id = format!("operation-{action}");
        if self.has(&id) { self.text_of(&id).into() } else { action.into() }
    }

    pub fn severity(&self, severity: Severity) -> &'static str {
        self.text_of(match severity {
            Severity::Info => "severity-info",
            Severity::Warning => "severity-warning",
            Severity::Error => "severity-error",
        })
    }

    /// The sentence of an event. Its facts are `params`, and `name` is its subject's.
    pub fn event(&self, event: &Event) -> String {
        let mut facts = event.params.clone();
        if let Some(subject) = &event.subject {
            facts.entry("name".into()).or_insert_with(|| subject.name.clone());
        }
        if matches!(event.kind, EventKind::VmFailed | EventKind::ImageImportFailed | EventKind::VmExportFailed) {
            let code = facts.get("code").cloned().unwrap_or_default();
            let why = self.text_of(&format!("failure-{code}"));
            facts.insert("why".into(), why.to_owned());
        }
        if matches!(event.kind, EventKind::AlertBegan | EventKind::AlertEnded) {
            let alert = facts.get("alert").cloned().unwrap_or_default();
            facts.insert("what".into(), self.alert_part(&alert, "", &event.params));
        }
        let mut id = format!("event-{}", event.kind.as_str());
        if event.kind == EventKind::HardwareEvent {
            self.hardware_facts(&mut facts);
            if facts.get("asserted").is_some_and(|asserted| asserted == "no") {
                id.push_str("-over");
            }
        }
        for name in self.variables(&id) {
            facts.entry(name.into()).or_default();
        }
        self.text_from(&id, &facts).trim_end().to_owned()
    }

    /// What is so, and what to do about it. The subject's name stands beside it.
    pub fn alert(&self, alert: &Alert) -> Explained {
        Explained {
            title: self.text_of(&format!("alert-{}-short", alert.kind.as_str())).into(),
            what: self.alert_part(alert.kind.as_str(), "", &alert.params),
            next: self.alert_part(alert.kind.as_str(), "-next", &alert.params),
        }
    }

    /// A VM's failure has its own words.
    fn alert_part(&self, kind: &str, end: &str, params: &BTreeMap<String, String>) -> String {
        let failure = params.get("code").map(|code| format!("failure-{code}{end}")).filter(|id| self.has(id));
        let id = failure.unwrap_or_else(|| format!("alert-{kind}{end}"));
        if !self.has(&id) {
            return kind.into();
        }
        let mut facts = params.clone();
        self.hardware_facts(&mut facts);
        // Why a version of the firmware was given up.
        if let Some(reason) = facts.get_mut("reason").filter(|reason| self.has(&format!("start-{reason}"))) {
            *reason = self.text_of(&format!("start-{reason}")).into();
        }
        for name in self.variables(&id) {
            facts.entry(name.into()).or_insert_with(|| "–".into());
        }
        self.text_from(&id, &facts)
    }

    pub fn actor(&self, actor: &Actor) -> String {
        match actor {
            Actor::Account { name, token: None, .. } => name.to_string(),
            Actor::Account { name, token: Some(_), .. } => {
                self.text_with("actor-account-token", &[("name", name.as_str())])
            }
            Actor::System => self.text("actor-system").into(),
            Actor::Root => self.text("actor-root").into(),
            Actor::Setup => self.text("actor-setup").into(),
            Actor::Unknown { claimed } => self.text_with("actor-unknown", &[("claimed", claimed)]),
        }
    }

    pub fn audit_result(&self, result: &AuditResult) -> String {
        match result {
            AuditResult::Done => self.text("audit-done").into(),
            AuditResult::Refused { code } => {
                self.text_with("audit-refused", &[("why", &self.text_with(&format!("problem-{code}-short"), &[]))])
            }
        }
    }

    /// The kind of a thing: `VM`, `image`.
    pub fn kind(&self, subject: &Subject) -> &'static str {
        self.text_of(&format!("kind-{}", subject.kind))
    }

    /// Why a VM failed.
    pub fn failure(&self, code: FailureCode) -> &'static str {
        self.text_of(&format!("failure-{}", code.as_str()))
    }

    /// What to do about it.
    pub fn failure_next(&self, code: FailureCode) -> &'static str {
        self.text_of(&format!("failure-{}-next", code.as_str()))
    }

    pub fn firmware(&self, firmware: Firmware) -> &'static str {
        self.text(match firmware {
            Firmware::Bios => "firmware-bios",
            Firmware::Uefi => "firmware-uefi",
            Firmware::Direct => "firmware-direct",
        })
    }

    /// What a network card is connected to.
    pub fn nic(&self, nic: &NicSpec) -> String {
        match nic {
            NicSpec::Nat { .. } => self.text("network-nat").to_owned(),
            NicSpec::Bridged { bridge } => self.bridge(bridge.as_str()),
        }
    }

    /// A network that lies at a bridge: a server of cake's own has its own network at one.
    pub fn bridge(&self, name: &str) -> String {
        match name {
            UPLINK_BRIDGE => self.text("network-uplink").to_owned(),
            _ => self.text_with("network-bridge", &[("name", name)]),
        }
    }

    pub fn priority(&self, priority: Priority) -> &'static str {
        self.text(match priority {
            Priority::Low => "priority-low",
            Priority::Normal => "priority-normal",
            Priority::High => "priority-high",
        })
    }

    pub fn restart(&self, restart: Restart) -> &'static str {
        self.text(match restart {
            Restart::Never => "restart-never",
            Restart::OnCrash => "restart-on-crash",
            Restart::Always => "restart-always",
        })
    }

    pub fn power(&self, power: Power) -> &'static str {
        self.text(match power {
            Power::Running => "state-running",
            Power::Stopped => "state-stopped",
            Power::Paused => "state-paused",
        })
    }

    pub fn image_format(&self, format: ImageFormat) -> &'static str {
        self.text(match format {
            ImageFormat::Raw => "image-format-raw",
            ImageFormat::Qcow2 => "image-format-qcow2",
            ImageFormat::Iso => "image-format-iso",
            ImageFormat::Kernel => "image-format-kernel",
        })
    }

    pub fn guest_os(&self, os: GuestOs) -> &'static str {
        self.text(match os {
            GuestOs::Linux => "os-linux",
            GuestOs::Windows => "os-windows",
            GuestOs::Other => "os-other",
        })
    }

    /// How a VM came to be off without anybody's asking for it here.
    pub fn halted(&self, halted: &HaltedBy) -> &'static str {
        if halted.by_host { self.text("exit-host") } else { self.exit_reason(halted.reason) }
    }

    pub fn exit_reason(&self, reason: ExitReason) -> &'static str {
        self.text(match reason {
            ExitReason::Guest => "exit-guest",
            ExitReason::Crash => "exit-crash",
            ExitReason::Killed => "exit-killed",
        })
    }

    /// Why guests are translated instead of run.
    pub fn tcg_reason(&self, reason: TcgReason) -> &'static str {
        self.text(match reason {
            TcgReason::NoDevice => "tcg-no-device",
            TcgReason::NoPermission => "tcg-no-permission",
            TcgReason::GuestDidNotRun => "tcg-guest-did-not-run",
            TcgReason::Asked => "tcg-asked",
        })
    }

    pub fn permission(&self, permission: Permission) -> &'static str {
        self.text(match permission {
            Permission::View => "permission-view",
            Permission::Operate => "permission-operate",
            Permission::Manage => "permission-manage",
            Permission::Audit => "permission-audit",
            Permission::Administer => "permission-administer",
        })
    }

    /// A role: the built-in ones have words, a company's own is called what the company calls it.
    pub fn role(&self, name: &str) -> String {
        let id = format!("role-{name}");
        if self.has(&id) { self.text_of(&id).into() } else { name.into() }
    }

    /// What is so, and what to do now.
    pub fn problem(&self, problem: &Problem) -> Explained {
        let id = format!("problem-{}", problem.code.as_str());
        let next = format!("{id}-next");
        let mut facts: BTreeMap<String, String> =
            problem.params.iter().map(|(name, value)| (name.clone(), self.fact(name, value))).collect();
        for name in self.variables(&id).into_iter().chain(self.variables(&next)) {
            facts.entry(name.into()).or_insert_with(|| "–".into());
        }
        Explained {
            title: self.text_of(&format!("{id}-short")).into(),
            what: self.text_from(&id, &facts),
            next: self.text_from(&next, &facts),
        }
    }

    /// A fact that is itself a word of the vocabulary (`state`: `shutting-down`) in this language; any other as it is.
    fn fact(&self, name: &str, value: &str) -> String {
        let id = match name {
            "kind" | "action" | "state" | "permission" | "firmware" | "reason" | "field" => format!("{name}-{value}"),
            _ => return value.into(),
        };
        if self.has(&id) { self.text_of(&id).into() } else { value.into() }
    }
}

/// The word for `Code::BadName`'s `reason`: its sentence is `reason-WORD`.
pub fn name_reason(error: NameError) -> &'static str {
    match error {
        NameError::Empty => "name-empty",
        NameError::TooLong => "name-too-long",
        NameError::Edge => "name-edge",
        NameError::Character(_) => "name-character",
        NameError::Repeated => "name-repeated",
        NameError::HostName => "name-host",
    }
}

/// The word for `Code::Invalid`'s `reason` when the wizard's answers are wrong: its sentence is `reason-WORD`.
pub fn setup_reason(error: &SetupError) -> &'static str {
    match error {
        SetupError::TimeZone(_) => "time-zone",
        SetupError::PasswordTooShort { .. } => "password-too-short",
        SetupError::PasswordTwice => "password-twice",
        SetupError::PasswordMissing => "password-missing",
        SetupError::PasswordHash => "password-hash",
        SetupError::PoolPath => "pool-path",
    }
}
