//! What somebody must act on: told once, known by somebody, gone when it is over.

use crate::support::{Answer, App, Visitor, items, key, vm};
use cake_store::ManualClock;
use cake_types::{Failure, FailureCode, VmId, VmState};
use serde_json::{Value, json};
use std::sync::Arc;

async fn alerts(who: &Visitor, count: usize) -> Vec<Value> {
    items(&who.until("/v1/alerts", |list| items(list).len() == count).await).clone()
}

/// The alerts of which something was told, oldest first: `began pool-space`.
async fn told(who: &Visitor, count: usize) -> Vec<String> {
    let alerts = |list: &Value| -> Vec<String> {
        let turns = items(list).iter().filter(|event| event["kind"].as_str().unwrap().starts_with("alert-"));
        let turn = |event: &Value| {
            format!("{} {}", &event["kind"].as_str().unwrap()[6..], event["params"]["alert"].as_str().unwrap())
        };
        let mut told: Vec<String> = turns.map(turn).collect();
        told.reverse();
        told
    };
    // Events are written a moment later.
    for _ in 0..100 {
        let now = alerts(&who.get("/v1/events?limit=500").await.is(200));
        if now.len() >= count {
            return now;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{count} were never told: {:?}", alerts(&who.get("/v1/events?limit=500").await.is(200)));
}

fn path(alert: &Value, verb: &str) -> String {
    format!("/v1/alerts/{}/{verb}", alert["id"].as_str().unwrap())
}

fn vm_id(vm: &Value) -> VmId {
    vm["id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_pool_fills_somebody_knows_and_it_ends() {
    let (mut app, admin) = App::ready().await;
    assert!(items(&admin.get("/v1/alerts").await.is(200)).is_empty());
    app.node.pools_fill(83);
    let open = alerts(&admin, 1).await;
    assert_eq!((&open[0]["kind"], &open[0]["severity"]), (&json!("pool-space"), &json!("warning")));
    assert_eq!((&open[0]["subject"]["kind"], &open[0]["subject"]["name"]), (&json!("pool"), &json!("local")));
    assert!(open[0]["message"].as_str().unwrap().contains("83 % full: 17 GiB free of 100 GiB"), "{}", open[0]);
    assert!(!open[0]["next"].as_str().unwrap().is_empty());

    let known = admin.post(&path(&open[0], "acknowledge"), &json!({ "note": " New disk is ordered " })).await.is(200);
    assert_eq!(known["acknowledged"]["note"], "New disk is ordered");
    assert_eq!(known["acknowledged"]["by"]["name"], "admin");
    // It flutters about its threshold, caked starts again: nothing is told twice, and who knew still knows.
    app.node.pools_fill(79);
    app.restart().await;
    let admin = admin.at(&app);
    app.node.pools_fill(82);
    let open =
        admin.until("/v1/alerts", |list| items(list).first().is_some_and(|a| a["params"]["percent"] == "82")).await;
    assert_eq!(items(&open)[0]["acknowledged"], known["acknowledged"]);
    assert_eq!(items(&open)[0]["since"], known["since"]);
    assert_eq!(told(&admin, 1).await, ["began pool-space"]);

    // Worse than what was known is not known.
    app.node.pools_fill(91);
    let open = admin.until("/v1/alerts", |list| items(list)[0]["severity"] == "error").await;
    assert!(items(&open)[0]["acknowledged"].is_null());
    admin.post(&path(&known, "acknowledge"), &json!({})).await.is(200);
    admin.poke(&path(&known, "unacknowledge")).await.is(200);
    assert!(alerts(&admin, 1).await[0]["acknowledged"].is_null());

    app.node.pools_fill(20);
    alerts(&admin, 0).await;
    assert_eq!(told(&admin, 3).await, ["began pool-space", "began pool-space", "ended pool-space"]);
    admin.poke(&path(&known, "acknowledge")).await.refused(404, "not-found");
    app.restart().await;
    let admin = admin.at(&app);
    alerts(&admin, 0).await;
    let audit = admin.get("/v1/audit?limit=100").await.is(200);
    let mut done: Vec<&str> = items(&audit).iter().filter_map(|record| record["action"].as_str()).collect();
    done.retain(|action| action.starts_with("alert_"));
    assert_eq!(done.len(), 4, "{done:?}");
}

#[tokio::test]
async fn what_is_wrong_changes_nothing_and_twice_is_once() {
    let (app, admin) = App::ready().await;
    app.node.pools_fill(95);
    let open = alerts(&admin, 1).await;
    let acknowledge = path(&open[0], "acknowledge");
    let send = async |key: &str, body: Value| -> Answer {
        admin.send("POST", &acknowledge, &[("idempotency-key", key)], Some(&body)).await
    };
    send(&key(), json!({ "note": "x".repeat(501) })).await.refused(422, "out-of-range");
    send(&key(), json!({ "note": 7 })).await.refused(400, "malformed-body");
    send(&key(), json!({ "nota": "x" })).await.refused(400, "unknown-field");
    for id in ["nonsense", "pool-space.nobody", "..%2f..", &"x".repeat(3000)] {
        admin.poke(&format!("/v1/alerts/{id}/acknowledge")).await.refused(404, "not-found");
    }
    assert!(alerts(&admin, 1).await[0]["acknowledged"].is_null());
    let once = key();
    let first = send(&once, json!({ "note": "on it" })).await.is(200);
    let again = send(&once, json!({ "note": "on it" })).await.is(200);
    assert_eq!(first, again);
    send(&once, json!({ "note": "other" })).await.refused(409, "key-reused");
    let viewer = admin.with_role("viewer").await;
    viewer.poke(&acknowledge).await.refused(403, "not-allowed");
    assert_eq!(items(&viewer.get("/v1/alerts").await.is(200)).len(), 1, "to see is for everybody");
}

#[tokio::test]
async fn a_vm_that_needs_somebody_is_an_alert() {
    let (app, admin) = App::ready().await;
    let web = vm_id(&admin.running_vm("web").await);
    let failure = |code| Some(Failure { code, detail: "a test".into() });
    app.node.happens(web, |status| (status.state, status.failure) = (VmState::Paused, failure(FailureCode::NoSpace)));
    let open = alerts(&admin, 1).await;
    assert_eq!((&open[0]["kind"], &open[0]["subject"]["name"]), (&json!("vm-no-space"), &json!("web")));
    app.node.happens(web, |status| (status.state, status.failure) = (VmState::Running, None));
    alerts(&admin, 0).await;
    app.node.happens(web, |status| (status.state, status.failure) = (VmState::Failed, failure(FailureCode::CrashLoop)));
    let open = alerts(&admin, 1).await;
    assert_eq!((&open[0]["kind"], &open[0]["params"]["code"]), (&json!("vm-failed"), &json!("crash-loop")));
    assert!(open[0]["message"].as_str().unwrap().contains("again and again"), "{}", open[0]);
    // Pages say the same.
    let page = admin.get("/").await.text;
    assert!(page.contains("1 thing needs your attention"), "{page}");
    assert!(admin.get("/alerts").await.text.contains("again and again"));
    // Deleted is over.
    let etag = admin.get("/v1/vms/web").await.header("etag").to_owned();
    admin.done(admin.delete("/v1/vms/web", &etag).await).await;
    alerts(&admin, 0).await;
    assert!(told(&admin, 4).await.ends_with(&["ended vm-failed".into()]));
    let said = admin.get("/v1/events?limit=100").await.is(200);
    let said: Vec<&str> = items(&said).iter().filter_map(|event| event["message"].as_str()).collect();
    assert!(said.iter().any(|said| said.starts_with("Alert about web: It crashed again and again")), "{said:?}");
}

/// The patience with a server begins when its absence is first looked at, a moment after it is shown: time goes on, and something
/// changes so that it is looked at again, until it is over.
async fn away_for_long(who: &Visitor, clock: &ManualClock) -> Vec<Value> {
    for turn in 0..100 {
        clock.advance(std::time::Duration::from_secs(11));
        let etag = who.get("/v1/settings").await.header("etag").to_owned();
        who.patch("/v1/settings", &etag, &json!({ "name": format!("cake {turn}") })).await.is(200);
        let open = who.get("/v1/alerts").await.is(200);
        if items(&open).len() == 2 {
            return items(&open).clone();
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("it is no alert: {:?}", who.get("/v1/alerts").await.is(200));
}

#[tokio::test]
async fn a_server_that_stays_away_is_an_alert_and_its_vms_stay_as_they_were() {
    let clock = Arc::new(ManualClock::at(1_800_000_000_000));
    let (mut app, admin) = App::ready_at(clock.clone()).await;
    admin.post("/v1/vms", &vm("web")).await.is(202);
    app.node.pools_fill(85);
    alerts(&admin, 1).await;
    app.node_goes();
    admin.until("/v1/nodes", |nodes| items(nodes)[0]["connected"] == false).await;
    let both = away_for_long(&admin, &clock).await;
    assert_eq!((&both[0]["kind"], &both[1]["kind"]), (&json!("node-away"), &json!("pool-space")), "the worst first");
    let part = admin.get("/v1/alerts?limit=1").await.is(200);
    let next = part["next"].as_str().unwrap();
    let rest = admin.get(&format!("/v1/alerts?limit=1&cursor={next}")).await.is(200);
    assert_eq!((items(&rest)[0]["kind"].as_str(), &rest["next"]), (Some("pool-space"), &Value::Null));
    app.node_comes_back();
    assert_eq!(alerts(&admin, 1).await[0]["kind"], "pool-space");
}
