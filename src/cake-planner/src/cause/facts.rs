//! A [`Scene`] of what the control plane knows: one function for each source, siblings built alike. Each adds the things that it
//! knows of and what it saw of them.
//!
//! ```text
//!   node · pool · VM · server (BMC) · PDU ──► things and what they need ┐
//!   alerts · sensors · event log          ──► what was seen             ┴──► [`Facts::scene`] ──► [`super::explain`]
//! ```

mod hardware;
mod power;

use super::{Clear, Graph, Ix, Link, Scene, Seen};
use crate::alert::VmSeen;
use crate::query::{NodeItem, PoolItem};
use cake_types::{Alert, AlertId, AlertKind, FailureCode, Severity, Subject, Symptom, ThingKind};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// What alerts tell of. Of everything else it says nothing that it is not seen.
const TOLD: &[(ThingKind, Symptom)] = &[
    (ThingKind::Node, Symptom::Silent),
    (ThingKind::Pool, Symptom::Missing),
    (ThingKind::Pool, Symptom::Full),
    (ThingKind::Vm, Symptom::PausedNoSpace),
    (ThingKind::Vm, Symptom::CannotStart),
    (ThingKind::Vm, Symptom::Crashed),
    (ThingKind::Vm, Symptom::OutOfStep),
    (ThingKind::Ups, Symptom::OnBattery),
    (ThingKind::Ups, Symptom::LowBattery),
    (ThingKind::Ups, Symptom::Silent),
    (ThingKind::Ups, Symptom::ReplaceBattery),
    (ThingKind::Disk, Symptom::Failed),
    (ThingKind::Disk, Symptom::ReadErrors),
    (ThingKind::Disk, Symptom::Worn),
    (ThingKind::Disk, Symptom::Hot),
    (ThingKind::Pdu, Symptom::Silent),
    (ThingKind::Feed, Symptom::InputLost),
    (ThingKind::Switch, Symptom::Silent),
    (ThingKind::Port, Symptom::LinkFlaps),
    (ThingKind::Port, Symptom::LinkDown),
];

/// One thing among all: what it is part of, and which part.
type Key = (ThingKind, Uuid, String);

pub struct Facts {
    scene: Scene,
    things: BTreeMap<Key, Ix>,
    /// What a sensor that is in trouble says, by its server and the alert's part.
    sensors: BTreeMap<(Uuid, String), (Ix, Symptom)>,
    /// Which alert each place of [`Scene::seen`] is, if it is one.
    pub(super) alerts: Vec<Option<AlertId>>,
    /// Alerts that no rule has anything to say about.
    pub(super) others: Vec<AlertId>,
}

impl Facts {
    pub fn new(now: Timestamp) -> Self {
        let told = Some(TOLD.iter().copied().collect::<BTreeSet<_>>());
        let scene = Scene { now, graph: Graph::default(), seen: Vec::new(), clear: Vec::new(), told };
        Self { scene, things: BTreeMap::new(), sensors: BTreeMap::new(), alerts: Vec::new(), others: Vec::new() }
    }

    /// What is known, for [`super::explain`].
    pub fn scene(&self) -> &Scene {
        &self.scene
    }

    /// The thing, made where it is new.
    fn thing(&mut self, kind: ThingKind, of: &Subject, part: &str) -> Ix {
        let key = (kind, of.id, part.to_owned());
        if let Some(ix) = self.things.get(&key) {
            return *ix;
        }
        let name = if part.is_empty() { of.name.clone() } else { part.to_owned() };
        let ix = self.scene.graph.add(kind, name);
        self.scene.graph.thing_mut(ix).subject = Some(of.clone());
        self.things.insert(key, ix);
        ix
    }

    /// A server with its disks, its power supply and its bridges.
    pub fn node(&mut self, item: &NodeItem<'_>) {
        let subject = subject("node", item.node.meta.id.0, &item.node.meta.name);
        let node = self.thing(ThingKind::Node, &subject, "");
        let server = self.thing(ThingKind::Server, &subject, "");
        self.scene.graph.needs(node, Link::Lives, &[server]);
        if item.status.is_some_and(|status| status.ups.is_some()) {
            let ups = self.ups();
            self.scene.graph.needs(server, Link::Lives, &[ups]);
        }
        for bridge in item.status.iter().flat_map(|status| &status.bridges) {
            let network = self.thing(ThingKind::Network, &subject, bridge.name.as_str());
            self.scene.graph.needs(network, Link::Lives, &[node]);
        }
        for disk in item.disks.unwrap_or_default() {
            let ix = self.thing(ThingKind::Disk, &subject, disk.identity());
            let thing = self.scene.graph.thing_mut(ix);
            (thing.name, thing.watcher) = (disk.name.clone(), Some(node));
            self.scene.graph.needs(server, Link::Part, &[ix]);
            if !disk.health.is_silent() {
                self.well(ix);
            }
        }
        if item.connected {
            self.well(node);
        }
    }

