//! What this machine is called and since when it runs.

use std::{fs, io, sync::OnceLock, time::Duration};

use sysinfo::System;
use uuid::Uuid;

/// The machine's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostIdentity {
    pub host_name: String,
    /// Made at installation; absent on a machine that never ran systemd.
    pub machine_id: Option<Uuid>,
    pub boot_id: Uuid,
    /// Since the boot.
    pub uptime: Duration,
    /// Such as `Debian GNU/Linux 13 (trixie)`.
    pub system: String,
    /// The kernel's release, such as `6.12.48+deb13-amd64`.
    pub kernel: String,
}

/// Changes with every boot. Read once.
pub fn boot_id() -> io::Result<Uuid> {
    static BOOT_ID: OnceLock<Uuid> = OnceLock::new();
    if let Some(known) = BOOT_ID.get() {
        return Ok(*known);
    }
    let read = parse(&fs::read_to_string("/proc/sys/kernel/random/boot_id")?)?;
    Ok(*BOOT_ID.get_or_init(|| read))
}

/// The machine's id, if it has one.
pub fn machine_id() -> io::Result<Option<Uuid>> {
    match fs::read_to_string("/etc/machine-id") {
        // Empty or `uninitialized` until systemd's first boot has made one.
        Ok(text) => Ok(parse(&text).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads everything.
pub fn read() -> io::Result<HostIdentity> {
    Ok(HostIdentity {
        host_name: nix::unistd::gethostname()?.to_string_lossy().into_owned(),
        machine_id: machine_id()?,
        boot_id: boot_id()?,
        uptime: Duration::from_secs(System::uptime().map_err(io::Error::other)?),
        system: pretty_name(&fs::read_to_string("/etc/os-release").unwrap_or_default())
            .unwrap_or_else(|| "Linux".to_owned()),
        kernel: System::kernel_version().map_err(io::Error::other)?,
    })
}

fn parse(text: &str) -> io::Result<Uuid> {
    Uuid::try_parse(text.trim()).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

fn pretty_name(os_release: &str) -> Option<String> {
    let value = os_release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(value.trim().trim_matches(['"', '\'']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_name() {
        let host = read().expect("a machine");
        assert!(!host.host_name.is_empty() && !host.kernel.is_empty() && !host.boot_id.is_nil());
        assert_eq!(boot_id().expect("a boot"), host.boot_id);
    }

    #[test]
    fn the_system_names_itself() {
        let text = "NAME=\"Debian\"\nPRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\n";
        assert_eq!(pretty_name(text).as_deref(), Some("Debian GNU/Linux 13 (trixie)"));
        assert_eq!(pretty_name("NAME=x"), None);
    }
}
