//! What lies beneath several alerts at once: what can be a cause, what can be seen of it, and what can have one.

use crate::words::words;
use crate::{AlertId, Subject};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

words! {
    /// What a rack is made of, as far as one thing can be another's cause. Its word is `thing-KIND`.
    #[derive(PartialOrd, Ord)]
    ThingKind {
        /// A circuit of the building.
        Feed = "feed",
        Ups = "ups",
        /// A strip of outlets.
        Pdu = "pdu",
        Psu = "psu",
        /// What cools the room.
        Cooling = "cooling",
        Switch = "switch",
        /// A switch's.
        Port = "port",
        Server = "server",
        Bmc = "bmc",
        Fan = "fan",
        Cpu = "cpu",
        Dimm = "dimm",
        Nic = "nic",
        /// A server's, not a VM's.
        Disk = "disk",
        /// What runs on a server and speaks for its VMs.
        Node = "node",
        Pool = "pool",
        Network = "network",
        Vm = "vm",
        Project = "project",
    }

    /// What can be seen of a thing. Its sentence is `symptom-SYMPTOM`.
    #[derive(PartialOrd, Ord)]
    Symptom {
        /// It does not answer.
        Silent = "silent",
        /// It is off, and nobody asked for that.
        Off = "off",
        /// A power supply has nothing at its inlet.
        InputLost = "input-lost",
        OnBattery = "on-battery",
        LowBattery = "low-battery",
        ReplaceBattery = "replace-battery",
        /// It says itself that it is broken or about to break.
        Failed = "failed",
        /// It goes on with less than it should have.
        Degraded = "degraded",
        /// It is not there.
        Missing = "missing",
        Hot = "hot",
        /// A fan turns too slowly.
        SlowFan = "slow-fan",
        /// A processor works more slowly to stay cool.
        Throttled = "throttled",
        /// Errors that were corrected.
        Corrected = "corrected",
        /// Errors that were not.
        Uncorrected = "uncorrected",
        /// Data can't be read, or the spare blocks for such data are used up.
        ReadErrors = "read-errors",
        Worn = "worn",
        LinkDown = "link-down",
        LinkFlaps = "link-flaps",
        /// It is so slow that somebody notices.
        Slow = "slow",
        Full = "full",
        PausedNoSpace = "paused-no-space",
        /// It ended by itself.
        Crashed = "crashed",
        /// It could not be started, or not be changed.
        CannotStart = "cannot-start",
        /// A kernel said that it can't go on.
        Panicked = "panicked",
        Restarted = "restarted",
        /// Nothing reaches it over the network.
        Unreachable = "unreachable",
        ClockJumped = "clock-jumped",
        /// It says what can't be.
        Implausible = "implausible",
        /// Guests and server are shut down in order.
        ShuttingDown = "shutting-down",
        /// cake's records know it and no server has it, or the other way round.
        OutOfStep = "out-of-step",
    }

    /// What can be the first cause. Its name is `cause-CAUSE-short`, its sentence `cause-CAUSE`, what to do `cause-CAUSE-next`.
    #[derive(PartialOrd, Ord)]
    CauseKind {
        FeedLost = "feed-lost",
        UpsFails = "ups-fails",
        UpsBatteryWorn = "ups-battery-worn",
        /// The program that speaks for the UPS is gone.
        UpsUnheard = "ups-unheard",
        PduFails = "pdu-fails",
        PsuFails = "psu-fails",
        CoolingFails = "cooling-fails",
        FanFails = "fan-fails",
        /// Its fans turn, and it is hot: dust, paste, a heat sink.
        CpuCooler = "cpu-cooler",
        CpuFails = "cpu-fails",
        DimmFails = "dimm-fails",
        DiskFails = "disk-fails",
        DiskWears = "disk-wears",
        DiskHot = "disk-hot",
        NicFails = "nic-fails",
        /// A cable, a transceiver, or the port itself.
        LinkLost = "link-lost",
        LinkFlaps = "link-flaps",
        SwitchFails = "switch-fails",
        BmcHangs = "bmc-hangs",
        ServerFails = "server-fails",
        KernelPanics = "kernel-panics",
        /// It stands still and says nothing.
        NodeHangs = "node-hangs",
        /// cake's own program on it ended; its VMs go on.
        AgentEnds = "agent-ends",
        ClockJumps = "clock-jumps",
        PoolFills = "pool-fills",
        PoolMissing = "pool-missing",
        GuestCrashes = "guest-crashes",
        VmCannotStart = "vm-cannot-start",
        OutOfStep = "out-of-step",
        SensorFalse = "sensor-false",
    }
}

words! {
    /// How something speaks about a cause. Its word is `cause-evidence-HOW`.
    EvidenceKind {
        For = "for",
        Against = "against",
        /// It should be seen by now, and is not.
        Missing = "missing",
    }
}

/// Something that can be a cause or suffer from one, as a person is told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CauseThing {
    pub kind: ThingKind,
    /// Empty where there is only one.
    pub name: String,
    /// The resource that it is, or belongs to.
    pub subject: Option<Subject>,
}

/// Something that is seen of a thing, or would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CauseSign {
    pub thing: CauseThing,
    pub symptom: Symptom,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CauseGuess {
    pub cause: CauseKind,
    pub thing: CauseThing,
    /// Per cent.
    pub confidence: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CauseEvidence {
    pub how: EvidenceKind,
    pub sign: CauseSign,
    /// When it was seen; absent where it was not.
    pub at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CauseVerdict {
    Known(CauseGuess),
    /// The evidence is too thin.
    NotKnown {
        /// The likeliest first.
        between: Vec<CauseGuess>,
        /// What would tell.
        tell: Vec<CauseSign>,
    },
}

/// What lies beneath some alerts, with what speaks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CauseReport {
    pub verdict: CauseVerdict,
    pub since: Timestamp,
    /// In order of time, what is missing last.
    pub evidence: Vec<CauseEvidence>,
    /// Names of servers that have fallen with it, or have less than they should.
    pub servers: Vec<String>,
    /// VMs that suffer from it or may.
    pub vms: usize,
    /// Theirs.
    pub projects: Vec<String>,
}

/// Alerts that belong together: one message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grouping {
    /// Absent where no rule has anything to say.
    pub cause: Option<CauseReport>,
    /// The oldest first.
    pub beneath: Vec<AlertId>,
}

impl Grouping {
    /// It says more than its one alert does.
    pub fn is_telling(&self) -> bool {
        self.cause.is_some() && self.beneath.len() > 1
    }

    /// The same whenever the same alerts have the same cause: `KIND.ALERT`.
    pub fn id(&self) -> String {
        let first = self.beneath.iter().min().map_or("", AlertId::as_str);
        let kind = match self.cause.as_ref().map(|cause| &cause.verdict) {
            Some(CauseVerdict::Known(guess)) => guess.cause.as_str(),
            Some(CauseVerdict::NotKnown { .. }) => "not-known",
            None => "none",
        };
        format!("{kind}.{first}")
    }
}
