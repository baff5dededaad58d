//! FAT32 (Microsoft's specification 1.03; UEFI 2.10 §13.3), only read, and believed in nothing: a power cut may have left anything.

use super::ReadAt;
use super::gpt::le32;
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;

const END: u32 = 0x0fff_fff8;
const ENTRY: usize = 32;
/// So many files and folders are looked at.
const MOST: usize = 4096;
/// A folder's clusters at most.
const FOLDER: usize = 256;

#[derive(Debug)]
pub struct Fat<'a, D> {
    disk: &'a D,
    /// Where the first cluster (number 2) begins, in bytes of the disk.
    data: u64,
    /// Bytes of a cluster.
    cluster: u64,
    root: u32,
    table: Vec<u32>,
}

/// A file or a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// From the root, with `/` between.
    pub path: String,
    pub is_folder: bool,
    /// Bytes.
    pub size: u64,
    first: u32,
}

/// All that has a name.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    pub nodes: Vec<Node>,
    /// What is wrong, in words, by path.
    pub faults: BTreeMap<String, String>,
}

impl Tree {
    pub fn file(&self, path: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| !node.is_folder && node.path.eq_ignore_ascii_case(path))
    }

    /// Files of a folder, with their own names.
    pub fn files<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a Node)> {
        self.nodes.iter().filter(|node| !node.is_folder).filter_map(move |node| {
            let (own, name) = node.path.rsplit_once('/')?;
            own.eq_ignore_ascii_case(folder).then_some((name, node))
        })
    }
}

impl<'a, D: ReadAt> Fat<'a, D> {
    /// The file system of a partition.
    pub fn open(disk: &'a D, start: u64, length: u64) -> Result<Self> {
        let boot = disk.bytes(start, 512)?;
        let le16 = |at: usize| u64::from(boot[at]) | u64::from(boot[at + 1]) << 8;
        ensure!(boot[510..] == [0x55, 0xaa] && le16(22) == 0, "no FAT32");
        let sector = le16(11);
        ensure!(sector.is_power_of_two() && (512..=4096).contains(&sector), "sectors of {sector} bytes");
        let (per_cluster, reserved, fats) = (u64::from(boot[13]), le16(14), u64::from(boot[16]));
        let (sectors, fat_sectors) = (u64::from(le32(&boot, 32)), u64::from(le32(&boot, 36)));
        ensure!(per_cluster.is_power_of_two() && reserved > 0 && fats > 0, "a boot sector without sense");
        let front = reserved + fats * fat_sectors;
        ensure!(front < sectors && sectors * sector <= length, "a file system that is larger than its partition");
        let clusters = (sectors - front) / per_cluster;
        ensure!(fat_sectors * sector / 4 >= clusters + 2, "a table that is too short");
        let raw = disk.bytes(start + reserved * sector, usize::try_from((clusters + 2) * 4)?)?;
        let table = raw.chunks_exact(4).map(|entry| le32(entry, 0) & 0x0fff_ffff).collect();
        let data = start + front * sector;
        Ok(Self { disk, data, cluster: per_cluster * sector, root: le32(&boot, 44), table })
    }

    /// Where the clusters lie: the file's, from the file's first on.
    fn chain(&self, first: u32, most: usize) -> Result<Vec<u32>> {
        let (mut chain, mut next) = (Vec::new(), first);
        while next < END {
            ensure!(next >= 2 && (next as usize) < self.table.len(), "cluster {next} is none");
            ensure!(chain.len() < most, "a chain that is too long");
            chain.push(next);
            next = self.table[next as usize];
        }
        Ok(chain)
    }

    fn place(&self, cluster: u32) -> u64 {
        self.data + u64::from(cluster - 2) * self.cluster
    }

    /// Where a file's bytes lie on the disk: pieces, in bytes.
    pub fn pieces(&self, node: &Node) -> Result<Vec<(u64, u64)>> {
        if node.size == 0 {
            ensure!(node.first == 0 || self.chain(node.first, self.table.len()).is_ok(), "a chain that is broken");
            return Ok(Vec::new());
        }
        let chain = self.chain(node.first, self.table.len())?;
        let mut left = node.size;
        let mut pieces: Vec<(u64, u64)> = Vec::new();
        for cluster in chain {
            let (at, length) = (self.place(cluster), left.min(self.cluster));
            left -= length;
            match pieces.last_mut() {
                Some((begin, long)) if *begin + *long == at => *long += length,
                _ if length > 0 => pieces.push((at, length)),
                _ => {}
            }
        }
        ensure!(left == 0, "{left} of {} bytes have no cluster", node.size);
        Ok(pieces)
    }

    /// A small file.
    pub fn content(&self, node: &Node) -> Result<Vec<u8>> {
        ensure!(node.size <= 16 << 20, "{} is too large", node.path);
        let mut content = Vec::new();
        for (at, length) in self.pieces(node)? {
            content.extend(self.disk.bytes(at, usize::try_from(length)?)?);
        }
        Ok(content)
    }

