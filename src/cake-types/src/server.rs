//! A server: a physical machine with a BMC (baseboard management controller).

use crate::event::Severity;
use crate::sensor::{Entity, SensorFact, SensorUnit};
use crate::sensor_trend::SensorTrend;
use crate::words::words;
use crate::{CapStatus, HeldBack, Meta, NodeId, PowerCap, Sealed, ServerId, Stamp, TaskKind, WeakPassword};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// RMCP's port (IANA: `asf-rmcp`).
pub const IPMI_PORT: u16 = 623;
/// Redfish's.
pub const REDFISH_PORT: u16 = 443;
/// Bytes of the longest password of IPMI 2.0 (§22.30).
pub const BMC_PASSWORD_MAX: usize = 20;
/// Bytes of the longest user name of IPMI 2.0 (§22.28).
pub const BMC_USER_MAX: usize = 16;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    pub meta: Meta<ServerId>,
    pub spec: ServerSpec,
}

/// What somebody says about a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerSpec {
    /// Absent: it has none, or nobody said where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bmc: Option<BmcSpec>,
    /// The node that runs on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<RackPlace>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// How much it may draw; absent: its BMC is left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<PowerCap>,
    /// What the rack's power budget makes of it. cake writes it itself, and nodes never see it: they are told the smaller of both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<HeldBack>,
}

impl ServerSpec {
    /// What its BMC is told: the person's cap always holds, the budget's beside it.
    pub fn effective_cap(&self) -> Option<PowerCap> {
        let Some(held) = self.held else { return self.cap };
        let own = self.cap.and_then(|cap| cap.watts);
        Some(PowerCap { watts: held.watts.into_iter().chain(own).min() })
    }
}

/// How a BMC is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BmcSpec {
    pub access: BmcAccess,
    /// Name or address; of the local one none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub host: String,
    pub port: u16,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Sealed<String>>,
    /// K_g, where the BMC has one (IPMI 2.0 §13.25): 20 bytes in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Sealed<String>>,
    /// What was weak about the password when it was given: of a sealed one nobody could tell any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weak: Option<WeakPassword>,
    /// A password that is being set: the BMC takes it or the other one, and both are kept until one is proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Sealed<String>>,
}

/// What was heard there before is of the same machine: at most its password is another one that was known before, as when cake changes it
/// itself. What somebody else says may be of another machine.
pub fn is_same_machine(before: Option<&BmcSpec>, now: Option<&BmcSpec>) -> bool {
    let (Some(before), Some(now)) = (before, now) else { return before == now };
    let reached = |bmc: &BmcSpec| {
        let BmcSpec { access, host, port, user, password: _, weak: _, next: _, key } = bmc.clone();
        (access, host, port, user, key)
    };
    reached(before) == reached(now) && (now.password == before.password || now.password == before.next)
}

/// Where a server stands in its rack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RackPlace {
    /// The lowest unit that it takes; 1 is at the bottom.
    pub unit: u8,
    /// Units (U) that it takes.
    pub height: u8,
}

/// What is so, small enough to be told at every reading.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerStatus {
    pub stamp: Stamp,
    /// Why what follows is of [`ServerStatus::read_at`] and not of now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<BmcProblem>,
    /// The last good reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chassis: Option<ChassisStatus>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<BmcDevice>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sensors: Vec<crate::Sensor>,
    /// What the whole server draws, in watts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watts: Option<f64>,
    /// How much it may draw, as its BMC says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<CapStatus>,
    /// Correctable memory errors that its event log told of since its BMC is watched: what was in the log before is not counted.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub memory_errors: u32,
    /// Sensors whose history says that they near a limit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trends: Vec<SensorTrend>,
    /// The last entry of its event log; empty while there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest_event: Option<String>,
}

impl BmcProblem {
    /// It does not pass by itself: somebody has to do something.
    pub const fn is_lasting(self) -> bool {
        matches!(
            self,
            Self::Refused
                | Self::Forbidden
                | Self::Cipher
                | Self::Another
                | Self::Certificate
                | Self::NoDevice
                | Self::NoAddress
        )
    }
}

