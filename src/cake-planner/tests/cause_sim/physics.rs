//! What happens in a rack, second by second: current, heat, packets. It knows nothing of causes, symptoms or rules.

use super::rack::{Build, CPUS, DIMMS, DISKS, FANS};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Seconds of one step.
pub const STEP: i64 = 5;
/// A server that gets power again is up after so long.
const BOOT: i64 = 150;

#[derive(Clone, Debug)]
pub struct Power {
    pub mains: bool,
    pub ups: Option<Battery>,
    pub pdu_broken: bool,
    /// What comes out of the outlets.
    pub out: bool,
}

#[derive(Clone, Debug)]
pub struct Battery {
    pub broken: bool,
    pub worn: bool,
    /// Seconds that it lasts.
    pub left: i64,
    pub full: i64,
}

#[derive(Clone, Debug, Default)]
pub struct Drive {
    pub dying: bool,
    pub gone: bool,
    pub says_failing: bool,
    pub read_errors: bool,
    pub worn: bool,
    pub hot: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Guest {
    pub running: bool,
    pub killed: bool,
    pub paused: bool,
    pub slow: bool,
    pub refuses_to_start: bool,
    /// Its disk writes much: it notices a full or slow pool.
    pub busy: bool,
}

#[derive(Clone, Debug)]
pub struct Machine {
    pub psu_broken: Vec<bool>,
    pub psu_input: Vec<bool>,
    pub board_broken: bool,
    pub on: bool,
    /// When it is up again.
    pub boots_at: Option<i64>,
    pub bmc_hung: bool,
    pub bmc_powered: bool,
    pub fan_speed: [f64; FANS],
    pub cooler_loose: [bool; CPUS],
    pub load: [f64; CPUS],
    pub inlet: f64,
    pub cpu: [f64; CPUS],
    pub throttled: [bool; CPUS],
    /// Machine checks.
    pub cpu_broken: [bool; CPUS],
    pub cpu_logged: [bool; CPUS],
    pub dimm_bad: [bool; DIMMS],
    pub dimm_corrected: [u32; DIMMS],
    pub dimm_uncorrected: [bool; DIMMS],
    pub nic_broken: Vec<bool>,
    pub cable_out: Vec<bool>,
    pub flapping: Vec<bool>,
    pub link: Vec<bool>,
    pub drives: Vec<Drive>,
    pub pool_unmounted: bool,
    pub pool_filling: bool,
    /// Per cent.
    pub pool_used: f64,
    pub panicked: bool,
    /// The kernel wrote so into the event log.
    pub panic_logged: bool,
    pub hung: bool,
    pub agent_ended: bool,
    pub boots: u32,
    pub guests: Vec<Guest>,
    /// Sensors that lie: what they say.
    pub cpu_lie: [Option<f64>; CPUS],
    pub fan_lie: [Option<f64>; FANS],
    pub inlet_lie: Option<f64>,
    /// By how many seconds the clock is wrong.
    pub clock: i64,
    pub bmc_clock: i64,
    mirror: bool,
    now: i64,
}

pub struct World {
    pub now: i64,
    pub rng: StdRng,
    pub power: [Power; 2],
    pub cooling: bool,
    pub room: f64,
    /// 1, 2 and that of the management network.
    pub switch_broken: [bool; 3],
    pub switch_on: [bool; 3],
    pub machines: Vec<Machine>,
}

impl World {
    pub fn new(build: &Build, seed: u64, battery: i64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let ups = |feed: usize| {
            let new = Battery { broken: false, worn: false, left: battery, full: battery };
            build.ups.contains(&feed).then_some(new)
        };
        let power = [0, 1].map(|feed| Power { mains: true, ups: ups(feed), pdu_broken: false, out: true });
        let machines = (0..build.servers).map(|_| Machine::new(build, &mut rng)).collect();
        let (switch_broken, switch_on) = ([false; 3], [true; 3]);
        Self { now: 0, rng, power, cooling: true, room: 23.0, switch_broken, switch_on, machines }
    }

