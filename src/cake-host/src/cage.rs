//! A process without rights in a root of its own: what every program that touches a guest's bytes is put into.
//!
//! ```text
//!   root::enter     the engine, read-only, in a mount namespace; /tmp and /dev of its own; no /proc, no /sys; the files that it
//!                   was given, and nothing else of the machine
//!   limit           what it may use
//!   drop_all        another user, no groups, no capability, none to be had again (`drop_all_but`: one of the kernel's)
//! ```
//!
//! Call these in a process with one thread, in this order, before anything is executed.

mod execute;
mod privileges;
mod root;

pub use execute::execute;
pub use privileges::{drop_all, drop_all_but, limit};
pub use root::enter;

use libc::dev_t;
use nix::sys::stat::{SFlag, makedev};
use std::path::Path;

/// The folder in which a caged program sees the files that it was given by name.
pub const FOLDER: &str = "/vm";

/// What the program sees.
#[derive(Debug)]
pub struct Cage<'a> {
    /// The tree that becomes its root.
    pub engine: &'a Path,
    /// The user that it becomes.
    pub uid: u32,
    /// The machine's network; otherwise an empty one.
    pub network: bool,
    /// A device beside the two that every program has. It is the user's own, and nobody else's.
    pub device: Option<Device<'a>>,
    /// Files and folders that it can't take as descriptors.
    pub seen: &'a [Seen<'a>],
}

/// A device in `/dev`.
#[derive(Clone, Copy, Debug)]
pub struct Device<'a> {
    pub name: &'a str,
    pub kind: SFlag,
    pub number: dev_t,
}

impl Device<'_> {
    /// By its fixed number (Linux admin-guide, devices.txt).
    pub const KVM: Self = Self { name: "kvm", kind: SFlag::S_IFCHR, number: makedev(10, 232) };
}

/// A file in [`FOLDER`].
#[derive(Debug)]
pub struct Seen<'a> {
    pub source: &'a Path,
    pub name: &'a str,
    pub writable: bool,
}
