//! Sensors, events and parts of a machine, by the newer and the older schema.

use super::machine::{self, CHASSIS, DRIVE, ENTRIES, SYSTEM, collection, put};
use cake_bmc::redfish::{Choice, Options};
use cake_bmc::{Bmc, BmcError, Reading};
use cake_types::{ChassisStatus, PartFact, PowerRestore, Sensor, SensorGroup, SensorState, SensorUnit};
use serde_json::json;

pub fn sensor<'a>(reading: &'a Reading, name: &str) -> &'a Sensor {
    let found = reading.sensors.iter().find(|sensor| sensor.name == name);
    found.unwrap_or_else(|| panic!("no {name} among {:#?}", reading.sensors))
}

fn told(reading: &Reading, name: &str) -> (SensorGroup, SensorUnit, Option<f64>, SensorState) {
    let sensor = sensor(reading, name);
    (sensor.group, sensor.unit, sensor.value, sensor.state)
}

#[tokio::test]
async fn the_newer_schema_is_read() {
    let (server, _machine) = machine::start(machine::newer()).await;
    let mut bmc = server.bmc();
    let reading = bmc.read().await.expect("a reading");
    assert!(!bmc.partial());

    let heat = (SensorGroup::Temperature, SensorUnit::Celsius);
    assert_eq!(told(&reading, "Inlet"), (heat.0, heat.1, Some(22.5), SensorState::Ok));
    assert_eq!(sensor(&reading, "Inlet").id, format!("{CHASSIS}/Sensors/Inlet"));
    assert_eq!(sensor(&reading, "Inlet").limits.upper_critical, Some(42.0));
    assert_eq!(told(&reading, "Fan 1"), (SensorGroup::Fan, SensorUnit::Rpm, Some(900.0), SensorState::LowerCritical));
    assert_eq!(told(&reading, "DIMM 7"), (heat.0, heat.1, None, SensorState::Absent), "absent is not zero degrees");
    assert_eq!(told(&reading, "VRM"), (SensorGroup::Voltage, SensorUnit::Volt, None, SensorState::ScanningDisabled));
    assert_eq!(told(&reading, "CPU 2"), (heat.0, heat.1, None, SensorState::Unavailable));
    assert_eq!(
        told(&reading, "Total"),
        (SensorGroup::Power, SensorUnit::Watt, Some(374.0), SensorState::Ok),
        "a number in a text"
    );
    assert_eq!(told(&reading, "Rear fan"), (SensorGroup::Fan, SensorUnit::Percent, Some(45.0), SensorState::Ok));
    assert_eq!(
        told(&reading, "web 1"),
        (SensorGroup::System, SensorUnit::None, None, SensorState::Warning),
        "rolled up"
    );
    assert_eq!(told(&reading, "PSU 2"), (SensorGroup::PowerSupply, SensorUnit::None, None, SensorState::Critical));
    assert_eq!(
        told(&reading, "Bay 0"),
        (SensorGroup::Drive, SensorUnit::Percent, Some(7.0), SensorState::Warning),
        "it will fail"
    );
    assert_eq!(reading.watts, Some(374.0));
    let status = ChassisStatus {
        on: true,
        restore: Some(PowerRestore::AsBefore),
        identify: Some(false),
        intrusion: false,
        power_fault: true,
        cooling_fault: true,
        drive_fault: false,
    };
    assert_eq!(reading.chassis, Some(status));

    let device = bmc.device().await.expect("a device");
    assert_eq!((device.firmware.as_str(), device.protocol.as_str(), device.laboratory), ("2.10", "1.15.0", false));
    assert_eq!(device.guid.expect("a GUID").to_string(), "38947555-7742-3448-3784-823347823834");
    assert_eq!(bmc.choice(), Some((Choice::Only, SYSTEM)));
}

