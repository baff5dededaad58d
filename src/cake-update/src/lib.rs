//! The appliance's firmware: one signed file, of which each system disk holds the running version and the one before.
//!
//! ```text
//!  Source (a directory, HTTP) ── check ──► Offer: releases, policy        repository: TUF, who may say what
//!                                              │ apply                    blocks: only what changed is fetched
//!                                              ▼
//!  ESP: .cake_V.part ── read back ──► cake_V+3.efi ── started, bless ──► cake_V.efi      slots: what may be booted
//! ```
//!
//! Start from [`Updater`]. All calls block; [`Control`] watches and stops them. Whatever stops them, what can be booted is whole, and
//! the same call again goes on.
//!
//! This crate deliberately does not know: which disks are system disks, when to update, how to restart, what makes a started version
//! good, where a URL comes from, who may ask, and how a release is signed.

pub mod blocks;
mod control;
pub mod repository;
pub mod slots;
mod source;
pub mod uki;
mod update;
mod version;

pub use control::{Cancelled, Control, Progress, Stage};
pub use repository::{Anchor, Memory, Offer, Policy, Release, RepositoryError, Trust};
pub use slots::{Esp, SlotError, SlotName, Standing};
pub use source::{Directory, Http, Source, SourceError};
pub use update::{Applied, UpdateError, Updater};
pub use version::{NoVersion, Version};
