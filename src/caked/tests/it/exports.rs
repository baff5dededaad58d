//! VMs that become files to be taken away.

use crate::support::{App, EXPORT, Visitor, items, vm};
use cake_store::{Clock, ManualClock};
use cake_types::{ExportId, ExportStage, Failure, FailureCode};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// A VM that is off.
async fn resting(admin: &Visitor, name: &str) -> Value {
    let mut new = vm(name);
    new["start"] = json!(false);
    admin.done(admin.post("/v1/vms", &new).await).await;
    admin.get(&format!("/v1/vms/{name}")).await.is(200)
}

async fn export(admin: &Visitor, name: &str, format: &str) -> Value {
    admin.post(&format!("/v1/vms/{name}/exports"), &json!({ "format": format })).await.is(201)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

async fn end(admin: &Visitor, export: &Value) -> Value {
    admin.until(&format!("/v1/tasks/{}", text(&export["task"])), |task| !task["end"].is_null()).await
}

/// The events, once there is one of this kind: they are written a moment after what they tell of, at the latest with the next.
async fn told(admin: &Visitor, kind: &str) -> String {
    admin.running_vm(kind).await;
    admin.until("/v1/events", |events| items(events).iter().any(|event| event["kind"] == kind)).await.to_string()
}

#[tokio::test]
async fn a_vm_that_is_off_becomes_a_file_that_outlives_it() {
    let (mut app, admin) = App::ready().await;
    let vm = resting(&admin, "web").await;
    let begun = export(&admin, "web", "ova").await;
    assert_eq!((&begun["vm"], &begun["name"], &begun["file_name"]), (&vm["id"], &json!("web"), &json!("web.ova")));
    let end = end(&admin, &begun).await;
    assert_eq!(
        (&end["state"], &end["kind"], &end["subject"]["name"]),
        (&json!("done"), &json!("vm-export"), &json!("web"))
    );
    let path = format!("/v1/exports/{}", text(&begun["id"]));
    let shown = admin.get(&path).await.is(200);
    assert_eq!((&shown["state"], &shown["size"]), (&json!("done"), &json!(EXPORT.len())));
    // All of it, and the rest of it after a break.
    let whole = admin.get(&format!("{path}/content")).await;
    assert_eq!((whole.text.as_bytes(), whole.header("accept-ranges")), (EXPORT, "bytes"));
    assert_eq!(whole.header("content-disposition"), "attachment; filename=\"web.ova\"");
    let part = admin.send("GET", &format!("{path}/content"), &[("range", "bytes=13-")], None).await;
    assert_eq!((part.status, part.text.as_str(), part.header("content-range")), (206, "a VM", "bytes 13-16/17"));
    // It is there after a restart, and after its VM is gone.
    app.restart().await;
    let admin = admin.at(&app);
    admin.done(admin.delete("/v1/vms/web", "*").await).await;
    admin.until(&path, |export| export["state"] == "done").await;
    let of = format!("/v1/exports?subject={}", text(&vm["id"]));
    assert_eq!(items(&admin.get(&of).await.is(200)).len(), 1);
    assert_eq!(admin.get(&format!("{path}/content")).await.text.as_bytes(), EXPORT);
    // A viewer sees that it is there and can't take it away.
    let viewer = admin.with_role("viewer").await;
    viewer.get(&path).await.is(200);
    viewer.get(&format!("{path}/content")).await.refused(403, "not-allowed");
    admin.delete(&path, "\"g9\"").await.refused(412, "stale");
    admin.delete(&path, text(&shown["etag"])).await.is(204);
    admin.until("/v1/exports", |exports| items(exports).is_empty()).await;
    admin.get(&path).await.refused(404, "not-found");
    assert!(app.node.with(|node| node.exports.is_empty()));
    told(&admin, "vm-exported").await;
}

#[tokio::test]
async fn while_it_is_made_the_vm_stays_as_it_is() {
    let (app, admin) = App::ready().await;
    let vm = resting(&admin, "web").await;
    app.node.with(|node| node.slow_exports = true);
    let begun = export(&admin, "web", "qcow2").await;
    let path = format!("/v1/exports/{}", text(&begun["id"]));
    let shown = admin.until(&path, |export| export["state"] == "converting").await;
    assert_eq!((&shown["progress"], &shown["size"]), (&json!({ "done": 1, "total": 4 }), &Value::Null));
    admin.until(&format!("/v1/tasks/{}", text(&begun["task"])), |task| task["progress"]["total"] == 4).await;
    admin.get(&format!("{path}/content")).await.refused(409, "export-not-ready");
    let etag = text(&vm["etag"]);
    admin.poke("/v1/vms/web/start").await.refused(409, "exporting");
    admin.delete("/v1/vms/web", "*").await.refused(409, "exporting");
    admin.post("/v1/vms/web/disks", &json!({ "size": "1GiB" })).await.refused(409, "exporting");
    admin.patch("/v1/vms/web/disks/0", etag, &json!({ "size": "9GiB" })).await.refused(409, "exporting");
    admin.post("/v1/vms/web/exports", &json!({ "format": "ova" })).await.refused(409, "exporting");
    // Cancelled by its task, it is gone and the VM is free.
    admin.poke(&format!("/v1/tasks/{}/cancel", text(&begun["task"]))).await.is(202);
    assert_eq!(end(&admin, &begun).await["state"], "cancelled");
    admin.until("/v1/exports", |exports| items(exports).is_empty()).await;
    // By itself too.
    let again = export(&admin, "web", "qcow2").await;
    let path = format!("/v1/exports/{}", text(&again["id"]));
    let shown = admin.until(&path, |export| export["state"] == "converting").await;
    admin.delete(&path, text(&shown["etag"])).await.is(204);
    assert_eq!(end(&admin, &again).await["state"], "cancelled");
    admin.done(admin.poke("/v1/vms/web/start").await).await;
}

#[tokio::test]
async fn what_the_node_can_not_make_ends_the_task_and_leaves_nothing() {
    let (app, admin) = App::ready().await;
    resting(&admin, "web").await;
    app.node.with(|node| node.slow_exports = true);
    let begun = export(&admin, "web", "ova").await;
    let path = format!("/v1/exports/{}", text(&begun["id"]));
    admin.until(&path, |export| export["state"] == "converting").await;
    let id: ExportId = text(&begun["id"]).parse().unwrap();
    app.node.export_is(id, |status| {
        status.stage = ExportStage::Failed;
        status.failure = Some(Failure { code: FailureCode::VmChanged, detail: "a test".into() });
    });
    let end = end(&admin, &begun).await;
    assert_eq!((&end["state"], &end["end"]["code"]), (&json!("failed"), &json!("vm-changed")));
    admin.until("/v1/exports", |exports| items(exports).is_empty()).await;
    assert!(told(&admin, "vm-export-failed").await.contains("vm-changed"));
}

#[tokio::test]
async fn what_runs_or_has_no_disk_is_refused_with_a_next_step() {
    let (_app, admin) = App::ready().await;
    admin.running_vm("busy").await;
    let refused = admin.post("/v1/vms/busy/exports", &json!({ "format": "ova" })).await;
    refused.refused(409, "illegal-now");
    assert!(refused.text.contains("export"), "{}", refused.text);
    let mut kernel = vm("kernel");
    (kernel["image"], kernel["start"]) = (json!("cake-pvh"), json!(false));
    admin.done(admin.post("/v1/vms", &kernel).await).await;
    admin.post("/v1/vms/kernel/exports", &json!({ "format": "ova" })).await.refused(409, "export-unfit");
    resting(&admin, "web").await;
    admin.post("/v1/vms/web/exports", &json!({ "format": "zip" })).await.refused(400, "malformed-body");
    admin.post("/v1/vms/nobody/exports", &json!({ "format": "ova" })).await.refused(404, "not-found");
    assert!(items(&admin.get("/v1/exports").await.is(200)).is_empty());
}

#[tokio::test]
async fn after_seven_days_it_goes_by_itself() {
    let clock = Arc::new(ManualClock::at(1_790_000_000_000));
    let (mut app, admin) = App::ready_at(clock.clone() as Arc<dyn Clock>).await;
    resting(&admin, "web").await;
    let begun = export(&admin, "web", "ova").await;
    assert_eq!(end(&admin, &begun).await["state"], "done");
    let created: jiff::Timestamp = text(&begun["created_at"]).parse().unwrap();
    let expires: jiff::Timestamp = text(&begun["expires_at"]).parse().unwrap();
    assert_eq!(expires.duration_since(created).as_hours(), 7 * 24);
    clock.advance(Duration::from_secs(7 * 24 * 3600 - 60));
    app.restart().await;
    let admin = admin.at(&app).nobody().log_in("admin", crate::support::PASSWORD).await;
    admin.until(&format!("/v1/exports/{}", text(&begun["id"])), |export| export["state"] == "done").await;
    clock.advance(Duration::from_secs(120));
    app.restart().await;
    let admin = admin.at(&app);
    admin.until("/v1/exports", |exports| items(exports).is_empty()).await;
    assert!(app.node.with(|node| node.exports.is_empty()));
}
