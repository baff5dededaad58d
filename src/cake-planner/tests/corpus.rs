//! Replays the fuzzers' corpora and seeded mutations of them, on stable Rust.

#[path = "../fuzz/check.rs"]
mod check;
#[path = "../../../tests/replay.rs"]
mod replay;

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

/// Of each of the two.
const MUTATIONS: usize = 60_000;
const TOKENS: [&str; 24] = [
    "(",
    ")",
    " OR ",
    "age<",
    "created:",
    ",",
    "\"",
    "'",
    "\n",
    " ",
    "=",
    ":",
    ">=",
    "-",
    "--",
    "..",
    "/",
    "[",
    "{",
    "\0",
    "\u{202e}",
    "會",
    "1e9",
    "18446744073709551616",
];

fn mutate(random: &mut StdRng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds.choose(random).unwrap().clone();
    for _ in 0..random.random_range(1..5) {
        let at = random.random_range(0..=bytes.len());
        let end = random.random_range(at..=bytes.len().min(at + 8));
        match random.random_range(0..6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..7),
            1 => bytes.truncate(at),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let other = seeds.choose(random).unwrap();
                bytes.splice(at..at, other[random.random_range(0..=other.len())..].iter().copied());
            }
            4 => {
                let many = TOKENS.choose(random).unwrap().repeat(random.random_range(1..80));
                bytes.splice(at..at, many.into_bytes());
            }
            _ => drop(bytes.splice(at..end, TOKENS.choose(random).unwrap().bytes())),
        }
    }
    bytes
}

/// The corpus as it is, then mutations of it.
fn replay(name: &str, least: usize, check: fn(&[u8])) {
    let seeds = replay::corpus(name, least);
    seeds.iter().for_each(|seed| check(seed));
    replay::mutations(&seeds, (2, MUTATIONS), mutate, check);
}

#[test]
fn texts_that_are_none_break_nothing() {
    replay("texts", 12, check::texts);
}

#[test]
fn answer_files_that_are_none_break_nothing() {
    replay("answers", 3, check::answers);
}
