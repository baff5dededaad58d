//! What a root has not.

use std::fmt;

/// One thing, and whose need it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Miss {
    /// The group of the contract, or what else was looked at.
    pub of: String,
    pub what: String,
}

impl Miss {
    pub fn new(of: impl Into<String>, what: impl Into<String>) -> Self {
        Self { of: of.into(), what: what.into() }
    }
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.of, self.what)
    }
}