    /// Where it first differs from these bytes, in bytes of the file; nothing: it is the same.
    pub fn differs(&self, node: &Node, wanted: &[u8]) -> Result<Option<u64>> {
        const PIECE: u64 = 1 << 20;
        if node.size != wanted.len() as u64 {
            return Ok(Some(node.size.min(wanted.len() as u64)));
        }
        let mut done = 0;
        for (at, length) in self.pieces(node)? {
            for from in (0..length).step_by(1 << 20) {
                let read = self.disk.bytes(at + from, usize::try_from(PIECE.min(length - from))?)?;
                let same = &wanted[done..done + read.len()];
                if read != same {
                    let first = read.iter().zip(same).position(|(one, other)| one != other).unwrap_or(0);
                    return Ok(Some((done + first) as u64));
                }
                done += read.len();
            }
        }
        Ok(None)
    }

    /// All names, and what is wrong with what they stand for: broken chains, clusters that two files have.
    pub fn tree(&self) -> Result<Tree> {
        let mut tree = Tree::default();
        let mut owners: BTreeMap<u32, String> = BTreeMap::new();
        let mut folders = vec![(String::new(), self.root)];
        while let Some((path, first)) = folders.pop() {
            let listed = self.chain(first, FOLDER).and_then(|chain| self.list(&path, &chain));
            let nodes = match listed {
                Ok(nodes) => nodes,
                Err(error) if path.is_empty() => return Err(error.context("the topmost folder")),
                Err(error) => {
                    tree.faults.insert(path, error.to_string());
                    continue;
                }
            };
            for node in nodes {
                ensure!(tree.nodes.len() < MOST, "more than {MOST} files");
                if let Err(error) = self.owned(&node, &mut owners) {
                    tree.faults.insert(node.path.clone(), error.to_string());
                }
                if node.is_folder {
                    folders.push((node.path.clone(), node.first));
                }
                tree.nodes.push(node);
            }
        }
        Ok(tree)
    }

    /// Notes that these clusters are this file's, unless they are another's.
    fn owned(&self, node: &Node, owners: &mut BTreeMap<u32, String>) -> Result<()> {
        if !node.is_folder {
            self.pieces(node)?;
        }
        if node.first == 0 {
            return Ok(());
        }
        // Two chains that meet have the same last cluster.
        let last = *self.chain(node.first, self.table.len())?.last().context("a chain without clusters")?;
        match owners.insert(last, node.path.clone()) {
            Some(other) if other != node.path => bail!("it has the clusters of {other}"),
            _ => Ok(()),
        }
    }

    fn list(&self, folder: &str, chain: &[u32]) -> Result<Vec<Node>> {
        let (mut nodes, mut long) = (Vec::new(), Long::default());
        for cluster in chain {
            let bytes = self.disk.bytes(self.place(*cluster), usize::try_from(self.cluster)?)?;
            for entry in bytes.chunks_exact(ENTRY) {
                match (entry[0], entry[11]) {
                    (0, _) => return Ok(nodes),
                    (0xe5, _) => long = Long::default(),
                    (_, kind) if kind & 0x3f == 0x0f => long.add(entry),
                    // The volume's own name.
                    (_, kind) if kind & 8 != 0 => long = Long::default(),
                    (b'.', _) => {}
                    (_, kind) => {
                        let name = std::mem::take(&mut long).of(entry).unwrap_or_else(|| short(entry));
                        let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                        let first = u32::from(entry[26]) | u32::from(entry[27]) << 8;
                        let first = first | u32::from(entry[20]) << 16 | u32::from(entry[21]) << 24;
                        let size = u64::from(le32(entry, 28));
                        nodes.push(Node { path, is_folder: kind & 16 != 0, size, first });
                    }
                }
            }
        }
        Ok(nodes)
    }
}

/// A long name, which stands before its short one in pieces, the last first.
#[derive(Debug, Default)]
struct Long {
    pieces: Vec<Vec<u16>>,
    sum: u8,
    next: u8,
}

impl Long {
    fn add(&mut self, entry: &[u8]) {
        let number = entry[0] & 0x3f;
        if entry[0] & 0x40 != 0 {
            *self = Self { pieces: Vec::new(), sum: entry[13], next: number };
        }
        if number == 0 || number != self.next || entry[13] != self.sum {
            *self = Self::default();
            return;
        }
        self.next -= 1;
        let places = [1..11, 14..26, 28..32];
        let units = places.into_iter().flat_map(|place| entry[place].chunks_exact(2));
        self.pieces.push(units.map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect());
    }

