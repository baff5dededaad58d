//! Alerts leave the rack: to a mail server and a web server that are not ours, in a network of the test's own, because nothing is
//! sent to loopback.

use crate::support::office::in_a_network;
use crate::support::receiver::{LogServer, MailServer, TrapServer, Trust, WebServer};
use crate::support::{App, PASSWORD, Visitor, items, key};
use cake_store::ManualClock;
use cake_types::{Failure, FailureCode, VmState};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const HOST: &str = "10.78.0.1";
const SECRET: &str = "tulip-4711";

/// A channel that goes to this mail server.
fn mail(server_port: u16, trust: &Trust) -> Value {
    json!({ "name": "IT", "mail": {
        "host": HOST, "port": server_port, "user": "cake", "password": SECRET, "from": "Rack 1 <cake@example.com>",
        "to": ["it@example.com", "boss@example.com"], "authority": trust.authority,
    } })
}

async fn change(admin: &Visitor, change: Value) -> Value {
    let etag = admin.get("/v1/channels/IT").await.header("etag").to_owned();
    admin.patch("/v1/channels/IT", &etag, &change).await.is(200)
}

async fn test(admin: &Visitor) -> Value {
    admin.poke("/v1/channels/IT/test").await.is(200)
}

#[test]
fn an_alert_is_mailed_when_it_begins_and_when_it_ends() {
    in_a_network(HOST, || async {
        let (app, admin) = App::ready().await;
        let trust = Trust::of(HOST);
        let mut server = MailServer::start(app.dir.path(), HOST, 0, &trust, SECRET).await;
        let made = admin.post("/v1/channels", &mail(server.port, &trust)).await;
        assert!(!made.text.contains(SECRET));
        let made = made.is(201);
        assert_eq!((&made["kind"], &made["mail"]["has_password"]), (&json!("mail"), &json!(true)));
        assert_eq!((&made["mail"]["security"], &made["severity"]), (&json!("starttls"), &json!("warning")));

        let told = test(&admin).await;
        assert_eq!((&told["delivered"], &told["answer"]), (&json!(true), &json!("250 2.0.0 taken")), "{told}");
        let came = server.next().await;
        assert_eq!((&came["subject"], &came["encrypted"]), (&json!("Rack 1: a test"), &json!(true)));
        assert_eq!((&came["auto"], &came["sender"]), (&json!("auto-generated"), &json!("cake@example.com")));
        assert_eq!(came["to"], json!(["it@example.com", "boss@example.com"]));

        change(&admin, json!({ "language": "zh-Hant-TW" })).await;
        app.node.pools_fill(83);
        let began = server.next().await;
        assert_eq!(began["subject"], "「Rack 1」警告：「local」儲存池快滿了");
        for part in ["text", "html"] {
            let text = began[part].as_str().unwrap();
            assert!(text.contains("儲存池已使用83%：100 GiB中只剩17 GiB。"), "{text}");
        }
        admin.until("/v1/channels/IT", |channel| channel["state"]["waiting"] == false).await;
        app.node.pools_fill(20);
        let ended = server.next().await;
        assert_eq!(ended["subject"], "「Rack 1」已結束：「local」儲存池快滿了");
        assert_ne!(began["id"], ended["id"]);
        let channel = admin.until("/v1/channels/IT", |channel| channel["state"]["waiting"] == false).await;
        assert_eq!(channel["state"]["answer"], "250 2.0.0 taken");
        let page = admin.get("/settings").await.text;
        assert!(page.contains("Last message arrived") && !page.contains(SECRET), "{page}");
    });
}

#[test]
fn what_has_one_cause_is_one_message_with_the_rest_beneath_it() {
    in_a_network(HOST, || async {
        let (app, admin) = App::ready().await;
        let trust = Trust::of(HOST);
        let mut server = MailServer::start(app.dir.path(), HOST, 0, &trust, SECRET).await;
        let guests = [admin.running_vm("web").await, admin.running_vm("mail").await];
        admin.post("/v1/channels", &mail(server.port, &trust)).await.is(201);
        app.node.pools_fill(99);
        for guest in &guests {
            app.node.happens(guest["id"].as_str().unwrap().parse().unwrap(), |status| {
                status.state = VmState::Paused;
                status.failure = Some(Failure { code: FailureCode::NoSpace, detail: "a test".into() });
            });
        }
        let began = server.next().await;
        assert_eq!(began["subject"], "Rack 1: 3 alerts, likeliest cause: Storage pool full");
        let text = began["text"].as_str().unwrap().replace("\r\n", "\n");
        assert!(
            text.starts_with("3 alerts, likeliest cause: Storage pool full\n  The storage pool local has filled up."),
            "{text}"
        );
        assert!(text.contains("\n    Error: web – Paused: no space\n"), "{text}");
        assert_eq!(text.matches("Empty the bin").count(), 1, "what to do is said once: {text}");
        assert!(began["html"].as_str().unwrap().contains("28px\"><b>Error: mail – Paused: no space"), "{began}");
    });
}

