//! Physical machines, over the API: added, watched, ordered, forgotten.

use crate::support::{App, Visitor, items};
use cake_node_api::OperationResult;
use cake_types::{
    BmcProblem, ChassisStatus, ChassisVerb, Failure, FailureCode, Limits, Sensor, SensorFact, SensorGroup, SensorState,
    SensorUnit, ServerEvent, ServerVerb, Severity,
};
use serde_json::{Value, json};

fn lab(name: &str, port: u16) -> Value {
    json!({ "name": name, "bmc": { "host": "192.0.2.7", "port": port, "user": "admin", "password": "ganz ge heim" } })
}

async fn added(admin: &Visitor, body: &Value) -> Value {
    admin.post("/v1/servers", body).await.is(201)
}

fn sensor(value: f64, state: SensorState) -> Sensor {
    Sensor {
        id: "20.0.1".into(),
        number: Some(1),
        name: "CPU".into(),
        group: SensorGroup::Temperature,
        unit: SensorUnit::Celsius,
        value: Some(value),
        state,
        facts: Vec::new(),
        limits: Limits { upper_critical: Some(85.0), ..Limits::default() },
        entity: None,
    }
}

fn entry(id: &str) -> ServerEvent {
    let fact = SensorFact { key: "ipmi-6f-08-01".into(), severity: Severity::Error, text: None };
    ServerEvent {
        id: id.into(),
        at: None,
        sensor: None,
        name: "PSU 1".into(),
        fact,
        asserted: true,
        value: None,
        limit: None,
        unit: SensorUnit::None,
        raw: String::new(),
    }
}

#[tokio::test]
async fn the_machine_that_cake_runs_on_is_one_without_a_bmc() {
    let (mut app, admin) = App::ready().await;
    let shown = admin.until("/v1/servers", |list| items(list).len() == 1).await;
    let own = &items(&shown)[0];
    assert_eq!((&own["name"], &own["health"]), (&json!("sim-1"), &json!("no-bmc")));
    assert_eq!(own["node"]["name"], "sim-1");
    app.restart().await;
    let admin = admin.at(&app);
    assert_eq!(items(&admin.get("/v1/servers").await.is(200)).len(), 1, "it is not found twice");
    let etag = own["etag"].as_str().unwrap();
    admin.delete("/v1/servers/sim-1", etag).await.refused(409, "server-is-node");
    admin.post("/v1/servers/sim-1/power", &json!({ "action": "off" })).await.refused(409, "no-bmc");
    admin.get("/v1/servers/sim-1/events").await.refused(409, "no-bmc");
}

