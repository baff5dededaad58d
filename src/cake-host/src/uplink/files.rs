//! Files of networkd that take the place of the image's until the machine starts anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

/// Where networkd looks before it looks at the image (systemd.network(5)).
pub const FOLDER: &str = "/run/systemd/network";

/// Which of `ours` are not as they are to be: missing, different, or there though they are not to be.
pub fn changed(folder: &Path, ours: &[&str], files: &BTreeMap<String, String>) -> io::Result<BTreeSet<String>> {
    let mut changed = BTreeSet::new();
    for name in ours {
        let there = match std::fs::read_to_string(folder.join(name)) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if there.as_ref() != files.get(*name) {
            changed.insert((*name).to_owned());
        }
    }
    Ok(changed)
}

/// Brings the folder to what it is to be. May be killed anywhere and done again: no half of a file is ever under its name.
pub fn put(folder: &Path, ours: &[&str], files: &BTreeMap<String, String>) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
    // networkd is another user, whatever our umask is.
    std::fs::set_permissions(folder, Permissions::from_mode(0o755))?;
    for name in changed(folder, ours, files)? {
        let path = folder.join(&name);
        match files.get(&name) {
            None => std::fs::remove_file(path)?,
            Some(text) => {
                let new = folder.join(format!("{name}.new"));
                std::fs::write(&new, text)?;
                std::fs::set_permissions(&new, Permissions::from_mode(0o644))?;
                std::fs::rename(new, path)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_becomes_what_it_is_to_be() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("network");
        let files = |all: &[(&str, &str)]| -> BTreeMap<String, String> {
            all.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect()
        };
        let (one, two) = (files(&[("a.network", "1"), ("b.netdev", "2")]), files(&[("a.network", "3")]));
        let ours = ["a.network", "b.netdev", "c.network"];
        assert_eq!(changed(&place, &ours, &one).unwrap().len(), 2);
        put(&place, &ours, &one).unwrap();
        assert!(changed(&place, &ours, &one).unwrap().is_empty());
        std::fs::write(place.join("theirs.network"), "stays").unwrap();
        std::fs::write(place.join("a.network.new"), "left by somebody who was killed").unwrap();
        assert_eq!(changed(&place, &ours, &two).unwrap(), BTreeSet::from(["a.network".into(), "b.netdev".into()]));
        put(&place, &ours, &two).unwrap();
        assert_eq!(std::fs::read_to_string(place.join("a.network")).unwrap(), "3");
        assert!(!place.join("b.netdev").exists() && place.join("theirs.network").exists());
        let mode = std::fs::metadata(place.join("a.network")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
        put(&place, &ours, &BTreeMap::new()).unwrap();
        assert!(!place.join("a.network").exists());
    }
}
