//! A package that another product made, or cake itself: what machine it is, and where its disks lie. Plain functions over hostile
//! bytes, run by [`crate::worker`]; the fuzz targets and their corpora are in `fuzz/`.
//!
//! ```text
//!   tar ([`tar`]) ──► first file: the descriptor ([`envelope`]) ──► machine, disks in their order
//!    │                 NAME.mf ([`manifest`]) ──► sums of the files, checked by whoever reads all of it
//!    └──────────────► each disk: a window into the file, looked into as an image is ([`crate::inspect`])
//! ```
//!
//! Nothing is unpacked: a disk is read where it lies. A signature (NAME.cert) is not checked.

mod envelope;
mod manifest;
pub mod tar;

pub(super) use envelope::CAKE;
pub use manifest::read_all;

use crate::inspect::{Found, LARGEST, Refusal, Source, believable, inspect};
use cake_types::{ByteSize, Firmware, GuestOs, ImageMachine};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io;
use tar::Member;

/// Longest descriptor that is read, in bytes.
pub const DESCRIPTOR_MAX: u64 = 1 << 20;
/// Most disks of a machine: as many as four SCSI controllers have places.
pub const DISKS_MAX: usize = 60;

/// What a package says of its machine, and its disks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// As it would be a name here, if anything of it can.
    pub name: Option<cake_types::Name>,
    pub cpus: u32,
    pub memory: ByteSize,
    pub firmware: Firmware,
    pub secure_boot: bool,
    pub tpm: bool,
    /// Network cards.
    pub nics: u32,
    /// What runs in it, where it says so.
    pub os: Option<GuestOs>,
    /// Whether its cards were what any system has drivers for, or virtio; only cake's own packages say it.
    pub everyday: Option<bool>,
    /// As the machine finds them.
    pub disks: Vec<Part>,
}

/// A disk of a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Part {
    /// Nothing is on it.
    Empty { capacity: ByteSize },
    File {
        name: String,
        offset: u64,
        length: u64,
        format: DiskFormat,
        /// What a guest sees, in bytes.
        virtual_size: ByteSize,
    },
}

impl Part {
    /// What a guest sees.
    pub fn size(&self) -> ByteSize {
        match self {
            Self::Empty { capacity } => *capacity,
            Self::File { virtual_size, .. } => *virtual_size,
        }
    }
}

/// What a disk is inside of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskFormat {
    Raw,
    Qcow2,
    Vmdk,
    Vhdx,
}

impl DiskFormat {
    /// The word of qemu-img.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Qcow2 => "qcow2",
            Self::Vmdk => "vmdk",
            Self::Vhdx => "vhdx",
        }
    }
}

impl Package {
    /// The system in it: what the package says; where it says nothing, what a person said.
    pub fn os(&self, said: GuestOs) -> GuestOs {
        self.os.unwrap_or(said)
    }

    /// The machine for which a new VM's defaults are taken. A system of which nobody knows what it has drivers for gets what any has:
    /// whatever controller it knew elsewhere, it was not ours.
    pub fn machine(&self, said: GuestOs) -> ImageMachine {
        let Self { name, cpus, memory, firmware, secure_boot, tpm, nics, os: _, everyday, disks: _ } = self.clone();
        let everyday = everyday.unwrap_or(self.os(said) != GuestOs::Linux);
        ImageMachine { name, cpus, memory, firmware, secure_boot, tpm, everyday, nics }
    }

    /// What a guest sees of all disks together, in bytes.
    pub fn size(&self) -> u64 {
        self.disks.iter().fold(0, |sum, disk| sum.saturating_add(disk.size().bytes()))
    }
}

const fn broken(what: &'static str) -> Refusal {
    Refusal::Broken { format: "OVF", what }
}

const fn names_files(what: &'static str) -> Refusal {
    Refusal::NamesFiles { format: "OVF", what }
}

/// What the package is, by its descriptor and the headers of its disks.
pub fn read<S: Source + ?Sized>(source: &S) -> Result<Package, Refusal> {
    let members = tar::list(source)?;
    let descriptor = members.first().filter(|first| first.ends_with(".ovf")).ok_or(Refusal::Archive)?;
    let text = text(source, descriptor, DESCRIPTOR_MAX)?;
    package(&text, &members, |member| found(source, member))
}

