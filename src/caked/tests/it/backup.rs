//! The configuration goes to another machine and back.

use crate::support::{Answer, App, PASSWORD, Visitor, items, key, vm};
use cake_types::{SecretKey, Way};
use serde_json::{Value, json};

const SECRET: &str = "#cloud-config\npassword: tulip-4711\n";

/// A cloud with a VM that was told a secret; its recovery key; and its backup.
struct Old {
    app: App,
    admin: Visitor,
    recovery_key: String,
    backup: Vec<u8>,
}

impl Old {
    async fn new() -> Self {
        let app = App::fresh().await;
        let recovery_key = app.set_up(&key()).await.is(201)["recovery_key"].as_str().unwrap().to_owned();
        let admin = app.visitor().log_in("admin", PASSWORD).await;
        admin.until("/v1/images", |images| items(images).len() == 2).await;
        let mut web = vm("web");
        web["cloud_init"] = json!({ "user_data": SECRET });
        let ups = json!({ "host": "localhost", "name": "rack", "user": "cake", "password": "ge heim" });
        admin.send("PUT", "/v1/ups", &[("if-match", "*")], Some(&ups)).await.is(200);
        let hook = json!({ "template": "slack", "url": "https://hooks.example.com/ge-heim", "token": "ge heim" });
        admin.post("/v1/channels", &json!({ "name": "IT", "webhook": hook })).await.is(201);
        admin.done(admin.post("/v1/vms", &web).await).await;
        admin.post("/v1/tokens", &json!({ "name": "last" })).await.is(201);
        let backup = back_up(&admin).await;
        Self { app, admin, recovery_key, backup }
    }
}

async fn back_up(admin: &Visitor) -> Vec<u8> {
    let made = admin.poke("/v1/system/backups").await.is(201);
    let path = format!("/v1/system/backups/{}/content", made["id"].as_str().unwrap());
    let file = admin.request("GET", &path).send().await.unwrap().bytes().await.unwrap().to_vec();
    assert_eq!(file.len() as u64, made["size"].as_u64().unwrap());
    file
}

async fn send(app: &App, backup: &[u8]) -> Answer {
    let token = app.token();
    let headers = [("x-cake-setup-token", token.as_str()), ("content-type", "application/octet-stream")];
    app.visitor().send_bytes("PUT", "/v1/setup/backup", &headers, Some(backup.to_vec())).await
}

async fn restore(app: &App, recovery_key: &str) -> Answer {
    let (token, key) = (app.token(), key());
    let headers = [("x-cake-setup-token", token.as_str()), ("idempotency-key", key.as_str())];
    let body = json!({ "recovery_key": recovery_key });
    app.visitor().send("POST", "/v1/setup/restore", &headers, Some(&body)).await
}

async fn restored(app: &mut App, backup: &[u8], recovery_key: &str) -> (Value, Visitor) {
    send(app, backup).await.is(200);
    let answer = restore(app, recovery_key).await.is(202);
    app.running().begin_anew().await;
    app.restart().await;
    assert_eq!(app.visitor().get("/v1/setup").await.is(200)["done"], true);
    (answer, app.visitor().log_in("admin", PASSWORD).await)
}

