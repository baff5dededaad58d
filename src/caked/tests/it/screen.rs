//! Screens: who looks, who is in control, and that nothing else reaches the guest. The node's screen says what it is told.

use crate::console::{Socket, connect};
use crate::support::{App, Visitor, vm};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

const HELLO: &[u8] = b"RFB 003.008\n\x01\x01";
const UPDATE: &[u8] = &[3, 1, 0, 0, 0, 0, 0, 9, 0, 9];
const KEY: &[u8] = &[4, 1, 0, 0, 0, 0, 0, 97];
const KEY_UP: &[u8] = &[4, 0, 0, 0, 0, 0, 0, 97];

/// A viewer with what has come and was not looked at.
struct Viewer {
    socket: Socket,
    passed: Vec<u8>,
    control: Value,
}

impl Viewer {
    async fn new(app: &App, visitor: &Visitor) -> Self {
        let url = visitor.poke("/v1/vms/web/screen").await.is(201)["url"].as_str().unwrap().to_owned();
        let socket = connect(visitor, &app.state(), &url, Some(&visitor.base)).await.unwrap();
        let mut viewer = Self { socket, passed: Vec::new(), control: Value::Null };
        viewer.control(|control| control["viewers"].as_u64() > Some(0)).await;
        viewer.send(HELLO).await;
        viewer.passes(HELLO).await;
        viewer
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.socket.send(Message::Binary(bytes.to_vec().into())).await.unwrap();
    }

    async fn take_control(&mut self) {
        self.socket.send(Message::Text("take-control".into())).await.unwrap();
        self.control(|control| control["yours"] == true).await;
    }

    async fn next(&mut self) {
        match self.socket.next().await.unwrap().unwrap() {
            Message::Binary(bytes) => self.passed.extend(&bytes),
            Message::Text(text) => self.control = serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// Exactly these bytes reach the guest next.
    async fn passes(&mut self, bytes: &[u8]) {
        while self.passed.len() < bytes.len() {
            self.next().await;
        }
        assert_eq!(std::mem::take(&mut self.passed), bytes);
    }

    async fn control(&mut self, good: impl Fn(&Value) -> bool) -> Value {
        while !good(&self.control) {
            self.next().await;
        }
        self.control.clone()
    }
}

#[tokio::test]
async fn the_newest_who_asks_is_in_control_and_nobody_else_reaches_the_guest() {
    let (app, admin) = App::ready().await;
    admin.running_vm("web").await;
    let operator = admin.with_role("operator").await;
    let mut first = Viewer::new(&app, &admin).await;
    assert_eq!(first.control, json!({ "yours": true, "may": true, "by": "admin", "viewers": 1 }));
    first.send(&[KEY, UPDATE].concat()).await;
    first.passes(&[KEY, UPDATE].concat()).await;

    let mut second = Viewer::new(&app, &operator).await;
    assert_eq!(second.control, json!({ "yours": false, "may": true, "by": "admin", "viewers": 2 }));
    second.send(&[KEY, UPDATE].concat()).await;
    second.passes(UPDATE).await;

    // Who loses control lets go of what is pressed, and is told.
    second.take_control().await;
    first.passes(KEY_UP).await;
    assert_eq!(first.control(|control| control["yours"] == false).await["by"], "a operator");
    first.send(&[KEY, UPDATE].concat()).await;
    first.passes(UPDATE).await;
    second.send(KEY).await;
    second.passes(KEY).await;
    first.take_control().await;
    second.passes(KEY_UP).await;

    // When the one in control goes, nobody has it until somebody asks.
    first.socket.close(None).await.unwrap();
    assert_eq!(second.control(|control| control["viewers"] == 1).await["by"], Value::Null);
    second.send(&[KEY, UPDATE].concat()).await;
    second.passes(UPDATE).await;
}

#[tokio::test]
async fn a_viewers_role_looks_and_never_touches() {
    let (app, admin) = App::ready().await;
    admin.running_vm("web").await;
    let mut looker = Viewer::new(&app, &admin.with_role("viewer").await).await;
    assert_eq!(looker.control, json!({ "yours": false, "may": false, "by": null, "viewers": 1 }));
    looker.socket.send(Message::Text("take-control".into())).await.unwrap();
    let pointer = [5, 1, 0, 9, 0, 9];
    let qemu_key = [255, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 30];
    looker.send(&[KEY, &pointer, &qemu_key, UPDATE].concat()).await;
    looker.passes(UPDATE).await;
}

#[tokio::test]
async fn what_is_no_screen_is_refused() {
    let (app, admin) = App::ready().await;
    admin.running_vm("web").await;
    let (state, base) = (app.state(), admin.base.clone());
    // A ticket for one kind of console opens no other, and is not used up by the try.
    let url = admin.poke("/v1/vms/web/screen").await.is(201)["url"].as_str().unwrap().to_owned();
    let other = url.replace("/v1/screen/", "/v1/console/");
    assert_eq!(connect(&admin, &state, &other, Some(&base)).await.unwrap_err(), 403);
    assert_eq!(connect(&admin, &state, &url, Some("https://evil.example")).await.unwrap_err(), 403);
    assert_eq!(connect(&admin.with_role("operator").await, &state, &url, Some(&base)).await.unwrap_err(), 403);
    let mut socket = connect(&admin, &state, &url, Some(&base)).await.unwrap();
    // Whoever does not speak RFB 3.8 is let go.
    socket.send(Message::Binary("GET / HTTP/1.1".into())).await.unwrap();
    loop {
        match socket.next().await {
            Some(Ok(Message::Binary(bytes))) => panic!("{bytes:?} reached the guest"),
            Some(Ok(Message::Text(_))) => {}
            _ => break,
        }
    }
    let mut viewers = Vec::new();
    for _ in 0..16 {
        viewers.push(Viewer::new(&app, &admin).await);
    }
    let url = admin.poke("/v1/vms/web/screen").await.is(201)["url"].as_str().unwrap().to_owned();
    assert_eq!(connect(&admin, &state, &url, Some(&base)).await.unwrap_err(), 409, "one too many");

    let mut direct = vm("direct");
    (direct["image"], direct["cpus"]) = (crate::support::KERNEL.into(), 1.into());
    admin.done(admin.post("/v1/vms", &direct).await).await;
    admin.poke("/v1/vms/direct/screen").await.refused(409, "no-screen");
    admin.get("/v1/vms/direct/screenshot").await.refused(409, "no-screen");
    admin.done(admin.poke("/v1/vms/web/stop").await).await;
    admin.poke("/v1/vms/web/screen").await.refused(409, "illegal-now");
    admin.get("/v1/vms/web/screenshot").await.refused(409, "illegal-now");
}

#[tokio::test]
async fn a_screenshot_is_a_png() {
    let (_app, admin) = App::ready().await;
    admin.running_vm("web").await;
    let viewer = admin.with_role("viewer").await;
    let answer = viewer.request("GET", "/v1/vms/web/screenshot").send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "image/png");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let png = answer.bytes().await.unwrap();
    // IHDR of two pixels in one row.
    assert_eq!(png[..8], *b"\x89PNG\r\n\x1a\n");
    assert_eq!(png[16..24], [0, 0, 0, 2, 0, 0, 0, 1]);
}
