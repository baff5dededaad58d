//! Switches, over the API: added, heard, and cables that are not where they were.

use crate::support::{App, Visitor, items};
use cake_types::{DeviceStatus, Neighbor, SnmpProblem, SwitchPort, SwitchReading};
use serde_json::{Value, json};

/// Ports with who is at each (nobody: no link), how often their links came and went, and their errors.
fn says(ports: &[(&str, &str, u32, u64)]) -> impl Fn(&mut DeviceStatus) {
    let port = |(name, system, changes, errors): &(&str, &str, u32, u64)| SwitchPort {
        name: (*name).into(),
        enabled: true,
        up: !system.is_empty(),
        megabits: Some(10_000),
        changes: *changes,
        fresh_errors: *errors,
        neighbor: (!system.is_empty()).then(|| Neighbor { system: (*system).into(), ..Neighbor::default() }),
        ..SwitchPort::default()
    };
    let ports: Vec<SwitchPort> = ports.iter().map(port).collect();
    move |status| (status.problem, status.switch) = (None, Some(SwitchReading { ports: ports.clone() }))
}

async fn core(app: &App, admin: &Visitor) {
    admin.until("/v1/servers", |list| items(list).len() == 1).await;
    admin.post("/v1/servers", &json!({ "name": "db" })).await.is(201);
    let new = json!({ "name": "core", "host": "192.0.2.71", "community": "ge heim" });
    let made = admin.post("/v1/switches", &new).await.is(201);
    assert!(!made.to_string().contains("heim"));
    admin.until("/v1/switches/core", |_| app.node.devices().len() == 1).await;
}

fn kinds(list: &Value) -> Vec<String> {
    let mut kinds: Vec<_> = items(list).iter().map(|alert| alert["kind"].as_str().unwrap().to_owned()).collect();
    kinds.sort();
    kinds
}

#[tokio::test]
async fn ports_lead_to_servers_and_what_is_restless_is_named() {
    let (app, admin) = App::ready().await;
    core(&app, &admin).await;
    app.node.device_says("core", says(&[("1", "sim-1.example.com", 0, 0), ("2", "printer", 5, 250)]));
    let shown = admin.until("/v1/switches/core", |switch| switch["ports"][0]["known"]["name"] == "sim-1").await;
    assert_eq!((&shown["health"], &shown["ports"][0]["server"]["name"]), (&json!("warning"), &json!("sim-1")));
    assert_eq!(
        (&shown["ports"][1]["server"], &shown["ports"][1]["neighbor"]["system"]),
        (&Value::Null, &json!("printer"))
    );
    let told = admin.until("/v1/alerts", |list| kinds(list) == ["link-flaps", "port-errors"]).await;
    assert!(told.to_string().contains("core"));
    // It is told until it is still: a link that has changed once lately is not.
    app.node.device_says("core", says(&[("1", "sim-1", 0, 0), ("2", "printer", 1, 5)]));
    admin.until("/v1/alerts", |list| kinds(list) == ["link-flaps"]).await;
    app.node.device_says("core", says(&[("1", "sim-1", 0, 0), ("2", "printer", 0, 5)]));
    admin.until("/v1/alerts", |list| kinds(list).is_empty()).await;
    app.node.device_says("core", |status| status.problem = Some(SnmpProblem::Silent));
    admin.until("/v1/switches/core", |switch| switch["problem"] == "silent").await;
    admin
        .post("/v1/pdus", &json!({ "name": "a", "host": "192.0.2.71", "community": "c" }))
        .await
        .refused(409, "device-taken");
    admin.get("/v1/pdus/core").await.refused(404, "not-found");
    let etag = admin.get("/v1/switches/core").await.is(200)["etag"].clone();
    admin.delete("/v1/switches/core", etag.as_str().unwrap()).await.is(204);
}

#[tokio::test]
async fn a_cable_that_moved_is_remembered_until_somebody_says_that_it_is_right() {
    let (mut app, admin) = App::ready().await;
    core(&app, &admin).await;
    app.node.device_says("core", says(&[("1", "sim-1", 0, 0), ("2", "db", 0, 0), ("3", "", 0, 0)]));
    admin.until("/v1/switches/core", |switch| switch["ports"][1]["known"]["name"] == "db").await;
    // The cable of db is in port 3: what was known stays known, through a restart too.
    let moved = [("1", "sim-1", 0, 0), ("2", "", 0, 0), ("3", "db", 0, 0)];
    app.node.device_says("core", says(&moved));
    let shown = admin.until("/v1/switches/core", |switch| switch["ports"][2]["server"]["name"] == "db").await;
    assert_eq!((&shown["ports"][1]["known"]["name"], &shown["ports"][2]["known"]), (&json!("db"), &Value::Null));
    app.restart().await;
    let admin = admin.at(&app);
    admin.until("/v1/switches/core", |switch| switch["ports"][1]["known"]["name"] == "db").await;
    admin.post("/v1/switches/core/cabling/accept", &json!({})).await.is(200);
    let accepted = admin.until("/v1/switches/core", |switch| switch["ports"][2]["known"]["name"] == "db").await;
    assert_eq!(accepted["ports"][1]["known"], Value::Null);
    let viewer = admin.with_role("viewer").await;
    viewer.post("/v1/switches/core/cabling/accept", &json!({})).await.refused(403, "not-allowed");
}
