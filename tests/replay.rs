//! What the replays of the fuzzers' corpora share. Each crate includes it: its own `fuzz/corpus` is meant.

use rand::SeedableRng;
use rand::rngs::StdRng;
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
