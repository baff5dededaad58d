//! Power and run state of the machine.

use serde::Serialize;

use crate::command::{Command, Empty};

/// Stops the vCPUs.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Stop;

impl Command for Stop {
    const NAME: &'static str = "stop";
    type Answer = Empty;
}

/// Lets the vCPUs run, at first or again.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Cont;

impl Command for Cont {
    const NAME: &'static str = "cont";
    type Answer = Empty;
}

/// Pulls the reset line.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SystemReset;

impl Command for SystemReset {
    const NAME: &'static str = "system_reset";
    type Answer = Empty;
}

/// Presses the ACPI power button; the guest may ignore it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SystemPowerdown;

impl Command for SystemPowerdown {
    const NAME: &'static str = "system_powerdown";
    type Answer = Empty;
}

/// Ends QEMU. The answer may be the last thing that it says.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Quit;

impl Command for Quit {
    const NAME: &'static str = "quit";
    type Answer = Empty;
}
