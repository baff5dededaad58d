//! What a running instance says about itself, in a file of its state directory, for `caked status` and for scripts.

use anyhow::Context;
use cake_control::setup::{read_token, write_secret};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const FILE: &str = "instance.json";

/// Where the instance answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Instance {
    pub url: String,
    /// SHA-256 of the server's certificate.
    pub fingerprint: String,
    /// The certificate of the authority that signed it.
    pub ca: PathBuf,
    pub version: String,
}

/// What `caked status` prints.
#[derive(Serialize)]
pub struct Status {
    #[serde(flatten)]
    instance: Instance,
    set_up: bool,
    /// The wizard's one-time token, until set-up is done.
    setup_token: Option<String>,
}

impl Instance {
    pub fn write(&self, state: &Path) -> anyhow::Result<()> {
        write_secret(&state.join(FILE), &serde_json::to_vec_pretty(self)?)?;
        Ok(())
    }

    pub fn read(state: &Path) -> anyhow::Result<Self> {
        let path = state.join(FILE);
        let text = std::fs::read(&path).with_context(|| format!("no instance has served from {}", state.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} is damaged", path.display()))
    }
}

pub fn status(state: &Path) -> anyhow::Result<Status> {
    let instance = Instance::read(state)?;
    let setup_token = match read_token(state) {
        Ok(token) => Some(token.to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error).context("the set-up token can't be read"),
    };
    Ok(Status { instance, set_up: setup_token.is_none(), setup_token })
}
