//! What `make image` made, and what the systems in it say.

use anyhow::{Result, ensure};
use cake_tests::machine::{Disk, Kind};
use cake_tests::workspace;
use std::path::PathBuf;
use std::time::Duration;

/// Longer than an emulated server takes from its power button to its system, with Secure Boot and a TPM, on a busy machine.
pub const BOOT: Duration = Duration::from_secs(600);

/// A file of `target/image`, or of `CAKE_IMAGE_DIR`.
pub fn built(name: &str) -> Result<PathBuf> {
    let folder = std::env::var_os("CAKE_IMAGE_DIR").map_or_else(|| workspace().join("target/image"), PathBuf::from);
    let path = folder.join(name);
    ensure!(path.exists(), "{} is missing: run make image", path.display());
    Ok(path)
}

/// What the installer says when it waits for answers.
pub const READY: &str = "installer ready";

/// The stick, as it is bought or written.
pub fn stick() -> Result<Disk> {
    Ok(Disk::copy_of("stick", Kind::Stick, &built("cake-installer.img")?))
}
