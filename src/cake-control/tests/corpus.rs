//! Replays the fuzzers' corpus and seeded mutations of it, on stable Rust.

#[path = "../fuzz/check.rs"]
mod check;
#[path = "../../../tests/replay.rs"]
mod replay;

use rand::{Rng, rngs::StdRng, seq::IndexedRandom};

const MUTATIONS: usize = 60_000;
const TOKENS: [&[u8]; 19] = [
    b"-----BEGIN CERTIFICATE-----\n",
    b"-----END CERTIFICATE-----\n",
    b"MII",
    b"cake backup\n",
    b"\"format\":2",
    b"\"size\":18446744073709551615",
    b"\n",
    b"RFB 003.008\n",
    b"\x01\x01",
    b"\x02\0\0\x01\xff\xff\xff\x11",
    b"\x02\0\xff\xff",
    b"\x04\x01\0\0\0\0\xff\x0d",
    b"\x05\x07\xff\xff\xff\xff",
    b"\x06\0\0\0\0\0\0\x05",
    b"\x06\0\0\0\xff\xff\xff\xf0",
    b"\xff\0\0\x01\0\0\0\0\0\0\0\x1c",
    b"\xff\x01",
    b"P6\n",
    b"255\n",
];

fn mutate(random: &mut StdRng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds.choose(random).expect("a seed").clone();
    for _ in 0..random.random_range(1..6) {
        let at = random.random_range(0..=bytes.len());
        match random.random_range(0..5) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            1 => bytes.truncate(at),
            2 => drop(bytes.splice(at..at, TOKENS.choose(random).expect("a token").iter().copied())),
            3 => {
                let end = random.random_range(at..=bytes.len());
                bytes.drain(at..end);
            }
            _ => {
                let other = seeds.choose(random).expect("a seed");
                let from = random.random_range(0..=other.len());
                bytes.splice(at..at, other[from..].iter().copied());
            }
        }
    }
    bytes
}

fn replay(name: &str, check: fn(&[u8])) {
    let seeds = replay::corpus(name, 4);
    seeds.iter().for_each(|seed| check(seed));
    replay::mutations(&seeds, (2, MUTATIONS), mutate, check);
}

#[test]
fn viewers_bytes_break_nothing() {
    replay("rfb", check::rfb);
}

#[test]
fn pixmaps_break_nothing() {
    replay("picture", check::picture);
}

#[test]
fn texts_that_are_no_certificates_break_nothing() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    replay("certificate", check::certificate);
}

#[test]
fn files_that_are_no_backup_break_nothing() {
    replay("bundle", check::bundle);
}
