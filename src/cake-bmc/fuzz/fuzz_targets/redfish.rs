//! A document of a hostile Redfish service.
#![no_main]

#[path = "../redfish.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::redfish(bytes));
