//! The wizard's answers that the installer left on the state: given once, then deleted.

use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

use crate::mode::STATE;
use crate::program;

pub const CAKED: &str = "/usr/lib/cake/caked";

fn file() -> PathBuf {
    Path::new(STATE).join("setup/answers.toml")
}

/// A refused answer stays where it is and is told; the wizard in the browser then asks.
pub fn give() -> Result<()> {
    let file = file();
    let caked = Path::new(STATE).join("caked");
    let (file_name, state) = (file.display().to_string(), caked.display().to_string());
    // The key is the one that the installer showed: it stands in the file.
    program::run(CAKED, &["setup", "--state", &state, "--file", &file_name])
        .context("the answers of the installation are refused")?;
    fs::remove_file(&file).with_context(|| format!("delete {file_name}"))
}
