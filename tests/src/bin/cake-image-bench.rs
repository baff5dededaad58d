//! How long the built image takes from the power button to its console, on an emulated server: `make bench`, or
//! `cake-image-bench [ROUNDS]`. What the emulator and the firmware take for any system stands beside it: cake-tiny, which has nothing to
//! start. Times on a busy machine mean little; their ratio means more.

use anyhow::{Context, Result};
use cake_tests::machine::{Disk, Hardware, Kind, Machine, Network};
use cake_tests::workspace;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Longer than any start takes.
const LIMIT: Duration = Duration::from_secs(900);
/// The console's port in the appliance.
const HTTPS: u16 = 443;

/// A way to start, and the words that end it.
struct Case {
    what: &'static str,
    disk: PathBuf,
    guarded: bool,
    said: &'static str,
}

fn main() -> Result<()> {
    let rounds = std::env::args().nth(1).map_or(Ok(3), |text| text.parse())?;
    let folder = std::env::var_os("CAKE_IMAGE_DIR").map_or_else(|| workspace().join("target/image"), PathBuf::from);
    let stick = folder.join("cake-installer.img");
    if !stick.exists() {
        println!("There is no image: make image makes it.");
        return Ok(());
    }
    let engine = std::env::var_os("CAKE_ENGINE_DIR").map_or_else(|| workspace().join("target/engine"), PathBuf::from);
    let images = std::env::var_os("CAKE_IMAGES_DIR").map_or_else(|| engine.join("images"), PathBuf::from);
    let tiny = images.join("cake-tiny.raw");
    let console = ": installer\n  console      https://";
    let cases = [
        Case { what: "cake-tiny", disk: tiny, guarded: false, said: "cake-tiny: ready on" },
        Case { what: "the stick", disk: stick.clone(), guarded: false, said: console },
        Case { what: "the stick, Secure Boot and TPM", disk: stick, guarded: true, said: console },
    ];
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    println!(
        "{:<34} {:>14} {:>14}   (median of {rounds}, seconds)",
        "from the power button", "to the loader", "to its end"
    );
    for case in cases {
        let times = (0..rounds).map(|_| runtime.block_on(start(&case, &folder))).collect::<Result<Vec<_>>>()?;
        let (loader, end) = times.into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
        println!("{:<34} {:>14.1} {:>14.1}", case.what, median(loader)?, median(end)?);
    }
    Ok(())
}

/// Seconds until the firmware has started something, and until that is up.
async fn start(case: &Case, folder: &std::path::Path) -> Result<(f64, f64)> {
    let mut hardware = Hardware::named("bench").network(Network::User { https: HTTPS });
    if case.guarded {
        hardware = hardware.tpm().secure_boot(&folder.join("boot.pem"));
    }
    let mut machine: Machine = hardware.disk(Disk::copy_of("stick", Kind::Stick, &case.disk)).assemble()?;
    let begun = Instant::now();
    machine.power_on().await?;
    machine.wait_serial("BdsDxe: starting", LIMIT).await?;
    let loader = begun.elapsed().as_secs_f64();
    machine.wait_serial(case.said, LIMIT).await?;
    let end = begun.elapsed().as_secs_f64();
    machine.passed()?;
    Ok((loader, end))
}

fn median(mut values: Vec<f64>) -> Result<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().context("at least one round")
}
