//! What is asked and what is so come together, whoever was away.

use crate::support::{App, items, vm};
use cake_types::{Generation, VmId, VmState};
use serde_json::json;

#[tokio::test]
async fn what_was_asked_while_the_node_was_away_is_done_when_it_is_back() {
    let (mut app, admin) = App::ready().await;
    admin.running_vm("web").await;
    admin.running_vm("db").await;
    app.node_goes();
    admin.until("/v1/nodes", |nodes| items(nodes)[0]["connected"] == false).await;
    let stop = admin.poke("/v1/vms/web/stop").await.is(202);
    let delete = admin.delete("/v1/vms/db", "*").await.is(202);
    admin.poke("/v1/vms/web/console").await.refused(503, "node-unreachable");
    admin.post("/v1/vms", &vm("new")).await.refused(503, "node-unreachable");
    app.node_comes_back();
    for task in [stop, delete] {
        assert_eq!(admin.end_of(&task).await["state"], "done");
    }
    assert_eq!(admin.get("/v1/vms/web").await.is(200)["state"], "stopped");
}

#[tokio::test]
async fn a_restart_of_caked_raises_the_epoch_and_applies_nothing_again() {
    let (mut app, admin) = App::ready().await;
    let before = admin.running_vm("web").await;
    let (applies, epoch) = app.node.with(|node| (node.applies, node.highest));
    app.restart().await;
    let admin = admin.at(&app);
    let after = admin.until("/v1/vms/web", |vm| vm["state"] == "running").await;
    assert_eq!(after["pid"], before["pid"]);
    assert_eq!(app.node.with(|node| (node.applies, node.highest)), (applies, epoch.next()));
}

#[tokio::test]
async fn an_old_copy_of_the_store_removes_nothing() {
    let (mut app, admin) = App::ready().await;
    let kept = admin.running_vm("kept").await;
    let gone = admin.running_vm("gone").await;
    let copy = app.dir.path().join("copy.sqlite");
    app.stop().await;
    cake_store::restore_store(&app.state().join("store.sqlite"), &copy).unwrap();
    app.start().await;
    let admin = admin.at(&app);
    // An hour goes by: one VM changes, one is deleted, one is new.
    admin.until("/v1/vms/kept", |vm| vm["state"] == "running").await;
    admin.done(admin.poke("/v1/vms/kept/pause").await).await;
    admin.done(admin.delete("/v1/vms/gone", "*").await).await;
    let young = admin.running_vm("young").await;
    app.stop().await;
    for file in ["store.sqlite", "store.sqlite-wal", "store.sqlite-shm"] {
        let _ = std::fs::remove_file(app.state().join(file));
    }
    std::fs::copy(&copy, app.state().join("store.sqlite")).unwrap();
    let epoch = app.node.with(|node| node.highest);
    app.start().await;
    let admin = admin.at(&app);
    let path = |vm: &serde_json::Value| format!("/v1/vms/{}", vm["id"].as_str().unwrap());
    let orphan = admin.until(&path(&young), |vm| vm["orphaned"] == true).await;
    assert_eq!(orphan["state"], "running");
    assert!(app.node.with(|node| node.highest) > epoch);
    admin.until(&path(&gone), |vm| vm["state"] == "lost").await;
    // The old copy's wish wins, under a generation above both.
    let again = admin.until(&path(&kept), |vm| vm["state"] == "running").await;
    assert!(again["generation"].as_u64() > kept["generation"].as_u64().map(|g| g + 1));
    assert_eq!(app.node.with(|node| node.vms.len()), 2);
    admin.poke(&format!("{}/stop", path(&young))).await.refused(409, "illegal-now");
    admin.delete(&path(&young), "*").await.refused(409, "illegal-now");
    admin.done(admin.poke(&format!("{}/adopt", path(&young))).await).await;
    assert_eq!(admin.get("/v1/vms/young").await.is(200)["orphaned"], false);
    admin.done(admin.delete(&path(&gone), "*").await).await;
    admin.get(&path(&gone)).await.refused(404, "not-found");
    let events = admin.get("/v1/events").await.text;
    assert!(events.contains("vm-orphaned") && events.contains("vm-lost"));
}

#[tokio::test]
async fn a_guest_that_shuts_itself_down_stays_off() {
    let (app, admin) = App::ready().await;
    let made = admin.running_vm("web").await;
    let id: VmId = made["id"].as_str().unwrap().parse().unwrap();
    app.node.guest_halts(id);
    let off = admin.until("/v1/vms/web", |vm| vm["power"] == "stopped").await;
    assert_eq!(off["state"], "stopped");
    admin.until("/v1/vms/web", |_| app.node.with(|node| node.vms[&id].vm.meta.generation) > Generation(1)).await;
    app.node.happens(id, |status| status.state = VmState::Failed);
    admin.until("/v1/vms/web", |vm| vm["state"] == "failed").await;
    admin.done(admin.poke("/v1/vms/web/start").await).await;
    assert_eq!(admin.get("/v1/vms/web").await.is(200)["halted_by"], json!(null));
}
