//! This machine: who a process is, how one is started that outlives us, what is used, what is there.
//!
//! Start from [`launch::Launcher`] (starts programs that survive every daemon of cake) and [`process::LiveProcess`]
//! (a process that is certainly the one that was recorded).
//!
//! ```text
//!   launch::choose ─▶ dyn Launcher ─┬─ DetachedLauncher: fork, own session, record in a folder
//!                                   └─ SystemdLauncher: transient units ──┐
//!   system_settings: host name, time zone; power ─────────────────────────────── bus (every D-Bus proxy) ─▶ systemd
//!   process: ProcessIdentity ─▶ LiveProcess (pidfd)
//!   cage: a root of its own, no rights: where guests' bytes are touched      step: one that failed on the way there
//!   usage: one process, the whole machine       identity: its names        accelerator: does KVM really run guests
//!   ups: what the NUT server of a UPS tells          disks: what the machine is built of, and what smartctl says of their health
//!   networks: where it has addresses             uplink: its ports, and systemd-networkd, which owns its addresses
//!   history: what was used, over an hour, a day, a month, in files that never grow
//! ```
//!
//! It deliberately does not know: QEMU, VMs, cake's own state and what an end of a process means.

pub mod accelerator;
mod bus;
pub mod cage;
pub mod disks;
pub mod history;
pub mod identity;
pub mod launch;
pub mod networks;
pub mod power;
pub mod process;
pub mod step;
pub mod system_settings;
pub mod uplink;
pub mod ups;
pub mod usage;
