//! What a browser sees and costs, in the house of a thousand VMs of which fifty run.

use anyhow::{Context, Result};
use cake_tests::table::{Goal, Samples, Table};
use cake_tests::{ADMIN, Browser, Instance, PASSWORD};
use std::time::Duration;

/// Long enough for several rounds of everything that happens by the clock.
const WATCHED: Duration = Duration::from_secs(60);
/// Cold browsers; each takes seconds to start.
const BROWSERS: usize = 3;

/// Everything that came over the wire for this page, and when it could be used.
const TOLD: &str = "const [page] = performance.getEntriesByType('navigation');
    const parts = performance.getEntriesByType('resource');
    return [page.transferSize + parts.reduce((sum, part) => sum + part.transferSize, 0), 1 + parts.length, page.loadEventEnd];";

pub async fn measure(table: &mut Table, instance: &Instance) -> Result<()> {
    cold(table, instance).await?;
    idle(table, instance).await
}

async fn logged_in(instance: &Instance) -> Result<Browser> {
    let browser = Browser::start("en").await?;
    browser.goto(&format!("{}/login", instance.url())).await?;
    browser.fill("[data-test=field-name]", ADMIN).await?;
    browser.fill("[data-test=field-password]", PASSWORD).await?;
    browser.click("[data-test=login]").await?;
    browser.until("location.pathname === '/'").await?;
    Ok(browser)
}

/// The first look at the list of VMs: nothing is in the browser's cache.
async fn cold(table: &mut Table, instance: &Instance) -> Result<()> {
    let mut told: [Vec<f64>; 3] = Default::default();
    for _ in 0..BROWSERS {
        let browser = logged_in(instance).await?;
        browser.devtools("Network.clearBrowserCache", serde_json::json!({})).await?;
        browser.goto(&format!("{}/vms", instance.url())).await?;
        browser.until("performance.getEntriesByType('navigation')[0].loadEventEnd > 0").await?;
        let answer = browser.page().execute(TOLD, vec![]).await?;
        for (figures, at) in told.iter_mut().zip(0..) {
            figures.push(answer[at].as_f64().context("a number")?);
        }
        browser.close().await?;
    }
    let [bytes, requests, usable] = told;
    let bytes = Samples::new("kB", bytes.into_iter().map(|bytes| bytes / 1000.0));
    table.row("VM list of 100, cold browser: bytes", bytes, None, Goal::Most(150.0), "as sent, compressed");
    table.row("… requests", Samples::new("", requests), None, Goal::Most(12.0), "without the watch, which never ends");
    table.row("… until it is loaded", Samples::new("ms", usable), None, Goal::None, "page and every file of it");
    Ok(())
}

/// What both daemons use while somebody looks at the overview and nothing happens.
async fn idle(table: &mut Table, instance: &Instance) -> Result<()> {
    let browser = logged_in(instance).await?;
    let ticks = || anyhow::Ok([ticks(instance.caked().pid())?, ticks(instance.node().pid())?]);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let before = ticks()?;
    tokio::time::sleep(WATCHED).await;
    let after = ticks()?;
    let percent = |at: usize| (after[at] - before[at]) as f64 / per_second() / WATCHED.as_secs_f64() * 100.0;
    let own = Samples::new("% of a core", [percent(0) + percent(1)]);
    let note = format!("caked {:.2}, cake-node {:.2}; over {} s", percent(0), percent(1), WATCHED.as_secs());
    table.row("50 running VMs, one open overview", own, None, Goal::Most(2.0), note);
    browser.close().await
}

/// User and system time of a process, in ticks (fields 14 and 15 of /proc/PID/stat).
fn ticks(pid: u32) -> Result<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields: Vec<&str> = stat.rsplit_once(')').context("a name in brackets")?.1.split_whitespace().collect();
    Ok(fields[11].parse::<u64>()? + fields[12].parse::<u64>()?)
}

fn per_second() -> f64 {
    // SAFETY: asks for a constant of the kernel.
    unsafe { nix::libc::sysconf(nix::libc::_SC_CLK_TCK) as f64 }
}
