//! Who answers may be hostile: each trick is refused, in bounded time and memory, and the rest is shown.

use super::machine::{self, CHASSIS, ENTRIES, SYSTEM, Shared, Tree, collection, put};
use super::reading::sensor;
use super::server::{Asked, Body, Reply, Server};
use cake_bmc::redfish::{INLINE_MAX, MEMBERS_MAX, Options, Patience, Redfish};
use cake_bmc::{Bmc, BmcError, TransportError};
use serde_json::json;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const INLET: &str = "/redfish/v1/Chassis/1/Sensors/Inlet";

/// A machine that answers one request in an odd way, the others as it should.
async fn odd(tree: Tree, path: &'static str, reply: impl Fn() -> Reply + Send + Sync + 'static) -> Server {
    let (_server, machine): (_, Shared) = machine::start(tree).await;
    Server::start(
        move |asked: &Asked| if asked.path == path { reply() } else { machine.lock().expect("a lock").answer(asked) },
    )
    .await
}

/// The rest is shown: another sensor of the same collection, and the power supplies that come after it.
async fn shows_the_rest(server: &Server, patience: Option<Patience>) {
    let options = server.options();
    let patience = patience.unwrap_or(options.patience);
    let mut bmc = Redfish::new(server.dial(), Options { patience, ..options });
    let reading = bmc.read().await.expect("the rest");
    assert!(bmc.partial(), "it says that something is missing");
    assert_eq!(sensor(&reading, "Fan 1").value, Some(900.0));
    assert!(!reading.sensors.iter().any(|sensor| sensor.id == INLET), "{:#?}", reading.sensors);
    sensor(&reading, "PSU 2");
}

