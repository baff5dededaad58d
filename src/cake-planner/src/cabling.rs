//! Which port of which switch leads to which server, and which cable is not where it was.

use crate::device::DeviceSeen;
use cake_types::{Neighbor, ServerId, SwitchPort};
use std::collections::BTreeMap;

/// So often within ten minutes a link comes or goes before somebody is told; it is over when it was still for ten.
pub const FLAPS: u32 = 4;
/// So many errors within an hour; it is over below a tenth.
pub const ERRORS: u64 = 100;

/// A server by all names under which it may tell of itself.
#[derive(Clone, Debug)]
pub struct Named {
    id: ServerId,
    /// As they are compared.
    names: Vec<String>,
}

impl Named {
    /// `names`: its own, its node's, its host's, as far as there are such.
    pub fn new<'a>(id: ServerId, names: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        Self { id, names: names.into_iter().flatten().map(folded).collect() }
    }
}

/// Where cables led when somebody last said that it is right so: port to server, by the port's name.
pub type Cabling = BTreeMap<String, ServerId>;

/// A host name without its domain, for comparing.
fn folded(name: &str) -> String {
    name.split('.').next().unwrap_or_default().to_lowercase()
}

/// The server that a neighbour is, by the name that it tells.
pub fn whose(neighbor: &Neighbor, servers: &[Named]) -> Option<ServerId> {
    let told = folded(&neighbor.system);
    let is = |server: &&Named| server.names.contains(&told);
    servers.iter().find(is).filter(|_| !told.is_empty()).map(|server| server.id)
}

/// Which ports of a switch lead to which servers now.
pub fn now(seen: &DeviceSeen<'_>, servers: &[Named]) -> Cabling {
    let ports = seen.switch().map(|switch| switch.ports.as_slice()).unwrap_or_default();
    let leads = |port: &SwitchPort| Some((port.name.clone(), whose(port.neighbor.as_ref()?, servers)?));
    ports.iter().filter_map(leads).collect()
}

/// What is now known beside what was: ports of which nothing was known. What was known stays as it is.
pub fn learned(known: &Cabling, now: &Cabling) -> Option<Cabling> {
    let mut all = known.clone();
    for (port, server) in now {
        // One that is not any more where it was has moved: that is for somebody to say.
        let moved = known.iter().any(|(old, is)| is == server && now.get(old) != Some(server));
        if !known.contains_key(port) && !moved {
            all.insert(port.clone(), *server);
        }
    }
    (all != *known).then_some(all)
}

/// A cable that is not where it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Odd {
    /// Another server is at this port.
    Swapped { port: String, was: ServerId, is: ServerId },
    /// The server is at another port.
    Moved { port: String, to: String, server: ServerId },
    /// There is no link where there was a server.
    Lost { port: String, server: ServerId },
}

/// What is not as it was.
pub fn odd(seen: &DeviceSeen<'_>, known: &Cabling, servers: &[Named]) -> Vec<Odd> {
    let Some(switch) = seen.switch() else { return Vec::new() };
    let now = now(seen, servers);
    let mut found = Vec::new();
    for (port, server) in known {
        let elsewhere = now.iter().find(|(other, is)| *is == server && !known.contains_key(*other));
        match (now.get(port), elsewhere) {
            (Some(is), _) if is == server => {}
            (_, Some((to, _))) => found.push(Odd::Moved { port: port.clone(), to: to.clone(), server: *server }),
            (Some(is), None) => found.push(Odd::Swapped { port: port.clone(), was: *server, is: *is }),
            (None, None) => {
                let dark = switch.ports.iter().any(|one| one.name == *port && one.enabled && !one.up);
                found.extend(dark.then(|| Odd::Lost { port: port.clone(), server: *server }));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::tests::pdu;
    use cake_types::{Device, DeviceKind, DeviceStatus, Stamp, SwitchReading};
    use uuid::Uuid;

    fn servers() -> Vec<Named> {
        let named = |number: u128, names: &[&str]| Named::new(id(number), names.iter().copied().map(Some));
        vec![named(1, &["web-1", "web.example.com"]), named(2, &["db"])]
    }

    fn id(number: u128) -> ServerId {
        ServerId(Uuid::from_u128(number))
    }

    /// Ports with who is at each: empty for a link without a word, `-` for none.
    fn heard(ports: &[(&str, &str)]) -> (Device, DeviceStatus) {
        let mut device = pdu(1, "", &[]);
        device.spec.kind = DeviceKind::Switch;
        let port = |(name, system): &(&str, &str)| SwitchPort {
            name: (*name).into(),
            enabled: true,
            up: *system != "-",
            neighbor: (!["", "-"].contains(system))
                .then(|| Neighbor { system: (*system).into(), ..Neighbor::default() }),
            ..SwitchPort::default()
        };
        let status = DeviceStatus {
            switch: Some(SwitchReading { ports: ports.iter().map(port).collect() }),
            ..DeviceStatus::unheard(Stamp::default())
        };
        (device, status)
    }

    fn odd_at(known: &[(&str, u128)], ports: &[(&str, &str)]) -> Vec<Odd> {
        let (device, status) = heard(ports);
        let known = known.iter().map(|(port, server)| ((*port).to_owned(), id(*server))).collect();
        odd(&DeviceSeen { device: &device, status: Some(&status), cabling: None }, &known, &servers())
    }

    #[test]
    fn servers_are_known_by_the_names_that_they_tell() {
        let is = |system: &str| whose(&Neighbor { system: system.into(), ..Neighbor::default() }, &servers());
        assert_eq!(
            [is("WEB-1"), is("web"), is("db.internal"), is("mail"), is("")],
            [Some(id(1)), Some(id(1)), Some(id(2)), None, None]
        );
    }

    #[test]
    fn a_cable_that_is_not_where_it_was_is_named() {
        assert_eq!(odd_at(&[("1", 1), ("2", 2)], &[("1", "web-1"), ("2", "db"), ("3", "")]), []);
        assert_eq!(
            odd_at(&[("1", 1)], &[("1", ""), ("3", "web-1")]),
            [Odd::Moved { port: "1".into(), to: "3".into(), server: id(1) }]
        );
        assert_eq!(odd_at(&[("1", 1)], &[("1", "db")]), [Odd::Swapped { port: "1".into(), was: id(1), is: id(2) }]);
        assert_eq!(odd_at(&[("1", 1)], &[("1", "-")]), [Odd::Lost { port: "1".into(), server: id(1) }]);
        assert_eq!(odd_at(&[("1", 1)], &[("1", "")]), [], "a link without a word says nothing");
        // With two cables one can be out, and the other is no move.
        assert_eq!(
            odd_at(&[("1", 1), ("2", 1)], &[("1", "web-1"), ("2", "-")]),
            [Odd::Lost { port: "2".into(), server: id(1) }]
        );
    }

    #[test]
    fn what_is_new_is_learned_and_what_moved_is_not() {
        let map = |pairs: &[(&str, u128)]| -> Cabling {
            pairs.iter().map(|(port, server)| ((*port).to_owned(), id(*server))).collect()
        };
        assert_eq!(learned(&map(&[]), &map(&[("1", 1)])), Some(map(&[("1", 1)])));
        assert_eq!(learned(&map(&[("1", 1)]), &map(&[("1", 1), ("2", 1)])), Some(map(&[("1", 1), ("2", 1)])));
        assert_eq!(learned(&map(&[("1", 1)]), &map(&[("3", 1)])), None, "it moved");
        assert_eq!(learned(&map(&[("1", 1)]), &map(&[("1", 2)])), None, "it was swapped");
    }
}
