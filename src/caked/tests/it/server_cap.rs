//! How much a server may draw: asked, bounded by what its BMC says, and shown as it is in force.

use crate::support::{App, Visitor};
use cake_types::{CapStatus, CapTrouble, PowerCap};
use serde_json::{Value, json};

async fn patch(admin: &Visitor, change: &Value) -> crate::support::Answer {
    let etag = admin.get("/v1/servers/lab-1").await.is(200)["etag"].as_str().unwrap().to_owned();
    admin.send("PATCH", "/v1/servers/lab-1", &[("if-match", &etag)], Some(change)).await
}

#[tokio::test]
async fn a_cap_is_asked_for_read_back_and_left_alone_again() {
    let (app, admin) = App::ready().await;
    let bmc = json!({ "host": "192.0.2.7", "user": "admin", "password": "ge heim" });
    let made = admin.post("/v1/servers", &json!({ "name": "lab-1", "bmc": bmc })).await.is(201);
    assert_eq!(made["cap"], Value::Null);
    let watched = || app.node.with(|state| state.bmcs.watched.values().next().map(|(server, _)| server.spec.cap));
    admin.until("/v1/servers/lab-1", |_| watched().is_some()).await;

    let asked = patch(&admin, &json!({ "cap": { "watts": 300 } })).await.is(200);
    assert_eq!((&asked["cap"]["asked"]["watts"], &asked["cap"]["watts"]), (&json!(300), &Value::Null));
    admin.until("/v1/servers/lab-1", |_| watched() == Some(Some(PowerCap { watts: Some(300) }))).await;
    let says = |cap| app.node.server_says("lab-1", |status| status.cap = Some(cap));
    says(CapStatus { watts: Some(301), least: Some(150), most: Some(750), trouble: None });
    let shown = admin.until("/v1/servers/lab-1", |server| server["cap"]["watts"] == 301).await;
    assert_eq!(
        shown["cap"],
        json!({ "asked": { "watts": 300 }, "held": null, "watts": 301, "least": 150, "most": 750, "trouble": null })
    );

    // What its BMC does not take is refused, and nothing is changed.
    let before = admin.get("/v1/servers/lab-1").await.is(200);
    for (watts, code) in [(149, "out-of-range"), (751, "out-of-range"), (0, "out-of-range")] {
        patch(&admin, &json!({ "cap": { "watts": watts } })).await.refused(422, code);
    }
    for wrong in [json!({ "watts": -1 }), json!({ "watts": 70_000 }), json!({ "watts": "300" }), json!({}), json!(300)]
    {
        let answer = patch(&admin, &json!({ "cap": wrong })).await;
        assert!([400, 422].contains(&answer.status), "{wrong}: {}", answer.text);
    }
    assert_eq!(admin.get("/v1/servers/lab-1").await.is(200)["etag"], before["etag"]);

    // As much as it likes, and left alone, are two things.
    let free = patch(&admin, &json!({ "cap": { "watts": null } })).await.is(200);
    assert_eq!(free["cap"]["asked"], json!({ "watts": null }));
    let left = patch(&admin, &json!({ "cap": null })).await.is(200);
    assert_eq!(left["cap"]["asked"], Value::Null);
    admin.until("/v1/servers/lab-1", |_| watched() == Some(None)).await;

    // A BMC that can't is not asked.
    says(CapStatus { trouble: Some(CapTrouble::Unsupported), ..CapStatus::default() });
    admin.until("/v1/servers/lab-1", |server| server["cap"]["trouble"] == "unsupported").await;
    patch(&admin, &json!({ "cap": { "watts": 300 } })).await.refused(409, "cap-unsupported");
    let etag = admin.get("/v1/servers/sim-1").await.is(200)["etag"].as_str().unwrap().to_owned();
    let headers = [("if-match", etag.as_str())];
    admin
        .send("PATCH", "/v1/servers/sim-1", &headers, Some(&json!({ "cap": { "watts": 300 } })))
        .await
        .refused(409, "no-bmc");
    let operator = admin.with_role("operator").await;
    operator
        .send("PATCH", "/v1/servers/lab-1", &headers, Some(&json!({ "cap": null })))
        .await
        .refused(403, "not-allowed");
}
