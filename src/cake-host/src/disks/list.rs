//! Disks as the kernel shows them in /sys.

use cake_types::{ByteSize, DiskHealth, ServerBus, ServerDisk};
use std::fs;
use std::io;
use std::path::Path;

/// The kernel counts in these, whatever a disk's own sectors are.
const SECTOR: u64 = 512;
/// Longest model and serial number that is kept, in characters.
const WORD_MAX: usize = 64;

/// All disks below `sys` (`/sys`), by name. What is made of them or of memory (LVM, RAID, loop devices), CD drives and empty card
/// readers are none.
pub fn list(sys: &Path) -> io::Result<Vec<ServerDisk>> {
    let mut disks = Vec::new();
    for entry in fs::read_dir(sys.join("block"))? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        // One that was pulled out meanwhile is none.
        disks.extend(disk(&entry.path(), name));
    }
    disks.sort_by(|a, b| (a.name.len(), &a.name).cmp(&(b.name.len(), &b.name)));
    Ok(disks)
}

fn disk(folder: &Path, name: String) -> Option<ServerDisk> {
    let no_disk = ["sr", "fd", "ram"].iter().any(|kind| name.starts_with(kind));
    let hidden = is_one(&folder.join("hidden"));
    if no_disk || hidden || !folder.join("device").exists() {
        return None;
    }
    let sectors: u64 = fs::read_to_string(folder.join("size")).ok()?.trim().parse().ok()?;
    let size = ByteSize(sectors.checked_mul(SECTOR).filter(|bytes| *bytes > 0)?);
    let bus = bus(folder, &name);
    Some(ServerDisk {
        model: model(folder, bus),
        serial: serial(folder, bus),
        size,
        bus,
        rotational: is_one(&folder.join("queue/rotational")) && !matches!(bus, ServerBus::Virtio | ServerBus::Nvme),
        removable: is_one(&folder.join("removable")) || bus == ServerBus::Usb,
        health: DiskHealth::default(),
        name,
    })
}

fn bus(folder: &Path, name: &str) -> ServerBus {
    let place = folder.canonicalize().unwrap_or_default();
    let behind_usb = place.components().any(|part| part.as_os_str().to_string_lossy().starts_with("usb"));
    let subsystem = fs::read_link(folder.join("device/subsystem")).unwrap_or_default();
    if behind_usb {
        ServerBus::Usb
    } else if name.starts_with("nvme") {
        ServerBus::Nvme
    } else if name.starts_with("vd") {
        ServerBus::Virtio
    } else if subsystem.ends_with("scsi") {
        let ata = word(&folder.join("device/vendor")).is_some_and(|vendor| vendor == "ATA");
        if ata { ServerBus::Ata } else { ServerBus::Scsi }
    } else {
        ServerBus::Other
    }
}

/// With its maker, where that is a field of its own.
fn model(folder: &Path, bus: ServerBus) -> Option<String> {
    let model = word(&folder.join("device/model"))?;
    match bus {
        ServerBus::Scsi | ServerBus::Usb => {
            let vendor = word(&folder.join("device/vendor")).unwrap_or_default();
            clean(&format!("{vendor} {model}"))
        }
        _ => Some(model),
    }
}

fn serial(folder: &Path, bus: ServerBus) -> Option<String> {
    let page = |bytes: Vec<u8>| clean(&String::from_utf8_lossy(bytes.get(4..)?));
    word(&folder.join("device/serial"))
        .or_else(|| word(&folder.join("serial")))
        // SCSI's "unit serial number" page: four bytes of head, then text.
        .or_else(|| fs::read(folder.join("device/vpd_pg80")).ok().and_then(page))
        .or_else(|| (bus == ServerBus::Usb).then(|| of_usb_device(folder)).flatten())
}

/// The nearest device above that has one: the stick itself.
fn of_usb_device(folder: &Path) -> Option<String> {
    let place = folder.canonicalize().ok()?;
    place.ancestors().skip(1).find_map(|above| word(&above.join("serial")))
}

fn is_one(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.trim() == "1")
}

