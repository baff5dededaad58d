//! What this server is at the moment. Told to the units by files in /run/cake.

use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

pub const RUN: &str = "/run/cake";
pub const STATE: &str = "/state";
/// Where this server's node listens.
pub const NODE: &str = "/run/cake/node.sock";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Started from a stick or the network: nothing is kept.
    Installer,
    /// Started from a system disk whose state is open.
    Installed,
    /// Started from a system disk whose state stays closed: the recovery key is wanted.
    Locked,
}

impl Mode {
    const ALL: [Self; 3] = [Self::Installer, Self::Installed, Self::Locked];

    pub fn word(self) -> &'static str {
        match self {
            Self::Installer => "installer",
            Self::Installed => "installed",
            Self::Locked => "locked",
        }
    }

    /// One file that is called after the mode: units have it as their condition.
    pub fn tell(self, run: &Path) -> Result<()> {
        for other in Self::ALL.into_iter().filter(|other| *other != self) {
            let _ = fs::remove_file(run.join(other.word()));
        }
        let file = run.join(self.word());
        fs::write(&file, "").with_context(|| format!("write {}", file.display()))
    }

    pub fn read(run: &Path) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| run.join(mode.word()).exists())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_mode_at_a_time() {
        let run = tempfile::tempdir().unwrap();
        assert_eq!(Mode::read(run.path()), None);
        for mode in Mode::ALL {
            mode.tell(run.path()).unwrap();
            assert_eq!(Mode::read(run.path()), Some(mode));
        }
    }
}
