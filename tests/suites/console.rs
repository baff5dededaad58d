//! What the console does for many things at once, in a real browser: finding, tags, one action for many, what a page costs, and
//! what a phone needs.

use anyhow::{Context, Result, ensure};
use cake_client::Client;
use cake_tests::{Browser, Instance, Viewport, pvh, test_id, workspace};
use serde_json::json;

const ENTER: &str = "\u{e007}";
const DOWN: &str = "\u{e015}";
const UP: &str = "\u{e013}";
const ESCAPE: &str = "\u{e00c}";

async fn log_in(browser: &Browser, instance: &Instance) -> Result<()> {
    browser.goto(&format!("{}/login?lang=en", instance.url())).await?;
    browser.log_in().await
}

/// VMs without disks, off, each with these tags.
async fn vms(client: &Client, names: &[&str], tags: &[&str]) -> Result<()> {
    for name in names {
        let mut new = pvh(name, false);
        new.tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        let task = client.create_vm(&new).await?;
        client.wait_task(task.id, |_| {}).await?;
    }
    Ok(())
}

async fn has(browser: &Browser, selector: &str) -> Result<()> {
    browser.until(&format!("document.querySelector({}) !== null", json!(selector))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_looked_for_is_found_by_keyboard_and_kept() -> Result<()> {
    let (instance, client) = Instance::ready().await?;
    vms(&client, &["ledger", "payroll"], &["accounts"]).await?;
    vms(&client, &["web"], &[]).await?;
    let browser = Browser::start("en").await?;
    log_in(&browser, &instance).await?;

    // `/` comes to the box; up and down go through what was found; Enter opens it.
    browser.press("/").await?;
    browser.until("document.activeElement.id === 'everywhere'").await?;
    browser.press("kind:vm tag:accounts").await?;
    browser.until("document.querySelectorAll('#everywhere-found [data-hit]').length === 2").await?;
    browser.press(DOWN).await?;
    browser.press(DOWN).await?;
    browser.until("document.activeElement.textContent.includes('payroll')").await?;
    browser.press(UP).await?;
    browser.until("document.activeElement.textContent.includes('ledger')").await?;
    browser.press(ESCAPE).await?;
    browser.until("document.activeElement.id === 'everywhere'").await?;
    browser.press(" ").await?;
    browser.until("document.querySelectorAll('#everywhere-found [data-hit]').length === 2").await?;
    browser.press(&format!("{DOWN}{ENTER}")).await?;
    browser.until("document.querySelector('[data-test=\"vm-name\"]')?.textContent === 'ledger'").await?;

    // What can't be understood is marked where it stands.
    browser.goto(&format!("{}/search?lang=en", instance.url())).await?;
    browser.fill(&test_id("search"), "tag:accounts state:runing").await?;
    browser.until("document.querySelector('[data-test=\"search-wrong\"] mark')?.textContent === 'runing'").await?;
    browser.fill(&test_id("search"), "tag:accounts OR web kind:vm").await?;
    browser.until("document.querySelectorAll('#found [data-hit]').length === 3").await?;

    // Kept under a name, found again, and gone.
    browser.fill(&test_id("field-saved-new"), "Accounts and web").await?;
    browser.click(&test_id("saved-save")).await?;
    has(&browser, &test_id("saved-query")).await?;
    let kept = client.saved_queries().await?.items;
    ensure!(kept.len() == 1 && kept[0].text == "tag:accounts OR web kind:vm", "{kept:?}");
    browser.goto(&format!("{}/search?lang=en", instance.url())).await?;
    browser.click(&format!("{} a", test_id("saved-query"))).await?;
    browser.until("document.querySelectorAll('#found [data-hit]').length === 3").await?;
    browser.click(&format!("{} summary", test_id("saved-query"))).await?;
    browser.click(&test_id("saved-delete")).await?;
    browser.until("document.querySelector('[data-test=\"saved-query\"]') === null").await?;
    let complaints = browser.complaints().await?;
    ensure!(complaints.is_empty(), "{complaints:?}");
    browser.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn many_vms_are_acted_on_after_a_summary_each_with_its_result() -> Result<()> {
    let (instance, client) = Instance::ready().await?;
    vms(&client, &["a1", "a2", "a3", "other"], &[]).await?;
    let task = client.act("a3", cake_client::VmAction::Start).await?;
    client.wait_task(task.id, |_| {}).await?;
    let browser = Browser::start("en").await?;
    log_in(&browser, &instance).await?;
    browser.goto(&format!("{}/vms?q=name:a&lang=en", instance.url())).await?;
    let rows = "document.querySelectorAll('[data-test=\"vm-row\"]').length";
    ensure!(browser.eval(rows).await? == 3, "the search stands in the address");

    // Tags by the keyboard: x chooses, b goes to the actions.
    browser.press("j").await?;
    browser.press("x").await?;
    browser.press("j").await?;
    browser.press("x").await?;
    browser.until("document.getElementById('bulk-count').textContent.startsWith('2')").await?;
    browser.press("b").await?;
    browser.until("document.activeElement.dataset.bulk === 'start'").await?;
    browser.click(&test_id("bulk-tag")).await?;
    has(&browser, "dialog[open]#bulk-dialog").await?;
    browser.fill(&test_id("bulk-tags"), "test nightly").await?;
    browser.click(&test_id("bulk-yes")).await?;
    browser.until("document.querySelectorAll('[data-result=\"done\"]').length === 2").await?;
    browser.click(&test_id("bulk-back")).await?;
    ensure!(client.vm("a1").await?.tags == ["nightly", "test"], "a1 has its tags");
    ensure!(client.vm("a3").await?.tags.is_empty(), "a3 was not chosen");
    has(&browser, "#vm-rows .tag").await?;

    // What is not legal now is said before, with its reason, and left alone.
    browser.click(&test_id("select-all")).await?;
    browser.click(&test_id("bulk-stop")).await?;
    browser.until("document.querySelectorAll('[data-test=\"bulk-will\"] li').length === 1").await?;
    browser.until("document.querySelectorAll('[data-test=\"bulk-not\"] li .note').length === 2").await?;
    ensure!(browser.eval("document.querySelector('[data-test=\"bulk-yes\"]').disabled").await? == true, "not yet");
    browser.fill(&test_id("bulk-typed"), "2").await?;
    ensure!(browser.eval("document.querySelector('[data-test=\"bulk-yes\"]').disabled").await? == true, "2 is not 1");
    browser.fill(&test_id("bulk-typed"), "1").await?;
    browser.click(&test_id("bulk-yes")).await?;
    browser.until("document.querySelectorAll('[data-result=\"done\"]').length === 1").await?;
    browser.click(&test_id("bulk-back")).await?;
    instance.until(&client, "a3", |vm| vm.state == "stopped").await?;

    // Deleted is what lies in the bin: it can be brought back, so no number is typed.
    browser.click(&test_id("select-all")).await?;
    browser.click(&test_id("bulk-bin")).await?;
    browser.until("document.querySelectorAll('[data-test=\"bulk-will\"] li').length === 3").await?;
    browser.click(&test_id("bulk-yes")).await?;
    browser.until("document.querySelectorAll('[data-result=\"done\"]').length === 3").await?;
    browser.click(&test_id("bulk-back")).await?;
    browser.until(&format!("{rows} === 0")).await?;
    let left: Vec<String> = client.vms().await?.items.into_iter().map(|vm| vm.name).collect();
    ensure!(left == ["other"], "{left:?}");
    ensure!(client.bin().await?.items.len() == 3, "they are in the bin");
    let complaints = browser.complaints().await?;
    ensure!(complaints.is_empty(), "{complaints:?}");
    browser.close().await
}

/// Issue 3 §8: the list of 100 VMs in a cold browser.
#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_a_hundred_vms_is_small_and_soon_there() -> Result<()> {
    const BYTES: f64 = 150_000.0;
    const REQUESTS: f64 = 12.0;
    let (instance, client) = Instance::ready().await?;
    let names: Vec<String> = (0..100).map(|number| format!("vm-{number:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    vms(&client, &names, &["production", "web"]).await?;
    let browser = Browser::start("zh-TW").await?;
    log_in(&browser, &instance).await?;
    browser.devtools("Network.clearBrowserCache", json!({})).await?;
    browser.goto(&format!("{}/vms", instance.url())).await?;
    browser.until("document.querySelectorAll('[data-test=\"vm-row\"]').length === 100").await?;
    browser.until("performance.getEntriesByType('resource').some((entry) => entry.name.endsWith('.js'))").await?;
    let script = "(() => {
        const [page] = performance.getEntriesByType('navigation');
        const all = [page, ...performance.getEntriesByType('resource')];
        return {
            bytes: all.reduce((sum, entry) => sum + entry.transferSize, 0),
            requests: all.length + 1, // the stream of changes, which goes on
            usable: page.domContentLoadedEventEnd,
            largest: all.map((entry) => [entry.transferSize, entry.name]).sort((a, b) => b[0] - a[0]).slice(0, 4),
        };
    })()";
    let seen = browser.eval(script).await?;
    let number = |name: &str| seen[name].as_f64().with_context(|| format!("{name} in {seen}"));
    let (bytes, requests, usable) = (number("bytes")?, number("requests")?, number("usable")?);
    println!("VM list of 100, cold browser: {bytes} bytes, {requests} requests, usable after {usable:.0} ms");
    println!("the largest: {}", seen["largest"]);
    ensure!(bytes > 5_000.0, "something was read: {seen}");
    ensure!(bytes <= BYTES && requests <= REQUESTS, "at most {BYTES} bytes and {REQUESTS} requests: {seen}");
    browser.close().await
}

/// Start, stop, the console, health and what happened, with a thumb.
#[tokio::test(flavor = "multi_thread")]
async fn a_phone_is_enough_for_every_day() -> Result<()> {
    let (mut instance, client) = Instance::ready().await?;
    vms(&client, &["web"], &[]).await?;
    let browser = Browser::start("zh-TW").await?;
    browser.resize(Viewport::PHONE).await?;
    log_in(&browser, &instance).await?;
    has(&browser, &test_id("health")).await?;
    browser.goto(&format!("{}/search?q=web", instance.url())).await?;
    browser.click("#found [data-hit]").await?;
    has(&browser, &test_id("vm-start")).await?;
    let thumb = "(() => { const box = document.querySelector('[data-test=\"vm-start\"]').getBoundingClientRect();
        return Math.min(box.width, box.height); })()";
    ensure!(browser.eval(thumb).await?.as_f64().unwrap_or_default() >= 40.0, "a thumb hits it");
    browser.click(&test_id("vm-start")).await?;
    browser.until("document.querySelector('#vm-head [data-state=\"running\"]') !== null").await?;
    browser.click(&test_id("vm-console")).await?;
    browser.until("document.querySelector('[data-test=\"console-state\"]')?.dataset.state === 'connected'").await?;
    browser.goto(&format!("{}/vms/{}", instance.url(), client.vm("web").await?.id)).await?;
    browser.click(&test_id("vm-stop")).await?;
    browser.click(&test_id("confirm-yes")).await?;
    browser.until("document.querySelector('#vm-head [data-state=\"stopped\"]') !== null").await?;

    // The server's agent is gone: somebody on the way home says that they know.
    instance.kill_node();
    browser.goto(&instance.url()).await?;
    browser.until("document.querySelector('#nav-alerts .badge') !== null").await?;
    browser.click(&test_id("nav-alerts")).await?;
    // There may be others: the pool lies on a disk that is not the test's alone.
    let away = "[data-test=\"alert\"][data-kind=\"node-away\"]";
    browser.until(&format!("document.querySelector('{away}') !== null")).await?;
    browser.fill(&format!("{away} {}", test_id("field-note")), "正在處理").await?;
    browser.picture(&workspace().join("target/screenshots/alerts-phone.png")).await?;
    browser.click(&format!("{away} {}", test_id("alert-acknowledge"))).await?;
    let known = format!("{away} {}", test_id("alert-known"));
    browser.until(&format!("document.querySelector('{known}')?.textContent.includes('正在處理')")).await?;
    browser.until("document.querySelector('#nav-alerts .badge') === null").await?;
    browser.picture(&workspace().join("target/screenshots/alerts-phone-known.png")).await?;
    let findings = browser.accessibility().await?;
    ensure!(findings.is_empty(), "{findings:?}");
    instance.start_node()?;
    browser.until(&format!("document.querySelector('{away}') === null")).await?;

    // It can be put on the home screen: what the browser asks for is there and is what it says.
    let manifest = "(async () => {
        const link = document.querySelector('link[rel=\"manifest\"]');
        const manifest = await (await fetch(link.href)).json();
        const icons = await Promise.all(manifest.icons.map(async ({ src, sizes }) => {
            const image = new Image();
            image.src = src;
            await image.decode();
            return sizes === 'any' || `${image.naturalWidth}x${image.naturalHeight}` === sizes;
        }));
        return manifest.start_url === '/' && manifest.display === 'standalone' && icons.length >= 2 && icons.every(Boolean);
    })()";
    browser.page().execute(&format!("{manifest}.then((good) => (window.installable = good))"), vec![]).await?;
    browser.until("window.installable !== undefined").await?;
    ensure!(browser.eval("window.installable").await? == true, "the manifest and its icons");
    let complaints = browser.complaints().await?;
    ensure!(complaints.is_empty(), "{complaints:?}");
    browser.close().await
}
