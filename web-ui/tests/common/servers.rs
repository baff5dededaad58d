//! Physical machines of every kind: well, warning, critical, silent, refused, without a BMC, off, and one that a program plays.

use super::Rack;
use super::sample::{ago, id, made, meta};
use cake_planner::scan::{Known, candidates, range, total};
use cake_planner::server::health;
use cake_types::{
    BmcDrive, EnergyPrice, FoundBmc, FoundRedfish, HeldBack, OperationId, Part, PowerCap, Priority, Problem, ScanEnd,
    ScanStatus, Server, ServerEvent, ServerId, ServerStatus, TaskId,
};
use cake_web::{BudgetView, EnergyPart, EnergyView, ScanView, ServerEnergyView, ServerLogView, ServerView, VmView};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

struct Machine {
    name: &'static str,
    place: Option<(u8, u8)>,
    bmc: Option<&'static str>,
    on: bool,
    watts: f64,
    problem: Option<&'static str>,
    /// What is the matter.
    kind: &'static str,
}

const MACHINES: [Machine; 9] = [
    Machine {
        name: "cake-1",
        place: Some((1, 2)),
        bmc: Some("192.0.2.51"),
        on: true,
        watts: 312.0,
        problem: None,
        kind: "node",
    },
    Machine {
        name: "store-1",
        place: Some((4, 4)),
        bmc: Some("192.0.2.52"),
        on: true,
        watts: 486.0,
        problem: None,
        kind: "warning",
    },
    Machine {
        name: "render-7",
        place: Some((9, 2)),
        bmc: Some("2001:db8::53"),
        on: true,
        watts: 921.0,
        problem: None,
        kind: "critical",
    },
    Machine {
        name: "old-mail",
        place: Some((12, 1)),
        bmc: Some("bmc-mail.example.com"),
        on: true,
        watts: 0.0,
        problem: Some("silent"),
        kind: "well",
    },
    Machine {
        name: "會計備援主機",
        place: Some((13, 1)),
        bmc: Some("192.0.2.55"),
        on: true,
        watts: 0.0,
        problem: Some("refused"),
        kind: "never",
    },
    Machine {
        name: "spare",
        place: Some((14, 1)),
        bmc: Some("192.0.2.56"),
        on: false,
        watts: 9.0,
        problem: None,
        kind: "off",
    },
    Machine { name: "switch-server", place: None, bmc: None, on: true, watts: 0.0, problem: None, kind: "none" },
    Machine {
        name: "lab",
        place: None,
        bmc: Some("127.0.0.1"),
        on: true,
        watts: 145.0,
        problem: None,
        kind: "laboratory",
    },
    Machine {
        name: "just-added",
        place: None,
        bmc: Some("192.0.2.58"),
        on: true,
        watts: 0.0,
        problem: None,
        kind: "new",
    },
];

/// The machine with this number, from 1.
pub fn server_id(number: u32) -> Uuid {
    id(18, number)
}

pub fn rack() -> Vec<Arc<ServerView>> {
    MACHINES.iter().zip(1..).map(|(machine, number)| view(machine, number)).collect()
}

fn view(machine: &Machine, number: u32) -> Arc<ServerView> {
    let bmc = machine.bmc.map(|host| {
        json!({ "access": if machine.kind == "critical" { "redfish" } else { "ipmi" }, "host": host,
                "port": if machine.kind == "critical" { 443 } else { 623 }, "user": "cake" })
    });
    let is_node = machine.kind == "node";
    let server: Server = made(json!({
        "meta": meta(server_id(number), machine.name, 3000),
        "spec": {
            "bmc": bmc, "node": is_node.then(|| id(3, 1)),
            "place": machine.place.map(|(unit, height)| json!({ "unit": unit, "height": height })),
            "note": if is_node { "Bought in 2023.\nWarranty until 2028-03." } else { "" },
        },
    }));
    let status = (!matches!(machine.kind, "none" | "new")).then(|| status(machine));
    let health = health(&server.spec, status.as_ref());
    let node = is_node.then(|| "cake-1".parse().expect("a name"));
    Arc::new(ServerView { server, status, health, node, etag: format!("\"m-{number}\"") })
}

