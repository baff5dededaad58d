//! Power distribution units, over the API: added, heard, wired to servers, forgotten.

use crate::support::{Answer, App, Visitor, items};
use cake_types::{DeviceStatus, Outlet, PduInput, PduReading, SnmpProblem};
use serde_json::{Value, json};

fn strip(name: &str, port: u16, feed: &str) -> Value {
    json!({ "name": name, "host": "192.0.2.9", "port": port, "community": "ge heim", "feed": feed })
}

fn says(volts: f64, amps: f64) -> impl Fn(&mut DeviceStatus) {
    move |status| {
        let input = PduInput { id: "1".into(), volts: Some(volts), amps: Some(amps), ..PduInput::default() };
        let outlet = |id: &str, on| Outlet { id: id.into(), on: Some(on), watts: Some(120.0), ..Outlet::default() };
        let outlets = vec![outlet("1", true), outlet("2", true)];
        status.problem = None;
        status.pdu = Some(PduReading { watts: Some(240.0), inputs: vec![input], outlets, sensors: Vec::new() });
    }
}

async fn watched(app: &App, count: usize) {
    for _ in 0..400 {
        if app.node.devices().len() == count {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{:?} are watched", app.node.devices().len());
}

async fn patch(admin: &Visitor, name: &str, change: &Value) -> Answer {
    let etag = admin.get(&format!("/v1/pdus/{name}")).await.is(200)["etag"].clone();
    let etag = etag.as_str().unwrap();
    admin.send("PATCH", &format!("/v1/pdus/{name}"), &[("if-match", etag)], Some(change)).await
}

#[tokio::test]
async fn one_is_added_its_community_is_sealed_and_it_can_be_forgotten() {
    let (mut app, admin) = App::ready().await;
    let made = admin.post("/v1/pdus", &strip("pdu-a", 161, "a")).await.is(201);
    assert_eq!((&made["health"], &made["feed"], &made["port"]), (&json!("unheard"), &json!("A"), &json!(161)));
    assert!(!made.to_string().contains("heim"));
    watched(&app, 1).await;
    let device = app.node.devices().remove(0);
    assert_eq!(device.spec.community.open(app.node.key()).unwrap(), "ge heim");

    admin.post("/v1/pdus", &strip("PDU-A", 162, "B")).await.refused(409, "name-taken");
    admin.post("/v1/pdus", &strip("pdu-b", 161, "B")).await.refused(409, "device-taken");
    // The community stays with its address: else it could be sent to whoever wants to read it.
    patch(&admin, "pdu-a", &json!({ "host": "192.0.2.10" })).await.refused(422, "invalid");
    let moved = patch(&admin, "pdu-a", &json!({ "host": "192.0.2.10", "community": "neu" })).await.is(200);
    assert_eq!(moved["host"], "192.0.2.10");
    let limit = patch(&admin, "pdu-a", &json!({ "rated_amps": 16, "feed": "" })).await.is(200);
    assert_eq!((&limit["rated_amps"], &limit["feed"]), (&json!(16), &Value::Null));
    assert_eq!(patch(&admin, "pdu-a", &json!({ "rated_amps": null })).await.is(200)["rated_amps"], Value::Null);

    app.restart().await;
    let admin = admin.at(&app);
    assert_eq!(items(&admin.get("/v1/pdus").await.is(200)).len(), 1);
    let etag = admin.get("/v1/pdus/pdu-a").await.is(200)["etag"].clone();
    admin.delete("/v1/pdus/pdu-a", etag.as_str().unwrap()).await.is(204);
    watched(&app, 0).await;
    admin.get("/v1/pdus/pdu-a").await.refused(404, "not-found");
    assert!(!admin.get("/v1/audit?limit=100").await.is(200).to_string().contains("heim"));
}

#[tokio::test]
async fn what_is_wrong_is_refused_at_its_field() {
    let (_app, admin) = App::ready().await;
    for (change, code, field) in [
        (json!({ "host": "http://192.0.2.7" }), "invalid", "/host"),
        (json!({ "port": 0 }), "out-of-range", "/port"),
        (json!({ "community": "" }), "invalid", "/community"),
        (json!({ "community": "x".repeat(65) }), "invalid", "/community"),
        (json!({ "feed": "x".repeat(17) }), "invalid", "/feed"),
        (json!({ "rated_amps": 0 }), "out-of-range", "/rated_amps"),
        (json!({ "outlets": [{ "outlet": "a", "server": "sim-1" }] }), "invalid", "/outlets/0/outlet"),
        (json!({ "note": "x".repeat(501) }), "invalid", "/note"),
    ] {
        let mut body = strip("pdu-a", 161, "A");
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = admin.post("/v1/pdus", &body).await;
        assert_eq!(answer.json()["pointer"], field, "{change}");
        answer.refused(422, code);
    }
    let mut body = strip("pdu-a", 161, "A");
    body["outlets"] = json!([{ "outlet": "1", "server": "nobody" }]);
    admin.post("/v1/pdus", &body).await.refused(404, "not-found");
    assert!(items(&admin.get("/v1/pdus").await.is(200)).is_empty());
}

#[tokio::test]
async fn feeds_are_shown_with_what_hangs_on_them_and_alerts_say_what_is_wrong() {
    let (app, admin) = App::ready().await;
    admin.until("/v1/servers", |list| items(list).len() == 1).await;
    admin.post("/v1/pdus", &strip("pdu-a", 161, "A")).await.is(201);
    admin.post("/v1/pdus", &strip("pdu-b", 162, "B")).await.is(201);
    watched(&app, 2).await;
    app.node.device_says("pdu-a", says(230.0, 3.0));
    app.node.device_says("pdu-b", says(229.0, 3.0));
    let wired = json!({ "outlets": [{ "outlet": "2", "server": "sim-1" }, { "outlet": "1", "server": "sim-1" }] });
    patch(&admin, "pdu-a", &wired).await.is(200);
    let shown = admin.until("/v1/pdus/pdu-a", |pdu| pdu["watts"] == 240.0).await;
    assert_eq!(shown["outlets"][1]["server"]["name"], "sim-1");
    let server = admin.get("/v1/servers/sim-1").await.is(200);
    assert_eq!((&server["feeds"][0]["feed"], &server["feeds"][0]["watts"]), (&json!("A"), &json!(120.0)));
    let kinds = |list: &Value| -> Vec<String> {
        let mut kinds: Vec<_> = items(list).iter().map(|alert| alert["kind"].as_str().unwrap().to_owned()).collect();
        kinds.sort();
        kinds
    };
    // Both supplies on one feed, though there is another.
    admin.until("/v1/alerts", |list| kinds(list) == ["feed-shared"]).await;
    patch(&admin, "pdu-a", &json!({ "outlets": [{ "outlet": "1", "server": "sim-1" }] })).await.is(200);
    patch(&admin, "pdu-b", &json!({ "outlets": [{ "outlet": "1", "server": "sim-1" }] })).await.is(200);
    admin.until("/v1/alerts", |list| kinds(list).is_empty()).await;

    patch(&admin, "pdu-b", &json!({ "rated_amps": 10 })).await.is(200);
    app.node.device_says("pdu-b", says(229.0, 8.5));
    let near = admin.until("/v1/alerts", |list| kinds(list) == ["pdu-load"]).await;
    assert_eq!(items(&near)[0]["subject"]["name"], "pdu-b");
    app.node.device_says("pdu-b", says(229.0, 3.0));
    admin.until("/v1/alerts", |list| kinds(list).is_empty()).await;

    // Feed A dies, and its strip can still say so: the server beneath it is named.
    app.node.device_says("pdu-a", says(0.0, 0.0));
    let dead = admin.until("/v1/alerts", |list| kinds(list) == ["feed-dead"]).await;
    assert!(items(&dead)[0]["message"].as_str().unwrap().contains("sim-1"), "{dead}");
    let causes = admin.get("/v1/causes").await.is(200);
    let cause = &items(&causes)[0];
    assert_eq!(
        (&cause["cause"]["kind"], &cause["cause"]["thing"]["name"]),
        (&json!("feed-lost"), &json!("A")),
        "{causes}"
    );
    assert_eq!(cause["servers"], json!(["sim-1"]));

    // What is not heard stays, with why.
    app.node.device_says("pdu-a", |status| status.problem = Some(SnmpProblem::Silent));
    let old = admin.until("/v1/pdus/pdu-a", |pdu| pdu["problem"] == "silent").await;
    assert_eq!((&old["health"], &old["watts"]), (&json!("unheard"), &json!(240.0)));

    // An outlet that is switched is an event.
    app.node.device_says("pdu-b", |status| {
        status.pdu.as_mut().unwrap().outlets[0].on = Some(false);
    });
    let told = admin.until("/v1/events", |list| list.to_string().contains("outlet-off")).await;
    let event = items(&told).iter().find(|event| event["kind"] == "outlet-off").unwrap().clone();
    assert!(event["message"].as_str().unwrap().contains("sim-1"), "{event}");
    let text = admin.get("/metrics").await.text;
    assert!(text.contains("cake_pdu_up{pdu=\"pdu-a\",feed=\"A\"} 0"), "{text}");
    assert!(text.contains("cake_pdu_outlet_on{pdu=\"pdu-b\",feed=\"B\",outlet=\"1\"} 0"), "{text}");
}
