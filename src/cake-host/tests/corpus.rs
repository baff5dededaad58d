//! Replays the fuzzers' corpus and seeded mutations of it, on stable Rust.

#[path = "../fuzz/check.rs"]
mod check;
#[path = "../../../tests/replay.rs"]
mod replay;

use rand::{Rng, rngs::StdRng, seq::IndexedRandom};

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

fn replay(name: &str, count: usize, check: fn(&[u8])) {
    let seeds = replay::corpus(name, 4);
    seeds.iter().for_each(|seed| check(seed));
    replay::mutations(&seeds, (4, count), mutate, check);
}

#[test]
fn pages_of_a_history_break_nothing() {
    replay("page", 4_000, check::page);
}

#[test]
fn the_kernels_files_break_nothing() {
    replay("kernel", 40_000, check::kernel);
}

#[test]
fn what_a_nut_server_says_breaks_nothing() {
    replay("nut", 40_000, check::nut);
}

#[test]
fn what_smartctl_says_breaks_nothing() {
    replay("smart", 20_000, check::smart);
}
