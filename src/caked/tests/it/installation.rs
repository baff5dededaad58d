//! The wizard of a server that was started from a stick: it installs, and sets nothing up that would be forgotten.

use crate::support::install_disk as disk;
use crate::support::{Answer, App, PASSWORD, Visitor, answers, key};
use cake_types::{InstallNews, ShownKey};
use serde_json::{Value, json};

/// Somebody in front of a server with a stick in it, who read the token on its screen.
struct Wizard {
    app: App,
    token: String,
}

impl Wizard {
    async fn new() -> Self {
        let app = App::fresh().await;
        std::fs::write(app.installer(), "").unwrap();
        app.node.with(|node| {
            node.installing.here = true;
            node.installing.disks =
                vec![disk("A", 480, &[]), disk("B", 480, &[]), disk("P", 4000, &[]), disk("OLD", 1000, &["ntfs"])];
        });
        let token = app.token();
        Self { app, token }
    }

    fn visitor(&self) -> Visitor {
        self.app.visitor()
    }

    async fn get(&self, path: &str) -> Answer {
        self.visitor().send("GET", path, &[("x-cake-setup-token", &self.token)], None).await
    }

    async fn post(&self, path: &str, body: Option<&Value>) -> Answer {
        self.post_as(path, &key(), body).await
    }

    async fn post_as(&self, path: &str, key: &str, body: Option<&Value>) -> Answer {
        let headers = [("x-cake-setup-token", self.token.as_str()), ("idempotency-key", key)];
        self.visitor().send("POST", path, &headers, body).await
    }

    fn tells(&self, news: InstallNews) {
        self.app.node.with(|node| node.installing.news.push(news));
    }

    fn orders(&self) -> usize {
        self.app.node.with(|node| node.installing.orders.len())
    }
}

fn asked(install: Value) -> Value {
    let mut asked = answers();
    asked["install"] = install;
    asked
}

const START: &str = "/v1/setup/installation";

#[tokio::test]
async fn nobody_without_the_token_sees_a_disk_or_begins_anything() {
    let wizard = Wizard::new().await;
    let nobody = wizard.visitor();
    assert_eq!(nobody.get("/v1/setup").await.is(200), json!({ "done": false, "installer": true }));
    for path in ["/v1/setup/disks", START] {
        nobody.get(path).await.refused(401, "wrong-token");
        nobody.send("GET", path, &[("x-cake-setup-token", "guess")], None).await.refused(401, "wrong-token");
    }
    for path in ["/v1/setup/plan", START, "/v1/setup/installation/cancel", "/v1/setup/installation/restart"] {
        let headers = [("x-cake-setup-token", "guess"), ("idempotency-key", "k")];
        let asked = asked(json!({ "disks": ["A"] }));
        nobody.send("POST", path, &headers, Some(&asked)).await.refused(401, "wrong-token");
    }
    assert_eq!(wizard.orders(), 0);
}

#[tokio::test]
async fn nothing_is_set_up_in_a_memory_that_forgets() {
    let wizard = Wizard::new().await;
    wizard.post("/v1/setup", Some(&answers())).await.refused(409, "installer-only");
    let restore = json!({ "recovery_key": "x" });
    wizard.post("/v1/setup/restore", Some(&restore)).await.refused(409, "installer-only");
    let headers = [("x-cake-setup-token", wizard.token.as_str()), ("content-type", "application/octet-stream")];
    let sent = wizard.visitor().send_bytes("PUT", "/v1/setup/backup", &headers, Some(vec![1, 2])).await;
    sent.refused(409, "installer-only");
    assert_eq!(wizard.get("/v1/setup").await.is(200)["done"], false);
}

#[tokio::test]
async fn a_server_that_is_installed_is_not_installed_again() {
    let wizard = Wizard::new().await;
    std::fs::remove_file(wizard.app.installer()).unwrap();
    assert_eq!(wizard.get("/v1/setup").await.is(200)["installer"], false);
    wizard.get("/v1/setup/disks").await.refused(409, "not-installer");
    wizard.post(START, Some(&asked(json!({ "disks": ["A"] })))).await.refused(409, "not-installer");
    // It was started from its disks, whatever caked believes.
    std::fs::write(wizard.app.installer(), "").unwrap();
    wizard.app.node.with(|node| node.installing.here = false);
    wizard.get("/v1/setup/disks").await.refused(409, "not-installer");
    assert_eq!(wizard.orders(), 0);
}