#[tokio::test]
async fn documents_that_are_none() {
    let replies: [fn() -> Reply; 9] = [
        || Reply::json(200, "{\"Name\": "),
        || Reply::json(200, "[]"),
        || Reply::json(200, ""),
        || Reply::json(200, vec![b'['; 200_000]),
        || Reply::json(200, b"{\"Name\": \"\xff\xfe\"}".to_vec()),
        || Reply::json(500, "{}"),
        || Reply {
            headers: vec![("Content-Type".to_owned(), "text/html".to_owned())],
            ..Reply::json(200, "{\"Name\": \"x\", \"Reading\": 1}")
        },
        || Reply { headers: Vec::new(), ..Reply::json(200, "{\"Name\": \"x\", \"Reading\": 1}") },
        || Reply::odd(Body::BreaksOff),
    ];
    for reply in replies {
        shows_the_rest(&odd(machine::newer(), INLET, reply).await, None).await;
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    for status in [301, 302, 307, 308] {
        let (elsewhere, _machine) = machine::start(machine::newer()).await;
        let to = format!("https://{}{INLET}", elsewhere.address);
        let server = odd(machine::newer(), INLET, move || Reply::json(status, "{}").with("Location", &to)).await;
        shows_the_rest(&server, None).await;
        assert_eq!(elsewhere.heard(), [""; 0]);
    }
}

#[tokio::test]
async fn large_documents_are_not_read() {
    let server = odd(machine::newer(), INLET, || Reply::odd(Body::Large(50 << 20))).await;
    shows_the_rest(&server, None).await;
    let endless = odd(machine::newer(), INLET, || Reply::odd(Body::Endless)).await;
    shows_the_rest(&endless, None).await;
    for server in [server, endless] {
        // 4 MiB are read; what lies in the sockets' buffers besides is the kernel's.
        let written = server.written.load(Ordering::Relaxed);
        assert!(written < 28 << 20, "{written} bytes were taken");
    }
}

#[tokio::test]
async fn a_slow_drip_costs_one_request_its_time() {
    let server = odd(machine::newer(), INLET, || Reply::odd(Body::Drip)).await;
    shows_the_rest(&server, Some(Patience { request: Duration::from_secs(5), call: Duration::from_secs(60) })).await;
}

#[tokio::test]
async fn a_bmc_that_drips_everywhere_is_silent() {
    let (_server, machine) = machine::start(machine::newer()).await;
    let server = Server::start(move |asked: &Asked| {
        if asked.path.contains("/Sensors/") {
            Reply::odd(Body::Drip)
        } else {
            machine.lock().expect("a lock").answer(asked)
        }
    })
    .await;
    let patience = Patience { request: Duration::from_secs(1), call: Duration::from_secs(60) };
    let mut bmc = Redfish::new(server.dial(), Options { patience, ..server.options() });
    let outcome = bmc.read().await;
    assert!(matches!(outcome, Err(BmcError::Transport(TransportError::Silent))), "{outcome:?}");
    let asked = server.heard().iter().filter(|asked| asked.contains("/Sensors/")).count();
    assert!(asked <= 3, "{asked} requests were waited for");
}

#[tokio::test]
async fn links_lead_nowhere_else() {
    let (elsewhere, _machine) = machine::start(machine::newer()).await;
    let mut tree = machine::newer();
    let bad = [
        format!("https://{}{INLET}", elsewhere.address),
        format!("//{}{INLET}", elsewhere.address),
        "file:///etc/passwd".to_owned(),
        "/etc/passwd".to_owned(),
        "/redfish/v1/../../etc/passwd".to_owned(),
        "/redfish/v1/\r\nX-Evil: 1".to_owned(),
        String::new(),
        format!("{CHASSIS}/Sensors/Fan1"),
    ];
    collection(&mut tree, &format!("{CHASSIS}/Sensors"), &bad);
    let system = tree.get_mut(SYSTEM).expect("a system");
    system["Storage"] = json!({ "@odata.id": format!("https://{}/redfish/v1/", elsewhere.address) });
    system["Memory"] = json!("/redfish/v1/not an object");
    let (server, _machine) = machine::start(tree).await;
    shows_the_rest(&server, None).await;
    server.bmc().parts().await.expect("parts");
    assert_eq!(elsewhere.heard(), [""; 0]);
    assert!(!server.heard().iter().any(|asked| asked.contains("passwd") || asked.contains("elsewhere")));
}

#[tokio::test]
async fn a_session_elsewhere_is_closed_at_the_bmc() {
    // The location of a session names another host: the token is shown to this one only. (So does every session of the machine's.)
    let (server, _machine) = machine::start(machine::newer()).await;
    let mut bmc = server.bmc();
    bmc.boot().await.expect("a device");
    bmc.close().await;
    assert_eq!(server.heard().last().map(String::as_str), Some("DELETE /redfish/v1/SessionService/Sessions/token-1"));
}

#[tokio::test]
async fn loops_end() {
    let mut tree = machine::newer();
    // A page that is its own next, two that are each other's, and a collection that is its own member.
    let sensors = format!("{CHASSIS}/Sensors");
    let page = tree.get_mut(&sensors).expect("a collection");
    page["Members@odata.nextLink"] = json!(format!("{sensors}?$skip=1"));
    page["Members"].as_array_mut().expect("members").push(json!({ "@odata.id": sensors }));
    let mut second = page.clone();
    second["Members@odata.nextLink"] = json!(sensors);
    put(&mut tree, &format!("{sensors}?$skip=1"), second);
    tree.get_mut(ENTRIES).expect("entries")["Members@odata.nextLink"] = json!(ENTRIES);
    let (server, _machine) = machine::start(tree).await;
    let mut bmc = server.bmc();
    let reading = bmc.read().await.expect("a reading");
    assert_eq!(sensor(&reading, "Inlet").value, Some(22.5));
    let asked = server.heard();
    assert_eq!(asked.iter().filter(|asked| asked.ends_with("/Sensors")).count(), 1);
    assert_eq!(asked.iter().filter(|asked| asked.ends_with("/Inlet")).count(), 1);
    assert_eq!(bmc.events(None).await.expect("a log").events.len(), 3);
}

#[tokio::test]
async fn ten_thousand_members() {
    let mut tree = machine::newer();
    let paths: Vec<_> = (0..10_000).map(|number| format!("{CHASSIS}/Sensors/{number}")).collect();
    collection(&mut tree, &format!("{CHASSIS}/Sensors"), &paths);
    for path in &paths {
        put(&mut tree, path, json!({ "Id": "x", "Name": "T", "Reading": 1, "ReadingUnits": "Cel" }));
    }
    machine::log(&mut tree, 10_000);
    let (server, _machine) = machine::start(tree).await;
    let mut bmc = server.bmc();
    let reading = bmc.read().await.expect("a reading");
    assert!(bmc.partial());
    assert_eq!(reading.sensors.iter().filter(|sensor| sensor.name == "T").count(), MEMBERS_MAX);
    sensor(&reading, "PSU 2");
    let log = bmc.events(None).await.expect("a log");
    assert_eq!((log.events.len(), log.overflowed), (INLINE_MAX, true));
}

#[tokio::test]
async fn pages_without_end() {
    let (_server, machine) = machine::start(machine::newer()).await;
    let next = Arc::new(Mutex::new(0_u64));
    let server = Server::start(move |asked: &Asked| {
        if !asked.path.contains("/Sensors?") && !asked.path.ends_with("/Sensors") {
            return machine.lock().expect("a lock").answer(asked);
        }
        let mut next = next.lock().expect("a lock");
        *next += 1;
        let page = json!({ "Name": "Page", "Members": [], "Members@odata.nextLink": format!("{CHASSIS}/Sensors?$skip={next}") });
        Reply::json(200, page.to_string())
    })
    .await;
    let mut bmc = server.bmc();
    bmc.read().await.expect("the rest");
    let asked = server.heard().len();
    assert!(bmc.partial() && asked < 400, "{asked} requests");
}

#[tokio::test]
async fn a_head_without_end_is_no_http() {
    let server = odd(machine::newer(), INLET, || {
        let reply = Reply::json(200, "{}");
        (0..200).fold(reply, |reply, _| reply.with("X-Long", &"x".repeat(4000)))
    })
    .await;
    shows_the_rest(&server, None).await;
}
