//! Replays the fuzzers' corpora and seeded mutations of them, on stable Rust.

#[path = "../fuzz/check.rs"]
mod check;

use std::{fs, path::Path};

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

/// Of each of the two.
const MUTATIONS: usize = 60_000;
const TOKENS: [&[u8]; 14] = [
    b"{",
    b"[",
    b"]}",
    b"\"",
    b"\\u0000",
    b"null",
    b"-1",
    b"1e999",
    b"18446744073709551616",
    b"\"call\":",
    b"\"id\":",
    b"../",
    b"\0\0\0",
    b"\xff",
];

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<_> =
        fs::read_dir(&folder).expect("the corpus").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).expect("a file of the corpus")).collect()
}

/// Bytes are changed; half of the time the first frame's length is set right again, so that what lies behind it is reached.
fn mutate(random: &mut StdRng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds.choose(random).expect("a seed").clone();
    for _ in 0..random.random_range(1..6) {
        let at = random.random_range(0..=bytes.len());
        match random.random_range(0..5) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            1 => bytes.truncate(at),
            2 => drop(bytes.splice(at..at, TOKENS.choose(random).expect("a token").iter().copied())),
            3 => {
                let end = random.random_range(at..=bytes.len().min(at + 40));
                bytes.drain(at..end);
            }
            _ => {
                let other = seeds.choose(random).expect("a seed");
                let from = random.random_range(0..=other.len());
                bytes.splice(at..at, other[from..].iter().copied());
            }
        }
    }
    if bytes.len() >= 4 && random.random_bool(0.5) {
        let length = u32::try_from(bytes.len() - 4).expect("a short input");
        bytes[..4].copy_from_slice(&length.to_le_bytes());
    }
    bytes
}

#[test]
fn the_corpora_break_nothing() {
    let (calls, replies) = (corpus("calls"), corpus("replies"));
    assert!(calls.len() >= 11 && replies.len() >= 10, "the corpora are missing");
    calls.iter().for_each(|seed| check::calls(seed));
    replies.iter().for_each(|seed| check::replies(seed));
}

#[test]
fn seeded_mutations_of_calls_break_nothing() {
    let seeds = corpus("calls");
    let mut random = StdRng::seed_from_u64(2);
    (0..MUTATIONS).for_each(|_| check::calls(&mutate(&mut random, &seeds)));
}

#[test]
fn seeded_mutations_of_replies_break_nothing() {
    let seeds = corpus("replies");
    let mut random = StdRng::seed_from_u64(3);
    (0..MUTATIONS).for_each(|_| check::replies(&mutate(&mut random, &seeds)));
}
