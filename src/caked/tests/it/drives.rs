//! What lies in a VM's drives, as it is asked for.

use crate::support::{App, items, key, vm};
use cake_types::{Failure, FailureCode};
use serde_json::json;

#[tokio::test]
async fn a_cd_is_put_in_and_taken_out() {
    let (app, admin) = App::ready().await;
    let (first, second) = (app.node.has_cd(11, "first"), app.node.has_cd(12, "second"));
    admin.until("/v1/images", |images| items(images).len() == 4).await;
    let mut new = vm("web");
    new["image"] = json!("first");
    admin.done(admin.post("/v1/vms", &new).await).await;
    let drive = || async { admin.get("/v1/vms/web").await.is(200)["cd_drive"].clone() };
    assert_eq!((&drive().await["image"], &drive().await["state"]), (&json!(first.to_string()), &json!("as-asked")));

    // Asked twice with one key, made once.
    let key = key();
    let headers = [("idempotency-key", key.as_str())];
    let body = json!({ "image": "second" });
    let change = || admin.send("POST", "/v1/vms/web/cd", &headers, Some(&body));
    let end = admin.done(change().await).await;
    assert_eq!(end["kind"], "vm-cd-insert");
    assert_eq!(change().await.is(202)["id"], end["id"]);
    assert_eq!(drive().await["image"], second.to_string());

    // What is no CD, or nowhere, changes nothing.
    for (image, status, code) in [("cake-tiny", 422, "invalid"), ("nowhere", 404, "not-found")] {
        admin.post("/v1/vms/web/cd", &json!({ "image": image })).await.refused(status, code);
    }
    admin.post("/v1/vms/web/cd", &json!({ "drive": "second" })).await.refused(400, "unknown-field");
    assert_eq!(drive().await["image"], second.to_string());
    // An image in a drive can't go.
    let images = admin.get("/v1/images").await.is(200);
    let etag = items(&images).iter().find(|image| image["name"] == "second").unwrap()["etag"].clone();
    admin.delete("/v1/images/second", etag.as_str().unwrap()).await.refused(409, "image-in-use");

    let end = admin.done(admin.poke("/v1/vms/web/cd").await).await;
    assert_eq!((&end["kind"], &drive().await["image"]), (&json!("vm-cd-eject"), &json!(null)));
}

/// The guest holds its drive shut: the task says so, the drive too, and by force it goes.
#[tokio::test]
async fn a_guest_that_holds_its_drive_is_told_of() {
    let (app, admin) = App::ready().await;
    let first = app.node.has_cd(11, "first");
    admin.until("/v1/images", |images| items(images).len() == 3).await;
    let mut new = vm("web");
    new["image"] = json!("first");
    admin.done(admin.post("/v1/vms", &new).await).await;
    let id = admin.get("/v1/vms/web").await.is(200)["id"].as_str().unwrap().parse().unwrap();
    app.node.with(|node| node.drives_held = true);
    let task = admin.poke("/v1/vms/web/cd").await.is(202);
    admin.until("/v1/vms/web", |vm| vm["cd_drive"]["state"] == "waiting").await;
    app.node.happens(id, |status| {
        let drive = status.cd.as_mut().unwrap();
        drive.waiting = false;
        drive.failure = Some(Failure { code: FailureCode::CdLocked, detail: String::new() });
    });
    let end = admin.end_of(&task).await;
    assert_eq!((&end["state"], &end["end"]["code"]), (&json!("failed"), &json!("cd-locked")));
    let drive = admin.get("/v1/vms/web").await.is(200)["cd_drive"].clone();
    assert_eq!((&drive["state"], &drive["failure"]["code"]), (&json!("failed"), &json!("cd-locked")));
    app.node.with(|node| node.drives_held = false);
    admin.done(admin.post("/v1/vms/web/cd", &json!({ "force": true })).await).await;
    let spec = app.node.with(|node| node.vms[&id].vm.spec.clone());
    assert!(spec.cd.is_none() && spec.cd_by_force && first.to_string() != "");
}

