//! What the replays of the fuzzers' corpora share. Each crate includes it: its own `fuzz/corpus` is meant.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use std::fs;
use std::path::Path;

/// The files of a corpus, of which there must be so many, in the order of their names.
pub fn corpus(name: &str, least: usize) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<_> =
        fs::read_dir(&folder).expect("the corpus").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    assert!(files.len() >= least, "the corpus {name} is missing");
    files.iter().map(|file| fs::read(file).expect("a file of the corpus")).collect()
}

/// So many mutations of the seeds, the same in every run.
pub fn mutations(
    seeds: &[Vec<u8>],
    (number, count): (u64, usize),
    mutate: fn(&mut StdRng, &[Vec<u8>]) -> Vec<u8>,
    check: fn(&[u8]),
) {
    let mut random = StdRng::seed_from_u64(number);
    (0..count).for_each(|_| check(&mutate(&mut random, seeds)));
}

/// A seed with a few changes for formats of bytes: flipped bits, bytes that mean something (`marks`), cuts, parts of other seeds, noise.
#[allow(dead_code, reason = "formats of text have changes of their own")]
pub fn changed_bytes(random: &mut StdRng, seeds: &[Vec<u8>], marks: &[u8]) -> Vec<u8> {
    let mut bytes = seeds.choose(random).expect("a seed").clone();
    for _ in 0..random.random_range(1..6) {
        let at = random.random_range(0..=bytes.len());
        match random.random_range(0..5) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            1 if at < bytes.len() => bytes[at] = *marks.choose(random).expect("a byte"),
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
