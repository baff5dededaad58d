//! What a disk begins with, and what programs say of it.
#![no_main]

#[path = "../check.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::disks(bytes));
