//! A process without rights in a root of its own: what every program that touches a guest's bytes is put into.
//!
//! ```text
//!   root::enter     the engine, read-only, in a mount namespace; /tmp and /dev of its own; no /proc, no /sys; the files that it
//!                   was given, and nothing else of the machine
//!   limit           what it may use
//!   drop_all        another user, no groups, no capability, none to be had again
//! ```
//!
//! Call these in a process with one thread, in this order, before anything is executed.

mod privileges;
mod root;

pub use privileges::{drop_all, limit};
pub use root::enter;

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
    pub kvm: bool,
    /// Files and folders that it can't take as descriptors.
    pub seen: &'a [Seen<'a>],
}

/// A file in [`FOLDER`].
#[derive(Debug)]
pub struct Seen<'a> {
    pub source: &'a Path,
    pub name: &'a str,
    pub writable: bool,
}
