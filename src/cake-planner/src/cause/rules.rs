//! What a cause looks like, as two tables: [`SIGNS`] say what is seen of a thing that something has become of, and [`RULES`] what is
//! seen of a cause itself. What falls with it follows from the graph and stands in no rule.

use super::graph::State;
use cake_types::{CauseKind, Symptom, ThingKind};

/// How often a sign is seen when it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Often {
    Always,
    Mostly,
    Often,
    Sometimes,
    Rarely,
}

impl Often {
    pub const fn share(self) -> f64 {
        match self {
            Self::Always => 0.97,
            Self::Mostly => 0.85,
            Self::Often => 0.6,
            Self::Sometimes => 0.3,
            Self::Rarely => 0.1,
        }
    }

    /// The most that its absence speaks against a cause, however many things show none: they are silent for one reason.
    pub const fn doubt(self) -> f64 {
        match self {
            Self::Always => 30.0,
            Self::Mostly => 15.0,
            Self::Often => 5.0,
            Self::Sometimes => 2.0,
            Self::Rarely => 0.5,
        }
    }
}

/// How often a cause happens to one thing, before anything is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// Every few weeks somewhere in a rack.
    Common,
    /// A few times a year.
    Usual,
    /// Once in a few years.
    Seldom,
}

impl Rate {
    pub const fn weight(self) -> f64 {
        match self {
            Self::Common => -3.0,
            Self::Usual => -4.0,
            Self::Seldom => -5.0,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Sign {
    pub symptom: Symptom,
    pub often: Often,
    /// Seconds after the cause: not before, and by then at the latest.
    pub after: (i64, i64),
}

#[derive(Clone, Copy, Debug)]
pub struct Rule {
    pub cause: CauseKind,
    pub on: ThingKind,
    pub rate: Rate,
    /// What becomes of the thing, and so of what needs it.
    pub becomes: Option<State>,
    pub own: &'static [Sign],
    /// What needs it and may fall with it, how, and how often: it is taken to have fallen where it is silent or off.
    pub ruins: &'static [(ThingKind, State, Often)],
    /// What may be seen of others that need it, or that it needs, besides what follows from the graph.
    pub also: &'static [(ThingKind, Sign)],
    /// What is not seen where this is the cause, of itself or of its neighbours.
    pub never: &'static [(ThingKind, Symptom)],
}

const fn sign(symptom: Symptom, often: Often, from: i64, to: i64) -> Sign {
    Sign { symptom, often, after: (from, to) }
}

use Often::{Always, Mostly, Often as Half, Rarely, Sometimes};
use Rate::{Common, Seldom, Usual};
use State::{Cut, Dead, Hot, Mute, Slow, Weak};
use ThingKind as T;

/// What is seen of a thing that has become something by another's fault.
#[rustfmt::skip]
pub const SIGNS: &[(ThingKind, State, Sign)] = &[
    (T::Ups,     Weak, sign(Symptom::OnBattery,   Always,    0,   60)),
    (T::Ups,     Weak, sign(Symptom::LowBattery,  Sometimes, 60,  7200)),
    (T::Ups,     Dead, sign(Symptom::OnBattery,   Always,    0,   60)),
    (T::Ups,     Dead, sign(Symptom::LowBattery,  Mostly,    60,  7200)),
    (T::Ups,     Dead, sign(Symptom::Silent,      Half,      60,  7200)),
    (T::Ups,     Mute, sign(Symptom::Silent,      Always,    0,   120)),
    (T::Pdu,     Dead, sign(Symptom::Silent,      Mostly,    0,   120)),
    (T::Pdu,     Mute, sign(Symptom::Silent,      Half,      0,   120)),
    (T::Psu,     Dead, sign(Symptom::InputLost,   Always,    0,   120)),
    (T::Switch,  Dead, sign(Symptom::Silent,      Always,    0,   120)),
    (T::Port,    Dead, sign(Symptom::LinkDown,    Mostly,    0,   120)),
    (T::Port,    Weak, sign(Symptom::LinkDown,    Mostly,    0,   120)),
    (T::Server,  Dead, sign(Symptom::Off,         Always,    0,   120)),
    (T::Server,  Weak, sign(Symptom::Degraded,    Half,      0,   180)),
    (T::Server,  Hot,  sign(Symptom::Hot,         Always,    60,  1800)),
    (T::Server,  Hot,  sign(Symptom::Off,         Rarely,    300, 7200)),
    (T::Cpu,     Hot,  sign(Symptom::Hot,         Half,      30,  2400)),
    (T::Cpu,     Hot,  sign(Symptom::Throttled,   Half,      60,  2400)),
    (T::Cpu,     Weak, sign(Symptom::Hot,         Sometimes, 30,  2400)),
    (T::Cpu,     Weak, sign(Symptom::Throttled,   Rarely,    60,  2400)),
    (T::Bmc,     Dead, sign(Symptom::Silent,      Always,    0,   300)),
    (T::Bmc,     Mute, sign(Symptom::Silent,      Always,    0,   300)),
    (T::Nic,     Cut,  sign(Symptom::LinkDown,    Mostly,    0,   60)),
    (T::Disk,    Dead, sign(Symptom::Missing,     Half,      0,   120)),
    (T::Node,    Dead, sign(Symptom::Silent,      Always,    0,   90)),
    (T::Node,    Cut,  sign(Symptom::Silent,      Always,    0,   90)),
    (T::Node,    Weak, sign(Symptom::Degraded,    Half,      0,   120)),
    (T::Node,    Slow, sign(Symptom::Slow,        Rarely,    60,  2400)),
    (T::Pool,    Weak, sign(Symptom::Degraded,    Always,    0,   180)),
    (T::Pool,    Dead, sign(Symptom::Missing,     Always,    0,   180)),
    (T::Network, Dead, sign(Symptom::Unreachable, Half,      0,   180)),
    (T::Network, Cut,  sign(Symptom::Unreachable, Half,      0,   180)),
    (T::Vm,      Dead, sign(Symptom::Crashed,     Half,      0,   300)),
    (T::Vm,      Dead, sign(Symptom::Unreachable, Half,      0,   300)),
    (T::Vm,      Cut,  sign(Symptom::Unreachable, Half,      0,   300)),
    (T::Vm,      Slow, sign(Symptom::Slow,        Sometimes, 30,  3600)),
];

const fn rule(cause: CauseKind, on: ThingKind, rate: Rate, becomes: Option<State>, own: &'static [Sign]) -> Rule {
    Rule { cause, on, rate, becomes, own, ruins: &[], also: &[], never: &[] }
}

impl Rule {
    const fn ruins(self, ruins: &'static [(ThingKind, State, Often)]) -> Self {
        Self { ruins, ..self }
    }

    const fn also(self, also: &'static [(ThingKind, Sign)]) -> Self {
        Self { also, ..self }
    }

    const fn never(self, never: &'static [(ThingKind, Symptom)]) -> Self {
        Self { never, ..self }
    }
}

/// Every cause that is known.
#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    // Power.
    // A feed is looked at where a PDU on it goes on to answer when it is gone.
    rule(CauseKind::FeedLost, T::Feed, Usual, Some(Dead), &[sign(Symptom::InputLost, Always, 0, 120)])
        .also(&[(T::Node, sign(Symptom::ShuttingDown, Sometimes, 0, 7200))]),
    rule(CauseKind::UpsFails, T::Ups, Seldom, Some(Dead), &[
        sign(Symptom::Failed, Half, 0, 120), sign(Symptom::Silent, Half, 0, 120),
    ]).never(&[(T::Ups, Symptom::OnBattery)]),
    rule(CauseKind::UpsBatteryWorn, T::Ups, Usual, None, &[sign(Symptom::ReplaceBattery, Always, 0, 60)]),
    rule(CauseKind::UpsUnheard, T::Ups, Usual, None, &[sign(Symptom::Silent, Always, 0, 120)])
        .never(&[(T::Ups, Symptom::Failed)]),
    rule(CauseKind::PduFails, T::Pdu, Seldom, Some(Dead), &[sign(Symptom::Silent, Mostly, 0, 120)]),
    rule(CauseKind::PsuFails, T::Psu, Usual, Some(Dead), &[sign(Symptom::Failed, Always, 0, 120)])
        .never(&[(T::Psu, Symptom::InputLost)]),
    // Heat.
    rule(CauseKind::CoolingFails, T::Cooling, Seldom, Some(Dead), &[sign(Symptom::Failed, Sometimes, 0, 120)])
        .ruins(&[(T::Server, Dead, Rarely)]),
    rule(CauseKind::FanFails, T::Fan, Common, Some(Dead), &[
        sign(Symptom::SlowFan, Always, 0, 120), sign(Symptom::Failed, Rarely, 0, 600),
    ]).ruins(&[(T::Server, Dead, Rarely)]),
    rule(CauseKind::CpuCooler, T::Cpu, Usual, Some(Hot), &[
        sign(Symptom::Hot, Always, 0, 300), sign(Symptom::Throttled, Mostly, 0, 900),
    ]).ruins(&[(T::Server, Dead, Rarely)]).never(&[(T::Fan, Symptom::SlowFan), (T::Cpu, Symptom::Implausible)]),
    // Parts.
    rule(CauseKind::CpuFails, T::Cpu, Seldom, None, &[
        sign(Symptom::Uncorrected, Always, 0, 120), sign(Symptom::Corrected, Half, -86_400, 120),
    ]).ruins(&[(T::Node, Dead, Half)]).also(&[
        (T::Node, sign(Symptom::Panicked, Half, 0, 300)), (T::Node, sign(Symptom::Restarted, Half, 0, 1800)),
        (T::Vm, sign(Symptom::Crashed, Rarely, 0, 600)),
    ]),
    rule(CauseKind::DimmFails, T::Dimm, Usual, None, &[
        sign(Symptom::Corrected, Mostly, -86_400, 600), sign(Symptom::Uncorrected, Half, 0, 86_400),
    ]).ruins(&[(T::Node, Dead, Sometimes)]).also(&[
        (T::Node, sign(Symptom::Panicked, Sometimes, 0, 86_400)),
        (T::Node, sign(Symptom::Restarted, Sometimes, 0, 86_400)), (T::Vm, sign(Symptom::Crashed, Rarely, 0, 86_400)),
    ]),
    rule(CauseKind::DiskFails, T::Disk, Usual, Some(Dead), &[
        sign(Symptom::Failed, Mostly, -3600, 3600), sign(Symptom::Missing, Half, 0, 600),
        sign(Symptom::ReadErrors, Half, -86_400, 600),
    ]).ruins(&[(T::Pool, Dead, Sometimes)]).also(&[
        (T::Vm, sign(Symptom::CannotStart, Rarely, 0, 3600)), (T::Vm, sign(Symptom::Crashed, Rarely, 0, 3600)),
    ]),
    rule(CauseKind::DiskWears, T::Disk, Usual, None, &[
        sign(Symptom::Worn, Always, 0, 3600), sign(Symptom::ReadErrors, Sometimes, 0, 86_400),
    ]).never(&[(T::Disk, Symptom::Failed), (T::Disk, Symptom::Missing)]),
    rule(CauseKind::DiskHot, T::Disk, Usual, None, &[sign(Symptom::Hot, Always, 0, 3600)])
        .never(&[(T::Server, Symptom::Hot), (T::Fan, Symptom::SlowFan)]),
    // Network.
    rule(CauseKind::NicFails, T::Nic, Seldom, Some(Dead), &[
        sign(Symptom::Failed, Mostly, 0, 120), sign(Symptom::LinkDown, Half, 0, 60),
    ]),
    rule(CauseKind::LinkLost, T::Port, Common, Some(Dead), &[sign(Symptom::LinkDown, Mostly, 0, 120)])
        .never(&[(T::Nic, Symptom::Failed), (T::Port, Symptom::LinkFlaps), (T::Nic, Symptom::LinkFlaps), (T::Switch, Symptom::Silent)]),
    rule(CauseKind::LinkFlaps, T::Port, Usual, None, &[sign(Symptom::LinkFlaps, Mostly, 0, 300)]).ruins(&[(T::Node, Cut, Sometimes)]).also(&[
        (T::Nic, sign(Symptom::LinkFlaps, Mostly, 0, 300)), (T::Nic, sign(Symptom::LinkDown, Sometimes, 0, 1800)),
        (T::Port, sign(Symptom::LinkDown, Sometimes, 0, 1800)), (T::Node, sign(Symptom::Degraded, Sometimes, 0, 1800)),
    ]),
    rule(CauseKind::SwitchFails, T::Switch, Seldom, Some(Dead), &[sign(Symptom::Silent, Always, 0, 120)]),
    // Servers and what runs on them.
    rule(CauseKind::BmcHangs, T::Bmc, Common, None, &[sign(Symptom::Silent, Always, 0, 300)]),
    rule(CauseKind::ServerFails, T::Server, Seldom, Some(Dead), &[
        sign(Symptom::Off, Always, 0, 120), sign(Symptom::Failed, Sometimes, 0, 300),
    ]),
    rule(CauseKind::KernelPanics, T::Node, Usual, Some(Dead), &[
        sign(Symptom::Panicked, Mostly, 0, 120), sign(Symptom::Silent, Mostly, 0, 90),
        sign(Symptom::Restarted, Half, 0, 1800),
    ]).never(&[(T::Server, Symptom::Off)]),
    rule(CauseKind::NodeHangs, T::Node, Usual, Some(Dead), &[
        sign(Symptom::Silent, Always, 0, 90), sign(Symptom::Restarted, Sometimes, 0, 3600),
    ]).never(&[(T::Server, Symptom::Off), (T::Node, Symptom::Panicked)]),
    rule(CauseKind::AgentEnds, T::Node, Common, None, &[sign(Symptom::Silent, Always, 0, 90)])
        .never(&[(T::Server, Symptom::Off), (T::Node, Symptom::Panicked), (T::Node, Symptom::Restarted), (T::Vm, Symptom::Unreachable), (T::Vm, Symptom::Crashed)]),
    rule(CauseKind::ClockJumps, T::Node, Usual, None, &[sign(Symptom::ClockJumped, Always, 0, 600)]),
    rule(CauseKind::ClockJumps, T::Bmc, Usual, None, &[sign(Symptom::ClockJumped, Always, 0, 600)]),
    // Storage.
    rule(CauseKind::PoolFills, T::Pool, Common, None, &[sign(Symptom::Full, Always, -2_592_000, 300)])
        .also(&[(T::Vm, sign(Symptom::PausedNoSpace, Half, 0, 86_400))]),
    rule(CauseKind::PoolMissing, T::Pool, Usual, Some(Dead), &[sign(Symptom::Missing, Always, 0, 180)])
        .also(&[(T::Vm, sign(Symptom::CannotStart, Half, 0, 86_400))]),
    // Guests.
    rule(CauseKind::GuestCrashes, T::Vm, Common, None, &[
        sign(Symptom::Crashed, Always, 0, 60), sign(Symptom::Restarted, Sometimes, 0, 600), sign(Symptom::Panicked, Rarely, 0, 60),
    ]),
    rule(CauseKind::VmCannotStart, T::Vm, Common, None, &[sign(Symptom::CannotStart, Always, 0, 600)]),
    rule(CauseKind::OutOfStep, T::Vm, Common, None, &[sign(Symptom::OutOfStep, Always, 0, 600)]),
    // What is not so at all: what can't be, or what nothing around it shows.
    rule(CauseKind::SensorFalse, T::Cpu, Usual, None, &[sign(Symptom::Implausible, Always, 0, 600)]),
    rule(CauseKind::SensorFalse, T::Fan, Usual, None, &[sign(Symptom::Implausible, Always, 0, 600)]),
    rule(CauseKind::SensorFalse, T::Psu, Usual, None, &[sign(Symptom::Implausible, Always, 0, 600)]),
    rule(CauseKind::SensorFalse, T::Server, Usual, None, &[sign(Symptom::Implausible, Always, 0, 600)]),
    rule(CauseKind::SensorFalse, T::Cpu, Usual, None, &[sign(Symptom::Hot, Always, 0, 600)])
        .never(&[(T::Cpu, Symptom::Throttled), (T::Fan, Symptom::SlowFan), (T::Server, Symptom::Hot)]),
    rule(CauseKind::SensorFalse, T::Server, Seldom, None, &[sign(Symptom::Hot, Always, 0, 600)])
        .never(&[(T::Cpu, Symptom::Hot), (T::Cpu, Symptom::Throttled)]),
];