#[test]
fn on_monday_there_is_a_letter_about_the_week() {
    in_a_network(HOST, || async {
        let sunday: jiff::Timestamp = "2026-11-29T21:00:00+08:00".parse().unwrap();
        let clock = Arc::new(ManualClock::at(sunday.as_millisecond()));
        let (mut app, admin) = App::ready_at(clock.clone()).await;
        let trust = Trust::of(HOST);
        let mut server = MailServer::start(app.dir.path(), HOST, 0, &trust, SECRET).await;
        let mut new = mail(server.port, &trust);
        new["severity"] = json!("error");
        let made = admin.post("/v1/channels", &new).await.is(201);
        assert_eq!(made["weekly"], true);
        admin.running_vm("web").await;
        app.node.pools_fill(83);
        admin.until("/v1/alerts", |alerts| items(alerts).len() == 1).await;
        let made = |week: &Value| week["happened"].as_array().unwrap().iter().any(|line| line["kind"] == "vm-created");
        let week = admin.until("/v1/week", made).await;
        assert_eq!(week["todo"][0]["title"], "Storage pool nearly full", "{week}");
        // Cake was off when the letter was due: it comes when it is on again, once.
        app.stop().await;
        clock.advance(Duration::from_secs(12 * 3600));
        app.start().await;
        let letter = server.next().await;
        assert_eq!(letter["subject"], "Rack 1: the week, one thing to do");
        let text = letter["text"].as_str().unwrap();
        let parts: Vec<Option<usize>> =
            ["What you should do", "What happened", "What cake did"].iter().map(|part| text.find(part)).collect();
        assert!(parts.is_sorted() && parts.iter().all(Option::is_some), "{text}");
        assert!(text.contains("A new VM: web") && text.contains("One alert began (errors: 0)."), "{text}");
        let admin = admin.at(&app);
        admin.until("/v1/channels/IT", |channel| channel["state"]["waiting"] == false).await;
        app.restart().await;
        let admin = admin.at(&app);
        assert_eq!(test(&admin).await["delivered"], true);
        assert_eq!(server.next().await["subject"], "Rack 1: a test", "it is not sent twice");
        // Whoever wants none gets none, and a collector of logs never does.
        change(&admin, json!({ "weekly": false })).await;
        assert!(!admin.get("/settings").await.text.contains("data-test=\"channel-is-weekly\""));
        let syslog = json!({ "name": "logs", "weekly": true, "syslog": { "host": HOST } });
        let refused = admin.post("/v1/channels", &syslog).await;
        refused.refused(422, "invalid");
        assert!(refused.text.contains("only mail and webhooks take a weekly letter"), "{}", refused.text);
        let page = admin.get("/week?lang=zh-Hant-TW").await.text;
        assert!(page.contains("該做什麼") && page.contains("新增1部虛擬機器：web"), "{page}");
    });
}

#[test]
fn what_does_not_arrive_says_why() {
    in_a_network(HOST, || async {
        let (app, admin) = App::ready().await;
        let trust = Trust::of(HOST);
        let mut server = MailServer::start(app.dir.path(), HOST, 0, &trust, SECRET).await;
        let port = server.port;
        admin.post("/v1/channels", &mail(port, &trust)).await.is(201);
        let changed = async |part: &str, value: Value| {
            let mut all = mail(port, &trust)["mail"].clone();
            all[part] = value;
            change(&admin, json!({ "mail": all })).await;
            let told = test(&admin).await;
            assert_eq!(told["delivered"], false, "{part}: {told}");
            assert!(!told["said"].as_str().unwrap().is_empty() && !told.to_string().contains(SECRET), "{told}");
            told["trouble"].as_str().unwrap().to_owned()
        };
        assert_eq!(changed("password", json!("wrong")).await, "login");
        assert_eq!(changed("authority", json!(Trust::of(HOST).authority)).await, "tls");
        assert_eq!(changed("authority", Value::Null).await, "tls");
        assert_eq!(changed("to", json!(["nobody@example.com"])).await, "refused");
        assert_eq!(changed("host", json!("127.0.0.1")).await, "forbidden");
        assert_eq!(changed("port", json!(9)).await, "unreachable");
        // Whoever changes the server has to know the password; nothing else is taken of it.
        let etag = admin.get("/v1/channels/IT").await.header("etag").to_owned();
        let mut moved = mail(port, &trust)["mail"].clone();
        moved["host"] = json!("10.78.0.9");
        moved.as_object_mut().unwrap().remove("password");
        admin.patch("/v1/channels/IT", &etag, &json!({ "mail": moved })).await.refused(422, "invalid");
        assert_eq!(server.waiting(), 0);
        change(&admin, json!({ "mail": mail(port, &trust)["mail"] })).await;
        assert_eq!(test(&admin).await["delivered"], true);
        assert_eq!(server.next().await["subject"], "Rack 1: a test");
    });
}

