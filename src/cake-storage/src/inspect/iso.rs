//! CDs: the volume descriptors of ISO 9660 (ECMA-119 §8) and the boot catalogue of El Torito (1.0, §2). Directories are not
//! walked. Numbers are little-endian, or both ways around with the little-endian half first.

use super::{Found, Refusal, Source, le16, le32, read};
use std::io;

const SECTOR: u64 = 2048;
/// The first descriptor's sector; those before it are the system's.
const FIRST: u64 = 16;
/// More descriptors than any CD has.
const MOST: u64 = 32;
/// Descriptor types.
const BOOT: u8 = 0;
const PRIMARY: u8 = 1;
const LAST: u8 = 255;
/// Platforms of the boot catalogue: 80x86, and UEFI (UEFI 2.10 §13.3.2.1).
const X86: u8 = 0;
const EFI: u8 = 0xef;

/// Whether there is a volume descriptor where a CD has one.
pub(super) fn is_one<S: Source + ?Sized>(source: &S) -> Result<bool, Refusal> {
    match read::<5, S>(source, FIRST * SECTOR + 1) {
        Ok(identifier) => Ok(&identifier == b"CD001"),
        // Shorter than that.
        Err(Refusal::CutShort) => Ok(false),
        Err(Refusal::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

pub(super) fn inspect<S: Source + ?Sized>(source: &S, length: u64) -> Result<Found, Refusal> {
    let (mut primary, mut catalogue) = (false, None);
    for number in FIRST..FIRST + MOST {
        let sector: [u8; SECTOR as usize] = read(source, number * SECTOR)?;
        if &sector[1..6] != b"CD001" {
            break;
        }
        match sector[0] {
            BOOT if sector[7..].starts_with(b"EL TORITO SPECIFICATION") => catalogue = Some(le32(&sector, 0x47)),
            PRIMARY => {
                let (blocks, size) = (u64::from(le32(&sector, 80)), u64::from(le16(&sector, 128)));
                if !size.is_power_of_two() || !(512..=SECTOR).contains(&size) {
                    return Err(Refusal::Broken { format: "ISO 9660", what: "its block size is impossible" });
                }
                // Blocks beyond the end of the file are what a broken download looks like.
                if blocks * size > length {
                    return Err(Refusal::CutShort);
                }
                primary = true;
            }
            LAST => break,
            _ => {}
        }
    }
    if !primary {
        return Err(Refusal::Broken { format: "ISO 9660", what: "it has no primary volume" });
    }
    let (bios, uefi) = catalogue.map_or(Ok((false, false)), |sector| platforms(source, sector))?;
    Ok(Found::Iso { size: length, bios, uefi })
}

/// For which firmware the catalogue has something to start. Only its first sector is read: it has room for 64 entries.
fn platforms<S: Source + ?Sized>(source: &S, sector: u32) -> Result<(bool, bool), Refusal> {
    let table: [u8; SECTOR as usize] = read(source, u64::from(sector) * SECTOR)?;
    if table[0] != 1 || table[30..32] != [0x55, 0xaa] {
        return Err(Refusal::Broken { format: "ISO 9660", what: "its boot catalogue is none" });
    }
    let mut entries = table.chunks_exact(32);
    let (mut bios, mut uefi, mut platform, mut left) = (false, false, table[1], 1);
    entries.next();
    for entry in entries {
        match entry[0] {
            // A section's header: the platform, and how many entries follow.
            0x90 | 0x91 => (platform, left) = (entry[1], le16(entry, 2)),
            0x88 if left > 0 => {
                left -= 1;
                bios |= platform == X86;
                uefi |= platform == EFI;
            }
            _ => left = left.saturating_sub(1),
        }
    }
    Ok((bios, uefi))
}

#[cfg(test)]
mod tests {
    use super::super::inspect;
    use super::*;

    fn put(bytes: &mut [u8], sector: usize, at: usize, what: &[u8]) {
        let start = sector * SECTOR as usize + at;
        bytes[start..start + what.len()].copy_from_slice(what);
    }

    /// A CD of 32 sectors; the entries of its boot catalogue.
    fn cd(blocks: u32, catalogue: &[[u8; 4]]) -> Vec<u8> {
        let mut bytes = vec![0; 32 * SECTOR as usize];
        put(&mut bytes, 16, 0, b"\x01CD001\x01");
        put(&mut bytes, 16, 80, &blocks.to_le_bytes());
        put(&mut bytes, 16, 128, &2048u16.to_le_bytes());
        put(&mut bytes, 17, 0, b"\x00CD001\x01EL TORITO SPECIFICATION");
        put(&mut bytes, 17, 0x47, &20u32.to_le_bytes());
        put(&mut bytes, 18, 0, b"\xffCD001\x01");
        put(&mut bytes, 20, 0, &[1, X86]);
        put(&mut bytes, 20, 30, &[0x55, 0xaa]);
        for (index, entry) in catalogue.iter().enumerate() {
            put(&mut bytes, 20, 32 * (index + 1), entry);
        }
        bytes
    }

    #[test]
    fn cds() {
        let both = [[0x88, 0, 0, 0], [0x91, EFI, 1, 0], [0x88, 0, 0, 0]];
        for (catalogue, bios, uefi) in [(&both[..], true, true), (&both[..1], true, false), (&[], false, false)] {
            let found = inspect(&cd(32, catalogue)[..]).unwrap();
            assert_eq!(found, Found::Iso { size: 65536, bios, uefi });
        }
        assert!(matches!(inspect(&cd(33, &both)[..]), Err(Refusal::CutShort)));
        assert!(matches!(inspect(&cd(32, &both)[..18 * 2048]), Err(Refusal::CutShort)));
        let mut bytes = cd(32, &both);
        put(&mut bytes, 20, 30, &[0, 0]);
        assert_eq!(inspect(&bytes[..]).unwrap_err().to_string(), "ISO 9660: its boot catalogue is none");
        put(&mut bytes, 16, 0, &[2]);
        assert_eq!(inspect(&bytes[..]).unwrap_err().to_string(), "ISO 9660: it has no primary volume");
        put(&mut bytes, 16, 128, &[0xff, 0xff]);
        put(&mut bytes, 16, 0, &[PRIMARY]);
        assert_eq!(inspect(&bytes[..]).unwrap_err().to_string(), "ISO 9660: its block size is impossible");
    }
}
