//! Programs of the root that are run to their end.

use anyhow::{Context, Result, bail};
use std::process::{Command, Output};

/// Runs it and gives what it printed. A status other than success is an error with what it said.
pub fn run(program: &str, arguments: &[&str]) -> Result<String> {
    let output = output(program, arguments)?;
    if !output.status.success() {
        bail!("{program} {}: {}", arguments.join(" "), said(&output));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

pub fn output(program: &str, arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(program);
    // A restart is the machine's: with a next root that is ready, systemctl would start that instead.
    command.args(arguments).env("SYSTEMCTL_SKIP_AUTO_SOFT_REBOOT", "1");
    command.output().with_context(|| format!("start {program}"))
}

/// The last line of what it complained about.
pub fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it failed and said nothing").to_owned()
}
