//! The daemon, and a visitor who speaks to it over HTTPS.

use super::node::SimNode;
use cake_store::{Clock, SystemClock};
use caked::serve::{Options, Running};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub const PASSWORD: &str = "correct horse";

/// A fresh Idempotency-Key.
pub fn key() -> String {
    uuid::Uuid::new_v4().to_string()
}

pub struct App {
    pub node: Arc<SimNode>,
    running: Option<Running>,
    serving: Option<Runtime>,
    pub dir: TempDir,
    https: SocketAddr,
    clock: Arc<dyn Clock>,
}

impl App {
    /// Before the wizard.
    pub async fn fresh() -> Self {
        Self::fresh_at(Arc::new(SystemClock)).await
    }

    pub async fn fresh_at(clock: Arc<dyn Clock>) -> Self {
        Self::made(clock, "127.0.0.1:0".parse().unwrap()).await
    }

    /// As [`App::fresh`], with its console there.
    pub async fn fresh_on(https: SocketAddr) -> Self {
        Self::made(Arc::new(SystemClock), https).await
    }

    async fn made(clock: Arc<dyn Clock>, https: SocketAddr) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let node = SimNode::new();
        let serving = node.serve(&dir.path().join("node.sock"));
        let mut app = Self { node, running: None, serving: Some(serving), dir, https, clock };
        app.start().await;
        app
    }

    /// Set up, with its node connected and its images known.
    pub async fn ready() -> (Self, Visitor) {
        Self::ready_at(Arc::new(SystemClock)).await
    }

    pub async fn ready_at(clock: Arc<dyn Clock>) -> (Self, Visitor) {
        let app = Self::fresh_at(clock).await;
        let answer = app.set_up(&key()).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let admin = app.visitor().log_in("admin", PASSWORD).await;
        admin.until("/v1/images", |images| items(images).len() == 2).await;
        admin.until("/v1/pools", |pools| items(pools)[0]["available"] == true).await;
        (app, admin)
    }

    pub async fn start(&mut self) {
        let options = Options {
            state: self.dir.path().join("state"),
            node_socket: self.dir.path().join("node.sock"),
            https: self.https,
            installer: Some(self.installer()),
        };
        let running = Running::start_at(&options, self.clock.clone()).await.unwrap();
        if self.serving.is_some() {
            let mut follow = running.control().nodes.follow();
            follow.wait_for(Option::is_some).await.unwrap();
        }
        self.running = Some(running);
    }

    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
    }

    /// It is there on a server that runs from a stick.
    pub fn installer(&self) -> std::path::PathBuf {
        self.dir.path().join("installer")
    }

    /// As after a restart of caked; the node goes on.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.start().await;
    }

    /// The node goes away, with all its connections.
    pub fn node_goes(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.shutdown_background();
        }
    }

    pub fn node_comes_back(&mut self) {
        self.serving = Some(self.node.serve(&self.dir.path().join("node.sock")));
    }

    /// A VM as the Store has it.
    pub async fn stored_vm(&self, id: &str) -> cake_types::Vm {
        let board = &self.running().control().ledger.board;
        (*board.vm(id.parse().unwrap()).unwrap().vm).clone()
    }

    /// Whether it is written down how far a server's event log is told.
    pub async fn knows_a_log(&self) -> bool {
        let store = &self.running().control().ledger.store;
        let page = cake_store::Page::default();
        !store.list(&cake_control::keys::server_logs(), page).await.unwrap().entries.is_empty()
    }

    /// As a cloud that was set up before there were backups.
    pub async fn forget_backup_key(&self) {
        let store = &self.running().control().ledger.store;
        store.delete_if(&cake_control::keys::backup_key(), cake_store::Expect::Any).await.unwrap();
    }

    pub fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    pub fn state(&self) -> std::path::PathBuf {
        self.dir.path().join("state")
    }

    pub fn base(&self) -> String {
        self.running().instance.url.clone()
    }

    pub fn token(&self) -> String {
        cake_control::setup::read_token(&self.state()).unwrap().to_string()
    }

    pub fn visitor(&self) -> Visitor {
        Visitor::new(&self.base(), &self.state())
    }

    pub async fn set_up(&self, key: &str) -> Answer {
        let token = self.token();
        let headers = [("x-cake-setup-token", token.as_str()), ("idempotency-key", key)];
        self.visitor().send("POST", "/v1/setup", &headers, Some(&answers())).await
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.node_goes();
    }
}

pub fn answers() -> Value {
    json!({
        "name": "Rack 1",
        "time_zone": "Asia/Taipei",
        "administrator": { "name": "admin", "password": PASSWORD },
    })
}

