//! What may lie on a boot partition as the firmware's file.
#![no_main]

#[path = "../check.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::uki(bytes));
