//! caked, the program itself, and behind it the model of a node that caked's own tests have. Who needs it includes this file: the harness
//! knows the programs only by their arguments, output and API.

#[allow(dead_code, reason = "the tests of caked use more of it")]
#[path = "../src/caked/tests/it/support/node.rs"]
pub mod node;

use anyhow::{Context, Result};
use cake_tests::{Daemon, Place};
use node::SimNode;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use tokio::runtime::Runtime;

/// Both of them, before the wizard.
pub struct Modelled {
    pub node: Arc<SimNode>,
    pub caked: Daemon,
    /// caked's folder.
    pub state: PathBuf,
    pub url: String,
    /// The wizard's.
    pub token: String,
    /// The model's own; it must not end inside this one.
    serving: Option<Runtime>,
    _folder: tempfile::TempDir,
}

impl Modelled {
    /// In a folder of its own whose name begins so. `more` is what else this caked is told; it may lay files in that folder.
    pub fn start(
        prefix: &str,
        node: Arc<SimNode>,
        more: impl FnOnce(&mut Command, &Path) -> Result<()>,
    ) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix(prefix).tempdir()?;
        let [state, socket] = ["caked", "node.sock"].map(|name| folder.path().join(name));
        let serving = Some(node.serve(&socket));
        let program = Place::find()?.program("caked");
        let mut command = Command::new(&program);
        command.arg("serve").arg("--state").arg(&state).arg("--node-socket").arg(&socket);
        command.args(["--https", "127.0.0.1:0"]);
        more(&mut command, folder.path())?;
        let caked = Daemon::start(command, &folder.path().join("caked.log"))?;
        let status = Command::new(&program).arg("status").arg("--state").arg(&state).output()?;
        let status: Value = serde_json::from_slice(&status.stdout)?;
        let said = |name: &str| anyhow::Ok(status[name].as_str().context("a text")?.to_owned());
        let (url, token) = (said("url")?, said("setup_token")?);
        Ok(Self { node, caked, state, url, token, serving, _folder: folder })
    }
}

impl Drop for Modelled {
    fn drop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.shutdown_background();
        }
    }
}