    pub fn step(&mut self) {
        self.now += STEP;
        self.currents();
        self.room = if self.cooling { 23.0_f64.max(self.room - 0.1) } else { (self.room + 0.12).min(48.0) };
        for machine in &mut self.machines {
            machine.electricity(&self.power, self.now);
            machine.heat(self.room, &mut self.rng);
            machine.decay(&mut self.rng);
            machine.storage(&mut self.rng);
            machine.links(&self.switch_on, &mut self.rng);
            machine.life();
        }
    }

    fn currents(&mut self) {
        for power in &mut self.power {
            let fed = match &mut power.ups {
                None => power.mains,
                Some(ups) => {
                    ups.left = if power.mains { (ups.left + 1).min(ups.full) } else { (ups.left - STEP).max(0) };
                    !ups.broken && (power.mains || (ups.left > 0 && !ups.worn))
                }
            };
            power.out = fed && !power.pdu_broken;
        }
        for switch in 0..3 {
            // That of the management network has two supplies.
            let fed = if switch == 2 { self.power.iter().any(|power| power.out) } else { self.power[switch].out };
            self.switch_on[switch] = !self.switch_broken[switch] && fed;
        }
    }
}

impl Machine {
    fn new(build: &Build, rng: &mut StdRng) -> Self {
        let guest = |rng: &mut StdRng| Guest { running: true, busy: rng.random_bool(0.7), ..Guest::default() };
        Self {
            psu_broken: vec![false; build.psus],
            psu_input: vec![true; build.psus],
            board_broken: false,
            on: true,
            boots_at: None,
            bmc_hung: false,
            bmc_powered: true,
            fan_speed: [1.0; FANS],
            cooler_loose: [false; CPUS],
            load: [rng.random_range(0.6..0.9), rng.random_range(0.6..0.9)],
            inlet: 23.0,
            cpu: [55.0; CPUS],
            throttled: [false; CPUS],
            cpu_broken: [false; CPUS],
            cpu_logged: [false; CPUS],
            dimm_bad: [false; DIMMS],
            dimm_corrected: [0; DIMMS],
            dimm_uncorrected: [false; DIMMS],
            nic_broken: vec![false; build.nics],
            cable_out: vec![false; build.nics],
            flapping: vec![false; build.nics],
            link: vec![true; build.nics],
            drives: vec![Drive::default(); DISKS],
            pool_unmounted: false,
            pool_filling: false,
            pool_used: 40.0,
            panicked: false,
            panic_logged: false,
            hung: false,
            agent_ended: false,
            boots: 0,
            guests: (0..build.vms).map(|_| guest(rng)).collect(),
            cpu_lie: [None; CPUS],
            fan_lie: [None; FANS],
            inlet_lie: None,
            clock: 0,
            bmc_clock: 0,
            mirror: build.mirror,
            now: 0,
        }
    }

    fn electricity(&mut self, power: &[Power; 2], now: i64) {
        self.now = now;
        for (psu, input) in self.psu_input.iter_mut().enumerate() {
            *input = power[psu].out;
        }
        let fed = self.psu_input.iter().zip(&self.psu_broken).any(|(input, broken)| *input && !broken);
        self.bmc_powered = fed;
        if !fed || self.board_broken {
            self.on = false;
            self.boots_at = None;
        } else if !self.on && self.cpu.iter().all(|cpu| *cpu < 90.0) {
            self.on = true;
            self.boots_at = Some(now + BOOT);
            self.boots += 1;
        }
        if self.boots_at.is_some_and(|at| at <= now) {
            self.boots_at = None;
            self.panicked = false;
            self.hung = false;
        }
    }

