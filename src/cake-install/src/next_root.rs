//! The order to make the root of another version ready beside the one that runs, and what came of it: files in memory, root's alone.
//! cake-node writes the order; cake-appliance, which does not live in a namespace of its own, mounts.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// Where both are. It is emptied with the machine's memory.
pub const ROOM: &str = "/run/cake/next-root";
/// The unit that carries the order out.
pub const UNIT: &str = "cake-next-root.service";
const WANTED: &str = "wanted";
const REFUSED: &str = "refused";
/// Why something was refused, in bytes.
const REFUSED_MAX: usize = 1024;

/// Orders the root of a version; none: what an order of before made is taken away.
pub fn want(room: &Path, version: Option<&str>) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(room)?;
    let wanted = room.join(WANTED);
    match version {
        Some(version) => fs::write(wanted, version),
        None => gone(fs::remove_file(wanted)),
    }
}

/// Which version is wanted.
pub fn wanted(room: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(room.join(WANTED)) {
        Ok(version) => Ok(Some(version)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Says why there is none, or that nothing was refused.
pub fn refuse(room: &Path, because: Option<&str>) -> io::Result<()> {
    let refused = room.join(REFUSED);
    match because {
        Some(because) => fs::write(refused, because),
        None => gone(fs::remove_file(refused)),
    }
}

/// Why there is none, in English.
pub fn refused(room: &Path) -> Option<String> {
    let said = fs::read(room.join(REFUSED)).ok()?;
    Some(String::from_utf8_lossy(&said[..said.len().min(REFUSED_MAX)]).into_owned())
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_and_its_refusal_last_until_they_are_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let room = folder.path().join("room");
        want(&room, None).unwrap();
        assert_eq!((wanted(&room).unwrap(), refused(&room)), (None, None));
        want(&room, Some("0.3.0")).unwrap();
        refuse(&room, Some("it was changed")).unwrap();
        assert_eq!((wanted(&room).unwrap(), refused(&room)), (Some("0.3.0".into()), Some("it was changed".into())));
        want(&room, None).unwrap();
        refuse(&room, None).unwrap();
        refuse(&room, None).unwrap();
        assert_eq!((wanted(&room).unwrap(), refused(&room)), (None, None));
    }
}
