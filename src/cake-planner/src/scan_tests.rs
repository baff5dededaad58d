use super::*;
use cake_types::{BmcSpec, FoundRedfish, OperationId};
use jiff::Timestamp;

fn read(text: &str) -> Result<String, Problem> {
    range(text, None, None).map(|range| words(&range))
}

#[test]
fn a_range_is_what_people_write() {
    for (text, expected, count) in [
        ("10.0.0.0/24", "10.0.0.1-10.0.0.254", 254),
        (" 10.0.0.77/24 ", "10.0.0.1-10.0.0.254", 254),
        ("10.0.0.4/31", "10.0.0.4-10.0.0.5", 2),
        ("10.0.0.4/32", "10.0.0.4", 1),
        ("10.0.0.10-10.0.0.99", "10.0.0.10-10.0.0.99", 90),
        ("10.0.0.10 - 99", "10.0.0.10-10.0.0.99", 90),
        ("10.0.0.5", "10.0.0.5", 1),
        ("10.0.16.0/20", "10.0.16.1-10.0.31.254", 4094),
        ("10.0.0.0-10.0.15.255", "10.0.0.0-10.0.15.255", 4096),
        ("fd00::1", "fd00::1", 1),
        ("[fd00::1]-[fd00::20]", "fd00::1-fd00::20", 32),
        ("fd00::/120", "fd00::-fd00::ff", 256),
        ("127.0.0.1", "127.0.0.1", 1),
    ] {
        let range = range(text, None, None).unwrap_or_else(|problem| panic!("{text}: {problem}"));
        assert_eq!((words(&range).as_str(), total(&range)), (expected, count), "{text}");
        assert_eq!(super::range(&words(&range), None, None), Ok(range), "its own words say the same");
        assert_eq!((range.port, range.redfish_port), (623, 443));
    }
}

#[test]
fn what_is_no_range_is_refused_with_its_reason() {
    for (text, reason) in [
        ("", "scan-range"),
        ("rack", "scan-range"),
        ("10.0.0.0/33", "scan-range"),
        ("10.0.0.0/-1", "scan-range"),
        ("10.0.0.0/24/24", "scan-range"),
        ("10.0.0.1-", "scan-range"),
        ("-10.0.0.1", "scan-range"),
        ("10.0.0.1-300", "scan-range"),
        ("10.0.0", "scan-range"),
        ("10.0.0.1,10.0.0.2", "scan-range"),
        ("10.0.0.1:623", "scan-range"),
        ("fd00::/129", "scan-range"),
        ("fd00::1-20", "scan-range"),
        ("10.0.0.9-10.0.0.1", "scan-backwards"),
        ("10.0.0.1-fd00::1", "scan-mixed"),
        ("224.0.0.1", "scan-nobody"),
        ("0.0.0.0", "scan-nobody"),
        ("255.255.255.255", "scan-nobody"),
        ("ff02::1", "scan-nobody"),
    ] {
        let problem = read(text).expect_err(text);
        assert_eq!((problem.code, problem.params["reason"].as_str()), (Code::Invalid, reason), "{text}");
        assert_eq!(problem.pointer.as_deref(), Some("/range"));
    }
    for text in ["10.0.0.0/19", "10.0.0.0-10.0.16.0", "fd00::/64", "::1-fd00::1"] {
        assert_eq!(read(text).expect_err(text).code, Code::OutOfRange, "{text}");
    }
    let ports = |port, redfish| range("10.0.0.1", port, redfish).expect_err("port 0").pointer;
    assert_eq!(ports(Some(0), None).as_deref(), Some("/port"));
    assert_eq!(ports(None, Some(0)).as_deref(), Some("/redfish_port"));
}

#[test]
fn the_networks_of_the_node_are_suggested() {
    let network = |interface: &str, address: &str, prefix| HostNetwork {
        interface: interface.into(),
        address: address.parse().unwrap(),
        prefix,
    };
    let all = [
        network("lo", "127.0.0.1", 8),
        network("eth0", "192.168.7.20", 24),
        network("eth0", "192.168.7.21", 24),
        network("eth1", "10.9.200.3", 8),
        network("eth1", "fd00::3", 64),
        network("eth2", "169.254.3.4", 16),
        network("wg0", "10.3.3.3", 32),
    ];
    assert_eq!(suggested(&all), ["192.168.7.0/24", "10.9.192.0/20"]);
    for text in suggested(&all) {
        assert!(range(&text, None, None).is_ok(), "{text}");
    }
}

