//! Disks that are resources of their own: in one VM at a time, and nobody's when that VM is gone.

use crate::support::{App, Visitor, items, key};
use cake_store::ManualClock;
use cake_types::{DiskFile, VmState};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const GIB: u64 = 1 << 30;

async fn volume(admin: &Visitor, name: &str) -> Value {
    admin.post("/v1/volumes", &json!({ "name": name, "size": "1GiB" })).await.is(201);
    free(admin, name).await
}

async fn free(admin: &Visitor, name: &str) -> Value {
    admin.until(&format!("/v1/volumes/{name}"), |volume| volume["state"] == "free").await
}

async fn seen(admin: &Visitor, name: &str) -> Value {
    admin.get(&format!("/v1/volumes/{name}")).await.is(200)
}

async fn attach(admin: &Visitor, name: &str, vm: &str) -> Value {
    admin.done(admin.post(&format!("/v1/volumes/{name}/attach"), &json!({ "vm": vm })).await).await
}

fn etag(value: &Value) -> &str {
    value["etag"].as_str().unwrap()
}

#[tokio::test]
async fn a_volume_is_made_grown_renamed_and_deleted() {
    let (app, admin) = App::ready().await;
    let (key, body) = (key(), json!({ "name": "data", "size": "1GiB", "tags": ["accounts"] }));
    let headers = [("idempotency-key", key.as_str())];
    let create = || admin.send("POST", "/v1/volumes", &headers, Some(&body));
    let made = create().await.is(201);
    assert_eq!(create().await.is(201)["id"], made["id"], "asked again, made once");
    let made = free(&admin, "data").await;
    assert_eq!((&made["size"], &made["tags"], &made["vm"]), (&json!(GIB), &json!(["accounts"]), &json!(null)));
    let id: uuid::Uuid = made["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(app.node.with(|node| node.volumes[&DiskFile(id, 0)].bytes()), GIB);

    let patch = |etag: &str, body: Value| {
        let (admin, etag) = (admin.clone(), etag.to_owned());
        async move { admin.patch("/v1/volumes/data", &etag, &body).await }
    };
    patch(etag(&made), json!({ "size": "2GiB" })).await.is(200);
    let grown = admin.until("/v1/volumes/data", |volume| volume["size"] == 2 * GIB && volume["state"] == "free").await;
    assert_eq!(app.node.with(|node| node.volumes[&DiskFile(id, 0)].bytes()), 2 * GIB);
    patch(etag(&made), json!({ "size": "3GiB" })).await.refused(412, "stale");
    patch(etag(&grown), json!({ "size": "1GiB" })).await.refused(422, "disk-too-small");
    patch(etag(&grown), json!({ "size": "900TiB" })).await.refused(422, "disk-does-not-fit");
    admin.post("/v1/volumes", &json!({ "name": "big", "size": "900TiB" })).await.refused(422, "disk-does-not-fit");
    admin.post("/v1/volumes", &json!({ "name": "x", "size": "1GiB", "pool": "y" })).await.refused(404, "not-found");
    admin.post("/v1/volumes", &json!({ "name": "Data", "size": "1GiB" })).await.refused(409, "name-taken");

    volume(&admin, "other").await;
    patch(etag(&grown), json!({ "name": "other" })).await.refused(409, "name-taken");
    let renamed = patch(etag(&grown), json!({ "name": "books", "tags": [] })).await.is(200);
    assert_eq!((&renamed["name"], &renamed["tags"], &renamed["size"]), (&json!("books"), &json!([]), &json!(2 * GIB)));
    admin.get("/v1/volumes/data").await.refused(404, "not-found");
    assert_eq!(items(&admin.get("/v1/volumes").await.is(200)).len(), 2);

    admin.delete("/v1/volumes/books", etag(&made)).await.refused(412, "stale");
    admin.delete("/v1/volumes/books", etag(&renamed)).await.is(204);
    admin.until("/v1/volumes", |volumes| items(volumes).len() == 1).await;
    assert_eq!(app.node.with(|node| node.volumes.len()), 1);
    volume(&admin, "books").await;
}

/// In one VM at a time; what a guest still holds goes nowhere.
#[tokio::test]
async fn a_volume_goes_from_one_vm_to_another() {
    let (app, admin) = App::ready().await;
    admin.running_vm("a").await;
    admin.running_vm("b").await;
    let made = volume(&admin, "data").await;
    assert_eq!(attach(&admin, "data", "a").await["kind"], "vm-disk-attach");
    let there = seen(&admin, "data").await;
    assert_eq!(
        (&there["state"], &there["vm"]["name"], &there["vm"]["disk"]),
        (&json!("attached"), &json!("a"), &json!(1))
    );
    let disks = admin.get("/v1/vms/a").await.is(200)["disks"].clone();
    assert_eq!((&disks[1]["volume"], &disks[1]["size"]), (&made["id"], &json!(GIB)));

    // It is nobody else's, and nothing can be done to it behind the guest's back.
    let to_b = || admin.send_attach("data", "b");
    to_b().await.refused(409, "volume-attached");
    admin.delete("/v1/volumes/data", "*").await.refused(409, "volume-attached");
    admin.poke("/v1/volumes/data/bin").await.refused(409, "volume-attached");
    admin.patch("/v1/volumes/data", "*", &json!({ "size": "2GiB" })).await.refused(409, "volume-attached");
    admin.get("/v1/volumes/data/content").await.refused(409, "volume-attached");
    admin.delete("/v1/vms/a/disks/1", "*").await.refused(409, "volume-attached");
    // It grows as the VM's disk, and is so large when it comes out.
    admin.done(admin.patch("/v1/vms/a/disks/1", "*", &json!({ "size": "2GiB" })).await).await;
    assert_eq!(seen(&admin, "data").await["size"], 2 * GIB);

    app.node.with(|node| node.disks_held = true);
    let task = admin.poke("/v1/vms/a/disks/1/detach").await.is(202);
    let leaving = admin.until("/v1/volumes/data", |volume| volume["state"] == "leaving").await;
    assert_eq!(leaving["vm"]["name"], "a");
    to_b().await.refused(409, "volume-leaving");
    admin.delete("/v1/volumes/data", "*").await.refused(409, "volume-leaving");
    admin.patch("/v1/volumes/data", "*", &json!({ "size": "3GiB" })).await.refused(409, "volume-leaving");
    let a = admin.get("/v1/vms/a").await.is(200)["id"].as_str().unwrap().parse().unwrap();
    app.node.with(|node| node.disks_held = false);
    app.node.happens(a, |status| status.disks.retain(|disk| disk.number != 1));
    assert_eq!(admin.end_of(&task).await["state"], "done");
    assert_eq!(free(&admin, "data").await["size"], 2 * GIB);
    // What grew in the VM is as large on the node before it is called free.
    attach(&admin, "data", "b").await;
    let b = admin.get("/v1/vms/b").await.is(200);
    assert_eq!(b["disks"][1]["size"], 2 * GIB);
    let numbers = app.node.with(|node| node.vms[&a].vm.spec.detached_disks.clone());
    assert_eq!(numbers, [1], "its number is never given again");
    admin.done(admin.post("/v1/vms/a/disks", &json!({ "size": "1GiB" })).await).await;
    assert_eq!(admin.get("/v1/vms/a").await.is(200)["disks"][1]["number"], 2);
}

impl Visitor {
    async fn send_attach(&self, volume: &str, vm: &str) -> crate::support::Answer {
        self.post(&format!("/v1/volumes/{volume}/attach"), &json!({ "vm": vm })).await
    }
}

/// Whoever is second is refused: the volume is written together with the VM.
#[tokio::test]
async fn two_that_ask_at_once_do_not_both_get_it() {
    let (app, admin) = App::ready().await;
    for vm in ["a", "b", "c", "d"] {
        admin.running_vm(vm).await;
    }
    for round in 0..4 {
        let name = format!("data-{round}");
        volume(&admin, &name).await;
        let asked = ["a", "b", "c", "d"].map(|vm| admin.send_attach(&name, vm));
        let answers = futures_util::future::join_all(asked).await;
        let got = answers.iter().filter(|answer| answer.status == 202).count();
        assert_eq!(got, 1, "{:?}", answers.iter().map(|answer| (answer.status, answer.code())).collect::<Vec<_>>());
    }
    let users = app.node.with(|node| {
        let files = node.vms.values().flat_map(|record| record.vm.spec.disks.iter().filter_map(|disk| disk.file));
        files.collect::<Vec<_>>()
    });
    let once: std::collections::BTreeSet<_> = users.iter().collect();
    assert_eq!((users.len(), once.len()), (4, 4));
}

/// A VM's own disk becomes a volume without being renamed, and outlives the VM.
#[tokio::test]
async fn a_disk_that_is_taken_out_outlives_its_vm() {
    let (app, admin) = App::ready().await;
    let a = admin.running_vm("a").await;
    admin.running_vm("b").await;
    let id: uuid::Uuid = a["id"].as_str().unwrap().parse().unwrap();
    for _ in 0..2 {
        admin.done(admin.post("/v1/vms/a/disks", &json!({ "size": "1GiB" })).await).await;
    }
    admin.poke("/v1/vms/a/disks/0/detach").await.refused(409, "disk-boots");
    admin.poke("/v1/vms/a/disks/7/detach").await.refused(404, "not-found");
    let (key, body) = (key(), json!({ "name": "photos" }));
    let headers = [("idempotency-key", key.as_str())];
    let detach = || admin.send("POST", "/v1/vms/a/disks/1/detach", &headers, Some(&body));
    let end = admin.done(detach().await).await;
    assert_eq!(end["kind"], "vm-disk-detach");
    assert_eq!(detach().await.is(202)["id"], end["id"], "asked again, done once");
    admin.done(admin.poke("/v1/vms/a/disks/2/detach").await).await;
    free(&admin, "photos").await;
    free(&admin, "a-2").await;
    attach(&admin, "a-2", "b").await;
    // One that comes back to where it was made is still no part of it.
    attach(&admin, "photos", "a").await;

    admin.done(admin.delete("/v1/vms/a", "*").await).await;
    let back = free(&admin, "photos").await;
    assert_eq!(back["vm"], json!(null));
    assert_eq!(app.node.with(|node| node.kept.clone()), [vec![1, 2]], "the node was told what to keep");
    assert_eq!(seen(&admin, "a-2").await["vm"]["name"], "b");
    let bytes = admin.get("/v1/volumes/photos/content").await;
    assert_eq!((bytes.status, bytes.text), (200, format!("the bytes of {id}-1")));
    admin.delete("/v1/volumes/photos", "*").await.is(204);
    admin.until("/v1/volumes", |volumes| items(volumes).len() == 1).await;
}

/// What was asked is done whoever is started again, and nothing is done twice.
#[tokio::test]
async fn what_was_asked_is_done_after_a_restart() {
    let (mut app, admin) = App::ready().await;
    admin.running_vm("a").await;
    volume(&admin, "gone").await;
    volume(&admin, "kept").await;
    attach(&admin, "kept", "a").await;
    app.node.with(|node| node.disks_held = true);
    admin.poke("/v1/vms/a/disks/1/detach").await.is(202);
    // The node can't make anything now: what is asked stays asked.
    app.node.with(|node| node.no_volumes = true);
    admin.post("/v1/volumes", &json!({ "name": "new", "size": "1GiB" })).await.is(201);
    let failed = admin.until("/v1/volumes/new", |volume| volume["state"] == "failed").await;
    assert_eq!(failed["failure"]["code"], "disk");
    app.node_goes();
    admin.until("/v1/nodes", |nodes| items(nodes)[0]["connected"] == false).await;
    admin.delete("/v1/volumes/gone", "*").await.is(204);
    admin.get("/v1/volumes/gone").await.refused(404, "not-found");
    assert_eq!(app.node.with(|node| node.volumes.len()), 2);
    app.stop().await;
    app.node.with(|node| node.no_volumes = false);
    app.node_comes_back();
    app.start().await;
    let admin = admin.at(&app);
    free(&admin, "new").await;
    admin.until("/v1/volumes", |volumes| items(volumes).len() == 2).await;
    assert_eq!(app.node.with(|node| node.volumes.len()), 2, "what was deleted is gone from the node");
    // The guest has not let it go, and a restart does not make it so.
    assert_eq!(seen(&admin, "kept").await["state"], "leaving");
    let a = admin.get("/v1/vms/a").await.is(200)["id"].as_str().unwrap().parse().unwrap();
    app.node.happens(a, |status| {
        (status.state, status.pid) = (VmState::Pending, None);
        status.disks.clear();
    });
    admin.until("/v1/vms/a", |vm| vm["state"] == "pending").await;
    assert_eq!(seen(&admin, "kept").await["state"], "leaving", "nobody has looked at that guest yet");
    app.node.happens(a, |status| status.state = VmState::Stopped);
    free(&admin, "kept").await;
}

#[tokio::test]
async fn a_volume_goes_to_the_bin_and_comes_back() {
    let clock = Arc::new(ManualClock::at(1_800_000_000_000));
    let (app, admin) = App::ready_at(clock.clone()).await;
    let made = volume(&admin, "data").await;
    let own = format!("/v1/volumes/{}", made["id"].as_str().unwrap());
    admin.poke("/v1/volumes/data/bin").await.is(200);
    assert!(items(&admin.get("/v1/volumes").await.is(200)).is_empty());
    let bin = admin.get("/v1/bin").await.is(200);
    let shown = &items(&bin)[0];
    assert_eq!((&shown["kind"], &shown["name"], &shown["size"]), (&json!("volume"), &json!("data"), &json!(GIB)));
    admin.running_vm("a").await;
    admin.post(&format!("{own}/attach"), &json!({ "vm": "a" })).await.refused(409, "illegal-now");
    admin.get(&format!("{own}/content")).await.refused(409, "illegal-now");
    // Somebody else has the name by now.
    volume(&admin, "data").await;
    admin.poke(&format!("{own}/restore")).await.refused(409, "name-taken");
    let back = admin.post(&format!("{own}/restore"), &json!({ "name": "data-old" })).await.is(200);
    assert_eq!((&back["id"], &back["binned_at"]), (&made["id"], &Value::Null));
    free(&admin, "data-old").await;
    admin.poke("/v1/volumes/data-old/restore").await.refused(409, "illegal-now");
    // For good, when its time is over.
    admin.poke("/v1/volumes/data-old/bin").await.is(200);
    clock.advance(Duration::from_secs(8 * 24 * 3600));
    app.running().control().bin.sweep().await.unwrap();
    assert_eq!(app.node.with(|node| node.volumes.len()), 1);
    let admin = app.visitor().log_in("admin", crate::support::PASSWORD).await;
    assert!(items(&admin.get("/v1/bin").await.is(200)).is_empty());
    let viewer = admin.with_role("viewer").await;
    viewer.poke("/v1/volumes/data/bin").await.refused(403, "not-allowed");
}

/// Bytes while nobody writes to them, from any place on.
#[tokio::test]
async fn a_volume_is_downloaded_while_nobody_writes_to_it() {
    let (_app, admin) = App::ready().await;
    admin.running_vm("a").await;
    let made = volume(&admin, "data").await;
    let whole = format!("the bytes of {}-0", made["id"].as_str().unwrap());
    attach(&admin, "data", "a").await;
    admin.get("/v1/volumes/data/content").await.refused(409, "volume-attached");
    admin.done(admin.poke("/v1/vms/a/stop").await).await;
    let answer = admin.send("GET", "/v1/volumes/data/content", &[("range", "bytes=4-")], None).await;
    assert_eq!((answer.status, answer.text.as_str()), (206, &whole[4..]));
}

/// Found by what they are, in the page's language of searching and as a table.
#[tokio::test]
async fn a_volume_is_found() {
    let (_app, admin) = App::ready().await;
    admin.running_vm("web").await;
    let tagged = json!({ "name": "photos", "size": "2GiB", "tags": ["accounts"] });
    admin.post("/v1/volumes", &tagged).await.is(201);
    free(&admin, "photos").await;
    volume(&admin, "books").await;
    attach(&admin, "books", "web").await;
    for (query, names) in [
        ("kind:volume", &["photos", "books"][..]),
        ("kind:volume state:free", &["photos"]),
        ("state:attached", &["books"]),
        ("size>1GiB", &["photos"]),
        ("pool:local size:1GiB", &["books"]),
        ("tag:accounts", &["photos"]),
        ("kind:volume web", &["books"]),
        ("kind:volume photos", &["photos"]),
    ] {
        let found = admin.get(&format!("/v1/query?q={}", query.replace(' ', "%20").replace('>', "%3E"))).await.is(200);
        let named: Vec<_> = items(&found).iter().map(|hit| hit["item"]["name"].clone()).collect();
        assert_eq!(named, names, "{query}: {found}");
    }
    let table = admin.get("/v1/query?q=kind:volume&format=csv").await;
    assert!(
        table.text.contains("\"volume\",\"photos\",") && table.text.contains(&(2 * GIB).to_string()),
        "{}",
        table.text
    );
    admin.poke("/v1/volumes/photos/bin").await.is(200);
    let found = admin.get("/v1/query?q=kind:volume").await.is(200);
    assert_eq!(items(&found).len(), 1, "the bin is not searched");
}
