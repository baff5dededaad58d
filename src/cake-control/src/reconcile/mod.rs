//! The control loops, one file for each kind of resource. Each can be killed at any instruction and run again: it looks at what is
//! asked and what is so, and does what is missing.

pub mod alerts;
pub mod bin;
pub mod certificate;
pub mod events;
pub mod exports;
pub mod hosts;
pub mod images;
pub mod imports;
pub mod pools;
pub mod sweep;
pub mod tasks;
pub mod ups;
pub mod vms;
pub mod volumes;
