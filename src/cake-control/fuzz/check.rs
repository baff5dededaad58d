//! What must hold for all bytes that a viewer of a screen can send, for all that a pixmap's or a backup's file can have, and for every
//! text that is said to be a certificate. Shared by the fuzz targets and by the replay on stable Rust.
#![allow(dead_code, reason = "each target takes the one it needs")]

use cake_control::backup::bundle::{self, HEADER_MAX, MAGIC};
use cake_control::certificate::{Chain, read_key};
use cake_control::screens::picture::{self, PIXELS_MAX};
use cake_control::screens::rfb::{ClientStream, HELD_MAX, RfbError};

/// Panics when an invariant does not hold.
pub fn rfb(bytes: &[u8]) {
    // The first byte decides how the stream falls into pieces, and whether input may pass; nothing may depend on the pieces.
    let (first, bytes) = bytes.split_first().unwrap_or((&0, &[]));
    let (input, size) = (first & 1 == 1, usize::from(first >> 1) + 1);
    let (whole, end) = passed(bytes, usize::MAX, input);
    assert_eq!((whole.clone(), end), passed(bytes, size, input), "what passes depends on pieces of {size}");
    assert!(whole.len() <= bytes.len());
    // What passes passes again as it is: QEMU gets nothing that this stream would not take.
    let (again, end) = passed(&whole, usize::MAX, true);
    assert_eq!((again, end), (whole.clone(), None));
    if !input {
        // … and nothing of it is input.
        assert_eq!(passed(&whole, usize::MAX, false).0, whole);
    }
}

fn passed(bytes: &[u8], size: usize, input: bool) -> (Vec<u8>, Option<RfbError>) {
    let (mut stream, mut out) = (ClientStream::default(), Vec::new());
    for piece in bytes.chunks(size) {
        if let Err(error) = stream.feed(piece, input, &mut out) {
            return (out, Some(error));
        }
        assert!(stream.held() <= HELD_MAX);
    }
    let mut released = Vec::new();
    stream.let_go(&mut released);
    assert!(released.len() <= 32 * 12 + 6 && (input || released.is_empty()));
    (out, None)
}

/// Panics when an invariant does not hold.
pub fn picture(bytes: &[u8]) {
    if let Ok(png) = picture::png(&mut &bytes[..]) {
        assert!(png.starts_with(b"\x89PNG") && (png.len() as u64) < 4 * PIXELS_MAX);
        assert!(bytes.starts_with(b"P6\n"));
    }
}

/// Panics when an invariant does not hold.
pub fn certificate(bytes: &[u8]) {
    let _ = read_key(bytes);
    if let Ok(chain) = Chain::read(bytes, cake_types::CertificateSource::Own) {
        assert!((1..=11).contains(&chain.certificates.len()));
        let info = &chain.info;
        assert!(info.fingerprint.len() == 95 && info.subject.len() <= 1024 && info.names.len() <= 1000);
        assert!(!info.subject.chars().chain(info.issuer.chars()).any(char::is_control));
        let _ = chain.check(info.not_before);
        let _ = chain.with_key(bytes);
    }
}

pub fn bundle(bytes: &[u8]) {
    let Ok((header, lines)) = bundle::header(bytes) else { return };
    assert!(lines <= MAGIC.len() + HEADER_MAX && bytes[..lines].ends_with(b"\n") && header.format == bundle::FORMAT);
    // Whatever it says of its length, no other length is taken, and without the key nothing comes out.
    if let Ok((same, start)) = bundle::read_header(&mut &bytes[..], bytes.len() as u64) {
        assert_eq!(same, header);
        let mut out = Vec::new();
        let rest = &bytes[start.len()..];
        assert!(bundle::open(&header, &start, rest, &[7; 32].into(), &mut out).is_err() && out.is_empty());
    }
}
