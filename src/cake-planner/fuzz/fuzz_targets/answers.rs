//! A file with the answers of the setup wizard, as somebody could write it.
#![no_main]

#[path = "../check.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::answers(bytes));