    /// One for all servers: all ask the same.
    fn ups(&mut self) -> Ix {
        let rack = Subject { kind: "ups".into(), id: Uuid::nil(), name: String::new() };
        let known = self.things.contains_key(&(ThingKind::Ups, rack.id, String::new()));
        let ups = self.thing(ThingKind::Ups, &rack, "");
        if !known {
            let feed = self.thing(ThingKind::Feed, &rack, "");
            self.scene.graph.thing_mut(feed).watched = false;
            self.scene.graph.needs(ups, Link::Buffered, &[feed]);
        }
        ups
    }

    /// On which disks it lies is not known: any of its server's can be its ruin.
    pub fn pool(&mut self, item: &PoolItem<'_>) {
        let pool = self.thing(ThingKind::Pool, &subject("pool", item.pool.meta.id.0, &item.pool.meta.name), "");
        let nodes = self.of_kind(ThingKind::Node);
        self.scene.graph.needs_some(pool, Link::Lives, &nodes, 1);
        for disk in self.of_kind(ThingKind::Disk) {
            self.scene.graph.needs(pool, Link::Part, &[disk]);
        }
        if item.status.is_some_and(|status| status.available) {
            self.well(pool);
        }
    }

    pub fn vm(&mut self, seen: &VmSeen<'_>) {
        if seen.binned {
            return;
        }
        let vm = self.thing(ThingKind::Vm, &subject("vm", seen.vm.meta.id.0, &seen.vm.meta.name), "");
        let nodes = self.of_kind(ThingKind::Node);
        self.scene.graph.needs_some(vm, Link::Lives, &nodes, 1);
        let pools: BTreeSet<Uuid> = seen.vm.spec.disks.iter().map(|disk| disk.pool.0).collect();
        for pool in pools {
            if let Some(pool) = self.things.get(&(ThingKind::Pool, pool, String::new())) {
                self.scene.graph.needs(vm, Link::Data, &[*pool]);
            }
        }
        for bridge in seen.vm.spec.nics.iter().filter_map(|nic| nic.bridge()) {
            let networks: Vec<Ix> = self
                .things
                .iter()
                .filter(|((kind, _, name), _)| *kind == ThingKind::Network && name == bridge.as_str())
                .map(|(_, ix)| *ix)
                .collect();
            self.scene.graph.needs_some(vm, Link::Reach, &networks, 1);
        }
        let project = seen.vm.meta.project.as_str();
        let project = self.thing(
            ThingKind::Project,
            &Subject { kind: "project".into(), id: Uuid::nil(), name: project.into() },
            project,
        );
        self.scene.graph.thing_mut(project).watched = false;
        self.scene.graph.needs(project, Link::Part, &[vm]);
        if let ([node], true) = (nodes.as_slice(), seen.status.is_some()) {
            self.scene.graph.thing_mut(vm).watcher = Some(*node);
            self.well(vm);
        }
    }

    /// What an alert says was seen. Call it after what it is about was added.
    pub fn alert(&mut self, alert: &Alert) {
        let seen = symptom(alert).and_then(|(kind, symptom)| {
            let key = match kind {
                ThingKind::Ups => (kind, Uuid::nil(), String::new()),
                ThingKind::Feed => {
                    let named = alert.params.get("feed").filter(|feed| !feed.is_empty());
                    (kind, Uuid::nil(), named.unwrap_or(&alert.subject.name).clone())
                }
                ThingKind::Disk | ThingKind::Port => {
                    (kind, alert.subject.id, alert.part().unwrap_or_default().to_owned())
                }
                _ => (kind, alert.subject.id, String::new()),
            };
            let found = self.things.iter().find(|((kind, of, part), _)| {
                (*kind, *of) == (key.0, key.1) && (*part == key.2 || AlertId::part_of(part) == key.2)
            });
            found.map(|(_, ix)| (*ix, symptom))
        });
        match seen.or_else(|| self.of_a_sensor(alert)) {
            Some((thing, symptom)) => self.told(thing, symptom, alert),
            None => self.others.push(alert.id.clone()),
        }
    }

    /// What its server told already is not seen twice.
    fn told(&mut self, thing: Ix, symptom: Symptom, alert: &Alert) {
        let known = self.scene.seen.iter().position(|seen| (seen.thing, seen.symptom) == (thing, symptom));
        let at = match known.filter(|at| self.alerts[*at].is_none()) {
            Some(at) => at,
            None => {
                self.see(thing, symptom, alert.since, alert.severity);
                self.alerts.len() - 1
            }
        };
        self.alerts[at] = Some(alert.id.clone());
    }

