//! The certificate that the console shows itself with.

use crate::Generation;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Who made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateSource {
    /// The rack's own authority; made anew before it ends.
    BuiltIn,
    /// Somebody brought it.
    Own,
}

impl CertificateSource {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BuiltIn => "built-in",
            Self::Own => "own",
        }
    }
}

/// What a certificate says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateInfo {
    pub source: CertificateSource,
    /// As one line: `CN=console.example.com, O=Example`.
    pub subject: String,
    pub issuer: String,
    /// DNS names, which may begin with `*.`, and addresses.
    pub names: Vec<String>,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    /// SHA-256, hexadecimal with colons, as browsers show it.
    pub fingerprint: String,
}

/// What the Store says about it. The certificate and its key lie in files beside the Store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateChoice {
    pub generation: Generation,
    /// The fingerprint of the one that somebody brought; `None` is the built-in one.
    pub own: Option<String>,
}
