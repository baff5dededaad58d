//! A damaged database file. Its corpus is a link to the golden stores.
#![no_main]

#[path = "../check.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let path = std::env::temp_dir().join(format!("cake-store-fuzz-{}", std::process::id()));
    check::file(&path, bytes);
});