fn status(machine: &Machine) -> ServerStatus {
    let read = machine.kind != "never";
    let at = if machine.problem.is_some() { ago(190) } else { ago(0) };
    made(json!({
        "stamp": { "epoch": 4, "generation": 3 },
        "problem": machine.problem,
        "read_at": read.then_some(at),
        "chassis": read.then(|| json!({
            "on": machine.on, "restore": "as-before", "identify": machine.kind == "critical",
            "intrusion": machine.kind == "warning", "power_fault": false, "cooling_fault": machine.kind == "critical",
            "drive_fault": false,
        })),
        "device": read.then(|| json!({
            "manufacturer": if machine.kind == "critical" { 674 } else { 10876 }, "product": 2404, "firmware": "3.77",
            "protocol": "2.0", "guid": "31303043-534d-2500-90b4-2500b4900000", "laboratory": machine.kind == "laboratory",
        })),
        "sensors": if read { sensors(machine) } else { json!([]) },
        "cap": read.then(|| match machine.kind {
            "node" => json!({ "watts": 350, "least": 150, "most": 750 }),
            "warning" => json!({ "watts": 500, "trouble": "failed" }),
            "critical" => json!({}),
            _ => json!({ "trouble": "unsupported" }),
        }),
        "trends": if machine.kind == "warning" { json!([{ "sensor": "20.0.42", "name": "FAN2", "unit": "rpm", "kind": "falls",
            "value": 5300.0, "limit": 700.0, "per_day": -920.0, "hours": 120.0 }]) } else { json!([]) },
        "watts": (read && machine.watts > 0.0).then_some(machine.watts),
    }))
}

fn sensors(machine: &Machine) -> Value {
    let hot = machine.kind == "critical";
    let mut list = vec![
        degrees("Inlet Temp", 23.0, "ok", (0x37, 1)),
        degrees("Exhaust Temp", if hot { 58.0 } else { 37.0 }, "ok", (0x07, 1)),
        degrees("CPU1 Temp", if hot { 91.0 } else { 52.0 }, if hot { "upper-critical" } else { "ok" }, (0x03, 1)),
        degrees("CPU2 Temp", if hot { 79.5 } else { 48.0 }, if hot { "upper-non-critical" } else { "ok" }, (0x03, 2)),
        json!({ "id": "20.0.41", "name": "FAN1", "group": "fan", "unit": "rpm", "value": if hot { 300 } else { 5400 },
                "state": if hot { "lower-critical" } else { "ok" }, "limits": { "lower_critical": 500, "lower_non_critical": 700 } }),
        json!({ "id": "20.0.42", "name": "FAN2", "group": "fan", "unit": "rpm", "value": 5300, "state": "ok",
                "limits": { "lower_critical": 500, "lower_non_critical": 700 } }),
        json!({ "id": "20.0.30", "name": "12V", "group": "voltage", "unit": "volt", "value": 12.192, "state": "ok", "limits": {
                "lower_critical": 10.6, "lower_non_critical": 10.9, "upper_non_critical": 13.1, "upper_critical": 13.4 } }),
        json!({ "id": "20.0.31", "name": "VBAT", "group": "voltage", "unit": "volt",
                "value": if machine.kind == "warning" { 2.62 } else { 3.02 },
                "state": if machine.kind == "warning" { "lower-non-critical" } else { "ok" },
                "limits": { "lower_critical": 2.4, "lower_non_critical": 2.7 } }),
        json!({ "id": "20.0.50", "name": "PS1 Status", "group": "power-supply", "unit": "none", "state": "ok",
                "facts": [{ "key": "ipmi-6f-08-00", "severity": "info" }], "entity": { "id": 10, "instance": 1 } }),
        json!({ "id": "20.0.51", "name": "PS2 Status", "group": "power-supply", "unit": "none",
                "state": if hot { "critical" } else { "ok" }, "entity": { "id": 10, "instance": 2 },
                "facts": [{ "key": if hot { "ipmi-6f-08-01" } else { "ipmi-6f-08-00" }, "severity": if hot { "error" } else { "info" } }] }),
        json!({ "id": "20.0.60", "name": "Pwr Consumption", "group": "power", "unit": "watt", "value": machine.watts, "state": "ok",
                "limits": { "upper_non_critical": 1100, "upper_critical": 1200 } }),
        json!({ "id": "20.0.70", "name": "OEM State", "group": "other", "unit": "none", "state": "ok",
                "facts": [{ "key": "ipmi-oem-c0-01", "severity": "info", "text": "OEM c0: 0x8001" }] }),
    ];
    for slot in ["DIMMA2 Temp", "DIMMB2 Temp", "FAN5", "FAN6"] {
        list.push(
            json!({ "id": format!("20.0.{slot}"), "name": slot, "group": "other", "unit": "none", "state": "absent" }),
        );
    }
    list.push(json!({ "id": "20.0.99", "name": "SEL", "group": "system", "unit": "none", "state": "event-only" }));
    if !machine.on {
        for sensor in &mut list[1..] {
            sensor["state"] = json!("scanning-disabled");
            sensor.as_object_mut().expect("an object").remove("value");
        }
    }
    list.into()
}

