//! Replays the fuzzers' corpus and seeded mutations of it, on stable Rust.

#[path = "../fuzz/check.rs"]
mod check;

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use std::{fs, path::Path};

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<_> =
        fs::read_dir(&folder).expect("the corpus").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).expect("a file of the corpus")).collect()
}

/// Bytes of the head are hit as often as all others together.
fn mutate(random: &mut StdRng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds.choose(random).expect("a seed").clone();
    for _ in 0..random.random_range(1..6) {
        let end = if random.random() { bytes.len().min(64) } else { bytes.len() };
        let at = random.random_range(0..=end);
        match random.random_range(0..4) {
            0 | 1 if at < bytes.len() => bytes[at] = *[0, 1, b'9', 0x7F, 0xFF].choose(random).expect("a byte"),
            2 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            _ => {
                let other = seeds.choose(random).expect("a seed");
                let from = random.random_range(0..=other.len());
                bytes.splice(at..at, other[from..].iter().copied().take(200));
            }
        }
    }
    bytes
}

fn replay(name: &str, mutations: usize, check: fn(&[u8])) {
    let seeds = corpus(name);
    assert!(seeds.len() >= 4, "the corpus is missing");
    seeds.iter().for_each(|seed| check(seed));
    let mut random = StdRng::seed_from_u64(4);
    for _ in 0..mutations {
        check(&mutate(&mut random, &seeds));
    }
}

#[test]
fn pages_of_a_history_break_nothing() {
    replay("page", 4_000, check::page);
}

#[test]
fn the_kernels_files_break_nothing() {
    replay("kernel", 40_000, check::kernel);
}
