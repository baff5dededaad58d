//! Replays the fuzzer's corpus and seeded mutations of it, on stable Rust; and damaged files.

#[path = "../fuzz/check.rs"]
mod check;

use std::path::{Path, PathBuf};

use cake_store::{JournalOptions, KeyPrefix, Page, Query, SqliteOptions, SqliteStore, Store, StoreError};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

const MUTATIONS: usize = 120_000;
const DAMAGED_FILES: usize = 1_000;
const DAMAGED_OPENED: usize = 150;
const TOKENS: [&[u8]; 12] =
    [b"/", b"//", b"/../", b"/./", b"\0", b"%2f", b"'", b"\xe2\x80\xae", b"AAAA", b"____", b"=", b"c"];

fn files(folder: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").path()).collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), std::fs::read(path).expect("a file"))).collect()
}

fn mutate(random: &mut StdRng, seed: &[u8], tokens: &[&[u8]]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..random.random_range(1..5) {
        let at = random.random_range(0..=bytes.len());
        match random.random_range(0..5) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            1 => bytes.truncate(at),
            2 => {
                let end = random.random_range(at..=bytes.len());
                bytes.drain(at..end);
            }
            3 => {
                let token = tokens.choose(random).expect("a token").repeat(random.random_range(1..200));
                bytes.splice(at..at, token);
            }
            _ => drop(bytes.splice(at..at, tokens.choose(random).expect("a token").iter().copied())),
        }
    }
    bytes
}

#[test]
fn mutated_texts_break_nothing() {
    let seeds = files("fuzz/corpus/texts");
    assert!(seeds.len() >= 11, "the corpus is missing");
    seeds.iter().for_each(|(_, seed)| check::texts(seed));
    let mut random = StdRng::seed_from_u64(3);
    for _ in 0..MUTATIONS {
        let (_, seed) = seeds.choose(&mut random).expect("a seed");
        check::texts(&mutate(&mut random, seed, &TOKENS));
    }
}

/// Flipped bits, swapped and zeroed stretches, cut ends: what a bad disk does.
fn damage(random: &mut StdRng, seed: &[u8]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..random.random_range(1..8) {
        let at = random.random_range(0..bytes.len());
        let end = (at + random.random_range(1..600)).min(bytes.len());
        match random.random_range(0..5) {
            0 | 1 => bytes[at] ^= 1 << random.random_range(0..8),
            2 => bytes[at..end].fill(0),
            3 => random.fill(&mut bytes[at..end]),
            _ if random.random_bool(0.2) => bytes.truncate(at.max(1)),
            _ => bytes.copy_within(at..end, 0),
        }
    }
    bytes
}

#[test]
fn damaged_files_are_refused_or_good() {
    let seeds = files("tests/golden");
    let directory = tempfile::tempdir().expect("a directory");
    let mut random = StdRng::seed_from_u64(4);
    for _ in 0..DAMAGED_FILES {
        let (_, seed) = seeds.choose(&mut random).expect("a seed");
        check::file(&directory.path().join("damaged"), &damage(&mut random, seed));
    }
}

/// Opened for service, a damaged file gives errors, not panics: those would close the store.
#[tokio::test]
async fn damaged_files_in_service_give_errors() {
    let seeds = files("tests/golden");
    let directory = tempfile::tempdir().expect("a directory");
    let mut random = StdRng::seed_from_u64(5);
    for number in 0..DAMAGED_OPENED {
        let (name, seed) = seeds.choose(&mut random).expect("a seed");
        let path = directory.path().join(number.to_string());
        std::fs::write(&path, damage(&mut random, seed)).expect("writing");
        if name.ends_with("journal-v1.sqlite") {
            if let Ok(journal) = cake_store::Journal::open(&path, JournalOptions::default()).await {
                let page = journal.page(Query::default()).await;
                assert!(!matches!(page, Err(cake_store::JournalError::Closed)), "{page:?}");
                journal.close().await;
            }
        } else if let Ok(store) = SqliteStore::open(&path, SqliteOptions::default()).await {
            use_store(&store).await;
            store.close().await;
        }
    }
}

async fn use_store(store: &SqliteStore) {
    let all = KeyPrefix::all();
    let listing = store.list(&all, Page::default()).await;
    assert!(!matches!(listing, Err(StoreError::Closed)), "{listing:?}");
    if let Ok(listing) = listing {
        let watch = store.watch(&all, listing.cursor).await;
        assert!(!matches!(watch, Err(StoreError::Closed)), "{watch:?}");
    }
    let key = all.key("x").expect("a key");
    let put = store.put_if(&key, "x".into(), cake_store::Expect::Any).await;
    assert!(!matches!(put, Err(StoreError::Closed)), "{put:?}");
}