    fn heat(&mut self, room: f64, rng: &mut StdRng) {
        self.inlet += (room + 1.0 - self.inlet) * 0.1;
        let air: f64 = self.fan_speed.iter().sum::<f64>() / FANS as f64;
        for cpu in 0..CPUS {
            let load = if self.throttled[cpu] { self.load[cpu] * 0.75 } else { self.load[cpu] };
            let load = if self.is_up() { load } else { 0.05 };
            let loose = if self.cooler_loose[cpu] { 45.0 } else { 0.0 };
            let target = self.inlet + 40.0 * load / air.max(0.2).powf(1.8) + loose + rng.random_range(-1.0..1.0);
            self.cpu[cpu] += (target - self.cpu[cpu]) * 0.06;
            self.throttled[cpu] = self.is_up() && self.cpu[cpu] > if self.throttled[cpu] { 85.0 } else { 90.0 };
            if self.cpu[cpu] > 110.0 {
                self.on = false;
            }
        }
    }

    /// What wears away.
    fn decay(&mut self, rng: &mut StdRng) {
        for cpu in 0..CPUS {
            if self.cpu_broken[cpu] && !self.cpu_logged[cpu] && self.is_up() && rng.random_bool(0.1) {
                self.cpu_logged[cpu] = true;
                self.panic(rng);
            }
        }
        for dimm in 0..DIMMS {
            if !self.dimm_bad[dimm] || !self.is_up() {
                continue;
            }
            self.dimm_corrected[dimm] += u32::from(rng.random_bool(0.08));
            if self.dimm_corrected[dimm] > 3 && !self.dimm_uncorrected[dimm] && rng.random_bool(0.02) {
                self.dimm_uncorrected[dimm] = true;
                match rng.random_bool(0.5) {
                    true => self.panic(rng),
                    false => {
                        let guest = rng.random_range(0..self.guests.len());
                        self.guests[guest].killed = true;
                    }
                }
            }
        }
        for drive in self.drives.iter_mut().filter(|drive| drive.dying && !drive.gone) {
            drive.read_errors |= rng.random_bool(0.05);
            drive.says_failing |= rng.random_bool(0.06);
            drive.gone |= drive.read_errors && rng.random_bool(0.04);
        }
    }

    pub fn panic(&mut self, rng: &mut StdRng) {
        self.panicked = true;
        self.panic_logged |= rng.random_bool(0.9);
        // Its watchdog starts it again, or somebody has to.
        if rng.random_bool(0.5) {
            self.boots_at = Some(self.now + BOOT);
            self.boots += 1;
        }
    }

    fn storage(&mut self, rng: &mut StdRng) {
        if self.pool_filling {
            self.pool_used = (self.pool_used + 0.5).min(100.0);
        }
        let missing = self.drives.iter().filter(|drive| drive.gone).count();
        let (full, gone) = (self.pool_used >= 100.0, self.pool_gone());
        let crawls = missing > 0 && !gone;
        let hot = self.throttled.iter().any(|throttled| *throttled);
        for guest in self.guests.iter_mut().filter(|guest| guest.running) {
            guest.paused = guest.busy && full && !gone;
            guest.slow |= (crawls && guest.busy && rng.random_bool(0.01)) || (hot && rng.random_bool(0.004));
            guest.killed |= gone && guest.busy;
        }
    }

    /// Nothing can be read from the pool any more.
    pub fn pool_gone(&self) -> bool {
        let dead = self.drives.iter().filter(|drive| drive.gone).count();
        self.pool_unmounted || if self.mirror { dead == DISKS } else { self.drives[0].gone }
    }

    fn links(&mut self, switches: &[bool; 3], rng: &mut StdRng) {
        for (nic, powered) in switches.iter().enumerate().take(self.link.len()) {
            let flap = self.flapping[nic] && rng.random_bool(0.4);
            self.link[nic] = *powered && !self.nic_broken[nic] && !self.cable_out[nic] && self.on && !flap;
        }
    }

    fn life(&mut self) {
        let up = self.is_up();
        for guest in &mut self.guests {
            guest.running = up && !guest.killed;
        }
    }

    /// Its kernel runs.
    pub fn is_up(&self) -> bool {
        self.on && self.boots_at.is_none() && !self.panicked && !self.hung
    }

    pub fn is_reachable(&self) -> bool {
        self.link.iter().any(|up| *up)
    }

    /// cake hears its node.
    pub fn is_heard(&self) -> bool {
        self.is_up() && !self.agent_ended && self.is_reachable()
    }
}
