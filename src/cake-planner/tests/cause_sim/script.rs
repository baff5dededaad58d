//! Scripts: one block a case.
//!
//! ```text
//! NAME
//!   rack OPTION…            servers=4 psus=2 nics=2 vms=5 ups=none|a|both mirror=yes|no bmcs=yes|no switches=yes|no pdus=answer battery=SECONDS
//!   seed=N lose=PER CENT late=SECONDS looks=yes|no minutes=N
//!   SECOND WHAT WHICH HOW   what happens
//!   is CAUSE THING          the true cause; several where several things failed; `is not-known` where nobody can know
//! ```

use super::monitors::{Monitors, Wire};
use super::physics::{Machine, World};
use super::rack::Build;
use cake_types::Symptom;

#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    pub build: Build,
    pub seed: u64,
    pub battery: i64,
    pub wire: Wire,
    pub minutes: i64,
    pub faults: Vec<Fault>,
    /// Cause and thing.
    pub truth: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
pub struct Fault {
    pub at: i64,
    pub what: String,
    pub which: String,
    pub how: String,
}

pub fn parse(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        if !line.starts_with(' ') {
            cases.push(Case::new(line.trim()));
            continue;
        }
        let case = cases.last_mut().expect("a case has a name");
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["is", cause] => case.truth.push((cause.into(), String::new())),
            ["is", cause, thing] => case.truth.push((cause.into(), thing.into())),
            [at, what, which, how] if at.parse::<i64>().is_ok() => {
                let at = at.parse().expect("seconds");
                case.faults.push(Fault { at, what: what.into(), which: which.into(), how: how.into() });
            }
            [at, what, how] if at.parse::<i64>().is_ok() => {
                let at = at.parse().expect("seconds");
                case.faults.push(Fault { at, what: what.into(), which: String::new(), how: how.into() });
            }
            _ => words.iter().filter(|word| **word != "rack").for_each(|word| case.option(word)),
        }
    }
    cases
}

impl Case {
    fn new(name: &str) -> Self {
        let wire = Wire { lose: 0.0, late: 0, looks: true };
        let (seed, battery, minutes) = (1, 900, 30);
        Self { name: name.into(), build: Build::default(), seed, battery, wire, minutes, faults: vec![], truth: vec![] }
    }

    /// Messages are lost, so what can be known is a matter of luck.
    pub fn is_unlucky(&self) -> bool {
        self.wire.lose > 0.0
    }

    fn option(&mut self, word: &str) {
        let (key, value) = word.split_once('=').unwrap_or_else(|| panic!("{}: {word}", self.name));
        let number = || value.parse::<usize>().unwrap_or_else(|_| panic!("{}: {word}", self.name));
        match key {
            "servers" => self.build.servers = number(),
            "psus" => self.build.psus = number(),
            "nics" => self.build.nics = number(),
            "vms" => self.build.vms = number(),
            "ups" => {
                self.build.ups = match value {
                    "a" => &[0],
                    "both" => &[0, 1],
                    _ => &[],
                }
            }
            "mirror" => self.build.mirror = value == "yes",
            "bmcs" => self.build.bmcs = value == "yes",
            "pdus" => self.build.pdus_answer = value == "answer",
            "switches" => self.build.switches_told = value == "yes",
            "battery" => self.battery = number() as i64,
            "seed" => self.seed = number() as u64,
            "lose" => self.wire.lose = number() as f64 / 100.0,
            "late" => self.wire.late = number() as i64,
            "looks" => self.wire.looks = value == "yes",
            "minutes" => self.minutes = number() as i64,
            _ => panic!("{}: {word}", self.name),
        }
    }
}

/// `2.3` is the third of the second server; `2` the second server, or its first.
fn place(which: &str) -> (usize, usize) {
    let mut numbers = which.split('.').map(|number| number.parse::<usize>().unwrap_or(1));
    let (machine, part) = (numbers.next().unwrap_or(1), numbers.next().unwrap_or(1));
    (machine - 1, part - 1)
}

pub fn happen(world: &mut World, monitors: &mut Monitors<'_>, fault: &Fault) {
    let Fault { at, what, which, how } = fault;
    let feed = usize::from(which.ends_with('b'));
    match (what.as_str(), how.as_str()) {
        ("feed", "fails") => world.power[feed].mains = false,
        ("feed", "returns") => world.power[feed].mains = true,
        ("ups", "fails") => world.power[feed].ups.as_mut().expect("a UPS").broken = true,
        ("ups", "wears") => world.power[feed].ups.as_mut().expect("a UPS").worn = true,
        ("pdu", "fails") => world.power[feed].pdu_broken = true,
        ("cooling", "fails") => world.cooling = false,
        ("cooling", "returns") => world.cooling = true,
        ("switch", "fails") => world.switch_broken[which.parse().map_or(2, |number: usize| number - 1)] = true,
        ("noise", symptom) => {
            let symptom = Symptom::ALL.iter().find(|known| known.as_str() == symptom).expect("a symptom");
            monitors.invent(which, *symptom, *at);
        }
        ("node", "panics") => {
            let (machine, _) = place(which);
            let World { machines, rng, .. } = world;
            machines[machine].panic(rng);
        }
        _ => {
            let (machine, part) = place(which.trim_end_matches(['a', 'b']));
            break_part(&mut world.machines[machine], part, feed, what, how);
        }
    }
}

fn break_part(machine: &mut Machine, part: usize, feed: usize, what: &str, how: &str) {
    match (what, how) {
        ("psu", "fails") => machine.psu_broken[feed] = true,
        ("fan", "slows") => machine.fan_speed[part] = 0.1,
        ("cooler", "loosens") => machine.cooler_loose[part] = true,
        ("dimm", "decays") => machine.dimm_bad[part] = true,
        ("cpu", "fails") => machine.cpu_broken[part] = true,
        ("disk", "dies") => machine.drives[part].dying = true,
        ("disk", "vanishes") => machine.drives[part].gone = true,
        ("disk", "wears") => machine.drives[part].worn = true,
        ("disk", "heats") => machine.drives[part].hot = true,
        ("nic", "dies") => machine.nic_broken[part] = true,
        ("cable", "out") => machine.cable_out[part] = true,
        ("port", "flaps") => machine.flapping[part] = true,
        ("bmc", "hangs") => machine.bmc_hung = true,
        ("server", "dies") => machine.board_broken = true,
        ("node", "hangs") => machine.hung = true,
        ("agent", "ends") => machine.agent_ended = true,
        ("clock", hours) => machine.clock = hours.parse::<i64>().expect("hours") * 3600,
        ("bmc-clock", hours) => machine.bmc_clock = hours.parse::<i64>().expect("hours") * 3600,
        ("pool", "fills") => machine.pool_filling = true,
        ("pool", "vanishes") => machine.pool_unmounted = true,
        ("vm", "crashes") => machine.guests[part].killed = true,
        ("vm", "refuses") => machine.guests[part].refuses_to_start = true,
        ("cpu-sensor", value) => machine.cpu_lie[part] = Some(value.parse().expect("degrees")),
        ("fan-sensor", value) => machine.fan_lie[part] = Some(value.parse().expect("speed")),
        ("inlet-sensor", value) => machine.inlet_lie = Some(value.parse().expect("degrees")),
        _ => panic!("what is `{what} {how}`?"),
    }
}
