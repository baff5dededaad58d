//! What this machine is called and since when it runs.

use std::{fs, io, path::Path, sync::OnceLock, time::Duration};

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

/// Serial numbers that the maker wrote into the firmware: of the machine, of its main board. root's to read, and often nonsense.
pub fn serials() -> [Option<String>; 2] {
    ["product_serial", "board_serial"].map(|name| fs::read_to_string(Path::new("/sys/class/dmi/id").join(name)).ok())
}

/// Addresses of the network cards that can be touched: of no bridge, tap or bond.
pub fn cards() -> Vec<[u8; 6]> {
    cards_in(Path::new("/sys/class/net"))
}

fn cards_in(links: &Path) -> Vec<[u8; 6]> {
    let Ok(links) = fs::read_dir(links) else { return Vec::new() };
    let physical = links.flatten().map(|link| link.path()).filter(|link| link.join("device").exists());
    physical.filter_map(|link| mac(&fs::read_to_string(link.join("address")).ok()?)).collect()
}

fn mac(text: &str) -> Option<[u8; 6]> {
    let bytes: Vec<u8> = text.trim().split(':').map(|byte| u8::from_str_radix(byte, 16).ok()).collect::<Option<_>>()?;
    bytes.try_into().ok()
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
    fn cards_are_those_with_a_device() {
        let links = tempfile::tempdir().expect("a folder");
        let link = |name: &str, address: &str, physical: bool| {
            let folder = links.path().join(name);
            fs::create_dir_all(if physical { folder.join("device") } else { folder.clone() }).expect("a folder");
            fs::write(folder.join("address"), address).expect("a file");
        };
        link("eth0", "52:54:00:ab:cd:ef\n", true);
        link("br0", "52:54:00:00:00:01\n", false);
        // InfiniBand's are longer.
        link("ib0", "80:00:02:08:fe:80:00:00:00:00:00:00:00:02:c9:03:00:00:00:01\n", true);
        link("odd", "\n", true);
        assert_eq!(cards_in(links.path()), [[0x52, 0x54, 0, 0xab, 0xcd, 0xef]]);
        assert!(cards_in(&links.path().join("nowhere")).is_empty());
    }

    #[test]
    fn the_system_names_itself() {
        let text = "NAME=\"Debian\"\nPRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\n";
        assert_eq!(pretty_name(text).as_deref(), Some("Debian GNU/Linux 13 (trixie)"));
        assert_eq!(pretty_name("NAME=x"), None);
    }
}
