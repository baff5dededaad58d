//! The servers' own machines, over the API: name, clock, and going off.

use crate::support::{Answer, App, Visitor, items};
use cake_node_api::HostVerb;
use cake_types::{Departed, HandsOff, HostStatus, LeavingEnd, LeavingStage, LeavingWay, OperationId};
use serde_json::{Value, json};

const HOST: &str = "/v1/nodes/sim-1/host";

async fn change(admin: &Visitor, path: &str, body: Value) -> Answer {
    admin.send("PATCH", path, &[("if-match", "*")], Some(&body)).await
}

/// What the node is told comes a moment after the answer.
async fn until(app: &App, told: impl Fn(&App) -> bool) {
    for _ in 0..1000 {
        if told(app) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the node is never told: {:?}", app.node.with(|state| state.host_asked.clone()));
}

/// The order that the node was given last.
fn last(app: &App) -> (OperationId, HostVerb) {
    app.node.with(|state| *state.host_verbs.last().expect("an order"))
}

fn ends(app: &App, end: LeavingEnd) {
    let (operation, _) = last(app);
    let left = Departed { operation, end, detail: Some("because".into()) };
    app.node.host_is(HostStatus { leaving: None, left: Some(left), ..HostStatus::default() });
}

#[tokio::test]
async fn a_name_and_a_zone_are_asked_for_and_the_node_is_told() {
    let (mut app, admin) = App::ready().await;
    let none = admin.get(HOST).await;
    assert_eq!(none.json()["asked"], json!({ "host_name": null, "time_zone": null, "ntp": null }));
    let asked = json!({ "host_name": "Rack-1", "time_zone": "Asia/Taipei", "ntp": true });
    let made = admin.send("PATCH", HOST, &[("if-match", none.header("etag"))], Some(&asked)).await;
    assert_eq!(made.is(200)["asked"], json!({ "host_name": "rack-1", "time_zone": "Asia/Taipei", "ntp": true }));
    let stale = admin.send("PATCH", HOST, &[("if-match", none.header("etag"))], Some(&asked)).await;
    stale.refused(404, "not-found");
    // The server has its name in the console as well.
    let named = "/v1/nodes/rack-1/host";
    let stale = admin.send("PATCH", named, &[("if-match", none.header("etag"))], Some(&asked)).await;
    stale.refused(412, "stale");
    change(&admin, named, json!({ "ntp": false })).await.is(200);
    let told = |app: &App| {
        app.node
            .with(|state| state.host_asked.clone())
            .is_some_and(|spec| spec.ntp == Some(false) && spec.host_name.is_some_and(|name| name.as_str() == "rack-1"))
    };
    until(&app, told).await;

    // After a restart of either side as well.
    app.restart().await;
    let admin = admin.at(&app);
    assert_eq!(admin.get(named).await.is(200)["asked"]["time_zone"], "Asia/Taipei");
    app.node.with(|state| state.host_asked = None);
    app.node_goes();
    app.node_comes_back();
    until(&app, told).await;
    let audit = admin.get("/v1/audit?limit=100").await.is(200);
    let done =
        items(&audit).iter().filter(|record| record["action"] == "host_update" && record["result"]["kind"] == "done");
    assert!(done.count() >= 2, "{audit}");
}

#[tokio::test]
async fn what_is_wrong_is_refused_at_its_field_and_operators_may_only_look() {
    let (app, admin) = App::ready().await;
    for (body, field) in [
        (json!({ "host_name": "" }), "host_name"),
        (json!({ "host_name": "localhost" }), "host_name"),
        (json!({ "host_name": "a b" }), "host_name"),
        (json!({ "host_name": "x".repeat(65) }), "host_name"),
        (json!({ "host_name": "192.0.2.7" }), "host_name"),
        (json!({ "time_zone": "Nowhere/Nothing" }), "time_zone"),
        (json!({ "time_zone": "../../etc/shadow" }), "time_zone"),
    ] {
        let answer = change(&admin, HOST, body.clone()).await;
        answer.refused(422, "invalid");
        assert!(answer.text.contains(&format!("/{field}")), "{body}: {}", answer.text);
    }
    admin.post("/v1/nodes/sim-1/clock", &json!({ "time": "1999-01-01T00:00:00Z" })).await.refused(422, "invalid");
    admin.post("/v1/nodes/sim-1/reboot", &json!({ "seconds": 3601 })).await.refused(422, "out-of-range");
    let operator = admin.with_role("operator").await;
    operator.get(HOST).await.is(200);
    change(&operator, HOST, json!({ "ntp": true })).await.refused(403, "not-allowed");
    operator.post("/v1/nodes/sim-1/reboot", &json!({})).await.refused(403, "not-allowed");
    operator.post("/v1/nodes/sim-1/power-off", &json!({})).await.refused(403, "not-allowed");

    // A machine that is somebody's own is left alone, and so is one without systemd.
    for (reason, code) in [(HandsOff::NotAppliance, "not-appliance"), (HandsOff::NoSystemd, "no-systemd")] {
        app.node.host_is(HostStatus { hands_off: Some(reason), ..HostStatus::default() });
        admin.until(HOST, |host| host["hands_off"] == reason.as_str()).await;
        change(&admin, HOST, json!({ "ntp": true })).await.refused(409, code);
        admin.post("/v1/nodes/sim-1/power-off", &json!({})).await.refused(409, code);
        admin.post("/v1/nodes/sim-1/clock", &json!({ "time": "2026-11-27T00:00:00Z" })).await.refused(409, code);
        let page = admin.get("/settings").await.text;
        assert!(page.contains("with its own tools") && !page.contains("host-power-off"), "{page}");
    }
    assert!(app.node.with(|state| state.host_asked.is_none() && state.host_verbs.is_empty()));
}

#[tokio::test]
async fn a_clock_is_set_where_it_follows_nobody() {
    let (app, admin) = App::ready().await;
    let time = json!({ "time": "2026-11-27T08:30:00Z" });
    admin.post("/v1/nodes/sim-1/clock", &time).await.is(200);
    let (_, verb) = last(&app);
    assert_eq!(verb, HostVerb::SetClock { at: "2026-11-27T08:30:00Z".parse().unwrap() });
    app.node.host_is(HostStatus { ntp: Some(true), ..HostStatus::default() });
    admin.until(HOST, |host| host["ntp"] == true).await;
    admin.post("/v1/nodes/sim-1/clock", &time).await.refused(409, "clock-follows");
}

#[tokio::test]
async fn a_server_is_restarted_once_and_the_task_ends_when_it_is_back() {
    let (mut app, admin) = App::ready().await;
    let key = [("idempotency-key", "one-restart")];
    let body = json!({ "seconds": 30 });
    let first = admin.send("POST", "/v1/nodes/sim-1/reboot", &key, Some(&body)).await;
    let again = admin.send("POST", "/v1/nodes/sim-1/reboot", &key, Some(&body)).await;
    assert_eq!(first.text, again.text);
    let task = format!("/v1/tasks/{}", first.is(202)["id"].as_str().unwrap());
    assert_eq!(last(&app).1, HostVerb::Leave { way: LeavingWay::Reboot, seconds: 30 });
    admin.until(HOST, |host| host["leaving"]["stage"] == "guests" && host["leaving"]["left"] == 1).await;
    admin.post("/v1/nodes/sim-1/power-off", &json!({})).await.refused(409, "server-leaving");
    let page = admin.get("/settings").await.text;
    assert!(page.contains("about to restart. 1 of 2 VMs"), "{page}");

    // caked is killed: whatever it hands over again is the same order.
    app.restart().await;
    let admin = admin.at(&app);
    assert_eq!(admin.get(&task).await.is(200)["state"], "running");
    ends(&app, LeavingEnd::Done);
    let done = admin.until(&task, |task| task["state"] != "running").await;
    assert_eq!((&done["state"], &done["message"]), (&json!("done"), &json!("The server sim-1 has started again.")));
    assert_eq!(app.node.with(|state| state.host_verbs.len()), 1);

    let next = admin.post("/v1/nodes/sim-1/power-off", &json!({})).await.is(202);
    ends(&app, LeavingEnd::Failed);
    let task = format!("/v1/tasks/{}", next["id"].as_str().unwrap());
    let failed = admin.until(&task, |task| task["state"] != "running").await;
    assert_eq!((&failed["state"], &failed["end"]["detail"]), (&json!("failed"), &json!("because")));
}

#[tokio::test]
async fn an_order_is_called_off_until_the_server_itself_goes() {
    let (app, admin) = App::ready().await;
    let order = async || {
        let task = admin.post("/v1/nodes/sim-1/power-off", &json!({})).await.is(202);
        format!("/v1/tasks/{}", task["id"].as_str().unwrap())
    };
    let task = order().await;
    admin.until(HOST, |host| !host["leaving"].is_null()).await;
    let (operation, _) = last(&app);
    admin.post(&format!("{task}/cancel"), &json!({})).await.is(202);
    assert_eq!(last(&app), (operation, HostVerb::Stay));
    assert_eq!(admin.get(&task).await.is(200)["state"], "running", "guests come back first");
    ends(&app, LeavingEnd::Cancelled);
    admin.until(&task, |task| task["state"] == "cancelled").await;

    let task = order().await;
    admin.until(HOST, |host| !host["leaving"].is_null()).await;
    let host = app.node.with(|state| state.host.clone());
    let leaving = host.leaving.clone().map(|leaving| cake_types::Leaving { stage: LeavingStage::Host, ..leaving });
    app.node.host_is(HostStatus { leaving, ..host });
    admin.post(&format!("{task}/cancel"), &json!({})).await.refused(409, "illegal-now");
    assert_eq!(admin.get(&task).await.is(200)["cancel_requested"], false);
}
