//! Replays the fuzzers' corpora and seeded mutations of them, on stable Rust.

#[path = "../fuzz/check.rs"]
mod check;
#[path = "../../../tests/replay.rs"]
mod replay;

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

/// Of each of them.
const MUTATIONS: usize = 20_000;
const TOKENS: [&str; 16] = [
    "[install]",
    "disks",
    "=",
    "\"",
    "[",
    "]",
    "\n",
    ".",
    "#",
    "{",
    "erase",
    "\0",
    "會",
    "1e9",
    "18446744073709551615",
    ":",
];

fn mutate(random: &mut StdRng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds.choose(random).unwrap().clone();
    for _ in 0..random.random_range(1..5) {
        let at = random.random_range(0..=bytes.len());
        let end = random.random_range(at..=bytes.len().min(at + 8));
        match random.random_range(0..5) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            1 => bytes.truncate(at),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let other = seeds.choose(random).unwrap();
                bytes.splice(at..at, other[random.random_range(0..=other.len())..].iter().copied());
            }
            _ => drop(bytes.splice(at..end, TOKENS.choose(random).unwrap().bytes())),
        }
    }
    bytes
}

fn replay(name: &str, least: usize, check: fn(&[u8])) {
    let seeds = replay::corpus(name, least);
    seeds.iter().for_each(|seed| check(seed));
    replay::mutations(&seeds, (5, MUTATIONS), mutate, check);
}

#[test]
fn answer_files_that_are_none_break_nothing() {
    replay("answers", 3, check::answers);
}

#[test]
fn disks_that_are_none_break_nothing() {
    replay("disks", 4, check::disks);
}
