//! A machine's TPM: swtpm, with its state in a folder of its own.

use super::child::{Child, GIVEN, Gets};
use super::engine::Engine;
use anyhow::{Result, ensure};
use std::fs;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

const KEPT: &str = "tpm";

#[derive(Debug)]
pub(super) struct Tpm {
    state: PathBuf,
}

impl Tpm {
    /// A new one, with secrets that no other has.
    pub fn make(engine: &Engine, state: PathBuf) -> Result<Self> {
        fs::create_dir(&state)?;
        let program = engine.words("swtpm").map(|word| word.display().to_string()).join(" ");
        let mut command = engine.command("swtpm_setup");
        // One bank, as the firmware of today's servers: it measures a large file for every bank, which takes long when emulated.
        command
            .args(["--tpm2", "--pcr-banks", "sha256", "--tpm", &format!("{program} socket"), "--tpmstate"])
            .arg(&state);
        command.arg("--config").arg(engine.etc("swtpm_setup.conf"));
        let output = command.output()?;
        ensure!(output.status.success(), "{command:?}: {output:?}");
        Ok(Self { state })
    }

    /// Another one in its place.
    pub fn replace(&self, engine: &Engine) -> Result<()> {
        fs::remove_dir_all(&self.state)?;
        Self::make(engine, self.state.clone()).map(drop)
    }

    /// Keeps its state in a folder.
    pub fn keep(&self, folder: &Path) -> Result<()> {
        copy_files(&self.state, &folder.join(KEPT))
    }

    /// Becomes the one whose state was kept in a folder.
    pub fn take(&self, folder: &Path) -> Result<()> {
        fs::remove_dir_all(&self.state)?;
        copy_files(&folder.join(KEPT), &self.state)
    }

    /// Starts it for one QEMU, which connects to `socket`; it ends with that connection.
    pub fn start(&self, engine: &Engine, socket: &Path, log: &Path) -> Result<Child> {
        // Listening before it runs: a QEMU that comes too early waits in the queue.
        let listener = UnixListener::bind(socket)?;
        let mut command = engine.command("swtpm");
        command.args(["socket", "--tpm2", "--terminate", "--ctrl", &format!("type=unixio,fd={GIVEN}"), "--tpmstate"]);
        command.arg(format!("dir={}", self.state.display()));
        Child::start(command, log, Gets { descriptor: Some(listener.into()), network: None })
    }
}

fn copy_files(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
