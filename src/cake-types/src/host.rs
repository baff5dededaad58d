//! What a server is besides its VMs: its host name, its clock, and whether it is about to go off.

use crate::words::words;
use crate::{Generation, HostName, HostNetwork, NodeId, OperationId, UpdateStatus, UplinkStatus};
use serde::{Deserialize, Serialize};

/// Longest host name that Linux takes, in characters.
pub const HOST_NAME_MAX: usize = 64;
/// Seconds that guests have to shut down before their server does, unless somebody chooses otherwise.
pub const LEAVING_SECONDS: u32 = 180;

/// What somebody asked of a server. What is not said stays as the machine has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostSpec {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_name: Option<HostName>,
    /// A name of the tz database, such as `Asia/Taipei`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// The clock follows servers in the network (NTP).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ntp: Option<bool>,
}

/// As it lies in the Store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    pub node: NodeId,
    pub generation: Generation,
    pub spec: HostSpec,
}

/// What a server says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostStatus {
    /// Why nothing of it can be changed from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hands_off: Option<HandsOff>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Whether its clock follows servers in the network; `None` where it has no program for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ntp: Option<bool>,
    /// The kernel holds its clock for right.
    #[serde(default)]
    pub synchronized: bool,
    /// What of the asked it did not take, and what it said, in English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<HostRefused>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaving: Option<Leaving>,
    /// How the last order to go off ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Departed>,
    /// What tells it from other machines, as a label for `NAME.local`: from its serial number, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_name: Option<String>,
    /// Where its interfaces have addresses, but for itself: what can be asked for BMCs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<HostNetwork>,
    /// Its own network: ports, addresses, and what they are to be. Boxed: most that carry a status do not look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uplink: Option<Box<UplinkStatus>>,
    /// Its firmware, where the machine is cake's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<Box<UpdateStatus>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostRefused {
    pub setting: HostSetting,
    pub because: String,
}

/// A server that is about to go off or to start anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaving {
    pub operation: OperationId,
    pub way: LeavingWay,
    pub stage: LeavingStage,
    /// Guests that were asked to shut down.
    pub guests: u32,
    /// Those that have not done so yet.
    pub left: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Departed {
    pub operation: OperationId,
    pub end: LeavingEnd,
    /// Why it failed, in English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

words! {
    /// Why cake leaves a machine's own settings alone. Its sentence is `hands-off-REASON`.
    HandsOff {
        /// The machine is somebody's: cake only runs on it.
        NotAppliance = "not-appliance",
        /// Process 1 is not systemd.
        NoSystemd = "no-systemd",
    }

    /// One of the settings. Its name is `host-setting-SETTING`.
    HostSetting {
        HostName = "host-name",
        TimeZone = "time-zone",
        Ntp = "ntp",
    }

    /// Where a server that leaves goes.
    LeavingWay {
        PowerOff = "power-off",
        Reboot = "reboot",
        /// All programs start anew, in the version that is next; the kernel and the guests go on.
        SoftReboot = "soft-reboot",
    }

    /// How far it has come. Its sentence is `leaving-STAGE`.
    LeavingStage {
        /// Guests shut down.
        Guests = "guests",
        /// It was called off: guests that are down start again.
        Back = "back",
        /// systemd was told: there is no way back.
        Host = "host",
    }

    LeavingEnd {
        /// The server has started again since.
        Done = "done",
        Cancelled = "cancelled",
        /// The server did not go off; its guests start again.
        Failed = "failed",
    }
}