    /// The name, if it is whole and of this short entry.
    fn of(self, entry: &[u8]) -> Option<String> {
        let sum = entry[..11].iter().fold(0_u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte));
        if self.pieces.is_empty() || self.next != 0 || self.sum != sum {
            return None;
        }
        let units = self.pieces.into_iter().rev().flatten().take_while(|unit| *unit != 0).collect::<Vec<_>>();
        String::from_utf16(&units).ok()
    }
}

fn short(entry: &[u8]) -> String {
    let part = |range: std::ops::Range<usize>, lower: bool| {
        let text = String::from_utf8_lossy(&entry[range]).trim_end().to_owned();
        if lower { text.to_lowercase() } else { text }
    };
    // Which half is in small letters (Windows NT's bits, which Linux writes too).
    let (name, more) = (part(0..8, entry[12] & 8 != 0), part(8..11, entry[12] & 16 != 0));
    if more.is_empty() { name } else { format!("{name}.{more}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Write};

    const FILES: [(&str, usize); 3] =
        [("EFI/Linux/cake_90.1+2-1.efi", 300_000), ("EFI/BOOT/BOOTX64.EFI", 5000), ("loader/loader.conf", 23)];

    fn bytes(length: usize) -> Vec<u8> {
        (0..length).map(|at| u8::try_from(at / 3 % 251).expect("small")).collect()
    }

    /// A FAT32 that an implementation which is not this one has made.
    fn volume() -> Vec<u8> {
        let mut volume = Cursor::new(vec![0; 40 << 20]);
        let options = fatfs::FormatVolumeOptions::new().fat_type(fatfs::FatType::Fat32).bytes_per_cluster(512);
        fatfs::format_volume(&mut volume, options).expect("a volume");
        {
            let fat = fatfs::FileSystem::new(&mut volume, fatfs::FsOptions::new()).expect("it is one");
            let root = fat.root_dir();
            for folder in ["EFI", "EFI/Linux", "EFI/BOOT", "loader"] {
                root.create_dir(folder).expect("a folder");
            }
            for (path, length) in FILES {
                root.create_file(path).expect("a file").write_all(&bytes(length)).expect("written");
            }
        }
        volume.into_inner()
    }

    #[test]
    fn what_another_has_written_is_read() -> Result<()> {
        let volume = volume();
        let fat = Fat::open(&volume, 0, volume.len() as u64)?;
        let tree = fat.tree()?;
        assert!(tree.faults.is_empty(), "{:?}", tree.faults);
        for (path, length) in FILES {
            let node = tree.file(path).with_context(|| format!("{path} in {:?}", tree.nodes))?;
            assert_eq!(fat.differs(node, &bytes(length))?, None);
            assert_eq!(fat.content(node)?, bytes(length));
            let mut other = bytes(length);
            other[20] ^= 1;
            assert_eq!(fat.differs(node, &other)?, Some(20));
        }
        assert_eq!(tree.files("efi/linux").map(|(name, _)| name).collect::<Vec<_>>(), ["cake_90.1+2-1.efi"]);
        assert!(Fat::open(&volume, 0, 1 << 20).is_err(), "a partition that is too small");
        assert!(Fat::open(&vec![0; 1 << 20], 0, 1 << 20).is_err());
        Ok(())
    }

    #[test]
    fn a_broken_chain_and_a_shared_one_are_found() -> Result<()> {
        let whole = volume();
        let (first, table, short) = {
            let fat = Fat::open(&whole, 0, whole.len() as u64)?;
            let tree = fat.tree()?;
            let first = tree.file(FILES[0].0).context("the file")?.first;
            let needle = le32(&whole, 44);
            assert!(needle >= 2);
            let reserved = usize::from(whole[14]) * 512;
            let name = whole.windows(8).position(|bytes| bytes == b"BOOTX64 ").context("its entry")?;
            (first, reserved, name)
        };
        // A cluster in the middle of the chain is free.
        let mut broken = whole.clone();
        let at = table + (first as usize + 7) * 4;
        broken[at..at + 4].fill(0);
        let fat = Fat::open(&broken, 0, broken.len() as u64)?;
        let tree = fat.tree()?;
        assert_eq!(tree.faults.keys().collect::<Vec<_>>(), [FILES[0].0]);
        assert!(fat.pieces(tree.file(FILES[0].0).context("it has a name")?).is_err());
        // It ends too early.
        broken[at..at + 4].copy_from_slice(&END.to_le_bytes());
        let fat = Fat::open(&broken, 0, broken.len() as u64)?;
        assert!(fat.tree()?.faults[FILES[0].0].contains("have no cluster"));
        // Two files have the same clusters.
        let mut shared = whole;
        shared[short + 26..short + 28].copy_from_slice(&first.to_le_bytes()[..2]);
        let fat = Fat::open(&shared, 0, shared.len() as u64)?;
        assert_eq!(fat.tree()?.faults.len(), 1);
        Ok(())
    }
}
