//! What must hold for all bytes that an image's file, and its description, can have. Shared by the fuzz targets and by the replay
//! on stable Rust.
#![allow(dead_code, reason = "each target takes the half it needs")]

use cake_storage::images::{described, image_id};
use cake_storage::inspect::{Found, Source, inspect};
use std::cell::Cell;
use std::io;
use std::path::Path;

/// More reads than any honest file needs: what grows with a file's own numbers is caught.
const MOST_READS: u32 = 20_000;

/// Counts, and notices who asks for more than a header's worth.
struct Counted<'a> {
    bytes: &'a [u8],
    reads: Cell<u32>,
}

impl Source for Counted<'_> {
    fn size(&self) -> io::Result<u64> {
        Ok(self.bytes.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        assert!(buffer.len() <= 4096, "a read of {} bytes", buffer.len());
        self.reads.set(self.reads.get() + 1);
        assert!(self.reads.get() <= MOST_READS, "too many reads");
        Source::read_exact_at(self.bytes, buffer, offset)
    }
}

/// Panics when an invariant does not hold.
pub fn check(bytes: &[u8]) {
    let counted = Counted { bytes, reads: Cell::new(0) };
    match inspect(&counted) {
        Ok(Found::Raw { virtual_size, .. }) => {
            assert_eq!(virtual_size, bytes.len() as u64);
            assert!(virtual_size.is_multiple_of(512));
        }
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
            assert_eq!(image.id, image_id(&image.name));
        }
        Err(refusal) => assert!(refusal.to_string().contains("/images/x.toml")),
    }
}
