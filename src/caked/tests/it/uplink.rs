//! A server's own network, over the API: tried, confirmed by who has reached it, cancelled, refused.

use crate::support::{Answer, App, Visitor, items};
use cake_types::{HandsOff, HostStatus, Sourced, UplinkPort, UplinkSource, UplinkStatus};
use serde_json::{Value, json};

const NETWORK: &str = "/v1/nodes/sim-1/network";

fn port(name: &str, last: u8) -> UplinkPort {
    let mac = format!("52:54:00:00:00:{last:02x}").parse().unwrap();
    let (driver, speed) = (Some("e1000e".into()), Some(1000));
    UplinkPort { name: name.into(), mac, driver, carrier: true, speed, bonded: true, active: true, neighbor: None }
}

/// A server that has its console's address, which here is the loopback.
fn host() -> HostStatus {
    let own = Sourced { value: "127.0.0.1/8".parse().unwrap(), source: UplinkSource::Dhcp };
    let (ports, addresses) = (vec![port("eno1", 1), port("eno2", 2)], vec![own]);
    HostStatus {
        uplink: Some(Box::new(UplinkStatus { ports, addresses, ..UplinkStatus::default() })),
        ..HostStatus::default()
    }
}

async fn ready() -> (App, Visitor) {
    let (app, admin) = App::ready().await;
    app.node.host_is(host());
    admin.until(NETWORK, |network| network["ports"].as_array().is_some_and(|ports| ports.len() == 2)).await;
    (app, admin)
}

async fn attempt(admin: &Visitor, body: Value) -> Answer {
    admin.send("PUT", NETWORK, &[("if-match", "*")], Some(&body)).await
}

fn fixed() -> Value {
    json!({ "method": "static", "addresses": ["192.0.2.7/24"], "gateways": ["192.0.2.1"], "dns": ["192.0.2.1"] })
}

#[tokio::test]
async fn it_holds_only_for_who_comes_in_over_the_new_address() {
    let (_app, admin) = ready().await;
    let before = admin.get(NETWORK).await;
    assert_eq!(before.json()["asked"]["method"], "dhcp");
    assert_eq!(before.json()["addresses"], json!([{ "address": "127.0.0.1/8", "source": "dhcp" }]));
    let put = async |body: Value| admin.send("PUT", NETWORK, &[("if-match", before.header("etag"))], Some(&body)).await;
    let tried = put(fixed()).await;
    let trial = &tried.is(200)["trial"];
    assert_eq!(trial["new_addresses"], json!(["192.0.2.7"]));
    assert_eq!((&trial["seconds"], &trial["warnings"]), (&json!(90), &json!([])));
    // The same again is the same; another one has to wait.
    assert_eq!(put(fixed()).await.is(200)["trial"]["until"], trial["until"]);
    put(json!({ "method": "dhcp" })).await.refused(409, "network-tried");
    let confirm = admin.post("/v1/nodes/sim-1/network/confirm", &json!({})).await;
    confirm.refused(409, "network-not-reached");
    assert!(confirm.text.contains("192.0.2.7"), "{}", confirm.text);
    assert!(!admin.get(NETWORK).await.json()["trial"].is_null(), "it goes on");
    let page = admin.get("/nodes/sim-1/network").await.text;
    assert!(page.contains("data-place=\"192.0.2.7\"") && page.contains("network-confirm"), "{page}");

    admin.post("/v1/nodes/sim-1/network/cancel", &json!({})).await.is(200);
    let after = admin.get(NETWORK).await.json();
    assert_eq!((&after["trial"], &after["ended"]["end"]), (&Value::Null, &json!("cancelled")));
    assert_eq!(after["asked"]["method"], "dhcp");
    admin.post("/v1/nodes/sim-1/network/cancel", &json!({})).await.refused(409, "no-network-tried");
    admin.post("/v1/nodes/sim-1/network/confirm", &json!({})).await.refused(409, "no-network-tried");
    let events = admin.until("/v1/events?limit=100", |events| events.to_string().contains("network-returned")).await;
    assert!(events.to_string().contains("cancelled"));
}

#[tokio::test]
async fn where_the_address_stays_this_connection_proves_it_and_twice_is_once() {
    let (_app, admin) = ready().await;
    let etag = admin.get(NETWORK).await.header("etag").to_owned();
    attempt(&admin, json!({ "method": "dhcp", "dns": ["192.0.2.53"], "seconds": 300 })).await.is(200);
    let key = [("idempotency-key", "one-confirmation")];
    let confirm = async || admin.send("POST", "/v1/nodes/sim-1/network/confirm", &key, Some(&json!({}))).await;
    confirm().await.is(200);
    confirm().await.is(200);
    let after = admin.get(NETWORK).await;
    assert_eq!(
        (&after.json()["asked"]["dns"], &after.json()["ended"]["end"]),
        (&json!(["192.0.2.53"]), &json!("confirmed"))
    );
    let stale = admin.send("PUT", NETWORK, &[("if-match", &etag)], Some(&fixed())).await;
    stale.refused(412, "stale");
    let audit = admin.get("/v1/audit?limit=100").await.is(200);
    let done = items(&audit).iter().filter(|record| {
        record["action"].as_str().unwrap().starts_with("network_") && record["result"]["kind"] == "done"
    });
    assert_eq!(done.count(), 2, "{audit}");
}

