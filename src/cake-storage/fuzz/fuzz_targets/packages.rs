//! Bytes that should be a VM in one file: its tar, what describes it, its disks, its checksums.
#![no_main]

#[path = "../check.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::package(bytes));
