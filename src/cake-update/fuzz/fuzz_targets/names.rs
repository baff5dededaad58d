//! What may lie in the slots' folder of an ESP.
#![no_main]

#[path = "../check.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::names(bytes));
