//! The wizard: once, whole or not at all.

use crate::support::{App, PASSWORD, answers, key};
use serde_json::json;

#[tokio::test]
async fn nothing_works_before_the_wizard_is_done() {
    let app = App::fresh().await;
    let nobody = app.visitor();
    assert_eq!(nobody.get("/v1/setup").await.is(200)["done"], false);
    nobody.get("/v1/version").await.is(200);
    nobody.get("/v1/vms").await.refused(409, "not-set-up");
    nobody.try_log_in("admin", PASSWORD).await.refused(409, "not-set-up");
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(app.state().join("setup-token")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let raw = std::fs::read(app.state().join("store.sqlite")).unwrap();
    assert!(!String::from_utf8_lossy(&raw).contains(&app.token()), "the token is stored as a hash");
}

#[tokio::test]
async fn wrong_tokens_and_answers_change_nothing() {
    let app = App::fresh().await;
    let nobody = app.visitor();
    let try_with = async |token: &str, answers: &serde_json::Value| {
        let key = key();
        let headers = [("x-cake-setup-token", token), ("idempotency-key", key.as_str())];
        nobody.send("POST", "/v1/setup", &headers, Some(answers)).await
    };
    try_with("guess", &answers()).await.refused(401, "wrong-token");
    let token = app.token();
    for (pointer, wrong, code) in [
        ("/time_zone", json!("Mars/Olympus"), "invalid"),
        ("/name", json!("../rack"), "bad-name"),
        ("/administrator/password", json!("short"), "invalid"),
        ("/administrator/password", json!(null), "invalid"),
        ("/administrator/password_argon2id", json!("$argon2id$nonsense"), "invalid"),
        ("/pool", json!({ "path": "../x" }), "invalid"),
        ("/pool", json!({ "path": "/missing/here" }), "invalid"),
        ("/colour", json!("red"), "unknown-field"),
    ] {
        let mut answers = answers();
        match pointer.trim_start_matches('/').split_once('/') {
            Some((outer, inner)) => answers[outer][inner] = wrong.clone(),
            None => answers[&pointer[1..]] = wrong.clone(),
        }
        let answer = try_with(&token, &answers).await;
        assert_eq!(answer.code(), code, "{pointer} {wrong}: {}", answer.text);
        assert_eq!(nobody.get("/v1/setup").await.is(200)["done"], false);
    }
    try_with(&token, &answers()).await.is(201);
}

#[tokio::test]
async fn it_is_done_once_and_its_answer_can_be_asked_for_again() {
    let mut app = App::fresh().await;
    let (token, key) = (app.token(), key());
    let first = app.set_up(&key).await;
    let first = first.is(201);
    // Eight groups of eight letters, with hyphens between.
    assert_eq!(first["recovery_key"].as_str().unwrap().len(), 71);
    assert!(!app.state().join("setup-token").exists());
    app.restart().await;
    let nobody = app.visitor();
    let headers = [("x-cake-setup-token", token.as_str()), ("idempotency-key", key.as_str())];
    // The connection broke before the answer came: the same request gets the same key again.
    let again = nobody.send("POST", "/v1/setup", &headers, Some(&answers())).await;
    assert_eq!(again.is(201), first);
    let headers = [("x-cake-setup-token", token.as_str()), ("idempotency-key", "another")];
    nobody.send("POST", "/v1/setup", &headers, Some(&answers())).await.refused(409, "already-set-up");
    let admin = nobody.log_in("Admin", PASSWORD).await;
    let settings = admin.get("/v1/settings").await.is(200);
    assert_eq!(settings["name"], "Rack 1");
    let all = admin.get("/v1/audit").await.text;
    assert!(!all.contains(PASSWORD) && all.contains("\"setup\""));
}

#[tokio::test]
async fn a_file_answers_as_the_browser_does() {
    let app = App::fresh().await;
    let file = app.dir.path().join("answers.toml");
    let text = format!(
        "name = \"Rack 1\"\ntime_zone = \"Asia/Taipei\"\nlanguage = \"zh-Hant-TW\"\n\n[administrator]\nname = \"admin\"\n\
         password = \"{PASSWORD}\"\n"
    );
    std::fs::write(&file, text.replace("Taipei", "Nowhere")).unwrap();
    let error = caked::setup::answer_from_file(&app.state(), &file).await.unwrap_err().to_string();
    assert!(error.contains("line 2"), "{error}");
    std::fs::write(&file, text).unwrap();
    let status = caked::status::status(&app.state()).unwrap();
    assert!(status.running && !status.set_up && status.setup_token.is_some());
    let key = caked::setup::answer_from_file(&app.state(), &file).await.unwrap();
    assert!(cake_types::SecretKey::from_revealed(&key).is_ok());
    assert!(caked::status::status(&app.state()).unwrap().set_up);
    app.visitor().log_in("admin", PASSWORD).await;
}
