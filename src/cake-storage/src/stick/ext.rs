//! ext2, ext3 and ext4 (Linux, Documentation/filesystems/ext4). The journal is not read: what was not written back by whoever had the
//! stick before may be in it only, so a file system that says so is not read either.

mod map;

use super::names::is_image_name;
use super::runs::{InPieces, Runs};
use super::{Content, Entry, FOLDER_MAX, FileSystem, Part, Place, Unreadable, le16, le32};

const ROOT: u64 = 2;

/// Features that must be understood (`s_feature_incompat`).
const FILE_TYPE: u32 = 0x2;
const RECOVER: u32 = 0x4;
const WIDE: u32 = 0x80;
/// The former, extents, flexible groups, big attributes, a checksum's seed, large folders, small files in inodes, encrypted ones, and
/// folders for which small and large letters are the same. What concerns single files is asked of each.
const KNOWN: u32 = FILE_TYPE | 0x40 | WIDE | 0x200 | 0x400 | 0x2000 | 0x4000 | 0x8000 | 0x1_0000 | 0x2_0000;

/// Flags of an inode.
const ENCRYPTED: u32 = 0x800;
const EXTENTS: u32 = 0x8_0000;
const INLINE: u32 = 0x1000_0000;

pub(super) struct Ext {
    part: Part,
    block: u64,
    features: u32,
    /// Bytes of a group's descriptor, and where the first one is.
    descriptor: u64,
    descriptors: u64,
    inodes: u64,
    inodes_per_group: u64,
    inode: usize,
    id: String,
    label: Option<String>,
}

/// What is known of a file or a folder.
struct Inode {
    kind: u16,
    size: u64,
    modified: i64,
    flags: u32,
    /// Where it lies.
    map: [u8; 60],
}

impl Inode {
    const fn is_folder(&self) -> bool {
        self.kind == 0x4000
    }

    const fn is_file(&self) -> bool {
        self.kind == 0x8000
    }
}

impl Ext {
    /// The superblock (§ "Super Block").
    pub fn open(part: Part) -> Result<Self, Unreadable> {
        let head: [u8; 1024] = part.bytes(1024)?;
        let (shift, features) = (le32(&head, 24), if le32(&head, 76) == 0 { 0 } else { le32(&head, 96) });
        if features & RECOVER != 0 {
            return Err(Unreadable::Unclean);
        }
        if features & !KNOWN != 0 {
            return Err(Unreadable::Unsupported("an ext4 with such features"));
        }
        let inode = if le32(&head, 76) == 0 { 128 } else { usize::from(le16(&head, 88)) };
        let descriptor = if features & WIDE == 0 { 32 } else { u64::from(le16(&head, 254)) };
        let inodes_per_group = u64::from(le32(&head, 40));
        let plausible = shift <= 6 && (128..=4096).contains(&inode) && (32..=1024).contains(&descriptor);
        if !plausible || inodes_per_group == 0 {
            return Err(Unreadable::Broken("its superblock makes no sense"));
        }
        let block = 1024 << shift;
        let name = &head[120..136];
        let name = &name[..name.iter().position(|byte| *byte == 0).unwrap_or(name.len())];
        Ok(Self {
            part,
            block,
            features,
            descriptor,
            descriptors: (u64::from(le32(&head, 20)) + 1) * block,
            inodes: u64::from(le32(&head, 0)),
            inodes_per_group,
            inode,
            id: head[104..120].iter().map(|byte| format!("{byte:02x}")).collect(),
            label: std::str::from_utf8(name).ok().map(str::to_owned),
        })
    }

