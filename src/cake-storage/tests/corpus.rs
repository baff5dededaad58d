//! Replays the fuzzer's corpus and seeded mutations of it, on stable Rust.

#[path = "../fuzz/check.rs"]
mod check;
#[path = "../../../tests/replay.rs"]
mod replay;

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

const MUTATIONS: usize = 150_000;
const TEXT_MUTATIONS: usize = 100_000;
const STICK_MUTATIONS: usize = 8_000;
const PACKAGE_MUTATIONS: usize = 40_000;
/// Numbers at which parsers go wrong, in both orders of bytes.
const NUMBERS: [u64; 8] = [0, 1, 0x7f, 0xffff, 0x7fff_ffff, 0xffff_ffff, 0x7fff_ffff_ffff_ffff, u64::MAX];

fn mutate(random: &mut StdRng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds.choose(random).unwrap().clone();
    for _ in 0..random.random_range(1..6) {
        // Headers are what is read.
        let at = random.random_range(0..=bytes.len().min(256));
        match random.random_range(0..5) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            1 => bytes.truncate(at),
            2 => {
                let (number, width) = (*NUMBERS.choose(random).unwrap(), *[2, 4, 8].choose(random).unwrap());
                let mut value = number.to_le_bytes()[..width].to_vec();
                if random.random() {
                    value.reverse();
                }
                let end = (at + width).min(bytes.len());
                bytes.splice(at..end, value);
            }
            3 => {
                let other = seeds.choose(random).unwrap();
                let from = random.random_range(0..=other.len());
                bytes.splice(at.., other[from..].iter().copied());
            }
            _ => {
                let count = random.random_range(1..64);
                bytes.splice(at..at, (0..count).map(|_| random.random::<u8>()).collect::<Vec<_>>());
            }
        }
    }
    bytes
}

/// The same anywhere: what is looked at lies all over a stick. Sectors stay where they are.
fn mutate_stick(random: &mut StdRng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds.choose(random).unwrap().clone();
    for _ in 0..random.random_range(1..6) {
        let at = random.random_range(0..bytes.len());
        match random.random_range(0..3) {
            0 => bytes[at] ^= 1 << random.random_range(0..8),
            1 => {
                let (number, width) = (*NUMBERS.choose(random).unwrap(), *[1, 2, 4, 8].choose(random).unwrap());
                let end = (at + width).min(bytes.len());
                bytes[at..end].copy_from_slice(&number.to_le_bytes()[..end - at]);
            }
            // What stood elsewhere: a folder that leads to itself, a table instead of a file.
            _ => {
                let length = random.random_range(1..64).min(bytes.len() - at);
                let from = random.random_range(0..=bytes.len() - length);
                bytes.copy_within(from..from + length, at);
            }
        }
    }
    bytes
}

/// Bytes that mean something in XML.
fn mutate_xml(random: &mut StdRng, seeds: &[Vec<u8>]) -> Vec<u8> {
    const TOKENS: [&str; 12] = [
        "\"",
        "<",
        "/>",
        "&a;",
        "<!DOCTYPE a [",
        "<!--",
        "<![CDATA[",
        "../",
        "http://x/",
        "-1",
        "18446744073709551615",
        "\u{202e}",
    ];
    mutate_tokens(random, seeds, &TOKENS)
}

/// A tar whose sums are right again, so that what is behind them is reached.
fn mutate_package(random: &mut StdRng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds.choose(random).unwrap().clone();
    for _ in 0..random.random_range(1..4) {
        let at = random.random_range(0..bytes.len());
        match random.random_range(0..4) {
            0 => bytes[at] ^= 1 << random.random_range(0..8),
            1 => bytes.truncate(at.max(1)),
            2 => bytes[at] = *b"0127/.x\0\x80\xff".choose(random).unwrap(),
            _ => {
                let length = random.random_range(1..64).min(bytes.len() - at);
                let from = random.random_range(0..=bytes.len() - length);
                bytes.copy_within(from..from + length, at);
            }
        }
    }
    for block in bytes.chunks_exact_mut(512).filter(|block| &block[257..262] == b"ustar") {
        block[148..156].fill(b' ');
        let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    bytes
}

/// Bytes that mean something in a description.
fn mutate_text(random: &mut StdRng, seeds: &[Vec<u8>]) -> Vec<u8> {
    const TOKENS: [&str; 12] =
        ["\"", "'''", "\n", "=", "[", "{", "../", "/etc/passwd", "\\u0000", "-1", "9223372036854775808", "\u{202e}"];
    mutate_tokens(random, seeds, &TOKENS)
}

/// Such bytes, put where something else was.
fn mutate_tokens(random: &mut StdRng, seeds: &[Vec<u8>], tokens: &[&str]) -> Vec<u8> {
    let mut bytes = seeds.choose(random).unwrap().clone();
    for _ in 0..random.random_range(1..5) {
        let at = random.random_range(0..=bytes.len());
        let end = random.random_range(at..=bytes.len().min(at + 12));
        match random.random_range(0..4) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..7),
            1 => bytes.truncate(at),
            2 => drop(bytes.drain(at..end)),
            _ => drop(bytes.splice(at..end, tokens.choose(random).unwrap().bytes())),
        }
    }
    bytes
}

#[test]
fn descriptions_that_are_none_break_nothing() {
    let seeds = replay::corpus("descriptions", 5);
    seeds.iter().for_each(|seed| check::description(seed));
    replay::mutations(&seeds, (4, TEXT_MUTATIONS), mutate_text, check::description);
}

#[test]
fn the_corpus_breaks_nothing() {
    replay::corpus("images", 8).iter().for_each(|seed| check::check(seed));
}

#[test]
fn seeded_mutations_break_nothing() {
    replay::mutations(&replay::corpus("images", 8), (2, MUTATIONS), mutate, check::check);
}

/// What is looked at far from the beginning of a file.
#[test]
fn mutations_of_cds_and_of_vhdx_break_nothing() {
    for (name, check) in [("cd", check::cd as fn(&[u8])), ("vhdx", check::vhdx)] {
        let seeds = replay::corpus(name, 1);
        seeds.iter().for_each(|seed| check(seed));
        replay::mutations(&seeds, (3, MUTATIONS), mutate, check);
    }
}

#[test]
fn sticks_that_are_none_break_nothing() {
    let seeds = replay::corpus("sticks", 7);
    seeds.iter().for_each(|seed| check::sticks(seed));
    replay::mutations(&seeds, (5, STICK_MUTATIONS), mutate_stick, check::sticks);
}

#[test]
fn packages_that_are_none_break_nothing() {
    let seeds = replay::corpus("packages", 3);
    seeds.iter().for_each(|seed| check::package(seed));
    replay::mutations(&seeds, (6, PACKAGE_MUTATIONS), mutate_package, check::package);
}

#[test]
fn descriptors_that_are_none_break_nothing() {
    let seeds = replay::corpus("envelopes", 4);
    seeds.iter().for_each(|seed| check::envelope(seed));
    replay::mutations(&seeds, (7, TEXT_MUTATIONS), mutate_xml, check::envelope);
}
