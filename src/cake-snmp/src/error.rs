use cake_types::SnmpProblem;
use std::io;

/// Why an agent said nothing that can be used.
#[derive(Debug, thiserror::Error)]
pub enum SnmpError {
    #[error("nothing answers")]
    Silent,
    #[error("what answers breaks the protocol: {0}")]
    Garbled(&'static str),
    #[error("a name came that does not follow the one before")]
    NotRising,
    #[error("a table has no end")]
    Endless,
    /// RFC 3416 §3, `error-status`.
    #[error("the agent refuses with status {0}")]
    Refused(u32),
    #[error("it has none of the tables that are known")]
    Unknown,
    #[error("there is no socket for this address")]
    Io(#[from] io::Error),
}

impl SnmpError {
    pub const fn problem(&self) -> SnmpProblem {
        match self {
            Self::Silent | Self::Io(_) => SnmpProblem::Silent,
            Self::Garbled(_) | Self::NotRising | Self::Refused(_) => SnmpProblem::Garbled,
            Self::Endless => SnmpProblem::Endless,
            Self::Unknown => SnmpProblem::Unknown,
        }
    }
}
