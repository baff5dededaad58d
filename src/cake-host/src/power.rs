//! The power of the machine itself, through systemd's logind.

use crate::bus::LoginProxy;
use crate::system_settings::{SettingsError, connection};

/// Powers the machine off: services are ended in order, then the power is cut. Returns once that is under way.
pub async fn power_off() -> Result<(), SettingsError> {
    Ok(LoginProxy::new(&connection().await?).await?.power_off(false).await?)
}

/// Starts the machine anew: services are ended in order first. Returns once that is under way.
pub async fn reboot() -> Result<(), SettingsError> {
    Ok(LoginProxy::new(&connection().await?).await?.reboot(false).await?)
}

/// Whether the machine is shutting down already.
pub async fn is_going_down() -> Result<bool, SettingsError> {
    Ok(LoginProxy::new(&connection().await?).await?.preparing_for_shutdown().await?)
}
