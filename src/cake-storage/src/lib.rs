//! Disks of a node: pools of volumes, images to make them from, the seeds that tell guests who they are.
//!
//! ```text
//!  images/NAME.toml + file ── inspect (confined worker) ──► usable     (an imported one: POOL/images/ID.toml)
//!                                                              │ FICLONE, or a copy without holes
//!  Pool (a directory) ──────────────────────────────────────► volume ID-0.raw, owned by the VM's user
//!  CloudInit ── seed ──► a FAT disk labelled CIDATA
//! ```
//!
//! Start from [`Pool`] and [`volume::make`]. Whatever is made is whole or not there. [`inspect`] reads hostile bytes: plain
//! functions, run by [`worker`] without any right; so does [`stick`], for what is plugged in.
//!
//! This crate deliberately does not know: VMs beyond their ids, QEMU, tokio, the node's database.

mod error;
pub mod images;
pub mod inspect;
pub mod package;
mod pool;
pub mod seed;
pub mod stick;
pub mod volume;
pub mod worker;

pub use error::StorageError;
pub use pool::Pool;
