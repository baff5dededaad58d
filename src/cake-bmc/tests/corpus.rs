//! Replays the fuzzers' corpora and seeded mutations of them, on stable Rust.

#[path = "../../../tests/replay.rs"]
mod replay;
#[path = "../fuzz/rmcp.rs"]
mod rmcp;

use rand::{Rng, rngs::StdRng, seq::IndexedRandom};

const MUTATIONS: usize = 20_000;

fn mutate(random: &mut StdRng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds.choose(random).expect("a seed").clone();
    for _ in 0..random.random_range(1..6) {
        let at = random.random_range(0..=bytes.len());
        match random.random_range(0..6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            1 => bytes.truncate(at),
            2 if at < bytes.len() => bytes[at] = *[0, 1, 0x7f, 0x80, 0xff].choose(random).expect("a byte"),
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
                let count = random.random_range(1..40);
                bytes.splice(at..at, std::iter::repeat_with(|| random.random()).take(count));
            }
        }
    }
    bytes
}

#[test]
fn the_corpus_of_rmcp_breaks_nothing() {
    replay::corpus("rmcp", 9).iter().for_each(|seed| rmcp::check(seed));
}

#[test]
fn seeded_mutations_of_rmcp_break_nothing() {
    replay::mutations(&replay::corpus("rmcp", 9), (4, MUTATIONS), mutate, rmcp::check);
}