#[tokio::test]
async fn what_is_wrong_is_refused_at_its_field_and_nothing_changes() {
    let (app, admin) = ready().await;
    let with = |field: &str, value: Value| {
        let mut body = fixed();
        body[field] = value;
        body
    };
    for (body, code, pointer) in [
        (json!({ "method": "bootp" }), "invalid", "/method"),
        (json!({ "method": "static" }), "invalid", "/addresses"),
        (with("addresses", json!(["192.0.2.7"])), "invalid", "/addresses/0"),
        (with("addresses", json!(["192.0.2.255/24"])), "invalid", "/addresses/0"),
        (with("gateways", json!(["198.51.100.1"])), "invalid", "/gateways/0"),
        (with("gateways", json!(["router"])), "invalid", "/gateways/0"),
        (with("dns", json!(["one.one.one.one"])), "invalid", "/dns/0"),
        (with("search", json!(["a\nDNS=203.0.113.66"])), "invalid", "/search/0"),
        (with("vlan", json!(4095)), "out-of-range", "/vlan"),
        (with("vlan", json!(70_000)), "out-of-range", "/vlan"),
        (with("mtu", json!(1000)), "out-of-range", "/mtu"),
        (with("links", json!(["*"])), "invalid", "/links/0"),
        (with("links", json!(["eno7"])), "invalid", "/links"),
        (with("bond", json!("balance-rr")), "invalid", "/bond"),
        (with("seconds", json!(10)), "out-of-range", "/seconds"),
        (with("seconds", json!(3600)), "out-of-range", "/seconds"),
    ] {
        let answer = attempt(&admin, body.clone()).await;
        answer.refused(422, code);
        assert_eq!(answer.json()["pointer"], pointer, "{body}");
    }
    admin.send("PUT", NETWORK, &[], Some(&fixed())).await.refused(428, "match-required");
    let operator = admin.with_role("operator").await;
    operator.get(NETWORK).await.is(200);
    attempt(&operator, fixed()).await.refused(403, "not-allowed");
    operator.post("/v1/nodes/sim-1/network/confirm", &json!({})).await.refused(403, "not-allowed");
    operator.post("/v1/nodes/sim-1/network/cancel", &json!({})).await.refused(403, "not-allowed");
    assert!(!operator.get("/nodes/sim-1/network").await.text.contains("network-form"));

    for (reason, code) in [(HandsOff::NotAppliance, "not-appliance"), (HandsOff::NoSystemd, "no-systemd")] {
        app.node.host_is(HostStatus { hands_off: Some(reason), ..host() });
        admin.until(NETWORK, |network| network["hands_off"] == reason.as_str()).await;
        attempt(&admin, fixed()).await.refused(409, code);
        let page = admin.get("/nodes/sim-1/network").await.text;
        assert!(page.contains("with its own tools") && !page.contains("network-form"), "{page}");
    }
    assert!(admin.get(NETWORK).await.json()["trial"].is_null());
}

/// The wizard's step: with the wizard's token and without anybody who could log in.
#[tokio::test]
async fn before_set_up_the_token_changes_the_network_and_nobody_else_does() {
    const HERE: &str = "/v1/setup/network";
    let app = App::fresh().await;
    let (nobody, token) = (app.visitor(), app.token());
    nobody.get(HERE).await.refused(401, "wrong-token");
    nobody.get(NETWORK).await.refused(409, "not-set-up");
    app.node.host_is(host());
    let ask = async |method: &str, path: &str, body: Value| {
        let key = crate::support::key();
        let headers = [("x-cake-setup-token", token.as_str()), ("idempotency-key", &key), ("if-match", "*")];
        let body = (method != "GET").then_some(body);
        nobody.send(method, path, &headers, body.as_ref()).await
    };
    for _ in 0..500 {
        if ask("GET", HERE, Value::Null).await.json()["ports"].as_array().is_some_and(|ports| ports.len() == 2) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let page = nobody.get("/setup").await.text;
    assert!(page.contains("data-step=\"network\"") && page.contains("setup-network.js"), "the wizard has its step");
    let wrong = json!({ "method": "static", "addresses": ["192.0.2.7"] });
    ask("PUT", HERE, wrong).await.refused(422, "invalid");
    assert_eq!(ask("PUT", HERE, fixed()).await.is(200)["trial"]["new_addresses"], json!(["192.0.2.7"]));
    ask("POST", "/v1/setup/network/confirm", json!({})).await.refused(409, "network-not-reached");
    ask("POST", "/v1/setup/network/cancel", json!({})).await.is(200);
    assert_eq!(ask("GET", HERE, Value::Null).await.is(200)["ended"]["end"], "cancelled");
    app.set_up(&crate::support::key()).await.is(201);
    ask("GET", HERE, Value::Null).await.refused(409, "already-set-up");
    assert_eq!(ask("PUT", HERE, fixed()).await.status, 409);
}

#[tokio::test]
async fn what_ended_before_a_start_is_told_once() {
    let (mut app, admin) = ready().await;
    attempt(&admin, fixed()).await.is(200);
    admin.post("/v1/nodes/sim-1/network/cancel", &json!({})).await.is(200);
    let returned = |events: &Value| items(events).iter().filter(|event| event["kind"] == "network-returned").count();
    admin.until("/v1/events?limit=100", |events| returned(events) == 1).await;

    app.restart().await;
    let admin = admin.at(&app);
    admin.until(NETWORK, |network| network["ended"]["end"] == "cancelled").await;
    // What the server told first after the start has been looked at once something that came later is there.
    attempt(&admin, fixed()).await.is(200);
    admin.post("/v1/nodes/sim-1/network/cancel", &json!({})).await.is(200);
    admin.until("/v1/events?limit=100", |events| returned(events) >= 2).await;
    assert_eq!(returned(&admin.get("/v1/events?limit=100").await.json()), 2);
}
