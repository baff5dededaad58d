//! What is deleted can be brought back, for a while.

use crate::support::{App, PASSWORD, items};
use cake_store::ManualClock;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_vm_goes_to_the_bin_and_comes_back_with_what_it_had() {
    let (app, admin) = App::ready().await;
    let made = admin.running_vm("web").await;
    let own = format!("/v1/vms/{}", id(&made));
    let end = admin.done(admin.poke("/v1/vms/web/bin").await).await;
    assert_eq!(end["kind"], "vm-bin");
    // Off, out of sight, its name free; its disks are where they were.
    assert!(items(&admin.get("/v1/vms").await.is(200)).is_empty());
    admin.get("/v1/vms/web").await.refused(404, "not-found");
    let binned = admin.get(&own).await.is(200);
    assert_eq!((&binned["state"], binned["binned_at"].is_string()), (&json!("stopped"), true));
    assert_eq!(app.node.with(|node| node.vms.len()), 1);
    let bin = admin.get("/v1/bin").await.is(200);
    assert_eq!((&items(&bin)[0]["kind"], &items(&bin)[0]["name"]), (&json!("vm"), &json!("web")));
    for what in ["start", "shutdown", "reset", "bin"] {
        admin.poke(&format!("{own}/{what}")).await.refused(409, "illegal-now");
    }
    admin.patch(&own, "*", &json!({ "name": "other" })).await.refused(409, "illegal-now");
    // Somebody else has the name by now.
    admin.running_vm("web").await;
    admin.poke(&format!("{own}/restore")).await.refused(409, "name-taken");
    let end = admin.post(&format!("{own}/restore"), &json!({ "name": "web-old" })).await;
    assert_eq!(admin.done(end).await["kind"], "vm-restore");
    let back = admin.get("/v1/vms/web-old").await.is(200);
    assert_eq!((&back["id"], &back["state"], &back["binned_at"]), (&made["id"], &json!("stopped"), &Value::Null));
    admin.done(admin.poke("/v1/vms/web-old/start").await).await;
    admin.poke("/v1/vms/web-old/restore").await.refused(409, "illegal-now");
    // For good, from the bin.
    admin.done(admin.poke("/v1/vms/web-old/bin").await).await;
    admin.delete(&own, "\"g1\"").await.refused(412, "stale");
    admin.done(admin.delete(&own, "*").await).await;
    assert!(items(&admin.get("/v1/bin").await.is(200)).is_empty());
    assert_eq!(app.node.with(|node| node.vms.len()), 1);
    // The one with the name is not touched by that.
    assert_eq!(admin.get("/v1/vms/web").await.is(200)["state"], "running");
    let viewer = admin.with_role("viewer").await;
    viewer.poke("/v1/vms/web/bin").await.refused(403, "not-allowed");
}

#[tokio::test]
async fn what_lies_there_for_long_enough_is_deleted() {
    let clock = Arc::new(ManualClock::at(1_800_000_000_000));
    let (mut app, admin) = App::ready_at(clock.clone()).await;
    admin.running_vm("web").await;
    admin.done(admin.poke("/v1/vms/web/bin").await).await;
    admin.patch("/v1/settings", "*", &json!({ "bin_days": 0 })).await.refused(422, "out-of-range");
    assert_eq!(admin.patch("/v1/settings", "*", &json!({ "bin_days": 2 })).await.is(200)["bin_days"], 2);
    clock.advance(Duration::from_secs(47 * 3600));
    app.running().control().bin.sweep().await.unwrap();
    // Who was logged in all the while is not any more.
    let admin = app.visitor().log_in("admin", PASSWORD).await;
    assert_eq!(items(&admin.get("/v1/bin").await.is(200)).len(), 1);
    // It is counted over a restart.
    app.restart().await;
    clock.advance(Duration::from_secs(2 * 3600));
    app.running().control().bin.sweep().await.unwrap();
    let admin = admin.at(&app);
    admin.until("/v1/bin", |bin| items(bin).is_empty()).await;
    assert!(app.node.with(|node| node.vms.is_empty()));
}
