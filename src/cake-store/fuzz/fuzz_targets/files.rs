//! A damaged database file. Start it with the golden stores as its corpus: `cargo fuzz run files ../tests/golden`.
#![no_main]

#[path = "../check.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let path = std::env::temp_dir().join(format!("cake-store-fuzz-{}", std::process::id()));
    check::file(&path, bytes);
});
