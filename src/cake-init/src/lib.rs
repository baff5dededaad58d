//! A root of the appliance, from a squashfs to a place where systemd can start from it. `cake-init` does it in the initramfs, and
//! `cake-appliance` beside a root that runs, for a version that needs no other kernel.
//!
//! ```text
//! file ─► is it the one that the signed command line names? ─► read-only block device ─► squashfs under a layer in memory
//! ```

pub mod assemble;
pub mod root;

/// Why a root is not started. `cake-init` shows it on every console that the kernel has.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("{step}: {error}")]
    System { step: String, error: std::io::Error },
    #[error("the command line does not say which root is ours (cake.root=sha256:…)")]
    NotNamed,
    #[error("the root is not the one that was signed: its SHA-256 is {found}, not {expected}")]
    Changed { found: String, expected: String },
}

/// Gives an error the step in which it happened.
pub trait Step<T> {
    fn step(self, step: impl Into<String>) -> Result<T, Failure>;
}

impl<T, E: Into<std::io::Error>> Step<T> for Result<T, E> {
    fn step(self, step: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|error| Failure::System { step: step.into(), error: error.into() })
    }
}
