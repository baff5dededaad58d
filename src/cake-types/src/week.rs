//! What there is to say about a week: what happened, what cake did, what somebody should do.

use crate::words::words;
use crate::{Alert, AlertKind, CauseReport};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

words! {
    /// What a line of a week says. Its sentence is `week-KIND`.
    WeekKind {
        /// Nothing that anybody needs to know.
        Quiet = "quiet",
        /// So many alerts began; `more` of them as errors.
        Alerts = "alerts",
        AlertsOver = "alerts-over",
        /// The same alert of the same thing, so many times.
        Often = "often",
        VmCrashed = "vm-crashed",
        VmFailed = "vm-failed",
        Hardware = "hardware",
        ServerOff = "server-off",
        NodeAway = "node-away",
        LoginFailed = "login-failed",
        ControlStarted = "control-started",
        VmCreated = "vm-created",
        VmDeleted = "vm-deleted",
        VmRestarted = "vm-restarted",
        /// So many tasks were done; `more` failed.
        Tasks = "tasks",
        VmExported = "vm-exported",
        ImageImported = "image-imported",
        /// So many servers are watched, with `more` sensors.
        Watched = "watched",
        /// So many VMs run, of `more`.
        Running = "running",
        /// The week had more than is counted here.
        Beyond = "beyond",
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeekLine {
    pub kind: WeekKind,
    #[serde(default)]
    pub count: usize,
    /// A second number, as the kind says.
    #[serde(default)]
    pub more: usize,
    /// Of whom it speaks, as far as there is room.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Of [`WeekKind::Often`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<AlertKind>,
}

/// Something that somebody should do: alerts that are open, with what lies beneath them where that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeekTodo {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<CauseReport>,
    /// The worst first, as far as there is room; never empty.
    pub alerts: Vec<Alert>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Week {
    pub from: Timestamp,
    pub until: Timestamp,
    pub happened: Vec<WeekLine>,
    pub done: Vec<WeekLine>,
    /// The most urgent first.
    pub todo: Vec<WeekTodo>,
    /// Things to do that are not named.
    #[serde(default)]
    pub more: usize,
}
