//! Which interfaces a process holds as tap devices: the kernel writes their names beside its descriptors.

use std::{fs, io};

/// The names of the taps that a process has open, each once.
pub fn taps_of(pid: u32) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fdinfo"))? {
        // A descriptor may have been closed meanwhile.
        let Ok(text) = entry.and_then(|entry| fs::read_to_string(entry.path())) else { continue };
        if let Some(name) = parse_tap(&text).filter(|name| !names.contains(name)) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// `iff:` and the interface's name; without a name the descriptor is bound to none yet.
fn parse_tap(fdinfo: &str) -> Option<String> {
    let name = fdinfo.lines().find_map(|line| line.strip_prefix("iff:"))?.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(parse_tap("pos:\t0\nflags:\t02\niff:\tcake-tap7\n"), Some("cake-tap7".into()));
        assert_eq!(parse_tap("pos:\t0\niff:\t\n"), None);
        assert_eq!(parse_tap("pos:\t0\n"), None);
        assert_eq!(taps_of(std::process::id()).expect("our own"), Vec::<String>::new());
        assert!(taps_of(u32::MAX).is_err());
    }
}
