//! cake on this server's own disks: what is asked of a node that was started from a stick, and what it answers.

use cake_types::{InstallChoice, InstallDisks, InstallJudged, InstallOrder, InstallRefusal, InstallState};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "ask")]
pub enum InstallAsk {
    /// Which disks there are, and what is on them.
    Disks,
    /// What such an installation would do. Nothing is touched.
    Plan { choice: InstallChoice },
    /// Install. The same operation again is the same installation, whatever has become of it.
    Start { order: Box<InstallOrder> },
    /// Where it stands.
    State,
    /// Call it off, where that can still be done.
    Cancel,
    /// Start this server anew, from its disks: only once cake is on them.
    Restart,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "install", content = "is")]
pub enum InstallAnswer {
    Disks(InstallDisks),
    Judged(InstallJudged),
    State(InstallState),
    /// Not started: this is against it.
    Refused(Vec<InstallRefusal>),
    /// Another installation is under way.
    Busy(InstallState),
    /// cake is on the disks: nothing is left to be done but to start from them.
    AlreadyDone(InstallState),
    /// Nothing is under way, or it can't be called off any more; or nothing is installed that could be started.
    NotNow(InstallState),
    /// This server was started over the network: there is no medium to install from.
    NoMedium,
    Accepted,
}
