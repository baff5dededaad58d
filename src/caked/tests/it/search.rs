//! Tags, the search, saved searches, and what is said before many VMs are acted on.

use crate::support::{App, PASSWORD, Visitor, items, vm};
use serde_json::{Value, json};

async fn names(visitor: &Visitor, q: &str) -> Vec<String> {
    let found = visitor.get(&format!("/v1/query?q={q}&limit=1000")).await.is(200);
    items(&found).iter().map(|found| found["item"]["name"].as_str().unwrap_or_default().to_owned()).collect()
}

async fn kinds(visitor: &Visitor, q: &str) -> Vec<String> {
    let found = visitor.get(&format!("/v1/query?q={q}&limit=1000")).await.is(200);
    let mut kinds: Vec<_> = items(&found).iter().map(|found| found["kind"].as_str().unwrap().to_owned()).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

#[tokio::test]
async fn tags_find_again_what_belongs_together() {
    let (mut app, admin) = App::ready().await;
    let mut new = vm("ledger");
    new["tags"] = json!(["test", "accounts", "test"]);
    admin.done(admin.post("/v1/vms", &new).await).await;
    admin.running_vm("web").await;
    let ledger = admin.get("/v1/vms/ledger").await.is(200);
    assert_eq!(ledger["tags"], json!(["accounts", "test"]), "sorted, each once");
    assert_eq!(names(&admin, "tag:accounts").await, ["ledger"]);
    let changed = admin.patch("/v1/vms/web", "*", &json!({ "tags": ["accounts"] })).await.is(200);
    assert_eq!(changed["tags"], json!(["accounts"]));
    assert_eq!(changed["state"], "running", "a tag changes nothing of the guest");
    let stale = ledger["etag"].as_str().unwrap();
    admin.patch("/v1/vms/ledger", stale, &json!({ "tags": ["a"] })).await.is(200);
    admin.patch("/v1/vms/ledger", stale, &json!({ "tags": ["b"] })).await.refused(412, "stale");
    let many: Vec<String> = (0..17).map(|n| format!("t{n}")).collect();
    for (tags, pointer) in [
        (json!(["Web"]), "/tags/0"),
        (json!(["a", "會計"]), "/tags/1"),
        (json!(["-"]), "/tags/0"),
        (json!([""]), "/tags/0"),
        (json!(["x".repeat(64)]), "/tags/0"),
        (json!(many), "/tags"),
    ] {
        let answer = admin.patch("/v1/vms/web", "*", &json!({ "tags": tags })).await;
        assert_eq!(answer.json()["pointer"], pointer, "{tags}");
        answer.refused(422, "invalid");
    }
    let image = admin.patch("/v1/images/cake-tiny", "*", &json!({ "tags": ["base"] })).await.is(200);
    assert_eq!(image["tags"], json!(["base"]));
    admin
        .with_role("viewer")
        .await
        .patch("/v1/images/cake-tiny", "*", &json!({ "tags": [] }))
        .await
        .refused(403, "not-allowed");
    app.restart().await;
    let admin = admin.at(&app);
    let images = admin.until("/v1/images", |images| items(images).iter().all(|image| image["available"] == true)).await;
    let tiny = items(&images).iter().find(|image| image["name"] == "cake-tiny").unwrap();
    assert_eq!(tiny["tags"], json!(["base"]), "what the node says of an image leaves its tags alone");
    assert_eq!(names(&admin, "tag:accounts,base").await, ["web", "cake-tiny"]);
}

#[tokio::test]
async fn a_search_shows_nobody_more_than_their_lists() {
    let (_app, admin) = App::ready().await;
    admin.running_vm("web").await;
    let (viewer, operator) = (admin.with_role("viewer").await, admin.with_role("operator").await);
    let all = ["account", "audit", "event", "image", "node", "pool", "task", "vm"];
    assert_eq!(kinds(&admin, "").await, all);
    for visitor in [&viewer, &operator] {
        assert_eq!(kinds(visitor, "").await, ["event", "image", "node", "pool", "task", "vm"]);
        for q in ["kind:audit", "kind:account", "kind:audit,account", "role:viewer", "-kind:vm+action:vm_create"] {
            assert!(kinds(visitor, q).await.is_empty(), "{q}");
        }
        let csv = visitor.get("/v1/query?q=kind:account,audit&format=csv").await;
        assert_eq!((csv.status, csv.text.lines().count()), (200, 1), "only the titles: {}", csv.text);
        visitor.get("/v1/accounts").await.refused(403, "not-allowed");
    }
    viewer.nobody().get("/v1/query?q=web").await.refused(401, "not-logged-in");
    assert_eq!(names(&admin, "kind:account+role:viewer").await, ["a viewer"]);
    assert_eq!(kinds(&admin, "action:vm_create+who:admin+result:done").await, ["audit"]);
    // Plain words are searched in the sentences that the reader reads.
    let chinese = |q: &str| admin.request("GET", &format!("/v1/query?q={q}")).header("accept-language", "zh-TW");
    let text = chinese("kind:task+%E5%BB%BA%E7%AB%8B").send().await.unwrap().text().await.unwrap();
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(items(&found).len(), 1, "{text}");
}

#[tokio::test]
async fn what_is_wrong_with_a_search_is_said_with_its_place() {
    let (_app, admin) = App::ready().await;
    let answer = admin.get("/v1/query?q=web+state:runing").await;
    let problem = answer.json();
    answer.refused(400, "bad-query");
    assert_eq!((&problem["params"]["column"], &problem["params"]["reason"]), (&json!("11"), &json!("query-value")));
    for language in ["en", "zh-Hant-TW"] {
        let message = &problem["messages"][language];
        assert!(message["detail"].as_str().unwrap().contains("runing"), "{message}");
        assert!(message["next"].as_str().unwrap().contains("running"), "{message}");
    }
    admin.get("/v1/query?q=web&format=xml").await.refused(400, "bad-parameter");
}

#[tokio::test]
async fn a_search_is_a_file_for_spreadsheets() {
    let (_app, admin) = App::ready().await;
    let mut new = vm("web");
    new["tags"] = json!(["a", "b"]);
    admin.done(admin.post("/v1/vms", &new).await).await;
    // What somebody claims to be is the only free text that comes from outside.
    admin.nobody().try_log_in("=HYPERLINK(\"//evil\")", PASSWORD).await.refused(401, "wrong-password");
    // What is written at once takes along what may wait a little.
    admin.post("/v1/tokens", &json!({ "name": "last" })).await.is(201);
    let csv = admin.get("/v1/query?q=kind:vm,audit&format=csv").await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    let rows: Vec<&str> = csv.text.trim_start_matches('\u{feff}').split_terminator("\r\n").collect();
    assert!(rows[0].starts_with("\"Kind\",\"Name\",\"State\",\"Tags\","), "{}", rows[0]);
    assert!(rows[1].starts_with("\"vm\",\"web\",\"Running\",\"a b\",\"1\",\"134217728\","), "{}", rows[1]);
    assert!(rows.iter().all(|row| row.matches("\",\"").count() == 12), "{}", csv.text);
    assert!(!csv.text.contains("\"=") && csv.text.contains("HYPERLINK(\"\"//evil\"\")"), "{}", csv.text);
}

#[tokio::test]
async fn saved_searches_belong_to_an_account() {
    let (mut app, admin) = App::ready().await;
    let viewer = admin.with_role("viewer").await;
    let body = json!({ "name": "My machines", "text": "kind:vm tag:mine" });
    let saved = viewer.post("/v1/queries", &body).await.is(201);
    viewer.post("/v1/queries", &json!({ "name": "MY MACHINES", "text": "web" })).await.refused(409, "name-taken");
    let wrong = viewer.post("/v1/queries", &json!({ "name": "x", "text": "colour:red" })).await;
    assert_eq!(wrong.json()["pointer"], "/text");
    wrong.refused(400, "bad-query");
    viewer.post("/v1/queries", &json!({ "name": "../x", "text": "web" })).await.refused(422, "bad-name");
    let path = format!("/v1/queries/{}", saved["id"].as_str().unwrap());
    // Nobody else sees it, reaches it or is in its way.
    assert!(items(&admin.get("/v1/queries").await.is(200)).is_empty());
    admin.patch(&path, "*", &json!({ "name": "stolen" })).await.refused(404, "not-found");
    admin.delete(&path, "*").await.refused(404, "not-found");
    admin.post("/v1/queries", &body).await.is(201);
    let etag = saved["etag"].as_str().unwrap();
    let renamed = viewer.patch(&path, etag, &json!({ "name": "Mine" })).await.is(200);
    assert_eq!((&renamed["name"], &renamed["text"]), (&json!("Mine"), &json!("kind:vm tag:mine")));
    viewer.patch(&path, etag, &json!({ "name": "late" })).await.refused(412, "stale");
    app.restart().await;
    let (viewer, admin) = (viewer.at(&app), admin.at(&app));
    assert_eq!(items(&viewer.get("/v1/queries").await.is(200))[0]["name"], "Mine");
    viewer.delete("/v1/queries/mine", renamed["etag"].as_str().unwrap()).await.is(204);
    assert!(items(&viewer.get("/v1/queries").await.is(200)).is_empty());
    let audit = admin.get("/v1/audit").await.text;
    for action in ["query_save", "query_update", "query_delete"] {
        assert!(audit.contains(action), "{action}");
    }
    for n in 0..64 {
        viewer.post("/v1/queries", &json!({ "name": format!("q{n}"), "text": "web" })).await.is(201);
    }
    viewer.post("/v1/queries", &json!({ "name": "one more", "text": "web" })).await.refused(422, "out-of-range");
}

#[tokio::test]
async fn what_would_happen_to_many_is_said_before() {
    let (_app, admin) = App::ready().await;
    for (name, start) in [("a1", true), ("a2", false), ("b1", true)] {
        let mut new = vm(name);
        new["start"] = json!(start);
        new["tags"] = json!(["test"]);
        admin.done(admin.post("/v1/vms", &new).await).await;
    }
    let names = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|vm| vm["name"].as_str().unwrap().to_owned()).collect()
    };
    let summary = admin.get("/v1/bulk?action=shutdown&q=tag:test").await.is(200);
    assert_eq!(names(&summary["will"]), ["a1", "b1"]);
    assert_eq!(summary["will"][0]["tags"], json!(["test"]));
    let refused = &summary["refused"][0];
    assert_eq!((&refused["vm"]["name"], &refused["code"]), (&json!("a2"), &json!("illegal-now")));
    for language in ["en", "zh-Hant-TW"] {
        assert!(!refused["messages"][language]["detail"].as_str().unwrap().is_empty(), "{refused}");
    }
    let id = |at: usize| summary["will"][at]["id"].as_str().unwrap().to_owned();
    let chosen = format!("/v1/bulk?action=stop&vms={},{},{}", id(0), id(0), id(1));
    assert_eq!(names(&admin.get(&chosen).await.is(200)["will"]), ["a1", "b1"], "each once");
    // Nothing has happened.
    assert_eq!(items(&admin.get("/v1/query?q=state:running+kind:vm").await.is(200)).len(), 2);
    for wrong in ["action=levitate&q=", "action=stop", "action=stop&q=a&vms=b", "action=stop&vms=nonsense"] {
        admin.get(&format!("/v1/bulk?{wrong}")).await.refused(400, "bad-parameter");
    }
    admin.get("/v1/bulk?action=stop&q=colour:red").await.refused(400, "bad-query");
    let limited = json!({ "name": "guard", "role": "viewer", "password": PASSWORD });
    admin.post("/v1/accounts", &limited).await.is(201);
    let viewer = admin.nobody().log_in("guard", PASSWORD).await;
    viewer.get("/v1/bulk?action=start&q=").await.refused(403, "not-allowed");
}

#[tokio::test]
async fn a_calendar_is_chosen_for_the_pages_and_not_for_the_api() {
    let (_app, admin) = App::ready().await;
    let own = admin.get("/v1/account").await.is(200);
    assert_eq!(own["calendar"], "gregorian");
    let etag = own["etag"].as_str().unwrap();
    admin.patch("/v1/account", etag, &json!({ "calendar": "mayan" })).await.refused(422, "invalid");
    let own = admin.patch("/v1/account", etag, &json!({ "calendar": "minguo" })).await.is(200);
    assert_eq!(own["calendar"], "minguo");
    assert!(own["created_at"].as_str().unwrap().starts_with("20"), "RFC 3339 as always: {own}");
}
