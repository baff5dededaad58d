//! Writes cake on the disks of a bare server, and opens them when the server starts.
//!
//! ```text
//!  answer file ─► [`answers`] ─┐
//!                              ├─► [`plan::Plan`] (pure) ─► [`apply::Apply`] ─► sfdisk, mdadm, cryptsetup, mkfs, systemd-cryptenroll
//!  disks ─────────► [`disks`] ─┘         ▲
//!  image/partitions.toml ─► [`layout`] ──┘          next start: [`open`] ─► /state, /pool/NAME
//! ```
//!
//! Each system disk holds a boot partition, a member of the mirror `cake-state`, and the rest, which is a pool; each further disk is
//! a member of a pool. Everything but the boot partitions is encrypted. Start at [`plan::Plan::new`].
//!
//! Deliberately not known here: screens and languages (steps have ids), the network, what a virtual machine is, and how firmware is
//! made or signed.

pub mod answers;
pub mod apply;
pub mod arrays;
pub mod disks;
pub mod efi;
pub mod esps;
pub mod event;
pub mod exit;
pub mod headers;
pub mod kept;
pub mod layout;
pub mod luks;
pub mod mounts;
pub mod next_root;
pub mod open;
pub mod plan;
pub mod release;
pub mod reset;
pub mod secret;
pub mod starts;
pub mod tool;
