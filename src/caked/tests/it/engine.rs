//! The QEMU of a running VM is changed for that of the server's current engine.

use crate::support::App;
use cake_types::{EngineStatus, VmId};
use serde_json::json;

fn engine(outdated: bool) -> Option<EngineStatus> {
    Some(EngineStatus { root: "root-1".into(), qemu: "10.0.13".into(), outdated, replaced: None, work: None })
}

#[tokio::test]
async fn an_outdated_vm_goes_on_in_the_current_engine_and_the_pause_is_shown() {
    let (app, admin) = App::ready().await;
    let made = admin.running_vm("web").await;
    let id: VmId = made["id"].as_str().unwrap().parse().unwrap();
    // Nothing to do: said, and nothing asked of the node.
    app.node.happens(id, |status| status.engine = engine(false));
    let shown = admin.until("/v1/vms/web", |vm| vm["engine"]["outdated"] == false).await;
    assert_eq!((&shown["engine"]["hold"], &shown["engine"]["way"]), (&json!("current"), &json!(null)));
    admin.poke("/v1/vms/web/replace-engine").await.refused(409, "engine-held");

    app.node.happens(id, |status| status.engine = engine(true));
    let shown = admin.until("/v1/vms/web", |vm| vm["engine"]["outdated"] == true).await;
    assert_eq!((&shown["engine"]["hold"], &shown["engine"]["way"]), (&json!(null), &json!("transfer")));
    let summary = admin.get("/v1/bulk?action=replace-engine&q=web").await.is(200);
    assert_eq!(summary["will"][0]["name"], "web");
    let task = admin.poke("/v1/vms/web/replace-engine").await.is(202);
    let end = admin.end_of(&task).await;
    assert_eq!((&end["state"], &end["end"]["pause_us"]), (&json!("done"), &json!(2345)), "{end}");
    let shown = admin.until("/v1/vms/web", |vm| vm["engine"]["replaced"].is_object()).await;
    assert_eq!(shown["engine"]["replaced"]["pause_us"], 2345);
    admin.poke("/v1/vms/web/replace-engine").await.refused(409, "engine-held");
    let summary = admin.get("/v1/bulk?action=replace-engine&q=web").await.is(200);
    assert_eq!(summary["refused"][0]["code"], "engine-held");

    // One that is off has none.
    admin.done(admin.poke("/v1/vms/web/stop").await).await;
    admin.poke("/v1/vms/web/replace-engine").await.refused(409, "illegal-now");
}

#[tokio::test]
async fn a_replacement_says_how_far_it_is_and_can_be_called_off() {
    let (app, admin) = App::ready().await;
    let made = admin.running_vm("web").await;
    let id: VmId = made["id"].as_str().unwrap().parse().unwrap();
    app.node.happens(id, |status| status.engine = engine(true));
    app.node.with(|node| node.slow_engines = true);
    admin.until("/v1/vms/web", |vm| vm["engine"]["outdated"] == true).await;
    let found = admin.get("/v1/bulk?action=replace-engine&q=engine:outdated").await.is(200);
    assert_eq!(found["will"][0]["name"], "web");
    let task = admin.poke("/v1/vms/web/replace-engine").await.is(202);
    let shown = admin.until("/v1/vms/web", |vm| vm["engine"]["work"].is_object()).await;
    assert_eq!(shown["engine"]["work"], json!({ "step": "copy", "done": 1, "total": 4 }));
    let path = format!("/v1/tasks/{}", task["id"].as_str().unwrap());
    let known = admin.until(&path, |task| task["progress"].is_object()).await;
    assert_eq!(known["progress"], json!({ "done": 1, "total": 4 }));
    admin.poke(&format!("{path}/cancel")).await.is(202);
    assert_eq!(admin.end_of(&task).await["state"], "cancelled");
    let shown = admin.until("/v1/vms/web", |vm| vm["engine"]["work"].is_null()).await;
    assert_eq!((&shown["state"], &shown["engine"]["outdated"]), (&json!("running"), &json!(true)));
}
