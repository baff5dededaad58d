//! The wizard of a stick in a real browser, in both languages: the program caked, and a model of a node behind it that writes on no disk.

#[allow(dead_code, reason = "the tests of caked use more of it")]
#[path = "../../src/caked/tests/it/support/node.rs"]
mod node;

use anyhow::{Context, Result, ensure};
use cake_tests::{ADMIN, Browser, Daemon, PASSWORD, Place, Viewport, test_id, workspace};
use cake_types::{InstallNews, ShownKey};
use node::SimNode;
use node::install::disk;
use serde_json::{Value, json};
use std::process::Command;
use std::sync::Arc;
use tokio::runtime::Runtime;

const KEY: &str = "cbdefghi-jklnrtuv-cbdefghi-jklnrtuv-cbdefghi-jklnrtuv-cbdefghi-jklnrtuv";

/// caked on a server with a stick in it.
struct Server {
    node: Arc<SimNode>,
    url: String,
    token: String,
    _caked: Daemon,
    /// The model's own; it must not end inside this one.
    serving: Option<Runtime>,
    _folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("cake-installing-").tempdir()?;
        let [state, socket, mark] = ["caked", "node.sock", "installer"].map(|name| folder.path().join(name));
        std::fs::write(&mark, "")?;
        let node = SimNode::new();
        node.with(|state| {
            state.installing.here = true;
            let disks = [disk("A", 480, &[]), disk("B", 480, &[]), disk("OLD", 4000, &["ntfs"])];
            state.installing.disks = disks.into();
        });
        let serving = Some(node.serve(&socket));
        let program = Place::find()?.program("caked");
        let mut command = Command::new(&program);
        command.arg("serve").arg("--state").arg(&state).arg("--node-socket").arg(&socket);
        command.args(["--https", "127.0.0.1:0", "--installer"]).arg(&mark);
        let caked = Daemon::start(command, &folder.path().join("caked.log"))?;
        let status = Command::new(&program).arg("status").arg("--state").arg(&state).output()?;
        let status: Value = serde_json::from_slice(&status.stdout)?;
        let said = |name: &str| Ok::<_, anyhow::Error>(status[name].as_str().context("a text")?.to_owned());
        Ok(Self { node, url: said("url")?, token: said("setup_token")?, _caked: caked, serving, _folder: folder })
    }

    fn tells(&self, news: InstallNews) {
        self.node.with(|state| state.installing.news.push(news));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.shutdown_background();
        }
    }
}

/// A step is shown; it is as wide as the window, and axe finds nothing grave in it.
async fn at(browser: &Browser, step: &str, picture: &str) -> Result<()> {
    browser.until(&format!("document.querySelector('[data-step=\"{step}\"]:not([hidden])') !== null")).await?;
    if step == "disks" {
        browser.until("document.querySelector('.plan-disks') !== null").await?;
    }
    for viewport in [Viewport::PHONE, Viewport::DESK] {
        browser.resize(viewport).await?;
        let sideways = browser.eval("document.documentElement.scrollWidth - innerWidth").await?;
        ensure!(sideways.as_i64().is_some_and(|pixels| pixels <= 0), "{step} scrolls sideways: {sideways}");
    }
    let found = browser.accessibility().await?;
    ensure!(found.is_empty(), "{step}: {found:?}");
    browser.picture(&workspace().join(format!("target/screenshots/install-{step}-{picture}.png"))).await
}

async fn next(browser: &Browser) -> Result<()> {
    browser.click(&test_id("setup-next")).await
}

async fn newcomer(language: &str) -> Result<()> {
    let server = Server::start()?;
    let browser = Browser::start(language).await?;
    browser.goto(&format!("{}/setup", server.url)).await?;
    // A token that is mistyped is told at once.
    browser.fill(&test_id("setup-token"), "guess").await?;
    next(&browser).await?;
    browser.until("document.querySelector('[data-test=\"mistake\"]') !== null").await?;
    at(&browser, "language", language).await?;
    browser.fill(&test_id("setup-token"), &server.token).await?;
    next(&browser).await?;
    at(&browser, "administrator", language).await?;
    browser.fill(&test_id("setup-admin-name"), ADMIN).await?;
    browser.fill(&test_id("setup-admin-password"), PASSWORD).await?;
    browser.fill(&test_id("setup-admin-again"), PASSWORD).await?;
    next(&browser).await?;
    browser.fill(&test_id("setup-name"), "Taipei").await?;
    next(&browser).await?;
    at(&browser, "zone", language).await?;
    next(&browser).await?;
    at(&browser, "disks", language).await?;
    // The third disk holds something: it is used only once its serial number is typed.
    browser.eval("(() => { const use = document.querySelector('[data-disk=\"OLD\"] select'); use.value = 'pool'; use.dispatchEvent(new Event('input', { bubbles: true })); })()").await?;
    next(&browser).await?;
    browser.until("document.querySelector('[data-disk=\"OLD\"] [aria-invalid]') !== null").await?;
    browser.fill("[data-disk=\"OLD\"] input", "OLD").await?;
    browser.until("document.querySelectorAll('.plan-disks li').length === 3").await?;
    next(&browser).await?;
    at(&browser, "review", language).await?;
    ensure!(server.node.with(|state| state.installing.orders.is_empty()), "nothing is begun before the last button");
    next(&browser).await?;
    at(&browser, "installing", language).await?;
    let choice = server.node.with(|state| state.installing.orders[0].choice.clone());
    ensure!(choice.disks == ["A", "B"] && choice.pool_disks == ["OLD"] && choice.erase == ["OLD"], "{choice:?}");
    browser.click(&test_id("install-cancel")).await?;
    browser.until("document.querySelector('[data-test=\"install-again\"]').checkVisibility()").await?;
    browser.click(&test_id("install-again")).await?;
    browser.until("document.querySelector('[data-test=\"install-cancel\"]').checkVisibility()").await?;
    ensure!(server.node.with(|state| state.installing.orders.len()) == 2);
    server.tells(InstallNews::Step { number: 9, of: 16, step: "firmware".into(), thousandths: 600 });
    browser.until("document.getElementById('install-progress').value === 0.6").await?;
    // Closed and opened again, it shows how far it is.
    browser.goto("about:blank").await?;
    browser.goto(&format!("{}/setup#token={}", server.url, server.token)).await?;
    browser.until("document.getElementById('install-progress')?.value === 0.6").await?;
    server.tells(InstallNews::Key { key: ShownKey(KEY.into()) });
    server.tells(InstallNews::Done);
    browser.until(&format!("document.getElementById('install-key').textContent === {}", json!(KEY))).await?;
    at(&browser, "installed", language).await?;
    ensure!(
        browser.eval("document.getElementById('install-restart').disabled").await? == true,
        "the key is kept first"
    );
    browser.click(&test_id("install-kept")).await?;
    browser.click(&test_id("install-restart")).await?;
    at(&browser, "restarting", language).await?;
    ensure!(server.node.with(|state| state.installing.restarts) == 1);
    let complaints = browser.complaints().await?;
    ensure!(complaints.is_empty(), "{complaints:?}");
    browser.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_installs_in_a_browser() -> Result<()> {
    newcomer("en").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_installs_in_a_browser_in_chinese() -> Result<()> {
    newcomer("zh-TW").await
}
