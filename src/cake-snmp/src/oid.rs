use std::fmt;

/// An object identifier: at least two arcs and at most 128 (RFC 2578 §3.5), in the order in which agents walk.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid(Vec<u32>);

/// RFC 2578 §3.5.
pub const ARCS_MAX: usize = 128;

impl Oid {
    /// `None`: too short or too long to be one.
    pub fn new(arcs: impl Into<Vec<u32>>) -> Option<Self> {
        let arcs = arcs.into();
        ((2..=ARCS_MAX).contains(&arcs.len()) && arcs[0] <= 2).then_some(Self(arcs))
    }

    pub fn arcs(&self) -> &[u32] {
        &self.0
    }

    /// What stands behind `prefix`, if it begins so.
    pub fn below(&self, prefix: &[u32]) -> Option<&[u32]> {
        self.0.strip_prefix(prefix)
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, arc) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(".")?;
            }
            write!(f, "{arc}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