#[test]
fn a_message_outlives_cake_and_arrives_once_its_receiver_is_there() {
    in_a_network(HOST, || async {
        let (mut app, admin) = App::ready().await;
        let trust = Trust::of(HOST);
        // A port that was free a moment ago, in a network that nobody else is in.
        let port = tokio::net::TcpListener::bind((HOST, 0)).await.unwrap().local_addr().unwrap().port();
        admin.post("/v1/channels", &mail(port, &trust)).await.is(201);
        app.node.pools_fill(83);
        let failing = |channel: &Value| channel["state"]["failing"]["trouble"] == "unreachable";
        let channel = admin.until("/v1/channels/IT", failing).await;
        assert_eq!(channel["state"]["waiting"], true);
        app.stop().await;
        let mut server = MailServer::start(app.dir.path(), HOST, port, &trust, SECRET).await;
        app.start().await;
        let admin = admin.at(&app);
        let came = server.next().await;
        assert_eq!(came["subject"], "Rack 1: Warning: local – Storage pool nearly full");
        let arrived = |channel: &Value| channel["state"]["waiting"] == false && channel["state"]["failing"].is_null();
        admin.until("/v1/channels/IT", arrived).await;
        // It was told, and is not told again after another start.
        app.restart().await;
        let admin = admin.at(&app);
        assert_eq!(test(&admin).await["delivered"], true);
        assert_eq!(server.next().await["subject"], "Rack 1: a test");
        app.node.pools_fill(20);
        assert_eq!(server.next().await["subject"], "Rack 1: Over: local – Storage pool nearly full");
    });
}

#[test]
fn a_web_server_gets_what_it_understands_and_no_more_than_it_should() {
    in_a_network(HOST, || async {
        let (app, admin) = App::ready().await;
        let trust = Trust::of(HOST);
        let mut server = WebServer::start(HOST, &trust).await;
        let hook = |template: &str, token: Value| {
            json!({ "name": "IT", "webhook": { "template": template, "url": format!("{}/take/{SECRET}", server.url),
                    "token": token, "recipient": "U1", "authority": trust.authority } })
        };
        let made = admin.post("/v1/channels", &hook("line", json!("a.token"))).await;
        assert!(!made.text.contains(SECRET) && !made.text.contains("a.token"), "{}", made.text);
        made.is(201);
        let told = test(&admin).await;
        assert_eq!((&told["delivered"], &told["answer"]), (&json!(true), &json!("200 taken")), "{told}");
        let asked = server.next().await;
        assert_eq!((asked.path.as_str(), asked.bearer.as_str()), ("/take/tulip-4711", "Bearer a.token"));
        assert_eq!((&asked.body["to"], &asked.body["messages"][0]["type"]), (&json!("U1"), &json!("text")));
        assert_eq!(asked.retry_key.len(), 36);

        // Another kind of receiver at the same address; its secrets are kept.
        let patch = json!({ "webhook": { "template": "slack", "authority": trust.authority } });
        assert_eq!(change(&admin, patch).await["webhook"]["has_token"], true);
        app.node.pools_fill(83);
        let asked = server.next().await;
        assert_eq!(asked.body["text"], "Rack 1: Warning: local – Storage pool nearly full");
        let patch = json!({ "webhook": { "template": "json", "authority": trust.authority } });
        change(&admin, patch).await;
        app.node.pools_fill(20);
        let asked = server.next().await;
        assert_eq!(
            (&asked.body["items"][0]["turn"], &asked.body["items"][0]["kind"]),
            (&json!("ended"), &json!("pool-space"))
        );

        // What goes wrong.
        let troubled = async |path: &str, trouble: &str, detail: &str| {
            let url = format!("{}/{path}", server.url);
            let patch = json!({ "webhook": { "template": "json", "url": url, "authority": trust.authority } });
            change(&admin, patch).await;
            let told = test(&admin).await;
            assert_eq!((&told["delivered"], &told["trouble"]), (&json!(false), &json!(trouble)), "{told}");
            assert!(told["answer"].as_str().unwrap().contains(detail), "{told}");
            assert!(!told.to_string().contains(&format!("/{path}")), "the address is a secret: {told}");
        };
        troubled("no", "refused", "418 I am no receiver").await;
        troubled("who", "login", "401").await;
        // A redirect is not followed: what was meant for one is not handed to another.
        troubled("elsewhere", "refused", "307").await;
        let inward = json!({ "webhook": { "template": "json", "url": "http://127.0.0.1:1/x" } });
        change(&admin, inward).await;
        assert_eq!(test(&admin).await["trouble"], "forbidden");
        let inward = json!({ "webhook": { "template": "json", "url": "http://localhost:1/x" } });
        change(&admin, inward).await;
        assert_eq!(test(&admin).await["trouble"], "forbidden");
    });
}

