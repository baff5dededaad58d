//! Whom an appliance believes.

use super::RepositoryError;
use tuf::database::Database;
use tuf::metadata::{RawSignedMetadata, RootMetadata};
use tuf::pouf::Pouf1;

/// The field of a root that says what its keys are for.
pub const KEYS_FIELD: &str = "cake-keys";
/// Its value where the keys are for tests: anybody may have them.
pub const TEST_KEYS: &str = "test";
/// The field of the targets that holds the [`super::Policy`].
pub const POLICY_FIELD: &str = "cake-policy";

/// What a program is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// It refuses test keys, wherever they come up.
    Release,
    /// It takes test keys, and release keys only when it is told so.
    Test { accept_release: bool },
}

/// Where trust begins: the root that comes with the firmware.
#[derive(Debug, Clone)]
pub struct Anchor {
    root: Vec<u8>,
    trust: Trust,
}

impl Anchor {
    /// Takes the bytes of `N.root.json`. Fails where they are no root that signed itself, or one of the wrong keys.
    pub fn new(root: impl Into<Vec<u8>>, trust: Trust) -> Result<Self, RepositoryError> {
        let anchor = Self { root: root.into(), trust };
        anchor.database()?;
        Ok(anchor)
    }

    pub(super) fn database(&self) -> Result<Database<Pouf1>, RepositoryError> {
        let raw = RawSignedMetadata::<Pouf1, RootMetadata>::new(self.root.clone());
        let database = Database::from_trusted_root(&raw).map_err(RepositoryError::tuf("root"))?;
        self.allows(database.trusted_root())?;
        Ok(database)
    }

    /// Whether the keys of a root are of the right kind.
    pub(super) fn allows(&self, root: &RootMetadata) -> Result<(), RepositoryError> {
        let test = root.additional_fields().get(KEYS_FIELD).is_some_and(|keys| keys == TEST_KEYS);
        match self.trust {
            Trust::Release if test => Err(RepositoryError::TestKeys),
            Trust::Test { accept_release: false } if !test => Err(RepositoryError::ReleaseKeys),
            Trust::Release | Trust::Test { .. } => Ok(()),
        }
    }
}