#[tokio::test]
async fn the_older_schema_is_read() {
    let (server, _machine) = machine::start(machine::older()).await;
    let reading = server.bmc().read().await.expect("a reading");
    let inlet = sensor(&reading, "Inlet");
    assert_eq!((inlet.value, inlet.state), (Some(39.5), SensorState::UpperNonCritical));
    assert_eq!(inlet.id, format!("{CHASSIS}/Thermal#/Temperatures/0"));
    assert_eq!(told(&reading, "Fan 1"), (SensorGroup::Fan, SensorUnit::Percent, Some(45.0), SensorState::Ok));
    assert_eq!(
        sensor(&reading, "Fan 1").id,
        format!("{CHASSIS}/Thermal#/Fans/0"),
        "where it lies, when it does not say"
    );
    assert_eq!(told(&reading, "Fan 2"), (SensorGroup::Fan, SensorUnit::Rpm, Some(5400.0), SensorState::Ok));
    assert_eq!(told(&reading, "12V"), (SensorGroup::Voltage, SensorUnit::Volt, Some(12.1), SensorState::Ok));
    assert_eq!(told(&reading, "PSU 1"), (SensorGroup::PowerSupply, SensorUnit::None, None, SensorState::Ok));
    assert_eq!(reading.sensors.iter().filter(|sensor| sensor.name == "PSU 1").count(), 1);
    assert_eq!(told(&reading, "System"), (SensorGroup::Power, SensorUnit::Watt, Some(344.0), SensorState::Ok));
    assert_eq!(reading.watts, Some(344.0));
}

#[tokio::test]
async fn a_bmc_that_can_is_asked_for_all_sensors_at_once() {
    let mut tree = machine::newer();
    let features = json!({ "ExpandQuery": { "NoLinks": true, "Levels": true } });
    tree.get_mut("/redfish/v1/").expect("a root")["ProtocolFeaturesSupported"] = features;
    let (server, machine) = machine::start(tree).await;
    let alone = server.bmc().read().await.expect("a reading");
    let asked = server.heard();
    assert!(asked.iter().any(|asked| asked.ends_with("/Sensors/Inlet")), "it says that it can, and can't: {asked:#?}");

    machine.lock().expect("a lock").expands = true;
    let mut bmc = server.bmc();
    assert_eq!(bmc.read().await.expect("a reading"), alone);
    let asked = server.heard();
    assert!(asked.contains(&format!("GET {CHASSIS}/Sensors?$expand=.($levels=1)")));
    assert!(!asked.iter().any(|asked| asked.ends_with("/Sensors/Inlet")), "{asked:#?}");
    bmc.read().await.expect("a reading");
    let each = [
        SYSTEM.to_owned(),
        CHASSIS.to_owned(),
        format!("{CHASSIS}/Sensors?$expand=.($levels=1)"),
        format!("{CHASSIS}/EnvironmentMetrics"),
    ];
    assert_eq!(server.heard(), each.map(|path| format!("GET {path}")), "what a reading costs once the tree is known");
}

#[tokio::test]
async fn a_sensor_that_can_not_be_read_for_once_is_shown_without_a_value() {
    let (server, machine) = machine::start(machine::newer()).await;
    let mut bmc = server.bmc();
    bmc.read().await.expect("a reading");
    let inlet = format!("{CHASSIS}/Sensors/Inlet");
    let document = machine.lock().expect("a lock").tree.remove(&inlet).expect("a sensor");
    let reading = bmc.read().await.expect("a reading");
    assert!(bmc.partial());
    assert_eq!((sensor(&reading, "Inlet").value, sensor(&reading, "Inlet").state), (None, SensorState::Unavailable));
    assert_eq!(sensor(&reading, "Fan 1").value, Some(900.0), "the rest is shown");
    machine.lock().expect("a lock").tree.insert(inlet, document);
    let reading = bmc.read().await.expect("a reading");
    assert_eq!(sensor(&reading, "Inlet").value, Some(22.5));
    assert!(!bmc.partial());
}

#[tokio::test]
async fn of_several_machines_the_one_that_was_asked_for_is_read_else_the_first() {
    let mut tree = machine::newer();
    let second = "/redfish/v1/Systems/2";
    collection(&mut tree, "/redfish/v1/Systems", &[SYSTEM.to_owned(), second.to_owned()]);
    put(
        &mut tree,
        second,
        json!({ "Id": "2", "Name": "web 2", "UUID": "5F3B2A10-0000-4000-8000-00000000000A", "PowerState": "Off" }),
    );
    let (server, _machine) = machine::start(tree).await;
    let asking = |system: Option<&str>| Options { system: system.map(str::to_owned), ..server.options() };

    let mut first = cake_bmc::redfish::Redfish::new(server.dial(), asking(None));
    first.read().await.expect("a reading");
    assert_eq!(first.choice(), Some((Choice::First { of: 2 }, SYSTEM)));
    for wanted in [second, "/redfish/v1/Systems/2/", "5f3b2a10-0000-4000-8000-00000000000a"] {
        let mut bmc = cake_bmc::redfish::Redfish::new(server.dial(), asking(Some(wanted)));
        let reading = bmc.read().await.expect("a reading");
        assert_eq!(bmc.choice(), Some((Choice::Asked, second)));
        assert!(!reading.chassis.expect("a chassis").on);
        assert_eq!(reading.sensors.len(), 1, "the other's sensors are not its own: {:#?}", reading.sensors);
    }
    let mut none = cake_bmc::redfish::Redfish::new(server.dial(), asking(Some("/redfish/v1/Systems/3")));
    assert!(matches!(none.read().await, Err(BmcError::NoSystem)));
}

