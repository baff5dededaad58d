use super::*;
use proptest::prelude::*;
use rand::{RngCore, SeedableRng, rngs::StdRng};

fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    StdRng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}

fn cut(bytes: &[u8]) -> BlockIndex {
    BlockIndex::cut::<BlocksError>(bytes, |_| Ok(())).expect("an index")
}

#[test]
fn an_index_covers_the_file_and_survives_encoding() {
    for length in [0, 1, LEAST, AVERAGE, 3_000_001] {
        let file = bytes(1, length);
        let index = cut(&file);
        assert_eq!(index.size(), length as u64);
        for block in index.blocks() {
            let start = block.offset as usize;
            assert!(block.is(&file[start..start + block.length as usize]));
        }
        assert_eq!(BlockIndex::decode(&index.encode()).expect("the same"), index);
    }
}

#[test]
fn bytes_put_in_move_no_later_chunk() {
    let old = bytes(2, 8 << 20);
    let new = [&old[..1 << 20], &bytes(3, 1234), &old[1 << 20..]].concat();
    let (old, new) = (cut(&old), cut(&new));
    let seeds = Seeds::pure(&old);
    let fetched: u64 = new.blocks().iter().filter(|block| !seeds.has(block)).map(|block| u64::from(block.length)).sum();
    assert!(fetched < 3 * MOST as u64, "{fetched}");
}

#[test]
fn neighbours_are_fetched_together() {
    let index = cut(&bytes(4, 16 << 20));
    let pieces = plan(&index, |at| at == 3);
    assert_eq!(pieces[..2], [Piece::Fetch(0..3), Piece::Copy(3)]);
    let mut next = 0;
    for piece in pieces {
        let blocks = match piece {
            Piece::Copy(at) => at..at + 1,
            Piece::Fetch(blocks) => blocks,
        };
        assert_eq!(blocks.start, next, "without gaps");
        let length: u64 = index.blocks()[blocks.clone()].iter().map(|block| u64::from(block.length)).sum();
        assert!(length <= 4 << 20);
        next = blocks.end;
    }
    assert_eq!(next, index.blocks().len());
}

#[test]
fn a_damaged_index_is_refused() {
    let good = cut(&bytes(5, 1 << 20)).encode();
    assert!(matches!(BlockIndex::decode(b""), Err(BlocksError::UnknownKind)));
    assert!(matches!(BlockIndex::decode(b"cakeblk2aaaaaaaaaaaa"), Err(BlocksError::UnknownKind)));
    for length in 8..good.len() {
        assert!(matches!(BlockIndex::decode(&good[..length]), Err(BlocksError::Damaged(_))), "{length}");
    }
    let longer = [&good[..], &[0]].concat();
    assert!(matches!(BlockIndex::decode(&longer), Err(BlocksError::Damaged(_))));
    for (at, value) in [(8, 0xff), (20, 0xff), (22, 0xff)] {
        let mut bytes = good.clone();
        bytes[at] ^= value;
        assert!(BlockIndex::decode(&bytes).is_err(), "{at}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_an_index_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let whole = [&b"cakeblk1"[..], &bytes].concat();
        if let Ok(index) = BlockIndex::decode(&whole) {
            prop_assert_eq!(index.encode(), whole);
        }
    }
}
