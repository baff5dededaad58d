//! What we do to a server ipmitool sees, and what it does we see; against OpenIPMI's simulator.

#[path = "oracle/ipmitool.rs"]
mod ipmitool;
mod support;

use anyhow::{Context, Result, ensure};
use cake_bmc::command::boot;
use cake_bmc::command::user::Privilege;
use cake_bmc::command::watchdog::Action;
use cake_bmc::lan::Session;
use cake_bmc::{Bmc, BmcError, Ipmi};
use cake_types::{BootDevice, ChassisVerb};
use ipmitool::{blocks, connect, ipmitool};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};
use support::ipmi_sim::{PASSWORD, Setup, Simulator, USER};
use tempfile::TempDir;

/// A box that remembers what is done to it: a file for each thing, and all of it in `log`.
fn chassis() -> Result<(TempDir, Simulator)> {
    let folder = tempfile::tempdir()?;
    let program = folder.path().join("chassis");
    let state = folder.path().display();
    let script = format!(
        "#!/bin/sh
cd {state} || exit 1
shift
operation=$1
shift
case $operation in
get) for of; do echo \"$of:$(cat \"$of\")\"; done ;;
set)
    echo \"$*\" >> log
    while [ $# -ge 2 ]; do echo \"$2\" > \"$1\"; shift 2; done
    ;;
esac
"
    );
    fs::write(&program, script)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    fs::write(folder.path().join("power"), "0\n")?;
    fs::write(folder.path().join("boot"), "none\n")?;
    fs::write(folder.path().join("log"), "")?;
    let configuration = format!("  chassis_control \"{} 0x20\"", program.display());
    let simulator = Simulator::start_with(&Setup { configuration, ..Setup::default() })?;
    Ok((folder, simulator))
}

/// What was done since somebody looked last.
fn done(folder: &Path) -> Result<Vec<String>> {
    let log = folder.join("log");
    let lines = fs::read_to_string(&log)?.lines().map(str::to_owned).collect();
    fs::write(&log, "")?;
    Ok(lines)
}

async fn is_on(ipmi: &mut Ipmi<Session>) -> Result<bool> {
    Ok(ipmi.read().await?.chassis.context("a chassis")?.on)
}

