//! Who may do what.

use crate::support::{App, PASSWORD, Visitor, items, key, vm};
use cake_api::guard::Access;
use cake_store::{Filter, Journal, Key, KeyPrefix, ManualClock, Query, RecordKind, SqliteStore, Store, Txn};
use cake_types::built_in_roles;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// The path with something in place of its parameters.
fn filled(path: &str) -> String {
    let parameters = [
        "{vm}",
        "{task}",
        "{ticket}",
        "{account}",
        "{token}",
        "{image}",
        "{node}",
        "{import}",
        "{chunk}",
        "{mac}",
        "{disk}",
        "{volume}",
        "{query}",
        "{alert}",
        "{backup}",
        "{bundle}",
        "{export}",
        "{channel}",
    ];
    parameters.iter().fold(path.to_owned(), |path, parameter| path.replace(parameter, "nobody"))
}

/// Calls with a body that is not quite right, so that nobody's data is changed.
async fn call(visitor: &Visitor, method: &str, path: &str) -> u16 {
    let path = filled(path);
    if path == "/v1/watch" {
        return visitor.request("GET", "/v1/watch").send().await.unwrap().status().as_u16();
    }
    let key = key();
    let headers = [("idempotency-key", key.as_str()), ("if-match", "\"other\"")];
    let body = (method != "GET").then(|| json!({ "nonsense": true }));
    visitor.send(method, &path, &headers, body.as_ref()).await.status
}

/// A row for every route and every role, and each is really called.
#[tokio::test]
async fn every_route_answers_every_role_as_the_table_says() {
    let (app, admin) = App::ready().await;
    let api = cake_api::Api::new(app.running().control());
    let operations = cake_api::operations(&api);
    let document: serde_json::Value = serde_json::from_str(cake_api::document()).unwrap();
    let mut documented = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in ["get", "post", "put", "patch", "delete"] {
            let Some(operation) = item.get(method) else { continue };
            documented += 1;
            let row = operations.iter().find(|row| row.path == path && row.method.eq_ignore_ascii_case(method));
            let row = row.unwrap_or_else(|| panic!("{method} {path} has no row in the table"));
            assert_eq!(operation["operationId"], row.id, "{method} {path}");
        }
    }
    assert_eq!(documented, operations.len(), "a route is not in the document");
    // What is written to the audit record is read by people.
    let audited = operations.iter().filter(|row| row.method != "GET" || row.id == "console_connect");
    for id in audited.map(|row| row.id).chain(["reset_admin"]) {
        for language in cake_types::Language::ALL {
            let words = cake_i18n::Catalogue::get(language);
            assert!(words.has(&format!("operation-{id}")), "{id} has no words in {}", language.tag());
        }
    }
    let mut callers = vec![(None, admin.nobody())];
    for role in built_in_roles() {
        callers.push((Some(role.clone()), admin.with_role(&role.name.0).await));
    }
    for row in operations.iter().filter(|row| row.id != "session_end") {
        for (role, visitor) in &callers {
            let status = call(visitor, row.method, row.path).await;
            let who = role.as_ref().map_or("nobody", |role| role.name.0.as_str());
            let expected = match (row.access, role) {
                (Access::Open, _) | (Access::Account, Some(_)) => None,
                (Access::Setup, _) | (Access::Account, None) | (Access::With(_), None) => Some(401),
                (Access::With(permission), Some(role)) => (!role.allows(permission)).then_some(403),
            };
            match expected {
                Some(expected) => assert_eq!(status, expected, "{} as {who}", row.id),
                None => assert!(
                    ![401, 403, 500].contains(&status)
                        || ["console_connect", "screen_connect", "server_console_connect"].contains(&row.id),
                    "{} as {who}: {status}",
                    row.id
                ),
            }
        }
    }
}

