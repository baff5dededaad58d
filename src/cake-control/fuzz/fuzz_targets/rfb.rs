//! Bytes from a hostile viewer of a screen.
#![no_main]

#[path = "../check.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::rfb(bytes));
