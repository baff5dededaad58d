//! The disks of a server, over the API: not known, asked, told of everywhere.

use crate::support::{App, items};
use cake_types::ServerDisk;
use serde_json::{Value, json};

fn disks() -> Vec<ServerDisk> {
    serde_json::from_value(json!([
        { "name": "sda", "model": "Old Spinner", "serial": "WD-1", "size": 4_000_000_000_000u64, "bus": "ata",
          "rotational": true, "removable": false,
          "health": { "read_at": "2026-11-20T16:30:00Z", "passed": true, "temperature": 34, "power_on_hours": 21430,
                      "reallocated_sectors": 8, "pending_sectors": 2 } },
        { "name": "vda", "size": 4096, "bus": "virtio", "rotational": false, "removable": false,
          "health": { "silence": "unsupported" } },
    ]))
    .unwrap()
}

#[tokio::test]
async fn nothing_is_known_until_they_are_asked() {
    let (mut app, admin) = App::ready().await;
    let nothing = admin.get("/v1/nodes/sim-1/disks").await.is(200);
    assert_eq!(nothing, json!({ "known": false, "items": [] }));
    admin.get("/v1/nodes/nobody/disks").await.refused(404, "not-found");
    app.node.with(|state| state.disks = Some(disks()));
    let viewer = admin.with_role("viewer").await;
    viewer.post("/v1/nodes/sim-1/disks/read", &json!({})).await.refused(403, "not-allowed");
    admin.post("/v1/nodes/nobody/disks/read", &json!({})).await.refused(404, "not-found");
    let read = admin.post("/v1/nodes/sim-1/disks/read", &json!({})).await.is(200);
    assert_eq!((&read["known"], &read["items"][0]["health"]["verdict"]), (&json!(true), &json!("sectors")));
    let same = viewer.until("/v1/nodes/sim-1/disks", |list| list["known"] == json!(true)).await;
    assert_eq!(same, read);
    let silent = &read["items"][1]["health"];
    assert_eq!((&silent["verdict"], &silent["silence"]), (&json!("unknown"), &json!("unsupported")));
    assert!(["temperature", "power_on_hours", "passed"].iter().all(|what| silent[*what] == Value::Null), "{silent}");
    let audit = admin.until("/v1/audit?limit=100", |audit| audit.to_string().contains("node_disks_read")).await;
    let asked =
        items(&audit).iter().find(|record| record["action"] == "node_disks_read" && record["outcome"] != "refused");
    assert_eq!(asked.unwrap()["subject"]["name"], "sim-1");
    app.node_goes();
    admin.until("/v1/nodes/sim-1", |node| node["connected"] == json!(false)).await;
    admin.post("/v1/nodes/sim-1/disks/read", &json!({})).await.refused(503, "node-unreachable");
    assert_eq!(admin.get("/v1/nodes/sim-1/disks").await.is(200), same, "what it last said stays");
}

#[tokio::test]
async fn what_they_say_is_shown_and_told() {
    let (app, admin) = App::ready().await;
    assert!(!admin.get("/metrics").await.text.contains("cake_disk_"), "nothing is said of what was never heard");
    app.node.with(|state| state.disks = Some(disks()));
    admin.post("/v1/nodes/sim-1/disks/read", &json!({})).await.is(200);
    let open = admin.until("/v1/alerts", |list| items(list).len() == 1).await;
    let said = items(&open)[0]["message"].as_str().unwrap();
    assert_eq!(said, "2 sectors of the disk sda (Old Spinner, WD-1) can’t be read.");
    let metrics = admin.get("/metrics").await.text;
    for line in [
        "cake_disk_failing{node=\"sim-1\",device=\"sda\",serial=\"WD-1\"} 0\n",
        "cake_disk_temperature_celsius{node=\"sim-1\",device=\"sda\",serial=\"WD-1\"} 34\n",
        "cake_disk_pending_sectors{node=\"sim-1\",device=\"sda\",serial=\"WD-1\"} 2\n",
    ] {
        assert!(metrics.contains(line), "{line}{metrics}");
    }
    assert!(!metrics.contains("vda\",serial"), "who says nothing has no numbers");
    let page = admin.get("/hardware").await.text;
    assert!(page.contains("Old Spinner") && page.contains("34 °C") && page.contains("tells nothing of its health"));
    assert!(admin.get("/").await.text.contains("Some sectors can’t be read"));
    app.node.with(|state| state.disks = Some(Vec::new()));
    admin.post("/v1/nodes/sim-1/disks/read", &json!({})).await.is(200);
    admin.until("/v1/alerts", |list| items(list).is_empty()).await;
}

#[tokio::test]
async fn when_a_disk_is_worn_out_is_shown_and_told() {
    let (app, admin) = App::ready().await;
    let now = jiff::Timestamp::now().as_second();
    let at = jiff::Timestamp::from_second((now + 42 * 86_400) / 3600 * 3600 + 7200).unwrap();
    let disk: ServerDisk = serde_json::from_value(json!(
        { "name": "nvme0n1", "model": "Fast One", "serial": "S1", "size": 4096, "bus": "nvme", "rotational": false,
          "removable": false, "health": { "read_at": "2026-11-20T16:30:00Z", "passed": true, "percent_used": 57,
          "worn_out_at": at } }
    ))
    .unwrap();
    app.node.with(|state| state.disks = Some(vec![disk]));
    let read = admin.post("/v1/nodes/sim-1/disks/read", &json!({})).await.is(200);
    let health = &read["items"][0]["health"];
    assert_eq!((&health["verdict"], &health["worn_out_at"]), (&json!("wearing"), &json!(at.to_string())));
    let open = admin.until("/v1/alerts", |list| items(list).len() == 1).await;
    let alert = &items(&open)[0];
    assert_eq!((&alert["kind"], &alert["severity"]), (&json!("disk-wearing"), &json!("warning")));
    assert_eq!(
        alert["message"],
        "57 % of the life of the disk nvme0n1 (Fast One, S1) is used up. At the pace of the last two weeks the rest is gone in \
         about 42 days."
    );
    let metric = format!("device=\"nvme0n1\",serial=\"S1\"}} {}\n", at.as_second());
    let metrics = admin.get("/metrics").await.text;
    assert!(metrics.contains("cake_disk_worn_out_timestamp_seconds{") && metrics.contains(&metric), "{metrics}");
    assert!(admin.get("/").await.text.contains("Wears out soon"));
}
