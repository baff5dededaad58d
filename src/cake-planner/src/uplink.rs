//! The server's own network: whether what somebody asks for can be, what systemd-networkd is told, and who has proven that it works.

mod check;
mod networkd;

pub use check::{check, english, seconds, warnings};
pub use networkd::{FILES, files};

use cake_types::{UplinkStatus, UplinkTrial, is_reachable};
use std::net::IpAddr;

/// Whether a connection to the server's address `at` proves that a trial can be reached: it came in over an address that the server
/// has only since. Where no address is new, any that the server still has will do. Nothing proves what the server does not have yet.
pub fn is_reached(trial: &UplinkTrial, status: &UplinkStatus, at: IpAddr) -> bool {
    let at = at.to_canonical();
    let asked = trial.spec.addresses.iter().any(|own| !trial.before.contains(&own.address));
    let new = new_addresses(trial, status);
    match new.is_empty() {
        _ if !trial.applied => false,
        true => !asked && status.addresses.iter().any(|now| now.value.address == at),
        false => new.contains(&at),
    }
}

/// Where a trial can be confirmed: what was asked for, and what the server has only since.
pub fn places(trial: &UplinkTrial, status: &UplinkStatus) -> Vec<IpAddr> {
    let asked = trial.spec.addresses.iter().map(|own| own.address);
    let mut places: Vec<IpAddr> = asked.filter(|address| !trial.before.contains(address)).collect();
    for address in new_addresses(trial, status) {
        if !places.contains(&address) {
            places.push(address);
        }
    }
    places
}

/// Addresses that others can use and that the server has only since the trial began.
fn new_addresses(trial: &UplinkTrial, status: &UplinkStatus) -> Vec<IpAddr> {
    let now = status.addresses.iter().map(|now| now.value.address);
    now.filter(|address| is_reachable(*address) && !trial.before.contains(address)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cake_types::{OperationId, Sourced, UplinkSource, UplinkSpec};
    use jiff::Timestamp;

    fn status(addresses: &[&str]) -> UplinkStatus {
        let sourced = |text: &&str| Sourced { value: text.parse().unwrap(), source: UplinkSource::Static };
        UplinkStatus { addresses: addresses.iter().map(sourced).collect(), ..UplinkStatus::default() }
    }

    #[test]
    fn only_who_comes_in_over_a_new_address_has_proven_it() {
        let trial = UplinkTrial {
            operation: OperationId::now(),
            spec: UplinkSpec::default(),
            seconds: 90,
            applied: true,
            until: Timestamp::UNIX_EPOCH,
            before: vec!["192.0.2.7".parse().unwrap()],
        };
        let at = |text: &str| text.parse::<IpAddr>().unwrap();
        let moved = status(&["192.0.2.7/24", "198.51.100.7/24", "fe80::1/64"]);
        assert_eq!(new_addresses(&trial, &moved), [at("198.51.100.7")]);
        for (via, proves) in [
            ("198.51.100.7", true),
            ("::ffff:198.51.100.7", true),
            ("192.0.2.7", false),
            ("127.0.0.1", false),
            ("::1", false),
            ("fe80::1", false),
        ] {
            assert_eq!(is_reached(&trial, &moved, at(via)), proves, "{via}");
        }
        let stays = status(&["192.0.2.7/24"]);
        assert!(is_reached(&trial, &stays, at("192.0.2.7")) && !is_reached(&trial, &stays, at("127.0.0.1")));
        let soon = UplinkTrial { applied: false, ..trial.clone() };
        assert!(!is_reached(&soon, &stays, at("192.0.2.7")) && !is_reached(&soon, &moved, at("198.51.100.7")));
        let addresses = vec!["203.0.113.7/24".parse().unwrap()];
        let elsewhere = UplinkTrial { spec: UplinkSpec { addresses, ..UplinkSpec::default() }, ..trial.clone() };
        assert!(!is_reached(&elsewhere, &stays, at("192.0.2.7")), "another one was asked for, and is not there");
        let none_yet = status(&[]);
        assert!(!is_reached(&trial, &none_yet, at("192.0.2.7")));
    }

    #[test]
    fn what_was_asked_for_is_a_place_before_the_server_has_it() {
        let at = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpAddr>>();
        let trial = |asked: &[&str]| UplinkTrial {
            operation: OperationId::now(),
            spec: UplinkSpec {
                addresses: asked.iter().map(|text| text.parse().unwrap()).collect(),
                ..UplinkSpec::default()
            },
            seconds: 90,
            applied: false,
            until: Timestamp::UNIX_EPOCH,
            before: at(&["192.0.2.7"]),
        };
        let none: &[&str] = &[];
        let moves = ["192.0.2.7/24", "198.51.100.7/24"];
        for (asked, has, places) in [
            (none, &["192.0.2.7/24"][..], none),
            (none, &["198.51.100.9/24", "192.0.2.7/24", "fe80::1/64"], &["198.51.100.9"]),
            (&["192.0.2.7/24"], &["192.0.2.7/24"], none),
            (&moves, &["192.0.2.7/24"], &["198.51.100.7"]),
            (&moves, &["198.51.100.7/24"], &["198.51.100.7"]),
            (&moves, &["2001:db8::7/64", "198.51.100.7/24"], &["198.51.100.7", "2001:db8::7"]),
        ] {
            assert_eq!(super::places(&trial(asked), &status(has)), at(places), "{asked:?} {has:?}");
        }
    }
}
