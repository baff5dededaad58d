//! Replays the fuzzers' corpora and seeded mutations of them, on stable Rust.

#[path = "../fuzz/check.rs"]
mod check;
#[path = "../../../tests/replay.rs"]
mod replay;

use rand::rngs::StdRng;

const MUTATIONS: usize = 20_000;

fn mutate(random: &mut StdRng, seeds: &[Vec<u8>]) -> Vec<u8> {
    replay::changed_bytes(random, seeds, &[0, 1, 0x7f, 0x80, 0x84, 0xff])
}

#[test]
fn the_corpora_break_nothing() {
    replay::corpus("snmp", 8).iter().for_each(|seed| check::snmp(seed));
    replay::corpus("tables", 4).iter().for_each(|seed| check::tables(seed));
}

#[test]
fn seeded_mutations_of_answers_break_nothing() {
    replay::mutations(&replay::corpus("snmp", 8), (11, MUTATIONS), mutate, check::snmp);
}

#[test]
fn seeded_mutations_of_tables_break_nothing() {
    replay::mutations(&replay::corpus("tables", 4), (12, MUTATIONS / 4), mutate, check::tables);
}
