//! A machine's firmware: OVMF, its variables, and whose signatures it believes.

use super::engine::Engine;
use crate::workspace;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// `gEfiGlobalVariableGuid`: who gave the keys, for somebody who gives them himself.
const OWNER: &str = "8be4df61-93ca-11d2-aa0d-00e098032b8c";

const VARIABLES: &str = "variables.fd";

#[derive(Debug)]
pub(super) struct Firmware {
    code: PathBuf,
    variables: PathBuf,
    secure: bool,
}

impl Firmware {
    /// Fresh variables in this folder. With a certificate (PEM) it starts only what that one signed; it is owner, authority and
    /// signer at once.
    pub fn make(engine: &Engine, folder: &Path, signer: Option<&Path>) -> Result<Self> {
        let code = if signer.is_some() { "OVMF/OVMF_CODE_4M.secboot.fd" } else { "OVMF/OVMF_CODE_4M.fd" };
        let (blank, variables) = (engine.share("OVMF/OVMF_VARS_4M.fd"), folder.join(VARIABLES));
        match signer {
            None => drop(fs::copy(blank, &variables)?),
            Some(signer) => enrol(&blank, &variables, signer)?,
        }
        Ok(Self { code: engine.share(code), variables, secure: signer.is_some() })
    }

    /// A mainboard that was changed: nothing is known of what was booted before.
    pub fn forget(&self, engine: &Engine, signer: Option<&Path>) -> Result<()> {
        fs::remove_file(&self.variables)?;
        let folder = self.variables.parent().context("variables lie in a folder")?;
        Self::make(engine, folder, signer).map(drop)
    }

    /// Keeps the variables in a folder.
    pub fn keep(&self, folder: &Path) -> Result<()> {
        Ok(fs::copy(&self.variables, folder.join(VARIABLES)).map(drop)?)
    }

    /// Takes the variables that were kept in a folder.
    pub fn take(&self, folder: &Path) -> Result<()> {
        Ok(fs::copy(folder.join(VARIABLES), &self.variables).map(drop)?)
    }

    pub fn arguments(&self) -> Vec<String> {
        let drive = |read_only, file: &Path| {
            // A comma ends a word of QEMU's; two are one.
            let file = file.display().to_string().replace(',', ",,");
            ["-drive".to_owned(), format!("if=pflash,format=raw,readonly={read_only},file={file}")]
        };
        let mut words = [drive("on", &self.code), drive("off", &self.variables)].concat();
        if self.secure {
            // The system can't write them: only the firmware, in its own mode of the processor.
            words.extend(["-global".into(), "driver=cfi.pflash01,property=secure,value=on".into()]);
        }
        words
    }
}

fn enrol(blank: &Path, variables: &Path, signer: &Path) -> Result<()> {
    let output = Command::new(workspace().join("image/scripts/virt-firmware.sh")).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "image/scripts/virt-firmware.sh ended with {}", output.status);
    let place = PathBuf::from(String::from_utf8(output.stdout)?.trim());
    let mut command = Command::new(place.join("bin/python3"));
    command.args(["-m", "virt.firmware.vars", "--secure-boot", "--input"]).arg(blank).arg("--output").arg(variables);
    for key in ["--set-pk", "--add-kek", "--add-db"] {
        command.args([key, OWNER]).arg(signer);
    }
    let output = command.output()?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
