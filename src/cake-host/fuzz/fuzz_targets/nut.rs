//! Bytes that should be what a NUT server says.
#![no_main]

#[path = "../check.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::nut(bytes));