fn word(path: &Path) -> Option<String> {
    clean(&fs::read_to_string(path).ok()?)
}

/// What a disk calls itself is anybody's text.
fn clean(text: &str) -> Option<String> {
    let visible: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words: Vec<&str> = visible.split_whitespace().collect();
    let text: String = words.join(" ").chars().take(WORD_MAX).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A device below `place`, as the kernel lays it out: `block/NAME` is a link to it.
    fn device(sys: &Path, place: &str, name: &str, files: &[(&str, &str)]) {
        let folder = sys.join("devices").join(place).join("block").join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::create_dir_all(sys.join("block")).unwrap();
        symlink(&folder, sys.join("block").join(name)).unwrap();
        let device = sys.join("devices").join(place);
        symlink(&device, folder.join("device")).unwrap();
        for (file, text) in files {
            let path = folder.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    fn scsi(sys: &Path, place: &str) {
        fs::create_dir_all(sys.join("bus/scsi")).unwrap();
        symlink(sys.join("bus/scsi"), sys.join("devices").join(place).join("subsystem")).unwrap();
    }

    #[test]
    fn each_kind_of_disk() {
        let sys = tempfile::tempdir().unwrap();
        let sys = sys.path();
        let nvme = [("size", "2048"), ("device/model", "Fast  One   "), ("device/serial", "S1 \n"), ("hidden", "0\n")];
        device(sys, "pci0/nvme/nvme0", "nvme0n1", &nvme);
        let page = "\0\u{80}\0\u{4}WD-9";
        let ata = [("size", "4096\n"), ("queue/rotational", "1\n"), ("device/vendor", "ATA     "), ("removable", "0")];
        device(sys, "pci0/ata1/target/0:0:0:0", "sda", &ata);
        scsi(sys, "pci0/ata1/target/0:0:0:0");
        let page: Vec<u8> = page.chars().map(|c| c as u8).collect();
        fs::write(sys.join("block/sda/device/vpd_pg80"), page).unwrap();
        let stick = [("size", "8"), ("device/vendor", "Acme"), ("device/model", "Stick\u{1b}[2J"), ("removable", "1")];
        device(sys, "pci0/usb2/2-1/2-1:1.0/target/1:0:0:0", "sdb", &stick);
        scsi(sys, "pci0/usb2/2-1/2-1:1.0/target/1:0:0:0");
        fs::write(sys.join("devices/pci0/usb2/2-1/serial"), "0815\n").unwrap();
        device(sys, "pci0/virtio3", "vda", &[("size", "16"), ("queue/rotational", "1"), ("serial", "root")]);
        device(sys, "pci0/ata2/target/2:0:0:0", "sr0", &[("size", "99")]);
        device(sys, "pci0/reader", "sdc", &[("size", "0")]);
        device(sys, "pci0/nvme/path", "nvme0c0n1", &[("size", "2048"), ("hidden", "1\n")]);
        fs::create_dir_all(sys.join("block/loop0")).unwrap();

        let disks = list(sys).unwrap();
        let seen: Vec<_> = disks
            .iter()
            .map(|d| (d.name.as_str(), d.bus.as_str(), d.model.as_deref(), d.serial.as_deref(), d.size.bytes()))
            .collect();
        assert_eq!(
            seen,
            [
                ("sda", "ata", None, Some("WD-9"), 2 << 20),
                ("sdb", "usb", Some("Acme Stick [2J"), Some("0815"), 4096),
                ("vda", "virtio", None, Some("root"), 8192),
                ("nvme0n1", "nvme", Some("Fast One"), Some("S1"), 1 << 20),
            ]
        );
        let flags: Vec<_> = disks.iter().map(|disk| (disk.rotational, disk.removable)).collect();
        assert_eq!(flags, [(true, false), (false, true), (false, false), (false, false)]);
    }

    #[test]
    fn this_machine() {
        let disks = list(Path::new("/sys")).unwrap();
        assert!(disks.iter().all(|disk| disk.size.bytes() > 0 && !disk.name.starts_with("loop")), "{disks:?}");
        assert!(list(Path::new("/nonexistent")).is_err());
    }
}