#[tokio::test]
async fn a_second_cd_with_drivers_comes_and_goes_while_it_is_off() {
    let (app, admin) = App::ready().await;
    let (_, drivers) = (app.node.has_cd(11, "first"), app.node.has_cd(12, "drivers"));
    admin.until("/v1/images", |images| items(images).len() == 4).await;
    let mut new = vm("web");
    (new["image"], new["drivers"]) = (json!("first"), json!("cake-tiny"));
    admin.post("/v1/vms", &new).await.refused(422, "invalid");
    new["drivers"] = json!("drivers");
    admin.done(admin.post("/v1/vms", &new).await).await;
    let seen = || async { admin.get("/v1/vms/web").await };
    let record = seen().await.is(200);
    assert_eq!(
        (&record["drivers"], &record["hardware"]["drivers_cd"]["port"]),
        (&json!(drivers.to_string()), &json!(4))
    );

    // Not under a guest that runs, and an image that lies there can't go.
    let patch = async |image: &str| {
        let etag = seen().await.header("etag").to_owned();
        admin.patch("/v1/vms/web", &etag, &json!({ "drivers": image })).await
    };
    patch("").await.refused(409, "illegal-now");
    admin.send("DELETE", "/v1/images/drivers", &[("if-match", "*")], None).await.refused(409, "image-in-use");
    admin.done(admin.poke("/v1/vms/web/stop").await).await;
    patch("nowhere").await.refused(404, "not-found");
    assert_eq!(seen().await.is(200)["drivers"], drivers.to_string());
    let away = patch("").await.is(200);
    assert!(away["drivers"].is_null() && seen().await.is(200)["hardware"]["drivers_cd"].is_null(), "{away}");
    assert_eq!(patch("first").await.is(200)["drivers"], seen().await.is(200)["cd"]);
}

#[tokio::test]
async fn a_vm_without_a_drive_gets_one_while_it_is_off() {
    let (app, admin) = App::ready().await;
    app.node.has_cd(11, "first");
    admin.until("/v1/images", |images| items(images).len() == 3).await;
    admin.running_vm("web").await;
    admin.post("/v1/vms/web/cd", &json!({ "image": "first" })).await.refused(409, "no-cd-drive");
    admin.done(admin.poke("/v1/vms/web/stop").await).await;
    admin.poke("/v1/vms/web/cd").await.refused(409, "no-cd-drive");
    let before = admin.get("/v1/vms/web").await.is(200)["hardware"].clone();
    admin.done(admin.post("/v1/vms/web/cd", &json!({ "image": "first" })).await).await;
    let mut after = admin.get("/v1/vms/web").await.is(200)["hardware"].clone();
    assert_eq!(after["cd"]["bus"], "sata");
    // The rest of the machine stays as it was.
    after.as_object_mut().unwrap().remove("cd");
    assert_eq!(after, before);
}