#[tokio::test]
async fn the_log_is_read_by_pages_and_told_once() {
    let mut tree = machine::newer();
    machine::log(&mut tree, 120);
    let (server, machine) = machine::start(tree).await;
    let mut bmc = server.bmc();
    let log = bmc.events(None).await.expect("a log");
    assert_eq!((log.events.len(), log.anew, log.overflowed), (120, false, false));
    assert_eq!(log.events[0].id, format!("{ENTRIES}/1"));
    assert_eq!(log.events[119].fact.text.as_deref(), Some("something happened 120"));
    let known = log.events[119].id.clone();
    assert_eq!(bmc.events(Some(&known)).await.expect("a log").events, []);

    machine::log(&mut machine.lock().expect("a lock").tree, 122);
    let newer = bmc.events(Some(&known)).await.expect("a log");
    assert_eq!((newer.events.len(), newer.anew), (2, false));
    bmc.clear_events().await.expect("a clear log");
    machine::log(&mut machine.lock().expect("a lock").tree, 1);
    let anew = bmc.events(Some(&known)).await.expect("a log");
    assert_eq!((anew.events.len(), anew.anew), (1, true));
}

#[tokio::test]
async fn entries_that_are_links_are_asked_for_once() {
    let mut tree = machine::newer();
    let paths: Vec<_> = (1..=20).map(|number| format!("{ENTRIES}/{number}")).collect();
    collection(&mut tree, ENTRIES, &paths);
    for path in &paths {
        put(&mut tree, path, json!({ "Id": "x", "Name": "Entry", "Message": "something", "Severity": "OK" }));
    }
    let (server, _machine) = machine::start(tree).await;
    let mut bmc = server.bmc();
    assert_eq!(bmc.events(None).await.expect("a log").events.len(), 20);
    server.heard();
    assert_eq!(bmc.events(Some(&paths[18])).await.expect("a log").events.len(), 1);
    assert!(!server.heard().iter().any(|asked| asked.contains("/Entries/")), "an entry never changes");
}

#[tokio::test]
async fn parts_have_their_name_plates() {
    for tree in [machine::newer(), machine::older()] {
        let (server, _machine) = machine::start(tree).await;
        let parts = server.bmc().parts().await.expect("parts");
        let field = |name: &str, what: PartFact| {
            let part =
                parts.iter().find(|part| part.name == name).unwrap_or_else(|| panic!("no {name} among {parts:#?}"));
            part.fields.iter().find(|field| field.what == what).map(|field| field.text.clone())
        };
        assert_eq!(field("web 1", PartFact::ProductSerial).as_deref(), Some("S-1"));
        assert_eq!(field("web 1", PartFact::ProductVersion).as_deref(), Some("1.2"));
        assert_eq!(field("Chassis", PartFact::ChassisSerial).as_deref(), Some("C-1"));
        assert_eq!(field("BMC", PartFact::ProductVersion).as_deref(), Some("2.10"));
        assert_eq!(field("Processor", PartFact::ProductMaker).as_deref(), Some("Acme"));
        assert_eq!(
            field("DIMM A1", PartFact::ProductSerial).as_deref(),
            Some("12345"),
            "a serial number that came as a number"
        );
        assert_eq!(field("Bay 0", PartFact::ProductSerial).as_deref(), Some("D-0"));
        assert_eq!(field("PSU 1", PartFact::ProductSerial).as_deref(), Some("PS-1"));
        assert!(!parts.iter().any(|part| part.name == "DIMM A2"), "an empty slot is no part");
        assert!(parts.iter().any(|part| part.id == DRIVE));
    }
}
