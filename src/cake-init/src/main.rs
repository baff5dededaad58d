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

use std::process::ExitCode;

mod kernel;
mod root;
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
    let device = root::attach(root::FILE)?;
    switch::assemble(&device)?;
    switch::hand_over()
}

/// Why the root is not started. Shown on every console that the kernel has.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{step}: {error}")]
    System { step: String, error: std::io::Error },
    #[error("the command line does not say which root is ours (cake.root=sha256:…)")]
    NotNamed,
    #[error("the root is not the one that was signed: its SHA-256 is {found}, not {expected}")]
    Changed { found: String, expected: String },
}

/// Gives an error the step in which it happened.
trait Step<T> {
    fn step(self, step: impl Into<String>) -> Result<T, Failure>;
}

impl<T, E: Into<std::io::Error>> Step<T> for Result<T, E> {
    fn step(self, step: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|error| Failure::System { step: step.into(), error: error.into() })
    }
}
