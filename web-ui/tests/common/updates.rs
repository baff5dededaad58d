//! A server's firmware, as it rests, is updated and was given up.

use cake_types::{NodeStatus, UpdateSource};
use cake_web::{NodeView, UpdateView};
use serde_json::{Value, json};
use std::sync::Arc;

/// Where updates come from.
pub fn source() -> UpdateView {
    let url = "https://updates.example.com/cake".into();
    UpdateView { source: Some(UpdateSource::Url { url }), etag: "\"2\"".into() }
}

/// Two versions, and nothing to do.
pub fn idle() -> Value {
    json!({ "running": "0.2.0", "disks": 2, "slots": [
        { "version": "0.2.0", "standing": "running", "good": true, "disks": 2 },
        { "version": "0.1.0", "standing": "previous", "good": true, "disks": 2 },
    ] })
}

/// A newer version, one that was given up, and the one that runs.
pub fn offer() -> Value {
    json!({ "at": "2026-11-28T08:00:00Z", "source": { "kind": "url", "url": "https://updates.example.com/cake" },
        "expires": "2027-11-28T08:00:00Z", "releases": [
            { "version": "0.4.0", "kernel": "6.12.57+deb13-amd64", "size": 272_629_760 },
            { "version": "0.3.0", "kernel": "6.12.57+deb13-amd64", "size": 272_629_760, "refused": "failed-before" },
            { "version": "0.2.0", "kernel": "6.12.48+deb13-amd64", "size": 272_629_760, "refused": "running" },
        ] })
}

/// A version was given up, and a newer one is offered.
pub fn given_up() -> Value {
    let mut update = idle();
    let bad = json!({ "version": "0.3.0", "standing": "bad", "good": false, "disks": 2, "failure": {
        "reason": "console", "detail": "the console does not answer: Connection refused <b>", "at": "2026-11-28T07:00:00Z" } });
    update["slots"].as_array_mut().expect("slots").insert(0, bad);
    update["offer"] = offer();
    update
}

/// The node, with this firmware.
pub fn with(node: &NodeView, update: Value) -> Arc<NodeView> {
    let mut view = node.clone();
    let mut status: NodeStatus = view.status.clone().expect("it has spoken");
    let host = status.host.as_mut().expect("it tells of its machine");
    host.update = serde_json::from_value(update).expect("a firmware");
    view.status = Some(status);
    Arc::new(view)
}
