//! What must hold for all bytes that an image's file, and its description, can have. Shared by the fuzz targets and by the replay
//! on stable Rust.
#![allow(dead_code, reason = "each target takes the half it needs")]

use cake_storage::images::described;
use cake_storage::inspect::{Found, Source, inspect};
use std::cell::Cell;
use std::io;
use std::path::Path;

/// More reads than any honest file needs: what grows with a file's own numbers is caught.
const MOST_READS: u32 = 20_000;

/// Where the parts of a CD and of a VHDX file begin that are looked at first.
const CD_DESCRIPTORS: u64 = 16 * 2048;
const VHDX_REGIONS: u64 = 192 << 10;

/// Counts, and notices who asks for more than a header's worth. The bytes lie at `base`, behind a beginning and zeros.
struct Counted<'a> {
    beginning: &'a [u8],
    base: u64,
    bytes: &'a [u8],
    reads: Cell<u32>,
}

impl Source for Counted<'_> {
    fn size(&self) -> io::Result<u64> {
        Ok(self.base + self.bytes.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        assert!(buffer.len() <= 20 * 512, "a read of {} bytes", buffer.len());
        self.reads.set(self.reads.get() + 1);
        assert!(self.reads.get() <= MOST_READS, "too many reads");
        let end = offset.checked_add(buffer.len() as u64).filter(|end| *end <= self.base + self.bytes.len() as u64);
        if end.is_none() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for (at, byte) in (offset..).zip(buffer) {
            *byte = match at.checked_sub(self.base) {
                Some(at) => self.bytes[at as usize],
                None => self.beginning.get(at as usize).copied().unwrap_or(0),
            };
        }
        Ok(())
    }
}

/// Panics when an invariant does not hold.
pub fn check(bytes: &[u8]) {
    check_at(&[], 0, bytes);
}

/// The volume descriptors of a CD and what follows.
pub fn cd(bytes: &[u8]) {
    check_at(&[], CD_DESCRIPTORS, bytes);
}

/// The region table of a VHDX file and what follows.
pub fn vhdx(bytes: &[u8]) {
    check_at(b"vhdxfile", VHDX_REGIONS, bytes);
}

fn check_at(beginning: &[u8], base: u64, bytes: &[u8]) {
    let counted = Counted { beginning, base, bytes, reads: Cell::new(0) };
    let length = base + bytes.len() as u64;
    match inspect(&counted) {
        Ok(Found::Raw { virtual_size, .. }) => {
            assert_eq!(virtual_size, length);
            assert!(virtual_size.is_multiple_of(512));
        }
        Ok(Found::Iso { size, .. }) => assert_eq!(size, length),
        Ok(Found::Vmdk { virtual_size }) => {
            assert!(bytes.starts_with(b"KDMV") && virtual_size > 0 && virtual_size.is_multiple_of(512));
            assert!(bytes[12..20].iter().any(|byte| *byte != 0), "a descriptor alone");
        }
        Ok(Found::Vhdx { virtual_size }) => assert!(virtual_size > 0 && virtual_size.is_multiple_of(512)),
        Ok(Found::Qcow2 { version, virtual_size }) => {
            assert!(bytes.starts_with(b"QFI\xfb") && matches!(version, 2 | 3));
            assert!(virtual_size > 0 && virtual_size.is_multiple_of(512));
            assert!(bytes[8..20].iter().all(|byte| *byte == 0), "a backing file");
        }
        Ok(Found::Kernel { entry }) => {
            assert!(bytes.starts_with(b"\x7fELF"));
            assert!(bytes.windows(8).any(|note| note[..4] == *b"Xen\0" && note[4..] == entry.to_le_bytes()));
        }
        Err(refusal) => assert!(!refusal.to_string().is_empty()),
    }
}

/// An image lies beside its description, whatever that says.
pub fn description(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match described(text, Path::new("/images/x.toml")) {
        Ok(image) => {
            assert_eq!(image.path.parent(), Some(Path::new("/images")), "{:?}", image.path);
            assert!(image.path.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b".")));
        }
        Err(refusal) => assert!(refusal.to_string().contains("/images/x.toml")),
    }
}