#[tokio::test]
async fn a_disk_is_added_grown_and_taken_away() {
    let (app, admin) = App::ready().await;
    admin.running_vm("web").await;
    let disks = || async {
        let shown = admin.get("/v1/vms/web").await;
        (shown.header("etag").to_owned(), shown.json()["disks"].clone())
    };
    let key = key();
    let headers = [("idempotency-key", key.as_str())];
    let body = json!({ "size": "1GiB" });
    let add = || admin.send("POST", "/v1/vms/web/disks", &headers, Some(&body));
    let end = admin.done(add().await).await;
    assert_eq!(end["kind"], "vm-disk-add");
    assert_eq!(add().await.is(202)["id"], end["id"], "asked again, made once");
    let (etag, shown) = disks().await;
    let facts = |disk: &serde_json::Value| (disk["number"].clone(), disk["size"].clone(), disk["removable"].clone());
    assert_eq!(facts(&shown[0]), (json!(0), json!(32u64 << 20), json!(false)));
    assert_eq!(facts(&shown[1]), (json!(1), json!(1u64 << 30), json!(true)));

    let end = admin.done(admin.patch("/v1/vms/web/disks/1", &etag, &json!({ "size": "2GiB" })).await).await;
    assert_eq!(end["kind"], "vm-disk-grow");
    admin.patch("/v1/vms/web/disks/1", &etag, &json!({ "size": "3GiB" })).await.refused(412, "stale");
    let (etag, shown) = disks().await;
    assert_eq!(shown[1]["size"], 2u64 << 30);
    // What can't be, and changes nothing.
    let grow = |disk: &'static str, size: &'static str| {
        let (admin, etag) = (admin.clone(), etag.clone());
        async move { admin.patch(&format!("/v1/vms/web/disks/{disk}"), &etag, &json!({ "size": size })).await }
    };
    grow("1", "1GiB").await.refused(422, "disk-too-small");
    grow("1", "900TiB").await.refused(422, "disk-does-not-fit");
    grow("1", "lots").await.refused(422, "invalid");
    grow("7", "1GiB").await.refused(404, "not-found");
    grow("x", "1GiB").await.refused(404, "not-found");
    admin.post("/v1/vms/web/disks", &json!({ "size": "900TiB" })).await.refused(422, "disk-does-not-fit");
    admin.post("/v1/vms/web/disks", &json!({ "size": "1" })).await.refused(422, "disk-too-small");
    admin.post("/v1/vms/web/disks", &json!({ "size": "1GiB", "pool": "x" })).await.refused(404, "not-found");
    admin.delete("/v1/vms/web/disks/0", &etag).await.refused(409, "disk-boots");
    assert_eq!(disks().await, (etag.clone(), shown));

    // Four ports, for cards and disks together.
    for _ in 0..2 {
        admin.done(admin.post("/v1/vms/web/disks", &body).await).await;
    }
    admin.done(admin.post("/v1/vms/web/nics", &json!({ "network": "bridge:br0" })).await).await;
    admin.post("/v1/vms/web/disks", &body).await.refused(409, "no-disk-room");
    admin.post("/v1/vms/web/nics", &json!({ "network": "bridge:br0" })).await.refused(409, "no-room");
    let (etag, _) = disks().await;
    admin.done(admin.delete("/v1/vms/web/disks/2", &etag).await).await;
    // Those that stay keep their numbers, and none is given twice.
    admin.done(admin.post("/v1/vms/web/disks", &body).await).await;
    let (_, shown) = disks().await;
    let numbers: Vec<_> = shown.as_array().unwrap().iter().map(|disk| disk["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [0, 1, 3, 4]);
    let id = admin.get("/v1/vms/web").await.is(200)["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(app.node.with(|node| node.vms[&id].vm.spec.removed_disks.clone()), [2]);
}

/// A machine for everyday hardware has a controller that nothing can come to while it runs.
#[tokio::test]
async fn a_disk_on_sata_comes_while_the_vm_is_off() {
    let (app, admin) = App::ready().await;
    app.node.has_cd(11, "first");
    app.node.with(|node| node.images.last_mut().unwrap().spec.os = cake_types::GuestOs::Other);
    app.node.tell_image("first");
    let body = json!({ "size": "1GiB" });
    admin.until("/v1/images", |images| items(images).iter().any(|image| image["os"] == "other")).await;
    let mut new = vm("web");
    new["image"] = json!("first");
    admin.done(admin.post("/v1/vms", &new).await).await;
    admin.post("/v1/vms/web/disks", &body).await.refused(409, "no-disk-room");
    admin.done(admin.poke("/v1/vms/web/stop").await).await;
    for _ in 0..4 {
        admin.done(admin.post("/v1/vms/web/disks", &body).await).await;
    }
    admin.post("/v1/vms/web/disks", &body).await.refused(409, "no-disk-room");
    let shown = admin.get("/v1/vms/web").await;
    admin.done(admin.delete("/v1/vms/web/disks/1", shown.header("etag")).await).await;
    // Those behind it stay at their ports.
    let hardware = admin.get("/v1/vms/web").await.is(200)["hardware"].clone();
    let ports: Vec<_> = hardware["disks"].as_array().unwrap().iter().map(|disk| disk["port"].clone()).collect();
    assert_eq!(ports, [json!(null), json!(2), json!(3), json!(4)]);
}
