//! Updates of the firmware, over the API: where they come from, what is ordered, and how it ends.

use crate::support::{App, Visitor, items};
use cake_node_api::HostVerb;
use cake_types::{
    ByteSize, Departed, Failure, FailureCode, HandsOff, HostStatus, LeavingEnd, LeavingWay, OperationId,
    ReleaseRefused, SlotStanding, SoftReboot, StartFailure, StartReason, UpdateEnd, UpdateOffer, UpdateOrder,
    UpdateRelease, UpdateSlot, UpdateSource, UpdateStatus,
};
use jiff::Timestamp;
use serde_json::{Value, json};

const UPDATE: &str = "/v1/system/update";
const URL: &str = "https://updates.example.com/cake";

fn slot(version: &str, standing: SlotStanding) -> UpdateSlot {
    UpdateSlot { version: version.into(), standing, good: true, disks: 2, failure: None }
}

fn firmware() -> UpdateStatus {
    let slots = vec![slot("0.2.0", SlotStanding::Running), slot("0.1.0", SlotStanding::Previous)];
    UpdateStatus { running: "0.2.0".into(), disks: 2, slots, ..UpdateStatus::default() }
}

fn is(app: &App, update: UpdateStatus) {
    app.node.host_is(HostStatus { update: Some(Box::new(update)), ..HostStatus::default() });
}

/// An appliance, and somebody who may.
async fn appliance() -> (App, Visitor) {
    let (app, admin) = App::ready().await;
    is(&app, firmware());
    admin.until(UPDATE, |seen| seen["servers"][0]["disks"] == 2).await;
    (app, admin)
}

async fn from(admin: &Visitor, body: Value) -> crate::support::Answer {
    admin.send("PUT", UPDATE, &[("if-match", "*")], Some(&body)).await
}

/// The order that the node was given last.
fn last(app: &App) -> (OperationId, UpdateOrder) {
    app.node.with(|state| state.updates.last().cloned().expect("an order"))
}

fn offer() -> UpdateOffer {
    let release = |version: &str, refused| UpdateRelease {
        version: version.into(),
        kernel: "6.12.57".into(),
        size: ByteSize::mib(260),
        refused,
    };
    UpdateOffer {
        at: Timestamp::UNIX_EPOCH,
        source: UpdateSource::Url { url: URL.into() },
        expires: Timestamp::UNIX_EPOCH,
        releases: vec![
            release("0.4.0", None),
            release("0.3.0", Some(ReleaseRefused::FailedBefore)),
            release("0.0.1", Some(ReleaseRefused::TooOld)),
        ],
    }
}

#[tokio::test]
async fn a_version_is_looked_for_and_installed() {
    let (app, admin) = appliance().await;
    admin.poke(&format!("{UPDATE}/check")).await.refused(409, "update-no-source");
    assert_eq!(from(&admin, json!({ "url": format!("{URL}/") })).await.is(200)["source"]["url"], URL);
    let task = admin.poke(&format!("{UPDATE}/check")).await.is(202);
    assert_eq!((&task["kind"], &task["subject"]["kind"]), (&json!("update-check"), &json!("node")));
    let (operation, order) = last(&app);
    assert_eq!(order, UpdateOrder::Check { source: UpdateSource::Url { url: URL.into() } });
    admin.poke(&format!("{UPDATE}/check")).await.refused(409, "update-running");
    let mut with = app.node.with(|state| state.host.clone());
    with.update.as_mut().expect("its firmware").offer = Some(offer());
    app.node.host_is(with);
    let seen = admin.until(UPDATE, |seen| !seen["servers"][0]["offer"].is_null()).await;
    assert_eq!(seen["servers"][0]["work"]["task"], task["id"]);
    assert_eq!(seen["servers"][0]["offer"]["releases"][1]["refused"], "failed-before");
    app.node.update_ends(operation, UpdateEnd::Done, None);
    assert_eq!(admin.end_of(&task).await["state"], "done");

    let apply = async |version: &str| admin.post(&format!("{UPDATE}/apply"), &json!({ "version": version })).await;
    apply("0.3.0").await.refused(409, "update-failed-before");
    apply("0.0.1").await.refused(409, "update-forbidden");
    apply("0.9.0").await.refused(409, "update-not-offered");
    let task = apply("0.4.0").await.is(202);
    let (operation, order) = last(&app);
    assert!(matches!(order, UpdateOrder::Apply { version, .. } if version == "0.4.0"));
    let failure = Failure { code: FailureCode::UpdateUnsigned, detail: "because".into() };
    app.node.update_ends(operation, UpdateEnd::Failed, Some(failure));
    let ended = admin.end_of(&task).await;
    assert_eq!((&ended["state"], &ended["end"]["code"]), (&json!("failed"), &json!("update-unsigned")));
    let audit = admin.get("/v1/audit?limit=100").await.is(200);
    for action in ["update_source", "update_check", "update_apply"] {
        assert!(items(&audit).iter().any(|record| record["action"] == action), "{action}: {audit}");
    }
}

