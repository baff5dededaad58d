//! What the tests of BMCs share.
#![allow(dead_code, reason = "each test program uses a part of it")]

pub mod ipmi_sim;
pub mod relay;
