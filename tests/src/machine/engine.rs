//! Programs of the engine root, run by its own loader and libraries: nothing of this machine's is mixed in.

use anyhow::Result;
use std::path::PathBuf;
use std::process::Command;

/// The engine root.
#[derive(Clone, Debug)]
pub struct Engine {
    root: PathBuf,
}

impl Engine {
    pub fn find() -> Result<Self> {
        Ok(Self { root: crate::place::engine()?.canonicalize()? })
    }

    pub fn command(&self, program: &str) -> Command {
        let mut words = self.words(program).into_iter();
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8");
        command
    }

    /// A program as another one starts it.
    pub fn words(&self, program: &str) -> [PathBuf; 4] {
        let usr = self.root.join("usr");
        let libraries = usr.join("lib/x86_64-linux-gnu").display().to_string();
        // swtpm keeps its own apart.
        let libraries = format!("{libraries}:{libraries}/swtpm");
        let loader = self.root.join("lib64/ld-linux-x86-64.so.2");
        [loader, "--library-path".into(), libraries.into(), usr.join("bin").join(program)]
    }

    /// A file below `/usr/share`.
    pub fn share(&self, file: &str) -> PathBuf {
        self.root.join("usr/share").join(file)
    }

    /// A file below `/etc`.
    pub fn etc(&self, file: &str) -> PathBuf {
        self.root.join("etc").join(file)
    }
}
