//! What can go wrong with networks.

use cake_types::{BridgeName, Failure, FailureCode, Forward};
use std::io;

#[derive(Debug, thiserror::Error)]
pub enum NetError {
    #[error("there is no bridge {bridge} here")]
    NoBridge { bridge: BridgeName },
    #[error("the port of {forward} is taken on this machine")]
    PortTaken { forward: Forward },
    #[error("cannot {what}")]
    Io {
        what: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("nft refused: {said}")]
    Refused { said: String },
    #[error("nft said what is no list of its tables and sets")]
    Answer(#[from] serde_json::Error),
}

impl NetError {
    pub(crate) fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, source }
    }

    pub(crate) fn errno(what: &'static str) -> impl FnOnce(nix::Error) -> Self {
        move |source| Self::Io { what, source: source.into() }
    }

    /// For the person whose VM it is.
    pub fn to_failure(&self) -> Failure {
        let code = match self {
            Self::NoBridge { .. } => FailureCode::BridgeMissing,
            Self::PortTaken { .. } => FailureCode::PortTaken,
            Self::Io { .. } | Self::Refused { .. } | Self::Answer(_) => FailureCode::Network,
        };
        let source = std::error::Error::source(self).map(|source| format!(": {source}")).unwrap_or_default();
        Failure { code, detail: format!("{self}{source}") }
    }
}
