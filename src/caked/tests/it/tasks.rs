//! Long work survives, ends, and is cancelled where that can be.

use crate::support::{App, items, vm};
use cake_types::{TaskGoal, VmId};
use serde_json::json;

#[tokio::test]
async fn a_task_survives_a_restart_and_shows_progress() {
    let (mut app, admin) = App::ready().await;
    app.node.with(|node| node.slow_disks = true);
    let task = admin.post("/v1/vms", &vm("web")).await.is(202);
    let path = format!("/v1/tasks/{}", task["id"].as_str().unwrap());
    let moving = admin.until(&path, |task| !task["progress"].is_null()).await;
    assert_eq!(moving["progress"], json!({ "done": 1, "total": 4 }));
    app.restart().await;
    let admin = admin.at(&app);
    assert_eq!(admin.get(&path).await.is(200)["state"], "running");
    admin.until("/v1/vms/web", |vm| vm["state"] == "provisioning").await;
    app.node.disks_are_done();
    assert_eq!(admin.end_of(&task).await["state"], "done");
    let listed = admin.get("/v1/tasks").await.is(200);
    assert_eq!(items(&listed).len(), 1);
}

#[tokio::test]
async fn cancelling_a_creation_leaves_nothing() {
    let (app, admin) = App::ready().await;
    app.node.with(|node| node.slow_disks = true);
    let task = admin.post("/v1/vms", &vm("web")).await.is(202);
    let cancel = format!("/v1/tasks/{}/cancel", task["id"].as_str().unwrap());
    assert_eq!(admin.poke(&cancel).await.is(202)["cancel_requested"], true);
    let end = admin.end_of(&task).await;
    assert_eq!((&end["state"], &end["end"]["code"]), (&json!("cancelled"), &json!("cancelled")));
    admin.get("/v1/vms/web").await.refused(404, "not-found");
    assert!(app.node.with(|node| node.vms.is_empty()));
    admin.poke(&cancel).await.refused(409, "illegal-now");
}

#[tokio::test]
async fn cancelling_a_shutdown_leaves_the_vm_on() {
    let (app, admin) = App::ready().await;
    admin.running_vm("web").await;
    app.node.with(|node| node.deaf_guests = true);
    let task = admin.poke("/v1/vms/web/shutdown").await.is(202);
    admin.until("/v1/vms/web", |vm| vm["state"] == "shutting-down").await;
    admin.poke(&format!("/v1/tasks/{}/cancel", task["id"].as_str().unwrap())).await.is(202);
    assert_eq!(admin.end_of(&task).await["state"], "cancelled");
    let seen = admin.until("/v1/vms/web", |vm| vm["state"] == "running").await;
    assert_eq!(seen["power"], "running");
}

#[tokio::test]
async fn a_guest_that_ignores_its_button_fails_the_task() {
    let (app, admin) = App::ready().await;
    let made = admin.running_vm("web").await;
    app.node.with(|node| node.deaf_guests = true);
    let task = admin.poke("/v1/vms/web/shutdown").await.is(202);
    let id: VmId = made["id"].as_str().unwrap().parse().unwrap();
    let known = app.running().control().ledger.board.tasks();
    let TaskGoal::Operation { operation } = known[0].goal.clone() else { panic!("a shutdown is an operation") };
    app.node.shutdown_fails(operation, id);
    let end = admin.end_of(&task).await;
    assert_eq!((&end["state"], &end["end"]["code"]), (&json!("failed"), &json!("guest-ignored-shutdown")));
    assert_eq!(admin.get("/v1/vms/web").await.is(200)["state"], "running");
}

#[tokio::test]
async fn what_cannot_be_cancelled_says_so() {
    let (app, admin) = App::ready().await;
    admin.running_vm("web").await;
    app.node.with(|node| node.refuse = true);
    let start = admin.poke("/v1/vms/web/pause").await.is(202);
    let cancel = format!("/v1/tasks/{}/cancel", start["id"].as_str().unwrap());
    admin.poke(&cancel).await.refused(409, "illegal-now");
}
