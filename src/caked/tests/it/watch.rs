//! Changes as they change, resumed where they broke off.

use crate::support::{App, Visitor};

struct Stream(reqwest::Response, String);

impl Stream {
    async fn open(visitor: &Visitor, last: Option<&str>) -> Self {
        let mut request = visitor.request("GET", "/v1/watch");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self(response, String::new())
    }

    /// The next event: name, id, data. `None` when the stream ends.
    async fn next(&mut self) -> Option<(String, String, String)> {
        loop {
            if let Some(end) = self.1.find("\n\n") {
                let event: String = self.1.drain(..end + 2).collect();
                let field = |name: &str| {
                    let line = event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                    line.unwrap_or_default().to_owned()
                };
                if !field("event").is_empty() {
                    return Some((field("event"), field("id"), field("data")));
                }
                continue;
            }
            let chunk = self.0.chunk().await.ok()??;
            self.1.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// Reads on until each of these events has come, in whatever order: the parts of the house tell when they are ready.
    async fn until(&mut self, wanted: &[(&str, &str)]) {
        let mut missing = wanted.to_vec();
        while !missing.is_empty() {
            let (event, _, data) = self.next().await.expect("the watch goes on");
            missing.retain(|(name, holds)| event != *name || !data.contains(holds));
        }
    }
}

#[tokio::test]
async fn a_watch_tells_and_goes_on_where_it_broke_off() {
    let (mut app, admin) = App::ready().await;
    let mut watch = Stream::open(&admin, None).await;
    let (first, ready, _) = watch.next().await.unwrap();
    assert_eq!(first, "ready");
    admin.running_vm("web").await;
    watch.until(&[("vm", "\"state\":\"running\""), ("task", "\"state\":\"done\""), ("event", "vm-created")]).await;
    // Everything since `ready` comes again.
    let mut again = Stream::open(&admin, Some(&ready)).await;
    again.until(&[("vm", "web")]).await;
    app.restart().await;
    let admin = admin.at(&app);
    let mut other = Stream::open(&admin, Some(&ready)).await;
    assert_eq!(other.next().await.unwrap().0, "compacted");
    let nonsense = Stream::open(&admin, Some("nonsense")).await.next().await.unwrap();
    assert_eq!(nonsense.0, "compacted");
}

#[tokio::test]
async fn a_watch_ends_with_its_session() {
    let (_app, admin) = App::ready().await;
    let viewer = admin.with_role("viewer").await;
    let mut watch = Stream::open(&viewer, None).await;
    watch.next().await.unwrap();
    viewer.delete("/v1/session", "*").await.is(204);
    while let Some((event, ..)) = watch.next().await {
        assert!(["event", "account", "vm", "task"].contains(&event.as_str()), "{event}");
    }
    viewer.get("/v1/vms").await.refused(401, "not-logged-in");
}

#[tokio::test]
async fn a_watch_by_token_ends_with_the_token() {
    let (app, admin) = App::ready().await;
    let made = admin.post("/v1/tokens", &serde_json::json!({ "name": "watcher" })).await.is(201);
    let script = Visitor { token: made["token"].as_str().map(str::to_owned), ..app.visitor() };
    let mut watch = Stream::open(&script, None).await;
    watch.next().await.unwrap();
    admin.delete(&format!("/v1/tokens/{}", made["id"].as_str().unwrap()), "*").await.is(204);
    while watch.next().await.is_some() {}
}
