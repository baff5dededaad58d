//! BMCs in a range of addresses, over the API: begun, followed, stopped, and added; and what is said of weak passwords.

use crate::support::{App, Visitor, answers, items, key};
use cake_node_api::OperationResult;
use cake_types::{
    Failure, FailureCode, FoundBmc, FoundRedfish, HostNetwork, HostStatus, ScanEnd, ScanStatus, ServerStatus,
};
use serde_json::{Value, json};
use std::time::Duration;

/// The scan that the node was told of, once it was.
async fn told(app: &App) -> ScanStatus {
    for _ in 0..500 {
        if let Some(scan) = app.node.with(|state| state.bmcs.scan.clone()).filter(|scan| scan.end.is_none()) {
            return scan;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the node was told of no scan");
}

fn found(last: u8, ipmi: bool, vendor: Option<&str>) -> FoundBmc {
    let redfish = vendor.map(|vendor| FoundRedfish {
        version: "1.11.0".into(),
        vendor: vendor.into(),
        product: "Sketchy <b>BMC</b>".into(),
        uuid: None,
    });
    FoundBmc { address: [192, 0, 2, last].into(), ipmi, manufacturer: ipmi.then_some(674), redfish }
}

async fn started(admin: &Visitor, body: &Value) -> Value {
    admin.post("/v1/bmc-scan", body).await.is(202)
}

#[tokio::test]
async fn a_range_is_asked_and_what_answers_is_added() {
    let (app, admin) = App::ready().await;
    let network = HostNetwork { interface: "eth0".into(), address: [192, 0, 2, 40].into(), prefix: 24 };
    app.node.host_is(HostStatus { networks: vec![network], ..HostStatus::default() });
    let before = admin.until("/v1/bmc-scan", |seen| !seen["ranges"].as_array().unwrap().is_empty()).await;
    assert_eq!(before, json!({ "ranges": ["192.0.2.0/24"], "scan": null }));
    let lab = json!({ "name": "lab-1", "bmc": { "host": "192.0.2.7", "user": "u", "password": "x7RkT9mQw2" } });
    admin.post("/v1/servers", &lab).await.is(201);

    let task = started(&admin, &json!({ "range": "192.0.2.0/24" })).await;
    assert_eq!((&task["kind"], &task["subject"]["kind"]), (&json!("bmc-scan"), &json!("node")));
    admin.post("/v1/bmc-scan", &json!({ "range": "192.0.2.9" })).await.refused(409, "scan-running");
    let scan = told(&app).await;
    app.node.scan_goes(scan.operation, |scan| {
        scan.asked = 128;
        scan.found = vec![found(7, true, None), found(9, true, Some("Contoso"))];
    });
    let seen = admin.until("/v1/bmc-scan", |seen| seen["scan"]["asked"] == 128).await;
    let scan_json = &seen["scan"];
    assert_eq!((&scan_json["state"], &scan_json["total"]), (&json!("running"), &json!(254)));
    assert_eq!((&scan_json["range"], &scan_json["task"]), (&json!("192.0.2.1-192.0.2.254"), &task["id"]));
    let [known, new] = &scan_json["found"].as_array().unwrap()[..] else { panic!("{seen}") };
    assert_eq!((&known["server"]["name"], &known["maker"]), (&json!("lab-1"), &json!("Dell")));
    assert_eq!((&new["server"], &new["name"], &new["maker"]), (&Value::Null, &json!("server-9"), &json!("Contoso")));
    assert_eq!((&new["access"], &new["port"]), (&json!("auto"), &json!(623)));
    let its_task = format!("/v1/tasks/{}", task["id"].as_str().unwrap());
    let progress = admin.until(&its_task, |task| task["progress"]["done"] == 128).await;
    assert_eq!(progress["progress"]["total"], 254);

    app.node.scan_goes(scan.operation, |scan| (scan.asked, scan.end) = (scan.total, Some(ScanEnd::Done)));
    assert_eq!(admin.end_of(&task).await["state"], "done");
    let bmc = json!({ "host": new["address"], "port": new["port"], "access": new["access"], "user": "u",
        "password": "x7RkT9mQw2" });
    admin.post("/v1/servers", &json!({ "name": new["name"], "bmc": bmc })).await.is(201);
    let seen = admin.get("/v1/bmc-scan").await.is(200);
    assert_eq!((&seen["scan"]["state"], &seen["scan"]["task"]), (&json!("done"), &Value::Null));
    assert_eq!(seen["scan"]["found"][1]["server"]["name"], "server-9");
    let audit = admin.get("/v1/audit?limit=100").await.is(200);
    let scans = items(&audit).iter().filter(|record| record["action"] == "bmc_scan_start").count();
    assert_eq!(scans, 2, "begun, and refused: {audit}");
}

#[tokio::test]
async fn a_scan_is_stopped_and_one_whose_node_was_killed_ends() {
    let (mut app, admin) = App::ready().await;
    let task = started(&admin, &json!({ "range": "192.0.2.1-99", "port": 6230, "redfish_port": 8443 })).await;
    let scan = told(&app).await;
    assert_eq!((scan.range.port, scan.range.redfish_port, scan.total), (6230, 8443, 99));
    let cancel = format!("/v1/tasks/{}/cancel", task["id"].as_str().unwrap());
    admin.poke(&cancel).await.is(202);
    assert_eq!(admin.end_of(&task).await["state"], "cancelled");
    assert_eq!(app.node.with(|state| state.bmcs.scan.as_ref().unwrap().end), Some(ScanEnd::Cancelled));

    // caked is killed: the node goes on, and so does the task.
    let task = started(&admin, &json!({ "range": "192.0.2.9" })).await;
    let scan = told(&app).await;
    app.restart().await;
    let admin = admin.at(&app);
    app.node.scan_goes(scan.operation, |scan| scan.end = Some(ScanEnd::Done));
    assert_eq!(admin.end_of(&task).await["state"], "done");

    // The node is killed: a scan of a moment ago is asked for again, and its own end is told.
    let task = started(&admin, &json!({ "range": "192.0.2.9" })).await;
    let scan = told(&app).await;
    app.node_goes();
    app.node.with(|state| state.bmcs.scan = None);
    app.node_comes_back();
    let again = told(&app).await;
    assert_eq!(again.operation, scan.operation, "the same scan");
    app.node.scan_goes(scan.operation, |scan| scan.end = Some(ScanEnd::Interrupted));
    let end = admin.end_of(&task).await;
    assert_eq!((&end["state"], &end["end"]["code"]), (&json!("failed"), &json!("interrupted")));
}

#[tokio::test]
async fn what_is_no_range_changes_nothing_and_only_administrators_ask() {
    let (mut app, admin) = App::ready().await;
    for (body, status, code, pointer) in [
        (json!({ "range": "" }), 422, "invalid", "/range"),
        (json!({ "range": "everything" }), 422, "invalid", "/range"),
        (json!({ "range": "192.0.2.9-192.0.2.1" }), 422, "invalid", "/range"),
        (json!({ "range": "192.0.2.1-2001:db8::1" }), 422, "invalid", "/range"),
        (json!({ "range": "239.0.0.1" }), 422, "invalid", "/range"),
        (json!({ "range": "10.0.0.0/8" }), 422, "out-of-range", "/range"),
        (json!({ "range": "2001:db8::/64" }), 422, "out-of-range", "/range"),
        (json!({ "range": "192.0.2.1", "port": 0 }), 422, "out-of-range", "/port"),
        (json!({ "range": "192.0.2.1", "redfish_port": 0 }), 422, "out-of-range", "/redfish_port"),
        (json!({ "range": "192.0.2.1", "port": 65536 }), 400, "malformed-body", ""),
        (json!({ "range": ["192.0.2.1"] }), 400, "malformed-body", ""),
        (json!({ "range": "192.0.2.1", "password": "x" }), 400, "unknown-field", ""),
        (json!({}), 400, "malformed-body", ""),
    ] {
        let answer = admin.post("/v1/bmc-scan", &body).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{body}: {}", answer.text);
        assert_eq!(answer.json()["pointer"].as_str().unwrap_or_default(), pointer, "{body}");
    }
    assert!(app.node.with(|state| state.bmcs.scan.is_none()));
    assert!(items(&admin.get("/v1/tasks").await.is(200)).iter().all(|task| task["kind"] != "bmc-scan"));
    let operator = admin.with_role("operator").await;
    operator.post("/v1/bmc-scan", &json!({ "range": "192.0.2.1" })).await.refused(403, "not-allowed");
    operator.get("/v1/bmc-scan").await.is(200);

    // The same request again is the same task.
    let (key, body) = (key(), json!({ "range": "192.0.2.1" }));
    let ask = async || admin.send("POST", "/v1/bmc-scan", &[("idempotency-key", &key)], Some(&body)).await;
    assert_eq!(ask().await.is(202)["id"], ask().await.is(202)["id"]);
    app.node_goes();
    admin.until("/v1/nodes", |list| items(list)[0]["connected"] == false).await;
    admin.post("/v1/bmc-scan", &body).await.refused(503, "node-unreachable");
}

#[tokio::test]
async fn a_weak_password_is_told_of_once_the_bmc_takes_it() {
    let (app, admin) = App::ready().await;
    let of = |user: &str, password: &str| json!({ "name": "lab-1", "bmc": { "host": "192.0.2.7", "user": user, "password": password } });
    let made = admin.post("/v1/servers", &of("root", "calvin")).await.is(201);
    assert_eq!(made["bmc"]["weak_password"], Value::Null, "nobody knows whether it is the right one");
    admin.until("/v1/servers/lab-1", |_| app.node.with(|state| !state.bmcs.watched.is_empty())).await;
    app.node.server_says("lab-1", |_: &mut ServerStatus| {});
    let seen = admin.until("/v1/servers/lab-1", |seen| seen["bmc"]["weak_password"] == "default").await;
    assert!(!seen.to_string().contains("calvin"));
    let alerts = admin.until("/v1/alerts", |list| !items(list).is_empty()).await;
    let alert = &items(&alerts)[0];
    assert_eq!((&alert["kind"], &alert["severity"]), (&json!("bmc-password"), &json!("warning")));
    assert!(!alerts.to_string().contains("calvin"), "{alerts}");

    // What is kept is as weak as it was; a strong one ends it.
    let patch = async |bmc: Value, etag: &Value| {
        let body = json!({ "bmc": bmc });
        admin.send("PATCH", "/v1/servers/lab-1", &[("if-match", etag.as_str().unwrap())], Some(&body)).await.is(200)
    };
    let kept = patch(json!({ "host": "192.0.2.7", "user": "root", "access": "ipmi" }), &seen["etag"]).await;
    assert_eq!(kept["bmc"]["weak_password"], "default");
    let strong = json!({ "host": "192.0.2.7", "user": "root", "password": "x7RkT9mQw2" });
    assert_eq!(patch(strong, &kept["etag"]).await["bmc"]["weak_password"], Value::Null);
    admin.until("/v1/alerts", |list| items(list).is_empty()).await;
}

#[tokio::test]
async fn the_answers_of_set_up_may_name_servers() {
    let app = App::fresh().await;
    let nobody = app.visitor();
    let (token, key) = (app.token(), key());
    let send = async |servers: Value, key: &str| {
        let mut answers = answers();
        answers["servers"] = servers;
        let headers = [("x-cake-setup-token", token.as_str()), ("idempotency-key", key)];
        nobody.send("POST", "/v1/setup", &headers, Some(&answers)).await
    };
    let good = json!({ "name": "db-1", "bmc": "192.0.2.7:6230", "user": "cake", "password": "x7RkT9mQw2" });
    for (bad, code, pointer) in [
        (json!({ "name": "DB-1", "bmc": "192.0.2.8" }), "name-taken", "/servers/1/name"),
        (json!({ "name": "sim-1", "bmc": "192.0.2.8" }), "name-taken", "/servers/1/name"),
        (json!({ "name": "../x", "bmc": "192.0.2.8" }), "bad-name", "/servers/1/name"),
        (json!({ "name": "db-2", "bmc": "192.0.2.7:6230" }), "bmc-taken", "/servers/1/bmc"),
        (json!({ "name": "db-2", "bmc": "https://192.0.2.8" }), "invalid", "/servers/1/bmc"),
        (json!({ "name": "db-2", "bmc": "192.0.2.8", "password": "x".repeat(21) }), "invalid", "/servers/1/password"),
        (json!({ "name": "db-2" }), "malformed-body", ""),
        (json!({ "name": "db-2", "bmc": "192.0.2.8", "adress": "x" }), "unknown-field", ""),
    ] {
        let answer = send(json!([good, bad]), &crate::support::key()).await;
        assert_eq!(answer.code(), code, "{bad}: {}", answer.text);
        assert_eq!(answer.json()["pointer"].as_str().unwrap_or_default(), pointer, "{bad}");
        assert_eq!(nobody.get("/v1/setup").await.is(200)["done"], false);
    }
    let recovery = send(json!([good]), &key).await.is(201)["recovery_key"].clone();
    assert_eq!(send(json!([good]), &key).await.is(201)["recovery_key"], recovery);
    let admin = nobody.log_in("admin", crate::support::PASSWORD).await;
    let list = admin.until("/v1/servers", |list| items(list).len() == 2).await;
    let added = items(&list).iter().find(|server| server["name"] == "db-1").expect("it is there");
    assert_eq!((&added["bmc"]["port"], &added["bmc"]["has_password"]), (&json!(6230), &json!(true)));
    admin.until("/v1/servers/db-1", |_| app.node.with(|state| !state.bmcs.watched.is_empty())).await;
    let spec = app.node.with(|state| state.bmcs.watched.values().next().map(|(server, _)| server.spec.clone()));
    let password = spec.unwrap().bmc.unwrap().password.unwrap();
    assert_eq!(password.open(app.node.key()).unwrap(), "x7RkT9mQw2");
    let stored = std::fs::read(app.state().join("store.sqlite")).unwrap();
    assert!(!String::from_utf8_lossy(&stored).contains("x7RkT9mQw2"));
    let recovery = cake_types::SecretKey::from_revealed(recovery.as_str().unwrap()).unwrap();
    assert_eq!(password.open(&recovery).unwrap(), "x7RkT9mQw2", "a restore can read it");
}

#[tokio::test]
async fn a_new_password_is_kept_beside_the_one_of_before_until_it_is_proven() {
    let (mut app, admin) = App::ready().await;
    let lab = json!({ "name": "lab-1", "bmc": { "host": "192.0.2.7", "user": "root", "password": "calvin" } });
    admin.post("/v1/servers", &lab).await.is(201);
    admin.post("/v1/servers/lab-1/password", &json!({})).await.refused(409, "bmc-unheard");
    admin.until("/v1/servers/lab-1", |_| app.node.with(|state| !state.bmcs.watched.is_empty())).await;
    app.node.server_says("lab-1", |_: &mut ServerStatus| {});
    admin.until("/v1/servers/lab-1", |seen| seen["bmc"]["weak_password"] == "default").await;
    let passwords = |app: &App| {
        let server = app.node.with(|state| state.bmcs.watched.values().next().map(|(server, _)| server.clone()));
        let bmc = server.unwrap().spec.bmc.unwrap();
        let open =
            |sealed: Option<cake_types::Sealed<String>>| sealed.map(|sealed| sealed.open(app.node.key()).unwrap());
        (open(bmc.password), open(bmc.next))
    };

    // It fails: both stay, and the next try goes on with the same one.
    app.node.with(|state| state.bmcs.slow = true);
    let operator = admin.with_role("operator").await;
    operator.post("/v1/servers/lab-1/password", &json!({})).await.refused(403, "not-allowed");
    let task = admin.poke("/v1/servers/lab-1/password").await.is(202);
    admin.poke("/v1/servers/lab-1/password").await.refused(409, "illegal-now");
    assert_eq!(passwords(&app), (Some("calvin".into()), Some("made-1".into())));
    let (operation, server, _) = app.node.with(|state| *state.bmcs.orders.last().unwrap());
    let failure = Failure { code: FailureCode::BmcSilent, detail: "no answer".into() };
    app.node.order_ends(operation, server, OperationResult::Failed(failure));
    assert_eq!(admin.end_of(&task).await["state"], "failed");
    let seen = admin.get("/v1/servers/lab-1").await.is(200);
    assert_eq!((&seen["bmc"]["password_pending"], &seen["bmc"]["weak_password"]), (&json!(true), &json!("default")));

    // caked is killed while the BMC is asked: the order is the same one, and what is proven is the password.
    let task = admin.poke("/v1/servers/lab-1/password").await.is(202);
    let orders = app.node.with(|state| state.bmcs.orders.len());
    app.restart().await;
    let admin = admin.at(&app);
    assert_eq!(app.node.with(|state| state.bmcs.orders.len()), orders, "once");
    let (operation, server, _) = app.node.with(|state| *state.bmcs.orders.last().unwrap());
    app.node.order_ends(operation, server, OperationResult::Done);
    assert_eq!(admin.end_of(&task).await["state"], "done");
    let seen = admin.until("/v1/servers/lab-1", |seen| seen["bmc"]["password_pending"] == false).await;
    assert_eq!(seen["bmc"]["weak_password"], Value::Null);
    admin.until("/v1/servers/lab-1", |_| passwords(&app) == (Some("made-1".into()), None)).await;
    assert_eq!(app.node.with(|state| state.bmcs.made), 1);
    assert!(!admin.get("/v1/audit?limit=100").await.text.contains("made-1"));
}
