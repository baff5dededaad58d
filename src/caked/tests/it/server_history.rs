//! What servers measured over time, what they draw and where their sensors go, over the API.

use crate::support::{App, Visitor, items};
use cake_types::{
    BmcProblem, Limits, Sensor, SensorGroup, SensorState, SensorTrend, SensorUnit, ServerStatus, TrendKind,
};
use serde_json::json;

fn fan(value: f64) -> Sensor {
    Sensor {
        id: "/redfish/v1/Chassis/1/Sensors/Fan 3".into(),
        number: None,
        name: "Fan 3".into(),
        group: SensorGroup::Fan,
        unit: SensorUnit::Rpm,
        value: Some(value),
        state: SensorState::Ok,
        facts: Vec::new(),
        limits: Limits { lower_non_critical: Some(1500.0), ..Limits::default() },
        entity: None,
    }
}

/// A server with a fan that draws 250 W.
async fn heard() -> (App, Visitor) {
    let (app, admin) = App::ready().await;
    let bmc = json!({ "host": "192.0.2.7", "user": "admin", "password": "ganz ge heim" });
    admin.post("/v1/servers", &json!({ "name": "lab-1", "bmc": bmc })).await.is(201);
    admin.until("/v1/servers/lab-1", |_| app.node.with(|state| !state.bmcs.watched.is_empty())).await;
    says(&app, |_| {});
    admin.until("/v1/servers/lab-1", |server| server["health"] == "well").await;
    (app, admin)
}

fn says(app: &App, change: impl FnOnce(&mut ServerStatus)) {
    app.node.server_says("lab-1", |status| {
        (status.sensors, status.watts, status.trends) = (vec![fan(4500.0)], Some(250.0), Vec::new());
        change(status);
    });
}

#[tokio::test]
async fn the_history_of_a_sensor_is_told_by_its_id_or_its_name() {
    let (_app, admin) = heard().await;
    let viewer = admin.with_role("viewer").await;
    let by_id = "/v1/servers/lab-1/history?sensor=%2Fredfish%2Fv1%2FChassis%2F1%2FSensors%2FFan%203";
    let hour = viewer.get(by_id).await.is(200);
    assert_eq!((&hour["span"], &hour["step_seconds"], &hour["points"]), (&json!("hour"), &json!(10), &json!(2)));
    let curve = &items(&hour)[0];
    assert_eq!(
        (&curve["name"], &curve["unit"], &curve["mean"]),
        (&json!("Fan 3"), &json!("rpm"), &json!([null, 4500.0]))
    );
    assert_eq!((&curve["min"], &curve["known"]), (&json!(null), &json!(null)));
    let year = viewer.get("/v1/servers/lab-1/history?sensor=Fan+3&span=year").await.is(200);
    let curve = &items(&year)[0];
    assert_eq!((&curve["max"][1], &curve["known"][1]), (&json!(4500.0), &json!(0.5)));
    assert_eq!((&year["step_seconds"], &year["start"]), (&json!(14_400), &json!("2026-09-21T14:13:20Z")));
    let newer = viewer.get("/v1/servers/lab-1/history?sensor=watts&after=2026-09-21T14:13:20Z").await.is(200);
    assert_eq!((&newer["start"], &items(&newer)[0]["mean"][1]), (&json!("2026-09-21T14:13:30Z"), &json!(250.0)));
    let all = viewer.get("/v1/servers/lab-1/history?span=day").await.is(200);
    let sensors: Vec<_> = items(&all).iter().map(|curve| curve["sensor"].as_str().unwrap()).collect();
    assert_eq!(sensors, ["watts", "/redfish/v1/Chassis/1/Sensors/Fan 3"]);
}

#[tokio::test]
async fn questions_about_what_was_never_measured_are_refused() {
    let (_app, admin) = heard().await;
    admin.get("/v1/servers/lab-1/history?sensor=Fan+9").await.refused(404, "not-found");
    admin.get("/v1/servers/nobody/history").await.refused(404, "not-found");
    admin.get("/v1/servers/lab-1/history?span=decade").await.refused(400, "bad-parameter");
    admin.get("/v1/servers/lab-1/history?after=yesterday").await.refused(400, "bad-parameter");
    admin.get("/v1/servers/lab-1/history?sensors=Fan+3").await.refused(400, "bad-parameter");
    admin.nobody().get("/v1/servers/lab-1/history").await.refused(401, "not-logged-in");
    admin.nobody().get("/v1/energy").await.refused(401, "not-logged-in");
    // One that nobody watches has nothing to tell.
    let own = admin.get("/v1/servers/sim-1/history").await.is(200);
    assert!(items(&own).is_empty());
}

