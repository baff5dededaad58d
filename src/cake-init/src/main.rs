//! `cake-init`: process 1 of the initramfs inside the firmware's one signed file.
//!
//! ```text
//! drivers ─▶ is the root the one that the signed command line names? ─▶ squashfs, a writable layer in memory ─▶ systemd
//! ```
//!
//! Secure Boot checks the whole file. Without it nobody would, so a flipped bit in the root is found here, whoever booted it: the
//! process ends, the kernel panics, the machine starts anew (`panic=`), and the boot loader counts the attempt.
//!
//! It is linked statically: nothing but this program, a few drivers and the root is in the initramfs.

use cake_init::{Failure, assemble, root};
use std::process::ExitCode;

mod kernel;
mod switch;

fn main() -> ExitCode {
    let Err(error) = boot();
    kernel::say(&format!("{error}; the machine starts anew"));
    ExitCode::FAILURE
}

/// Returns only when something failed.
fn boot() -> Result<std::convert::Infallible, Failure> {
    kernel::mount_interfaces()?;
    let expected = root::expected(&kernel::command_line()?)?;
    kernel::load_drivers()?;
    root::check(root::FILE, &expected)?;
    let device = root::attach(&root::open(root::FILE)?)?;
    assemble::mount_root(&device, &switch::PLACES)?;
    // The mount holds it from here on.
    drop(device);
    switch::hand_over()
}
