//! What a BMC tells of its server: parts, what they measure, and the event log.

use super::{Facts, subject};
use crate::cause::{Graph, Ix, Link};
use cake_types::{
    AlertId, BmcProblem, Sensor, SensorGroup, SensorState, Server, ServerEvent, ServerStatus, Severity, Subject,
    Symptom, ThingKind,
};
use std::collections::BTreeSet;

/// Entities of IPMI 2.0 table 43-13.
const PROCESSOR: u8 = 3;
const AIR_INLETS: [u8; 2] = [0x37, 0x40];

/// What BMCs tell of.
const TOLD: &[(ThingKind, Symptom)] = &[
    (ThingKind::Bmc, Symptom::Silent),
    (ThingKind::Psu, Symptom::Failed),
    (ThingKind::Psu, Symptom::InputLost),
    (ThingKind::Fan, Symptom::SlowFan),
    (ThingKind::Cpu, Symptom::Hot),
    (ThingKind::Server, Symptom::Hot),
];

impl Facts {
    /// A server behind a BMC. Call it after the node that runs on it was added: they are one machine.
    pub fn server(&mut self, server: &Server, status: Option<&ServerStatus>, events: &[ServerEvent]) {
        let own = subject("server", server.meta.id.0, &server.meta.name);
        let of =
            server.spec.node.and_then(|node| self.subject_of(ThingKind::Node, node.0)).unwrap_or_else(|| own.clone());
        let machine = self.thing(ThingKind::Server, &of, "");
        if server.spec.bmc.is_none() {
            return;
        }
        let bmc = self.thing(ThingKind::Bmc, &own, "");
        if let Some(told) = &mut self.scene.told {
            told.extend(TOLD.iter().copied());
        }
        let Some(status) = status else { return };
        if status.problem == Some(BmcProblem::Silent) {
            let since = status.read_at.unwrap_or(self.scene.now);
            self.see(bmc, Symptom::Silent, since, Severity::Warning);
        }
        let parts: BTreeSet<Ix> =
            status.sensors.iter().filter_map(|sensor| self.part(&of, machine, bmc, sensor)).collect();
        self.wire(machine, bmc, &parts);
        for sensor in &status.sensors {
            if let (Some(part), Some(at)) = (self.part(&of, machine, bmc, sensor), status.read_at) {
                for (symptom, severity) in symptoms(sensor) {
                    self.see(part, symptom, at, severity);
                    self.sensors.insert((own.id, AlertId::part_of(&sensor.id)), (part, symptom));
                }
            }
        }
        for event in events.iter().filter(|event| event.asserted) {
            let sensor = status.sensors.iter().find(|sensor| Some(&sensor.id) == event.sensor.as_ref());
            let part = sensor.and_then(|sensor| self.part(&of, machine, bmc, sensor));
            if let (Some(part), Some(at), Some(symptom)) = (part, event.at, of_fact(&event.fact.key)) {
                self.see(part, symptom, at, event.severity());
            }
        }
    }

    fn subject_of(&self, kind: ThingKind, id: uuid::Uuid) -> Option<Subject> {
        let ix = self.things.get(&(kind, id, String::new()))?;
        self.scene.graph.thing(*ix).subject.clone()
    }

    /// What a sensor measures: a part of the server, or the air that goes into it.
    fn part(&mut self, of: &Subject, machine: Ix, bmc: Ix, sensor: &Sensor) -> Option<Ix> {
        let entity = sensor.entity;
        let kind = match sensor.group {
            SensorGroup::Fan => ThingKind::Fan,
            SensorGroup::PowerSupply => ThingKind::Psu,
            SensorGroup::Memory => ThingKind::Dimm,
            SensorGroup::Processor => ThingKind::Cpu,
            SensorGroup::Temperature => match entity?.id {
                PROCESSOR => ThingKind::Cpu,
                inlet if AIR_INLETS.contains(&inlet) => return Some(machine),
                _ => return None,
            },
            _ => return None,
        };
        if matches!(sensor.state, SensorState::Absent) {
            return None;
        }
        // A processor's heat and its errors come from different sensors: what tells them together is its place.
        let name = match (kind, entity) {
            (ThingKind::Cpu, Some(entity)) => entity.instance.to_string(),
            _ => sensor.name.clone(),
        };
        let part = self.thing(kind, of, &name);
        self.scene.graph.thing_mut(part).watcher = Some(bmc);
        Some(part)
    }

    /// What a server needs of its parts: any one supply, all but one fan.
    fn wire(&mut self, machine: Ix, bmc: Ix, parts: &BTreeSet<Ix>) {
        let graph = &mut self.scene.graph;
        let of = |graph: &Graph, kind| -> Vec<Ix> {
            parts.iter().copied().filter(|part| graph.thing(*part).kind == kind).collect()
        };
        let (supplies, fans) = (of(graph, ThingKind::Psu), of(graph, ThingKind::Fan));
        graph.needs_some(machine, Link::Lives, &supplies, 1);
        graph.needs_some(bmc, Link::Lives, &supplies, 1);
        for cpu in of(graph, ThingKind::Cpu) {
            graph.needs(machine, Link::Lives, &[cpu]);
            graph.needs_some(cpu, Link::Cool, &fans, fans.len().saturating_sub(1).max(1));
        }
        for dimm in of(graph, ThingKind::Dimm) {
            graph.needs(machine, Link::Part, &[dimm]);
        }
    }
}

/// What is seen of a sensor's part now.
fn symptoms(sensor: &Sensor) -> Vec<(Symptom, Severity)> {
    use SensorState::{LowerCritical, LowerNonCritical, LowerNonRecoverable};
    use SensorState::{UpperCritical, UpperNonCritical, UpperNonRecoverable};
    let low = matches!(sensor.state, LowerNonCritical | LowerCritical | LowerNonRecoverable);
    let high = matches!(sensor.state, UpperNonCritical | UpperCritical | UpperNonRecoverable);
    let severity = sensor.state.severity().unwrap_or(Severity::Warning);
    let measured = match sensor.group {
        SensorGroup::Fan if low => Some(Symptom::SlowFan),
        SensorGroup::Temperature if high => Some(Symptom::Hot),
        _ => None,
    };
    let said = sensor.facts.iter().filter_map(|fact| Some((of_fact(&fact.key)?, fact.severity)));
    measured.map(|symptom| (symptom, severity)).into_iter().chain(said).collect()
}

/// What a discrete sensor or a log entry says (IPMI 2.0 table 42-3): `ipmi-6f-TYPE-OFFSET`.
fn of_fact(key: &str) -> Option<Symptom> {
    let mut numbers = key.strip_prefix("ipmi-6f-")?.split('-').map(|number| u8::from_str_radix(number, 16).ok());
    Some(match (numbers.next()??, numbers.next()??) {
        // Processor: internal error, no start, a machine check that could not be corrected; slowed down; one that could.
        (0x07, 0x00 | 0x04 | 0x0b) => Symptom::Uncorrected,
        (0x07, 0x0a) => Symptom::Throttled,
        (0x07, 0x0c) => Symptom::Corrected,
        // Power supply: failed, about to fail; nothing at its inlet.
        (0x08, 0x01 | 0x02) => Symptom::Failed,
        (0x08, 0x03) => Symptom::InputLost,
        // Memory: corrected, or so many that nobody counts them any more; not corrected.
        (0x0c, 0x00 | 0x05) => Symptom::Corrected,
        (0x0c, 0x01) => Symptom::Uncorrected,
        _ => return None,
    })
}
