//! What is in the firmware's one file, a unified kernel image (UAPI.5) that is signed for Secure Boot.
//!
//! ```text
//!  read once, all of it ─► hash (Authenticode) ─► signature by the maker's key? ─► command line, version, kernel's hash: believed
//!                                                                                       └─► where the root lies, read by who starts it
//! ```
//!
//! Between an update and its start the file lay on a partition that others can write to, so nothing of it is believed but what was read
//! in the pass that was verified. The root is read later: the believed command line has its hash.

pub mod archive;
mod der;
mod pe;
mod signature;

pub use signature::Maker;

use pe::{HEAD, Layout};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// Bytes that are read at once.
const CHUNK: usize = 1 << 20;
/// A text section that is believed to be one, in bytes.
const TEXT_MAX: u64 = 64 << 10;
/// The root's name in the initramfs.
const ROOT: &str = "root.squashfs";
/// What names it on the command line.
const ROOT_PARAMETER: &str = "cake.root=";

#[derive(Debug, thiserror::Error)]
pub enum UkiError {
    #[error("the file can't be read")]
    Io(#[from] io::Error),
    /// PE/COFF, UAPI.5, newc.
    #[error("the file is no unified kernel image: {0}")]
    Malformed(&'static str),
    #[error("the certificate that signatures are checked with can't be used")]
    Certificate,
    #[error("the file has no signature")]
    NotSigned,
    #[error("the file is not as its maker signed it")]
    Changed,
}

/// Where the bytes are.
pub trait Bytes {
    /// In bytes.
    fn size(&self) -> io::Result<u64>;
    fn read_exact_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()>;
}

impl Bytes for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_exact_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, buffer, at)
    }
}

impl Bytes for [u8] {
    fn size(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        let from = usize::try_from(at).ok().and_then(|at| self.get(at..)?.get(..buffer.len()));
        buffer.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// What lies below user space: where two files have the same, one can follow the other without a new start of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Below {
    /// SHA-256 of the kernel.
    kernel: [u8; 32],
    /// SHA-256 of the corrections of the processor, which are loaded before the kernel.
    microcode: [u8; 32],
    /// The command line, but for the root's name.
    parameters: Vec<String>,
}

impl Below {
    fn new(kernel: Sha256, microcode: Sha256, command_line: &str) -> Self {
        let parameters = command_line.split_ascii_whitespace().filter(|word| !word.starts_with(ROOT_PARAMETER));
        Self {
            kernel: kernel.finalize().into(),
            microcode: microcode.finalize().into(),
            parameters: parameters.map(Into::into).collect(),
        }
    }
}

/// What the maker signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// `IMAGE_VERSION` of its os-release(5).
    pub version: String,
    /// The kernel's command line.
    pub parameters: String,
    /// Names everything that a restart of programs alone does not change: see [`Below`].
    pub below: Below,
    /// Where the initramfs lies in the file.
    initramfs: Range<u64>,
}

/// What a file seems to hold. Nobody has checked its signature: it is good for telling people, and for nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub below: Below,
    /// Bytes of the initramfs, nearly all of which is the root.
    pub initramfs: u64,
}

