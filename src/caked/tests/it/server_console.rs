//! Serial consoles of servers: who may, who looks, why there is none, and how one ends.

use super::console::{Socket, connect};
use crate::support::{App, Visitor, items};
use cake_node_api::NodeError;
use cake_store::ManualClock;
use cake_types::{BmcProblem, ConsoleTrouble};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

async fn lab(app: &App, admin: &Visitor) {
    let bmc = json!({ "host": "192.0.2.7", "user": "admin", "password": "ge heim" });
    admin.post("/v1/servers", &json!({ "name": "lab-1", "bmc": bmc })).await.is(201);
    admin.until("/v1/servers/lab-1", |_| app.node.with(|state| !state.bmcs.watched.is_empty())).await;
}

async fn ticket(visitor: &Visitor) -> String {
    visitor.poke("/v1/servers/lab-1/console").await.is(201)["url"].as_str().unwrap().to_owned()
}

/// Characters and news until one of them holds `expected`.
async fn read(socket: &mut Socket, expected: &str) -> Vec<Value> {
    let (mut seen, mut news) = (String::new(), Vec::new());
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Binary(bytes) => seen.push_str(std::str::from_utf8(&bytes).unwrap()),
            Message::Text(text) => {
                news.push(serde_json::from_str(&text).unwrap());
                seen.push_str(&text);
            }
            other => panic!("{other:?} after {seen:?}"),
        }
        if seen.contains(expected) {
            return news;
        }
    }
}

async fn closed(mut socket: Socket) {
    while let Some(Ok(message)) = socket.next().await {
        if matches!(message, Message::Close(_)) {
            return;
        }
    }
}

#[tokio::test]
async fn those_who_look_know_of_each_other_and_share_one_line() {
    let (app, admin) = App::ready().await;
    lab(&app, &admin).await;
    let (state, base) = (app.state(), admin.base.clone());
    let operator = admin.with_role("operator").await;
    let url = ticket(&admin).await;
    let mut first = connect(&admin, &state, &url, Some(&base)).await.unwrap();
    read(&mut first, "boot\n").await;
    first.send(Message::Binary("ls\r".into())).await.unwrap();
    read(&mut first, "ls\r").await;
    first.send(Message::Text("break".into())).await.unwrap();
    read(&mut first, "<break>").await;
    // A text that is no order is none.
    first.send(Message::Text("reboot".into())).await.unwrap();
    assert_eq!(connect(&admin, &state, &url, Some(&base)).await.unwrap_err(), 403, "used");
    let second = connect(&operator, &state, &ticket(&operator).await, Some(&base)).await.unwrap();
    let news = read(&mut first, "a operator").await;
    assert_eq!(news.last().unwrap()["lookers"].as_array().unwrap().len(), 2, "{news:?}");
    drop(second);
    let news = read(&mut first, "lookers").await;
    assert_eq!(news.last().unwrap()["lookers"].as_array().unwrap().len(), 1, "{news:?}");
    first.send(Message::Binary("end".into())).await.unwrap();
    let news = read(&mut first, "ended").await;
    assert_eq!(news.last().unwrap(), &json!({ "ended": "bmc" }));
    closed(first).await;
    // Opening and leaving are written down, each with who it was.
    let left = |list: &Value| {
        let actions = items(list).iter().filter(|record| record["action"] == "server_console_left");
        actions.count()
    };
    let audit = admin.until("/v1/audit?limit=200", |list| left(list) == 2).await;
    let opened = items(&audit).iter().filter(|record| record["action"] == "server_console").count();
    assert_eq!(opened, 2, "{audit}");
}

