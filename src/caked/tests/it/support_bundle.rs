//! What goes to whoever helps has no secret in it, whatever was said.

use crate::support::{App, PASSWORD, Visitor, items, key, vm};
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Read;

fn unpacked(file: &[u8]) -> BTreeMap<String, String> {
    let mut archive = tar::Archive::new(GzDecoder::new(file));
    let mut files = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_string_lossy().into_owned();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        files.insert(name, text);
    }
    files
}

async fn fetched(admin: &Visitor, made: &Value) -> BTreeMap<String, String> {
    let path = format!("/v1/system/support-bundles/{}/content", made["id"].as_str().unwrap());
    let file = admin.request("GET", &path).send().await.unwrap().bytes().await.unwrap();
    assert_eq!(file.len() as u64, made["size"].as_u64().unwrap());
    unpacked(&file)
}

#[tokio::test]
async fn secrets_that_were_planted_everywhere_are_not_in_it() {
    let app = App::fresh().await;
    let recovery = app.set_up(&key()).await.is(201)["recovery_key"].as_str().unwrap().to_owned();
    let admin = app.visitor().log_in("admin", PASSWORD).await;
    admin.until("/v1/images", |images| items(images).len() == 2).await;
    let token =
        admin.post("/v1/tokens", &json!({ "name": "planted" })).await.is(201)["token"].as_str().unwrap().to_owned();
    let mut web = vm("web");
    web["cloud_init"] = json!({ "user_data": "#cloud-config\npassword: tulip-4711\n" });
    admin.done(admin.post("/v1/vms", &web).await).await;
    let mut db = vm("db");
    let ssh = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPlantedPlantedPlantedPlantedPlanted00 rose@home";
    db["cloud_init"] = json!({ "users": [{ "name": "rose", "ssh_keys": [ssh], "administrator": true }] });
    admin.done(admin.post("/v1/vms", &db).await).await;
    // A wrong password, where it does not belong: as a name.
    admin.nobody().try_log_in("admin", "wrong daffodil").await.refused(401, "wrong-password");
    admin.nobody().try_log_in("begonia-3", PASSWORD).await.refused(401, "wrong-password");
    let cookie = admin.cookie.clone().unwrap();
    let said = format!(
        "started\nGET / Cookie: {cookie}\nAuthorization: Bearer {token}\nnode password=orchid-9\n\
         -drive file=https://me:peony-7@host/disk\nthe key is {recovery}\n-----BEGIN PRIVATE KEY-----\nbGlseQ==\n\
         -----END PRIVATE KEY-----\nended\n"
    );
    app.node.with(|node| node.said = vec![("log/cake-node.log".into(), said), ("log/vms/a.log".into(), token.clone())]);
    let made = admin.poke("/v1/system/support-bundles").await.is(201);
    let files = fetched(&admin, &made).await;
    let all: String = files.values().cloned().collect();
    let cookie_secret = cookie.split_once('=').unwrap().1;
    let secrets = [
        PASSWORD,
        &recovery,
        &token,
        cookie_secret,
        "tulip-4711",
        "daffodil",
        "begonia-3",
        "orchid-9",
        "peony-7",
        "bGlseQ==",
        "Planted00",
        "rose@home",
        "argon2id",
    ];
    for secret in secrets {
        let holder = files.iter().find(|(_, text)| text.contains(secret)).map(|(name, _)| name);
        assert!(holder.is_none(), "{secret} is in {holder:?}");
    }
    // What helps is there, and what it holds is said before it is fetched.
    for (file, word) in [
        ("versions.json", env!("CARGO_PKG_VERSION")),
        ("settings.json", "Asia/Taipei"),
        ("vms.json", "\"web\""),
        ("events.jsonl", "setup-done"),
        ("audit.jsonl", "vm_create"),
        ("tasks.jsonl", "vm-create"),
        ("log/cake-node.log", "ended"),
        ("nodes.json", "host_name"),
    ] {
        assert!(files.get(file).is_some_and(|text| text.contains(word)), "{file}: {:?}", files.get(file));
    }
    let told: Vec<&str> = made["files"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap()).collect();
    let mut names: Vec<&str> = files.keys().map(String::as_str).filter(|name| *name != "manifest.json").collect();
    let mut sorted = told.clone();
    sorted.sort_unstable();
    names.sort_unstable();
    assert_eq!(sorted, names);
    assert!(files["manifest.json"].contains("log/vms/a.log") && all.len() < 50_000_000);
}

#[tokio::test]
async fn it_is_bounded_kept_a_few_and_made_without_a_node_too() {
    let (mut app, admin) = App::ready().await;
    let flood = "the guest floods its log, line after line\n".repeat(400_000);
    app.node.with(|node| node.said = (0..6).map(|vm| (format!("log/vms/{vm}.log"), flood.clone())).collect());
    let made = admin.poke("/v1/system/support-bundles").await.is(201);
    assert!(made["size"].as_u64().unwrap() < 50_000_000);
    let sum: u64 = made["files"].as_array().unwrap().iter().map(|file| file["size"].as_u64().unwrap()).sum();
    assert!(sum <= cake_control::support::TEXTS_MOST as u64, "{sum}");
    app.node_goes();
    for _ in 0..3 {
        admin.poke("/v1/system/support-bundles").await.is(201);
    }
    let all = admin.get("/v1/system/support-bundles").await.is(200);
    assert_eq!(items(&all).len(), cake_control::support::KEPT);
    let last = &items(&all)[2];
    let files = fetched(&admin, last).await;
    assert!(files["log/cake-node.log"].contains("did not answer") || files["log/cake-node.log"].contains("no logs"));
    let own = format!("/v1/system/support-bundles/{}", last["id"].as_str().unwrap());
    assert_eq!(admin.delete(&own, last["etag"].as_str().unwrap()).await.status, 204);
    admin.get(&format!("{own}/content")).await.refused(404, "not-found");
}