    /// An alert about a sensor is about the part that it measures.
    fn of_a_sensor(&self, alert: &Alert) -> Option<(Ix, Symptom)> {
        let sensor = matches!(alert.kind, AlertKind::SensorLimit | AlertKind::SensorFault);
        let key = (alert.subject.id, alert.part().filter(|_| sensor)?.to_owned());
        self.sensors.get(&key).copied()
    }

    fn see(&mut self, thing: Ix, symptom: Symptom, at: Timestamp, severity: Severity) {
        self.scene.seen.push(Seen { thing, symptom, at, severity, lasts: true });
        self.alerts.push(None);
    }

    /// It was looked at just now; what no alert says of it is not so.
    fn well(&mut self, thing: Ix) {
        let kind = self.scene.graph.thing(thing).kind;
        let told = TOLD.iter().filter(|(of, _)| *of == kind);
        let at = self.scene.now;
        self.scene.clear.extend(told.map(|(_, symptom)| Clear { thing, symptom: Some(*symptom), at }));
    }

    fn of_kind(&self, wanted: ThingKind) -> Vec<Ix> {
        self.things.iter().filter(|((kind, ..), _)| *kind == wanted).map(|(_, ix)| *ix).collect()
    }
}

fn subject(kind: &str, id: Uuid, name: &cake_types::Name) -> Subject {
    Subject { kind: kind.into(), id, name: name.to_string() }
}

/// What an alert says of which kind of thing; nothing where it says what no rule is about.
fn symptom(alert: &Alert) -> Option<(ThingKind, Symptom)> {
    use ThingKind::{Disk, Node, Pool, Ups, Vm};
    let failed = |with: FailureCode| alert.params.get("code").is_some_and(|code| code == with.as_str());
    Some(match alert.kind {
        AlertKind::NodeAway => (Node, Symptom::Silent),
        AlertKind::PoolMissing => (Pool, Symptom::Missing),
        AlertKind::PoolSpace => (Pool, Symptom::Full),
        AlertKind::VmNoSpace => (Vm, Symptom::PausedNoSpace),
        AlertKind::VmFailed if failed(FailureCode::NoSpace) => (Vm, Symptom::PausedNoSpace),
        AlertKind::VmFailed if failed(FailureCode::CrashLoop) => (Vm, Symptom::Crashed),
        AlertKind::VmFailed => (Vm, Symptom::CannotStart),
        AlertKind::VmCrashed => (Vm, Symptom::Crashed),
        AlertKind::ServerSilent => (ThingKind::Bmc, Symptom::Silent),
        AlertKind::DeviceSilent if alert.subject.kind == "pdu" => (ThingKind::Pdu, Symptom::Silent),
        AlertKind::DeviceSilent if alert.subject.kind == "switch" => (ThingKind::Switch, Symptom::Silent),
        AlertKind::FeedDead => (ThingKind::Feed, Symptom::InputLost),
        AlertKind::LinkFlaps => (ThingKind::Port, Symptom::LinkFlaps),
        AlertKind::LinkLost => (ThingKind::Port, Symptom::LinkDown),
        // Sensors are known by their server; what a whole chassis complains of, what may be guessed or will be so says no rule.
        AlertKind::SensorLimit
        | AlertKind::UpdateFailed
        | AlertKind::SensorFault
        | AlertKind::SensorTrend
        | AlertKind::ChassisFault
        | AlertKind::BmcPassword
        | AlertKind::DeviceSilent
        | AlertKind::PduLoad
        | AlertKind::PowerBudget
        | AlertKind::FeedShared
        | AlertKind::PortErrors
        | AlertKind::CableMoved
        | AlertKind::CertificateEnds
        | AlertKind::ChannelFails => return None,
        AlertKind::UpsOnBattery => (Ups, Symptom::OnBattery),
        AlertKind::UpsLowBattery => (Ups, Symptom::LowBattery),
        AlertKind::UpsAway => (Ups, Symptom::Silent),
        AlertKind::UpsReplaceBattery => (Ups, Symptom::ReplaceBattery),
        AlertKind::UpsShutdown => (Node, Symptom::ShuttingDown),
        AlertKind::DiskFailing => (Disk, Symptom::Failed),
        AlertKind::DiskSectors | AlertKind::DiskSpare => (Disk, Symptom::ReadErrors),
        AlertKind::DiskWorn | AlertKind::DiskWearing => (Disk, Symptom::Worn),
        AlertKind::DiskHot => (Disk, Symptom::Hot),
        AlertKind::VmLost | AlertKind::VmOrphaned => (Vm, Symptom::OutOfStep),
    })
}

#[cfg(test)]
#[path = "facts_tests.rs"]
mod tests;
