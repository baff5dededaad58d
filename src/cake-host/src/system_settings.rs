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

/// Whether the clock follows servers in the network; `None` where there is no program for that.
pub async fn ntp() -> Result<Option<bool>, SettingsError> {
    let proxy = TimeDateProxy::new(&connection().await?).await?;
    match proxy.can_ntp().await? {
        true => Ok(Some(proxy.ntp().await?)),
        false => Ok(None),
    }
}

/// Lets the clock follow servers in the network, or not, now and after every later start.
pub async fn set_ntp(on: bool) -> Result<(), SettingsError> {
    Ok(TimeDateProxy::new(&connection().await?).await?.set_ntp(on, false).await?)
}

/// Sets the clock, the machine's own beside the kernel's. Refused while it follows servers in the network.
pub async fn set_clock(microseconds: i64) -> Result<(), SettingsError> {
    Ok(TimeDateProxy::new(&connection().await?).await?.set_time(microseconds, false, false).await?)
}

/// Whether the kernel holds its clock for right: somebody has set it by a better one, not long ago.
pub fn is_synchronized() -> bool {
    // SAFETY: all of it is numbers, for which 0 is a value; with no modes set the call only reads.
    let mut state: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes one `timex`, which outlives the call.
    let clock = unsafe { libc::adjtimex(&raw mut state) };
    clock != -1 && clock != libc::TIME_ERROR && state.status & libc::STA_UNSYNC == 0
}

/// The time zone that the machine's programs have by themselves, by its name in the tz database.
pub fn local_zone() -> Option<String> {
    let target = std::fs::read_link("/etc/localtime").ok()?;
    let (_, name) = target.to_str()?.split_once("/zoneinfo/")?;
    Some(name.to_owned())
}

pub(crate) async fn connection() -> Result<Connection, SettingsError> {
    if !systemd_is_init() {
        return Err(SettingsError::NotAvailable);
    }
    Connection::system().await.map_err(SettingsError::Bus)
}