fn degrees(name: &str, value: f64, state: &str, of: (u8, u8)) -> Value {
    let number = name.bytes().fold(0_u8, u8::wrapping_add);
    json!({ "id": format!("20.0.{number:02x}"), "number": number, "name": name, "group": "temperature", "unit": "celsius",
            "value": value, "state": state, "entity": { "id": of.0, "instance": of.1 }, "limits": {
            "lower_critical": -7, "lower_non_critical": 3, "upper_non_critical": 78, "upper_critical": 85 } })
}

/// This month is half known, the last wholly; whoever draws nothing has none.
pub fn energy(servers: &[Arc<ServerView>], vms: &[Arc<VmView>]) -> EnergyView {
    let drawn = |view: &Arc<ServerView>| view.status.as_ref().and_then(|status| status.watts);
    let part =
        |watts: f64, hours: f64, known: f64| EnergyPart { kilowatt_hours: watts * hours * known / 1000.0, known };
    let of = |view: &Arc<ServerView>| {
        let watts = drawn(view)?;
        let (id, name) = (view.server.meta.id, view.server.meta.name.clone());
        let (this_month, last_month) = (part(watts, 300.0, 0.5), part(watts, 720.0, 1.0));
        Some(ServerEnergyView { id, name, watts: Some(watts), this_month, last_month })
    };
    let servers: Vec<_> = servers.iter().filter_map(of).collect();
    let parts = if servers.is_empty() { &[][..] } else { &vms[..vms.len().min(3)] };
    let watts = (!servers.is_empty()).then(|| servers.iter().filter_map(|server| server.watts).sum());
    let sum = |of: fn(&ServerEnergyView) -> EnergyPart, known| {
        let kilowatt_hours = servers.iter().map(of).map(|part| part.kilowatt_hours).sum();
        EnergyPart { kilowatt_hours, known }
    };
    let (this_month, last_month) = (sum(|server| server.this_month, 0.5), sum(|server| server.last_month, 1.0));
    EnergyView {
        servers,
        watts,
        price: Some(EnergyPrice { millis: 4270, currency: "TWD".into() }),
        this_month,
        last_month,
        vms: parts.iter().map(|view| (view.vm.meta.id, view.vm.meta.name.clone(), 40.4)).collect(),
    }
}

/// As the servers themselves say: whoever is held back is.
pub fn budget(servers: &[Arc<ServerView>], budget: Option<u32>) -> BudgetView {
    let watts = |view: &Arc<ServerView>| view.status.as_ref().and_then(|status| status.watts);
    let drawn = servers.iter().filter_map(watts).sum::<f64>() as u32;
    let held = |view: &Arc<ServerView>| {
        let at = view.server.spec.held.and_then(|held| held.watts)?;
        Some((view.server.meta.id, view.server.meta.name.clone(), at, view.node.as_ref().map(|_| Priority::Low)))
    };
    let silent = servers.iter().filter(|view| watts(view).is_none()).count();
    let exceeded = budget.is_some_and(|budget| drawn > budget);
    BudgetView { budget, drawn, silent, exceeded, held: servers.iter().filter_map(held).collect() }
}

