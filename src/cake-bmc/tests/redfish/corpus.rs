//! Replays the fuzzer's corpus on stable Rust, and mutations of it.

#[path = "../../fuzz/redfish.rs"]
mod check;
#[path = "../../../../tests/replay.rs"]
mod replay;

use rand::Rng;
use rand::rngs::StdRng;

/// Changed bytes, a part left out, a part of another one in its place, a number that is none.
fn mutate(random: &mut StdRng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds[random.random_range(0..seeds.len())].clone();
    for _ in 0..random.random_range(1..8) {
        if bytes.is_empty() {
            break;
        }
        let at = random.random_range(0..bytes.len());
        let end = random.random_range(at..bytes.len().min(at + 40));
        match random.random_range(0..5) {
            0 => bytes[at] = random.random(),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let other = &seeds[random.random_range(0..seeds.len())];
                let from = random.random_range(0..other.len());
                let to = other.len().min(from + 60);
                bytes.splice(at..end, other[from..to].iter().copied());
            }
            3 => {
                let odd: [&[u8]; 8] =
                    [b"null", b"-1e308", b"1e999", b"[]", b"{}", b"\"\\u202e\"", b"true", b"18446744073709551615"];
                bytes.splice(at..end, odd[random.random_range(0..odd.len())].iter().copied());
            }
            _ => bytes.truncate(at),
        }
    }
    bytes
}

#[test]
fn documents_of_a_hostile_bmc() {
    let seeds = replay::corpus("redfish", 10);
    seeds.iter().for_each(|seed| check::redfish(seed));
    replay::mutations(&seeds, (4, 20_000), mutate, check::redfish);
}
