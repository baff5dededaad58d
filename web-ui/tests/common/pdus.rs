//! Power strips of every kind: well, nearly full, without power, silent, never heard.

use super::sample::{ago, id, made, meta};
use super::servers::server_id;
use cake_planner::device::{DeviceSeen, health};
use cake_types::{Device, DeviceStatus, ServerId};
use cake_web::DeviceView;
use serde_json::{Value, json};
use std::sync::Arc;

/// Name, feed, what it is like.
const STRIPS: [(&str, Option<&str>, &str); 6] = [
    ("pdu-a", Some("A"), "well"),
    ("pdu-a2", Some("A"), "full"),
    ("pdu-b", Some("B"), "dead"),
    ("pdu-b2", Some("B"), "silent"),
    ("排插", None, "never"),
    ("just-added", None, "new"),
];

pub fn rack() -> Vec<Arc<DeviceView>> {
    STRIPS.iter().zip(1..).map(|(strip, number)| view(*strip, number)).chain([switch()]).collect()
}

/// Strips that say, and are called, what would be code on a page that does not take care.
pub fn hostile(attack: &str) -> Vec<Arc<DeviceView>> {
    let poison = |view: Arc<DeviceView>| {
        let mut view = (*view).clone();
        view.device.spec.note = attack.to_owned();
        view.device.spec.host = attack.to_owned();
        view.device.spec.feed = view.device.spec.feed.map(|_| attack.to_owned());
        if let Some(status) = &mut view.status {
            let about = &mut status.about;
            for text in [&mut about.maker, &mut about.model, &mut about.serial, &mut about.firmware, &mut about.name] {
                *text = attack.to_owned();
            }
            if let Some(pdu) = &mut status.pdu {
                pdu.inputs.iter_mut().for_each(|input| input.id = attack.to_owned());
                pdu.outlets.iter_mut().for_each(|outlet| outlet.name = attack.to_owned());
                pdu.sensors.iter_mut().for_each(|sensor| sensor.name = attack.to_owned());
            }
        }
        Arc::new(view)
    };
    rack().into_iter().map(poison).collect()
}

fn view((name, feed, kind): (&str, Option<&str>, &str), number: u32) -> Arc<DeviceView> {
    let outlets = match kind {
        "well" => json!([{ "outlet": "1", "server": server_id(1) }, { "outlet": "2", "server": server_id(2) },
                         { "outlet": "3", "server": server_id(3) }, { "outlet": "4", "server": server_id(3) }]),
        "dead" => json!([{ "outlet": "1", "server": server_id(1) }, { "outlet": "2", "server": server_id(2) }]),
        _ => json!([]),
    };
    let device: Device = made(json!({
        "meta": meta(id(19, number), name, 3000),
        "spec": {
            "kind": "pdu", "host": if kind == "silent" { "2001:db8::61" } else { "192.0.2.61" }, "port": 161,
            "community": { "version": 1, "body": "", "keys": [] }, "feed": feed,
            "rated_amps": if kind == "full" { json!(16) } else { Value::Null }, "outlets": outlets,
            "note": if kind == "well" { "Breaker 7 in the cellar." } else { "" },
        },
    }));
    let status = (kind != "new").then(|| status(kind));
    let health = health(&DeviceSeen { device: &device, status: status.as_ref(), cabling: None });
    Arc::new(DeviceView { device, status, health, cabling: Arc::default(), etag: format!("\"p-{number}\"") })
}

/// A switch with a server at its first port, another at its second than before, and a restless third.
fn switch() -> Arc<DeviceView> {
    let device: Device = made(json!({
        "meta": meta(id(20, 1), "core", 3000),
        "spec": { "kind": "switch", "host": "192.0.2.71", "port": 161, "community": { "version": 1, "body": "", "keys": [] } },
    }));
    let port = |number: u32, system: &str, changes: u32, errors: u64| {
        json!({ "index": number, "name": format!("ge-0/0/{number}"), "alias": if number == 1 { "to cake-1" } else { "" },
                "enabled": number != 4, "up": number < 4, "megabits": 10_000, "changes": changes, "fresh_errors": errors,
                "neighbor": (!system.is_empty()).then(|| json!({ "chassis": "00:11:22:33:44:55", "port": "eth0", "system": system })) })
    };
    let status: DeviceStatus = made(json!({
        "stamp": { "epoch": 4, "generation": 3 }, "read_at": ago(0), "about": { "description": "a switch" },
        "switch": { "ports": [port(1, "cake-1", 0, 0), port(2, "store-1", 0, 0), port(3, "printer", 7, 250), port(4, "", 0, 0)] },
    }));
    let health = health(&DeviceSeen { device: &device, status: Some(&status), cabling: None });
    let was = |number: u32| ServerId(server_id(number));
    let cabling = [("ge-0/0/1".to_owned(), was(1)), ("ge-0/0/2".to_owned(), was(3))].into_iter().collect();
    Arc::new(DeviceView { device, status: Some(status), health, cabling: Arc::new(cabling), etag: "\"w-1\"".into() })
}

fn status(kind: &str) -> DeviceStatus {
    let (volts, amps) = match kind {
        "full" => (229.0, 14.2),
        "dead" => (0.0, 0.0),
        _ => (231.0, 4.1),
    };
    let outlet = |number: u32| json!({ "id": number.to_string(), "name": if number == 1 { "web" } else { "" }, "on": number != 7, "amps": 0.4, "watts": 88.0 });
    let read = kind != "never";
    let problem = matches!(kind, "silent" | "never").then_some("silent");
    made(json!({
        "stamp": { "epoch": 4, "generation": 3 },
        "problem": problem,
        "read_at": read.then(|| ago(if kind == "silent" { 190 } else { 0 })),
        "about": { "maker": "APC", "model": "AP8959EU3", "serial": "ZA1", "firmware": "v6.9.6", "name": "strip" },
        "pdu": read.then(|| json!({
            "watts": volts * amps,
            "inputs": [{ "id": "1", "volts": volts, "amps": amps, "watts": volts * amps, "state": "ok" }],
            "outlets": (1..=8).map(outlet).collect::<Vec<_>>(),
            "sensors": [{ "id": "t1", "name": "Rear", "group": "temperature", "unit": "celsius", "value": 28.5, "state": "ok" }],
        })),
    }))
}