impl ServerStatus {
    /// Nothing is known yet.
    pub fn unheard(stamp: Stamp) -> Self {
        Self {
            stamp,
            problem: None,
            read_at: None,
            chassis: None,
            device: None,
            sensors: Vec::new(),
            watts: None,
            cap: None,
            memory_errors: 0,
            trends: Vec::new(),
            newest_event: None,
        }
    }
}

/// IPMI 2.0 §28.2 Get Chassis Status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChassisStatus {
    pub on: bool,
    /// What it does when the power comes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<PowerRestore>,
    /// Its identify light is lit. Not every BMC says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identify: Option<bool>,
    pub intrusion: bool,
    pub power_fault: bool,
    pub cooling_fault: bool,
    pub drive_fault: bool,
}

/// IPMI 2.0 §20.1 Get Device ID.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BmcDevice {
    /// IANA private enterprise number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<u16>,
    /// `MAJOR.MINOR`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub firmware: String,
    /// `2.0`; of Redfish its own version.
    pub protocol: String,
    /// What tells this machine from all others, where it says (IPMI 2.0 §20.8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guid: Option<uuid::Uuid>,
    /// A program plays it: it says so itself.
    #[serde(default)]
    pub laboratory: bool,
}

/// An entry of the event log (SEL, IPMI 2.0 §32).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerEvent {
    /// The record's id in the log; Redfish's is a text.
    pub id: String,
    /// Absent where the BMC's clock was not set: it counts from 1970 or from its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Which sensor's, by [`crate::Sensor::id`] and name where they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensor: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    pub fact: SensorFact,
    /// Began to be so; otherwise it ended.
    pub asserted: bool,
    /// What was read, and the limit that it passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
    #[serde(default = "no_unit")]
    pub unit: SensorUnit,
    /// The record's bytes in hexadecimal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub raw: String,
}

impl ServerEvent {
    /// An end is news, no trouble.
    pub fn severity(&self) -> Severity {
        if self.asserted { self.fact.severity } else { Severity::Info }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde wants it")]
const fn is_nothing(count: &u32) -> bool {
    *count == 0
}

const fn no_unit() -> SensorUnit {
    SensorUnit::None
}

/// A part with a name plate (FRU: field replaceable unit; IPMI Platform Management FRU Information Storage Definition 1.0).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The FRU device id, or Redfish's path.
    pub id: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<Entity>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<PartField>,
    /// Why there is less than there should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<PartTrouble>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartField {
    pub what: PartFact,
    pub text: String,
}

/// What is asked of a server once, through its BMC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "verb")]
pub enum ServerVerb {
    Power {
        chassis: ChassisVerb,
    },
    /// Lights the light by which somebody finds it; for ever where no time is said; 0 puts it out.
    Identify {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seconds: Option<u8>,
    },
    Boot {
        device: BootDevice,
        once: bool,
        uefi: bool,
    },
    Restore {
        restore: PowerRestore,
    },
    ClearEvents,
    /// The user's password becomes [`BmcSpec::next`], and is proven by a session of its own.
    SetPassword,
}

impl ServerVerb {
    /// Doing it twice is doing it once.
    pub const fn is_idempotent(self) -> bool {
        match self {
            Self::Power { chassis } => matches!(chassis, ChassisVerb::On | ChassisVerb::Off),
            Self::Identify { .. } | Self::Boot { .. } | Self::Restore { .. } | Self::SetPassword => true,
            Self::ClearEvents => false,
        }
    }