#[test]
fn a_collector_of_logs_gets_a_line_and_a_manager_a_trap() {
    in_a_network(HOST, || async {
        let (app, admin) = App::ready().await;
        let mut logs = LogServer::start(app.dir.path(), HOST).await;
        let mut traps = TrapServer::start(app.dir.path(), HOST, SECRET).await;
        let new = |name: &str, protocol: &str, port: u16| json!({ "name": name, "syslog": { "host": HOST, "port": port, "protocol": protocol } });
        let snmp = json!({ "name": "SNMP", "snmp": { "host": HOST, "port": traps.port, "community": SECRET } });
        for new in [new("UDP", "udp", logs.port), new("TCP", "tcp", logs.port), snmp] {
            let made = admin.post("/v1/channels", &new).await;
            assert!(!made.text.contains(SECRET), "{}", made.text);
            made.is(201);
        }
        for name in ["UDP", "TCP"] {
            let told = admin.poke(&format!("/v1/channels/{name}/test")).await.is(200);
            assert_eq!(told["delivered"], true, "{told}");
            let line = logs.next().await;
            assert!(line.contains("<30>") && line.contains("|cake|test|") && line.contains("Rack 1: a test"), "{line}");
        }
        assert_eq!(admin.poke("/v1/channels/SNMP/test").await.is(200)["delivered"], true);
        // As image/snmp/CAKE-MIB.txt numbers them.
        let trap = traps.until("OID: .1.3.6.1.4.1.32473.1.0.3").await;
        assert!(trap.contains(".32473.1.1.6.0 = STRING: \"Rack 1: a test"), "{trap}");
        app.node.pools_fill(83);
        for _ in 0..2 {
            let line = logs.next().await;
            assert!(line.contains("<28>") && line.contains("|pool-space|"), "{line}");
            assert!(line.contains("turn=\"began\"") && line.contains("Storage pool nearly full"), "{line}");
        }
        let trap = traps.until("OID: .1.3.6.1.4.1.32473.1.0.1").await;
        for part in [
            "1.1.0 = STRING: \"began\"",
            "1.3.0 = STRING: \"pool-space\"",
            "1.4.0 = INTEGER: 2",
            "1.5.0 = STRING: \"local\"",
        ] {
            assert!(trap.contains(part), "{part}: {trap}");
        }
    });
}

#[test]
fn what_is_silenced_is_shown_and_neither_told_nor_counted() {
    in_a_network(HOST, || async {
        let (mut app, admin) = App::ready().await;
        let trust = Trust::of(HOST);
        app.node.pools_fill(83);
        let open = admin.until("/v1/alerts", |list| items(list).len() == 1).await;
        let path = |verb: &str| format!("/v1/alerts/{}/{verb}", items(&open)[0]["id"].as_str().unwrap());
        assert!(admin.get("/").await.text.contains("1 thing needs your attention"));
        for wrong in [json!({ "minutes": 0 }), json!({ "minutes": 200_000 })] {
            admin.post(&path("silence"), &wrong).await.refused(422, "out-of-range");
        }
        admin.post(&path("silence"), &json!({})).await.refused(400, "malformed-body");
        admin.post("/v1/alerts/nonsense/silence", &json!({ "minutes": 5 })).await.refused(404, "not-found");
        let silent = admin.post(&path("silence"), &json!({ "minutes": 480, "note": " moving " })).await.is(200);
        assert_eq!(
            (&silent["silenced"]["note"], &silent["silenced"]["by"]["name"]),
            (&json!("moving"), &json!("admin"))
        );
        assert!(!admin.get("/").await.text.contains("needs your attention"));
        let mut server = MailServer::start(app.dir.path(), HOST, 0, &trust, SECRET).await;
        admin.post("/v1/channels", &mail(server.port, &trust)).await.is(201);
        // It is silent after a restart too, and when it ends and begins again.
        app.restart().await;
        let admin = admin.at(&app);
        app.node.pools_fill(20);
        admin.until("/v1/alerts", |list| items(list).is_empty()).await;
        app.node.pools_fill(83);
        let again = admin.until("/v1/alerts", |list| items(list).len() == 1).await;
        assert_eq!(items(&again)[0]["silenced"], silent["silenced"]);
        assert!(admin.get("/alerts").await.text.contains("Silenced by admin until"));
        assert_eq!(test(&admin).await["delivered"], true);
        assert_eq!(server.next().await["subject"], "Rack 1: a test");
        admin.poke(&path("unsilence")).await.is(200);
        assert_eq!(server.next().await["subject"], "Rack 1: Warning: local – Storage pool nearly full");
        let audit = admin.get("/v1/audit?limit=100").await.text;
        assert!(audit.contains("alert_silence") && audit.contains("alert_unsilence") && audit.contains("channel_test"));
        assert!(!audit.contains(SECRET));
    });
}

