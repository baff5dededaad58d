//! The ports at the back of the machine, as the kernel shows them (sysfs-class-net).

use cake_types::{MacAddress, UPLINK_BOND, UplinkPort};
use std::fs;
use std::path::Path;

/// ARPHRD_ETHER of linux/if_arp.h.
const ETHERNET: &str = "1";

/// Network cards for cables that the machine was built with, by name: a link of a device, and no wireless one.
pub fn ports() -> Vec<UplinkPort> {
    ports_in(Path::new("/sys/class/net"))
}

fn ports_in(links: &Path) -> Vec<UplinkPort> {
    let entries = fs::read_dir(links).into_iter().flatten();
    let mut ports: Vec<UplinkPort> = entries.filter_map(|entry| port(&entry.ok()?.path())).collect();
    ports.sort_by(|a, b| by_number(&a.name, &b.name));
    ports
}

/// `eth2` before `eth10`.
fn by_number(a: &str, b: &str) -> std::cmp::Ordering {
    let split = |name: &str| {
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
        (stem.to_owned(), name[stem.len()..].parse::<u64>().unwrap_or(0))
    };
    split(a).cmp(&split(b))
}

fn read(path: &Path) -> Option<String> {
    // A link that is down refuses to say whether it has a carrier.
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

fn last_of(link: &Path) -> Option<String> {
    Some(fs::read_link(link).ok()?.file_name()?.to_str()?.to_owned())
}

fn port(link: &Path) -> Option<UplinkPort> {
    let wired = link.join("device").exists() && !link.join("phy80211").exists() && !link.join("wireless").exists();
    if !wired || read(&link.join("type"))? != ETHERNET {
        return None;
    }
    // In a bond all ports go by the address of one; what stands on the card is said there.
    let own = read(&link.join("bonding_slave/perm_hwaddr")).or_else(|| read(&link.join("address")))?;
    let mac: MacAddress = own.parse().ok()?;
    let carrier = read(&link.join("carrier")).as_deref() == Some("1");
    let bonded = last_of(&link.join("master")).as_deref() == Some(UPLINK_BOND);
    let carries = read(&link.join("bonding_slave/state")).as_deref() == Some("active");
    let speed = read(&link.join("speed")).and_then(|speed| speed.parse::<u32>().ok());
    Some(UplinkPort {
        name: link.file_name()?.to_str()?.to_owned(),
        mac,
        driver: last_of(&link.join("device/driver")),
        carrier,
        // A card without a cable says the largest number that there is, or none.
        speed: speed.filter(|speed| carrier && (1..=10_000_000).contains(speed)),
        bonded,
        active: bonded && carrier && carries,
        neighbor: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn link(root: &Path, name: &str, files: &[(&str, &str)]) {
        let link = root.join(name);
        for (file, text) in files {
            let path = link.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("{text}\n")).unwrap();
        }
    }

    #[test]
    fn ports_are_links_of_devices() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let card =
            |address, carrier| [("type", "1"), ("address", address), ("carrier", carrier), ("device/vendor", "1")];
        link(root, "eth10", &card("52:54:00:00:00:10", "0"));
        link(root, "eth2", &card("52:54:00:00:00:10", "1"));
        link(
            root,
            "eth2",
            &[("bonding_slave/perm_hwaddr", "52:54:00:00:00:02"), ("bonding_slave/state", "active"), ("speed", "1000")],
        );
        link(root, "eth10", &[("speed", "4294967295")]);
        link(root, "cables", &[("type", "1"), ("address", "52:54:00:00:00:10")]);
        link(root, "wlan0", &card("52:54:00:00:00:11", "1"));
        link(root, "wlan0", &[("wireless/x", "")]);
        link(root, "lo", &[("type", "772"), ("device/x", "")]);
        symlink("../cables", root.join("eth2/master")).unwrap();
        symlink("../../drivers/e1000e", root.join("eth2/device/driver")).unwrap();
        let ports = ports_in(root);
        let names: Vec<&str> = ports.iter().map(|port| port.name.as_str()).collect();
        assert_eq!(names, ["eth2", "eth10"]);
        let UplinkPort { mac, driver, carrier, speed, bonded, active, .. } = &ports[0];
        assert_eq!(mac.to_string(), "52:54:00:00:00:02", "its own, not the bond's");
        assert_eq!((driver.as_deref(), *speed), (Some("e1000e"), Some(1000)));
        assert!(*carrier && *bonded && *active);
        assert!(!ports[1].carrier && !ports[1].bonded && ports[1].speed.is_none());
    }
}
