//! What is noticed of a rack: who asks whom how often, over which wire, with which clock. Messages come late or not at all.

use super::physics::{Machine, STEP, World};
use super::rack::{CPUS, DIMMS, FANS, FEEDS, Rack};
use cake_planner::cause::{Clear, Ix, Seen};
use cake_types::{Severity, Symptom as S};
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};

/// What becomes of messages.
#[derive(Clone, Copy, Debug)]
pub struct Wire {
    /// The share that is lost.
    pub lose: f64,
    /// Half of them are told up to so many seconds late.
    pub late: i64,
    /// What was looked at and found well is known.
    pub looks: bool,
}

pub struct Monitors<'a> {
    rack: &'a Rack,
    wire: Wire,
    rng: StdRng,
    start: Timestamp,
    seen: BTreeMap<(Ix, S), Option<Seen>>,
    /// When each was last looked at and was well.
    looked: BTreeMap<(Ix, S), i64>,
    /// In truth, whether it was heard of or not.
    true_of: BTreeSet<(Ix, S)>,
    unheard: BTreeMap<Ix, u32>,
    boots: Vec<u32>,
    probed: BTreeSet<Ix>,
}

impl<'a> Monitors<'a> {
    pub fn new(rack: &'a Rack, wire: Wire, seed: u64, start: Timestamp) -> Self {
        let mut rng = StdRng::seed_from_u64(seed ^ 0x5eed);
        let probed = rack.graph.all().filter(|_| rng.random_bool(0.5)).collect();
        let (seen, looked, true_of, unheard) = Default::default();
        Self { rack, wire, rng, start, seen, looked, true_of, unheard, boots: vec![0; rack.build.servers], probed }
    }

    /// Whoever's turn it is asks.
    pub fn look(&mut self, world: &World) {
        let turn = |every: i64, phase: usize| (world.now / STEP + phase as i64) % (every / STEP) == 0;
        if turn(30, 1) {
            self.power(world);
        }
        if turn(60, 3) {
            self.switches(world);
        }
        for (at, machine) in world.machines.iter().enumerate() {
            let n = at + 1;
            if self.rack.build.bmcs && turn(60, at * 5) {
                self.bmc(world, n, machine);
            }
            if turn(10, at) {
                self.node(world, n, machine);
            }
        }
    }

    pub fn told(self) -> (Vec<Seen>, Vec<Clear>) {
        let mut seen: Vec<Seen> = self.seen.into_values().flatten().collect();
        seen.sort_by_key(|seen| (seen.at, seen.thing, seen.symptom));
        let time = |at: i64| self.start + SignedDuration::from_secs(at);
        let well = self.looked.iter().filter(|(what, _)| !self.true_of.contains(*what) && self.wire.looks);
        let clear = well
            .map(|((thing, symptom), at)| Clear { thing: *thing, symptom: Some(*symptom), at: time(*at) })
            .collect();
        (seen, clear)
    }

    fn see(&mut self, name: &str, symptom: S, severity: Severity, at: i64) {
        let thing = self.rack.find(name);
        self.true_of.insert((thing, symptom));
        if self.seen.contains_key(&(thing, symptom)) {
            return;
        }
        let lost = self.rng.random_bool(self.wire.lose);
        let late =
            if self.wire.late > 0 && self.rng.random_bool(0.5) { self.rng.random_range(0..self.wire.late) } else { 0 };
        let at = self.start + SignedDuration::from_secs(at + late);
        let seen = Seen { thing, symptom, at, severity, lasts: true };
        self.seen.insert((thing, symptom), (!lost).then_some(seen));
    }

    /// A message that is about nothing.
    pub fn invent(&mut self, name: &str, symptom: S, at: i64) {
        let lose = std::mem::replace(&mut self.wire.lose, 0.0);
        self.see(name, symptom, Severity::Warning, at);
        self.wire.lose = lose;
    }

    fn when(&mut self, so: bool, name: &str, symptom: S, severity: Severity, at: i64) {
        match so {
            true => self.see(name, symptom, severity, at),
            false => drop(self.looked.insert((self.rack.find(name), symptom), at)),
        }
    }

