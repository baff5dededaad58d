//! The console's name in the office, as another machine sees it.

use crate::support::office::{Office, ip, run};
use crate::support::{App, Visitor};
use cake_types::HostStatus;
use serde_json::{Value, json};

const SERIAL: &str = "cake-7xkq2";

/// A console that listens everywhere, on a server with a serial number.
async fn app() -> App {
    let app = App::fresh_on("[::]:0".parse().unwrap()).await;
    app.node.host_is(HostStatus { local_name: Some(SERIAL.into()), ..HostStatus::default() });
    app
}

async fn admin(app: &App) -> Visitor {
    app.set_up(&crate::support::key()).await.is(201);
    app.visitor().log_in("admin", crate::support::PASSWORD).await
}

async fn state(admin: &Visitor, state: &str) -> Value {
    admin.until("/v1/announcement", |now| now["state"] == state).await
}

async fn announced(admin: &Visitor, name: &str) -> Value {
    admin.until("/v1/announcement", |now| now["state"] == "announced" && now["name"] == name).await
}

/// The certificate with this name in it: its fingerprint.
async fn certified(admin: &Visitor, name: &str, is: bool) -> Value {
    let has = |seen: &Value| seen["names"].as_array().unwrap().contains(&json!(name)) == is;
    admin.until("/v1/certificate", has).await["fingerprint"].clone()
}

/// The other machine opens the console by its name, with the address that its own resolver found, and trusts only our authority.
async fn opens(office: &Office, app: &App, name: &str, address: &str) {
    let port = app.running().address.port();
    let ca = app.state().join("ca.pem");
    let address = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    let mut curl = office.other("curl");
    curl.args(["-sS", "--noproxy", "*", "--max-time", "60", "--cacert", ca.to_str().unwrap()])
        .args(["--resolve", &format!("{name}:{port}:{address}")])
        .arg(format!("https://{name}:{port}/v1/version"));
    let said = tokio::task::spawn_blocking(move || run(&mut curl)).await.unwrap();
    assert!(said.contains("\"version\""), "{said}");
}

#[tokio::test]
async fn a_neighbour_finds_the_console_by_its_name() {
    let office = Office::open();
    let mut app = app().await;
    // There is a cable, and no address by which somebody could come.
    let admin = admin(&app).await;
    state(&admin, "no-link").await;
    let mut browser = office.neighbour(&["live"]);
    browser.until(|line| line == "lives").await;
    office.addresses_come();
    let now = announced(&admin, "cake-7xkq2.local").await;
    let port = app.running().address.port();
    assert_eq!(now["wanted"], now["name"]);
    assert_eq!(now["url"], format!("https://cake-7xkq2.local:{port}/"));
    admin.until("/v1/announcement", |now| now["addresses"] == json!(["10.9.0.2", "fd00:9::2"])).await;
    let told = format!("+ cake-7xkq2._https._tcp.local. {port} cake-7xkq2.local. 10.9.0.2 fd00:9::2");
    let seen = browser.until(|line| line.starts_with("+ cake-7xkq2.")).await;
    assert!(told.starts_with(&seen), "{seen}");
    certified(&admin, "cake-7xkq2.local", true).await;
    opens(&office, &app, "cake-7xkq2.local", "10.9.0.2").await;
    opens(&office, &app, "cake-7xkq2.local", "fd00:9::2").await;

    // Switched off: taken back, and no longer in the certificate.
    assert_eq!(admin.patch("/v1/settings", "*", &json!({ "announce": false })).await.is(200)["announce"], false);
    state(&admin, "off").await;
    browser.until(|line| line == "- cake-7xkq2._https._tcp.local.").await;
    certified(&admin, "cake-7xkq2.local", false).await;

    // On again, under a name that somebody chose.
    let change = json!({ "announce": true, "local_name": "Rack-A.local" });
    assert_eq!(admin.patch("/v1/settings", "*", &change).await.is(200)["local_name"], "rack-a");
    announced(&admin, "rack-a.local").await;
    let seen = browser.until(|line| line.starts_with("+ rack-a.")).await;
    assert!(seen.contains(" rack-a.local. 10.9.0.2"), "{seen}");
    let fingerprint = certified(&admin, "rack-a.local", true).await;

    // A daemon that ends says goodbye; when it is back nobody has to trust anything anew.
    app.stop().await;
    browser.until(|line| line == "- rack-a._https._tcp.local.").await;
    app.start().await;
    let admin = admin.at(&app);
    announced(&admin, "rack-a.local").await;
    browser.until(|line| line.starts_with("+ rack-a.")).await;
    assert_eq!(certified(&admin, "rack-a.local", true).await, fingerprint);

    // The server's own name again.
    assert_eq!(admin.patch("/v1/settings", "*", &json!({ "local_name": "" })).await.is(200)["local_name"], Value::Null);
    announced(&admin, "cake-7xkq2.local").await;
    browser.until(|line| line.starts_with("+ cake-7xkq2.")).await;
    run(office.other("ip").args("link set eth0 down".split(' ')));
    state(&admin, "no-link").await;
    app.stop().await;
}

