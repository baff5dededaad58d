//! Replays the fuzzers' corpora and seeded mutations of them, on stable Rust.

#[path = "../fuzz/check.rs"]
mod check;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use std::path::Path;

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

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

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
    let seeds = corpus(name);
    assert!(seeds.len() >= least, "the corpus {name} is missing");
    seeds.iter().for_each(|seed| check(seed));
    let mut random = StdRng::seed_from_u64(2);
    (0..MUTATIONS).for_each(|_| check(&mutate(&mut random, &seeds)));
}

#[test]
fn texts_that_are_none_break_nothing() {
    replay("texts", 12, check::texts);
}

#[test]
fn answer_files_that_are_none_break_nothing() {
    replay("answers", 3, check::answers);
}