    fn warn(&mut self, so: bool, name: &str, symptom: S, at: i64) {
        self.when(so, name, symptom, Severity::Warning, at);
    }

    fn alarm(&mut self, so: bool, name: &str, symptom: S, at: i64) {
        self.when(so, name, symptom, Severity::Error, at);
    }

    /// Asked in vain, twice in a row, it counts as silent.
    fn silent(&mut self, name: &str, answers: bool, at: i64) {
        let thing = self.rack.find(name);
        let count = self.unheard.entry(thing).or_default();
        *count = if answers { 0 } else { *count + 1 };
        let gone = *count >= 2;
        if answers || gone {
            self.alarm(gone, name, S::Silent, at);
        }
    }

    fn power(&mut self, world: &World) {
        for (power, feed) in world.power.iter().zip(FEEDS) {
            if let Some(ups) = &power.ups {
                let name = format!("ups-{feed}");
                let speaks = world.switch_on[2] && !ups.broken && (power.mains || ups.left > 0);
                self.silent(&name, speaks, world.now);
                if speaks {
                    self.alarm(!power.mains, &name, S::OnBattery, world.now);
                    self.alarm(ups.left * 5 < ups.full, &name, S::LowBattery, world.now);
                    self.warn(ups.worn, &name, S::ReplaceBattery, world.now);
                }
            }
            if world.switch_on[2] {
                let name = format!("pdu-{feed}");
                let answers = power.out || (self.rack.build.pdus_answer && !power.pdu_broken);
                self.silent(&name, answers, world.now);
                if answers && self.rack.build.pdus_answer && power.ups.is_none() {
                    self.alarm(!power.out, &format!("feed-{feed}"), S::InputLost, world.now);
                }
            }
        }
    }

    fn switches(&mut self, world: &World) {
        if !self.rack.build.switches_told {
            return;
        }
        for (switch, name) in ["switch-1", "switch-2", "switch-m"].into_iter().enumerate() {
            self.silent(name, world.switch_on[switch], world.now);
        }
        for (at, machine) in world.machines.iter().enumerate() {
            for nic in (0..machine.link.len()).filter(|nic| world.switch_on[*nic]) {
                let name = format!("port-{}.{}", at + 1, nic + 1);
                self.link(&name, machine, nic, world.now);
            }
        }
    }

    fn link(&mut self, name: &str, machine: &Machine, nic: usize, at: i64) {
        if machine.flapping[nic] {
            self.warn(true, name, S::LinkFlaps, at);
        } else {
            self.warn(!machine.link[nic], name, S::LinkDown, at);
        }
    }

    /// What the BMC measures, while it answers.
    fn bmc(&mut self, world: &World, n: usize, machine: &Machine) {
        let answers = machine.bmc_powered && !machine.bmc_hung && world.switch_on[2];
        self.silent(&format!("bmc-{n}"), answers, world.now);
        if !answers {
            return;
        }
        let at = world.now + machine.bmc_clock;
        if machine.bmc_clock != 0 {
            self.warn(true, &format!("bmc-{n}"), S::ClockJumped, at);
        }
        let server = format!("server-{n}");
        self.alarm(!machine.on, &server, S::Off, at);
        let mut whole = true;
        for (psu, feed) in machine.psu_broken.iter().zip(FEEDS) {
            let input = machine.psu_input[usize::from(feed == "b")];
            let name = format!("psu-{n}{feed}");
            self.alarm(*psu, &name, S::Failed, at);
            if !psu {
                self.alarm(!input, &name, S::InputLost, at);
            }
            whole &= input && !psu;
        }
        if machine.psu_broken.len() > 1 {
            self.warn(!whole, &server, S::Degraded, at);
        }
        self.temperatures(n, machine, at);
        for dimm in 0..DIMMS {
            let name = format!("dimm-{n}.{}", dimm + 1);
            self.warn(machine.dimm_corrected[dimm] > 2, &name, S::Corrected, at);
            self.alarm(machine.dimm_uncorrected[dimm], &name, S::Uncorrected, at);
        }
        if machine.panic_logged {
            self.alarm(true, &format!("node-{n}"), S::Panicked, at);
        }
    }