/// The busy rack with a budget, and its first server held back.
pub fn short_of_power(budget: u32) -> Rack {
    let mut rack = super::busy();
    rack.settings.as_mut().expect("it is set up").settings.power_budget = Some(budget);
    let servers = rack.servers.get_mut().expect("no panic held it");
    let node = servers.iter_mut().find(|view| view.node.is_some()).expect("a node's server");
    let view = Arc::make_mut(node);
    view.server.spec.held = Some(HeldBack { watts: Some(200), since: view.server.meta.created_at });
    view.server.spec.cap = Some(PowerCap { watts: Some(300) });
    if let Some(cap) = view.status.as_mut().and_then(|status| status.cap.as_mut()) {
        cap.watts = Some(200);
    }
    rack
}

pub fn logs() -> BTreeMap<ServerId, ServerLogView> {
    let event =
        |number: u32, minutes: Option<i64>, name: &str, fact: Value, asserted: bool, values: Option<(f64, f64)>| {
            let event: ServerEvent = made(json!({
                "id": number.to_string(), "at": minutes.map(ago), "name": name, "fact": fact, "asserted": asserted,
                "value": values.map(|values| values.0), "limit": values.map(|values| values.1), "unit": "celsius",
                "raw": "0a0002b4a1f55f20000401305901ff5b",
            }));
            event
        };
    let known = |key: &str, severity: &str| json!({ "key": key, "severity": severity });
    let events = vec![
        event(5, Some(4), "CPU1 Temp", known("ipmi-01-09", "error"), true, Some((91.0, 85.0))),
        event(4, Some(9), "CPU1 Temp", known("ipmi-01-07", "warning"), true, Some((80.0, 78.0))),
        event(3, Some(3000), "PS2 Status", known("ipmi-6f-08-03", "error"), false, None),
        event(2, Some(3010), "PS2 Status", known("ipmi-6f-08-03", "error"), true, None),
        event(1, None, "", json!({ "key": "ipmi-oem-c1", "severity": "info", "text": "OEM c1" }), true, None),
    ];
    [1, 2, 3, 6, 8]
        .map(|number| {
            (
                ServerId(server_id(number)),
                ServerLogView { events: events.clone(), overflowed: number == 2, full: Some(34) },
            )
        })
        .into()
}

pub fn parts() -> BTreeMap<ServerId, Vec<Part>> {
    let parts: Vec<Part> = made(json!([
        { "id": "0", "name": "Builtin FRU Device", "entity": { "id": 7, "instance": 1 }, "fields": [
            { "what": "chassis-kind", "text": "17" }, { "what": "product-maker", "text": "Supermicro" },
            { "what": "product-name", "text": "SYS-620P-TRT" }, { "what": "product-serial", "text": "S421530X2A11872" },
            { "what": "board-made", "text": "2023-04-11T08:12:00Z" }, { "what": "extra", "text": "Rev 1.2" } ] },
        { "id": "1", "name": "PSU1", "entity": { "id": 10, "instance": 1 }, "fields": [
            { "what": "product-part", "text": "PWS-1K24A-1R" }, { "what": "product-serial", "text": "P1K24CL19Q" } ] },
        { "id": "2", "name": "PSU2", "entity": { "id": 10, "instance": 2 }, "trouble": "checksum" },
    ]));
    [1, 2, 3, 8].map(|number| (ServerId(server_id(number)), parts.clone())).into()
}

/// Filled from below, with one of each kind in turn; those that find no room have no place.
pub fn crowd(count: u32) -> Vec<Arc<ServerView>> {
    let mut unit = 1;
    let one = |number: u32| {
        let kind = match number {
            1 => &MACHINES[0],
            7 | 31 => &MACHINES[1],
            12 => &MACHINES[2],
            20 => &MACHINES[3],
            9 | 38 => &MACHINES[5],
            _ => &Machine { kind: "well", watts: 280.0 + f64::from(number), problem: None, ..MACHINES[0] },
        };
        let mut one = ServerView::clone(&view(kind, number));
        one.server.meta.name = format!("rack1-{number:02}").parse().expect("a name");
        let height = if number % 12 == 1 { 2 } else { 1 };
        one.server.spec.place = (unit + height <= 43).then(|| made(json!({ "unit": unit, "height": height })));
        unit += height;
        Arc::new(one)
    };
    (1..=count).map(one).collect()
}

