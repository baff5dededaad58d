//! A VM's place on the network, as it is asked for.

use crate::support::{App, items, key, vm};
use serde_json::{Value, json};

fn on(network: &str, forwards: &[&str]) -> Value {
    let mut new = vm("web");
    new["network"] = json!(network);
    new["forwards"] = json!(forwards);
    new
}

#[tokio::test]
async fn a_vm_is_made_on_a_bridge_and_the_old_words_stay_what_they_were() {
    let (app, admin) = App::ready().await;
    let nodes = admin.get("/v1/nodes").await.is(200);
    let bridge = json!({ "name": "br0", "up": true, "addresses": ["192.0.2.10"], "members": ["eth0"] });
    assert_eq!(items(&nodes)[0]["bridges"], json!([bridge]));

    admin.done(admin.post("/v1/vms", &on("bridge:br0", &[])).await).await;
    let shown = admin.get("/v1/vms/web").await.is(200);
    let nic = &shown["nics"][0];
    assert_eq!(
        (&shown["network"], &nic["kind"], &nic["bridge"]),
        (&json!("bridged"), &json!("bridged"), &json!("br0"))
    );
    assert_eq!((&nic["state"], &nic["removable"]), (&json!("in"), &json!(false)));
    assert_eq!(nic["mac"], shown["hardware"]["nics"][0]["mac"]);
    // The address that the node saw is shown.
    let id = shown["id"].as_str().unwrap().parse().unwrap();
    app.node.happens(id, |status| status.nics[0].addresses = vec!["192.0.2.77".parse().unwrap()]);
    let seen = admin.until("/v1/vms/web", |vm| vm["nics"][0]["addresses"] == json!(["192.0.2.77"])).await;
    assert_eq!(seen["id"], shown["id"]);

    // A VM that an older version could have made is written as it wrote it.
    let spec = |name: &str| {
        let name = name.to_owned();
        app.node.with(|node| {
            let record = node.vms.values().find(|record| record.vm.meta.name.as_str() == name).unwrap();
            serde_json::to_value(&record.vm.spec).unwrap()
        })
    };
    admin.running_vm("old").await;
    let old = spec("old");
    assert_eq!((&old["network"], old.get("nics")), (&json!("nat"), None));
    let new = spec("web");
    assert_eq!((&new["network"], &new["nics"]), (&json!("none"), &json!([{ "kind": "bridged", "bridge": "br0" }])));
}

#[tokio::test]
async fn what_the_server_has_not_got_is_refused_with_what_it_has() {
    let (app, admin) = App::ready().await;
    let ours: u16 = app.running().address.port();
    let mut other = on("nat", &["tcp:8081:80"]);
    other["name"] = json!("db");
    admin.done(admin.post("/v1/vms", &other).await).await;
    for (network, forwards, status, code) in [
        ("bridge:br1", &[][..], 422, "no-such-bridge"),
        ("bridge:br0,script=/bin/sh", &[], 422, "no-such-bridge"),
        ("token-ring", &[], 422, "invalid"),
        ("bridge:br0", &["tcp:8080:80"], 422, "invalid"),
        ("nat", &["tcp:22:22"], 422, "port-privileged"),
        ("nat", &["tcp:8081:8080"], 409, "port-taken"),
        ("nat", &["tcp:9000:80,hostfwd=tcp::9001-:22"], 422, "invalid"),
        ("nat", &["tcp:9000:80", "tcp:9000:81"], 422, "invalid"),
    ] {
        let answer = admin.post("/v1/vms", &on(network, forwards)).await;
        answer.refused(status, code);
    }
    admin.post("/v1/vms", &on("nat", &[&format!("tcp:{ours}:443")])).await.refused(422, "port-ours");
    let said = admin.post("/v1/vms", &on("bridge:br1", &[])).await.json();
    assert!(said["messages"]["en"]["detail"].as_str().unwrap().contains("br0"), "{said}");
    // Nothing was made of all that.
    assert_eq!(items(&admin.get("/v1/vms").await.is(200)).len(), 1);
}

#[tokio::test]
async fn a_card_comes_and_goes_and_no_answer_is_lost() {
    let (app, admin) = App::ready().await;
    admin.running_vm("web").await;
    let key = key();
    let body = json!({ "network": "bridge:br0" });
    let headers = [("idempotency-key", key.as_str())];
    let add = || admin.send("POST", "/v1/vms/web/nics", &headers, Some(&body));
    let end = admin.done(add().await).await;
    assert_eq!(end["kind"], "vm-nic-add");
    assert_eq!(add().await.is(202)["id"], end["id"], "asked again, made once");
    let shown = admin.get("/v1/vms/web").await;
    let etag = shown.header("etag").to_owned();
    let shown = shown.is(200);
    let nics = shown["nics"].as_array().unwrap();
    assert_eq!((nics.len(), &nics[0]["kind"], &nics[1]["kind"]), (2, &json!("nat"), &json!("bridged")));
    assert_eq!((&nics[0]["removable"], &nics[1]["removable"]), (&json!(false), &json!(true)));

    let path = |index: usize| format!("/v1/vms/web/nics/{}", nics[index]["mac"].as_str().unwrap());
    admin.delete(&path(1), "\"other\"").await.refused(412, "stale");
    admin.delete(&path(0), &etag).await.refused(409, "nic-built-in");
    admin.delete("/v1/vms/web/nics/02:00:00:00:00:00", &etag).await.refused(404, "not-found");
    admin.done(admin.delete(&path(1), &etag).await).await;
    assert_eq!(admin.get("/v1/vms/web").await.is(200)["nics"].as_array().unwrap().len(), 1);

    // A guest that does not let it go: the task says so.
    admin.done(admin.post("/v1/vms/web/nics", &body).await).await;
    let shown = admin.get("/v1/vms/web").await;
    let (etag, shown) = (shown.header("etag").to_owned(), shown.json());
    let mac = shown["nics"][1]["mac"].as_str().unwrap().to_owned();
    let id = shown["id"].as_str().unwrap().parse().unwrap();
    let held = app.node.with(|node| node.vms[&id].status.nics.clone());
    app.node.with(|node| node.refuse = true);
    let task = admin.delete(&format!("/v1/vms/web/nics/{mac}"), &etag).await.is(202);
    app.node.happens(id, |status| {
        status.observed.generation = status.observed.generation.next();
        status.nics = held;
        status.nics[1].failure =
            Some(cake_types::Failure { code: cake_types::FailureCode::GuestIgnoredUnplug, detail: String::new() });
    });
    let end = admin.end_of(&task).await;
    assert_eq!(end["state"], "failed", "{end}");
}

#[tokio::test]
async fn there_is_room_for_so_many() {
    let (_app, admin) = App::ready().await;
    let mut new = vm("web");
    new["start"] = json!(false);
    admin.done(admin.post("/v1/vms", &new).await).await;
    for _ in 1..cake_types::limits::NICS_MAX {
        admin.done(admin.post("/v1/vms/web/nics", &json!({ "network": "bridge:br0" })).await).await;
    }
    admin.post("/v1/vms/web/nics", &json!({ "network": "bridge:br0" })).await.refused(409, "no-room");
    let shown = admin.get("/v1/vms/web").await.is(200);
    let macs: std::collections::BTreeSet<_> =
        shown["nics"].as_array().unwrap().iter().map(|nic| nic["mac"].to_string()).collect();
    assert_eq!(macs.len(), cake_types::limits::NICS_MAX);
}
