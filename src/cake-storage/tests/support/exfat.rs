//! Puts files on a stick that `mkfs.exfat` made: no program does so without mounting it. `fsck.exfat` says whether it was done well.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

pub struct Writer<'a> {
    file: &'a File,
    table: u64,
    heap: u64,
    cluster: u64,
    bitmap: u64,
    next: u32,
}

/// A folder, and where its next entry goes.
pub struct Folder {
    pub cluster: u32,
    at: u64,
}

impl<'a> Writer<'a> {
    pub fn open(file: &'a File) -> io::Result<(Self, Folder)> {
        let mut boot = [0; 512];
        file.read_exact_at(&mut boot, 0)?;
        let number = |at: usize| u32::from_le_bytes(boot[at..at + 4].try_into().unwrap());
        let sectors = |at: usize| u64::from(number(at)) << boot[108];
        let (cluster, root) = (1u64 << (boot[108] + boot[109]), number(96));
        let mut writer = Self { file, table: sectors(80), heap: sectors(88), cluster, bitmap: 0, next: root + 8 };
        // What is in use there ends in a byte of zero; one of its entries says where the bitmap is.
        let (mut entry, mut at) = ([0; 32], 0);
        loop {
            file.read_exact_at(&mut entry, writer.place(root) + at)?;
            match entry[0] {
                0 => return Ok((writer, Folder { cluster: root, at })),
                0x81 => writer.bitmap = writer.place(u32::from_le_bytes(entry[20..24].try_into().unwrap())),
                _ => {}
            }
            at += 32;
        }
    }

    fn place(&self, cluster: u32) -> u64 {
        self.heap + u64::from(cluster - 2) * self.cluster
    }

    /// Clusters one after the other, or with one left out between each.
    fn take(&mut self, count: u64, torn: bool) -> io::Result<Vec<u32>> {
        let step = if torn { 2 } else { 1 };
        let taken: Vec<u32> = (0..count).map(|index| self.next + index as u32 * step).collect();
        self.next += count as u32 * step + 1;
        for cluster in &taken {
            let at = self.bitmap + u64::from((cluster - 2) / 8);
            let mut byte = [0];
            self.file.read_exact_at(&mut byte, at)?;
            self.file.write_all_at(&[byte[0] | 1 << ((cluster - 2) % 8)], at)?;
        }
        Ok(taken)
    }

    pub fn folder(&mut self, within: &mut Folder, name: &str) -> io::Result<Folder> {
        let cluster = self.take(1, false)?[0];
        self.file.write_all_at(&vec![0; self.cluster as usize], self.place(cluster))?;
        self.entry(within, name, 0x10, (cluster, self.cluster, self.cluster), false)?;
        Ok(Folder { cluster, at: 0 })
    }

    /// `written`: bytes that were; the rest of the clusters is rubbish, and reads as zeros.
    pub fn file(
        &mut self,
        within: &mut Folder,
        name: &str,
        bytes: &[u8],
        written: usize,
        torn: bool,
    ) -> io::Result<()> {
        let clusters = self.take((bytes.len() as u64).div_ceil(self.cluster), torn)?;
        let mut stored = bytes.to_vec();
        stored[written..].fill(0xee);
        for (cluster, part) in clusters.iter().zip(stored.chunks(self.cluster as usize)) {
            self.file.write_all_at(part, self.place(*cluster))?;
        }
        if torn {
            for (index, cluster) in clusters.iter().enumerate() {
                let next = clusters.get(index + 1).copied().unwrap_or(u32::MAX);
                self.file.write_all_at(&next.to_le_bytes(), self.table + u64::from(*cluster) * 4)?;
            }
        }
        self.entry(within, name, 0x20, (clusters[0], written as u64, bytes.len() as u64), torn)
    }

    fn entry(
        &self,
        within: &mut Folder,
        name: &str,
        attributes: u8,
        (first, valid, length): (u32, u64, u64),
        torn: bool,
    ) -> io::Result<()> {
        let units: Vec<u16> = name.encode_utf16().collect();
        let names = units.len().div_ceil(15);
        let mut set = vec![0u8; 32 * (2 + names)];
        set[0] = 0x85;
        set[1] = 1 + names as u8;
        set[4] = attributes;
        // 2024-02-29 12:00:00, an hour east of UTC, for all three times.
        for at in [8, 12, 16] {
            set[at..at + 4].copy_from_slice(&(44u32 << 25 | 2 << 21 | 29 << 16 | 12 << 11).to_le_bytes());
        }
        set[22..25].fill(0x84);
        set[32] = 0xc0;
        set[33] = if torn { 1 } else { 3 };
        set[35] = units.len() as u8;
        let sum = |bytes: &[u8]| bytes.iter().fold(0u16, |sum, byte| sum.rotate_right(1).wrapping_add((*byte).into()));
        let upper: Vec<u8> = name.to_ascii_uppercase().encode_utf16().flat_map(u16::to_le_bytes).collect();
        set[36..38].copy_from_slice(&sum(&upper).to_le_bytes());
        set[40..48].copy_from_slice(&valid.to_le_bytes());
        set[52..56].copy_from_slice(&first.to_le_bytes());
        set[56..64].copy_from_slice(&length.to_le_bytes());
        for (index, part) in units.chunks(15).enumerate() {
            let at = 64 + index * 32;
            set[at] = 0xc1;
            let bytes: Vec<u8> = part.iter().flat_map(|unit| unit.to_le_bytes()).collect();
            set[at + 2..at + 2 + bytes.len()].copy_from_slice(&bytes);
        }
        let all: Vec<u8> =
            set.iter().enumerate().filter(|(at, _)| !matches!(at, 2 | 3)).map(|(_, byte)| *byte).collect();
        set[2..4].copy_from_slice(&sum(&all).to_le_bytes());
        self.file.write_all_at(&set, self.place(within.cluster) + within.at)?;
        within.at += set.len() as u64;
        Ok(())
    }
}
