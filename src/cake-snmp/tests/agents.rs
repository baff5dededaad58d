//! Against net-snmp: readings are what the agent was told to say, and what its own tools find.

#[path = "support/snmpd.rs"]
mod snmpd;

use cake_snmp::{Agent, Hub, Look, Oid, Pace, SnmpError, Value, look};
use cake_types::{DeviceKind, PduReading, SensorState, SensorUnit};
use snmpd::{Row, Snmpd, gauge, number, octets, text};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;
use tempfile::TempDir;
use zeroize::Zeroizing;

fn hub() -> Hub {
    Hub::new(vec![UdpSocket::bind("127.0.0.1:0").expect("a socket")]).expect("a hub")
}

fn agent(address: SocketAddr, community: &str) -> Agent {
    let pace = Pace { first: Duration::from_millis(200), most: Duration::from_millis(400), tries: 3 };
    hub().agent(address, Zeroizing::new(community.as_bytes().to_vec()), pace).expect("an agent")
}

async fn looked(object: &str, rows: &[Row], kind: DeviceKind) -> (TempDir, Snmpd, Look) {
    let folder = tempfile::tempdir().expect("a folder");
    let snmpd = Snmpd::start(folder.path(), object, rows);
    let look = look(&mut agent(snmpd.address, snmpd.community), kind).await.expect("it is heard");
    (folder, snmpd, look)
}

fn pdu(look: &Look) -> &PduReading {
    look.pdu.as_ref().expect("a PDU")
}

#[tokio::test]
async fn a_strip_of_apc_says_what_it_says() {
    let (_folder, _snmpd, look) = looked(snmpd::APC, &snmpd::apc(229), DeviceKind::Pdu).await;
    let about = &look.about;
    assert_eq!((&*about.maker, &*about.model, &*about.serial), ("APC", "AP8959EU3", "ZA1234567890"));
    assert_eq!((&*about.firmware, &*about.name, &*about.description), ("v6.9.6", "strip", "a strip"));
    let pdu = pdu(&look);
    assert_eq!(pdu.watts, Some(460.0));
    let input = &pdu.inputs[0];
    assert_eq!(
        (input.volts, input.amps, input.watts, input.rated_amps),
        (Some(229.0), Some(2.1), Some(460.0), Some(16.0))
    );
    let outlets: Vec<_> = pdu.outlets.iter().map(|o| (&*o.id, &*o.name, o.on, o.amps, o.watts)).collect();
    assert_eq!(
        outlets,
        [("1", "web 1", Some(true), Some(2.0), Some(455.0)), ("2", "Outlet 2", Some(false), None, None)]
    );
    let sensors: Vec<_> = pdu.sensors.iter().map(|s| (&*s.name, s.value, s.unit, s.state)).collect();
    assert_eq!(
        sensors,
        [
            ("Rear", Some(28.5), SensorUnit::Celsius, SensorState::Ok),
            ("Rear", Some(41.0), SensorUnit::Percent, SensorState::Ok)
        ]
    );
}

/// Those before `rPDU2`: phases and then banks in one table, outlets that are on with 1.
#[tokio::test]
async fn an_older_strip_of_apc() {
    let at = |rest: &str| format!("1.3.6.1.4.1.318.1.1.12.{rest}");
    let rows = [
        text(&at("1.5.0"), "AP7921"),
        number(&at("1.16.0"), 230),
        gauge(&at("2.3.1.1.2.1"), 10),
        gauge(&at("2.3.1.1.2.2"), 6),
        number(&at("2.3.1.1.3.1"), 3),
        number(&at("2.3.1.1.3.2"), 1),
        number(&at("2.3.1.1.5.1"), 0),
        number(&at("2.3.1.1.5.2"), 1),
        number(&at("2.2.1.1.4.1"), 12),
        text(&at("3.5.1.1.2.1"), "a"),
        number(&at("3.5.1.1.4.1"), 1),
        number(&at("3.5.1.1.4.2"), 2),
    ];
    let (_folder, _snmpd, look) = looked(snmpd::APC, &rows, DeviceKind::Pdu).await;
    let pdu = pdu(&look);
    assert_eq!((pdu.watts, pdu.inputs.len()), (Some(230.0), 1));
    let input = &pdu.inputs[0];
    assert_eq!((input.amps, input.rated_amps, input.state), (Some(1.0), Some(12.0), SensorState::UpperNonCritical));
    let on: Vec<_> = pdu.outlets.iter().map(|outlet| outlet.on).collect();
    assert_eq!(on, [Some(true), Some(false)]);
}

