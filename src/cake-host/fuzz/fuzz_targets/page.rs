//! Bytes that should be a page of a history, or a whole file of them.
#![no_main]

#[path = "../check.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::page(bytes));
