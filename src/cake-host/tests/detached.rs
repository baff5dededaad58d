//! The conformance suite on the detached launcher.

use std::process::Command;

use anyhow::{Result, ensure};

#[test]
fn the_detached_launcher_conforms() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let output = Command::new(env!("CARGO_BIN_EXE_launcher-conformance"))
        .arg("detached")
        .arg(folder.path().join("records"))
        .env("CAKE_CONFORMANCE_SECRET", "not to be inherited")
        .output()?;
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{said}{complained}");
    ensure!(said.lines().filter(|line| line.starts_with("ok ")).count() == 15, "{said}");
    Ok(())
}
