//! The first lines of a file that is said to be a backup.
#![no_main]

#[path = "../check.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::bundle(bytes));
