//! Chromium through ChromeDriver (W3C WebDriver): one browser with an empty profile, gone when it is dropped.
//!
//! Waiting happens in the page: a script looks, and looks again whenever the document has changed.

use crate::{ADMIN, DEADLINE, PASSWORD, workspace};
use anyhow::{Context, Result, bail, ensure};
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tokio::time::Instant;
use url::Url;

/// Size of the page in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Viewport {
    pub width: u32,
    pub height: u32,
}

impl Viewport {
    pub const PHONE: Self = Self { width: 390, height: 844 };
    pub const DESK: Self = Self { width: 1440, height: 900 };
}

/// A browser.
#[derive(Debug)]
pub struct Browser {
    page: Client,
    driver: Child,
    _profile: tempfile::TempDir,
}

/// What tests know a place on a page by.
pub fn test_id(name: &str) -> String {
    format!("[data-test=\"{name}\"]")
}

impl Browser {
    /// Starts a browser that asks for pages in this language (BCP 47).
    pub async fn start(language: &str) -> Result<Self> {
        let profile = tempfile::tempdir()?;
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // A group of its own, so that no browser outlives it.
            .process_group(0)
            .spawn()
            .context("chromedriver (Debian: chromium-driver)")?;
        let port = port_of(&mut driver)?;
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--force-device-scale-factor=1",
            &format!("--user-data-dir={}", profile.path().display()),
        ];
        let capabilities: Capabilities = serde_json::from_value(json!({
            "acceptInsecureCerts": true,
            "timeouts": { "script": 60_000, "pageLoad": 60_000, "implicit": 0 },
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": {
                "args": arguments,
                "prefs": { "intl.accept_languages": language },
            },
        }))?;
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let page = ClientBuilder::new(connector)
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .context("a browser session")?;
        let browser = Self { page, driver, _profile: profile };
        browser.resize(Viewport::DESK).await?;
        Ok(browser)
    }

    /// WebDriver itself.
    pub fn page(&self) -> &Client {
        &self.page
    }

    pub async fn goto(&self, url: &str) -> Result<()> {
        self.page.goto(url).await.with_context(|| url.to_owned())
    }

    /// The path and query of the page.
    pub async fn place(&self) -> Result<String> {
        let url = self.page.current_url().await?;
        Ok(match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        })
    }

    /// The value of a JavaScript expression.
    pub async fn eval(&self, expression: &str) -> Result<Value> {
        self.page.execute(&format!("return ({expression});"), vec![]).await.with_context(|| expression.to_owned())
    }

    /// Waits until an expression is true. It survives navigation: a page that went away is asked again when the next is there.
    pub async fn until(&self, expression: &str) -> Result<()> {
        let script = format!(
            "const done = arguments[arguments.length - 1];
             const look = () => {{ try {{ return Boolean({expression}); }} catch (error) {{ return false; }} }};
             if (look()) {{ done(true); return; }}
             const end = (result) => {{ observer.disconnect(); clearInterval(timer); clearTimeout(limit); done(result); }};
             const observer = new MutationObserver(() => {{ if (look()) end(true); }});
             observer.observe(document, {{ subtree: true, childList: true, attributes: true, characterData: true }});
             const timer = setInterval(() => {{ if (look()) end(true); }}, 50);
             const limit = setTimeout(() => end(false), 5000);"
        );
        let deadline = Instant::now() + DEADLINE;
        loop {
            // An error here is a page that is being left; the next one answers.
            let seen = self.page.execute_async(&script, vec![]).await;
            if matches!(seen, Ok(Value::Bool(true))) {
                return Ok(());
            }
            if Instant::now() > deadline {
                let place = self.place().await.unwrap_or_default();
                self.picture(&workspace().join("target/screenshots/failed.png")).await?;
                let text = self.eval("document.body.innerText").await.unwrap_or_default();
                bail!("{expression} did not become true on {place} ({seen:?}); the page says {text}");
            }
            if seen.is_err() {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Waits until the page shows this text.
    pub async fn until_text(&self, text: &str) -> Result<()> {
        self.until(&format!("document.body.innerText.includes({})", json!(text))).await
    }

    /// Waits for an element and clicks it, scrolled into view.
    pub async fn click(&self, selector: &str) -> Result<()> {
        self.until(&format!("document.querySelector({}) !== null", json!(selector))).await?;
        let element = self.page.find(fantoccini::Locator::Css(selector)).await?;
        element.click().await.with_context(|| format!("a click on {selector}"))
    }

    /// Replaces what is in a field, with the keyboard, as a person would.
    pub async fn fill(&self, selector: &str, text: &str) -> Result<()> {
        self.until(&format!("document.querySelector({}) !== null", json!(selector))).await?;
        let element = self.page.find(fantoccini::Locator::Css(selector)).await?;
        // Control and A; the null key lets go.
        let keys = format!("\u{e009}a\u{e000}{text}");
        element.send_keys(&keys).await.with_context(|| format!("typing into {selector}"))
    }

    /// As the administrator, on the page for that.
    pub async fn log_in(&self) -> Result<()> {
        self.fill(&test_id("field-name"), ADMIN).await?;
        self.fill(&test_id("field-password"), PASSWORD).await?;
        self.click(&test_id("login")).await?;
        self.until("location.pathname === '/'").await
    }

    /// Presses keys on whatever has the focus.
    pub async fn press(&self, keys: &str) -> Result<()> {
        self.page.active_element().await?.send_keys(keys).await?;
        Ok(())
    }

    pub async fn resize(&self, viewport: Viewport) -> Result<()> {
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            json!({
                "width": viewport.width, "height": viewport.height, "deviceScaleFactor": 1, "mobile": false,
            }),
        )
        .await
    }

    /// As if the system asked for light or dark.
    pub async fn prefer(&self, scheme: &str) -> Result<()> {
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await
    }

    /// A command of the DevTools protocol.
    pub async fn devtools(&self, method: &'static str, parameters: Value) -> Result<()> {
        self.page.issue_cmd(DevTools { method, parameters }).await.context(method)?;
        Ok(())
    }

    /// Saves a picture of the page as it stands.
    pub async fn picture(&self, path: &Path) -> Result<()> {
        std::fs::create_dir_all(path.parent().context("a picture lies in a directory")?)?;
        std::fs::write(path, self.page.screenshot().await?)?;
        Ok(())
    }

    /// What axe-core finds on the page that is serious or critical, one line each.
    pub async fn accessibility(&self) -> Result<Vec<String>> {
        let path = workspace().join("web-ui/node_modules/axe-core/axe.min.js");
        let axe = std::fs::read_to_string(&path).with_context(|| format!("{}: run make web", path.display()))?;
        self.page.execute(&axe, vec![]).await?;
        // Colours that are still on their way from one theme to the other are nobody's choice.
        let script = "const done = arguments[arguments.length - 1];
            const frame = () => new Promise((next) => requestAnimationFrame(next));
            const settled = () => Promise.allSettled(document.getAnimations()
                .filter((animation) => animation.effect.getComputedTiming().endTime !== Infinity).map((animation) => animation.finished));
            frame().then(frame).then(settled).then(() => axe.run(document, { resultTypes: ['violations'] })).then(
                (results) => done(results.violations),
                (error) => done([{ impact: 'critical', id: 'axe', help: String(error), nodes: [] }]));";
        let found = self.page.execute_async(script, vec![]).await?;
        let grave = |violation: &&Value| matches!(violation["impact"].as_str(), Some("serious" | "critical"));
        let violations = found.as_array().context("axe answers with a list")?;
        Ok(violations.iter().filter(grave).map(describe).collect())
    }

    /// Errors on the page's own console since the last call, without those about resources that a killed daemon did not give.
    pub async fn complaints(&self) -> Result<Vec<String>> {
        let log = self.page.issue_cmd(BrowserLog).await?;
        let entries = log.as_array().cloned().unwrap_or_default();
        let grave = entries.iter().filter(|entry| entry["level"] == "SEVERE" && entry["source"] != "network");
        Ok(grave.filter_map(|entry| entry["message"].as_str().map(str::to_owned)).collect())
    }

    /// Ends the session as a person closes the window.
    pub async fn close(self) -> Result<()> {
        Ok(self.page.clone().close().await?)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver and every browser of its own group.
        if let Ok(group) = self.driver.id().try_into() {
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
        let _ = self.driver.wait();
    }
}

fn describe(violation: &Value) -> String {
    let nodes = violation["nodes"].as_array().cloned().unwrap_or_default();
    let where_ = nodes.iter().take(3).map(|node| format!("{} {}", node["target"], node["failureSummary"]));
    format!("{}: {} {}", violation["id"], violation["help"], where_.collect::<Vec<_>>().join(" | "))
}

/// ChromeDriver says on standard output which port it took.
fn port_of(driver: &mut Child) -> Result<u16> {
    let output = driver.stdout.take().context("a pipe was asked for")?;
    let mut lines = BufReader::new(output).lines();
    let port = loop {
        let line = lines.next().context("chromedriver ended before it was ready")??;
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            break port.trim_end_matches('.').parse()?;
        }
    };
    // What it says later is not of interest, but the pipe must not fill up.
    std::thread::spawn(move || lines.for_each(drop));
    ensure!(port != 0, "chromedriver names no port");
    Ok(port)
}

#[derive(Debug)]
struct DevTools {
    method: &'static str,
    parameters: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (http::Method, Option<String>) {
        let body = json!({ "cmd": self.method, "params": self.parameters });
        (http::Method::POST, Some(body.to_string()))
    }
}

#[derive(Debug)]
struct BrowserLog;

impl WebDriverCompatibleCommand for BrowserLog {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "type": "browser" }).to_string()))
    }
}
