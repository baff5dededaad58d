//! Whoever stands in front of the server lets an administrator in, and nobody else does.

use crate::support::{App, PASSWORD, items};
use cake_store::ManualClock;
use cake_types::modhex;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;

const HERE: &str = "/v1/session/let-in";
const NOW: u64 = 1_790_000_000;
const MINUTES: u64 = 15;

/// What the screen leaves beside the node's socket when it shows a word.
fn show(app: &App, random: u8) -> String {
    let word = modhex::write(&[random; 10]).to_string();
    let until = Timestamp::from_second((NOW + MINUTES * 60) as i64).unwrap();
    let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(word.as_bytes()));
    std::fs::write(app.dir.path().join("way-in"), json!({ "digest": digest, "until": until }).to_string()).unwrap();
    word
}

fn asked(word: &str, name: &str, password: &str) -> Value {
    json!({ "word": word, "name": name, "password": password })
}

async fn app() -> (App, crate::support::Visitor, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(NOW as i64 * 1000));
    let (app, admin) = App::ready_at(clock.clone()).await;
    (app, admin, clock)
}

#[tokio::test]
async fn a_word_of_the_screen_lets_an_administrator_in_once() {
    let (app, admin, _) = app().await;
    let nobody = admin.nobody();
    let word = show(&app, 7);
    // What is wrong with the new password costs no word.
    nobody.post(HERE, &asked(&word, "admin", "short")).await.refused(422, "invalid");
    nobody.post(HERE, &asked(&word.to_uppercase().replace('-', " "), "admin", "found again!")).await.is(204);
    admin.get("/v1/vms").await.refused(401, "not-logged-in");
    nobody.try_log_in("admin", PASSWORD).await.refused(401, "wrong-password");
    let again = nobody.log_in("admin", "found again!").await;
    let audit = again.get("/v1/audit").await.is(200);
    let record = items(&audit).iter().find(|record| record["action"] == "session_let_in").cloned();
    let record = record.unwrap_or_else(|| panic!("{audit}"));
    assert!(record["actor"]["kind"] == "root" && record["subject"]["name"] == "admin", "{record}");
    // Once, although the file is still there.
    nobody.post(HERE, &asked(&word, "admin", "once more again")).await.refused(401, "wrong-word");
    again.get("/v1/vms").await.is(200);
    // One who was disabled is let in as well, and so is who is no administrator.
    again.with_role("viewer").await;
    let accounts = again.get("/v1/accounts").await.is(200);
    let viewer = items(&accounts).iter().find(|account| account["role"] == "viewer").cloned().unwrap();
    let name = viewer["name"].as_str().unwrap();
    let at = format!("/v1/accounts/{}", viewer["id"].as_str().unwrap());
    let etag = again.get(&at).await.header("etag").to_owned();
    again.patch(&at, &etag, &json!({ "disabled": true })).await.is(200);
    nobody.post(HERE, &asked(&show(&app, 8), name, "found again!")).await.is(204);
    nobody.log_in(name, "found again!").await.get("/v1/audit").await.is(200);
}

#[tokio::test]
async fn without_the_word_nobody_is_let_in_and_guessing_gets_slower() {
    let (app, admin, clock) = app().await;
    let nobody = admin.nobody();
    // Nothing is shown.
    let guess = modhex::write(&[1; 10]);
    nobody.post(HERE, &asked(&guess, "admin", "found again!")).await.refused(401, "wrong-word");
    let word = show(&app, 7);
    for wrong in ["", "cbcb", &guess, "<script>", &word[1..]] {
        nobody.post(HERE, &asked(wrong, "admin", "found again!")).await.refused(401, "wrong-word");
    }
    for _ in 0..4 {
        nobody.post(HERE, &asked(&guess, "admin", "found again!")).await.refused(401, "wrong-word");
    }
    // Not even with the right one, for a moment.
    nobody.post(HERE, &asked(&word, "admin", "found again!")).await.refused(429, "slow-down");
    admin.get("/v1/vms").await.is(200);
    clock.advance(Duration::from_secs(MINUTES * 60));
    nobody.post(HERE, &asked(&word, "admin", "found again!")).await.refused(401, "wrong-word");
    // Nonsense in the file is no word.
    std::fs::write(app.dir.path().join("way-in"), "{").unwrap();
    clock.advance(Duration::from_secs(3600));
    nobody.post(HERE, &asked("", "admin", "found again!")).await.refused(401, "wrong-word");
    // What is written at once takes along what may wait a little.
    admin.post("/v1/tokens", &json!({ "name": "last" })).await.is(201);
    let audit = admin.get("/v1/audit").await.text;
    assert!(audit.contains("\"session_let_in\"") && audit.contains("wrong-word") && !audit.contains(&word), "{audit}");
    nobody.log_in("admin", PASSWORD).await;
}

#[tokio::test]
async fn of_two_who_come_at_once_with_one_word_one_is_let_in() {
    let (app, admin, _) = app().await;
    let nobody = admin.nobody();
    let word = show(&app, 7);
    let (first, second) = (asked(&word, "admin", "found by one"), asked(&word, "admin", "found by two"));
    let (one, two) = tokio::join!(nobody.post(HERE, &first), nobody.post(HERE, &second));
    assert_eq!(
        [one.status, two.status].iter().filter(|status| **status == 204).count(),
        1,
        "{} {}",
        one.text,
        two.text
    );
}
