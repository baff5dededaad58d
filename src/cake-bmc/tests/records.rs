//! Replays the fuzzers' corpora and seeded mutations of them, on stable Rust.

#[path = "../fuzz/records.rs"]
mod records;
#[path = "../../../tests/replay.rs"]
mod replay;

use rand::{Rng, rngs::StdRng, seq::IndexedRandom};

const MUTATIONS: usize = 60_000;

fn mutate(random: &mut StdRng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds.choose(random).expect("a seed").clone();
    for _ in 0..random.random_range(1..6) {
        let at = random.random_range(0..=bytes.len());
        match random.random_range(0..5) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            1 if at < bytes.len() => bytes[at] = random.random(),
            2 => bytes.truncate(at),
            3 => {
                let other = seeds.choose(random).expect("a seed");
                let from = random.random_range(0..=other.len());
                bytes.splice(at..at, other[from..].iter().copied());
            }
            _ => {
                let many = vec![random.random(); random.random_range(1..40)];
                bytes.splice(at..at, many);
            }
        }
    }
    bytes
}

fn replay(name: &str, least: usize, check: fn(&[u8])) {
    let seeds = replay::corpus(name, least);
    seeds.iter().for_each(|seed| check(seed));
    replay::mutations(&seeds, (4, MUTATIONS), mutate, check);
}

#[test]
fn no_sensor_record_breaks_it() {
    replay("sdr", 29, records::sdr);
}

#[test]
fn no_record_of_an_event_log_breaks_it() {
    replay("sel", 8, records::sel);
}

#[test]
fn no_name_plate_breaks_it() {
    replay("fru", 9, records::fru);
}
