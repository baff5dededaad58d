//! A backup's file.
//!
//! ```text
//!   cake backup⏎
//!   {"format":1,"cake":"0.1.0","made_at":…,"name":…,"recovery_key":…,"nonce":…,"size":…}⏎
//!   block · block · … · last block        STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015) over XChaCha20-Poly1305
//! ```
//!
//! Blocks that are missing, moved, changed or from elsewhere do not open, and neither do any when the lines above them were
//! changed. The key comes from the recovery key, so only a cake that was given that, and whoever holds it, can make such a file.

use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::Payload;
use chacha20poly1305::aead::stream::{DecryptorBE32, EncryptorBE32, Nonce, StreamBE32};
use chacha20poly1305::{Key, KeyInit};
use data_encoding::BASE64;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};

use cake_types::PublicKey;

use crate::random;

/// What a file begins with.
pub const MAGIC: &[u8] = b"cake backup\n";
/// The format that this version writes, and the latest that it reads.
pub const FORMAT: u32 = 1;
/// Longest second line.
pub const HEADER_MAX: usize = 4096;
/// What the key is derived for.
pub const PURPOSE: &str = "cake backup 1";

const BLOCK: usize = 64 * 1024;
const TAG: usize = 16;
const NONCE: usize = 19;

pub type BundleKey = zeroize::Zeroizing<[u8; 32]>;

/// The second line: what can be known without a key. It can be trusted once the first block was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    pub format: u32,
    /// The version that wrote it.
    pub cake: String,
    pub made_at: Timestamp,
    /// What the cloud called itself.
    pub name: String,
    /// The public half of the recovery key that opens it.
    pub recovery_key: PublicKey,
    nonce: String,
    /// Bytes of the content.
    pub size: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error("the file is no backup of cake")]
    None,
    #[error("the backup has format {format}, by cake {cake}; this version knows {FORMAT}")]
    Newer { format: u32, cake: String },
    #[error("the backup has {have} bytes and should have {must}")]
    CutShort { have: u64, must: u64 },
    #[error("the backup is damaged, or was made by somebody else")]
    Damaged,
    #[error("the file can't be used")]
    Io(#[from] io::Error),
}

impl Header {
    pub fn new(made_at: Timestamp, name: String, recovery_key: PublicKey, size: u64) -> Self {
        let nonce = BASE64.encode(&random::bytes::<NONCE>());
        Self { format: FORMAT, cake: env!("CARGO_PKG_VERSION").into(), made_at, name, recovery_key, nonce, size }
    }

    /// How long the whole file is; `lines` is the length of its first two lines.
    fn file_size(&self, lines: usize) -> Option<u64> {
        let sealed = self.blocks().checked_mul(TAG as u64)?.checked_add(self.size)?;
        sealed.checked_add(lines as u64)
    }

    fn blocks(&self) -> u64 {
        self.size.div_ceil(BLOCK as u64).max(1)
    }

    fn nonce(&self) -> Option<Nonce<XChaCha20Poly1305, StreamBE32<XChaCha20Poly1305>>> {
        let bytes = BASE64.decode(self.nonce.as_bytes()).ok().filter(|bytes| bytes.len() == NONCE)?;
        Some(Nonce::<XChaCha20Poly1305, StreamBE32<XChaCha20Poly1305>>::clone_from_slice(&bytes))
    }
}

/// Reads the first two lines from the beginning of a file; says how long they are.
pub fn header(bytes: &[u8]) -> Result<(Header, usize), BundleError> {
    #[derive(Deserialize)]
    struct Any {
        format: u32,
        #[serde(default)]
        cake: String,
    }
    let line = bytes.strip_prefix(MAGIC).ok_or(BundleError::None)?;
    let line = &line[..line.len().min(HEADER_MAX)];
    let end = line.iter().position(|byte| *byte == b'\n').ok_or(BundleError::None)?;
    let any: Any = serde_json::from_slice(&line[..end]).map_err(|_| BundleError::None)?;
    if any.format > FORMAT {
        let cake = any.cake.chars().filter(|c| !c.is_control()).take(32).collect();
        return Err(BundleError::Newer { format: any.format, cake });
    }
    let header: Header = serde_json::from_slice(&line[..end]).map_err(|_| BundleError::None)?;
    if header.nonce().is_none() || header.format == 0 {
        return Err(BundleError::None);
    }
    Ok((header, MAGIC.len() + end + 1))
}

/// The same from a file, whose length is looked at too.
pub fn read_header(file: &mut impl Read, length: u64) -> Result<(Header, Vec<u8>), BundleError> {
    let mut start = Vec::new();
    file.take((MAGIC.len() + HEADER_MAX) as u64).read_to_end(&mut start)?;
    let (header, lines) = header(&start)?;
    match header.file_size(lines) {
        Some(must) if length == must => Ok((header, start)),
        Some(must) if length < must => Err(BundleError::CutShort { have: length, must }),
        _ => Err(BundleError::Damaged),
    }
}

/// Writes a file with `header.size` bytes of `content`.
pub fn write(header: &Header, key: &BundleKey, mut content: impl Read, mut out: impl Write) -> Result<(), BundleError> {
    let mut lines = MAGIC.to_vec();
    serde_json::to_writer(&mut lines, header).map_err(io::Error::other)?;
    lines.push(b'\n');
    out.write_all(&lines)?;
    let nonce = header.nonce().ok_or(BundleError::None)?;
    let cipher = XChaCha20Poly1305::new(Key::from_slice(&**key));
    let mut stream = EncryptorBE32::from_aead(cipher, &nonce);
    let mut left = header.size;
    while left > BLOCK as u64 {
        let block = read_block(&mut content, BLOCK)?;
        let sealed = stream.encrypt_next(Payload { msg: &block, aad: &lines }).map_err(|_| BundleError::Damaged)?;
        out.write_all(&sealed)?;
        left -= BLOCK as u64;
    }
    let block = read_block(&mut content, left as usize)?;
    let sealed = stream.encrypt_last(Payload { msg: &block, aad: &lines }).map_err(|_| BundleError::Damaged)?;
    out.write_all(&sealed)?;
    Ok(())
}

/// Opens a file of which `start` was read already and writes its content to `out`. What is in `out` can be used only when this
/// has returned well: then it is all of it, and as it was written.
pub fn open(
    header: &Header,
    start: &[u8],
    rest: impl Read,
    key: &BundleKey,
    mut out: impl Write,
) -> Result<(), BundleError> {
    let (_, lines) = self::header(start)?;
    let (lines, begun) = start.split_at(lines);
    let mut sealed = begun.chain(rest);
    let nonce = header.nonce().ok_or(BundleError::None)?;
    let cipher = XChaCha20Poly1305::new(Key::from_slice(&**key));
    let mut stream = DecryptorBE32::from_aead(cipher, &nonce);
    for _ in 1..header.blocks() {
        let block = read_block(&mut sealed, BLOCK + TAG)?;
        let plain = stream.decrypt_next(Payload { msg: &block, aad: lines }).map_err(|_| BundleError::Damaged)?;
        out.write_all(&plain)?;
    }
    let last = header.size - (header.blocks() - 1) * BLOCK as u64;
    let block = read_block(&mut sealed, last as usize + TAG)?;
    let plain = stream.decrypt_last(Payload { msg: &block, aad: lines }).map_err(|_| BundleError::Damaged)?;
    out.write_all(&plain)?;
    Ok(())
}

fn read_block(from: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
    let mut block = vec![0; length];
    from.read_exact(&mut block)?;
    Ok(block)
}

#[cfg(test)]
#[path = "bundle_tests.rs"]
mod tests;