pub fn items(list: &Value) -> &Vec<Value> {
    list["items"].as_array().unwrap_or_else(|| panic!("no list: {list}"))
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {:?}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The problem's code.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    #[track_caller]
    pub fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        if self.text.is_empty() { Value::Null } else { self.json() }
    }

    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.code().as_str()), (status, code), "{}", self.text);
    }
}

/// Somebody who asks: nobody, a session, or an API token.
#[derive(Clone)]
pub struct Visitor {
    pub http: Client,
    pub base: String,
    pub cookie: Option<String>,
    pub csrf: Option<String>,
    pub token: Option<String>,
}

/// A client configuration that trusts this rack only.
pub fn trust(state: &Path) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(state.join("ca.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

impl Visitor {
    fn new(base: &str, state: &Path) -> Self {
        let http = Client::builder()
            .tls_backend_preconfigured(trust(state))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        Self { http, base: base.to_owned(), cookie: None, csrf: None, token: None }
    }

    /// The same somebody, at the address of a daemon that was started again.
    pub fn at(&self, app: &App) -> Self {
        Self { base: app.base(), ..self.clone() }
    }

    pub fn nobody(&self) -> Self {
        Self { cookie: None, csrf: None, token: None, ..self.clone() }
    }

    pub async fn try_log_in(&self, name: &str, password: &str) -> Answer {
        let body = json!({ "name": name, "password": password });
        self.send("POST", "/v1/session", &[("idempotency-key", &key())], Some(&body)).await
    }

    pub async fn log_in(&self, name: &str, password: &str) -> Self {
        let answer = self.try_log_in(name, password).await;
        let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        let csrf = answer.is(200)["csrf"].as_str().unwrap().to_owned();
        Self { cookie: Some(cookie), csrf: Some(csrf), token: None, ..self.clone() }
    }

    /// An account with this role, logged in.
    pub async fn with_role(&self, role: &str) -> Self {
        let body = json!({ "name": format!("a {role}"), "role": role, "password": PASSWORD });
        self.post("/v1/accounts", &body).await.is(201);
        self.nobody().log_in(&format!("a {role}"), PASSWORD).await
    }

    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Answer {
        let body = body.map(|body| serde_json::to_vec(body).unwrap());
        self.send_bytes(method, path, headers, body).await
    }

    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method: Method = method.parse().unwrap();
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        if let Some(csrf) = &self.csrf {
            request = request.header("x-cake-csrf", csrf);
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        request
    }

    pub async fn send_bytes(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Answer {
        let mut request = self.request(method, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            if !headers.iter().any(|(name, _)| *name == "content-type") {
                request = request.header("content-type", "application/json");
            }
            request = request.body(body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, text: response.text().await.unwrap() }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[("idempotency-key", &key())], Some(body)).await
    }

    /// A POST without a body.
    pub async fn poke(&self, path: &str) -> Answer {
        self.send("POST", path, &[("idempotency-key", &key())], None).await
    }

    pub async fn patch(&self, path: &str, etag: &str, body: &Value) -> Answer {
        self.send("PATCH", path, &[("if-match", etag)], Some(body)).await
    }

    pub async fn delete(&self, path: &str, etag: &str) -> Answer {
        self.send("DELETE", path, &[("if-match", etag)], None).await
    }

    /// Reads `path` after each change until `good`. Changes are told by the watch, so nothing is asked in vain.
    pub async fn until(&self, path: &str, good: impl Fn(&Value) -> bool) -> Value {
        let mut watch = self.request("GET", "/v1/watch").send().await.unwrap();
        assert_eq!(watch.status(), 200);
        let ends = std::time::Duration::from_secs(30);
        let waited = tokio::time::timeout(ends, async {
            loop {
                let seen = self.get(path).await;
                if let Ok(seen) = serde_json::from_str(&seen.text)
                    && good(&seen)
                {
                    return seen;
                }
                assert!(watch.chunk().await.unwrap().is_some(), "the watch ended: {}", seen.text);
            }
        });
        match waited.await {
            Ok(seen) => seen,
            Err(_) => panic!("{path} never was as expected: {}", self.get(path).await.text),
        }
    }

    /// The end of the task that an answer names.
    pub async fn end_of(&self, task: &Value) -> Value {
        let path = format!("/v1/tasks/{}", task["id"].as_str().unwrap());
        self.until(&path, |task| !task["end"].is_null()).await
    }

    pub async fn done(&self, answer: Answer) -> Value {
        let task = answer.is(202);
        let end = self.end_of(&task).await;
        assert_eq!(end["state"], "done", "{end}");
        end
    }

    /// A VM that runs.
    pub async fn running_vm(&self, name: &str) -> Value {
        self.done(self.post("/v1/vms", &vm(name)).await).await;
        self.get(&format!("/v1/vms/{name}")).await.is(200)
    }
}

pub fn vm(name: &str) -> Value {
    json!({ "name": name, "image": super::node::IMAGE, "cpus": 1, "memory": "128MiB" })
}
