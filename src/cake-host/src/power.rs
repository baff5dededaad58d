//! The power of the machine itself, through systemd's logind.

use futures_util::StreamExt;

use crate::bus::{LoginProxy, ManagerProxy};
use crate::system_settings::{SettingsError, connection};

/// SD_LOGIND_SOFT_REBOOT of systemd's `sd-login.h`.
const SOFT_REBOOT: u64 = 1 << 2;

/// Powers the machine off: services are ended in order, then the power is cut. Returns once that is under way.
pub async fn power_off() -> Result<(), SettingsError> {
    Ok(LoginProxy::new(&connection().await?).await?.power_off(false).await?)
}

/// Starts the machine anew: services are ended in order first. Returns once that is under way.
pub async fn reboot() -> Result<(), SettingsError> {
    Ok(LoginProxy::new(&connection().await?).await?.reboot(false).await?)
}

/// Ends all programs but those that outlive it, and starts those of the next root (systemd-soft-reboot.service(8)). Returns once that
/// is under way.
pub async fn soft_reboot() -> Result<(), SettingsError> {
    Ok(LoginProxy::new(&connection().await?).await?.reboot_with_flags(SOFT_REBOOT).await?)
}

/// How often that has happened since the kernel was started.
pub async fn soft_reboots() -> Result<u32, SettingsError> {
    Ok(ManagerProxy::new(&connection().await?).await?.soft_reboots_count().await?)
}

/// Starts a unit that does one thing, and waits for its end. `false`: it failed, and its log says why.
pub async fn run_unit(name: &str) -> Result<bool, SettingsError> {
    let manager = ManagerProxy::new(&connection().await?).await?;
    manager.subscribe().await?;
    let mut ends = manager.receive_job_removed().await?;
    let wanted = manager.start_unit(name, "replace").await?;
    while let Some(end) = ends.next().await {
        let end = end.args()?;
        if end.job.as_str() == wanted.as_str() {
            return Ok(end.result == "done");
        }
    }
    Err(zbus::Error::Failure("the bus went away".to_owned()).into())
}

/// Whether the machine is shutting down already.
pub async fn is_going_down() -> Result<bool, SettingsError> {
    Ok(LoginProxy::new(&connection().await?).await?.preparing_for_shutdown().await?)
}
