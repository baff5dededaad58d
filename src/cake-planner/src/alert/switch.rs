//! Switches: links that come and go, errors that climb, cables that are not where they were.

use super::{Alerts, Facts, Finding};
use crate::cabling::{self, ERRORS, FLAPS, Named, Odd};
use crate::device::DeviceSeen;
use cake_types::{AlertId, AlertKind, ServerId, Severity, Subject, SwitchPort};

/// Servers by all names that they may tell.
pub(super) fn named(facts: &Facts<'_>) -> Vec<Named> {
    let of = |seen: &super::ServerSeen<'_>| {
        let node = facts.nodes.iter().find(|node| Some(node.node.meta.id) == seen.server.spec.node);
        let host = node.and_then(|node| node.status).map(|status| status.host_name.as_str());
        let names = [Some(seen.server.meta.name.as_str()), node.map(|node| node.node.meta.name.as_str()), host];
        Named::new(seen.server.meta.id, names)
    };
    facts.servers.iter().map(of).collect()
}

/// `servers`: all, by [`named`].
pub(super) fn of_switch(
    seen: &DeviceSeen<'_>,
    of: &Subject,
    facts: &Facts<'_>,
    servers: &[Named],
    before: &Alerts,
) -> Vec<Finding> {
    let Some(switch) = seen.switch() else { return Vec::new() };
    let called = |id: ServerId| {
        let server = facts.servers.iter().find(|server| server.server.meta.id == id);
        server.map_or_else(|| "–".to_owned(), |server| server.server.meta.name.to_string())
    };
    let leads = |port: &SwitchPort| {
        let now = port.neighbor.as_ref().and_then(|neighbor| cabling::whose(neighbor, servers));
        let known = seen.cabling.and_then(|known| known.get(&port.name).copied());
        now.or(known).map_or_else(|| "–".to_owned(), called)
    };
    let find = |kind| Finding::new(kind, Severity::Warning, of.clone());
    let mut found = Vec::new();
    for port in &switch.ports {
        let about = |kind, count: String| {
            find(kind).part(&*port.name).with("port", &port.name).with("count", count).with("server", leads(port))
        };
        let was = |kind| before.contains_key(&AlertId::of(kind, of, Some(&port.name)));
        if port.changes >= if was(AlertKind::LinkFlaps) { 1 } else { FLAPS } {
            found.push(about(AlertKind::LinkFlaps, port.changes.to_string()));
        }
        if port.fresh_errors >= if was(AlertKind::PortErrors) { ERRORS / 10 } else { ERRORS } {
            found.push(about(AlertKind::PortErrors, port.fresh_errors.to_string()));
        }
    }
    for odd in seen.cabling.map(|known| cabling::odd(seen, known, servers)).unwrap_or_default() {
        found.push(match odd {
            Odd::Swapped { port, was, is } => {
                let found = find(AlertKind::CableMoved).part(&*port).with("port", &port);
                found.with("server", called(was)).with("to", called(is))
            }
            Odd::Moved { port, to, server } => find(AlertKind::CableMoved)
                .part(&*port)
                .with("port", &port)
                .with("server", called(server))
                .with("to", to),
            Odd::Lost { port, server } => {
                find(AlertKind::LinkLost).part(&*port).with("port", &port).with("server", called(server))
            }
        });
    }
    found
}