/// The same of a descriptor, with `look` for what is in a file.
pub fn package(
    text: &str,
    members: &[Member],
    look: impl Fn(&Member) -> Result<(DiskFormat, u64), Refusal>,
) -> Result<Package, Refusal> {
    let envelope = envelope::read(text)?;
    let mut taken = BTreeSet::new();
    let mut part = |disk: &envelope::Disk| match disk {
        envelope::Disk::Empty(capacity) => Ok(Part::Empty { capacity: ByteSize(believable("OVF", *capacity)?) }),
        envelope::Disk::File(href) => {
            let member = find(href, members)?;
            if !taken.insert(member.offset) {
                return Err(broken("two of its disks are one file"));
            }
            let (format, virtual_size) = look(member)?;
            let Member { name, offset, length } = member.clone();
            Ok(Part::File { name, offset, length, format, virtual_size: ByteSize(virtual_size) })
        }
    };
    let disks = envelope.disks.iter().map(&mut part).collect::<Result<Vec<_>, _>>()?;
    if disks.is_empty() {
        return Err(Refusal::NoDisk);
    }
    let envelope::Envelope { name, cpus, memory, firmware, secure_boot, tpm, nics, os, everyday, disks: _ } = envelope;
    let package = Package { name, cpus, memory, firmware, secure_boot, tpm, nics, os, everyday, disks };
    if package.size() > LARGEST {
        return Err(broken("its disks together are impossibly large"));
    }
    Ok(package)
}

/// The file that a descriptor means. It may be written as a URI writes it (RFC 3986 §2.1); what is no name of a file beside it is
/// somewhere else.
fn find<'a>(href: &str, members: &'a [Member]) -> Result<&'a Member, Refusal> {
    let named = |name: &str| members.iter().find(|member| member.name == name);
    if let Some(member) = named(href).or_else(|| named(&decoded(href)?)) {
        return Ok(member);
    }
    let elsewhere = href.contains(['/', '\\', ':']);
    Err(names_files(if elsewhere { "a file somewhere else" } else { "a file that is not in it" }))
}

fn decoded(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        (bytes, rest) = match (first, after.get(..2)) {
            (b'%', Some(digits)) => {
                let digits = std::str::from_utf8(digits).ok()?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                (bytes, &after[2..])
            }
            (b'%', None) => return None,
            (other, _) => {
                bytes.push(*other);
                (bytes, after)
            }
        };
    }
    String::from_utf8(bytes).ok()
}

/// What a disk's file is, and how large the disk is.
fn found<S: Source + ?Sized>(source: &S, member: &Member) -> Result<(DiskFormat, u64), Refusal> {
    match inspect(&Window { source, offset: member.offset, length: member.length })? {
        Found::Raw { virtual_size, .. } => Ok((DiskFormat::Raw, virtual_size)),
        Found::Qcow2 { virtual_size, .. } => Ok((DiskFormat::Qcow2, virtual_size)),
        Found::Vmdk { virtual_size } => Ok((DiskFormat::Vmdk, virtual_size)),
        Found::Vhdx { virtual_size } => Ok((DiskFormat::Vhdx, virtual_size)),
        Found::Iso { .. } | Found::Kernel { .. } | Found::Package => Err(broken("a disk of it is no disk")),
    }
}

/// The text of a small file.
fn text<S: Source + ?Sized>(source: &S, member: &Member, most: u64) -> Result<String, Refusal> {
    if member.length > most {
        return Err(broken("what describes it is too long"));
    }
    let mut bytes = vec![0; usize::try_from(member.length).map_err(|_| Refusal::CutShort)?];
    source.read_exact_at(&mut bytes, member.offset)?;
    String::from_utf8(bytes).map_err(|_| broken("what describes it is no UTF-8"))
}

/// A part of a source, as if it were all there is.
struct Window<'a, S: ?Sized> {
    source: &'a S,
    offset: u64,
    length: u64,
}

impl<S: Source + ?Sized> Source for Window<'_, S> {
    fn size(&self) -> io::Result<u64> {
        Ok(self.length)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let end = offset.checked_add(buffer.len() as u64).filter(|end| *end <= self.length);
        if end.is_none() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.source.read_exact_at(buffer, self.offset.saturating_add(offset))
    }
}

#[cfg(test)]
#[path = "read/tests.rs"]
mod tests;
