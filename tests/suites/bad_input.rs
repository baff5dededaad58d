//! What is refused, with a clear error in both languages and nothing changed. Sent by hand to the real programs.

use anyhow::{Context, Result, ensure};
use cake_client::{Client, Error};
use cake_tests::{ADMIN, Instance, PASSWORD, Raw, Reply, Terminal, pvh};
use http::Method;
use serde_json::{Value, json};
use std::time::Instant;
use uuid::Uuid;

/// Somebody who may do everything, and who sends whatever he likes.
struct Hand {
    raw: Raw,
    bearer: String,
}

impl Hand {
    async fn new(instance: &Instance) -> Result<Self> {
        let (session, _) = instance.anonymous()?.log_in(ADMIN, PASSWORD).await?;
        let token = session.create_token(&format!("hand {}", Uuid::new_v4().simple())).await?;
        let bearer = format!("Bearer {}", token.token.clone().context("a token")?);
        Ok(Self { raw: Raw::to(instance).await?, bearer })
    }

    /// POST with everything right but the body.
    async fn post(&mut self, path: &str, body: impl Into<Vec<u8>>) -> Result<Reply> {
        let key = Uuid::new_v4().to_string();
        let headers = [
            ("authorization", self.bearer.as_str()),
            ("content-type", "application/json"),
            ("idempotency-key", key.as_str()),
        ];
        self.raw.send(Method::POST, path, &headers, body.into()).await
    }

    async fn vms(&mut self) -> Result<Value> {
        let reply = self.raw.send(Method::GET, "/v1/vms", &[("authorization", &self.bearer)], Vec::new()).await?;
        reply.json()
    }
}

