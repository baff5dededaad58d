//! Replays the fuzzers' corpora and seeded mutations of them, on stable Rust.

#[path = "../fuzz/check.rs"]
mod check;
#[path = "../../../tests/replay.rs"]
mod replay;

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

/// Of each of them.
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

/// As [`mutate`], with what hurts a reader of DNS: pointers, counts, lengths.
fn mutate_datagram(random: &mut StdRng, seeds: &[Vec<u8>]) -> Vec<u8> {
    const PIECES: [&[u8]; 12] = [
        &[0xc0, 0x0c],
        &[0xc0, 0x00],
        &[0xff, 0xff],
        &[0x3f],
        &[0x00],
        &[0x84, 0x00],
        &[0x02, 0x00],
        b"\x06cake-7\x05local\x00",
        b"\x06CAKE-7\x06_https\x04_tcp\xc0\x13",
        &[0, 1, 0x80, 1],
        &[0, 28, 0, 1, 0, 0, 0, 120, 0, 16],
        &[0, 255, 0, 1],
    ];
    let mut bytes = seeds.choose(random).unwrap().clone();
    for _ in 0..random.random_range(1..6) {
        let at = random.random_range(0..=bytes.len());
        match random.random_range(0..5) {
            0 if at < bytes.len() => bytes[at] = random.random(),
            1 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            2 => bytes.truncate(at),
            3 => {
                let other = seeds.choose(random).unwrap();
                bytes.splice(at..at, other[random.random_range(0..=other.len())..].iter().copied());
            }
            _ => drop(bytes.splice(at..at, PIECES.choose(random).unwrap().iter().copied())),
        }
    }
    bytes
}

#[test]
fn datagrams_that_are_none_break_nothing() {
    let seeds = replay::corpus("mdns", 12);
    seeds.iter().for_each(|seed| check::mdns(seed));
    replay::mutations(&seeds, (3, MUTATIONS), mutate_datagram, check::mdns);
}