#[tokio::test]
async fn a_configuration_goes_to_another_machine() {
    let old = Old::new().await;
    let mut new = App::fresh().await;
    let (answer, admin) = restored(&mut new, &old.backup, &old.recovery_key).await;
    assert_eq!(
        (&answer["name"], &answer["vms"], &answer["sealed_elsewhere"]),
        (&json!("Rack 1"), &json!(1), &json!(0))
    );
    // Nobody's disks came along: the VM is told of, and nothing is made or started in its place.
    let web = admin.until("/v1/vms/web", |vm| vm["state"] == "lost").await;
    assert_eq!(web["id"], old.admin.get("/v1/vms/web").await.is(200)["id"]);
    assert_eq!(new.node.with(|node| (node.vms.len(), node.applies)), (0, 0));
    for what in ["start", "stop", "bin"] {
        admin.poke(&format!("/v1/vms/web/{what}")).await.refused(409, "illegal-now");
    }
    admin.until("/v1/events", |events| events.to_string().contains("vm-lost")).await;
    let events = admin.get("/v1/events").await.text;
    assert!(events.contains("system-restored") && events.contains("setup-done"), "the Journal came along: {events}");
    let audit = admin.get("/v1/audit").await.text;
    assert!(
        audit.contains("\"setup_restore\"") && audit.contains("\"vm_create\"") && !audit.contains(&old.recovery_key)
    );
    // The node here can read what was sealed to the one there.
    let stored = new.stored_vm(web["id"].as_str().unwrap()).await;
    let secret = stored.spec.cloud_init.unwrap().user_data.unwrap();
    assert_eq!(secret.open(new.node.key()).unwrap(), SECRET);
    assert_eq!(secret.open(&SecretKey::from_revealed(&old.recovery_key).unwrap()).unwrap(), SECRET);
    assert!(secret.open(old.app.node.key()).is_err());
    new.node.until_told("rack").await;
    let secret = new.node.with(|node| node.ups.clone()).unwrap().password.unwrap();
    assert_eq!(secret.open(new.node.key()).unwrap(), "ge heim");
    assert!(secret.open(old.app.node.key()).is_err());
    // So can the caked here.
    let channel = &new.running().control().channels.list()[0].channel;
    let Way::Webhook(hook) = &channel.spec.way else { panic!("{channel:?}") };
    let own = cake_control::channels::key(&new.state()).unwrap();
    assert_eq!(hook.url.open(&own).unwrap(), "https://hooks.example.com/ge-heim");
    assert_eq!(hook.token.as_ref().unwrap().open(&own).unwrap(), "ge heim");
    assert!(hook.url.open(&cake_control::channels::key(&old.app.state()).unwrap()).is_err());
    // Sessions of there are none here, and here it goes on: another backup, and the VM that is lost can be deleted.
    Visitor { base: admin.base.clone(), http: admin.http.clone(), ..old.admin.clone() }
        .get("/v1/session")
        .await
        .refused(401, "not-logged-in");
    back_up(&admin).await;
    admin.done(admin.delete("/v1/vms/web", "*").await).await;
    new.restart().await;
    assert!(items(&admin.at(&new).nobody().log_in("admin", PASSWORD).await.get("/v1/vms").await.is(200)).is_empty());
}

#[tokio::test]
async fn on_the_same_machine_vms_are_found_as_they_are() {
    let mut old = Old::new().await;
    old.admin.running_vm("db").await;
    let backup = back_up(&old.admin).await;
    // What happens after the backup: one is off, one goes on.
    old.admin.done(old.admin.poke("/v1/vms/db/stop").await).await;
    old.app.stop().await;
    for file in std::fs::read_dir(old.app.state()).unwrap().flatten() {
        let gone = file.path().is_file() && !file.file_name().to_string_lossy().ends_with(".pem");
        if gone {
            std::fs::remove_file(file.path()).unwrap();
        }
    }
    old.app.start().await;
    let epoch = old.app.node.with(|node| node.highest);
    let (_, admin) = restored(&mut old.app, &backup, &old.recovery_key).await;
    admin.until("/v1/vms/web", |vm| vm["state"] == "running").await;
    admin.until("/v1/vms/db", |vm| vm["state"] == "stopped" && vm["power"] == "stopped").await;
    let (highest, restarts) =
        old.app.node.with(|node| (node.highest, node.vms.values().map(|record| record.status.restarts).sum::<u32>()));
    assert!(highest > epoch, "the epoch rises by itself");
    assert_eq!(restarts, 0);
    admin.done(admin.poke("/v1/vms/db/start").await).await;
}

