//! The power budget of the rack: servers are held back in the order of their VMs' priorities, beside what people ask for, and let go.

use crate::support::{Answer, App, Visitor, items, vm};
use cake_store::{Clock, ManualClock};
use cake_types::{CapStatus, PowerCap};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Two servers: on `sim-1` a VM of high priority runs, on `lab-1` nothing.
struct Rack {
    app: App,
    admin: Visitor,
    clock: Arc<ManualClock>,
}

impl Rack {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::at(1_800_000_000_000));
        let (app, admin) = App::ready_at(clock.clone()).await;
        let bmc = |host: &str| json!({ "host": host, "user": "admin", "password": "ganz ge heim" });
        admin.post("/v1/servers", &json!({ "name": "lab-1", "bmc": bmc("192.0.2.7") })).await.is(201);
        let rack = Self { app, admin, clock };
        rack.patch_server("sim-1", &json!({ "bmc": bmc("192.0.2.8") })).await.is(200);
        let mut web = vm("web");
        web["priority"] = json!("high");
        let task = rack.admin.post("/v1/vms", &web).await;
        rack.admin.done(task).await;
        rack.admin.until("/v1/servers", |_| rack.app.node.with(|state| state.bmcs.watched.len() == 2)).await;
        rack
    }

    async fn patch_server(&self, name: &str, change: &Value) -> Answer {
        let path = format!("/v1/servers/{name}");
        let etag = self.admin.get(&path).await.is(200)["etag"].as_str().unwrap().to_owned();
        self.admin.send("PATCH", &path, &[("if-match", &etag)], Some(change)).await
    }

    async fn budget(&self, watts: Value) -> Answer {
        let etag = self.admin.get("/v1/settings").await.header("etag").to_owned();
        self.admin.patch("/v1/settings", &etag, &json!({ "power_budget": watts })).await
    }

    /// What events say of the budget, the newest first, once they say that it is over. They are written down a moment later.
    async fn told_of(&self) -> Vec<String> {
        for _ in 0..100 {
            let events = self.admin.get("/v1/events").await.is(200);
            let kinds = items(&events).iter().filter_map(|event| event["kind"].as_str());
            let kinds: Vec<String> = kinds.filter(|kind| kind.starts_with("power-")).map(str::to_owned).collect();
            if kinds.first().is_some_and(|kind| kind == "power-free") {
                return kinds;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no event says that it is over");
    }

    /// What the node was told of a server.
    fn told(&self, name: &str) -> Option<PowerCap> {
        self.app.node.with(|state| {
            let watched = state.bmcs.watched.values().find(|(server, _)| server.meta.name.as_str() == name);
            let (server, _) = watched.expect("it is watched");
            assert_eq!(server.spec.held, None, "nodes are told the cap that holds, not whose it is");
            server.spec.cap
        })
    }

    /// Every server draws what it wants or what it is told, and says so.
    fn all_say(&self, wants: f64) {
        for name in ["lab-1", "sim-1"] {
            let told = self.told(name).and_then(|cap| cap.watts);
            self.app.node.server_says(name, |status| {
                status.read_at = Timestamp::from_millisecond(self.clock.unix_ms()).ok();
                status.watts = Some(told.map_or(wants, |cap| wants.min(cap.into())));
                status.cap = Some(CapStatus { watts: told, least: Some(150), most: Some(750), trouble: None });
            });
        }
    }

    /// Until the node was told both; servers go on to say what they draw.
    async fn comes_to(&self, wants: f64, lab: Option<Option<u16>>, sim: Option<Option<u16>>) {
        let as_told = |name: &str| self.told(name).map(|cap| cap.watts);
        for _ in 0..400 {
            if (as_told("lab-1"), as_told("sim-1")) == (lab, sim) {
                return;
            }
            self.all_say(wants);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("lab-1 {:?}, sim-1 {:?}", as_told("lab-1"), as_told("sim-1"));
    }
}

#[tokio::test]
async fn servers_are_held_back_by_the_priority_of_their_vms_and_let_go() {
    let mut rack = Rack::new().await;
    rack.all_say(400.0);
    rack.comes_to(400.0, None, None).await;
    let free = rack.admin.get("/v1/power-budget").await.is(200);
    assert_eq!((&free["budget"], &free["held"], &free["exceeded"]), (&Value::Null, &json!([]), &json!(false)));

    // 800 W of 700: the one without a VM pays. Five per cent are kept free.
    assert_eq!(rack.budget(json!(700)).await.is(200)["power_budget"], 700);
    rack.comes_to(400.0, Some(Some(265)), None).await;
    let shown = rack.admin.get("/v1/servers/lab-1").await.is(200);
    assert_eq!((&shown["cap"]["held"], &shown["cap"]["asked"]), (&json!(265), &Value::Null));
    let viewer = rack.admin.with_role("viewer").await;
    let budget = viewer.get("/v1/power-budget").await.is(200);
    assert_eq!((&budget["budget"], &budget["silent"]), (&json!(700), &json!(0)));
    let held = &budget["held"][0];
    assert_eq!((&held["name"], &held["watts"], &held["priority"]), (&json!("lab-1"), &json!(265), &Value::Null));

    // What a person asks for holds beside it, and is not mistaken for it.
    rack.patch_server("lab-1", &json!({ "cap": { "watts": 200 } })).await.is(200);
    rack.comes_to(400.0, Some(Some(200)), None).await;
    let shown = rack.admin.get("/v1/servers/lab-1").await.is(200);
    assert_eq!((&shown["cap"]["held"], &shown["cap"]["asked"]["watts"]), (&json!(265), &json!(200)));
    rack.patch_server("lab-1", &json!({ "cap": null })).await.is(200);
    rack.comes_to(400.0, Some(Some(265)), None).await;

    // With less, the first goes down to its least before the other is touched.
    rack.budget(json!(500)).await.is(200);
    rack.comes_to(400.0, Some(Some(150)), Some(Some(325))).await;
    let budget = rack.admin.get("/v1/power-budget").await.is(200);
    assert_eq!((&budget["held"][1]["name"], &budget["held"][1]["priority"]), (&json!("sim-1"), &json!("high")));

    // A daemon that begins anew lifts nothing.
    rack.app.restart().await;
    rack.admin = rack.admin.at(&rack.app);
    rack.admin.until("/v1/nodes", |nodes| items(nodes)[0]["connected"] == true).await;
    rack.all_say(400.0);
    assert_eq!(rack.told("lab-1"), Some(PowerCap { watts: Some(150) }));
    assert_eq!(rack.told("sim-1"), Some(PowerCap { watts: Some(325) }));

    // There is plenty: the more important goes free first, a minute after the last change at the earliest.
    rack.budget(json!(20_000)).await.is(200);
    for _ in 0..5 {
        rack.all_say(400.0);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(rack.told("sim-1"), Some(PowerCap { watts: Some(325) }), "not at once");
    rack.clock.advance(Duration::from_secs(61));
    rack.comes_to(400.0, Some(Some(150)), Some(None)).await;
    rack.clock.advance(Duration::from_secs(61));
    rack.comes_to(400.0, Some(None), None).await;
    // The BMC has forgotten the limit: it is left alone as before.
    rack.clock.advance(Duration::from_secs(61));
    rack.comes_to(400.0, None, None).await;
    assert_eq!(rack.told_of().await, ["power-free", "power-held"]);
}

#[tokio::test]
async fn without_a_budget_nobody_is_held_back_any_more() {
    let rack = Rack::new().await;
    rack.budget(json!(500)).await.is(200);
    rack.comes_to(400.0, Some(Some(150)), Some(Some(325))).await;
    rack.budget(Value::Null).await.is(200);
    rack.comes_to(400.0, Some(None), Some(None)).await;
    let budget = rack.admin.get("/v1/power-budget").await.is(200);
    assert_eq!((&budget["budget"], &budget["held"]), (&Value::Null, &json!([])));
    rack.clock.advance(Duration::from_secs(61));
    rack.comes_to(400.0, None, None).await;
}

#[tokio::test]
async fn a_budget_that_can_not_be_kept_is_an_alert() {
    let rack = Rack::new().await;
    rack.budget(json!(250)).await.is(200);
    rack.comes_to(400.0, Some(Some(150)), Some(Some(150))).await;
    let over = |budget: &Value| budget["exceeded"] == true && budget["drawn"] == 300;
    rack.all_say(400.0);
    rack.admin.until("/v1/power-budget", over).await;
    let open = |open: &Value| items(open).iter().find(|alert| alert["kind"] == "power-budget").cloned();
    let mut alert = None;
    for _ in 0..100 {
        rack.clock.advance(Duration::from_secs(11));
        rack.all_say(400.0);
        alert = open(&rack.admin.get("/v1/alerts").await.is(200));
        if alert.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let alert = alert.expect("an alert");
    assert_eq!((&alert["severity"], &alert["subject"]["kind"]), (&json!("error"), &json!("rack")));
    let said = alert["message"].as_str().or(alert["what"].as_str()).unwrap_or_default();
    assert!(said.is_empty() || (said.contains("300") && said.contains("250")), "{alert}");
    rack.budget(json!(2_000)).await.is(200);
    rack.all_say(100.0);
    rack.admin.until("/v1/alerts", |alerts| open(alerts).is_none()).await;
}

#[tokio::test]
async fn a_budget_and_a_priority_are_checked() {
    let rack = Rack::new().await;
    for watts in [json!(0), json!(49), json!(1_000_001)] {
        let answer = rack.budget(watts.clone()).await;
        assert_eq!(answer.status, 422, "{watts}: {}", answer.text);
        let problem: Value = serde_json::from_str(&answer.text).unwrap();
        assert!(["Power budget", "50", "1000000"].iter().all(|said| answer.text.contains(said)), "{problem}");
        answer.refused(422, "out-of-range");
    }
    for wrong in [json!(-1), json!("much"), json!(1.5), json!(5_000_000_000_u64)] {
        let answer = rack.budget(wrong.clone()).await;
        assert!([400, 422].contains(&answer.status), "{wrong}: {}", answer.text);
    }
    assert_eq!(rack.admin.get("/v1/settings").await.is(200)["power_budget"], Value::Null);
    let operator = rack.admin.with_role("operator").await;
    let etag = rack.admin.get("/v1/settings").await.header("etag").to_owned();
    operator.patch("/v1/settings", &etag, &json!({ "power_budget": 700 })).await.refused(403, "not-allowed");
    rack.admin.nobody().get("/v1/power-budget").await.refused(401, "not-logged-in");

    let shown = rack.admin.get("/v1/vms/web").await.is(200);
    assert_eq!(shown["priority"], "high");
    let etag = shown["etag"].as_str().unwrap();
    rack.admin.patch("/v1/vms/web", etag, &json!({ "priority": "urgent" })).await.refused(400, "malformed-body");
    let changed = rack.admin.patch("/v1/vms/web", etag, &json!({ "priority": "low" })).await.is(200);
    assert_eq!(changed["priority"], "low");
    let task = rack.admin.post("/v1/vms", &vm("other")).await;
    rack.admin.done(task).await;
    assert_eq!(rack.admin.get("/v1/vms/other").await.is(200)["priority"], "normal");
    let found = rack.admin.get("/v1/query?q=priority:low").await.is(200);
    assert_eq!(items(&found).len(), 1, "{found}");
}
