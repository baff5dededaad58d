//! One entry: what is started, and what the person sees in the firmware's menu.

use uuid::Uuid;

/// LOAD_OPTION_ACTIVE.
const ACTIVE: u32 = 1;

/// What an entry of cake's starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The boot loader, which chooses.
    Loader,
    /// One version of the firmware, past the boot loader.
    Fallback,
}

impl Role {
    /// What the entry of a disk is called, and how it is known again.
    pub fn description(self, disk: usize) -> &'static str {
        match (self, disk) {
            (Self::Loader, 0) => "cake",
            (Self::Loader, _) => "cake (second disk)",
            (Self::Fallback, 0) => "cake (fallback)",
            (Self::Fallback, _) => "cake (fallback, second disk)",
        }
    }

    fn known(description: &str) -> Option<Self> {
        let is = |role: &Self| (0..2).any(|disk| role.description(disk) == description);
        [Self::Loader, Self::Fallback].into_iter().find(is)
    }
}

/// A file of a boot partition.
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

/// What somebody wrote: of cake's own entries it is known which they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub number: u16,
    /// `None`: not cake's.
    pub role: Option<Role>,
    option: Vec<u8>,
}

impl Known {
    pub fn new(number: u16, option: Vec<u8>) -> Self {
        Self { number, role: described(&option).and_then(|text| Role::known(&text)), option }
    }

    /// The partition that it starts something from: the GUID in the first node of its device path, as it stands there.
    pub fn partition(&self) -> Option<&[u8]> {
        let description = self.option.get(6..)?.chunks_exact(2).position(|unit| unit == [0, 0])?;
        let path = self.option.get(6 + 2 * (description + 1)..)?;
        path.get(..42).filter(|node| node.starts_with(&[4, 1, 42, 0])).map(|node| &node[24..40])
    }

    /// Does it start something from this partition, as this role?
    pub fn is(&self, role: Role, partition: Uuid) -> bool {
        self.role == Some(role) && self.partition() == Some(&partition.to_bytes_le()[..])
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_option_is_what_the_specification_says() {
        let entry = Entry {
            description: Role::Loader.description(0).into(),
            partition: 1,
            start: 2048,
            size: 4_194_304,
            uuid: "01234567-89ab-cdef-0011-223344556677".parse().unwrap(),
            path: r"\EFI\systemd\systemd-bootx64.efi".into(),
        };
        let bytes = entry.encode();
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
        let known = Known::new(7, bytes);
        assert!(known.is(Role::Loader, entry.uuid) && !known.is(Role::Fallback, entry.uuid));
        assert!(!known.is(Role::Loader, Uuid::nil()));
    }

    #[test]
    fn what_others_wrote_is_nobodys() {
        for option in [&b""[..], &[1, 0, 0, 0, 4, 0], &[1, 0, 0, 0, 4, 0, 0, 0xd8, 0, 0]] {
            assert_eq!(Known::new(0, option.to_vec()).role, None);
        }
    }
}
