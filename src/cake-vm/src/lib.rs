//! The hypervisor engine: VMs as QEMU processes, driven over QMP, outliving everything that drives them.
//!
//! ```text
//!  Engine ── one Actor for each VM that is alive or busy
//!              │  Machine: what happened ─► what to do          (pure; the states are drawn there)
//!              │  RequestQueue: what may be asked, and why not  (pure)
//!              │  argv: hardware record + spec ─► arguments     (pure; golden files)
//!              │
//!              ├─ start ── launcher ── `cake-node exec-vm PLAN` ── QEMU, confined        (exec)
//!              ├─ Replacement: the guest goes on in the QEMU of another engine root                    (successor)
//!              ├─ QMP session, pidfd of the process
//!              ├─ Devices: network cards, disks and CDs that come and leave while the guest runs
//!              ├─ Serial: the guest's first serial port, its last 64 KiB, its viewers
//!              └─ Screen: viewers' connections to QEMU's VNC server, pictures
//!  Folder ── vms/ID: the lock that QEMU holds for as long as it lives
//! ```
//!
//! Start from [`Engine`]. What it needs of the node is the trait [`Surroundings`]; what it is told is an [`Assignment`].
//!
//! **Exactly one QEMU, or none.** A start is `kill -9`-proof at every instruction, because nothing about it needs to be
//! remembered by whoever started it:
//!
//! 1. The assignment is durable before the engine hears of it.
//! 2. The launcher knows the unit `cake-vm-ID` before the program runs, and refuses a second one of that name.
//! 3. The helper takes the VM's lock before it opens a disk, and ends if the lock is taken. QEMU inherits it through `exec` and
//!    holds it to its end. Asking the kernel for the lock's holder gives QEMU's pid, with no instant in between at which a
//!    QEMU lives and nobody could know.
//! 4. The sockets are bound before the helper is started, so a QEMU that lives can be reached; it is asked for its UUID before it
//!    is believed.
//!
//! A QEMU that takes a running guest over is a second one of the VM, in `next/` and with a lock of its own; which of the two has the guest
//! is decided by one file (see `successor`).
//!
//! This crate does not know: the node API, the database, pools and images, epochs other than as numbers that rise.

mod actor;
pub mod argv;
mod assignment;
pub mod cards;
mod cd;
mod devices;
mod disks;
mod engine;
pub mod exec;
mod folder;
pub mod machine;
mod nics;
mod plan;
mod plugged;
pub mod request;
pub mod screen;
mod serial;
mod start;
mod successor;

pub use assignment::{Assignment, Making, Surroundings};
pub use engine::{Engine, Settings};
pub use folder::{Folder, Holder};
pub use plan::{Files, LaunchPlan, PlannedFile};
pub use serial::Tail;