#[tokio::test]
async fn disks_are_shown_and_a_choice_is_proposed_and_judged() {
    let wizard = Wizard::new().await;
    let found = wizard.get("/v1/setup/disks").await.is(200);
    assert_eq!(found["proposal"]["disks"], json!(["A", "B"]));
    assert_eq!(found["proposal"]["pool_disks"], json!(["P"]));
    let old = &found["items"][3];
    assert_eq!((&old["id"], &old["model"]), (&json!("OLD"), &json!("Model of OLD")));
    assert_eq!((&old["content"]["free"], &old["content"]["text"]), (&json!(false), &json!("1 partition: ntfs")));
    let chinese = [("x-cake-setup-token", wizard.token.as_str()), ("accept-language", "zh-TW")];
    let found = wizard.visitor().send("GET", "/v1/setup/disks", &chinese, None).await.is(200);
    assert_eq!(found["items"][3]["content"]["text"], "1個分割區：ntfs");
    let plan = async |install: Value| wizard.post("/v1/setup/plan", Some(&json!({ "install": install }))).await;
    let good = plan(json!({ "disks": ["A"] })).await.is(200);
    assert_eq!(good["plan"]["warnings"][0]["kind"], "one-system-disk");
    assert!(good["refusals"].as_array().unwrap().is_empty(), "{good}");
    let bad = plan(json!({ "disks": ["OLD"], "pool_disks": ["Z"] })).await.is(200);
    assert_eq!((&bad["plan"], &bad["refusals"][0]["why"]), (&Value::Null, &json!("has-data")));
    assert_eq!((&bad["refusals"][1]["id"], &bad["refusals"][1]["why"]), (&json!("Z"), &json!("unknown")));
    assert!(plan(json!({ "disks": ["OLD"], "erase": ["OLD"] })).await.is(200)["plan"].is_object());
    for (install, pointer) in [
        (json!({ "disks": [] }), "/install/disks"),
        (json!({ "disks": ["A", "B", "P"] }), "/install/disks"),
        (json!({ "disks": ["A", "A"] }), "/install/disks/1"),
        (json!({ "disks": ["A"], "pool_disks": ["A"] }), "/install/pool_disks/0"),
        (json!({ "disks": ["A"], "erase": ["OLD"] }), "/install/erase/0"),
        (json!({ "disks": ["A\n"] }), "/install/disks/0"),
        (json!({ "disks": ["A"], "pool_layout": "sideways" }), "/install/pool_layout"),
    ] {
        let answer = plan(install).await;
        answer.refused(422, "invalid");
        assert_eq!(answer.json()["pointer"], pointer);
    }
    plan(json!({ "disks": ["A"], "colour": "red" })).await.refused(400, "unknown-field");
    assert_eq!(wizard.orders(), 0);
}

#[tokio::test]
async fn wrong_answers_touch_no_disk() {
    let wizard = Wizard::new().await;
    for (pointer, wrong, code) in [
        ("/time_zone", json!("Mars/Olympus"), "invalid"),
        ("/name", json!("../rack"), "bad-name"),
        ("/administrator/password", json!("short"), "invalid"),
        ("/colour", json!("red"), "unknown-field"),
        ("/install", json!({ "disks": ["OLD"] }), "install-refused"),
        ("/install", json!({ "disks": ["Z"] }), "install-refused"),
    ] {
        let mut asked = asked(json!({ "disks": ["A"] }));
        match pointer.trim_start_matches('/').split_once('/') {
            Some((outer, inner)) => asked[outer][inner] = wrong,
            None => asked[&pointer[1..]] = wrong,
        }
        let answer = wizard.post(START, Some(&asked)).await;
        assert_eq!(answer.code(), code, "{pointer}: {}", answer.text);
    }
    let said = wizard.post(START, Some(&asked(json!({ "disks": ["OLD"] })))).await.json();
    assert!(said["detail"].as_str().unwrap().contains("OLD") && said["pointer"] == "/install/disks", "{said}");
    assert_eq!(wizard.orders(), 0);
}

