//! Which kernel is in an image.

use crate::ReleaseError;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Where a PE file says where its headers are, in bytes.
const HEADERS_AT: u64 = 0x3c;
const SIGNATURE: &[u8; 4] = b"PE\0\0";
/// Bytes of signature and COFF header, and of a section's header.
const COFF: usize = 24;
const SECTION: usize = 40;
/// The longest version that is believed, in bytes.
const LONGEST: u32 = 256;

/// The kernel's version as a unified kernel image has it (UAPI.5: PE section `.uname`); `None` where the file has none.
pub fn uname(path: &Path) -> Result<Option<String>, ReleaseError> {
    let file = File::open(path).map_err(ReleaseError::io("open", path))?;
    match read(&file) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        read => read.map_err(ReleaseError::io("read", path)),
    }
}

fn read(file: &File) -> io::Result<Option<String>> {
    let mut at = [0; 4];
    file.read_exact_at(&mut at, HEADERS_AT)?;
    let headers = u64::from(u32::from_le_bytes(at));
    let mut coff = [0; COFF];
    file.read_exact_at(&mut coff, headers)?;
    if !coff.starts_with(SIGNATURE) {
        return Ok(None);
    }
    let half = |at: usize| u64::from(u16::from_le_bytes([coff[at], coff[at + 1]]));
    let (sections, optional) = (half(6), half(20));
    for number in 0..sections {
        let mut section = [0; SECTION];
        file.read_exact_at(&mut section, headers + COFF as u64 + optional + number * SECTION as u64)?;
        if &section[..8] == b".uname\0\0" {
            return text(file, &section);
        }
    }
    Ok(None)
}

fn text(file: &File, section: &[u8; SECTION]) -> io::Result<Option<String>> {
    let word = |at: usize| u32::from_le_bytes([section[at], section[at + 1], section[at + 2], section[at + 3]]);
    // On the disk a section is padded.
    let (length, at) = (word(8).min(word(16)), word(20));
    if length > LONGEST {
        return Ok(None);
    }
    let mut bytes = vec![0; length as usize];
    file.read_exact_at(&mut bytes, u64::from(at))?;
    let text = String::from_utf8_lossy(&bytes).trim_matches(['\0', '\n', ' ']).to_owned();
    Ok(Some(text).filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A PE file of two sections.
    fn image(text: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 1024];
        bytes[0x3c..0x40].copy_from_slice(&128_u32.to_le_bytes());
        bytes[128..132].copy_from_slice(SIGNATURE);
        bytes[134] = 2;
        bytes[148] = 240;
        let second = 128 + COFF + 240 + SECTION;
        bytes[second..second + 6].copy_from_slice(b".uname");
        bytes[second + 8..second + 12].copy_from_slice(&(text.len() as u32).to_le_bytes());
        bytes[second + 16..second + 20].copy_from_slice(&512_u32.to_le_bytes());
        bytes[second + 20..second + 24].copy_from_slice(&512_u32.to_le_bytes());
        bytes[512..512 + text.len()].copy_from_slice(text);
        bytes
    }

    fn read_from(bytes: &[u8]) -> Option<String> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), bytes).expect("written");
        uname(file.path()).expect("read")
    }

    #[test]
    fn the_kernel_is_read_from_the_image() {
        assert_eq!(read_from(&image(b"6.12.57+deb13-amd64\0")).as_deref(), Some("6.12.57+deb13-amd64"));
    }

    #[test]
    fn what_does_not_say_it_has_none() {
        let whole = image(b"6.12.57");
        for length in [0, 63, 100, 130, 151, 400, 500, 513] {
            assert_eq!(read_from(&whole[..length]), None, "{length}");
        }
        assert_eq!(read_from(&image(b"")), None);
        assert_eq!(read_from(&[7; 2000]), None);
    }
}
