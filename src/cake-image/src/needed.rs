//! What was left out must not be missed: every program and library of the tree finds the libraries that it names.

use anyhow::{Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Where the dynamic linker looks (ld.so(8)), and directories that programs name themselves (DT_RUNPATH).
const LIBRARIES: [&str; 3] = ["usr/lib/x86_64-linux-gnu", "usr/lib", "usr/lib64"];

/// Reads every ELF file below `tree`. The engine root inside it is a tree of its own.
pub fn check(tree: &Path) -> Result<()> {
    let missing = missing(tree)?;
    if missing.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = missing
        .iter()
        .map(|(library, by)| format!("{library}: {}", by.iter().cloned().collect::<Vec<_>>().join(", ")))
        .collect();
    bail!("libraries are missing in the root, and this needs them:\n  {}", lines.join("\n  "))
}

fn missing(tree: &Path) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let mut missing: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files(tree)? {
        let Ok(bytes) = fs::read(&file) else { continue };
        if !bytes.starts_with(b"\x7fELF") {
            continue;
        }
        let Ok(elf) = goblin::elf::Elf::parse(&bytes) else { continue };
        let paths: Vec<&str> = elf.runpaths.iter().chain(&elf.rpaths).flat_map(|paths| paths.split(':')).collect();
        for library in &elf.libraries {
            if !found(tree, &file, library, &paths) {
                let by = file.strip_prefix(tree).unwrap_or(&file).display().to_string();
                missing.entry((*library).to_owned()).or_default().insert(by);
            }
        }
    }
    Ok(missing)
}

fn found(tree: &Path, file: &Path, library: &str, paths: &[&str]) -> bool {
    let own = file.parent().unwrap_or(tree);
    let named = paths.iter().map(|path| match path.strip_prefix("$ORIGIN") {
        Some(rest) => PathBuf::from(format!("{}{rest}", own.display())),
        None => tree.join(path.trim_start_matches('/')),
    });
    // A library beside the one that needs it was loaded before by the program of both, which knows the directory.
    let places = LIBRARIES.iter().map(|path| tree.join(path)).chain(named).chain([own.to_owned()]);
    places.into_iter().any(|directory| directory.join(library).symlink_metadata().is_ok())
}

fn files(tree: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut rest = vec![tree.to_owned()];
    while let Some(directory) = rest.pop() {
        if directory.ends_with("usr/lib/cake/engine")
            || directory.ends_with("usr/lib/modules")
            || directory.ends_with("usr/lib/firmware")
        {
            continue;
        }
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                rest.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_went_is_named_with_who_needs_it() {
        let tree = tempfile::tempdir().unwrap();
        fs::create_dir_all(tree.path().join("usr/bin")).unwrap();
        // This very test is a program that needs the C library.
        fs::copy(std::env::current_exe().unwrap(), tree.path().join("usr/bin/us")).unwrap();
        let error = check(tree.path()).unwrap_err().to_string();
        assert!(error.contains("libc.so.6: usr/bin/us"), "{error}");
        let libraries = tree.path().join(LIBRARIES[0]);
        fs::create_dir_all(&libraries).unwrap();
        for library in missing(tree.path()).unwrap().keys() {
            fs::write(libraries.join(library), "").unwrap();
        }
        check(tree.path()).unwrap();
    }
}