fn found(address: &str, ipmi: bool, redfish: Option<&str>) -> FoundBmc {
    let redfish = redfish.map(|vendor| FoundRedfish {
        version: "1.6.0".into(),
        vendor: vendor.into(),
        product: String::new(),
        uuid: Some(Uuid::from_u128(7)),
    });
    FoundBmc { address: address.parse().unwrap(), ipmi, manufacturer: ipmi.then_some(674), redfish }
}

fn scan(redfish_port: u16, found: Vec<FoundBmc>) -> ScanStatus {
    let range = range("10.0.0.0/24", Some(623), Some(redfish_port)).unwrap();
    ScanStatus {
        operation: OperationId(Uuid::nil()),
        range,
        total: total(&range),
        asked: 0,
        started_at: Timestamp::UNIX_EPOCH,
        end: None,
        found,
        more: false,
    }
}

fn spec(access: BmcAccess, host: &str, port: u16) -> ServerSpec {
    let bmc = BmcSpec {
        access,
        host: host.into(),
        port,
        user: "a".into(),
        password: None,
        key: None,
        weak: None,
        next: None,
    };
    ServerSpec { bmc: Some(bmc), ..ServerSpec::default() }
}

#[test]
fn each_is_reached_as_it_answered() {
    let all = vec![
        found("10.0.0.5", true, None),
        found("10.0.0.6", true, Some("Contoso")),
        found("10.0.0.7", false, Some("")),
    ];
    let reached = |port| {
        let found = candidates(&scan(port, all.clone()), &[]);
        found.iter().map(|candidate| (candidate.access, candidate.port)).collect::<Vec<_>>()
    };
    assert_eq!(reached(443), [(BmcAccess::Ipmi, 623), (BmcAccess::Auto, 623), (BmcAccess::Redfish, 443)]);
    assert_eq!(reached(8443), [(BmcAccess::Ipmi, 623), (BmcAccess::Redfish, 8443), (BmcAccess::Redfish, 8443)]);
    let makers: Vec<_> = candidates(&scan(443, all), &[]).into_iter().map(|candidate| candidate.maker).collect();
    assert_eq!(makers, [Some("Dell".into()), Some("Contoso".into()), None]);
}

#[test]
fn who_is_a_server_already_is_marked_and_names_are_free() {
    let (one, two, three): (Name, Name, Name) =
        ("lab-1".parse().unwrap(), "Server-9".parse().unwrap(), "named".parse().unwrap());
    let (by_address, other_port) = (spec(BmcAccess::Ipmi, "10.0.0.5", 623), spec(BmcAccess::Ipmi, "10.0.0.9", 6230));
    let by_name = spec(BmcAccess::Redfish, "bmc.example", 443);
    let known = |id, name, spec, guid| Known { id: ServerId(Uuid::from_u128(id)), name, spec, guid };
    let servers = [
        known(1, &one, &by_address, None),
        known(2, &two, &other_port, None),
        known(3, &three, &by_name, Some(Uuid::from_u128(7))),
    ];
    let all = vec![
        found("10.0.0.5", true, None),
        found("10.0.0.6", false, Some("Contoso")),
        found("10.0.0.9", true, None),
        found("10.0.1.9", true, None),
    ];
    let seen = candidates(&scan(443, all), &servers);
    let already: Vec<_> =
        seen.iter().map(|candidate| candidate.server.as_ref().map(|(_, name)| name.as_str())).collect();
    assert_eq!(already, [Some("lab-1"), Some("named"), None, None], "by address and port, or by what the machine says");
    let names: Vec<_> = seen.iter().map(|candidate| candidate.name.as_str()).collect();
    assert_eq!(names, ["server-5", "server-6", "server-9-2", "server-9-3"]);
}