#[tokio::test]
async fn a_strip_of_raritan_says_by_which_digits_its_numbers_are_read() {
    let at = |rest: &str| format!("1.3.6.1.4.1.13742.6.{rest}");
    let rows = [
        text(&at("3.2.1.1.2.1"), "Raritan"),
        text(&at("3.2.1.1.3.1"), "PX3-5190R"),
        // Current with three digits, voltage and power with none.
        gauge(&at("3.3.4.1.7.1.1.1"), 3),
        gauge(&at("3.3.4.1.7.1.1.4"), 0),
        gauge(&at("3.3.4.1.7.1.1.5"), 0),
        gauge(&at("3.3.4.1.23.1.1.1"), 16000),
        gauge(&at("5.2.3.1.4.1.1.1"), 2345),
        gauge(&at("5.2.3.1.4.1.1.4"), 231),
        gauge(&at("5.2.3.1.4.1.1.5"), 512),
        number(&at("5.2.3.1.3.1.1.1"), 4),
        text(&at("3.5.3.1.3.1.1"), "db"),
        text(&at("3.5.3.1.3.1.2"), ""),
        number(&at("4.1.2.1.3.1.1"), 7),
        number(&at("4.1.2.1.3.1.2"), 8),
        gauge(&at("3.5.4.1.7.1.1.1"), 3),
        gauge(&at("3.5.4.1.7.1.1.5"), 0),
        gauge(&at("5.4.3.1.4.1.1.1"), 1500),
        gauge(&at("5.4.3.1.4.1.1.5"), 340),
        number(&at("3.6.3.1.2.1.1"), 10),
        text(&at("3.6.3.1.4.1.1"), "Inlet air"),
        gauge(&at("3.6.3.1.17.1.1"), 1),
        number(&at("5.5.3.1.3.1.1"), 5),
        number(&at("5.5.3.1.4.1.1"), 312),
    ];
    let (_folder, _snmpd, look) = looked("1.3.6.1.4.1.13742.6", &rows, DeviceKind::Pdu).await;
    let pdu = pdu(&look);
    let input = &pdu.inputs[0];
    assert_eq!((input.amps, input.volts, input.watts), (Some(2.345), Some(231.0), Some(512.0)));
    assert_eq!((input.rated_amps, pdu.watts), (Some(16.0), Some(512.0)));
    let outlets: Vec<_> = pdu.outlets.iter().map(|o| (&*o.id, &*o.name, o.on, o.amps, o.watts)).collect();
    assert_eq!(outlets, [("1", "db", Some(true), Some(1.5), Some(340.0)), ("2", "", Some(false), None, None)]);
    let sensor = &pdu.sensors[0];
    assert_eq!((&*sensor.name, sensor.value, sensor.state), ("Inlet air", Some(31.2), SensorState::UpperNonCritical));
}

