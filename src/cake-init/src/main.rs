//! `cake-init`: process 1 of the initramfs inside the firmware's one signed file.
//!
//! ```text
//! drivers ─▶ is the root the one that the signed command line names? ─▶ squashfs, a writable layer in memory ─▶ systemd
//! ```
//!
//! Secure Boot checks the whole file, and the firmware goes on with the next entry of its list. Without it nobody would, so a flipped bit
//! in the root is found here, whoever booted it: the firmware is asked for the next entry, the process ends, the kernel panics, the machine
//! starts anew (`panic=`), and the boot loader counts the attempt.
//!
//! It is linked statically: nothing but this program, a few drivers and the root is in the initramfs.

use cake_init::{Failure, assemble, root};
use std::path::Path;
use std::process::ExitCode;

mod kernel;
mod switch;

fn main() -> ExitCode {
    let Err(error) = boot();
    kernel::say(&format!("{error}; the machine starts anew{}", if pass_over() { ", from what is next" } else { "" }));
    ExitCode::FAILURE
}

/// Has the firmware pass this file over the next time. Where it keeps no list, or nothing else is in it, it starts this one again.
fn pass_over() -> bool {
    let next = kernel::mount_variables().map(|()| cake_efi::start_next(Path::new(cake_efi::EFIVARS)));
    matches!(next, Ok(Ok(Some(_))))
}

/// Returns only when something failed.
fn boot() -> Result<std::convert::Infallible, Failure> {
    kernel::mount_interfaces()?;
    let expected = root::expected(&kernel::command_line()?)?;
    kernel::load_drivers()?;
    let file = root::open(root::FILE)?;
    root::check(&mut &file, &expected)?;
    let device = root::attach(&file)?;
    assemble::mount_root(&device, &switch::PLACES)?;
    // The mount holds it from here on.
    drop(device);
    switch::hand_over()
}
