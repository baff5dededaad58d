//! Replays the fuzzer's corpus and seeded mutations of it, on stable Rust.

#[path = "../fuzz/check.rs"]
mod check;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use std::path::Path;

const MUTATIONS: usize = 150_000;
/// Numbers at which parsers go wrong, in both orders of bytes.
const NUMBERS: [u64; 8] = [0, 1, 0x7f, 0xffff, 0x7fff_ffff, 0xffff_ffff, 0x7fff_ffff_ffff_ffff, u64::MAX];

fn corpus() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/images");
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

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

#[test]
fn the_corpus_breaks_nothing() {
    let seeds = corpus();
    assert!(seeds.len() >= 8, "the corpus is missing");
    seeds.iter().for_each(|seed| check::check(seed));
}

#[test]
fn seeded_mutations_break_nothing() {
    let seeds = corpus();
    let mut random = StdRng::seed_from_u64(2);
    for _ in 0..MUTATIONS {
        check::check(&mutate(&mut random, &seeds));
    }
}
