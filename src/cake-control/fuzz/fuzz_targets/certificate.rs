//! A text that is said to be a certificate and its key.
#![no_main]

#[path = "../check.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::certificate(bytes));