#[tokio::test]
async fn one_is_added_its_password_is_sealed_and_it_can_be_forgotten() {
    let (mut app, admin) = App::ready().await;
    let made = added(&admin, &lab("lab-1", 6230)).await;
    assert_eq!((&made["health"], &made["bmc"]["has_password"]), (&json!("unheard"), &json!(true)));
    assert!(!made.to_string().contains("heim"));
    let watched = |name: &str| {
        let node = app.node.clone();
        let name = name.to_owned();
        async move {
            for _ in 0..200 {
                let found = node.with(|state| {
                    let mut all = state.bmcs.watched.values();
                    all.find(|(server, _)| server.meta.name.as_str() == name).map(|(server, _)| server.clone())
                });
                if let Some(server) = found {
                    return server;
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            panic!("{name} is not watched");
        }
    };
    let bmc = watched("lab-1").await.spec.bmc.unwrap();
    assert_eq!(bmc.password.as_ref().unwrap().open(app.node.key()).unwrap(), "ganz ge heim");

    admin.post("/v1/servers", &lab("LAB-1", 6231)).await.refused(409, "name-taken");
    admin.post("/v1/servers", &lab("lab-2", 6230)).await.refused(409, "bmc-taken");

    // The password stays with its user and its address, and goes with either.
    let patch = async |etag: &Value, change: &Value| {
        admin.send("PATCH", "/v1/servers/lab-1", &[("if-match", etag.as_str().unwrap())], Some(change)).await
    };
    let same = json!({ "bmc": { "host": "192.0.2.7", "port": 6230, "user": "admin" }, "note": "below the switch" });
    let kept = patch(&made["etag"], &same).await.is(200);
    assert_eq!((&kept["bmc"]["has_password"], &kept["note"]), (&json!(true), &json!("below the switch")));
    patch(&made["etag"], &same).await.refused(412, "stale");
    let moved = json!({ "bmc": { "host": "192.0.2.8", "user": "admin" }, "name": "lab-one" });
    let moved = patch(&kept["etag"], &moved).await.is(200);
    assert_eq!((&moved["bmc"]["has_password"], &moved["bmc"]["port"]), (&json!(false), &json!(623)));
    watched("lab-one").await;

    // What is forgotten while the node is away is forgotten there when it is back.
    app.node_goes();
    let etag = admin.get("/v1/servers/lab-one").await.is(200)["etag"].clone();
    admin.delete("/v1/servers/lab-one", etag.as_str().unwrap()).await.is(204);
    app.node_comes_back();
    for _ in 0..200 {
        if app.node.with(|state| state.bmcs.watched.is_empty()) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(app.node.with(|state| state.bmcs.watched.is_empty()));
    let audit = admin.get("/v1/audit?limit=100").await.is(200);
    assert!(!audit.to_string().contains("heim"));
    let done = items(&audit).iter().filter(|record| record["action"].as_str().unwrap().starts_with("server_"));
    assert_eq!(done.count(), 8, "found, created, refused twice, changed twice (and once stale), deleted: {audit}");
}

#[tokio::test]
async fn what_is_wrong_is_refused_at_its_field() {
    let (app, admin) = App::ready().await;
    for (change, code, field) in [
        (json!({ "host": "" }), "invalid", "bmc/host"),
        (json!({ "host": "http://192.0.2.7" }), "invalid", "bmc/host"),
        (json!({ "host": "192.0.2.7:623" }), "invalid", "bmc/host"),
        (json!({ "port": 0 }), "out-of-range", "bmc/port"),
        (json!({ "user": "x".repeat(17) }), "invalid", "bmc/user"),
        (json!({ "user": "使用者" }), "invalid", "bmc/user"),
        (json!({ "password": "x".repeat(21) }), "invalid", "bmc/password"),
        (json!({ "password": "a\nb" }), "invalid", "bmc/password"),
        (json!({ "key": "x".repeat(21) }), "invalid", "bmc/key"),
    ] {
        let mut body = lab("lab-1", 623);
        body["bmc"].as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = admin.post("/v1/servers", &body).await;
        answer.refused(422, code);
        assert!(answer.text.contains(&format!("/{field}")), "{body}: {}", answer.text);
    }
    let place = |unit: u8, height: u8| json!({ "name": "b", "place": { "unit": unit, "height": height } });
    admin.post("/v1/servers", &place(0, 1)).await.refused(422, "out-of-range");
    admin.post("/v1/servers", &place(60, 2)).await.refused(422, "out-of-range");
    added(&admin, &json!({ "name": "a", "place": { "unit": 10, "height": 2 } })).await;
    admin.post("/v1/servers", &place(11, 1)).await.refused(409, "place-taken");
    added(&admin, &place(12, 1)).await;
    assert!(app.node.with(|state| state.bmcs.watched.is_empty()), "without a BMC there is nothing to watch");
    let operator = admin.with_role("operator").await;
    operator.post("/v1/servers", &lab("c", 623)).await.refused(403, "not-allowed");
    operator.get("/v1/servers").await.is(200);
}

#[tokio::test]
async fn a_sensor_past_its_limit_is_one_alert_and_ends_when_it_is_back() {
    let (app, admin) = App::ready().await;
    added(&admin, &lab("lab-1", 623)).await;
    admin.until("/v1/servers/lab-1", |_| app.node.with(|state| !state.bmcs.watched.is_empty())).await;
    app.node.server_says("lab-1", |status| status.sensors = vec![sensor(41.0, SensorState::Ok)]);
    let shown = admin.until("/v1/servers/lab-1", |server| server["health"] == "well").await;
    assert_eq!((&shown["on"], &shown["sensors"]), (&json!(false), &json!(1)));
    let listed = admin.get("/v1/servers/lab-1/sensors").await.is(200);
    let told = &items(&listed)[0];
    assert_eq!((&told["value"], &told["unit"], &told["state"]), (&json!(41.0), &json!("celsius"), &json!("ok")));

    app.node.server_says("lab-1", |status| status.sensors = vec![sensor(91.5, SensorState::UpperCritical)]);
    let open = admin.until("/v1/alerts", |list| items(list).len() == 1).await;
    let alert = &items(&open)[0];
    assert_eq!((&alert["kind"], &alert["severity"]), (&json!("sensor-limit"), &json!("error")));
    let message = alert["message"].as_str().unwrap();
    assert!(message.contains("CPU") && message.contains("91.5 °C") && message.contains("85 °C"), "{message}");
    let hot = admin.get("/v1/servers/lab-1").await.is(200);
    assert_eq!((&hot["health"], &hot["troubles"][0]["name"]), (&json!("critical"), &json!("CPU")));

    let metrics = admin.get("/metrics").await.text;
    for line in [
        "cake_server_bmc_up{server=\"lab-1\"} 1\n",
        "cake_server_on{server=\"lab-1\"} 0\n",
        "cake_server_sensors_in_trouble{server=\"lab-1\"} 1\n",
        "cake_sensor_temperature_celsius{server=\"lab-1\",sensor=\"CPU\",id=\"20.0.1\"} 91.5\n",
    ] {
        assert!(metrics.contains(line), "{line}{metrics}");
    }

    // Nobody hears it any more: what was so has not ended.
    app.node.server_says("lab-1", |status| status.problem = Some(BmcProblem::Silent));
    admin.until("/v1/servers/lab-1", |server| server["health"] == "unheard").await;
    assert_eq!(items(&admin.get("/v1/alerts").await.is(200)).len(), 1);
    let metrics = admin.get("/metrics").await.text;
    assert!(
        metrics.contains("cake_server_bmc_up{server=\"lab-1\"} 0\n") && !metrics.contains("cake_sensor_"),
        "{metrics}"
    );
    app.node.server_says("lab-1", |status| {
        (status.problem, status.sensors) = (None, vec![sensor(60.0, SensorState::Ok)]);
    });
    admin.until("/v1/alerts", |list| items(list).is_empty()).await;

    app.node.server_says("lab-1", |status| {
        status.chassis = status.chassis.map(|chassis| ChassisStatus { cooling_fault: true, ..chassis });
    });
    let open = admin.until("/v1/alerts", |list| items(list).len() == 1).await;
    assert_eq!(items(&open)[0]["kind"], "chassis-fault");
    assert!(items(&open)[0]["message"].as_str().unwrap().contains("its cooling has a fault"));
}

#[tokio::test]
async fn an_order_is_a_task_that_happens_once_whoever_is_killed() {
    let (mut app, admin) = App::ready().await;
    added(&admin, &lab("lab-1", 623)).await;
    admin.until("/v1/servers/lab-1", |_| app.node.with(|state| !state.bmcs.watched.is_empty())).await;
    let task = admin.post("/v1/servers/lab-1/power", &json!({ "action": "on" })).await.is(202);
    assert_eq!(task["kind"], "server-on");
    let at = |task: &Value| format!("/v1/tasks/{}", task["id"].as_str().unwrap());
    admin.until(&at(&task), |task| task["state"] == "done").await;
    app.node.server_says("lab-1", |_| {});
    admin.until("/v1/servers/lab-1", |server| server["on"] == true).await;

    // caked is killed before it hears what came of it.
    app.node.with(|state| state.bmcs.slow = true);
    let task = admin.post("/v1/servers/lab-1/power", &json!({ "action": "cycle" })).await.is(202);
    app.restart().await;
    let admin = admin.at(&app);
    let (operation, server, verb) = app.node.with(|state| *state.bmcs.orders.last().unwrap());
    assert_eq!(verb, ServerVerb::Power { chassis: ChassisVerb::Cycle });
    app.node.order_ends(operation, server, OperationResult::Done);
    admin.until(&at(&task), |task| task["state"] == "done").await;
    assert_eq!(app.node.with(|state| state.bmcs.orders.len()), 2, "handed over again it is the same order");

    // What the BMC refuses is said.
    let task = admin.post("/v1/servers/lab-1/boot", &json!({ "device": "network" })).await.is(202);
    let (operation, server, verb) = app.node.with(|state| *state.bmcs.orders.last().unwrap());
    let network = cake_types::BootDevice::Network;
    assert_eq!(verb, ServerVerb::Boot { device: network, once: true, uefi: true });
    let failure = Failure { code: FailureCode::BmcUnsupported, detail: "it can't".into() };
    app.node.order_ends(operation, server, OperationResult::Failed(failure));
    let failed = admin.until(&at(&task), |task| task["state"] == "failed").await;
    assert!(failed["message"].as_str().unwrap().contains("can’t do this"), "{failed}");

    // A BMC that refuses the password is not asked again.
    app.node.server_says("lab-1", |status| status.problem = Some(BmcProblem::Refused));
    admin.until("/v1/servers/lab-1", |server| server["problem"] == "refused").await;
    admin.post("/v1/servers/lab-1/power", &json!({ "action": "off" })).await.refused(409, "bmc-unheard");
    let operator = admin.with_role("operator").await;
    operator.post("/v1/servers/lab-1/power", &json!({ "action": "off" })).await.refused(403, "not-allowed");
    operator.post("/v1/servers/lab-1/identify", &json!({})).await.refused(409, "bmc-unheard");
}

#[tokio::test]
async fn the_event_log_is_written_into_the_journal_once() {
    let (mut app, admin) = App::ready().await;
    added(&admin, &lab("lab-1", 623)).await;
    admin.until("/v1/servers/lab-1", |_| app.node.with(|state| !state.bmcs.watched.is_empty())).await;
    // What was there before cake was is history.
    app.node.server_logs("lab-1", entry("1"));
    let log = admin.until("/v1/servers/lab-1/events", |log| items(log).len() == 1).await;
    assert_eq!(items(&log)[0]["fact"]["key"], "ipmi-6f-08-01");
    let journaled = async |admin: &Visitor, count: usize| {
        let hardware = |list: &Value| -> Vec<Value> {
            items(list).iter().filter(|event| event["kind"] == "hardware-event").cloned().collect()
        };
        let list = admin.until("/v1/events?limit=200", |list| hardware(list).len() >= count).await;
        hardware(&list)
    };
    // Until it is known where it was, the next entry would be history too.
    let known = async || {
        for _ in 0..200 {
            app.node.server_says("lab-1", |_| {});
            if app.knows_a_log().await {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("it is not known where the log was");
    };
    known().await;
    app.node.server_logs("lab-1", entry("2"));
    let told = journaled(&admin, 1).await;
    assert_eq!((told.len(), &told[0]["severity"]), (1, &json!("error")));
    assert!(told[0]["message"].as_str().unwrap().contains("PSU 1"), "{}", told[0]);
    // Entries that came while caked was away are not lost, and none is told twice.
    app.node_goes();
    app.node.server_logs("lab-1", entry("3"));
    app.restart().await;
    let admin = admin.at(&app);
    app.node_comes_back();
    assert_eq!(journaled(&admin, 2).await.len(), 2);
}