#[tokio::test]
async fn a_backup_that_is_not_right_changes_nothing() {
    let old = Old::new().await;
    let new = App::fresh().await;
    let whole = &old.backup;
    restore(&new, &old.recovery_key).await.refused(404, "not-found");
    send(&new, b"PK\x03\x04 some other file").await.refused(422, "not-a-backup");
    send(&new, &whole[..whole.len() - 1]).await.refused(422, "backup-cut-short");
    send(&new, &whole[..whole.len() / 2]).await.refused(422, "backup-cut-short");
    send(&new, &[whole, &b"more"[..]].concat()).await.refused(422, "backup-damaged");
    let text = String::from_utf8_lossy(&whole[..300]).replace("\"format\":1", "\"format\":2");
    let newer = [text.split_inclusive('\n').take(2).collect::<String>().as_bytes(), &whole[300..]].concat();
    send(&new, &newer).await.refused(422, "backup-newer");
    // One bit of the content: it is found when the key is there, before anything is believed.
    let mut forged = whole.clone();
    *forged.last_mut().unwrap() ^= 1;
    send(&new, &forged).await.is(200);
    restore(&new, &old.recovery_key).await.refused(422, "backup-damaged");
    // Made by somebody who knows everything but the key: sealed to the same recovery key, with one of his own.
    let other = Old::new().await;
    let public = |key: &str| String::from(SecretKey::from_revealed(key).unwrap().public());
    let (_, lines) = cake_control::backup::bundle::header(&other.backup).unwrap();
    let (head, sealed) = other.backup.split_at(lines);
    let head = String::from_utf8_lossy(head).replace(&public(&other.recovery_key), &public(&old.recovery_key));
    send(&new, &[head.as_bytes(), sealed].concat()).await.is(200);
    restore(&new, &old.recovery_key).await.refused(422, "backup-damaged");
    send(&new, whole).await.is(200);
    for wrong in [&other.recovery_key, "nonsense", ""] {
        restore(&new, wrong).await.refused(422, "wrong-recovery-key");
    }
    let wrong_token = [("x-cake-setup-token", "guess"), ("content-type", "application/octet-stream")];
    let sent = new.visitor().send_bytes("PUT", "/v1/setup/backup", &wrong_token, Some(whole.clone())).await;
    sent.refused(401, "wrong-token");
    assert_eq!(new.visitor().get("/v1/setup").await.is(200)["done"], false);
    // The wizard still works, and then nothing can be restored over it.
    new.set_up(&key()).await.is(201);
    let headers = [("x-cake-setup-token", "any"), ("content-type", "application/octet-stream")];
    new.visitor()
        .send_bytes("PUT", "/v1/setup/backup", &headers, Some(whole.clone()))
        .await
        .refused(409, "already-set-up");
}

#[tokio::test]
async fn a_restore_is_whole_or_not_whenever_caked_dies() {
    let old = Old::new().await;
    let mut new = App::fresh().await;
    send(&new, &old.backup).await.is(200);
    // It dies with a backup that was only sent: nothing was restored.
    new.restart().await;
    assert_eq!(new.visitor().get("/v1/setup").await.is(200)["done"], false);
    send(&new, &old.backup).await.is(200);
    restore(&new, &old.recovery_key).await.is(202);
    new.stop().await;
    // It dies once more between the two files.
    let state = new.state();
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(state.join(format!("store.sqlite{end}")));
    }
    std::fs::rename(state.join("restore/store.sqlite"), state.join("store.sqlite")).unwrap();
    new.start().await;
    assert!(!state.join("restore").exists());
    let admin = new.visitor().log_in("admin", PASSWORD).await;
    admin.until("/v1/vms/web", |vm| vm["state"] == "lost").await;
    assert!(admin.get("/v1/events").await.text.contains("system-restored"));
}

#[tokio::test]
async fn backups_are_kept_a_few_and_sealed() {
    let old = Old::new().await;
    for _ in 0..6 {
        back_up(&old.admin).await;
    }
    let all = old.admin.get("/v1/system/backups").await.is(200);
    assert_eq!(items(&all).len(), cake_control::backup::KEPT);
    let text = String::from_utf8_lossy(&old.backup).into_owned();
    assert!(!text.contains("argon2id") && !text.contains("SQLite") && !text.contains("web"));
    let first = &items(&all)[0];
    let own = format!("/v1/system/backups/{}", first["id"].as_str().unwrap());
    let part = old.admin.send("GET", &format!("{own}/content"), &[("range", "bytes=0-11")], None).await;
    assert_eq!((part.status, part.text.as_str()), (206, "cake backup\n"));
    old.admin.delete(&own, "\"other\"").await.refused(412, "stale");
    assert_eq!(old.admin.delete(&own, first["etag"].as_str().unwrap()).await.status, 204);
    old.admin.get(&format!("{own}/content")).await.refused(404, "not-found");
    // Before there were backups no key was derived: then it is asked for once.
    let app = old.app;
    app.forget_backup_key().await;
    let admin = app.visitor().log_in("admin", PASSWORD).await;
    admin.poke("/v1/system/backups").await.refused(409, "recovery-key-needed");
    admin.post("/v1/system/backups", &json!({ "recovery_key": "x" })).await.refused(422, "wrong-recovery-key");
    admin.post("/v1/system/backups", &json!({ "recovery_key": old.recovery_key })).await.is(201);
    admin.poke("/v1/system/backups").await.is(201);
}
