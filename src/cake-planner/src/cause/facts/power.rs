//! What power distribution units tell: feeds, and what hangs on them.

use super::{Facts, subject};
use crate::cause::{Ix, Link};
use crate::device::{self, DeviceSeen};
use cake_types::{DeviceKind, Server, Severity, SnmpProblem, Subject, Symptom, ThingKind};
use std::cmp::Reverse;
use uuid::Uuid;

impl Facts {
    /// A PDU and its feed. Call it before [`Facts::supplies`].
    pub fn pdu(&mut self, seen: &DeviceSeen<'_>) {
        if !seen.is(DeviceKind::Pdu) {
            return;
        }
        let own = subject("pdu", seen.device.meta.id.0, &seen.device.meta.name);
        let pdu = self.thing(ThingKind::Pdu, &own, "");
        // Nobody said where it hangs: then on a feed of its own.
        let name = seen.device.spec.feed.clone().unwrap_or_else(|| own.name.clone());
        let building = Subject { kind: "feed".into(), id: Uuid::nil(), name: name.clone() };
        let is_new = !self.things.contains_key(&(ThingKind::Feed, Uuid::nil(), name.clone()));
        let feed = self.thing(ThingKind::Feed, &building, &name);
        if is_new {
            let thing = self.scene.graph.thing_mut(feed);
            // Nobody looks at the building's wires, as long as no PDU tells of them.
            (thing.watched, thing.subject) = (false, None);
        }
        self.scene.graph.needs(pdu, Link::Lives, &[feed]);
        let Some(status) = seen.status else { return };
        let at = status.read_at.unwrap_or(self.scene.now);
        match (status.problem, &status.pdu) {
            (Some(SnmpProblem::Silent), _) => self.see(pdu, Symptom::Silent, at, Severity::Warning),
            (None, Some(reading)) if device::is_dead(reading) => {
                // Its controller hangs elsewhere: that it answers says nothing of its outlets.
                self.scene.graph.thing_mut(pdu).watched = false;
                self.scene.graph.thing_mut(feed).watched = true;
                self.see(feed, Symptom::InputLost, at, Severity::Error);
            }
            (None, Some(_)) => {
                self.scene.graph.thing_mut(feed).watched = true;
                self.well(pdu);
                self.well(feed);
            }
            _ => {}
        }
    }