    fn temperatures(&mut self, n: usize, machine: &Machine, at: i64) {
        let inlet = machine.inlet_lie.unwrap_or(machine.inlet);
        self.warn(inlet > 35.0 && inlet < 150.0, &format!("server-{n}"), S::Hot, at);
        if inlet >= 150.0 {
            self.warn(true, &format!("server-{n}"), S::Implausible, at);
        }
        for fan in 0..FANS {
            let name = format!("fan-{n}.{}", fan + 1);
            let speed = machine.fan_lie[fan].unwrap_or(machine.fan_speed[fan]);
            self.alarm((0.0..0.5).contains(&speed), &name, S::SlowFan, at);
            if speed > 5.0 {
                self.warn(true, &name, S::Implausible, at);
            }
        }
        for cpu in 0..CPUS {
            let name = format!("cpu-{n}.{}", cpu + 1);
            let heat = machine.cpu_lie[cpu].unwrap_or(machine.cpu[cpu]);
            self.warn(heat > 85.0 && heat < 150.0, &name, S::Hot, at);
            if heat >= 150.0 {
                self.warn(true, &name, S::Implausible, at);
            }
            self.warn(machine.throttled[cpu], &name, S::Throttled, at);
            self.alarm(machine.cpu_logged[cpu], &name, S::Uncorrected, at);
        }
    }

    /// What the node tells of itself and of what lies on it, while it is heard.
    fn node(&mut self, world: &World, n: usize, machine: &Machine) {
        let name = format!("node-{n}");
        self.silent(&name, machine.is_heard(), world.now);
        self.unreachable(world, n, machine);
        if !machine.is_heard() {
            return;
        }
        let at = world.now + machine.clock;
        if machine.clock != 0 {
            self.warn(true, &name, S::ClockJumped, at);
        }
        if machine.boots > self.boots[n - 1] {
            self.boots[n - 1] = machine.boots;
            self.warn(true, &name, S::Restarted, at);
        }
        self.warn(machine.link.iter().any(|up| !up) && machine.link.len() > 1, &name, S::Degraded, at);
        for nic in 0..machine.link.len() {
            let nic_name = format!("nic-{n}.{}", nic + 1);
            self.link(&nic_name, machine, nic, at);
            self.alarm(machine.nic_broken[nic], &nic_name, S::Failed, at);
        }
        self.disks(n, machine, at);
        self.guests(n, machine, at);
    }

    fn disks(&mut self, n: usize, machine: &Machine, at: i64) {
        for (disk, drive) in machine.drives.iter().enumerate() {
            let name = format!("disk-{n}.{}", disk + 1);
            self.alarm(drive.gone, &name, S::Missing, at);
            self.alarm(drive.says_failing, &name, S::Failed, at);
            self.warn(drive.read_errors, &name, S::ReadErrors, at);
            self.warn(drive.worn, &name, S::Worn, at);
            self.warn(drive.hot, &name, S::Hot, at);
        }
        let pool = format!("pool-{n}");
        let gone = machine.pool_gone();
        self.alarm(gone, &pool, S::Missing, at);
        self.warn(!gone && machine.drives.iter().any(|drive| drive.gone), &pool, S::Degraded, at);
        self.warn(machine.pool_used > 90.0, &pool, S::Full, at);
    }

    fn guests(&mut self, n: usize, machine: &Machine, at: i64) {
        for (guest, is) in machine.guests.iter().enumerate() {
            let name = format!("vm-{n}.{}", guest + 1);
            self.alarm(is.killed, &name, S::Crashed, at);
            self.alarm(is.paused, &name, S::PausedNoSpace, at);
            self.warn(is.slow, &name, S::Slow, at);
            self.alarm(is.refuses_to_start, &name, S::CannotStart, at);
        }
    }

    /// Some guests are asked over the network whether they are there.
    fn unreachable(&mut self, world: &World, n: usize, machine: &Machine) {
        for (guest, is) in machine.guests.iter().enumerate() {
            let name = format!("vm-{n}.{}", guest + 1);
            if self.probed.contains(&self.rack.find(&name)) {
                let answers = machine.is_reachable() && machine.is_up() && !is.killed;
                self.warn(!answers, &name, S::Unreachable, world.now);
            }
        }
    }
}