#[tokio::test]
async fn channels_have_names_versions_and_bounds() {
    let (app, admin) = App::ready().await;
    let trust = Trust::of(HOST);
    let made = admin.post("/v1/channels", &mail(25, &trust)).await;
    let etag = made.header("etag").to_owned();
    admin.post("/v1/channels", &mail(26, &trust)).await.refused(409, "name-taken");
    admin.patch("/v1/channels/it", &etag, &json!({ "name": "Office" })).await.is(200);
    admin.patch("/v1/channels/Office", &etag, &json!({ "on": false })).await.refused(412, "stale");
    admin.get("/v1/channels/IT").await.refused(404, "not-found");
    for wrong in [
        json!({ "name": "x" }),
        json!({ "name": "x", "mail": mail(1, &trust)["mail"], "webhook": { "template": "json", "url": "https://a.example/" } }),
        json!({ "name": "x", "webhook": { "template": "pigeon", "url": "https://a.example/" } }),
        json!({ "name": "x", "webhook": { "template": "line", "recipient": "U1" } }),
        json!({ "name": "x", "severity": "dreadful", "webhook": { "template": "json", "url": "https://a.example/" } }),
        json!({ "name": "x", "language": "tlh", "webhook": { "template": "json", "url": "https://a.example/" } }),
    ] {
        admin.post("/v1/channels", &wrong).await.refused(422, "invalid");
    }
    let line = json!({ "name": "LINE", "webhook": { "template": "line", "recipient": "U1", "token": SECRET } });
    let made = admin.post("/v1/channels", &line).await;
    assert!(!made.text.contains(SECRET) && !made.text.contains("v2/bot"), "{}", made.text);
    assert_eq!(made.is(201)["webhook"]["host"], "api.line.me");
    for number in 0..14 {
        let new = json!({ "name": format!("c{number}"), "on": false,
                          "webhook": { "template": "slack", "url": format!("https://hooks.example/{SECRET}") } });
        admin.post("/v1/channels", &new).await.is(201);
    }
    let one_more = json!({ "name": "more", "webhook": { "template": "json", "url": "https://a.example/" } });
    admin.post("/v1/channels", &one_more).await.refused(422, "out-of-range");
    let all = admin.get("/v1/channels?limit=500").await;
    assert!(!all.text.contains(SECRET));
    assert_eq!(items(&all.is(200)).len(), 16);
    let stored = std::fs::read(app.state().join("store.sqlite")).unwrap();
    let stored = [stored, std::fs::read(app.state().join("store.sqlite-wal")).unwrap_or_default()].concat();
    assert!(!stored.windows(SECRET.len()).any(|bytes| bytes == SECRET.as_bytes()), "a secret lies in the clear");
    let etag = admin.get("/v1/channels/LINE").await.header("etag").to_owned();
    assert_eq!(admin.delete("/v1/channels/LINE", &etag).await.status, 204);
    admin.get("/v1/channels/LINE").await.refused(404, "not-found");
    // A key answers the same.
    let once = key();
    let new = json!({ "name": "twice", "webhook": { "template": "json", "url": "https://a.example/" } });
    let send = async || admin.send("POST", "/v1/channels", &[("idempotency-key", &once)], Some(&new)).await.is(201);
    assert_eq!(send().await, send().await);
    admin.nobody().log_in("admin", PASSWORD).await;
}
