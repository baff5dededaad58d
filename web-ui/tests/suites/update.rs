//! Updates: what runs, what is offered, what was given up and why.

use super::browser::Browser;
use crate::common::{self, Rack, updates};
use cake_types::{HandsOff, OperationId, Task, TaskGoal, UpdateOrder};
use serde_json::Value;
use std::sync::Arc;

const PAGE: &str = "/settings/update";

fn count(html: &str, test: &str) -> usize {
    html.matches(&format!("data-test=\"{test}\"")).count()
}

fn rack(update: Value) -> Rack {
    let busy = common::busy();
    Rack { nodes: busy.nodes.iter().map(|node| updates::with(node, update.clone())).collect(), ..busy }
}

/// A version is being written.
fn at_work(operation: uuid::Uuid) -> Value {
    let mut update = updates::idle();
    update["offer"] = updates::offer();
    update["work"] = serde_json::json!({ "operation": operation, "stage": "assembling", "done": 136_314_880u64,
        "total": 272_629_760u64, "fetched": 20_971_520u64 });
    update
}

/// It waits for a restart.
fn ready() -> Value {
    let mut update = updates::idle();
    let next = serde_json::json!({ "version": "0.4.0", "standing": "next", "good": false, "disks": 2 });
    update["slots"].as_array_mut().expect("slots").insert(0, next);
    update["offer"] = updates::offer();
    update
}

async fn page(rack: Rack, role: &str, language: &'static str) -> String {
    Browser::new(rack, Some(common::viewer(role))).reading(language).get(PAGE).await.text
}

#[tokio::test]
async fn what_runs_and_where_updates_come_from() {
    let html = page(rack(updates::idle()), "administrator", "en").await;
    assert!(html.contains("Version 0.2.0 runs.") && html.contains("https://updates.example.com/cake"));
    assert_eq!((count(&html, "update-version"), count(&html, "update-check"), count(&html, "update-back")), (2, 1, 1));
    assert_eq!((count(&html, "update-remove"), count(&html, "update-next"), count(&html, "update-offer")), (1, 0, 0));
    let none = Rack { update: Default::default(), ..rack(updates::idle()) };
    let html = page(none, "administrator", "en").await;
    assert_eq!((count(&html, "update-source-none"), count(&html, "update-check")), (1, 0));
    assert!(html.contains("data-api=\"PUT /v1/system/update\""));
}

#[tokio::test]
async fn a_version_that_was_given_up_says_why_in_both_languages() {
    for (language, why) in [("en", "The console did not answer in time."), ("zh-Hant-TW", "主控台沒有在時間內回應。")]
    {
        let html = page(rack(updates::given_up()), "administrator", language).await;
        assert!(html.contains(why), "{language}");
        assert!(html.contains("Connection refused &#60;b&#62;"), "what a start left stays text");
        assert_eq!((count(&html, "update-release"), count(&html, "update-apply")), (3, 1));
    }
}

#[tokio::test]
async fn work_has_its_progress_and_an_end() {
    let operation = OperationId::now();
    let mut rack = rack(at_work(operation.0));
    let goal = TaskGoal::Updated { operation, order: UpdateOrder::GoBack };
    let task = Task { goal, end: None, ..(*rack.tasks[0]).clone() };
    let cancel = format!("POST /v1/tasks/{}/cancel", task.id);
    rack.tasks.insert(0, Arc::new(task));
    let html = page(rack, "administrator", "en").await;
    assert!(html.contains("50 %") && html.contains("20 MiB fetched") && html.contains(&cancel), "{html}");
    assert_eq!((count(&html, "update-work"), count(&html, "update-check"), count(&html, "update-remove")), (1, 0, 0));
}

#[tokio::test]
async fn a_restart_says_what_stops() {
    let html = page(rack(ready()), "administrator", "en").await;
    assert_eq!((count(&html, "update-next"), count(&html, "update-restart"), count(&html, "update-apply")), (1, 1, 0));
    assert!(html.contains("Then version 0.4.0 starts") && html.contains("web-1"), "VMs are named");
    let html = page(rack(ready()), "viewer", "en").await;
    assert_eq!((count(&html, "update-next"), count(&html, "update-restart"), count(&html, "update-remove")), (1, 0, 0));
}

#[tokio::test]
async fn a_restart_that_stops_no_vm_comes_first_and_the_other_one_stays_offered() {
    let with = |soft: &str| {
        let mut update = ready();
        update["soft"] = soft.into();
        rack(update)
    };
    for (language, says) in [("en", "No VM stops for this"), ("zh-Hant-TW", "不需要停止任何虛擬機器")] {
        let html = page(with("possible"), "administrator", language).await;
        assert!(html.contains(says) && html.contains("/soft-reboot"), "{language}");
        let buttons =
            (count(&html, "update-soft"), count(&html, "update-restart"), html.matches("button primary").count());
        assert_eq!(buttons, (1, 1, 1), "{language}");
    }
    for (soft, says) in [
        ("kernel", "has another kernel"),
        ("unreadable", "can’t be read on the system disk"),
        ("memory", "not enough free memory"),
    ] {
        let html = page(with(soft), "administrator", "en").await;
        assert!(html.contains(says), "{soft}");
        assert_eq!((count(&html, "update-soft"), count(&html, "update-restart")), (0, 1), "{soft}");
    }
    let html = page(with("possible"), "viewer", "en").await;
    assert_eq!((count(&html, "update-soft-why"), count(&html, "update-soft")), (1, 0));
}

#[tokio::test]
async fn a_machine_that_is_not_cakes_has_no_firmware_to_update() {
    let mut rack = rack(Value::Null);
    let mut view = (*rack.nodes[0]).clone();
    let host = view.status.as_mut().and_then(|status| status.host.as_mut()).expect("it tells of its machine");
    host.hands_off = Some(HandsOff::NotAppliance);
    rack.nodes = vec![Arc::new(view)];
    let html = page(rack, "administrator", "en").await;
    assert_eq!((count(&html, "update-nothing"), count(&html, "update-machine")), (1, 0));
}

#[tokio::test]
async fn vms_in_an_older_qemu_are_listed_with_what_can_be_done() {
    for (language, said) in [
        ("en", ["some milliseconds", "With a TPM", "copied into the new QEMU", "Change all 2"]),
        ("zh-Hant-TW", ["幾毫秒", "有TPM的虛擬機器", "複製到新版QEMU", "全部更換（2台）"]),
    ] {
        let html = page(rack(updates::idle()), "operator", language).await;
        let part = html.split("data-test=\"update-engines\"").nth(1).and_then(|rest| rest.split("</section>").next());
        let part = part.expect("the card");
        for said in said {
            assert!(part.contains(said), "{said}: {part}");
        }
        // One with a TPM, one that is paused and one that is at it have no button.
        assert_eq!((count(part, "update-engine"), count(part, "update-engine-change")), (5, 2), "{part}");
        assert!(part.contains("38 %") || part.contains("37 %"), "{part}");
    }
    let html = page(rack(updates::idle()), "viewer", "en").await;
    assert_eq!((count(&html, "update-engine"), count(&html, "update-engine-change")), (5, 0));
    assert_eq!(count(&html, "update-engines-all"), 0);
    let mut current = rack(updates::idle());
    current.vms = Default::default();
    assert_eq!(count(&page(current, "operator", "en").await, "update-engines"), 0);
}