/// No change is made that does not say what it saw (If-Match), or which one it is (Idempotency-Key).
#[tokio::test]
async fn every_change_names_what_it_changes_or_itself() {
    let (app, admin) = App::ready().await;
    let operations = cake_api::operations(&cake_api::Api::new(app.running().control()));
    let mut asked = 0;
    // A chunk's address says which bytes it is about, and a backup that was sent changes nothing: there is nothing to overwrite
    // unseen.
    for row in
        operations.iter().filter(|row| row.method != "GET" && !["import_chunk", "setup_backup"].contains(&row.id))
    {
        let code = match row.method {
            "POST" => "key-required",
            "PUT" | "PATCH" | "DELETE" => "match-required",
            other => panic!("{}: what does {other} need?", row.id),
        };
        // Before the wizard's own key comes its token, which any text is once it is done.
        let headers = [("x-cake-setup-token", "any")];
        let headers = if row.access == Access::Setup { &headers[..] } else { &[] };
        let body = json!({ "nonsense": true });
        let answer = admin.send(row.method, &filled(row.path), headers, Some(&body)).await;
        assert_eq!((answer.status, answer.code().as_str()), (428, code), "{}: {}", row.id, answer.text);
        asked += 1;
    }
    assert!(asked > 20, "{asked}");
    admin.get("/v1/session").await.is(200);
}

#[tokio::test]
async fn another_site_cannot_ask_with_our_cookie() {
    let (_app, admin) = App::ready().await;
    let key = key();
    let send = async |visitor: &Visitor, extra: (&str, &str)| {
        visitor.send("POST", "/v1/vms", &[("idempotency-key", &key), extra], Some(&vm("web"))).await
    };
    send(&admin, ("origin", "https://evil.example")).await.refused(403, "foreign-origin");
    send(&admin, ("origin", "null")).await.refused(403, "foreign-origin");
    send(&admin, ("sec-fetch-site", "cross-site")).await.refused(403, "foreign-origin");
    send(&admin, ("sec-fetch-site", "same-site")).await.refused(403, "foreign-origin");
    let without = Visitor { csrf: None, ..admin.clone() };
    send(&without, ("x-nothing", "")).await.refused(403, "foreign-origin");
    let other = admin.nobody().log_in("admin", PASSWORD).await;
    let mixed = Visitor { csrf: other.csrf.clone(), ..admin.clone() };
    send(&mixed, ("x-nothing", "")).await.refused(403, "foreign-origin");
    assert!(items(&admin.get("/v1/vms").await.is(200)).is_empty());
    send(&admin, ("origin", &admin.base)).await.is(202);
    // Not even a login may come from elsewhere: it would log somebody in as somebody else.
    let login = json!({ "name": "admin", "password": PASSWORD });
    let headers = [("idempotency-key", "k"), ("origin", "https://evil.example")];
    admin.nobody().send("POST", "/v1/session", &headers, Some(&login)).await.refused(403, "foreign-origin");
}

#[tokio::test]
async fn cookies_and_headers_are_as_strict_as_can_be() {
    let (_app, admin) = App::ready().await;
    let login = admin.nobody().try_log_in("admin", PASSWORD).await;
    let cookie = login.header("set-cookie");
    assert!(cookie.starts_with("__Host-cake="), "{cookie}");
    for part in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax", "Max-Age="] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    for path in ["/v1/vms", "/v1/docs", "/v1/nonsense", "/", "/login"] {
        let answer = admin.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("strict-transport-security"), "", "{path}");
    }
    assert_eq!(admin.get("/v1/vms").await.header("cache-control"), "no-store");
}

#[tokio::test]
async fn guessing_gets_slower() {
    let clock = Arc::new(ManualClock::at(1_790_000_000_000));
    let (mut app, admin) = App::ready_at(clock.clone()).await;
    let nobody = admin.nobody();
    for _ in 0..5 {
        nobody.try_log_in("admin", "wrong password").await.refused(401, "wrong-password");
    }
    let wait = nobody.try_log_in("admin", PASSWORD).await;
    assert_eq!(wait.header("retry-after"), "1");
    wait.refused(429, "slow-down");
    // Killing caked does not help.
    app.restart().await;
    let nobody = nobody.at(&app);
    nobody.try_log_in("ADMIN", PASSWORD).await.refused(429, "slow-down");
    clock.advance(Duration::from_secs(1));
    let admin = nobody.log_in("admin", PASSWORD).await;
    nobody.try_log_in("nobody here", "wrong password").await.refused(401, "wrong-password");
    let audit = admin.get("/v1/audit").await.text;
    assert!(
        audit.contains("\"session_begin\"") && audit.contains("wrong-password") && !audit.contains("wrong password")
    );
    assert!(admin.get("/v1/events").await.text.contains("login-failed"));
    let audit = admin.get("/v1/audit").await.is(200);
    let claims =
        |record: &serde_json::Value| record["actor"]["kind"] == "unknown" && record["actor"]["name"] == "ADMIN";
    assert!(items(&audit).iter().any(claims), "whom somebody claimed to be: {audit}");
}