/// A refusal says what is so and what to do, in both languages, and which request it was.
fn clear(reply: &Reply) -> Result<Value> {
    let problem = reply.json()?;
    ensure!(reply.status.is_client_error(), "it was taken: {problem}");
    ensure!(reply.headers["content-type"] == "application/problem+json", "{:?}", reply.headers);
    ensure!(problem["status"] == reply.status.as_u16(), "{problem}");
    for field in ["type", "title", "detail", "code", "request_id"] {
        ensure!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{field} in {problem}");
    }
    let chinese = problem["messages"]["zh-Hant-TW"]["detail"].as_str().unwrap_or_default();
    ensure!(chinese.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{problem}");
    let english = problem["messages"]["en"]["detail"].as_str().unwrap_or_default();
    ensure!(!english.is_empty() && !english.contains('{') && !chinese.contains('{'), "{problem}");
    Ok(problem)
}

fn vm_with(field: &str, value: Value) -> Vec<u8> {
    let mut body =
        json!({ "name": "web", "image": "cake-pvh", "cpus": 1, "memory": 32 << 20, "network": "none", "start": false });
    body[field] = value;
    body.to_string().into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_cannot_be() -> Result<()> {
    let (instance, client) = Instance::ready().await?;
    let mut hand = Hand::new(&instance).await?;
    let long = "x".repeat(300);
    for name in [
        "",
        "..",
        "../../etc/passwd",
        "a\0b",
        "a'b",
        "a\"b",
        "a`b",
        &long,
        "a\u{202e}b",
        "a\u{200f}b",
        "a/b",
        " a",
        "a\n",
    ] {
        let reply = hand.post("/v1/vms", vm_with("name", json!(name))).await?;
        ensure!(reply.status == 422 && reply.code() == "bad-name", "{name:?}: {reply:?}");
        ensure!(clear(&reply)?["pointer"] == "/name", "{name:?}");
    }
    for (field, value, code, words) in [
        ("cpus", json!(0), "out-of-range", "1"),
        ("cpus", json!(100_000), "", ""),
        ("cpus", json!(-1), "", ""),
        ("cpus", json!("many"), "", ""),
        ("memory", json!(0), "out-of-range", "MiB"),
        ("memory", json!(900u64 << 40), "too-much-memory", "iB"),
        ("memory", json!("lots"), "", ""),
        ("image", json!("no-such-image"), "not-found", "no-such-image"),
        ("image", json!("../cake-tiny"), "", ""),
        ("firmware", json!("coreboot"), "", ""),
        ("firmware", json!("uefi"), "firmware-unfit", "UEFI"),
        ("network", json!("token-ring"), "", ""),
        ("restart", json!("perhaps"), "", ""),
        ("project", json!("../other"), "", ""),
        ("colour", json!("red"), "unknown-field", "colour"),
    ] {
        let reply = hand.post("/v1/vms", vm_with(field, value.clone())).await?;
        ensure!(reply.status.is_client_error(), "{field} = {value}: {reply:?}");
        let problem = clear(&reply)?;
        ensure!(code.is_empty() || problem["code"] == code, "{field} = {value}: {problem}");
        ensure!(problem["messages"]["en"].to_string().contains(words), "{field} = {value}: {problem}");
    }
    let nodes = client.nodes().await?;
    let have = nodes.items[0].memory.context("the node says how much there is")?.to_string();
    let reply = hand.post("/v1/vms", vm_with("memory", json!(900u64 << 40))).await?;
    ensure!(clear(&reply)?["detail"].as_str().is_some_and(|text| text.contains(&have)), "{have} in {reply:?}");

    let tiny_with = |seed: &Value| {
        json!({ "name": "web", "image": "cake-tiny", "cpus": 1, "memory": 256 << 20, "cloud_init": seed }).to_string()
    };
    let tiny = |disk: u64| {
        json!({ "name": "web", "image": "cake-tiny", "cpus": 1, "memory": 256 << 20, "disk": disk }).to_string()
    };
    let reply = hand.post("/v1/vms", tiny(900 << 40)).await?;
    ensure!(clear(&reply).context("900 TiB of disk")?["code"] == "disk-does-not-fit", "{reply:?}");
    let reply = hand.post("/v1/vms", tiny(1 << 20)).await?;
    ensure!(clear(&reply).context("1 MiB of disk")?["code"] == "disk-too-small", "{reply:?}");
    let seed = json!({ "hostname": "web", "users": [], "user_data": "x".repeat(64 * 1024 + 1) });
    let reply = hand.post("/v1/vms", tiny_with(&seed)).await?;
    ensure!(clear(&reply).context("user-data")?["code"] == "user-data-too-large", "{reply:?}");
    for seed in [
        json!({ "hostname": "-web", "users": [] }),
        json!({ "hostname": "web", "users": [{ "name": "Root!", "ssh_keys": [], "administrator": true }] }),
        json!({ "hostname": "web", "users": [{ "name": "me", "ssh_keys": ["no key\nruncmd: [reboot]"], "administrator": true }] }),
    ] {
        let reply = hand.post("/v1/vms", tiny_with(&seed)).await?;
        ensure!(reply.status == 422, "{seed}: {reply:?}");
        clear(&reply)?;
    }
    ensure!(hand.vms().await?["items"].as_array().is_some_and(Vec::is_empty), "nothing was made");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_none() -> Result<()> {
    let (instance, client) = Instance::ready().await?;
    let mut hand = Hand::new(&instance).await?;
    let deep = format!("{{\"name\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let bodies: [&[u8]; 9] = [
        b"",
        b"{",
        b"null",
        b"[]",
        b"{\"name\":\"a\"}}",
        b"\xff\xfe",
        deep.as_bytes(),
        b"{\"name\":1e999}",
        b"\"web\"",
    ];
    for body in bodies {
        let reply = hand.post("/v1/vms", body).await?;
        ensure!(
            reply.status.is_client_error(),
            "{:?}: {reply:?}",
            String::from_utf8_lossy(&body[..body.len().min(40)])
        );
        clear(&reply)?;
    }
    let reply = hand.post("/v1/vms", vec![b' '; 8 << 20]).await;
    // The answer may meet a connection that is still sending.
    ensure!(reply.as_ref().map_or(true, |reply| reply.status == 413), "{reply:?}");
    let mut hand = Hand::new(&instance).await?;

    let good = vm_with("name", json!("one"));
    let bearer = hand.bearer.clone();
    for (headers, code) in [
        (vec![("content-type", "application/json"), ("idempotency-key", "k")], "not-logged-in"),
        (
            vec![("authorization", "Bearer nonsense"), ("content-type", "application/json"), ("idempotency-key", "k")],
            "not-logged-in",
        ),
        (vec![("authorization", bearer.as_str()), ("content-type", "application/json")], "key-required"),
        (
            vec![("authorization", bearer.as_str()), ("content-type", "text/plain"), ("idempotency-key", "k")],
            "not-json",
        ),
        (
            vec![
                ("authorization", bearer.as_str()),
                ("content-type", "application/json"),
                ("idempotency-key", "k"),
                ("origin", "https://evil.example"),
            ],
            "foreign-origin",
        ),
    ] {
        let reply = hand.raw.send(Method::POST, "/v1/vms", &headers, good.clone()).await?;
        // A token that is not one may be called so.
        let seen = reply.code().replace("wrong-token", "not-logged-in");
        ensure!(seen == code, "{headers:?}: {reply:?}");
        clear(&reply)?;
    }
    for (method, path) in [
        (Method::GET, "/v1/nothing"),
        (Method::PUT, "/v1/vms"),
        (Method::GET, "/v1/vms/..%2f..%2fetc"),
        (Method::GET, "/v1/vms?cursor=%00"),
        (Method::GET, "/v1/vms?limit=-1"),
    ] {
        let headers = [("authorization", bearer.as_str()), ("if-match", "*")];
        let reply = hand.raw.send(method.clone(), path, &headers, Vec::new()).await?;
        ensure!(reply.status.is_client_error(), "{method} {path}: {reply:?}");
        clear(&reply)?;
    }
    stale_tags(&instance, &client, &mut hand).await?;
    Ok(())
}

/// If-Match is required, and an old one changes nothing.
async fn stale_tags(instance: &Instance, client: &Client, hand: &mut Hand) -> Result<()> {
    let vm = instance.pvh(client, "one", false).await?;
    let path = format!("/v1/vms/{}", vm.id);
    let bearer = hand.bearer.clone();
    let base = vec![("authorization", bearer.as_str()), ("content-type", "application/json")];
    let change = json!({ "name": "two" }).to_string();
    let reply = hand.raw.send(Method::PATCH, &path, &base, change.clone()).await?;
    ensure!(reply.status == 428 && reply.code() == "match-required", "{reply:?}");
    clear(&reply)?;
    client.rename_vm(&vm, "three").await?;
    let old = vm.etag.clone().context("an ETag")?;
    for (method, body) in [(Method::PATCH, change.into_bytes()), (Method::DELETE, Vec::new())] {
        let mut headers = base.clone();
        headers.push(("if-match", old.as_str()));
        let reply = hand.raw.send(method, &path, &headers, body).await?;
        ensure!(reply.status == 412 && reply.code() == "stale", "{reply:?}");
        clear(&reply)?;
    }
    ensure!(client.vm(&vm.id.to_string()).await?.name == "three", "nothing changed");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn tickets_sessions_and_origins_that_are_not_ours() -> Result<()> {
    let (instance, client) = Instance::ready().await?;
    let vm = instance.pvh(&client, "one", true).await?;
    let refused = |result: Result<cake_client::Console, Error>, what: &str| match result {
        Err(Error::Remote(remote))
            if matches!(remote.code.as_str(), "bad-ticket" | "foreign-origin" | "not-logged-in") =>
        {
            Ok(())
        }
        Err(error) => Err(anyhow::anyhow!("{what}: {error:?}")),
        Ok(_) => Err(anyhow::anyhow!("{what}: the console opened")),
    };
    let name = vm.id.to_string();
    // Used.
    let ticket = client.console_ticket(&name).await?.ticket.clone();
    let console = client.console_with_ticket(&ticket, client.base()).await?;
    Terminal::over(console).expect("\n").await?;
    refused(client.console_with_ticket(&ticket, client.base()).await, "used twice")?;
    // From another site.
    let ticket = client.console_ticket(&name).await?.ticket.clone();
    for origin in ["https://evil.example", "null", "http://127.0.0.1"] {
        refused(client.console_with_ticket(&ticket, origin).await, origin)?;
    }
    // Somebody else's.
    client.create_account("second", "operator", "a second long password").await?;
    let (second, _) = instance.anonymous()?.log_in("second", "a second long password").await?;
    let ticket = client.console_ticket(&name).await?.ticket.clone();
    refused(second.console_with_ticket(&ticket, client.base()).await, "somebody else's")?;
    refused(instance.anonymous()?.console_with_ticket(&ticket, client.base()).await, "nobody's")?;
    // Made up.
    for ticket in ["x", "..", &"a".repeat(5000), "00000000-0000-0000-0000-000000000000"] {
        let result = client.console_with_ticket(ticket, client.base()).await;
        ensure!(result.is_err(), "made up: {ticket}");
    }
    sessions(&instance).await
}

/// A session's cookie alone is not enough to change anything.
async fn sessions(instance: &Instance) -> Result<()> {
    let mut raw = Raw::to(instance).await?;
    let login = json!({ "name": ADMIN, "password": PASSWORD }).to_string();
    let json_body = ("content-type", "application/json");
    let reply = raw.send(Method::POST, "/v1/session", &[json_body, ("idempotency-key", "s1")], login.clone()).await?;
    ensure!(reply.status.is_success(), "{reply:?}");
    let cookie = reply.headers["set-cookie"].to_str()?.to_owned();
    for word in ["__Host-", "Secure", "HttpOnly", "SameSite", "Path=/"] {
        ensure!(cookie.contains(word), "{cookie} lacks {word}");
    }
    let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
    let body = serde_json::to_vec(&json!({ "name": "one token" }))?;
    for headers in [
        vec![json_body, ("idempotency-key", "t1"), ("cookie", &cookie)],
        vec![json_body, ("idempotency-key", "t1"), ("cookie", &cookie), ("x-cake-csrf", "guessed")],
        vec![json_body, ("idempotency-key", "t1"), ("cookie", &cookie), ("sec-fetch-site", "cross-site")],
    ] {
        let reply = raw.send(Method::POST, "/v1/tokens", &headers, body.clone()).await?;
        ensure!(reply.status == 403 && reply.code() == "foreign-origin", "{headers:?}: {reply:?}");
        clear(&reply)?;
    }
    // Guessing passwords is slowed down, and the right one waits too.
    let wrong = json!({ "name": ADMIN, "password": "a wrong password" }).to_string();
    let start = Instant::now();
    let mut slowed = None;
    for attempt in 0..30 {
        let key = format!("w{attempt}");
        let reply =
            raw.send(Method::POST, "/v1/session", &[json_body, ("idempotency-key", &key)], wrong.clone()).await?;
        if reply.status == 429 {
            clear(&reply)?;
            ensure!(reply.headers.contains_key("retry-after"), "{reply:?}");
            slowed = Some(attempt);
            break;
        }
        ensure!(reply.code() == "wrong-password", "{reply:?}");
    }
    ensure!(slowed.is_some(), "30 guesses in {:?} were all tried", start.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_means_one_change() -> Result<()> {
    let (_instance, client) = Instance::ready().await?;
    let key = Uuid::new_v4().to_string();
    let first = client.post_with_key::<cake_client::wire::Task>("/v1/vms", Some(&pvh("one", false)), &key).await?;
    let again = client.post_with_key::<cake_client::wire::Task>("/v1/vms", Some(&pvh("one", false)), &key).await?;
    ensure!(first.id == again.id && first.subject == again.subject, "{} {}", first.json, again.json);
    let other = client.post_with_key::<cake_client::wire::Task>("/v1/vms", Some(&pvh("two", false)), &key).await;
    ensure!(matches!(&other, Err(error) if error.code() == Some("key-reused")), "{other:?}");
    ensure!(client.vms().await?.items.len() == 1, "one VM");
    Ok(())
}

/// Whether a guest's screen can be made so large, and its viewers so slow, that somebody else pays for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_guest_with_a_huge_screen_and_viewers_that_do_not_read_stay_small() -> Result<()> {
    let (instance, client) = Instance::ready().await?;
    let vm = instance.tiny(&client, "huge").await?;
    let mut serial = Terminal::open(&client, "huge").await?;
    serial.shell().await?;
    client.screenshot("huge").await?;
    let before = [instance.caked().resident()?.anonymous, instance.node().resident()?.anonymous];

    // The registers of the graphics card (Bochs VBE extensions) are in its third region, from 0x500 on.
    let card = "$(sed -n '3s/ .*//p' /sys/bus/pci/devices/0000:00:01.0/resource)";
    let set = |register: u32, value: u32| format!("devmem $(({card}+{:#x})) 16 {value}", 0x500 + 2 * register);
    let mode = |x, y, bits| [set(4, 0), set(1, x), set(2, y), set(3, bits), set(4, 0x41)].join("; ");
    serial.command(&mode(16_000, 12_000, 8)).await?;
    let huge = loop {
        // The picture of before is shown for ten seconds.
        let png = client.screenshot("huge").await?;
        let width = png.get(16..20).context("a PNG has a header")?;
        if width == 16_000u32.to_be_bytes() {
            break png;
        }
    };
    ensure!(huge.len() < 16 << 20, "{} bytes", huge.len());

    // Viewers that ask and never read, and one that only sends, while the guest writes.
    serial.type_in("while :; do cat /proc/kallsyms; done >/dev/tty0 &\n").await?;
    let mut viewers = Vec::new();
    for _ in 0..4 {
        let mut viewer = client.screen("huge").await?;
        viewer.send(b"RFB 003.008\n\x01\x01\x02\0\0\x01\0\0\0\0").await?;
        for _ in 0..200 {
            viewer.send(&[3, 0, 0, 0, 0, 0, 0x14, 0, 0x04, 0x18]).await?;
        }
        viewers.push(viewer);
    }
    let pointer = [5, 0, 0, 1, 0, 1].repeat(10_000);
    for _ in 0..50 {
        viewers[0].send(&pointer).await?;
    }
    let again = client.screenshot("huge").await?;
    ensure!(again.len() < 16 << 20, "{} bytes", again.len());
    let after = [instance.caked().resident()?.anonymous, instance.node().resident()?.anonymous];
    for (name, (before, after)) in ["caked", "cake-node"].into_iter().zip(before.into_iter().zip(after)) {
        println!("{name}: {} KiB before, {} KiB after", before / 1024, after / 1024);
        ensure!(after < before + (48 << 20), "{name} grew from {before} to {after} bytes");
    }
    // Whoever does not read is not waited for: the guest goes on, and so does everybody else.
    drop(viewers);
    ensure!(client.vm("huge").await?.pid == vm.pid, "the same QEMU");
    serial.command(&mode(640, 480, 32)).await?;
    Ok(())
}
