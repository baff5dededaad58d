//! Networks of a node: the bridges that it has, the taps that connect guests to them, and what guests may send.
//!
//! ```text
//!  bridges()  ◄── /sys/class/net, the kernel's addresses          Changes ── the kernel says that a link or an address changed
//!
//!  plug(MAC, bridge)   tap, made for one descriptor ▸ filter on it ▸ port of the bridge ──► the descriptor, for QEMU
//!                        └─ gone with its last holder, which is QEMU      └─ nftables, `netdev` family: another MAC is dropped,
//!                                                                            ARP, neighbour discovery and DHCP are remembered
//!  seen()     ◄── the addresses that the kernel remembers of each guest
//!  guard()    ── guests behind NAT can't open a connection to the node's own loopback
//! ```
//!
//! Start from [`plug`]. Nothing here needs to be undone after a crash: a tap lives exactly as long as the QEMU that holds it, and
//! [`sweep`] takes away filters whose tap is gone.
//!
//! **No byte of a guest is parsed here.** Who sends what is looked at by the kernel's nf_tables, which keeps the sender addresses in
//! sets of bounded size; this crate reads those sets. A worker that snoops would be one more parser to keep confined.
//!
//! This crate deliberately does not know: VMs, QEMU, tokio, the node's database.

mod bridge;
mod changes;
mod error;
mod filter;
mod guard;
mod nft;
mod remove;
mod tap;

pub use bridge::{bridges, exists, keep_address};
pub use changes::Changes;
pub use error::NetError;
pub use filter::{put as filter, seen, sweep};
pub use guard::{guard, is_guarded, port_is_free};
pub use remove::remove_link;
pub use tap::{is_plugged, plug, plug_beside, tap_name, unplug};
