use super::*;
use cake_types::{BondMode, UplinkMethod};

fn fixed(addresses: &[&str], gateways: &[&str]) -> UplinkSpec {
    UplinkSpec {
        method: UplinkMethod::Static,
        addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
        gateways: gateways.iter().map(|text| text.parse().unwrap()).collect(),
        dns: vec!["192.0.2.1".parse().unwrap()],
        ..UplinkSpec::default()
    }
}

fn port(name: &str, mac: &str, carrier: bool) -> UplinkPort {
    let mac = mac.parse().unwrap();
    let (bonded, active) = (true, carrier);
    UplinkPort { name: name.into(), mac, driver: None, carrier, speed: None, bonded, active, neighbor: None }
}

#[test]
fn what_can_be() {
    for good in [
        UplinkSpec::default(),
        fixed(&["192.0.2.7/24"], &["192.0.2.1"]),
        fixed(&["192.0.2.7/24", "2001:db8::7/64"], &["192.0.2.1", "2001:db8::1"]),
        fixed(&["2001:db8::7/64"], &["fe80::1"]),
        fixed(&["10.0.0.0/31"], &["10.0.0.1"]),
        fixed(&["192.0.2.7/24"], &[]),
        UplinkSpec { vlan: Some(4094), mtu: Some(9000), bond: BondMode::Lacp, ..fixed(&["192.0.2.7/24"], &[]) },
        UplinkSpec { search: vec!["example.com".into(), "lan".into()], ..UplinkSpec::default() },
    ] {
        assert_eq!(check(&good, None), Ok(()), "{good:?}");
    }
}

#[test]
fn each_mistake_is_told_where_it_is() {
    let with = |change: fn(&mut UplinkSpec)| {
        let mut spec = fixed(&["192.0.2.7/24"], &["192.0.2.1"]);
        change(&mut spec);
        spec
    };
    let dhcp = |change: fn(&mut UplinkSpec)| {
        let mut spec = UplinkSpec::default();
        change(&mut spec);
        spec
    };
    for (spec, pointer, reason) in [
        (fixed(&[], &[]), "/addresses", "uplink-address-missing"),
        (dhcp(|spec| spec.addresses = vec!["192.0.2.7/24".parse().unwrap()]), "/addresses", "uplink-dhcp"),
        (dhcp(|spec| spec.gateways = vec!["192.0.2.1".parse().unwrap()]), "/gateways", "uplink-dhcp"),
        (fixed(&["192.0.2.0/24"], &[]), "/addresses/0", "uplink-address-network"),
        (fixed(&["192.0.2.255/24"], &[]), "/addresses/0", "uplink-address-broadcast"),
        (fixed(&["127.0.0.1/8"], &[]), "/addresses/0", "uplink-address-unusable"),
        (fixed(&["224.0.0.1/24"], &[]), "/addresses/0", "uplink-address-unusable"),
        (fixed(&["169.254.1.1/16"], &[]), "/addresses/0", "uplink-address-unusable"),
        (fixed(&["fe80::1/64"], &[]), "/addresses/0", "uplink-address-unusable"),
        (fixed(&["::ffff:192.0.2.7/96"], &[]), "/addresses/0", "uplink-address-unusable"),
        (fixed(&["0.1.2.3/24"], &[]), "/addresses/0", "uplink-address-unusable"),
        (fixed(&["192.0.2.7/24", "192.0.2.7/25"], &[]), "/addresses/1", "uplink-twice"),
        (fixed(&["192.0.2.7/24"], &["192.0.3.1"]), "/gateways/0", "uplink-gateway-outside"),
        (fixed(&["192.0.2.7/24"], &["192.0.2.255"]), "/gateways/0", "uplink-gateway-outside"),
        (fixed(&["192.0.2.7/24"], &["192.0.2.0"]), "/gateways/0", "uplink-gateway-outside"),
        (fixed(&["192.0.2.7/24"], &["192.0.2.7"]), "/gateways/0", "uplink-gateway-own"),
        (fixed(&["192.0.2.7/24"], &["2001:db8::1"]), "/gateways/0", "uplink-gateway-family"),
        (fixed(&["192.0.2.7/24"], &["192.0.2.1", "192.0.2.2"]), "/gateways/1", "uplink-gateways"),
        (with(|spec| spec.dns = vec!["0.0.0.0".parse().unwrap()]), "/dns/0", "uplink-address-unusable"),
        (with(|spec| spec.dns = vec!["127.0.0.53".parse().unwrap()]), "/dns/0", "uplink-address-unusable"),
        (with(|spec| spec.dns.push(spec.dns[0])), "/dns/1", "uplink-twice"),
        (with(|spec| spec.search = vec!["a b".into()]), "/search/0", "uplink-domain"),
        (with(|spec| spec.search = vec!["~.".into()]), "/search/0", "uplink-domain"),
        (with(|spec| spec.search = vec!["x\nDNS=203.0.113.66".into()]), "/search/0", "uplink-domain"),
        (with(|spec| spec.vlan = Some(0)), "/vlan", ""),
        (with(|spec| spec.vlan = Some(4095)), "/vlan", ""),
        (with(|spec| spec.mtu = Some(1279)), "/mtu", ""),
        (with(|spec| spec.links = vec!["eno1 eno2".into()]), "/links/0", "uplink-link"),
        (with(|spec| spec.links = vec!["*".into()]), "/links/0", "uplink-link"),
        (with(|spec| spec.links = vec!["!lo".into()]), "/links/0", "uplink-link"),
        (with(|spec| spec.links = vec!["eno1".into(), "eno1".into()]), "/links/1", "uplink-twice"),
    ] {
        let problem = check(&spec, None).unwrap_err();
        assert_eq!(problem.pointer.as_deref(), Some(pointer), "{spec:?}");
        assert_eq!(problem.params.get("reason").map_or("", String::as_str), reason, "{spec:?}");
        assert_ne!(english(&problem), problem.to_string(), "{reason} has no English");
    }
}

#[test]
fn a_port_goes_by_its_name_or_its_mac() {
    let ports = [port("eno1", "52:54:00:00:00:01", true), port("eno2", "52:54:00:00:00:02", false)];
    let named =
        |links: &[&str]| UplinkSpec { links: links.iter().map(|&link| link.into()).collect(), ..UplinkSpec::default() };
    for good in [&["eno1"][..], &["52:54:00:00:00:02"], &["eno1", "gone"], &[]] {
        assert_eq!(check(&named(good), Some(&ports)), Ok(()), "{good:?}");
    }
    let nobody = check(&named(&["gone"]), Some(&ports)).unwrap_err();
    assert_eq!(nobody.params["reason"], "uplink-no-port");
    assert_eq!(warnings(&named(&["eno1"]), &ports), []);
    assert_eq!(warnings(&named(&["eno1", "gone"]), &ports), [UplinkWarning::PortMissing]);
    assert_eq!(warnings(&named(&["eno2"]), &ports), [UplinkWarning::NoCarrier]);
    let bare = UplinkSpec { dns: Vec::new(), ..fixed(&["192.0.2.7/24"], &[]) };
    assert_eq!(warnings(&bare, &ports), [UplinkWarning::NoDns, UplinkWarning::NoGateway]);
}
