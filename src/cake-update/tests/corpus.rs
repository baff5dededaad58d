//! Replays the fuzzers' corpora and seeded mutations of them, on stable Rust.

#[path = "../fuzz/check.rs"]
mod check;
#[path = "../../../tests/replay.rs"]
mod replay;

use rand::{Rng, rngs::StdRng, seq::IndexedRandom};

const MUTATIONS: usize = 20_000;

fn mutate(random: &mut StdRng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds.choose(random).expect("a seed").clone();
    for _ in 0..random.random_range(1..5) {
        let at = random.random_range(0..=bytes.len());
        match random.random_range(0..5) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            1 if at < bytes.len() => bytes[at] = *b"+-_.~^0a\n\xff".choose(random).expect("a byte"),
            2 => bytes.truncate(at),
            3 => {
                let other = seeds.choose(random).expect("a seed");
                let from = random.random_range(0..=other.len());
                bytes.splice(at..at, other[from..].iter().copied());
            }
            _ => {
                let count = random.random_range(1..40);
                bytes.splice(at..at, std::iter::repeat_with(|| random.random()).take(count));
            }
        }
    }
    bytes
}

#[test]
fn the_corpora_break_nothing() {
    replay::corpus("names", 4).iter().for_each(|seed| check::names(seed));
    replay::corpus("blocks", 4).iter().for_each(|seed| check::blocks(seed));
}

#[test]
fn seeded_mutations_of_names_break_nothing() {
    replay::mutations(&replay::corpus("names", 4), (21, MUTATIONS), mutate, check::names);
}

#[test]
fn seeded_mutations_of_indexes_break_nothing() {
    replay::mutations(&replay::corpus("blocks", 4), (22, MUTATIONS), mutate, check::blocks);
}