/// Reads the whole file once and gives what it holds, if the maker signed it.
pub fn verify<B: Bytes + ?Sized>(file: &B, maker: &Maker) -> Result<Verified, UkiError> {
    let (head, layout) = layout(file)?;
    let table = layout.signatures.clone().ok_or(UkiError::NotSigned)?;
    let (mut whole, mut kernel, mut microcode) = (Sha256::new(), Sha256::new(), Sha256::new());
    let texts = [layout.osrel.clone(), layout.cmdline.clone()];
    if texts.iter().any(|text| text.end - text.start > TEXT_MAX) {
        return Err(UkiError::Malformed("a text in it is too long"));
    }
    let mut kept = [Vec::new(), Vec::new()];
    let (mut at, mut buffer) = (0, vec![0; usize::try_from(table.start).map_or(CHUNK, |size| size.min(CHUNK))]);
    while at < table.start {
        let length = usize::try_from(table.start - at).map_or(CHUNK, |left| left.min(CHUNK));
        let chunk = &mut buffer[..length];
        file.read_exact_at(chunk, at)?;
        if at == 0 && !chunk.starts_with(&head[..head.len().min(length)]) {
            // Somebody writes to it meanwhile: what the headers said is not what is verified.
            return Err(UkiError::Changed);
        }
        for signed in layout.signed_parts(at..at + length as u64) {
            whole.update(cut(chunk, at, &signed));
        }
        kernel.update(cut(chunk, at, &layout.linux));
        microcode.update(cut(chunk, at, &layout.ucode));
        for (text, kept) in texts.iter().zip(&mut kept) {
            kept.extend_from_slice(cut(chunk, at, text));
        }
        at += length as u64;
    }
    let mut signatures = vec![0; usize::try_from(table.end - table.start).map_err(|_| UkiError::NotSigned)?];
    file.read_exact_at(&mut signatures, table.start)?;
    maker.check(&signatures, &whole.finalize().into())?;
    let [osrel, cmdline] = kept.map(|bytes| text(&bytes));
    let version = osrel.lines().find_map(|line| line.strip_prefix("IMAGE_VERSION="));
    let version = version.ok_or(UkiError::Malformed("it does not say its version"))?.trim_matches('"').to_owned();
    let below = Below::new(kernel, microcode, &cmdline);
    Ok(Verified { version, parameters: cmdline, below, initramfs: layout.initrd })
}

/// What a file seems to hold, without reading all of it.
pub fn look<B: Bytes + ?Sized>(file: &B) -> Result<Seen, UkiError> {
    let (_, layout) = layout(file)?;
    let (kernel, microcode) = (hash(file, &layout.linux)?, hash(file, &layout.ucode)?);
    let length = layout.cmdline.end - layout.cmdline.start;
    let mut cmdline = vec![0; usize::try_from(length.min(TEXT_MAX)).unwrap_or_default()];
    file.read_exact_at(&mut cmdline, layout.cmdline.start)?;
    let below = Below::new(kernel, microcode, &text(&cmdline));
    Ok(Seen { below, initramfs: layout.initrd.end - layout.initrd.start })
}

fn hash<B: Bytes + ?Sized>(file: &B, range: &Range<u64>) -> io::Result<Sha256> {
    let (mut hash, mut at, mut buffer) = (Sha256::new(), range.start, Vec::new());
    while at < range.end {
        let length = usize::try_from(range.end - at).map_or(CHUNK, |left| left.min(CHUNK));
        buffer.resize(length, 0);
        file.read_exact_at(&mut buffer, at)?;
        hash.update(&buffer);
        at += length as u64;
    }
    Ok(hash)
}

impl Verified {
    /// Where the root lies in the file. The bytes there are to be compared with the hash on the command line.
    pub fn root<B: Bytes + ?Sized>(&self, file: &B) -> Result<Range<u64>, UkiError> {
        archive::find(file, &self.initramfs, ROOT)?.ok_or(UkiError::Malformed("there is no root in it"))
    }
}

/// The headers, and what they say.
fn layout<B: Bytes + ?Sized>(file: &B) -> Result<(Vec<u8>, Layout), UkiError> {
    let size = file.size()?;
    let mut head = vec![0; usize::try_from(size).map_or(HEAD, |size| size.min(HEAD))];
    file.read_exact_at(&mut head, 0)?;
    let layout = Layout::parse(&head, size)?;
    Ok((head, layout))
}

/// The part of a chunk, which lies at `at` in the file, that is within a range of the file.
fn cut<'a>(chunk: &'a [u8], at: u64, range: &Range<u64>) -> &'a [u8] {
    let end = at + chunk.len() as u64;
    let (from, to) = (range.start.clamp(at, end), range.end.clamp(at, end));
    // Both are within the chunk, whose length is a usize.
    chunk.get((from - at) as usize..(to - at) as usize).unwrap_or_default()
}

/// Texts end with a zero.
fn text(bytes: &[u8]) -> String {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

#[cfg(test)]
mod tests;