#[tokio::test]
async fn energy_is_told_of_servers_and_split_among_the_vms_of_the_node() {
    let (mut app, admin) = heard().await;
    let viewer = admin.with_role("viewer").await;
    let energy = viewer.get("/v1/energy").await.is(200);
    let server = &energy["servers"][0];
    assert_eq!((&server["name"], &server["watts"]), (&json!("lab-1"), &json!(250.0)));
    assert_eq!(server["last_month"]["kilowatt_hours"], json!(0.25));
    let known = server["last_month"]["known_percent"].as_f64().unwrap();
    assert!(known > 0.1 && known < 0.2, "one hour of a month: {known}");
    assert_eq!((&energy["watts"], &energy["this_month"]["kilowatt_hours"]), (&json!(250.0), &json!(0.25)));
    assert_eq!(energy["vms"], json!([]), "its node runs on another machine");
    // Money is shown where somebody said what it costs.
    assert_eq!((&energy["price"], &energy["this_month"]["cost"]), (&json!(null), &json!(null)));
    let price = json!({ "energy_price": { "per_kwh": "4.27", "currency": "twd" } });
    viewer.patch("/v1/settings", "*", &price).await.refused(403, "not-allowed");
    let asked = json!({ "per_kwh": "4.27", "currency": "TWD" });
    assert_eq!(admin.patch("/v1/settings", "*", &price).await.is(200)["energy_price"], asked);
    assert_eq!(admin.patch("/v1/settings", "*", &json!({ "bin_days": 9 })).await.is(200)["energy_price"], asked);
    let priced = viewer.get("/v1/energy").await.is(200);
    assert_eq!((&priced["price"], &priced["servers"][0]["last_month"]["cost"]), (&asked, &json!("1.07")));
    assert_eq!(priced["this_month"]["cost"], json!("1.07"));
    for (bad, pointer) in [
        (json!({ "per_kwh": "4,27", "currency": "TWD" }), "/energy_price/per_kwh"),
        (json!({ "per_kwh": "4.27", "currency": "NT$" }), "/energy_price/currency"),
    ] {
        let refused = admin.patch("/v1/settings", "*", &json!({ "energy_price": bad })).await;
        refused.refused(422, "invalid");
        assert_eq!(refused.json()["pointer"], pointer);
    }
    let gone = json!({ "energy_price": { "per_kwh": "", "currency": "TWD" } });
    assert_eq!(admin.patch("/v1/settings", "*", &gone).await.is(200)["energy_price"], json!(null));
    assert_eq!(viewer.get("/v1/energy").await.is(200)["this_month"]["cost"], json!(null));
    let metrics = admin.get("/metrics").await.text;
    assert!(metrics.contains("cake_server_energy_joules_total{server=\"lab-1\"} 900000\n"), "{metrics}");
    // Of one that nobody hears now only what was is told.
    says(&app, |status| status.problem = Some(BmcProblem::Silent));
    admin.until("/v1/servers/lab-1", |server| server["health"] == "unheard").await;
    let energy = viewer.get("/v1/energy").await.is(200);
    assert_eq!((&energy["watts"], &energy["servers"][0]["watts"]), (&json!(null), &json!(null)));
    app.node_goes();
    admin.until("/v1/nodes", |nodes| items(nodes)[0]["connected"] == false).await;
    assert!(!admin.get("/metrics").await.text.contains("cake_server_bmc_up{server=\"lab-1\"} 1"));
}

#[tokio::test]
async fn a_sensor_that_nears_its_limit_is_an_alert_in_plain_words() {
    let (app, admin) = heard().await;
    let trend = SensorTrend {
        sensor: fan(0.0).id,
        name: "Fan 3".into(),
        unit: SensorUnit::Rpm,
        kind: TrendKind::Falls,
        value: 4500.0,
        limit: Some(1500.0),
        per_day: -600.0,
        hours: Some(119.2),
    };
    says(&app, |status| status.trends = vec![trend.clone()]);
    let open = admin.until("/v1/alerts", |list| items(list).len() == 1).await;
    let alert = &items(&open)[0];
    assert_eq!((&alert["kind"], &alert["severity"]), (&json!("sensor-trend"), &json!("warning")));
    let message = alert["message"].as_str().unwrap();
    assert_eq!(
        message,
        "Fan 3 slows down, now 4500 rpm: at this pace it falls below its limit of 1500 rpm in about 5 days."
    );
    let listed = admin.get("/v1/servers/lab-1/sensors").await.is(200);
    assert_eq!((&listed["trends"][0]["kind"], &listed["trends"][0]["hours"]), (&json!("falls"), &json!(119.2)));
    // It is there: that is told, and no longer that it will be.
    says(&app, |status| {
        status.trends = vec![trend];
        status.sensors = vec![Sensor { state: SensorState::LowerNonCritical, ..fan(1400.0) }];
    });
    let kind = |list: &serde_json::Value, kind: &str| items(list).iter().any(|alert| alert["kind"] == kind);
    admin.until("/v1/alerts", |list| kind(list, "sensor-limit") && !kind(list, "sensor-trend")).await;
    says(&app, |_| {});
    admin.until("/v1/alerts", |list| items(list).is_empty()).await;
}