#[tokio::test]
async fn an_order_is_cancelled_and_outlives_restarts() {
    let (mut app, admin) = appliance().await;
    from(&admin, json!({ "url": URL })).await.is(200);
    let task = admin.poke(&format!("{UPDATE}/check")).await.is(202);
    app.restart().await;
    let admin = admin.at(&app);
    // A node that was started anew is told again.
    app.node.with(|state| state.updates.clear());
    app.node_goes();
    app.node_comes_back();
    for _ in 0..500 {
        if app.node.with(|state| !state.updates.is_empty()) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let id = task["id"].as_str().expect("an id");
    admin.poke(&format!("/v1/tasks/{id}/cancel")).await.is(202);
    assert_eq!(admin.end_of(&task).await["state"], "cancelled");
}

#[tokio::test]
async fn what_was_given_up_is_an_alert_until_it_is_removed() {
    let (app, admin) = appliance().await;
    let failure = StartFailure { reason: StartReason::Console, detail: Some("refused".into()), at: None };
    let bad = UpdateSlot { failure: Some(failure), good: false, ..slot("0.3.0", SlotStanding::Bad) };
    let mut update = firmware();
    update.slots.insert(0, bad);
    is(&app, update);
    let alerts = admin.until("/v1/alerts", |seen| items(seen).iter().any(|a| a["kind"] == "update-failed")).await;
    let alert = items(&alerts).iter().find(|alert| alert["kind"] == "update-failed").expect("it");
    assert!(alert.to_string().contains("The console did not answer in time"), "{alert}");
    let seen = admin.get(UPDATE).await.is(200);
    assert_eq!(seen["servers"][0]["versions"][0]["failure"]["reason"], "console");
    let remove = async |version: &str| admin.post(&format!("{UPDATE}/remove"), &json!({ "version": version })).await;
    remove("0.2.0").await.refused(409, "update-needed");
    remove("0.9.0").await.refused(404, "not-found");
    let task = remove("0.3.0").await.is(202);
    let (operation, order) = last(&app);
    assert_eq!(order, UpdateOrder::Remove { version: "0.3.0".into() });
    app.node.update_ends(operation, UpdateEnd::Done, None);
    admin.end_of(&task).await;
    is(&app, firmware());
    admin.until("/v1/alerts", |seen| items(seen).iter().all(|a| a["kind"] != "update-failed")).await;

    let task = admin.poke(&format!("{UPDATE}/go-back")).await.is(202);
    let (operation, order) = last(&app);
    assert_eq!(order, UpdateOrder::GoBack);
    app.node.update_ends(operation, UpdateEnd::Done, None);
    assert_eq!(admin.end_of(&task).await["state"], "done");
}

#[tokio::test]
async fn what_is_wrong_is_refused_and_only_administrators_update() {
    let (app, admin) = appliance().await;
    for (body, field) in [
        (json!({ "url": "example.com" }), "/url"),
        (json!({ "url": "ftp://example.com" }), "/url"),
        (json!({ "url": "https://a:b@example.com" }), "/url"),
        (json!({ "url": format!("https://example.com/{}", "x".repeat(2000)) }), "/url"),
        (json!({ "stick": "nowhere" }), "/stick"),
        (json!({ "url": URL, "stick": "nowhere" }), "/stick"),
    ] {
        let answer = from(&admin, body.clone()).await;
        answer.refused(422, "invalid");
        assert!(answer.text.contains(field), "{body}: {}", answer.text);
    }
    from(&admin, json!({ "url": "http://127.0.0.1/" })).await.refused(422, "url-forbidden");
    let seen = admin.get(UPDATE).await;
    let stale = admin.send("PUT", UPDATE, &[("if-match", "\"7\"")], Some(&json!({ "url": URL }))).await;
    stale.refused(412, "stale");
    assert_eq!(seen.is(200)["source"], Value::Null, "nothing was changed");
    let operator = admin.with_role("operator").await;
    operator.get(UPDATE).await.is(200);
    operator.poke(&format!("{UPDATE}/check")).await.refused(403, "not-allowed");

    from(&admin, json!({ "url": URL })).await.is(200);
    is(&app, UpdateStatus { disks: 0, ..firmware() });
    admin.until(UPDATE, |seen| seen["servers"][0]["disks"] == 0).await;
    admin.poke(&format!("{UPDATE}/check")).await.refused(409, "update-no-disk");
    app.node.host_is(HostStatus { hands_off: Some(HandsOff::NotAppliance), ..HostStatus::default() });
    admin.until(UPDATE, |seen| seen["servers"].as_array().is_some_and(Vec::is_empty)).await;
    admin.poke(&format!("{UPDATE}/go-back")).await.refused(409, "not-appliance");
    assert!(app.node.with(|state| state.updates.is_empty()));
}

#[tokio::test]
async fn programs_start_anew_only_where_vms_can_go_on() {
    const SOFT: &str = "/v1/nodes/sim-1/soft-reboot";
    let (app, admin) = appliance().await;
    admin.poke(SOFT).await.refused(409, "soft-reboot-impossible");
    let ready = |soft| {
        let slots = vec![slot("0.3.0", SlotStanding::Next), slot("0.2.0", SlotStanding::Running)];
        UpdateStatus { slots, soft: Some(soft), ..firmware() }
    };
    for soft in [SoftReboot::Kernel, SoftReboot::Unreadable, SoftReboot::Memory] {
        is(&app, ready(soft));
        admin.until(UPDATE, |seen| seen["servers"][0]["soft_reboot"] == soft.as_str()).await;
        let refused = admin.poke(SOFT).await;
        assert!(refused.text.contains(soft.as_str()), "{}", refused.text);
        refused.refused(409, "soft-reboot-impossible");
    }
    is(&app, ready(SoftReboot::Possible));
    admin.until(UPDATE, |seen| seen["servers"][0]["soft_reboot"] == "possible").await;
    admin.with_role("operator").await.poke(SOFT).await.refused(403, "not-allowed");
    assert!(app.node.with(|state| state.host_verbs.is_empty()), "nothing was ordered");
    let task = admin.poke(SOFT).await.is(202);
    assert_eq!(task["kind"], "node-soft-reboot");
    let (operation, verb) = app.node.with(|state| *state.host_verbs.last().expect("an order"));
    assert!(matches!(verb, HostVerb::Leave { way: LeavingWay::SoftReboot, .. }), "{verb:?}");
    admin.poke("/v1/nodes/sim-1/reboot").await.refused(409, "server-leaving");
    let left = Departed { operation, end: LeavingEnd::Failed, detail: Some("it was changed".into()) };
    app.node.host_is(HostStatus { left: Some(left), ..HostStatus::default() });
    let ended = admin.end_of(&task).await;
    assert_eq!((&ended["state"], &ended["end"]["detail"]), (&json!("failed"), &json!("it was changed")));
}
