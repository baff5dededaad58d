//! Datagrams from anybody.
#![no_main]

#[path = "../rmcp.rs"]
mod rmcp;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rmcp::check(bytes));
