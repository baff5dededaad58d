//! Replays the fuzzers' corpora and seeded mutations of them, on stable Rust.

#[path = "../fuzz/check.rs"]
mod check;
#[path = "../../../tests/replay.rs"]
mod replay;

use rand::{Rng, rngs::StdRng, seq::IndexedRandom};

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
    replay::corpus("calls", 11).iter().for_each(|seed| check::calls(seed));
    replay::corpus("replies", 10).iter().for_each(|seed| check::replies(seed));
}

#[test]
fn seeded_mutations_of_calls_break_nothing() {
    replay::mutations(&replay::corpus("calls", 11), (2, MUTATIONS), mutate, check::calls);
}

#[test]
fn seeded_mutations_of_replies_break_nothing() {
    replay::mutations(&replay::corpus("replies", 10), (3, MUTATIONS), mutate, check::replies);
}
