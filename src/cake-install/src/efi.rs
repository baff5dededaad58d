//! The firmware's own list of what it starts: `Boot####` and `BootOrder` (UEFI 2.10 §3.1.3 load options, §3.3 variables, §10.3 device
//! paths). Disks start without it, by the fallback path; with it the server prefers them, in the right order.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// EFI_GLOBAL_VARIABLE.
const GLOBAL: &str = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
/// Non-volatile, for boot services and for the running system.
const ATTRIBUTES: [u8; 4] = [7, 0, 0, 0];
/// LOAD_OPTION_ACTIVE.
const ACTIVE: u32 = 1;

/// A boot partition, and what the person sees in the firmware's menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub description: String,
    /// From 1.
    pub partition: u32,
    /// In logical sectors of the disk, as is `size`.
    pub start: u64,
    pub size: u64,
    /// GPT's GUID of the partition.
    pub uuid: Uuid,
    /// With backslashes, from the partition's root.
    pub path: String,
}

#[derive(Debug, thiserror::Error)]
#[error("{path} can't be read or written")]
pub struct EfiError {
    pub path: PathBuf,
    #[source]
    pub source: io::Error,
}

/// What the descriptions of the disks of an installation are.
pub fn description(index: usize) -> &'static str {
    if index == 0 { "cake" } else { "cake (second disk)" }
}

impl Entry {
    /// EFI_LOAD_OPTION.
    pub fn encode(&self) -> Vec<u8> {
        let path = self.device_path();
        let mut bytes = ACTIVE.to_le_bytes().to_vec();
        bytes.extend(u16::try_from(path.len()).unwrap_or(u16::MAX).to_le_bytes());
        bytes.extend(utf16(&self.description));
        bytes.extend(path);
        bytes
    }

    /// Hard drive, file, end.
    fn device_path(&self) -> Vec<u8> {
        let mut drive = self.partition.to_le_bytes().to_vec();
        drive.extend(self.start.to_le_bytes());
        drive.extend(self.size.to_le_bytes());
        drive.extend(self.uuid.to_bytes_le());
        // The format is GPT, the signature a GUID.
        drive.extend([2, 2]);
        let mut path = node(4, 1, &drive);
        path.extend(node(4, 4, &utf16(&self.path)));
        path.extend(node(0x7f, 0xff, &[]));
        path
    }
}

fn node(kind: u8, subkind: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 4).unwrap_or(u16::MAX).to_le_bytes();
    [&[kind, subkind, length[0], length[1]], content].concat()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

/// The description of an EFI_LOAD_OPTION.
fn described(option: &[u8]) -> Option<String> {
    let units = option.get(6..)?.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    char::decode_utf16(units.take_while(|unit| *unit != 0)).collect::<Result<_, _>>().ok()
}

/// Does this machine's firmware keep such a list?
pub fn is_there(variables: &Path) -> bool {
    fs::read_dir(variables).is_ok_and(|mut entries| entries.next().is_some())
}

/// Puts the entries at the beginning of the list. Those that an earlier installation wrote are replaced.
pub fn write(variables: &Path, entries: &[Entry]) -> Result<(), EfiError> {
    let mut known = boot_options(variables)?;
    let is_own = |description: &str| (0..2).any(|index| self::description(index) == description);
    let mut own = Vec::new();
    for (number, described) in &known {
        if is_own(described) {
            own.push(*number);
        }
    }
    let mut numbers = Vec::new();
    for entry in entries {
        let number = if own.is_empty() {
            (0..=u16::MAX).find(|number| !known.iter().any(|(taken, _)| taken == number)).unwrap_or(0)
        } else {
            own.remove(0)
        };
        store(variables, &format!("Boot{number:04X}"), &entry.encode())?;
        known.push((number, entry.description.clone()));
        numbers.push(number);
    }
    for number in &own {
        let path = variable(variables, &format!("Boot{number:04X}"));
        fs::remove_file(&path).map_err(|source| EfiError { path, source })?;
    }
    let order = order(variables)?.into_iter().filter(|number| !own.contains(number) && !numbers.contains(number));
    let order: Vec<u8> = numbers.iter().copied().chain(order).flat_map(u16::to_le_bytes).collect();
    store(variables, "BootOrder", &order)
}

