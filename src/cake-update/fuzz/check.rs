//! What must hold for whatever is on an ESP or comes as a block index. Shared by the fuzz targets and by their replay on stable Rust.
#![allow(dead_code)] // Each target is a program of its own and takes one function of this file.

use cake_update::Version;
use cake_update::blocks::{BlockIndex, Piece, Seeds, plan};
use cake_update::slots::{SlotName, Standing, removable, standings};
use std::collections::BTreeSet;

/// Names of files, a line each; the first line is the version that runs, the second the new one.
pub fn names(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    let mut version = || lines.next().and_then(|line| line.parse::<Version>().ok());
    let (running, new) = (version(), version());
    // A folder has each name once.
    let files: BTreeSet<&str> = lines.collect();
    let slots: Vec<SlotName> = files.into_iter().filter_map(SlotName::parse).collect();
    for slot in &slots {
        assert_eq!(SlotName::parse(slot.file()).as_ref(), Some(slot), "it is read as it was");
        assert!(!slot.file().contains(['/', '\0']), "it stays in its folder");
        assert_eq!(SlotName::parse(SlotName::blessed(&slot.version).file()).expect("a name").version, slot.version);
    }
    let standings = standings(&slots, running.as_ref());
    assert_eq!(standings.len(), slots.len());
    let Some(new) = new else { return };
    let gone = removable(&slots, running.as_ref(), &new);
    let stays = |slot: &&SlotName| !gone.contains(slot);
    for (slot, standing) in slots.iter().zip(standings) {
        assert!(standing != Standing::Running || stays(&slot), "the running one goes");
    }
    assert_eq!(slots.iter().any(|slot| !slot.is_bad()), slots.iter().filter(stays).any(|slot| !slot.is_bad()));
    assert_eq!(slots.iter().any(SlotName::is_blessed), slots.iter().filter(stays).any(SlotName::is_blessed));
}

/// A block index.
pub fn blocks(bytes: &[u8]) {
    let Ok(index) = BlockIndex::decode(bytes) else { return };
    assert_eq!(index.encode(), bytes, "one file has one index");
    let mut end = 0;
    for block in index.blocks() {
        assert_eq!(block.offset, end, "without gaps");
        end += u64::from(block.length);
    }
    assert_eq!(index.size(), end);
    let mut next = 0;
    for piece in plan(&index, |at| at % 3 == 0) {
        let range = match piece {
            Piece::Copy(at) => at..at + 1,
            Piece::Fetch(range) => range,
        };
        assert_eq!(range.start, next);
        next = range.end;
    }
    assert_eq!(next, index.blocks().len());
    let seeds = Seeds::pure(&index);
    assert!(index.blocks().iter().filter(|block| seeds.has(block)).count() > 0 || index.blocks().is_empty());
}
