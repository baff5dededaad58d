//! Replays the fuzzers' corpora and seeded mutations of them, on stable Rust.

#[path = "../fuzz/check.rs"]
mod check;
#[path = "../../../tests/replay.rs"]
mod replay;

use rand::rngs::StdRng;

const MUTATIONS: usize = 20_000;

fn mutate(random: &mut StdRng, seeds: &[Vec<u8>]) -> Vec<u8> {
    replay::changed_bytes(random, seeds, b"+-_.~^0a\n\xff")
}

#[test]
fn the_corpora_break_nothing() {
    replay::corpus("names", 4).iter().for_each(|seed| check::names(seed));
    replay::corpus("blocks", 4).iter().for_each(|seed| check::blocks(seed));
    replay::corpus("uki", 4).iter().for_each(|seed| check::uki(seed));
}

#[test]
fn seeded_mutations_of_names_break_nothing() {
    replay::mutations(&replay::corpus("names", 4), (21, MUTATIONS), mutate, check::names);
}

#[test]
fn seeded_mutations_of_indexes_break_nothing() {
    replay::mutations(&replay::corpus("blocks", 4), (22, MUTATIONS), mutate, check::blocks);
}

#[test]
fn seeded_mutations_of_signed_files_break_nothing() {
    replay::mutations(&replay::corpus("uki", 4), (23, MUTATIONS / 4), mutate, check::uki);
}
