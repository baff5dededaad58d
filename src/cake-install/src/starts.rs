//! Why versions of the firmware were given up: written by the start that failed, read by the version that runs afterwards.

use crate::kept;
use cake_types::StartFailure;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// On the state: version → why.
pub const FILE: &str = "setup/given-up.json";

/// What is known of each version. A file that is damaged says nothing.
pub fn read(state: &Path) -> BTreeMap<String, StartFailure> {
    kept::read(&state.join(FILE))
}

/// Writes down why a version was given up, in place of what was known of it.
pub fn note(state: &Path, version: &str, failure: StartFailure) -> io::Result<()> {
    let mut all = read(state);
    all.insert(version.to_owned(), failure);
    kept::write(&state.join(FILE), &all)
}

/// Forgets versions that are on no disk any more.
pub fn keep_only(state: &Path, versions: &[&str]) -> io::Result<()> {
    let mut all = read(state);
    let before = all.len();
    all.retain(|version, _| versions.contains(&version.as_str()));
    if all.len() == before { Ok(()) } else { kept::write(&state.join(FILE), &all) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cake_types::StartReason;

    #[test]
    fn what_is_known_of_a_version_lasts_as_long_as_the_version() {
        let state = tempfile::tempdir().unwrap();
        assert!(read(state.path()).is_empty());
        let failure = |reason| StartFailure { reason, detail: Some("why".into()), at: None };
        note(state.path(), "0.2.0", failure(StartReason::Console)).unwrap();
        note(state.path(), "0.2.0", failure(StartReason::Vms)).unwrap();
        note(state.path(), "0.3.0", failure(StartReason::Network)).unwrap();
        assert_eq!(read(state.path())["0.2.0"].reason, StartReason::Vms);
        keep_only(state.path(), &["0.1.0", "0.2.0"]).unwrap();
        assert_eq!(read(state.path()).keys().collect::<Vec<_>>(), ["0.2.0"]);
        std::fs::write(state.path().join(FILE), "{").unwrap();
        assert!(read(state.path()).is_empty());
    }
}
