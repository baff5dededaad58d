//! Bytes that should be a stick: its table, its file systems, its files.
#![no_main]

#[path = "../check.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::sticks(bytes));