    /// On which PDUs a server hangs. Call it after the server and all PDUs were added.
    pub fn supplies(&mut self, server: &Server, devices: &[DeviceSeen<'_>]) {
        let pdus: Vec<Ix> = device::supplies(server.meta.id, devices)
            .iter()
            .filter_map(|supply| self.known(ThingKind::Pdu, supply.device.meta.id.0))
            .collect();
        if pdus.is_empty() {
            return;
        }
        let node = server.spec.node.and_then(|node| self.known(ThingKind::Server, node.0));
        let Some(machine) = node.or_else(|| self.known(ThingKind::Server, server.meta.id.0)) else { return };
        let mut psus: Vec<Ix> =
            self.scene.graph.above(machine).filter(|ix| self.scene.graph.thing(*ix).kind == ThingKind::Psu).collect();
        psus.sort_unstable();
        psus.dedup();
        if psus.len() == pdus.len() {
            return self.plug(psus, pdus);
        }
        self.scene.graph.needs_some(machine, Link::Lives, &pdus, 1);
        if let Some(bmc) = self.known(ThingKind::Bmc, server.meta.id.0) {
            self.scene.graph.needs_some(bmc, Link::Lives, &pdus, 1);
        }
    }

    /// Which supply hangs on which PDU nobody tells. The reading that fits best is taken: those without power at their inlets hang on
    /// those that are in trouble; the rest in the order of their names.
    fn plug(&mut self, mut psus: Vec<Ix>, mut pdus: Vec<Ix>) {
        let seen = |thing: Ix| self.scene.seen.iter().any(|seen| seen.thing == thing && is_of_power(seen.symptom));
        let troubled = |thing: &Ix| seen(*thing) || self.scene.graph.above(*thing).any(seen);
        psus.sort_by_key(|psu| Reverse(troubled(psu)));
        pdus.sort_by_key(|pdu| Reverse(troubled(pdu)));
        for (psu, pdu) in psus.into_iter().zip(pdus) {
            self.scene.graph.needs(psu, Link::Lives, &[pdu]);
        }
    }

    /// A switch with the ports that lead to servers. Call it after those and their nodes were added.
    pub fn switch(&mut self, seen: &DeviceSeen<'_>, servers: &[&Server]) {
        if !seen.is(DeviceKind::Switch) {
            return;
        }
        let own = subject("switch", seen.device.meta.id.0, &seen.device.meta.name);
        let switch = self.thing(ThingKind::Switch, &own, "");
        if let Some(status) = seen.status {
            match status.problem {
                Some(SnmpProblem::Silent) => {
                    let at = status.read_at.unwrap_or(self.scene.now);
                    self.see(switch, Symptom::Silent, at, Severity::Warning);
                }
                None if status.read_at.is_some() => self.well(switch),
                _ => {}
            }
        }
        for (name, id) in seen.cabling.into_iter().flatten() {
            let port = self.thing(ThingKind::Port, &own, name);
            self.scene.graph.thing_mut(port).watcher = Some(switch);
            self.scene.graph.needs(port, Link::Lives, &[switch]);
            let node = servers.iter().find(|server| server.meta.id == *id).and_then(|server| server.spec.node);
            if let Some(node) = node.and_then(|node| self.known(ThingKind::Node, node.0)) {
                self.scene.graph.needs(node, Link::Reach, &[port]);
            }
        }
    }

    fn known(&self, kind: ThingKind, id: Uuid) -> Option<Ix> {
        self.things.get(&(kind, id, String::new())).copied()
    }
}

const fn is_of_power(symptom: Symptom) -> bool {
    matches!(symptom, Symptom::InputLost | Symptom::Silent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::{explain, group};
    use crate::device::tests::{pdu, status};
    use cake_types::{
        Alert, AlertId, AlertKind, BmcAccess, BmcSpec, CauseKind, CauseVerdict, Generation, Meta, ProjectName, Sensor,
        SensorFact, SensorGroup, SensorState, SensorUnit, ServerId, ServerSpec, ServerStatus, Stamp,
    };
    use jiff::Timestamp;

    fn server(number: u128) -> Server {
        let bmc = BmcSpec {
            access: BmcAccess::Ipmi,
            host: "10.0.0.1".into(),
            port: 623,
            user: String::new(),
            password: None,
            weak: None,
            next: None,
            key: None,
        };
        let meta = Meta {
            id: ServerId(Uuid::from_u128(number)),
            project: ProjectName::default(),
            name: format!("server-{number}").parse().unwrap(),
            generation: Generation(1),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        };
        Server { meta, spec: ServerSpec { bmc: Some(bmc), ..ServerSpec::default() } }
    }

    /// Two supplies, and which of them has no power at its inlet.
    fn heard(now: Timestamp, lost: Option<usize>) -> ServerStatus {
        let supply = |number: usize| Sensor {
            id: number.to_string(),
            number: None,
            name: format!("PS{number}"),
            group: SensorGroup::PowerSupply,
            unit: SensorUnit::None,
            value: None,
            state: if lost == Some(number) { SensorState::Critical } else { SensorState::Ok },
            facts: (lost == Some(number))
                .then(|| SensorFact { key: "ipmi-6f-08-03".into(), severity: Severity::Error, text: None })
                .into_iter()
                .collect(),
            limits: Default::default(),
            entity: None,
        };
        let mut status = ServerStatus::unheard(Stamp::default());
        (status.read_at, status.sensors) = (Some(now), vec![supply(1), supply(2)]);
        status
    }

    #[test]
    fn a_feed_that_dies_is_named_with_the_servers_beneath_it() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        // Server 1 has its second supply on feed A, server 2 its first: nobody said so.
        let (a, b) = (pdu(11, "A", &[("1", 1), ("2", 2)]), pdu(12, "B", &[("1", 1), ("2", 2)]));
        let (mut silent, well) = (status(230.0, 3.0), status(230.0, 3.0));
        silent.problem = Some(SnmpProblem::Silent);
        let dead = status(0.0, 0.0);
        for (of_a, kind) in [(&silent, AlertKind::DeviceSilent), (&dead, AlertKind::FeedDead)] {
            let mut facts = Facts::new(now);
            let devices = [
                DeviceSeen { device: &a, status: Some(of_a), cabling: None },
                DeviceSeen { device: &b, status: Some(&well), cabling: None },
            ];
            let servers = [(server(1), heard(now, Some(2))), (server(2), heard(now, Some(1)))];
            servers.iter().for_each(|(server, status)| facts.server(server, Some(status), &[]));
            devices.iter().for_each(|seen| facts.pdu(seen));
            servers.iter().for_each(|(server, _)| facts.supplies(server, &devices));
            let subject = subject("pdu", a.meta.id.0, &a.meta.name);
            let alert = Alert {
                id: AlertId::of(kind, &subject, None),
                kind,
                severity: Severity::Error,
                subject,
                params: [("feed".to_owned(), "A".to_owned())].into(),
                since: now,
                acknowledged: None,
                silenced: None,
            };
            facts.alert(&alert);
            let causes = explain(facts.scene());
            assert_eq!(causes.len(), 1, "{causes:?}");
            let groups = group(&facts);
            let report = groups[0].cause.as_ref().expect("a cause");
            let CauseVerdict::Known(guess) = &report.verdict else { panic!("{groups:?}") };
            assert_eq!(
                (guess.cause, guess.thing.kind, &*guess.thing.name),
                (CauseKind::FeedLost, ThingKind::Feed, "A")
            );
            assert_eq!(report.servers, ["server-1", "server-2"]);
            assert_eq!(groups[0].beneath, [alert.id]);
        }
    }

    #[test]
    fn a_strip_that_is_not_heard_while_all_have_power_is_no_power_cut() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let (a, b) = (pdu(11, "A", &[("1", 1)]), pdu(12, "B", &[("1", 1)]));
        let (mut silent, well) = (status(230.0, 3.0), status(230.0, 3.0));
        silent.problem = Some(SnmpProblem::Silent);
        let devices = [
            DeviceSeen { device: &a, status: Some(&silent), cabling: None },
            DeviceSeen { device: &b, status: Some(&well), cabling: None },
        ];
        let (server, status) = (server(1), heard(now, None));
        let mut facts = Facts::new(now);
        facts.server(&server, Some(&status), &[]);
        devices.iter().for_each(|seen| facts.pdu(seen));
        facts.supplies(&server, &devices);
        let causes = explain(facts.scene());
        assert!(
            causes.iter().all(|cause| cause.known().is_none_or(|(kind, _)| kind != CauseKind::FeedLost)),
            "{causes:?}"
        );
    }
}
