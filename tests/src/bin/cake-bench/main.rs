//! `make bench`: what cake's own part costs, each figure beside the floor beneath it, measured in turns in one run.
//!
//! ```text
//!  start, line, stop   cake over its API   │ the same argv, by the same helper, by hand
//!  lists               GET /v1/vms         │ the same bytes, ready-made, over the same TLS
//!  memory, start-up    both daemons        │ (figures of others, from their own measurements)
//!  screens             bytes to a browser  │ the same over plain TCP
//!  BMCs                readings            │ the same requests ready-made, decoded by nobody
//!  alarm               limit → alert       │ the time from one reading to the next
//!  images              upload, import      │ openssl, qemu-img, FICLONE
//!  engines             pause of a guest    │ that of a local migration
//! ```
//!
//! Times on a busy machine mean little; ratios to a floor that ran a moment ago mean more, and counts mean most. So every
//! row says what the load was, and what noise can't touch is counted: QMP commands, synced writes.

mod alarm;
mod bmcs;
mod canned;
mod counts;
mod engines;
mod floor;
mod guests;
mod lists;
mod pages;
mod peers;
mod screens;
mod transfers;

use anyhow::Result;
use cake_tests::Instance;
use cake_tests::table::Table;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// `cake-bench [ROUNDS [house|screens|transfers|bmcs|alarm|engines]]`: all parts, or one.
fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [command, body] = arguments.as_slice()
        && command == "canned"
    {
        return canned::serve(body);
    }
    if let Some(("bmc-memory", peers)) = arguments.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return bmcs::memory::tell(peers);
    }
    let rounds = arguments.first().map_or(Ok(9), |text| text.parse())?;
    let part = arguments.get(1).map(String::as_str);
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(bench(rounds, part))
}

/// The state lies on a disk, as in service: /tmp is memory on many machines, and a sync of memory costs nothing. Not in the
/// checkout: its path may be too long for sockets, or closed to caked's user.
const STATE: &str = "/var/tmp";

/// The file system of a folder, as stat(1) calls it.
fn file_system(folder: &Path) -> String {
    let stat = Command::new("stat").args(["--file-system", "--format=%T"]).arg(folder).output();
    stat.map_or_else(|_| "unknown".into(), |stat| String::from_utf8_lossy(&stat.stdout).trim().to_owned())
}

async fn bench(rounds: usize, part: Option<&str>) -> Result<()> {
    let begun = Instant::now();
    let mut table = Table::new(rounds);
    let wanted = |name| part.is_none_or(|part| part == name);
    if wanted("house") {
        house(&mut table, rounds).await?;
    }
    if wanted("screens") {
        screens::measure(&mut table, rounds).await?;
    }
    if wanted("bmcs") {
        let measured = tokio::task::spawn_blocking(move || {
            bmcs::measure(&mut table, rounds)?;
            anyhow::Ok(table)
        });
        table = measured.await??;
    }
    if wanted("alarm") {
        alarm::measure(&mut table, rounds).await?;
    }
    if wanted("transfers") {
        transfers::measure(&mut table, rounds).await?;
    }
    if wanted("engines") {
        engines::measure(&mut table, rounds).await?;
    }
    table.print(begun.elapsed());
    Ok(())
}

/// Both daemons, one VM, and then a thousand.
async fn house(table: &mut Table, rounds: usize) -> Result<()> {
    let (mut instance, client) = Instance::ready_in(Path::new(STATE), "auto").await?;
    table.note(format!("State, Journal and disks lie in {STATE}, on {}", file_system(instance.state())));
    lists::idle_memory(table, &instance).await?;
    guests::measure(table, &instance, &client, rounds).await?;
    counts::measure(table, &instance, &client).await?;
    let house = lists::thousand(&instance, &client).await?;
    lists::measure(table, &instance, &client, &house, rounds).await?;
    pages::measure(table, &instance).await?;
    lists::start_up(table, &mut instance, rounds).await?;
    if std::env::var_os("PEERS").is_some_and(|peers| !peers.is_empty()) {
        peers::measure(table, &instance, rounds);
    }
    Ok(())
}
