//! Bytes that should describe a VM: the OVF descriptor of a package with two disks.
#![no_main]

#[path = "../check.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::envelope(bytes));
