//! The root agent of a server (invariant 1): it alone touches QEMU, disks and links, and it works without caked.

pub mod accelerator;
pub mod admin;
mod admit;
mod board;
mod database;
mod house;
mod inspector;
mod key;
mod library;
pub mod serve;
mod service;
mod tickets;
mod usage;

/// An error with its sources, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
