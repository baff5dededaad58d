//! `make bench-image`: what the appliance takes, each figure beside what stands under it, measured in turns in one run.
//!
//! ```text
//!  the stick            bytes                               │ –
//!  power → console      an installed server                 │ Debian with the same kernel, to its login prompt
//!  memory               of that server after ten minutes    │ –
//!  blank → first VM     power, installation, start, VM      │ –
//! ```
//!
//! Servers are emulated: times on a busy machine mean little, their ratio to a peer that ran a moment ago means more.

mod installed;
mod starts;

use anyhow::{Context, Result};
use cake_tests::appliance::built;
use cake_tests::table::{Goal, Samples, Table};
use installed::Story;
use starts::Starts;
use std::time::{Duration, Instant};

/// How long a server is left alone before its memory is read.
const IDLE: Duration = Duration::from_secs(600);

/// `cake-image-bench [ROUNDS [SECONDS]]`: rounds of starts, and how long it idles.
fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let rounds = arguments.next().map_or(Ok(3), |text| text.parse())?;
    let idle = arguments.next().map_or(Ok(IDLE), |text| text.parse().map(Duration::from_secs))?;
    if built("cake-installer.img").is_err() {
        println!("There is no image: make image makes it.");
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(bench(rounds, idle))
}

async fn bench(rounds: usize, idle: Duration) -> Result<()> {
    let (begun, mut table) = (Instant::now(), Table::new(rounds));
    let size = built("cake-installer.img")?.metadata().context("the stick")?.len();
    table.row("stick", Samples::new("MB", [size as f64 / 1e6]), None, Goal::Most(400.0), "");

    let mut story = Story::begin().await?;
    let whole = Samples::new("s", [story.took().as_secs_f64()]);
    table.row("blank server → first VM's serial line", whole, None, Goal::Most(360.0), story.parts());
    let memory = story.memory_after(idle).await?;
    let note = format!("MemTotal − MemAvailable after {} s", idle.as_secs());
    table.row("memory of the idle server", Samples::new("MiB", [memory]), None, Goal::Most(400.0), note);

    let starts = Starts::of(&mut story.into_machine()?, rounds).await?;
    table.row(
        "power → console answers, installed",
        Samples::new("s", starts.console),
        Some(Samples::new("s", starts.login)),
        Goal::Times(1.0),
        "Debian to its login prompt",
    );
    table.row("power → firmware starts something", Samples::new("s", starts.firmware), None, Goal::None, "");
    table.print(begun.elapsed());
    Ok(())
}
