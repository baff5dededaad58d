//! Settings of the machine, tried where it is a guest that nobody will miss.

use cake_host::{
    identity,
    system_settings::{self, SettingsError},
};

use crate::{Failure, suite::ensure};

pub(crate) async fn run() -> Result<(), Failure> {
    ensure(system_settings::available(), "systemd is pid 1")?;
    system_settings::set_hostname("cake-conformance").await?;
    ensure(identity::read()?.host_name == "cake-conformance", "the host name is set")?;
    println!("ok settings the host name is set");
    system_settings::set_timezone("Asia/Taipei").await?;
    ensure(system_settings::timezone().await? == "Asia/Taipei", "the time zone is set")?;
    println!("ok settings the time zone is set");
    let outcome = system_settings::set_timezone("Nowhere/Nothing").await;
    ensure(matches!(outcome, Err(SettingsError::Refused { .. })), &format!("{outcome:?}"))?;
    println!("ok settings a time zone that does not exist is refused");
    let outcome = system_settings::set_hostname("not a name").await;
    ensure(matches!(outcome, Err(SettingsError::Refused { .. })), &format!("{outcome:?}"))?;
    println!("ok settings a host name that is none is refused");
    clock().await
}

/// A guest has nobody to compare its clock with, so it is not held for right.
async fn clock() -> Result<(), Failure> {
    ensure(!system_settings::is_synchronized(), "nobody has set the clock")?;
    system_settings::set_ntp(true).await?;
    ensure(system_settings::ntp().await? == Some(true), "the clock follows others")?;
    println!("ok settings the clock follows others");
    // Refused while it does; systemd counts that from when the program runs.
    let outcome = system_settings::set_clock(LATER).await;
    ensure(matches!(outcome, Err(SettingsError::Refused { .. })), &format!("{outcome:?}"))?;
    println!("ok settings a clock that follows others is not set");
    system_settings::set_ntp(false).await?;
    ensure(system_settings::ntp().await? == Some(false), "the clock follows nobody")?;
    system_settings::set_clock(LATER).await?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_micros();
    ensure(now >= u128::from(LATER.unsigned_abs()), "the clock is set")?;
    println!("ok settings a clock that follows nobody is set");
    Ok(())
}

/// 2033-05-18.
const LATER: i64 = 2_000_000_000_000_000;
