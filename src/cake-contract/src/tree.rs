//! A root as a directory. Its links mean places in it, never of this machine.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

/// More links than this one after another are a circle.
const LINKS_MAX: u32 = 32;

#[derive(Clone, Copy, Debug)]
pub struct Tree<'a>(pub &'a Path);

impl Tree<'_> {
    /// Where a path of the root really is, if there is something.
    pub fn find(self, path: &str) -> Option<PathBuf> {
        self.follow(Path::new(path), LINKS_MAX)
    }

    fn follow(self, path: &Path, links: u32) -> Option<PathBuf> {
        let mut inside = PathBuf::new();
        let mut rest = path.components();
        while let Some(component) = rest.next() {
            match component {
                Component::Normal(name) => inside.push(name),
                Component::ParentDir => {
                    inside.pop();
                    continue;
                }
                _ => continue,
            }
            let here = self.0.join(&inside);
            if let Ok(target) = fs::read_link(&here) {
                inside.pop();
                let place = if target.is_absolute() { target } else { inside.join(target) };
                return self.follow(&place.join(rest.as_path()), links.checked_sub(1)?);
            }
            if !here.exists() {
                return None;
            }
        }
        Some(self.0.join(inside))
    }

    pub fn has_program(self, name: &str) -> bool {
        let is_one = |path: &str| {
            let metadata = self.find(path).and_then(|path| fs::metadata(path).ok());
            metadata.is_some_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
        };
        if name.starts_with('/') {
            return is_one(name);
        }
        // systemd keeps its helpers apart.
        ["usr/sbin", "usr/bin", "sbin", "bin", "usr/lib/systemd", "usr/lib/cake"]
            .iter()
            .any(|folder| is_one(&format!("{folder}/{name}")))
    }

    pub fn has_unit(self, name: &str) -> bool {
        let folders = ["usr/lib/systemd/system", "etc/systemd/system", "lib/systemd/system"];
        folders.iter().any(|folder| self.find(&format!("{folder}/{name}")).is_some())
    }

    pub fn has_file(self, path: &str) -> bool {
        self.find(path).is_some_and(|path| path.is_file())
    }

    /// Firmware lies plain or compressed.
    pub fn has_firmware(self, path: &str) -> bool {
        let (folder, pattern) = path.rsplit_once('/').unwrap_or(("", path));
        ["usr/lib/firmware", "lib/firmware"].iter().any(|top| {
            let names = self.find(&format!("{top}/{folder}")).map(names).unwrap_or_default();
            names.iter().any(|name| {
                let plain = name.strip_suffix(".zst").or_else(|| name.strip_suffix(".xz")).unwrap_or(name);
                matches(pattern, plain)
            })
        })
    }

    /// The kernels that have modules here.
    pub fn kernels(self) -> Vec<String> {
        let mut kernels =
            self.find("usr/lib/modules").or_else(|| self.find("lib/modules")).map(names).unwrap_or_default();
        kernels.sort();
        kernels
    }

    pub fn read(self, path: &str) -> Option<String> {
        fs::read_to_string(self.find(path)?).ok()
    }
}

fn names(folder: PathBuf) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// One star at most.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        Some((first, last)) => {
            name.len() >= first.len() + last.len() && name.starts_with(first) && name.ends_with(last)
        }
        None => pattern == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_link_of_the_root_never_leaves_it() {
        let root = tempfile::tempdir().unwrap();
        let tree = Tree(root.path());
        fs::create_dir_all(root.path().join("usr/bin")).unwrap();
        fs::create_dir_all(root.path().join("etc/alternatives")).unwrap();
        symlink("usr/bin", root.path().join("bin")).unwrap();
        symlink("/etc/alternatives/editor", root.path().join("usr/bin/editor")).unwrap();
        symlink("/bin/sh", root.path().join("etc/alternatives/editor")).unwrap();
        symlink("b", root.path().join("a")).unwrap();
        symlink("a", root.path().join("b")).unwrap();
        // This machine has a shell, the root has none.
        assert!(!tree.has_program("editor"));
        assert_eq!(tree.find("a"), None);
        fs::write(root.path().join("usr/bin/sh"), "").unwrap();
        assert!(!tree.has_program("editor"), "not executable");
        fs::set_permissions(root.path().join("usr/bin/sh"), fs::Permissions::from_mode(0o755)).unwrap();
        assert!(tree.has_program("editor") && tree.has_program("/bin/sh") && !tree.has_program("/sbin/sh"));
        assert_eq!(tree.find("../bin/../bin/sh"), Some(root.path().join("usr/bin/sh")));
    }

    #[test]
    fn firmware_may_be_compressed_and_have_a_version() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("usr/lib/firmware/bnx2x")).unwrap();
        fs::write(root.path().join("usr/lib/firmware/bnx2x/bnx2x-e2-7.13.21.0.fw.zst"), "").unwrap();
        let tree = Tree(root.path());
        assert!(tree.has_firmware("bnx2x/bnx2x-e2-*.fw"));
        assert!(tree.has_firmware("bnx2x/bnx2x-e2-7.13.21.0.fw"));
        assert!(!tree.has_firmware("bnx2x/bnx2x-e1-*.fw") && !tree.has_firmware("bnx2/x"));
    }
}