fn variable(variables: &Path, name: &str) -> PathBuf {
    variables.join(format!("{name}-{GLOBAL}"))
}

fn boot_options(variables: &Path) -> Result<Vec<(u16, String)>, EfiError> {
    let error = |source| EfiError { path: variables.to_owned(), source };
    let mut options = Vec::new();
    for entry in fs::read_dir(variables).map_err(error)? {
        let entry = entry.map_err(error)?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("Boot")?.strip_suffix(GLOBAL)?.strip_suffix('-'));
        let hexadecimal =
            number.filter(|number| number.len() == 4).and_then(|number| u16::from_str_radix(number, 16).ok());
        let Some(number) = hexadecimal else { continue };
        let bytes = fs::read(entry.path()).map_err(error)?;
        options.push((number, bytes.get(4..).and_then(described).unwrap_or_default()));
    }
    options.sort();
    Ok(options)
}

fn order(variables: &Path) -> Result<Vec<u16>, EfiError> {
    let path = variable(variables, "BootOrder");
    match fs::read(&path) {
        Ok(bytes) => Ok(bytes
            .get(4..)
            .unwrap_or_default()
            .chunks_exact(2)
            .map(|two| u16::from_le_bytes([two[0], two[1]]))
            .collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(source) => Err(EfiError { path, source }),
    }
}

/// Attributes and value in one write, as efivarfs wants it.
fn store(variables: &Path, name: &str, value: &[u8]) -> Result<(), EfiError> {
    let path = variable(variables, name);
    let whole = [&ATTRIBUTES, value].concat();
    // The same again would only wear out the firmware's memory.
    if fs::read(&path).is_ok_and(|there| there == whole) {
        return Ok(());
    }
    fs::write(&path, whole).map_err(|source| EfiError { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(index: usize) -> Entry {
        Entry {
            description: description(index).into(),
            partition: 1,
            start: 2048,
            size: 4_194_304,
            uuid: "01234567-89ab-cdef-0011-223344556677".parse().unwrap(),
            path: r"\EFI\systemd\systemd-bootx64.efi".into(),
        }
    }

    #[test]
    fn a_load_option_is_what_the_specification_says() {
        let bytes = entry(0).encode();
        let head = [1, 0, 0, 0, 116, 0, b'c', 0, b'a', 0, b'k', 0, b'e', 0, 0, 0];
        assert_eq!(bytes[..16], head);
        // HD(1,GPT,01234567-89ab-cdef-0011-223344556677,0x800,0x400000)
        let drive = [4, 1, 42, 0, 1, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0];
        assert_eq!(bytes[16..40], drive);
        let guid = [0x67, 0x45, 0x23, 0x01, 0xab, 0x89, 0xef, 0xcd, 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 2, 2];
        assert_eq!(bytes[40..58], guid);
        assert_eq!(bytes[58..62], [4, 4, 70, 0]);
        assert_eq!(bytes[bytes.len() - 4..], [0x7f, 0xff, 4, 0]);
        assert_eq!(bytes.len(), 16 + 42 + 70 + 4);
    }

    #[test]
    fn own_entries_are_replaced_and_others_stay_behind_them() {
        let folder = tempfile::tempdir().unwrap();
        let variables = folder.path();
        let other = Entry { description: "Windows".into(), ..entry(0) };
        store(variables, "Boot0000", &other.encode()).unwrap();
        store(variables, "BootOrder", &[0, 0]).unwrap();
        write(variables, &[entry(0), entry(1)]).unwrap();
        assert_eq!(order(variables).unwrap(), [1, 2, 0]);
        write(variables, &[entry(0)]).unwrap();
        assert_eq!(order(variables).unwrap(), [1, 0]);
        let left: Vec<_> = boot_options(variables).unwrap();
        assert_eq!(left, [(0, "Windows".to_owned()), (1, "cake".to_owned())]);
        assert!(is_there(variables) && !is_there(&variables.join("none")));
    }
}
