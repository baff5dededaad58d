//! What was used, over the API and as metrics.

use crate::support::App;
use serde_json::json;
use std::io::Write;
use std::process::{Command, Stdio};

#[tokio::test]
async fn a_history_is_told_column_by_column() {
    let (_app, admin) = App::ready().await;
    let web = admin.running_vm("web").await;
    let viewer = admin.with_role("viewer").await;
    let hour = viewer.get("/v1/nodes/sim-1/usage").await.is(200);
    assert_eq!((&hour["span"], &hour["step_seconds"], &hour["points"]), (&json!("hour"), &json!(10), &json!(2)));
    assert_eq!(hour["start"], "2026-09-21T14:13:20Z");
    assert_eq!(hour["mean"]["cpu_user_percent"], json!([null, 1.5]));
    assert_eq!((&hour["max"], &hour["set_aside_at"]), (&json!(null), &json!(null)));
    let month = viewer.get("/v1/vms/web/usage?span=month").await.is(200);
    assert_eq!((&month["step_seconds"], &month["max"]["memory_taken_bytes"][1]), (&json!(3600), &json!(1.5)));
    assert!(month["mean"].get("network_sent_bits_per_second").is_none(), "what nobody counts is not there");
    let id = web["id"].as_str().unwrap();
    let newer = viewer.get(&format!("/v1/vms/{id}/usage?after=2026-09-21T14:13:20Z")).await.is(200);
    assert_eq!(newer["start"], "2026-09-21T14:13:30Z");
}

#[tokio::test]
async fn questions_that_are_none_are_refused() {
    let (_app, admin) = App::ready().await;
    admin.running_vm("web").await;
    admin.get("/v1/vms/web/usage?span=year").await.refused(400, "bad-parameter");
    admin.get("/v1/vms/web/usage?after=yesterday").await.refused(400, "bad-parameter");
    admin.get("/v1/vms/web/usage?spam=hour").await.refused(400, "bad-parameter");
    admin.get("/v1/vms/nobody/usage").await.refused(404, "not-found");
    admin.get("/v1/nodes/nobody/usage").await.refused(404, "not-found");
    admin.nobody().get("/metrics").await.refused(401, "not-logged-in");
}

/// The parser of the format's own authors (Debian: python3-prometheus-client).
const READER: &str = "
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as families
for family in families(sys.stdin.read()):
    for sample in family.samples:
        print(family.name, family.type, family.unit or '-', sample.name, sorted(sample.labels.items()), float(sample.value))
";

fn read_by_others(text: &str) -> String {
    let mut reader = Command::new("/usr/bin/python3")
        .args(["-c", READER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    reader.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let read = reader.wait_with_output().unwrap();
    assert!(read.status.success(), "not OpenMetrics:\n{text}");
    String::from_utf8(read.stdout).unwrap()
}

#[tokio::test]
async fn metrics_are_openmetrics_for_others_too() {
    let (_app, admin) = App::ready().await;
    admin.running_vm("會計 主機").await;
    let secret = admin.with_role("viewer").await.post("/v1/tokens", &json!({ "name": "prometheus" })).await.is(201);
    let scraper = crate::support::Visitor { token: secret["token"].as_str().map(Into::into), ..admin.nobody() };
    let answer = scraper.get("/metrics").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(answer.text.ends_with("# EOF\n"));
    let read = read_by_others(&answer.text);
    for line in [
        "cake info - cake_info [('version', '0.1.0')] 1.0",
        "cake_node_connected gauge - cake_node_connected [('node', 'sim-1')] 1.0",
        "cake_node_cpu_seconds counter seconds cake_node_cpu_seconds_total [('mode', 'user'), ('node', 'sim-1')] 1.5",
        "cake_node_disk_read_bytes counter bytes cake_node_disk_read_bytes_total [('device', 'vda'), ('node', 'sim-1')] 4096.0",
    ] {
        assert!(read.contains(line), "{line} in\n{read}");
    }
    let vm = read.lines().find(|line| line.contains("cake_vm_cpu_seconds_total")).unwrap();
    assert!(vm.contains("('vm', '會計 主機')") && vm.ends_with("2.000000007"), "{vm}");
    assert!(!read.contains("cake_vm_network"), "nobody counts a private network");
}

/// The reader above is not one that takes everything.
#[test]
fn the_reader_of_metrics_refuses_what_is_none() {
    let refused = std::panic::catch_unwind(|| read_by_others("# TYPE a counter\na_total 1\n"));
    assert!(refused.is_err(), "without an end");
}