#[tokio::test]
async fn why_there_is_none_is_said_and_one_can_be_taken() {
    let (app, admin) = App::ready().await;
    lab(&app, &admin).await;
    let refuse = |error| app.node.with(|state| state.server_consoles.refused = error);
    for (trouble, code) in [
        (ConsoleTrouble::Held, "console-held"),
        (ConsoleTrouble::Off, "console-off"),
        (ConsoleTrouble::Forbidden, "console-forbidden"),
        (ConsoleTrouble::Unencrypted, "console-unencrypted"),
        (ConsoleTrouble::Unsupported, "console-unsupported"),
        (ConsoleTrouble::RedfishOnly, "console-redfish-only"),
        (ConsoleTrouble::Local, "console-local"),
        (ConsoleTrouble::Full, "too-many-viewers"),
    ] {
        refuse(Some(NodeError::Console { trouble }));
        admin.poke("/v1/servers/lab-1/console").await.refused(409, code);
    }
    refuse(Some(NodeError::Bmc { problem: BmcProblem::Silent }));
    admin.poke("/v1/servers/lab-1/console").await.refused(409, "bmc-unheard");
    refuse(None);
    assert_eq!(app.node.with(|state| state.server_consoles.takes), 0);
    admin.post("/v1/servers/lab-1/console", &json!({ "take": true })).await.is(201);
    assert_eq!(app.node.with(|state| state.server_consoles.takes), 1);
    admin.poke("/v1/servers/sim-1/console").await.refused(409, "no-bmc");
    admin.poke("/v1/servers/nobody/console").await.refused(404, "not-found");
    for wrong in [json!({ "take": "yes" }), json!({ "kind": "serial" }), json!(true)] {
        let answer = admin.post("/v1/servers/lab-1/console", &wrong).await;
        assert!([400, 422].contains(&answer.status), "{wrong}: {}", answer.text);
    }
    admin.with_role("viewer").await.poke("/v1/servers/lab-1/console").await.refused(403, "not-allowed");
}

#[tokio::test]
async fn foreign_forged_and_old_tickets_are_refused() {
    let clock = Arc::new(ManualClock::at(1_790_000_000_000));
    let (app, admin) = App::ready_at(clock.clone()).await;
    lab(&app, &admin).await;
    let (state, base) = (app.state(), admin.base.clone());
    let operator = admin.with_role("operator").await;
    let url = ticket(&admin).await;
    assert_eq!(connect(&operator, &state, &url, Some(&base)).await.unwrap_err(), 403, "somebody else's");
    assert_eq!(connect(&admin.nobody(), &state, &url, Some(&base)).await.unwrap_err(), 401);
    assert_eq!(connect(&admin, &state, &url, Some("https://evil.example")).await.unwrap_err(), 403);
    let vms = url.replace("server-console", "console");
    assert_eq!(connect(&admin, &state, &vms, Some(&base)).await.unwrap_err(), 403, "it is for a server's");
    // None of that used it up.
    connect(&admin, &state, &url, Some(&base)).await.unwrap();
    let url = ticket(&admin).await;
    clock.advance(Duration::from_secs(31));
    assert_eq!(connect(&admin, &state, &url, Some(&base)).await.unwrap_err(), 403, "expired");
    assert_eq!(connect(&admin, &state, "/v1/server-console/guess", Some(&base)).await.unwrap_err(), 403);
}

#[tokio::test]
async fn a_servers_console_ends_when_the_right_to_it_ends() {
    let (app, admin) = App::ready().await;
    lab(&app, &admin).await;
    let (state, base) = (app.state(), admin.base.clone());
    let open = async |visitor: &Visitor| {
        let mut socket = connect(visitor, &state, &ticket(visitor).await, Some(&base)).await.unwrap();
        read(&mut socket, "boot\n").await;
        socket
    };
    let operator = admin.with_role("operator").await;
    let socket = open(&operator).await;
    operator.delete("/v1/session", "*").await.is(204);
    closed(socket).await;
    let operator = operator.nobody().log_in("a operator", crate::support::PASSWORD).await;
    let socket = open(&operator).await;
    let account = admin.get("/v1/accounts/a%20operator").await;
    let etag = account.header("etag").to_owned();
    admin.patch("/v1/accounts/a%20operator", &etag, &json!({ "role": "viewer" })).await.is(200);
    closed(socket).await;
}
