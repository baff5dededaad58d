//! VMs from creation to the end.

use crate::support::{App, KERNEL, items, key, vm};
use cake_types::VmId;
use serde_json::json;

#[tokio::test]
async fn a_vm_is_made_started_and_shown() {
    let (app, admin) = App::ready().await;
    let mut new = vm("web 1");
    new["cloud_init"] = json!({ "user_data": "#cloud-config\npassword: geheim\n" });
    let answer = admin.post("/v1/vms", &new).await;
    assert!(answer.header("location").starts_with("/v1/tasks/"));
    let end = admin.done(answer).await;
    assert_eq!((&end["kind"], &end["subject"]["name"]), (&json!("vm-create"), &json!("web 1")));
    let shown = admin.get("/v1/vms/web%201").await;
    let etag = shown.header("etag").to_owned();
    let shown = shown.is(200);
    assert_eq!(
        (&shown["state"], &shown["accelerator"], &shown["hostname"]),
        (&json!("running"), &json!("tcg"), &json!("web-1"))
    );
    assert_eq!((shown["memory"].as_u64(), shown["pid"].is_u64()), (Some(128 << 20), true));
    assert_eq!(shown["etag"], etag);
    assert_eq!(shown["hardware"]["nics"].as_array().unwrap().len(), 1);
    let list = admin.get("/v1/vms").await.is(200);
    assert_eq!(items(&list)[0]["id"], shown["id"]);
    // The node can read what caked can't.
    let id: VmId = shown["id"].as_str().unwrap().parse().unwrap();
    let sealed = app.node.with(|node| node.vms[&id].vm.spec.cloud_init.clone().unwrap().user_data.unwrap());
    assert!(sealed.open(app.node.key()).unwrap().contains("geheim"));
    for file in ["store.sqlite", "store.sqlite-wal", "journal.sqlite", "journal.sqlite-wal"] {
        let raw = std::fs::read(app.state().join(file)).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&raw).contains("geheim"), "{file}");
    }
}

#[tokio::test]
async fn every_order_does_what_it_says() {
    let (app, admin) = App::ready().await;
    let made = admin.running_vm("web").await;
    let state = async |expected: &str| {
        let seen = admin.get("/v1/vms/web").await.is(200);
        assert_eq!(seen["state"], expected);
        seen
    };
    admin.done(admin.poke("/v1/vms/web/pause").await).await;
    state("paused").await;
    admin.poke("/v1/vms/web/shutdown").await.refused(409, "illegal-now");
    admin.done(admin.poke("/v1/vms/web/resume").await).await;
    admin.done(admin.poke("/v1/vms/web/reset").await).await;
    admin.poke("/v1/vms/web/start").await.refused(409, "illegal-now");
    admin.done(admin.poke("/v1/vms/web/stop").await).await;
    let off = state("stopped").await;
    assert_eq!((&off["power"], &off["pid"]), (&json!("stopped"), &json!(null)));
    admin.done(admin.poke("/v1/vms/web/start").await).await;
    // A guest that shuts itself down is wanted off from then on.
    admin.done(admin.poke("/v1/vms/web/shutdown").await).await;
    let off = admin.until("/v1/vms/web", |vm| vm["power"] == "stopped").await;
    assert_eq!(off["halted_by"]["reason"], "guest");
    admin.done(admin.poke(&format!("/v1/vms/{}/start", made["id"].as_str().unwrap())).await).await;
    admin.done(admin.delete("/v1/vms/web", "*").await).await;
    admin.get("/v1/vms/web").await.refused(404, "not-found");
    assert!(app.node.with(|node| node.vms.is_empty()));
    let events = admin.get("/v1/events").await.text;
    for kind in ["vm-created", "vm-started", "vm-paused", "vm-resumed", "vm-halted-by-guest", "vm-deleted"] {
        assert!(events.contains(kind), "{kind} is missing in {events}");
    }
}

#[tokio::test]
async fn the_same_request_is_done_once_even_across_a_restart() {
    let (mut app, admin) = App::ready().await;
    let key = key();
    let send = async |visitor: &crate::support::Visitor, body: &serde_json::Value| {
        visitor.send("POST", "/v1/vms", &[("idempotency-key", &key)], Some(body)).await
    };
    let first = send(&admin, &vm("web")).await;
    let location = first.header("location").to_owned();
    let first = first.is(202);
    let again = send(&admin, &vm("web")).await;
    assert_eq!((again.header("location"), again.json()), (location.as_str(), first.clone()));
    send(&admin, &vm("db")).await.refused(409, "key-reused");
    app.restart().await;
    let admin = admin.at(&app);
    assert_eq!(send(&admin, &vm("web")).await.is(202), first);
    assert_eq!(items(&admin.get("/v1/vms").await.is(200)).len(), 1);
    // Somebody else's key is another key.
    let other = admin.with_role("operator").await;
    send(&other, &vm("web")).await.refused(409, "name-taken");
    send(&other, &vm("other")).await.is(202);
}

