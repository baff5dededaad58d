//! Settings of the machine that systemd's services own.

use zbus::Connection;

use crate::bus::{HostNameProxy, TimeDateProxy, error_name, systemd_is_init};

/// Why a setting was not made.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// systemd is not pid 1 here, or the service is not installed: a developer's machine keeps its own settings.
    #[error("settings of this machine are not cake's to make")]
    NotAvailable,
    #[error("refused: {because}")]
    Refused { because: String },
    #[error("cannot reach the service")]
    Bus(#[source] zbus::Error),
}

impl From<zbus::Error> for SettingsError {
    fn from(error: zbus::Error) -> Self {
        match (error_name(&error), &error) {
            (Some("org.freedesktop.DBus.Error.ServiceUnknown" | "org.freedesktop.systemd1.NoSuchUnit"), _) => {
                Self::NotAvailable
            }
            (Some(_), zbus::Error::MethodError(_, Some(because), _)) => Self::Refused { because: because.clone() },
            _ => Self::Bus(error),
        }
    }
}

/// Whether this machine's settings can be made through systemd at all.
pub fn available() -> bool {
    systemd_is_init()
}

/// Sets the host name, for now and for every later boot.
pub async fn set_hostname(name: &str) -> Result<(), SettingsError> {
    let proxy = HostNameProxy::new(&connection().await?).await?;
    proxy.set_static_hostname(name, false).await?;
    Ok(proxy.set_hostname(name, false).await?)
}

/// Sets the time zone by its name in the tz database, such as `Asia/Taipei`.
pub async fn set_timezone(zone: &str) -> Result<(), SettingsError> {
    Ok(TimeDateProxy::new(&connection().await?).await?.set_timezone(zone, false).await?)
}

/// The time zone's name.
pub async fn timezone() -> Result<String, SettingsError> {
    Ok(TimeDateProxy::new(&connection().await?).await?.timezone().await?)
}

pub(crate) async fn connection() -> Result<Connection, SettingsError> {
    if !systemd_is_init() {
        return Err(SettingsError::NotAvailable);
    }
    Connection::system().await.map_err(SettingsError::Bus)
}
