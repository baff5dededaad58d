//! Replays the fuzzer's corpus and seeded mutations of it, on stable Rust.

#[path = "../fuzz/check.rs"]
mod check;
#[path = "../../../tests/replay.rs"]
mod replay;

use rand::{Rng, rngs::StdRng, seq::IndexedRandom};

const MUTATIONS: usize = 120_000;
const TOKENS: [&[u8]; 16] = [
    b"\n",
    b"\r\n",
    b"{",
    b"[",
    b"]}",
    b"\"",
    b"\\u",
    b"\\\"",
    b"null",
    b"-1",
    b"1e999",
    b"\"id\":",
    b"\"return\":",
    b"\"event\":",
    b"\xf0\x9f",
    b"\0",
];

fn mutate(random: &mut StdRng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds.choose(random).expect("a seed").clone();
    for _ in 0..random.random_range(1..6) {
        let at = random.random_range(0..=bytes.len());
        match random.random_range(0..6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            1 => bytes.truncate(at),
            2 => drop(bytes.splice(at..at, TOKENS.choose(random).expect("a token").iter().copied())),
            3 => {
                let end = random.random_range(at..=bytes.len());
                bytes.drain(at..end);
            }
            4 => {
                let other = seeds.choose(random).expect("a seed");
                let from = random.random_range(0..=other.len());
                bytes.splice(at..at, other[from..].iter().copied());
            }
            _ => {
                let token = *TOKENS.choose(random).expect("a token");
                let many: Vec<u8> = token.repeat(random.random_range(1..200));
                bytes.splice(at..at, many);
            }
        }
    }
    bytes
}

#[test]
fn the_corpus_breaks_nothing() {
    replay::corpus("lines", 9).iter().for_each(|seed| check::check(seed));
}

#[test]
fn seeded_mutations_break_nothing() {
    replay::mutations(&replay::corpus("lines", 9), (2, MUTATIONS), mutate, check::check);
}
