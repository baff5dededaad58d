//! The wizard of a stick in a real browser, in both languages: the program caked, and a model of a node behind it that writes on no disk.

#[allow(dead_code, reason = "the bench of screens uses more of it")]
#[path = "../modelled.rs"]
mod modelled;

use anyhow::{Result, ensure};
use cake_tests::{ADMIN, Browser, PASSWORD, Viewport, test_id, workspace};
use cake_types::{InstallNews, ShownKey};
use modelled::Modelled;
use modelled::node::SimNode;
use modelled::node::install::disk;
use serde_json::json;

const KEY: &str = "cbdefghi-jklnrtuv-cbdefghi-jklnrtuv-cbdefghi-jklnrtuv-cbdefghi-jklnrtuv";

/// caked on a server with a stick in it.
fn server() -> Result<Modelled> {
    let node = SimNode::new();
    node.with(|state| {
        state.installing.here = true;
        let disks = [disk("A", 480, &[]), disk("B", 480, &[]), disk("OLD", 4000, &["ntfs"])];
        state.installing.disks = disks.into();
    });
    Modelled::start("cake-installing-", node, |command, folder| {
        let mark = folder.join("installer");
        std::fs::write(&mark, "")?;
        command.arg("--installer").arg(&mark);
        Ok(())
    })
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
    let server = server()?;
    let tell = |news| server.node.with(|state| state.installing.news.push(news));
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
    tell(InstallNews::Step { number: 9, of: 16, step: "firmware".into(), thousandths: 600 });
    browser.until("document.getElementById('install-progress').value === 0.6").await?;
    // Closed and opened again, it shows how far it is.
    browser.goto("about:blank").await?;
    browser.goto(&format!("{}/setup#token={}", server.url, server.token)).await?;
    browser.until("document.getElementById('install-progress')?.value === 0.6").await?;
    tell(InstallNews::Key { key: ShownKey(KEY.into()) });
    tell(InstallNews::Done);
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