#[tokio::test]
async fn what_was_refused_says_of_whom_and_of_what() {
    let (_app, admin) = App::ready().await;
    let web = admin.running_vm("web").await;
    let viewer = admin.with_role("viewer").await;
    viewer.delete("/v1/vms/web", "*").await.refused(403, "not-allowed");
    viewer.delete("/v1/vms/n%C3%B6wh%C3%A9re", "*").await.refused(403, "not-allowed");
    // What is written at once takes along what may wait a little.
    admin.post("/v1/tokens", &json!({ "name": "last" })).await.is(201);
    let audit = admin.get("/v1/audit").await.is(200);
    let refused = |name: &str| {
        let mut all = items(&audit).iter().filter(|record| record["action"] == "vm_delete");
        let found = all.find(|record| record["subject"]["name"] == name).cloned();
        found.unwrap_or_else(|| panic!("{name}: {audit}"))
    };
    let record = refused("web");
    assert_eq!((&record["subject"]["id"], &record["actor"]["name"]), (&web["id"], &json!("a viewer")));
    assert_eq!(record["result"]["kind"], "refused");
    assert_eq!(refused("nöwhére")["result"]["code"], "not-allowed");
}

/// Killed between the change and its record, caked writes the record at the next start, once.
#[tokio::test]
async fn a_change_that_was_made_is_recorded_whenever_caked_dies() {
    let (mut app, admin) = App::ready().await;
    admin.running_vm("web").await;
    app.stop().await;
    let state = app.state();
    let open = || SqliteStore::open(state.join("store.sqlite"), Default::default());
    let journal = Journal::open(state.join("journal.sqlite"), Default::default()).await.unwrap();
    let page = journal.page(Query { filter: Filter::kind(RecordKind::Audit), ..Query::default() }).await.unwrap();
    let records = page.records.into_iter().map(|stored| stored.record.data);
    let record = records.into_iter().find(|data| data["action"] == "vm_create").unwrap();
    journal.close().await;
    let store = open().await.unwrap();
    let known = serde_json::to_vec(&json!({ "v": 1, "value": record })).unwrap();
    let mut other = record.clone();
    other["action"] = json!("vm_update");
    let lost = serde_json::to_vec(&json!({ "v": 1, "value": other })).unwrap();
    for (id, value) in [("01900000-0000-7000-8000-000000000001", known), ("01900000-0000-7000-8000-000000000002", lost)]
    {
        let key = Key::new(&format!("/outbox/{id}")).unwrap();
        store.txn(Txn::new().put(key, value)).await.unwrap().committed().unwrap();
    }
    store.close().await;
    for _ in 0..2 {
        app.start().await;
        let audit = admin.at(&app).get("/v1/audit").await.is(200);
        let count = |action: &str| {
            let same = |r: &&serde_json::Value| r["action"] == action && r["subject"]["id"] == record["subject"]["id"];
            items(&audit).iter().filter(same).count()
        };
        assert_eq!((count("vm_create"), count("vm_update")), (1, 1), "{audit}");
        app.stop().await;
    }
    let store = open().await.unwrap();
    let left = store.list(&KeyPrefix::new("/outbox/").unwrap(), Default::default()).await.unwrap();
    assert!(left.entries.is_empty(), "{left:?}");
    store.close().await;
}

#[tokio::test]
async fn a_token_is_shown_once_and_kept_as_a_hash() {
    let (mut app, admin) = App::ready().await;
    let key = key();
    let body = json!({ "name": "script" });
    let made = admin.send("POST", "/v1/tokens", &[("idempotency-key", &key)], Some(&body)).await.is(201);
    let secret = made["token"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("cake_") && secret.len() > 40);
    let again = admin.send("POST", "/v1/tokens", &[("idempotency-key", &key)], Some(&body)).await.is(201);
    assert_eq!(again["token"], secret, "the answer was lost on the way and is asked for again");
    assert!(!admin.get("/v1/tokens").await.text.contains(&secret));
    app.stop().await;
    for file in std::fs::read_dir(app.state()).unwrap() {
        let raw = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!String::from_utf8_lossy(&raw).contains(&secret));
    }
    app.start().await;
    let script = Visitor { token: Some(secret), ..app.visitor() };
    assert_eq!(script.get("/v1/session").await.is(200)["csrf"], json!(null));
    script.done(script.post("/v1/vms", &vm("web")).await).await;
    let admin = admin.at(&app);
    let audit = admin.get("/v1/audit").await.is(200);
    let created = items(&audit).iter().find(|record| record["action"] == "vm_create").unwrap();
    assert_eq!(created["actor"]["token"], made["id"]);
    admin.delete(&format!("/v1/tokens/{}", made["id"].as_str().unwrap()), "*").await.is(204);
    script.get("/v1/vms").await.refused(401, "not-logged-in");
}