/// The same with a text of an attacker wherever a BMC or somebody may write one.
pub fn hostile(view: &ServerView, attack: &str) -> Arc<ServerView> {
    let mut view = view.clone();
    view.etag = attack.into();
    view.server.spec.note = attack.into();
    if let Some(bmc) = &mut view.server.spec.bmc {
        (bmc.host, bmc.user) = (attack.into(), attack.into());
    }
    if let Some(status) = &mut view.status {
        for sensor in &mut status.sensors {
            (sensor.id, sensor.name) = (attack.into(), attack.into());
            for fact in &mut sensor.facts {
                (fact.key, fact.text) = (attack.into(), Some(attack.into()));
            }
        }
        if let Some(device) = &mut status.device {
            (device.firmware, device.protocol) = (attack.into(), attack.into());
        }
    }
    Arc::new(view)
}

pub fn hostile_logs(attack: &str) -> BTreeMap<ServerId, ServerLogView> {
    let mut logs = logs();
    for event in logs.values_mut().flat_map(|log| &mut log.events) {
        (event.name, event.raw, event.fact.key) = (attack.into(), attack.into(), attack.into());
        event.fact.text = Some(attack.into());
    }
    logs
}

pub fn hostile_parts(attack: &str) -> BTreeMap<ServerId, Vec<Part>> {
    let mut parts = parts();
    for part in parts.values_mut().flatten() {
        part.name = attack.into();
        part.fields.iter_mut().for_each(|field| field.text = attack.into());
    }
    parts
}

/// Of the machine in trouble: one that is lit, one that is not, and one without a light.
pub fn drives(attack: &str) -> BTreeMap<ServerId, Result<Vec<BmcDrive>, Problem>> {
    let drive = |number: u32, lit: Option<bool>| BmcDrive {
        id: format!("/redfish/v1/Systems/1/Storage/1/Drives/{number}"),
        name: format!("{attack}Bay {number}"),
        model: format!("{attack}MZ7L33T8"),
        serial: format!("S6ESNG0T90000{number}"),
        lit,
    };
    let all = vec![drive(0, Some(true)), drive(1, Some(false)), drive(2, None)];
    [(ServerId(id(0x12, 3)), Ok(all))].into()
}

/// What was found on the busy rack's network: servers that are there already, and others. On one of 50 machines it is still at work; a
/// rack with nothing but itself has asked and found nobody.
pub fn scan(servers: &[Arc<ServerView>]) -> ScanView {
    let ranges = vec!["192.0.2.0/24".to_owned(), "10.20.0.0/20".to_owned()];
    let Ok(range) = range("192.0.2.0/24", None, None) else { return ScanView::default() };
    let found = |last: u8, ipmi: bool, vendor: Option<&str>| FoundBmc {
        address: [192, 0, 2, last].into(),
        ipmi,
        manufacturer: ipmi.then_some(674),
        redfish: vendor.map(|vendor| FoundRedfish {
            version: "1.11.0".into(),
            vendor: vendor.into(),
            product: "Integrated Controller & <b>more</b>".into(),
            uuid: None,
        }),
    };
    let all = vec![
        found(52, true, None),
        found(60, true, Some("Contoso")),
        found(61, false, Some("")),
        found(62, true, None),
    ];
    let at_work = servers.len() > 20;
    let status = ScanStatus {
        operation: OperationId(Uuid::from_u128(5)),
        range,
        total: total(&range),
        asked: if at_work { 128 } else { total(&range) },
        started_at: ago(60),
        end: (!at_work).then_some(ScanEnd::Done),
        found: if servers.len() > 1 { all } else { Vec::new() },
        more: false,
    };
    let known: Vec<Known<'_>> = servers
        .iter()
        .map(|view| Known {
            id: view.server.meta.id,
            name: &view.server.meta.name,
            spec: &view.server.spec,
            guid: None,
        })
        .collect();
    let found = candidates(&status, &known);
    ScanView { ranges, scan: Some(Arc::new(status)), task: at_work.then_some(TaskId(Uuid::from_u128(6))), found }
}
