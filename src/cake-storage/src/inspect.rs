//! What an image's file is. Plain functions over hostile bytes: they run in a confined worker ([`crate::worker`]), and the fuzz
//! target and its corpus are in `fuzz/`.
//!
//! Nothing is believed that is not needed: the format, the size that a guest would see, what it boots with. A file that names
//! another file is refused, because whoever opens it would open that one too.

mod elf;
mod iso;
mod qcow2;
mod vhdx;
mod vmdk;

use crate::package::read::tar;
use cake_types::FailureCode;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// The largest disk that is believed: 64 TiB.
pub(crate) const LARGEST: u64 = 64 << 40;

/// Bytes that can be read anywhere.
pub trait Source {
    fn size(&self) -> io::Result<u64>;
    /// Fills `buffer`, or fails.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

impl Source for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, buffer, offset)
    }
}

impl Source for [u8] {
    fn size(&self) -> io::Result<u64> {
        Ok(<[u8]>::len(self) as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let bytes = start.checked_add(buffer.len()).and_then(|end| self.get(start..end));
        buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

impl Source for Vec<u8> {
    fn size(&self) -> io::Result<u64> {
        self.as_slice().size()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.as_slice().read_exact_at(buffer, offset)
    }
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "format")]
pub enum Found {
    /// The bytes of a disk.
    Raw {
        virtual_size: u64,
        /// A master boot record is there (0x55 0xAA at its end).
        boot_record: bool,
        /// A partition table that UEFI reads is there (GPT).
        gpt: bool,
    },
    Qcow2 {
        version: u32,
        virtual_size: u64,
    },
    /// VMware's, in one file.
    Vmdk {
        virtual_size: u64,
    },
    /// Hyper-V's.
    Vhdx {
        virtual_size: u64,
    },
    /// A CD or DVD, and the firmware that its boot catalogue is for.
    Iso {
        size: u64,
        bios: bool,
        uefi: bool,
    },
    /// An ELF file with a PVH entry.
    Kernel {
        entry: u32,
    },
    /// A VM in one file: a tar that begins with its description. What is in it, [`crate::package::read`] tells.
    Package,
}

/// Why a file is no image.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("it is empty")]
    Empty,
    #[error("its length of {0} bytes is no whole number of sectors")]
    NotSectors(u64),
    #[error("it is cut short, or points outside of itself")]
    CutShort,
    #[error("{format}: {what}")]
    Broken { format: &'static str, what: &'static str },
    #[error("{format}: it names {what}")]
    NamesFiles { format: &'static str, what: &'static str },
    #[error("{0}: it is encrypted")]
    Encrypted(&'static str),
    #[error("it is an archive that does not begin with the description of a VM")]
    Archive,
    #[error("OVF: its machine has no disk")]
    NoDisk,
    #[error("OVF: it describes more than one VM")]
    SeveralVms,
    #[error("OVF: {0:?} is compressed once more")]
    Compressed(String),
    #[error("OVF: {file:?} is not what the manifest says")]
    Differs { file: String },
    #[error("it can't be read")]
    Io(#[source] io::Error),
}

impl Refusal {
    /// For the person whose file it is.
    pub fn code(&self) -> FailureCode {
        match self {
            Self::Empty | Self::NotSectors(_) | Self::Archive | Self::NoDisk => FailureCode::ImageUnknown,
            Self::CutShort | Self::Broken { .. } => FailureCode::ImageBroken,
            Self::NamesFiles { .. } => FailureCode::ImageNamesFiles,
            Self::Encrypted(_) => FailureCode::ImageEncrypted,
            Self::SeveralVms => FailureCode::PackageSeveral,
            Self::Compressed(_) => FailureCode::PackageCompressed,
            Self::Differs { .. } => FailureCode::ChecksumDiffers,
            Self::Io(_) => FailureCode::Internal,
        }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::CutShort } else { Self::Io(error) }
    }
}

/// Looks at the beginning and says what it is.
pub fn inspect<S: Source + ?Sized>(source: &S) -> Result<Found, Refusal> {
    let length = source.size()?;
    if length == 0 {
        return Err(Refusal::Empty);
    }
    let magic: [u8; 8] = read(source, 0).or_else(|error| match error {
        Refusal::CutShort => Ok([0; 8]),
        error => Err(error),
    })?;
    match &magic {
        [b'Q', b'F', b'I', 0xfb, ..] => qcow2::inspect(source),
        [0x7f, b'E', b'L', b'F', ..] => elf::inspect(source),
        [b'K', b'D', b'M', b'V', ..] => vmdk::inspect(source),
        b"# Disk D" => Err(vmdk::described()),
        b"vhdxfile" => vhdx::inspect(source),
        _ if iso::is_one(source)? => iso::inspect(source, length),
        _ if tar::is_one(source)? => tar::begins_with_a_description(source).map(|()| Found::Package),
        _ => raw(source, length),
    }
}

fn raw<S: Source + ?Sized>(source: &S, length: u64) -> Result<Found, Refusal> {
    if !length.is_multiple_of(512) {
        return Err(Refusal::NotSectors(length));
    }
    let signature: [u8; 2] = read(source, 510)?;
    let gpt = length >= 1024 && &read::<8, S>(source, 512)? == b"EFI PART";
    Ok(Found::Raw { virtual_size: length, boot_record: signature == [0x55, 0xaa], gpt })
}

/// Numbers out of a header that was read whole.
fn le16(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap_or_default())
}

fn le32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap_or_default())
}

fn le64(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap_or_default())
}

/// The size of a disk, if anybody can have meant it.
pub(crate) fn believable(format: &'static str, virtual_size: u64) -> Result<u64, Refusal> {
    if virtual_size == 0 || virtual_size > LARGEST || !virtual_size.is_multiple_of(512) {
        return Err(Refusal::Broken { format, what: "its size is impossible" });
    }
    Ok(virtual_size)
}

pub(crate) fn read<const N: usize, S: Source + ?Sized>(source: &S, offset: u64) -> Result<[u8; N], Refusal> {
    let mut bytes = [0; N];
    source.read_exact_at(&mut bytes, offset)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks() {
        let mut disk = vec![0; 1024];
        assert_eq!(inspect(&disk[..]).unwrap(), Found::Raw { virtual_size: 1024, boot_record: false, gpt: false });
        disk[510..512].copy_from_slice(&[0x55, 0xaa]);
        assert_eq!(inspect(&disk[..]).unwrap(), Found::Raw { virtual_size: 1024, boot_record: true, gpt: false });
        assert!(matches!(inspect(&disk[..100]), Err(Refusal::NotSectors(100))));
        assert!(matches!(inspect(&disk[..0]), Err(Refusal::Empty)));
    }
}
