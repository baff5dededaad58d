//! Client of the QEMU Machine Protocol (QMP): one connection to one QEMU.
//!
//! Start from [`Qmp::connect`]: it reads the greeting, negotiates capabilities and gives a [`Qmp`] handle (cheap to
//! clone) that [runs commands](Qmp::run), and an [`Events`] receiver.
//!
//! ```text
//!  Qmp (Clone) ──request──▶ ┌────────────────────────┐ ──bytes, descriptors──▶ QEMU
//!  Qmp (Clone) ──request──▶ │ one task: Connection   │
//!       ▲                   │ Framer ▸ parse_line ▸  │ ◀───────bytes────────── QEMU
//!       └──answer by id──── │ waiting commands by id │
//!  Events ◀──bounded queue─ └────────────────────────┘
//! ```
//!
//! QEMU runs guests' code, so it is not trusted: [`Framer`] and [`parse_line`] are plain functions over hostile bytes,
//! every buffer has a limit, and a peer that lies ends the connection with a typed [`CloseReason`], never with a panic.
//! Two things that kill other clients don't end this one: an event whose name nobody knew, and a command whose answer
//! comes too late.
//!
//! This crate deliberately does not know: what a VM is, how QEMU is started, which commands make up a start, when to
//! try again.

mod command;
mod connection;
mod error;
mod event;
mod framer;
mod message;
mod qmp;

pub mod commands;

pub use command::{Command, Empty};
pub use error::{CloseReason, QmpError};
pub use event::{Event, EventKind, Events, Notice, Timestamp};
pub use framer::{Framer, LineTooLong};
pub use message::{Greeting, Message, ParseError, Refusal, Version, parse_line};
pub use qmp::{Limits, Qmp};
