//! Every D-Bus proxy of cake, in one place: zbus changes its interface often.

use std::path::Path;

use zbus::{
    proxy,
    zvariant::{ObjectPath, OwnedObjectPath, Value},
};

/// Whether pid 1 is systemd.
pub(crate) fn systemd_is_init() -> bool {
    // As sd_booted(3) says it.
    Path::new("/run/systemd/system").is_dir()
}

/// A property of a transient unit.
pub(crate) type Property<'a> = (&'a str, Value<'a>);
/// An auxiliary unit: its name and properties.
pub(crate) type Auxiliary<'a> = (&'a str, Vec<Property<'a>>);

#[proxy(
    interface = "org.freedesktop.systemd1.Manager",
    default_service = "org.freedesktop.systemd1",
    default_path = "/org/freedesktop/systemd1",
    gen_blocking = false
)]
pub(crate) trait Manager {
    /// Lets systemd send its signals to this connection.
    fn subscribe(&self) -> zbus::Result<()>;

    fn start_transient_unit(
        &self,
        name: &str,
        mode: &str,
        properties: &[Property<'_>],
        auxiliary: &[Auxiliary<'_>],
    ) -> zbus::Result<OwnedObjectPath>;

    /// Such as `257.8-1~deb13u2`.
    #[zbus(property(emits_changed_signal = "const"))]
    fn version(&self) -> zbus::Result<String>;

    fn get_unit(&self, name: &str) -> zbus::Result<OwnedObjectPath>;

    fn start_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;

    /// How often user space was started anew since the kernel was.
    #[zbus(property(emits_changed_signal = "false"))]
    fn soft_reboots_count(&self) -> zbus::Result<u32>;

    #[zbus(signal)]
    fn job_removed(&self, id: u32, job: ObjectPath<'_>, unit: &str, result: &str) -> zbus::Result<()>;

    #[zbus(signal)]
    fn unit_removed(&self, id: &str, unit: ObjectPath<'_>) -> zbus::Result<()>;
}

#[proxy(
    interface = "org.freedesktop.systemd1.Service",
    default_service = "org.freedesktop.systemd1",
    gen_blocking = false
)]
pub(crate) trait Service {
    #[zbus(property(emits_changed_signal = "false"), name = "MainPID")]
    fn main_pid(&self) -> zbus::Result<u32>;
}

#[proxy(
    interface = "org.freedesktop.login1.Manager",
    default_service = "org.freedesktop.login1",
    default_path = "/org/freedesktop/login1",
    gen_blocking = false
)]
pub(crate) trait Login {
    fn power_off(&self, interactive: bool) -> zbus::Result<()>;

    fn reboot(&self, interactive: bool) -> zbus::Result<()>;

    /// `flags`: see systemd's `sd-login.h`.
    fn reboot_with_flags(&self, flags: u64) -> zbus::Result<()>;

    #[zbus(property(emits_changed_signal = "false"))]
    fn preparing_for_shutdown(&self) -> zbus::Result<bool>;
}

#[proxy(
    interface = "org.freedesktop.hostname1",
    default_service = "org.freedesktop.hostname1",
    default_path = "/org/freedesktop/hostname1",
    gen_blocking = false
)]
pub(crate) trait HostName {
    fn set_static_hostname(&self, name: &str, interactive: bool) -> zbus::Result<()>;

    fn set_hostname(&self, name: &str, interactive: bool) -> zbus::Result<()>;
}

#[proxy(
    interface = "org.freedesktop.timedate1",
    default_service = "org.freedesktop.timedate1",
    default_path = "/org/freedesktop/timedate1",
    gen_blocking = false
)]
pub(crate) trait TimeDate {
    fn set_timezone(&self, zone: &str, interactive: bool) -> zbus::Result<()>;

    #[zbus(name = "SetNTP")]
    fn set_ntp(&self, on: bool, interactive: bool) -> zbus::Result<()>;

    /// `time`: microseconds since 1970, or from now where it is `relative`.
    fn set_time(&self, time: i64, relative: bool, interactive: bool) -> zbus::Result<()>;

    #[zbus(property(emits_changed_signal = "false"))]
    fn timezone(&self) -> zbus::Result<String>;

    #[zbus(property(emits_changed_signal = "false"), name = "NTP")]
    fn ntp(&self) -> zbus::Result<bool>;

    /// There is a program for that.
    #[zbus(property(emits_changed_signal = "false"), name = "CanNTP")]
    fn can_ntp(&self) -> zbus::Result<bool>;
}

#[proxy(
    interface = "org.freedesktop.network1.Manager",
    default_service = "org.freedesktop.network1",
    default_path = "/org/freedesktop/network1",
    gen_blocking = false
)]
pub(crate) trait Network {
    /// Reads the files again, and brings the links whose files changed to what stands there.
    fn reload(&self) -> zbus::Result<()>;

    /// Everything that it knows of a link, as JSON.
    fn describe_link(&self, index: i32) -> zbus::Result<String>;
}

/// The D-Bus name of an error, when the other side refused.
pub(crate) fn error_name(error: &zbus::Error) -> Option<&str> {
    match error {
        zbus::Error::MethodError(name, _, _) => Some(name.as_str()),
        _ => None,
    }
}