#[tokio::test]
async fn a_chain_of_strips_of_eaton_in_fahrenheit() {
    let at = |rest: &str| format!("1.3.6.1.4.1.534.6.6.7.{rest}");
    let rows = [
        text(&at("1.2.1.2.0"), "EPDU MA 0U"),
        number(&at("1.2.1.9.0"), 1),
        number(&at("3.2.1.3.0.1.1"), 230_500),
        number(&at("3.3.1.3.0.1.1"), 16_000),
        number(&at("3.3.1.4.0.1.1"), 3_250),
        number(&at("3.3.1.5.0.1.1"), 0),
        number(&at("3.5.1.4.0.1"), 700),
        number(&at("3.5.1.4.1.1"), 40),
        text(&at("6.1.1.3.0.1"), "A1"),
        text(&at("6.1.1.3.1.1"), "B1"),
        number(&at("6.6.1.2.0.1"), 1),
        number(&at("6.6.1.2.1.1"), 0),
        number(&at("6.4.1.3.0.1"), 445),
        number(&at("6.5.1.3.0.1"), 51),
        number(&at("6.5.1.3.1.1"), -1),
        text(&at("7.1.1.2.0.1"), "Probe"),
        number(&at("7.1.1.4.0.1"), 770),
        number(&at("7.1.1.5.0.1"), 0),
    ];
    let (_folder, _snmpd, look) = looked("1.3.6.1.4.1.534.6.6.7", &rows, DeviceKind::Pdu).await;
    let pdu = pdu(&look);
    let input = &pdu.inputs[0];
    assert_eq!((input.volts, input.amps, input.rated_amps), (Some(230.5), Some(3.25), Some(16.0)));
    assert_eq!(pdu.watts, Some(740.0), "of both");
    let outlets: Vec<_> = pdu.outlets.iter().map(|o| (&*o.id, o.on, o.amps, o.watts)).collect();
    assert_eq!(outlets, [("1", Some(true), Some(0.445), Some(51.0)), ("1.1", Some(false), None, None)]);
    assert_eq!(pdu.sensors[0].value, Some(25.0));
}

/// Somebody whom no table knows, by what the IETF standardised.
#[tokio::test]
async fn a_strip_of_an_unknown_maker_speaks_the_ietfs_language() {
    let sensor = |rest: &str| format!("1.3.6.1.2.1.99.1.1.1.{rest}");
    let rows = [
        text("1.3.6.1.2.1.33.1.1.1.0", "Acme"),
        number("1.3.6.1.2.1.33.1.3.3.1.3.1", 231),
        number("1.3.6.1.2.1.33.1.3.3.1.4.1", 42),
        number(&sensor("1.7"), 8),
        number(&sensor("2.7"), 9),
        number(&sensor("3.7"), 1),
        number(&sensor("4.7"), 235),
        number(&sensor("5.7"), 1),
        text("1.3.6.1.2.1.47.1.1.1.1.7.7", "Air"),
    ];
    let (_folder, _snmpd, look) = looked("1.3.6.1.4.1.32473.9", &rows, DeviceKind::Pdu).await;
    let pdu = pdu(&look);
    assert_eq!((&*look.about.maker, pdu.inputs[0].volts, pdu.inputs[0].amps), ("Acme", Some(231.0), Some(4.2)));
    assert_eq!((&*pdu.sensors[0].name, pdu.sensors[0].value), ("Air", Some(23.5)));
    let folder = tempfile::tempdir().expect("a folder");
    let nobody = Snmpd::start(folder.path(), "1.3.6.1.4.1.32473.9", &[]);
    let nothing = look_at(&nobody, DeviceKind::Pdu).await;
    assert!(matches!(nothing, Err(SnmpError::Unknown)), "{nothing:?}");
}

async fn look_at(snmpd: &Snmpd, kind: DeviceKind) -> Result<Look, SnmpError> {
    look(&mut agent(snmpd.address, snmpd.community), kind).await
}

