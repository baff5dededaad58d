//! The slots of a system disk: files of its ESP that systemd-boot counts.
//!
//! ```text
//!   .cake_V.part ── verified, renamed ──► cake_V+3.efi ── tried ──► cake_V+2-1.efi ── blessed ──► cake_V.efi
//!                                                                        └── tried out ──► cake_V+0-3.efi (bad)
//! ```
//!
//! Only what ends in `.efi` is booted. A file gets such a name when it has been read back from the disk and found whole.

mod error;
mod esp;
mod name;
mod part;
mod plan;

pub use error::SlotError;
pub use esp::Esp;
pub use name::{SlotName, Tries};
pub(crate) use part::finished;
pub use part::{Image, Part, publish, replace};
pub use plan::{Standing, fallback, removable, standings};

#[cfg(test)]
mod tests;
