//! An alert: something that is so, and that somebody must act on. It follows from what is so and ends with it; what is kept of
//! it is when it began and who has said that they know.

use crate::{Actor, Severity, Subject};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// An alert that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    pub id: AlertId,
    pub kind: AlertKind,
    pub severity: Severity,
    pub subject: Subject,
    /// The facts that its sentence names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
    /// When it was first so.
    pub since: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledgement>,
    /// Nobody is told of it until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silenced: Option<Silence>,
}

impl Alert {
    /// What tells it apart from others about the same subject, as it stands in its id.
    pub fn part(&self) -> Option<&str> {
        let plain = AlertId::of(self.kind, &self.subject, None);
        self.id.as_str().strip_prefix(plain.as_str())?.strip_prefix('.')
    }
}

/// Somebody knows and sees to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    pub at: Timestamp,
    pub by: Actor,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Somebody does not want to hear of it for a while: it is shown, and neither told nor counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    pub until: Timestamp,
    pub at: Timestamp,
    pub by: Actor,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// `KIND.SUBJECT` or `KIND.SUBJECT.PART`: the same whenever the same thing is so again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AlertId(pub String);

impl AlertId {
    /// `part` tells apart what one subject can have several of; what an address can't hold is left out of it.
    pub fn of(kind: AlertKind, subject: &Subject, part: Option<&str>) -> Self {
        let mut id = format!("{}.{}", kind.as_str(), subject.id);
        if let Some(part) = part {
            id.push('.');
            id.push_str(&Self::part_of(part));
        }
        Self(id)
    }

    /// A part as it stands in an id.
    pub fn part_of(part: &str) -> String {
        part.chars().filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).take(PART_MAX).collect()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Longest part, in characters.
const PART_MAX: usize = 64;

impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $text:literal;)*) => {
        /// What is so. Its sentence is `alert-KIND`, and what to do about it `alert-KIND-next`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum AlertKind {
            $($(#[$doc])* $variant,)*
        }

        impl AlertKind {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.as_str() == word)
            }
        }
    };
}

kinds! {
    /// The server does not answer.
    NodeAway = "node-away";
    /// A version of the firmware was given up; params: `version`, `reason`.
    UpdateFailed = "update-failed";
    /// The directory of a pool is not there.
    PoolMissing = "pool-missing";
    /// A pool is nearly full; params: `percent`, `free`, `size`.
    PoolSpace = "pool-space";
    /// QEMU paused the guest because the pool is full, and goes on once there is space.
    VmNoSpace = "vm-no-space";
    /// params: `code`, a failure's.
    VmFailed = "vm-failed";
    /// It ended by itself and is not started again.
    VmCrashed = "vm-crashed";
    /// The console's certificate ends soon; params: `days`.
    CertificateEnds = "certificate-ends";
    /// The server runs on battery; params: `minutes`, `charge`, both `?` where the UPS does not say.
    UpsOnBattery = "ups-on-battery";
    /// The battery is nearly empty, or the power is about to be cut.
    UpsLowBattery = "ups-low-battery";
    /// The UPS can't be heard; params: `problem`.
    UpsAway = "ups-away";
    /// Its battery has to be replaced.
    UpsReplaceBattery = "ups-replace-battery";
    /// Guests are shut down because the power is about to end, and the server next; params: `stage`.
    UpsShutdown = "ups-shutdown";
    /// A disk of the server says that it is about to fail; params of this and the next: `disk`, what it is called.
    DiskFailing = "disk-failing";
    /// Some of its sectors can't be read; params: `sectors`.
    DiskSectors = "disk-sectors";
    /// Most of its life is used up; params: `percent`.
    DiskWorn = "disk-worn";
    /// At its pace the rest of its life is used up soon; params: `percent`, and `days` until then.
    DiskWearing = "disk-wearing";
    /// Its spare blocks are nearly used up; params: `percent`, `?` where it does not say.
    DiskSpare = "disk-spare";
    /// It is too hot or too cold; params: `degrees`, `?` where it does not say.
    DiskHot = "disk-hot";
    /// The BMC of a server can't be heard; params: `problem`.
    ServerSilent = "server-silent";
    /// A server's chassis reports a fault; params: `fault`: `power`, `cooling`, `drive`, `intrusion`.
    ChassisFault = "chassis-fault";
    /// The password that a BMC takes is one that anybody would guess; params: `weak`.
    BmcPassword = "bmc-password";
    /// A sensor has left its limits; params: `sensor`, `value`, `unit`, `limit`, `state`.
    SensorLimit = "sensor-limit";
    /// A sensor says something that somebody must act on; params: `sensor`, `fact`, the key of its words, and `text` where there are none.
    SensorFault = "sensor-fault";
    /// A power distribution unit or a switch can't be heard; params: `snmp_problem`.
    DeviceSilent = "device-silent";
    /// A PDU has no voltage at its inputs; params: `feed`, empty where nobody said, and `servers`, what hangs on it.
    FeedDead = "feed-dead";
    /// A PDU's input draws nearly as much as it may; params: `input`, `amps`, `limit`, `?` where it does not say.
    PduLoad = "pdu-load";
    /// All supplies of a server hang on one feed though there is another; params: `feed`.
    FeedShared = "feed-shared";
    /// A sensor nears a limit, or errors that are counted become more; params: `sensor`, `trend`, `unit`, `value`, `per_day`, and `limit`
    /// and `minutes` until then, where there is a limit.
    SensorTrend = "sensor-trend";
    /// A link of a switch comes and goes; params: `port`, `count`, how often in ten minutes, and `server`, `–` where none is known.
    LinkFlaps = "link-flaps";
    /// Errors of a switch's port climb; params: `port`, `count`, of the last hour, and `server`.
    PortErrors = "port-errors";
    /// A cable is not where it was; params: `port`, `server`, and `to`, the port or the server that is there now.
    CableMoved = "cable-moved";
    /// A port that led to a server has no link; params: `port`, `server`.
    LinkLost = "link-lost";
    /// The rack draws more than its budget, and all servers that can be held back are; params: `watts`, `budget`.
    PowerBudget = "power-budget";
    /// The Store knows it, no server has it.
    VmLost = "vm-lost";
    /// It runs, and the Store does not know it.
    VmOrphaned = "vm-orphaned";
    /// Nothing gets through on a channel of alerts any more; params: `trouble`.
    ChannelFails = "channel-fails";
}

impl AlertKind {
    /// About a disk of the server, which is the alert's part.
    pub const fn is_of_a_disk(self) -> bool {
        use AlertKind::{DiskFailing, DiskHot, DiskSectors, DiskSpare, DiskWearing, DiskWorn};
        matches!(self, DiskFailing | DiskSectors | DiskWorn | DiskWearing | DiskSpare | DiskHot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn an_id_can_stand_in_an_address() {
        let subject = Subject { kind: "node".into(), id: Uuid::nil(), name: "web 1".into() };
        let id = |part| AlertId::of(AlertKind::VmFailed, &subject, part).0;
        assert_eq!(id(None), "vm-failed.00000000-0000-0000-0000-000000000000");
        assert_eq!(id(Some("a/b c?#%é\n")), "vm-failed.00000000-0000-0000-0000-000000000000.abc");
        assert_eq!(id(Some(&"x".repeat(1000))).len(), 10 + 36 + 1 + PART_MAX);
        for kind in AlertKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