#[tokio::test]
async fn a_name_that_a_neighbour_has_is_left_to_it() {
    let office = Office::open();
    office.addresses_come();
    let mut neighbour = office.neighbour(&["live", SERIAL]);
    neighbour.until(|line| line == "claimed cake-7xkq2").await;
    let mut app = app().await;
    let admin = admin(&app).await;
    let now = announced(&admin, "cake-7xkq2-2.local").await;
    assert_eq!(now["wanted"], "cake-7xkq2.local");
    certified(&admin, "cake-7xkq2-2.local", true).await;
    certified(&admin, "cake-7xkq2.local", false).await;
    let page = admin.get("/settings").await.text;
    assert!(page.contains("data-test=\"announcement-renamed\""), "{page}");
    // Others of that name are told that it is taken.
    neighbour.until(|line| line.starts_with("+ cake-7xkq2-2.")).await;
    neighbour.hears("cake-7xkq2-2");
    neighbour.until(|line| line == "taken cake-7xkq2-2").await;
    app.stop().await;
}

#[tokio::test]
async fn strangers_and_floods_get_nothing() {
    let office = Office::open();
    office.addresses_come();
    // An answer to the stranger would find its way.
    ip("route add 198.51.100.0/24 dev eth0");
    run(office.other("ip").args("addr add 198.51.100.9/24 dev eth0".split(' ')));
    let mut app = app().await;
    let admin = admin(&app).await;
    announced(&admin, "cake-7xkq2.local").await;
    let heard = ["neighbour 1 True", "stranger nothing"];
    assert_eq!(office.neighbour(&["strangers", SERIAL]).ends().await, heard);
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../cake-planner/fuzz/corpus/mdns");
    let all = office.neighbour(&["flood", corpus, SERIAL]).ends().await;
    assert_eq!(all[0], "flooded True");
    assert_eq!(all[1..], heard);
    assert_eq!(admin.get("/v1/announcement").await.is(200)["name"], "cake-7xkq2.local");
    app.stop().await;
}

#[tokio::test]
async fn a_console_of_one_machine_is_not_told_of() {
    let (app, admin) = App::ready().await;
    app.node.host_is(HostStatus { local_name: Some(SERIAL.into()), ..HostStatus::default() });
    let now = admin.get("/v1/announcement").await.is(200);
    assert_eq!((&now["state"], &now["name"]), (&json!("this-machine-only"), &Value::Null));
    assert_eq!(now["addresses"], json!([]));
    certified(&admin, "cake-7xkq2.local", false).await;
    let settings = admin.get("/v1/settings").await.is(200);
    assert_eq!((&settings["announce"], &settings["local_name"]), (&json!(true), &Value::Null));
    for bad in ["a.b", "-a", "a_b", "機櫃", "localhost", &*"a".repeat(64)] {
        let answer = admin.patch("/v1/settings", "*", &json!({ "local_name": bad })).await;
        answer.refused(422, "invalid");
        assert_eq!(answer.json()["pointer"], "/local_name", "{bad}");
    }
    assert_eq!(admin.get("/v1/settings").await.is(200), settings, "nothing was changed");
}