#[tokio::test]
async fn it_is_begun_once_followed_and_its_key_is_told_until_the_restart() {
    let mut wizard = Wizard::new().await;
    assert_eq!(wizard.get(START).await.is(200)["phase"], "none");
    wizard.post("/v1/setup/installation/restart", None).await.refused(409, "install-none");
    wizard.post("/v1/setup/installation/cancel", None).await.refused(409, "install-none");
    let (key, asked) = (key(), asked(json!({ "disks": ["A", "B"], "pool_disks": ["P"] })));
    let begun = wizard.post_as(START, &key, Some(&asked)).await.is(202);
    assert_eq!((&begun["phase"], &begun["cancellable"]), (&json!("running"), &json!(true)));
    // The same request, and another one from a second window.
    assert_eq!(wizard.post_as(START, &key, Some(&asked)).await.is(202), begun);
    wizard.post(START, Some(&asked)).await.refused(409, "install-running");
    wizard.get("/v1/setup/disks").await.refused(409, "install-running");
    assert_eq!(wizard.orders(), 1);
    // What goes to the node holds no password, but what is checked against one.
    let order = wizard.app.node.with(|node| node.installing.orders[0].clone());
    let administrator = order.answers.administrator;
    assert!(administrator.password.is_none() && administrator.password_argon2id.unwrap().starts_with("$argon2id$"));
    wizard.tells(InstallNews::Step { number: 7, of: 16, step: "verify".into(), thousandths: 500 });
    wizard.app.restart().await;
    let now = wizard.get(START).await.is(200);
    assert_eq!(
        (&now["number"], &now["step_text"], &now["fraction"]),
        (&json!(7), &json!("Reading everything back"), &json!(0.5))
    );
    assert_eq!(now["recovery_key"], Value::Null);
    wizard.tells(InstallNews::Step { number: 14, of: 16, step: "boot".into(), thousandths: 900 });
    wizard.post("/v1/setup/installation/cancel", None).await.refused(409, "install-too-late");
    wizard.tells(InstallNews::Key { key: ShownKey("cbdefghi".into()) });
    wizard.tells(InstallNews::Done);
    for _ in 0..2 {
        let done = wizard.get(START).await.is(200);
        assert_eq!((&done["phase"], &done["recovery_key"]), (&json!("done"), &json!("cbdefghi")));
    }
    wizard.post(START, Some(&asked)).await.refused(409, "install-done");
    assert_eq!(wizard.app.node.with(|node| node.installing.restarts), 0);
    let leaving = wizard.post("/v1/setup/installation/restart", None).await.is(202);
    assert_eq!(leaving["recovery_key"], Value::Null);
    assert_eq!((wizard.app.node.with(|node| node.installing.restarts), wizard.orders()), (1, 1));
    let stored = std::fs::read(wizard.app.state().join("store.sqlite")).unwrap();
    assert!(!String::from_utf8_lossy(&stored).contains(PASSWORD));
}

#[tokio::test]
async fn what_was_cancelled_or_failed_can_be_repeated() {
    let wizard = Wizard::new().await;
    let asked = asked(json!({ "disks": ["A"] }));
    wizard.post(START, Some(&asked)).await.is(202);
    wizard.post("/v1/setup/installation/cancel", None).await.is(202);
    assert_eq!(wizard.get(START).await.is(200)["phase"], "cancelled");
    wizard.post(START, Some(&asked)).await.is(202);
    wizard.tells(InstallNews::Failed { detail: "the disk is broken".into(), cancelled: false });
    let failed = wizard.get(START).await.is(200);
    assert_eq!((&failed["phase"], &failed["detail"]), (&json!("failed"), &json!("the disk is broken")));
    wizard.post(START, Some(&asked)).await.is(202);
    // The installer was killed and could say nothing.
    wizard.app.node.with(|node| node.installing.lives = false);
    assert_eq!(wizard.get(START).await.is(200)["phase"], "failed");
    wizard.post(START, Some(&asked)).await.is(202);
    assert_eq!(wizard.orders(), 4);
}

#[tokio::test]
async fn the_wizards_page_asks_for_disks_in_both_languages() {
    let wizard = Wizard::new().await;
    let page = wizard.visitor().get("/setup?lang=en").await.text;
    assert!(page.contains("data-step=\"disks\"") && page.contains("Install cake") && !page.contains("restore-box"));
    assert!(!page.contains("Model of A"), "disks are for who has the token");
    assert!(wizard.visitor().get("/setup?lang=zh-Hant-TW").await.text.contains("使用哪些硬碟？"));
}
