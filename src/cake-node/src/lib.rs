//! The root agent of a server (invariant 1): it alone touches QEMU, disks and links, and it works without caked.
//!
//! ```text
//!   caked ── node API ──► service ── admit ──► database (durable first) ──► engine (cake-vm) ──► QEMUs
//!                 ▲                                                            │ Surroundings
//!                 │                                                            ▼
//!                 └────── observe ─── board ◄──────────────────── house ── pools, volumes, seeds (cake-storage)
//!                                       ▲                           ├──── networks ── bridges, taps, filters (cake-net)
//!                                       │                           └──── library ── inspector ── worker
//!                                       └──── imports ── convert ── worker ──┘   sticks ── worker
//! ```
//!
//! `servers` watches BMCs by a worker of its own, over sockets that it is given.
//!
//! `ups` watches the power supply and ends guests and server when it runs out; `leaving` does so when somebody asks, and `host` sets
//! the machine's own settings. `uplink` keeps its network, and brings it back from one that nobody confirms. `installer` puts cake on the
//! disks of a server that was started from a stick. `updates` brings newer firmware to the system disks, by a worker.
//!
//! Start from [`serve::serve`], which puts the daemon together, and `service`, which answers the node API. What the node must not
//! forget is in one SQLite file; what runs is known from the kernel (`cake_vm::Folder`).
//!
//! After a crash of its own the daemon adopts what lives; after a power cut it starts what should run, because the authority over
//! its VMs is its own ([`cake_types::Authority::Local`]). Both are the same code: every VM is brought to where it should be,
//! from wherever it is.
//!
//! This crate deliberately does not know: the Store, HTTP, accounts, languages.

pub mod accelerator;
pub mod admin;
mod admit;
pub mod ask_disk;
mod board;
pub mod convert;
mod converter;
mod database;
mod disks;
mod exports;
mod guests;
mod history;
mod hold;
mod host;
mod house;
mod imports;
mod inspector;
mod installer;
mod key;
mod leaving;
mod library;
mod listen;
mod meters;
mod networks;
mod seccomp;
mod sensors;
pub mod serve;
mod server_disks;
pub mod servers;
mod service;
mod sticks;
mod support;
mod tickets;
pub mod updates;
mod uplink;
mod ups;
mod usage;
mod volumes;

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