#[tokio::test]
async fn power_is_switched_and_seen_both_ways() -> Result<()> {
    let (folder, simulator) = chassis()?;
    let mut ipmi = connect(&simulator, PASSWORD)?;
    let theirs = || ipmitool(&simulator, &["chassis", "power", "status"]);
    ensure!(!is_on(&mut ipmi).await? && theirs()?.contains("is off"));
    ipmi.power(ChassisVerb::On).await?;
    ensure!(is_on(&mut ipmi).await? && theirs()?.contains("is on"));
    ipmitool(&simulator, &["chassis", "power", "off"])?;
    ensure!(!is_on(&mut ipmi).await?);
    ipmitool(&simulator, &["chassis", "power", "on"])?;
    ensure!(is_on(&mut ipmi).await?);
    done(folder.path())?;
    ipmi.power(ChassisVerb::Reset).await?;
    ipmi.power(ChassisVerb::Soft).await?;
    ensure!(done(folder.path())? == ["reset 1", "shutdown 1"]);
    ipmi.power(ChassisVerb::Cycle).await?;
    ensure!(!is_on(&mut ipmi).await?);
    // The simulator leaves it off for some seconds.
    let until = Instant::now() + Duration::from_secs(120);
    while !is_on(&mut ipmi).await? {
        ensure!(Instant::now() < until, "it stays off");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    ensure!(done(folder.path())? == ["power 0", "power 1"]);
    ipmi.power(ChassisVerb::Off).await?;
    ensure!(theirs()?.contains("is off"));
    Ok(())
}

#[tokio::test]
async fn the_light_is_lit_for_so_long() -> Result<()> {
    let (folder, simulator) = chassis()?;
    let mut ipmi = connect(&simulator, PASSWORD)?;
    ipmi.identify(Some(Duration::from_secs(30))).await?;
    ipmi.identify(Some(Duration::from_secs(1000))).await?;
    ipmi.identify(None).await?;
    ipmi.identify(Some(Duration::ZERO)).await?;
    let ours = done(folder.path())?;
    ensure!(ours == ["identify 30 0", "identify 255 0", "identify 0 1", "identify 0 0"], "{ours:?}");
    ipmitool(&simulator, &["chassis", "identify", "30"])?;
    ipmitool(&simulator, &["chassis", "identify", "force"])?;
    let theirs = done(folder.path())?;
    ensure!(theirs == ["identify 30 0", "identify 0 1"], "{theirs:?}");
    Ok(())
}

#[tokio::test]
async fn the_boot_device_is_set_and_seen_both_ways() -> Result<()> {
    let (folder, simulator) = chassis()?;
    let mut ipmi = connect(&simulator, PASSWORD)?;
    for (device, theirs, word) in [
        (BootDevice::Network, "Force PXE", "pxe"),
        (BootDevice::Disk, "Force Boot from default Hard-Drive", "default"),
        (BootDevice::Cd, "Force Boot from CD/DVD", "cdrom"),
        (BootDevice::Setup, "Force Boot into BIOS Setup", "bios"),
        (BootDevice::None, "No override", "none"),
    ] {
        ipmi.set_boot(device, true, true).await?;
        ensure!(fs::read_to_string(folder.path().join("boot"))?.trim() == word);
        let told = ipmitool(&simulator, &["chassis", "bootparam", "get", "5"])?;
        ensure!(told.contains(theirs), "{told}");
    }
    for (device, argument) in [
        (BootDevice::Network, "pxe"),
        (BootDevice::Disk, "disk"),
        (BootDevice::Cd, "cdrom"),
        (BootDevice::Setup, "bios"),
    ] {
        ipmitool(&simulator, &["chassis", "bootdev", argument])?;
        let flags = boot::get(ipmi.transport()).await?;
        // The simulator forgets that what it was told is valid.
        ensure!((flags.device, flags.valid) == (device, false), "{flags:?}");
        ensure!(ipmi.boot().await? == BootDevice::None);
    }
    Ok(())
}

#[tokio::test]
async fn who_the_bmc_is_ipmitool_says_too() -> Result<()> {
    let simulator = Simulator::start()?;
    let device = connect(&simulator, PASSWORD)?.device().await?;
    let theirs = blocks(&ipmitool(&simulator, &["mc", "info"])?, "Device ID").concat();
    let field = |name: &str| theirs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    ensure!(field("Firmware Revision") == Some(device.firmware.as_str()), "{device:?} {theirs:?}");
    ensure!(field("IPMI Version") == Some(device.protocol.as_str()), "{device:?} {theirs:?}");
    ensure!(
        field("Manufacturer ID") == device.manufacturer.map(|of| of.to_string()).as_deref(),
        "{device:?} {theirs:?}"
    );
    let product = device.product.context("a product")?;
    ensure!(field("Product ID").is_some_and(|of| of.starts_with(&product.to_string())), "{device:?} {theirs:?}");
    ensure!(device.guid.is_some() && !device.laboratory);
    Ok(())
}

#[tokio::test]
async fn users_are_listed_and_a_new_password_is_the_way_in() -> Result<()> {
    let simulator = Simulator::start()?;
    let mut ipmi = connect(&simulator, PASSWORD)?;
    let users = ipmi.users().await?;
    let theirs = ipmitool(&simulator, &["user", "list", "1"])?;
    for user in &users {
        let line = theirs.lines().find(|line| line.split_whitespace().next() == Some(&user.number.to_string()));
        let line = line.with_context(|| format!("{user:?} {theirs}"))?;
        let privilege = match user.privilege {
            Privilege::Administrator => "ADMINISTRATOR",
            Privilege::User => "USER",
            other => anyhow::bail!("{other:?}"),
        };
        ensure!(line.contains(&user.name) && line.ends_with(privilege), "{user:?} {line}");
    }
    let names: Vec<_> = users.iter().map(|user| (user.number, user.name.as_str(), user.privilege)).collect();
    ensure!(names.contains(&(2, USER, Privilege::Administrator)), "{names:?}");
    ipmi.set_user_password(2, "another-16-bytes").await?;
    ipmi.close().await;
    ensure!(connect(&simulator, "another-16-bytes")?.device().await.is_ok());
    ensure!(matches!(connect(&simulator, PASSWORD)?.device().await, Err(BmcError::Transport(_))));
    Ok(())
}

#[tokio::test]
async fn the_watchdog_tells_what_it_will_do() -> Result<()> {
    let simulator = Simulator::start()?;
    let mut ipmi = connect(&simulator, PASSWORD)?;
    // Of the operating system, no action (the simulator knows none without hardware), 60 seconds; not started.
    ipmitool(&simulator, &["raw", "0x06", "0x24", "0x04", "0x00", "0x00", "0x00", "0x58", "0x02"])?;
    let watchdog = ipmi.watchdog().await?;
    ensure!((watchdog.running, watchdog.action) == (false, Action::None), "{watchdog:?}");
    ensure!(watchdog.interval == Duration::from_secs(60), "{watchdog:?}");
    Ok(())
}
