//! The conformance suite on the systemd launcher, inside a guest whose pid 1 is systemd.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

/// What the guest runs. The machine's settings are tried where they may be changed.
const RUN: &str = "#!/bin/sh
export CAKE_CONFORMANCE_SECRET='not to be inherited'
/cake/launcher-conformance systemd /run/records || exit 1
/cake/launcher-conformance detached /run/detached || exit 1
exec /cake/launcher-conformance settings
";

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../image/scripts")
}

#[test]
fn the_systemd_launcher_conforms() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (inside, output) = (folder.path().join("cake"), folder.path().join("output"));
    fs::create_dir(&inside)?;
    fs::copy(env!("CARGO_BIN_EXE_launcher-conformance"), inside.join("launcher-conformance"))?;
    fs::write(inside.join("run"), RUN)?;
    fs::set_permissions(inside.join("run"), fs::Permissions::from_mode(0o755))?;

    let guest = Command::new(scripts().join("systemd-guest.sh")).arg(&inside).arg(&output).output();
    let guest = guest.context("image/scripts/systemd-guest.sh")?;
    let said = fs::read_to_string(&output).unwrap_or_default();
    ensure!(guest.status.success(), "{}\n{said}\n{}", guest.status, String::from_utf8_lossy(&guest.stderr));
    for (kind, count) in [("systemd", 15), ("detached", 15), ("settings", 7)] {
        let good = said.lines().filter(|line| line.starts_with(&format!("ok {kind} "))).count();
        ensure!(good == count, "{good} of {count} cases of {kind}:\n{said}");
    }
    Ok(())
}