#[tokio::test]
async fn changes_need_the_version_that_was_seen() {
    let (_app, admin) = App::ready().await;
    let made = admin.running_vm("web").await;
    let etag = made["etag"].as_str().unwrap();
    admin.send("PATCH", "/v1/vms/web", &[], Some(&json!({ "name": "www" }))).await.refused(428, "match-required");
    admin.send("DELETE", "/v1/vms/web", &[], None).await.refused(428, "match-required");
    let renamed = admin.patch("/v1/vms/web", etag, &json!({ "name": "www", "restart": "never" })).await;
    assert_ne!(renamed.header("etag"), etag);
    let renamed = renamed.is(200);
    assert_eq!((&renamed["name"], &renamed["restart"]), (&json!("www"), &json!("never")));
    admin.patch("/v1/vms/www", etag, &json!({ "name": "late" })).await.refused(412, "stale");
    admin.delete("/v1/vms/www", etag).await.refused(412, "stale");
    admin.get("/v1/vms/web").await.refused(404, "not-found");
    admin.running_vm("web").await;
    admin.patch("/v1/vms/www", "*", &json!({ "name": "WEB" })).await.refused(409, "name-taken");
    admin.patch("/v1/vms/www", "*", &json!({ "cpus": 2 })).await.refused(409, "illegal-now");
    admin.done(admin.poke("/v1/vms/www/stop").await).await;
    let larger = admin.patch("/v1/vms/www", "*", &json!({ "cpus": 2, "memory": "256MiB" })).await.is(200);
    assert_eq!((larger["cpus"].as_u64(), larger["memory"].as_u64()), (Some(2), Some(256 << 20)));
}

#[tokio::test]
async fn lists_come_in_parts_and_queries_find() {
    let (_app, admin) = App::ready().await;
    for name in ["a1", "a2", "b1", "b2", "b3"] {
        let mut new = vm(name);
        new["start"] = json!(name.starts_with('a'));
        admin.done(admin.post("/v1/vms", &new).await).await;
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = admin.get(&format!("/v1/vms?limit=2{cursor}")).await.is(200);
        assert!(items(&page).len() <= 2);
        seen.extend(items(&page).iter().map(|vm| vm["name"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ["a1", "a2", "b1", "b2", "b3"]);
    for (query, count) in [
        ("kind:vm", 5),
        ("kind:vm+state:running", 2),
        ("kind:vm+b+-b2", 2),
        ("kind:vm+memory%3E128MiB", 0),
        ("kind:image+cake-tiny", 1),
        ("kind:task+state:done", 5),
    ] {
        let found = admin.get(&format!("/v1/query?q={query}")).await.is(200);
        assert_eq!(items(&found).len(), count, "{query}: {found}");
    }
    // Everything that is not a record, in parts: nothing twice, nothing left out.
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = admin.get(&format!("/v1/query?q=-kind:event,audit&limit=3{cursor}")).await.is(200);
        found.extend(items(&page).iter().map(|found| found["item"]["id"].to_string()));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let all = admin.get("/v1/query?q=-kind:event,audit&limit=1000").await.is(200);
    let ids: Vec<String> = items(&all).iter().map(|found| found["item"]["id"].to_string()).collect();
    assert!(found.len() > 10 && found == ids, "{found:?} {ids:?}");
    admin.get("/v1/query?q=&cursor=nonsense").await.refused(400, "bad-cursor");
    admin.get("/v1/query?q=colour:red").await.refused(400, "bad-query");
    let tasks = admin.get("/v1/tasks?limit=3").await.is(200);
    assert_eq!(items(&tasks).len(), 3);
    let next = tasks["next"].as_str().unwrap();
    assert_eq!(items(&admin.get(&format!("/v1/tasks?cursor={next}")).await.is(200)).len(), 2);
}

/// Every list, one item at a time, is the list.
#[tokio::test]
async fn every_list_comes_in_parts() {
    let (_app, admin) = App::ready().await;
    for name in ["a1", "a2", "a3"] {
        admin.done(admin.post("/v1/vms", &vm(name)).await).await;
    }
    for (path, least) in [
        ("/v1/vms", 3),
        ("/v1/tasks", 3),
        ("/v1/events", 3),
        ("/v1/events?severity=info", 3),
        ("/v1/audit", 3),
        ("/v1/images", 2),
        ("/v1/pools", 1),
        ("/v1/nodes", 1),
    ] {
        let mark = if path.contains('?') { '&' } else { '?' };
        let whole = admin.get(path).await.is(200);
        assert!(items(&whole).len() >= least && whole["next"].is_null(), "{path}: {whole}");
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        // One part more than there are items: the last may be empty.
        for _ in 0..=items(&whole).len() {
            let part = admin.get(&format!("{path}{mark}limit=1{cursor}")).await.is(200);
            assert!(items(&part).len() <= 1, "{path}: {part}");
            seen.extend(items(&part).iter().cloned());
            match part["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(&seen, items(&whole), "{path}");
        admin.get(&format!("{path}{mark}cursor=nonsense")).await.refused(400, "bad-cursor");
    }
}

#[tokio::test]
async fn a_kernel_needs_no_disk() {
    let (_app, admin) = App::ready().await;
    let mut new = vm("pvh");
    new["image"] = json!(KERNEL);
    new["network"] = json!("none");
    admin.done(admin.post("/v1/vms", &new).await).await;
    let made = admin.get("/v1/vms/pvh").await.is(200);
    assert_eq!((&made["firmware"], &made["disks"], &made["hostname"]), (&json!("direct"), &json!([]), &json!(null)));
}
