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

/// Whether they are still to be given.
pub fn pending() -> bool {
    file().exists()
}

/// Refused answers are put aside and told: the wizard in the browser then asks.
pub fn give() -> Result<()> {
    let file = file();
    let caked = Path::new(STATE).join("caked");
    let (file_name, state) = (file.display().to_string(), caked.display().to_string());
    // The key is the one that the installer showed: caked has it from there.
    let given = program::run(CAKED, &["setup", "--state", &state, "--file", &file_name]);
    if let Err(error) = given {
        fs::rename(&file, file.with_extension("refused")).with_context(|| format!("put {file_name} aside"))?;
        return Err(error.context("the answers of the installation are refused"));
    }
    fs::remove_file(&file).with_context(|| format!("delete {file_name}"))
}
