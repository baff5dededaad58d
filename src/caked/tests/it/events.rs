//! What happened, told in whole sentences.

use crate::support::{App, items};
use cake_i18n::Catalogue;
use cake_types::Language;

#[tokio::test]
async fn every_sentence_has_its_facts() {
    let (_app, admin) = App::ready().await;
    admin.running_vm("web").await;
    admin.try_log_in("mallory", "wrong").await.refused(401, "wrong-password");
    // What is written at once takes along what may wait a little.
    admin.post("/v1/tokens", &serde_json::json!({ "name": "last" })).await.is(201);
    let list = admin.get("/v1/events?limit=100").await.is(200);
    let mut told = Vec::new();
    for event in items(&list) {
        let kind = event["kind"].as_str().unwrap();
        for variable in Catalogue::get(Language::English).variables(&format!("event-{kind}")) {
            let given = event["params"].get(variable).is_some();
            let of_subject = variable == "name" && !event["subject"].is_null();
            assert!(given || of_subject, "{kind} says nothing in the place of {variable}: {event}");
        }
        told.push(kind);
    }
    for kind in ["setup-done", "control-started", "node-connected", "vm-created", "login-failed"] {
        assert!(told.contains(&kind), "{kind} is not in {told:?}");
    }
}
