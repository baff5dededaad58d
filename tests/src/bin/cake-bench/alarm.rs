//! How long it takes from a sensor that crosses its limit to the alert on a page that somebody looks at.
//!
//! A sensor that moves just after it was read waits longest: until it is read again. That wait is the floor, and what comes on top of it
//! is cake's: the worker, the node, caked, TLS, the browser.

use anyhow::{Context, Result};
use cake_bmc_sim::{Description, Sim};
use cake_client::Client;
use cake_tests::table::{Goal, Samples, Table};
use cake_tests::{Browser, Instance, in_time, test_id, workspace};
use serde_json::json;
use std::time::{Duration, SystemTime};

/// From one reading to the next.
const INTERVAL: Duration = Duration::from_secs(10);
const MOST_MS: f64 = 250.0;

/// Notes the moment at which the first alert stands on the page.
const LOOK: &str = "const wanted = arguments[0];
    window.shown = new Promise((resolve) => {
        const look = () => { if (document.querySelector(wanted)) { observer.disconnect(); resolve(Date.now()); } };
        const observer = new MutationObserver(look);
        observer.observe(document, { subtree: true, childList: true, attributes: true });
        look();
    });";
const SHOWN: &str = "window.shown.then(arguments[arguments.length - 1])";

pub async fn measure(table: &mut Table, rounds: usize) -> Result<()> {
    let example = workspace().join("tests/bmc-sim/examples/server.toml");
    let sim = Sim::start(Description::parse(&std::fs::read_to_string(example)?)?).await?;
    let (instance, client) = Instance::ready().await?;
    let bmc = json!({ "host": sim.address().ip().to_string(), "port": sim.address().port(), "user": "admin",
        "password": "laboratory", "access": "ipmi" });
    let server = client.add_server(&json!({ "name": "alarm", "bmc": bmc })).await?.id.to_string();
    let browser = Browser::start("en").await?;
    browser.goto(&format!("{}/login", instance.url())).await?;
    browser.log_in().await?;
    browser.goto(&format!("{}/alerts", instance.url())).await?;
    let mut own = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        own.push(alarm(&client, &server, &sim, &browser).await?);
    }
    browser.close().await?;
    let note = format!("goal: an interval and {MOST_MS} ms; moved just after a reading; in Chromium");
    let most = INTERVAL.as_secs_f64() * 1000.0 + MOST_MS;
    table.row(
        "sensor over its limit → alert",
        Samples::times(&own),
        Some(Samples::times(&[INTERVAL])),
        Goal::Most(most),
        note,
    );
    Ok(())
}

async fn alarm(client: &Client, server: &str, sim: &Sim, browser: &Browser) -> Result<Duration> {
    let alert = format!("{}[data-kind=sensor-limit]", test_id("alert"));
    set(sim, 48)?;
    browser.until(&format!("document.querySelector({}) === null", json!(alert))).await?;
    browser.page().execute(LOOK, vec![json!(alert)]).await?;
    next_reading(client, server).await?;
    let begun = SystemTime::now();
    set(sim, 95)?;
    let shown = browser.page().execute_async(SHOWN, vec![]).await?.as_u64().context("a moment")?;
    Ok((SystemTime::UNIX_EPOCH + Duration::from_millis(shown)).duration_since(begun)?)
}

fn set(sim: &Sim, degrees: u8) -> Result<()> {
    sim.control(&format!("set CPU Temp {degrees}")).map(drop).map_err(anyhow::Error::msg)
}

/// Returns when the server was read once more.
async fn next_reading(client: &Client, server: &str) -> Result<()> {
    let mut watch = client.watch(None).await?;
    let before = client.server(server).await?.read_at;
    in_time("a reading", async {
        loop {
            let seen = client.server(server).await?;
            if seen.read_at.is_some() && seen.read_at != before {
                return Ok(());
            }
            watch.next().await?.context("the watch goes on")?;
        }
    })
    .await
}
