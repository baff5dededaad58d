use super::*;
use cake_types::{Generation, Meta, OsRng, ProjectName, SNMP_PORT, SecretKey, Stamp, seal};
use jiff::Timestamp;
use uuid::Uuid;

/// A PDU on a feed; its outlets feed servers by number.
pub(crate) fn pdu(number: u128, feed: &str, outlets: &[(&str, u128)]) -> Device {
    let key = SecretKey::generate(&mut OsRng).public();
    let meta = Meta {
        id: DeviceId(Uuid::from_u128(number)),
        project: ProjectName::default(),
        name: format!("pdu-{number}").parse().unwrap(),
        generation: Generation(1),
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
    };
    let used = |(outlet, server): &(&str, u128)| OutletUse {
        outlet: (*outlet).to_owned(),
        server: ServerId(Uuid::from_u128(*server)),
    };
    let spec = DeviceSpec {
        kind: DeviceKind::Pdu,
        host: format!("10.0.0.{number}"),
        port: SNMP_PORT,
        community: seal(&"c".to_owned(), &[key], &mut OsRng).unwrap(),
        feed: Some(feed.to_owned()).filter(|feed| !feed.is_empty()),
        rated_amps: None,
        outlets: outlets.iter().map(used).collect(),
        note: String::new(),
    };
    Device { meta, spec }
}

/// What a PDU says with so many volts and amperes at its one input.
pub(crate) fn status(volts: f64, amps: f64) -> DeviceStatus {
    let input = PduInput { id: "1".into(), volts: Some(volts), amps: Some(amps), ..PduInput::default() };
    let outlet = |id: &str| Outlet { id: id.into(), on: Some(true), ..Outlet::default() };
    let reading = PduReading { inputs: vec![input], outlets: vec![outlet("1"), outlet("2")], ..PduReading::default() };
    DeviceStatus {
        read_at: Some("2026-11-21T11:59:00Z".parse().unwrap()),
        pdu: Some(reading),
        ..DeviceStatus::unheard(Stamp::default())
    }
}

#[test]
fn the_worst_of_what_is_so() {
    let mut device = pdu(1, "A", &[]);
    let health = |device: &Device, status: &DeviceStatus| {
        super::health(&DeviceSeen { device, status: Some(status), cabling: None })
    };
    assert_eq!(super::health(&DeviceSeen { device: &device, status: None, cabling: None }), ServerHealth::Unheard);
    assert_eq!(health(&device, &status(230.0, 15.0)), ServerHealth::Well, "nobody knows what it may draw");
    device.spec.rated_amps = Some(16);
    assert_eq!(health(&device, &status(230.0, 12.0)), ServerHealth::Well);
    assert_eq!(health(&device, &status(230.0, 12.8)), ServerHealth::Warning);
    assert_eq!(health(&device, &status(230.0, 16.0)), ServerHealth::Critical);
    assert_eq!(health(&device, &status(0.0, 0.0)), ServerHealth::Critical, "nothing comes in");
    let mut said = status(230.0, 1.0);
    said.pdu.as_mut().unwrap().inputs[0].state = SensorState::UpperNonCritical;
    assert_eq!(health(&device, &said), ServerHealth::Warning, "the unit has a limit of its own");
    said.problem = Some(cake_types::SnmpProblem::Silent);
    assert_eq!(health(&device, &said), ServerHealth::Unheard, "old news is no news");
    let mut both = status(230.0, 9.0);
    both.pdu.as_mut().unwrap().inputs[0].rated_amps = Some(10.0);
    assert_eq!(health(&device, &both), ServerHealth::Warning, "the smaller of two limits");
}

#[test]
fn a_server_hangs_on_its_outlets() {
    let (a, b) = (pdu(1, "A", &[("10", 7), ("2", 7)]), pdu(2, "B", &[("1", 8), ("2", 7)]));
    let well = status(230.0, 1.0);
    let seen = [
        DeviceSeen { device: &b, status: Some(&well), cabling: None },
        DeviceSeen { device: &a, status: Some(&well), cabling: None },
    ];
    let server = |number| supplies(ServerId(Uuid::from_u128(number)), &seen);
    let told: Vec<_> = server(7).iter().map(|supply| (supply.feed().unwrap(), supply.outlet)).collect();
    assert_eq!(told, [("A", "2"), ("A", "10"), ("B", "2")]);
    assert_eq!(server(7)[0].reading.and_then(|reading| reading.on), Some(true));
    assert!(server(7)[1].reading.is_none(), "the unit has no outlet 10");
    assert!(server(9).is_empty());
    assert_eq!(feeds(&seen).keys().copied().collect::<Vec<_>>(), ["A", "B"]);
    assert_eq!(shared(&server(7), 2), None);
    assert_eq!(shared(&server(7)[..2], 2), Some("A"));
    assert_eq!(shared(&server(7)[..2], 1), None, "there is no other feed");
    assert_eq!(shared(&server(8), 2), None, "it has one supply only");
}

#[test]
fn what_can_be_said_of_a_device() {
    assert_eq!(feed(" a "), Ok(Some("A".into())));
    assert_eq!(feed("左"), Ok(Some("左".into())));
    assert_eq!(feed(" "), Ok(None));
    assert!(feed(&"x".repeat(17)).is_err() && feed("a\nb").is_err());
    assert!(community("public").is_ok());
    assert!(community("").is_err() && community(&"c".repeat(65)).is_err() && community("ü").is_err());
    assert!(host("10.0.0.1").is_ok() && host("http://pdu").is_err() && host("").is_err());
    assert!(rated_amps(16).is_ok() && rated_amps(0).is_err() && rated_amps(1001).is_err());
    let uses = |names: &[&str]| {
        let used = |name: &&str| OutletUse { outlet: (*name).into(), server: ServerId(Uuid::nil()) };
        outlets(names.iter().map(used).collect())
    };
    let sorted: Vec<String> = uses(&["10", " 2", "2.1"]).unwrap().into_iter().map(|used| used.outlet).collect();
    assert_eq!(sorted, ["2", "2.1", "10"]);
    for bad in [&["a"][..], &[""], &["1", "1"], &["1."], &["123456"], &["1.2.3.4.5.6.7.8.9"]] {
        assert!(uses(bad).is_err(), "{bad:?}");
    }
    let others = [(pdu(1, "A", &[]).meta.id, "pdu-1".parse().unwrap(), pdu(1, "A", &[]).spec)];
    let code = |spec: &DeviceSpec, own| fits(spec, own, &others).err().map(|problem| problem.code);
    assert_eq!(code(&pdu(1, "B", &[]).spec, None), Some(Code::DeviceTaken));
    assert_eq!(code(&pdu(1, "B", &[]).spec, Some(others[0].0)), None, "it does not stand in its own way");
    assert_eq!(code(&pdu(2, "B", &[]).spec, None), None);
}

#[test]
fn a_load_that_swings_does_not_come_and_go() {
    let at = |amps: f64| Load { state: SensorState::Ok, amps: Some(amps), limit: Some(16.0) };
    let (warning, error) = (Some(Severity::Warning), Some(Severity::Error));
    for (amps, before, after) in [
        (12.7, None, None),
        (12.8, None, warning),
        (12.7, warning, warning),
        (11.9, warning, None),
        (16.0, warning, error),
        (15.5, error, error),
        (15.5, warning, warning),
        (15.0, error, warning),
        (11.9, error, None),
    ] {
        assert_eq!(at(amps).severity_after(before), after, "{amps} A after {before:?}");
    }
}
