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
    Ok(())
}