#[tokio::test]
async fn accounts_are_made_changed_and_deleted() {
    let (_app, admin) = App::ready().await;
    let viewer = admin.with_role("viewer").await;
    admin
        .post("/v1/accounts", &json!({ "name": "A VIEWER", "role": "viewer", "password": PASSWORD }))
        .await
        .refused(409, "name-taken");
    admin
        .post("/v1/accounts", &json!({ "name": "x", "role": "king", "password": PASSWORD }))
        .await
        .refused(404, "not-found");
    admin
        .post("/v1/accounts", &json!({ "name": "x", "role": "viewer", "password": "short" }))
        .await
        .refused(422, "invalid");
    let own = viewer.get("/v1/account").await.is(200);
    let etag = own["etag"].as_str().unwrap();
    let change = json!({ "password": "another horse", "current_password": "guess" });
    viewer.patch("/v1/account", etag, &change).await.refused(401, "wrong-password");
    let second = viewer.nobody().log_in("a viewer", PASSWORD).await;
    let change = json!({ "password": "another horse", "current_password": PASSWORD, "language": "zh-Hant-TW" });
    assert_eq!(viewer.patch("/v1/account", etag, &change).await.is(200)["language"], "zh-Hant-TW");
    viewer.get("/v1/vms").await.is(200);
    second.get("/v1/vms").await.refused(401, "not-logged-in");
    let path = format!("/v1/accounts/{}", own["id"].as_str().unwrap());
    admin.patch(&path, "*", &json!({ "role": "operator" })).await.is(200);
    viewer.done(admin.post("/v1/vms", &vm("web")).await).await;
    viewer.done(viewer.poke("/v1/vms/web/stop").await).await;
    admin.patch(&path, "*", &json!({ "disabled": true })).await.is(200);
    viewer.get("/v1/vms").await.refused(401, "not-logged-in");
    viewer.nobody().try_log_in("a viewer", "another horse").await.refused(401, "wrong-password");
    admin.delete(&path, "*").await.is(204);
    admin.get(&path).await.refused(404, "not-found");
    // Somebody must be left who can administer.
    admin.patch("/v1/accounts/admin", "*", &json!({ "role": "viewer" })).await.refused(409, "in-use");
    admin.patch("/v1/accounts/admin", "*", &json!({ "disabled": true })).await.refused(409, "in-use");
    admin.delete("/v1/accounts/admin", "*").await.refused(409, "in-use");
    let settings = admin.get("/v1/settings").await;
    let etag = settings.header("etag").to_owned();
    let changed = admin.patch("/v1/settings", &etag, &json!({ "time_zone": "Europe/Berlin" })).await.is(200);
    assert_eq!(changed["time_zone"], "Europe/Berlin");
    admin.patch("/v1/settings", &etag, &json!({ "name": "late" })).await.refused(412, "stale");
}

#[tokio::test]
async fn root_helps_who_lost_the_password() {
    let (app, admin) = App::ready().await;
    let hash = cake_control::accounts::password::hash("found again!").unwrap();
    let file = app.dir.path().join("reset-admin");
    std::fs::write(&file, json!({ "name": "admin", "password_argon2id": hash }).to_string()).unwrap();
    let again = admin.nobody().log_in("admin", "found again!").await;
    assert!(!file.exists());
    admin.get("/v1/vms").await.refused(401, "not-logged-in");
    assert!(again.get("/v1/audit").await.text.contains("\"root\""));
    // A file that could not be removed is not taken twice.
    std::fs::write(&file, json!({ "name": "admin", "password_argon2id": hash }).to_string()).unwrap();
    again.nobody().log_in("admin", "found again!").await;
    again.get("/v1/vms").await.is(200);
}