#[tokio::test]
async fn a_switch_and_who_is_at_its_ports() {
    let port = |column: &str| format!("1.3.6.1.2.1.2.2.1.{column}.901");
    let named = |column: &str| format!("1.3.6.1.2.1.31.1.1.1.{column}.901");
    let neighbor = |column: &str| format!("1.0.8802.1.1.2.1.4.1.1.{column}.0.17.1");
    let rows = [
        number(&port("3"), 6),
        number(&port("7"), 1),
        number(&port("8"), 1),
        number(&port("14"), 12),
        text(&named("1"), "ge-0/0/17"),
        gauge(&named("15"), 10_000),
        text(&named("18"), "to web-1"),
        text("1.0.8802.1.1.2.1.3.7.1.3.17", "ge-0/0/17"),
        number(&neighbor("4"), 4),
        octets(&neighbor("5"), &[0, 0x11, 0x22, 0x33, 0x44, 0xff]),
        number(&neighbor("6"), 3),
        octets(&neighbor("7"), &[0, 0x11, 0x22, 0x33, 0x44, 0xfe]),
        text(&neighbor("9"), "web-1"),
    ];
    let (_folder, _snmpd, look) = looked("1.3.6.1.4.1.32473.1", &rows, DeviceKind::Switch).await;
    let switch = look.switch.expect("a switch");
    let port = switch.ports.iter().find(|port| port.index == 901).expect("the port");
    assert_eq!((&*port.name, &*port.alias, port.up, port.megabits), ("ge-0/0/17", "to web-1", true, Some(10_000)));
    assert_eq!(port.errors_in, Some(12));
    let neighbor = port.neighbor.as_ref().expect("a neighbour");
    assert_eq!(
        (&*neighbor.chassis, &*neighbor.port, &*neighbor.system),
        ("00:11:22:33:44:ff", "00:11:22:33:44:fe", "web-1")
    );
}

/// The oracle: net-snmp's own manager finds the same names with the same values.
#[tokio::test]
async fn a_walk_finds_what_others_find() {
    let folder = tempfile::tempdir().expect("a folder");
    let snmpd = Snmpd::start(folder.path(), snmpd::APC, &snmpd::apc(230));
    for root in ["1.3.6.1.4.1.318", "1.3.6.1.2.1.1", "1.3.6.1.2.1.2.2"] {
        let theirs = snmpd.walked(root);
        let arcs: Vec<u32> = root.split('.').map(|arc| arc.parse().expect("an arc")).collect();
        let ours = agent(snmpd.address, snmpd.community).walk(Oid::new(arcs).expect("a name")).await.expect("a walk");
        let names: Vec<String> = ours.iter().map(|binding| binding.name.to_string()).collect();
        assert_eq!(names, theirs.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(), "{root}");
        assert!(names.len() >= 7, "{root}: {names:?}");
        for (binding, (name, theirs)) in ours.iter().zip(&theirs) {
            // What counts up meanwhile is another number.
            match &binding.value {
                Value::Integer(number) => assert_eq!(number.to_string(), *theirs, "{name}"),
                Value::Object(oid) => assert_eq!(format!(".{oid}"), *theirs, "{name}"),
                value => {
                    if let Some(text) = value.text(99) {
                        assert!(theirs.contains(&text) || theirs.starts_with('"'), "{name}: {text} {theirs}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn another_community_hears_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let snmpd = Snmpd::start(folder.path(), snmpd::APC, &snmpd::apc(230));
    let mut agent = agent(snmpd.address, "wrong");
    let silent = look(&mut agent, DeviceKind::Pdu).await;
    assert!(matches!(silent, Err(SnmpError::Silent)), "{silent:?}");
    assert_eq!(agent.machine().counters().repeated, 2, "asked again, and given up");
}

/// Who sits beside the agent and answers for it is not heard, and neither is what is no answer.
#[tokio::test]
async fn only_the_agent_answers() {
    let silent = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let asked = silent.local_addr().expect("an address");
    let neighbour = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let reads = std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        let (length, from) = silent.recv_from(&mut buffer).expect("a question");
        let mut answer = buffer[..length].to_vec();
        let tag = answer.iter().position(|byte| *byte == 0xa0).expect("a question");
        answer[tag] = 0xa2;
        neighbour.send_to(&answer, from).expect("it is sent");
        // From the right address: garbage, and the question itself.
        silent.send_to(b"garbage", from).expect("it is sent");
        silent.send_to(&buffer[..length], from).expect("it is sent");
    });
    let heard = look(&mut agent(asked, "c"), DeviceKind::Pdu).await;
    assert!(matches!(heard, Err(SnmpError::Garbled(_))), "{heard:?}");
    reads.join().expect("it ends");
}