    pub const fn task_kind(self) -> TaskKind {
        match self {
            Self::Power { chassis: ChassisVerb::On } => TaskKind::ServerOn,
            Self::Power { chassis: ChassisVerb::Off } => TaskKind::ServerOff,
            Self::Power { chassis: ChassisVerb::Soft } => TaskKind::ServerSoft,
            Self::Power { chassis: ChassisVerb::Cycle } => TaskKind::ServerCycle,
            Self::Power { chassis: ChassisVerb::Reset } => TaskKind::ServerReset,
            Self::Identify { .. } => TaskKind::ServerIdentify,
            Self::Boot { .. } => TaskKind::ServerBoot,
            Self::Restore { .. } => TaskKind::ServerRestore,
            Self::ClearEvents => TaskKind::ServerClearEvents,
            Self::SetPassword => TaskKind::ServerPassword,
        }
    }
}

words! {
    /// How cake speaks to a BMC. Its word is `bmc-access-ACCESS`.
    BmcAccess {
        /// Redfish where it answers, else IPMI.
        Auto = "auto",
        /// Over the network by RMCP+.
        Ipmi = "ipmi",
        Redfish = "redfish",
        /// The node's own, by the kernel's device.
        Local = "local",
    }

    /// Why a BMC is not heard. Its sentence is `bmc-problem-PROBLEM`.
    BmcProblem {
        /// Nothing answers there.
        Silent = "silent",
        /// The name means no address.
        NoAddress = "no-address",
        /// User or password is wrong: it is not tried again until somebody says something new, so that nobody is locked out.
        Refused = "refused",
        /// The user may not do what is needed.
        Forbidden = "forbidden",
        /// It takes no further session.
        Busy = "busy",
        /// What answers is no BMC, or breaks the protocol.
        Garbled = "garbled",
        /// It offers no cipher suite that is safe enough (3 or 17).
        Cipher = "cipher",
        /// It shows another certificate than before (Redfish): a new one of its own, or somebody in between.
        Certificate = "certificate",
        /// Another machine answers here than before.
        Another = "another",
        /// The machine has no BMC, or its kernel no driver for it.
        NoDevice = "no-device",
        /// The program that asks ended and begins anew.
        Worker = "worker",
    }

    /// What a server does when its power comes back (IPMI 2.0 §28.8). Its word is `power-restore-RESTORE`.
    PowerRestore {
        StayOff = "stay-off",
        AsBefore = "as-before",
        TurnOn = "turn-on",
    }

    /// What is done to a server's power (IPMI 2.0 §28.3). Its word is `chassis-verb-VERB`.
    ChassisVerb {
        On = "on",
        /// At once, as if somebody pulled the plug.
        Off = "off",
        /// The operating system is asked (ACPI).
        Soft = "soft",
        /// Off, a moment, on.
        Cycle = "cycle",
        Reset = "reset",
    }

    /// From what a server boots next (IPMI 2.0 §28.13). Its word is `boot-device-DEVICE`.
    BootDevice {
        /// As its own settings say.
        None = "none",
        Network = "network",
        Disk = "disk",
        Cd = "cd",
        /// Its set-up program.
        Setup = "setup",
    }

    /// A line of a name plate. Its word is `part-fact-FACT`.
    PartFact {
        /// A number of SMBIOS (DSP0134 §7.4.1), where IPMI says it: its word is `chassis-kind-NUMBER`.
        ChassisKind = "chassis-kind",
        ChassisPart = "chassis-part",
        ChassisSerial = "chassis-serial",
        /// A time, as RFC 3339 writes it.
        BoardMade = "board-made",
        BoardMaker = "board-maker",
        BoardName = "board-name",
        BoardSerial = "board-serial",
        BoardPart = "board-part",
        ProductMaker = "product-maker",
        ProductName = "product-name",
        ProductPart = "product-part",
        ProductVersion = "product-version",
        ProductSerial = "product-serial",
        ProductAsset = "product-asset",
        /// What its maker wrote beside.
        Extra = "extra",
    }

    /// Why a name plate is not whole. Its sentence is `part-trouble-TROUBLE`.
    PartTrouble {
        /// A sum does not fit.
        Checksum = "checksum",
        /// It contradicts itself.
        Broken = "broken",
        /// The BMC does not hand it out.
        Unreadable = "unreadable",
        /// Nothing was ever written there.
        Empty = "empty",
    }
}