    fn inode(&self, number: u64) -> Result<Inode, Unreadable> {
        let index = number.checked_sub(1).filter(|index| *index < self.inodes);
        let index = index.ok_or(Unreadable::Broken("a name leads to no file"))?;
        let (group, within) = (index / self.inodes_per_group, index % self.inodes_per_group);
        let descriptor = self.part.vec(self.descriptors + group * self.descriptor, self.descriptor as usize)?;
        let high = if self.descriptor >= 64 { le32(&descriptor, 40) } else { 0 };
        let table = u64::from(high) << 32 | u64::from(le32(&descriptor, 8));
        let at = table.checked_mul(self.block).and_then(|table| table.checked_add(within * self.inode as u64));
        let bytes = self.part.vec(at.ok_or(Unreadable::Broken("its tables are nowhere"))?, self.inode)?;
        let seconds = i64::from(le32(&bytes, 16).cast_signed());
        // Two more bits, where the inode is long enough to have them.
        let epoch = if le16(&bytes, 128) >= 12 { i64::from(le32(&bytes, 136) & 3) << 32 } else { 0 };
        let mut map = [0; 60];
        map.copy_from_slice(&bytes[40..100]);
        Ok(Inode {
            kind: le16(&bytes, 0) & 0xf000,
            size: u64::from(le32(&bytes, 108)) << 32 | u64::from(le32(&bytes, 4)),
            modified: seconds + epoch,
            flags: le32(&bytes, 32),
            map,
        })
    }

    /// Where a file lies, holes included, to its very end.
    fn runs(&self, inode: &Inode) -> Result<Runs, Unreadable> {
        if inode.flags & ENCRYPTED != 0 {
            return Err(Unreadable::Unsupported("an encrypted file"));
        }
        if inode.flags & INLINE != 0 {
            return Err(Unreadable::Unsupported("a file in its inode"));
        }
        let blocks = inode.size.div_ceil(self.block);
        if inode.flags & EXTENTS != 0 {
            map::extents(&self.part, self.block, &inode.map, blocks)
        } else {
            map::blocks(&self.part, self.block, &inode.map, blocks)
        }
    }

    fn file(&self, place: Place) -> Result<Inode, Unreadable> {
        let inode = self.inode(place.start)?;
        if inode.is_file() { Ok(inode) } else { Err(Unreadable::NotThere) }
    }

    /// Only folders, and files that may be asked for: each costs a look at its inode.
    fn entry(&self, number: u64, name: &str, kind: u8) -> Result<Option<Entry>, Unreadable> {
        let told = self.features & FILE_TYPE != 0 && kind != 0;
        let possible = !told || kind == 2 || kind == 1 && is_image_name(name);
        if number == 0 || !possible || matches!(name, "." | "..") {
            return Ok(None);
        }
        let inode = self.inode(number)?;
        let (place, modified) = (Place { start: number, ..Place::default() }, Some(inode.modified));
        let entry = Entry { name: name.to_owned(), is_folder: inode.is_folder(), place, modified };
        Ok((inode.is_folder() || inode.is_file()).then_some(entry))
    }
}

impl FileSystem for Ext {
    fn identity(&self) -> (String, Option<String>) {
        (self.id.clone(), self.label.clone())
    }

    fn root(&self) -> Place {
        Place { start: ROOT, ..Place::default() }
    }

    /// Names one after the other; what makes large folders quick to search hides in entries without a file.
    fn folder(&self, place: Place) -> Result<Vec<Entry>, Unreadable> {
        let inode = self.inode(place.start)?;
        if !inode.is_folder() || inode.size > FOLDER_MAX {
            return Err(Unreadable::Broken("a folder is none, or impossibly long"));
        }
        let bytes = self.runs(&inode)?.read_all(&self.part, FOLDER_MAX + self.block)?;
        let mut entries = Vec::new();
        for block in bytes.chunks(self.block as usize) {
            let mut rest = block;
            while rest.len() >= 8 {
                let (number, length, count, kind) =
                    (le32(rest, 0), usize::from(le16(rest, 4)), usize::from(rest[6]), rest[7]);
                if let Some(Ok(name)) = rest.get(8..8 + count).map(std::str::from_utf8) {
                    entries.extend(self.entry(number.into(), name, kind)?);
                }
                // A block of 64 KiB is more than the number can say.
                let length = if length == 0xffff || length == 0 { rest.len() } else { length.max(8) };
                rest = rest.get(length..).unwrap_or_default();
            }
        }
        Ok(entries)
    }

    fn length(&self, place: Place) -> Result<u64, Unreadable> {
        Ok(self.file(place)?.size)
    }

    fn open(&self, place: Place) -> Result<Box<dyn Content + '_>, Unreadable> {
        let inode = self.file(place)?;
        Ok(Box::new(InPieces { part: self.part.clone(), runs: self.runs(&inode)?, valid: inode.size }))
    }
}
