//! The power supply, over the API: named, sealed, told of, forgotten.

use crate::support::{App, items};
use cake_types::{UpsFlag, UpsProblem, UpsStatus};
use serde_json::{Value, json};

#[tokio::test]
async fn one_is_named_its_password_is_sealed_and_the_node_is_told() {
    let (mut app, admin) = App::ready().await;
    let none = admin.get("/v1/ups").await;
    assert_eq!((&none.json()["settings"], &none.json()["servers"]), (&Value::Null, &json!([])));
    let set = async |etag: &str, body: Value| admin.send("PUT", "/v1/ups", &[("if-match", etag)], Some(&body)).await;
    let asked = json!({ "host": "NUT.example.com", "name": "rack", "user": "cake", "password": "ge heim" });
    let made = set(none.header("etag"), asked.clone()).await;
    let etag = made.header("etag").to_owned();
    assert!(!made.text.contains("heim"));
    let expected = json!({ "host": "nut.example.com", "port": 3493, "name": "rack", "user": "cake",
                           "has_password": true, "minutes": 5 });
    assert_eq!(made.is(200)["settings"], expected);
    set(none.header("etag"), asked).await.refused(412, "stale");
    app.node.until_told("rack").await;
    let told = app.node.with(|state| state.ups.clone()).unwrap();
    assert_eq!(told.password.as_ref().unwrap().open(app.node.key()).unwrap(), "ge heim");
    assert!(!format!("{told:?}").contains("heim"));

    // The password stays with its user and its server, and goes with either.
    let same = json!({ "host": "nut.example.com", "name": "other", "user": "cake", "minutes": 9 });
    let kept = set(&etag, same).await;
    assert_eq!(kept.json()["settings"]["has_password"], true);
    app.node.until_told("other").await;
    let moved = json!({ "host": "192.0.2.7", "name": "third", "user": "cake", "port": 4000 });
    let moved = set(kept.header("etag"), moved).await;
    assert_eq!(moved.json()["settings"]["has_password"], false);

    // It is there after a restart, of either side.
    app.node.until_told("third").await;
    app.restart().await;
    let admin = admin.at(&app);
    assert_eq!(admin.get("/v1/ups").await.is(200)["settings"]["port"], 4000);
    app.node.with(|state| state.ups = None);
    app.node_goes();
    app.node_comes_back();
    app.node.until_told("third").await;
    let etag = admin.get("/v1/ups").await.header("etag").to_owned();
    assert_eq!(admin.delete("/v1/ups", &etag).await.is(200)["settings"], Value::Null);
    for _ in 0..200 {
        if app.node.with(|state| state.ups.is_none()) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(app.node.with(|state| state.ups.is_none()), "the node is told of that too");
    let audit = admin.get("/v1/audit?limit=100").await.is(200);
    let done = items(&audit).iter().filter(|record| record["action"].as_str().unwrap().starts_with("ups_"));
    assert_eq!(done.count(), 5);
    assert!(!audit.to_string().contains("heim"));
}

#[tokio::test]
async fn what_is_wrong_is_refused_at_its_field() {
    let (app, admin) = App::ready().await;
    for (change, code, field) in [
        (json!({ "host": "" }), "invalid", "host"),
        (json!({ "host": "a b" }), "invalid", "host"),
        (json!({ "host": "a\nLOGOUT" }), "invalid", "host"),
        (json!({ "name": "" }), "invalid", "name"),
        (json!({ "name": "rack\nLOGOUT" }), "invalid", "name"),
        (json!({ "name": "x".repeat(65) }), "invalid", "name"),
        (json!({ "port": 0 }), "out-of-range", "port"),
        (json!({ "minutes": 0 }), "out-of-range", "minutes"),
        (json!({ "minutes": 121 }), "out-of-range", "minutes"),
        (json!({ "password": "without a user" }), "invalid", "user"),
        (json!({ "user": "a b", "password": "x" }), "invalid", "user"),
        (json!({ "user": "a", "password": "x\ny" }), "invalid", "password"),
    ] {
        let mut body = json!({ "host": "localhost", "name": "rack" });
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = admin.send("PUT", "/v1/ups", &[("if-match", "*")], Some(&body)).await;
        answer.refused(422, code);
        assert!(answer.text.contains(&format!("/{field}")), "{body}: {}", answer.text);
    }
    assert!(app.node.with(|state| state.ups.is_none()));
    let viewer = admin.with_role("operator").await;
    let body = json!({ "host": "localhost", "name": "rack" });
    viewer.send("PUT", "/v1/ups", &[("if-match", "*")], Some(&body)).await.refused(403, "not-allowed");
    viewer.get("/v1/ups").await.is(200);
}

#[tokio::test]
async fn what_it_says_is_shown_everywhere() {
    let (app, admin) = App::ready().await;
    let body = json!({ "host": "localhost", "name": "rack" });
    admin.send("PUT", "/v1/ups", &[("if-match", "*")], Some(&body)).await.is(200);
    let metrics = admin.get("/metrics").await.text;
    assert!(!metrics.contains("cake_ups_"), "nothing is said of what was never heard");
    let status = UpsStatus {
        model: Some("Eaton 5P".into()),
        flags: vec![UpsFlag::OnBattery, UpsFlag::Discharging],
        charge: Some(83),
        runtime: Some(742),
        load: Some(104),
        ..UpsStatus::default()
    };
    app.node.power_is(status.clone());
    let shown = admin.until("/v1/ups", |ups| !items_of(ups).is_empty()).await;
    let server = &items_of(&shown)[0];
    assert_eq!(server["node"], "sim-1");
    assert_eq!((&server["status"], &server["runtime"]), (&json!(["on-battery", "discharging"]), &json!(742)));
    let open = admin.until("/v1/alerts", |list| items(list).len() == 1).await;
    let said = items(&open)[0]["message"].as_str().unwrap();
    assert!(said.contains("runs on battery") && said.contains("83 %") && said.contains("12 minutes"), "{said}");
    for page in ["/", "/settings"] {
        let page = admin.get(page).await.text;
        assert!(page.contains("on battery, discharging") && page.contains("12 min left"), "{page}");
    }
    let metrics = admin.get("/metrics").await.text;
    for line in [
        "cake_ups_on_battery{node=\"sim-1\"} 1\n",
        "cake_ups_charge_ratio{node=\"sim-1\"} 0.83\n",
        "cake_ups_load_ratio{node=\"sim-1\"} 1.04\n",
        "cake_ups_runtime_seconds{node=\"sim-1\"} 742\n",
    ] {
        assert!(metrics.contains(line), "{line}{metrics}");
    }
    app.node.power_is(UpsStatus { problem: Some(UpsProblem::Unknown), offered: vec!["b".into()], ..status });
    admin.until("/v1/ups", |ups| items_of(ups)[0]["offered"] == json!(["b"])).await;
    assert!(!admin.get("/metrics").await.text.contains("cake_ups_"), "old news is none");
    app.node.power_is(UpsStatus { flags: vec![UpsFlag::OnLine], ..UpsStatus::default() });
    admin.until("/v1/alerts", |list| items(list).is_empty()).await;
}

fn items_of(ups: &Value) -> &Vec<Value> {
    ups["servers"].as_array().unwrap()
}
