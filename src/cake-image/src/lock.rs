//! image/appliance.lock: version and SHA-256 of every package, for review.

use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::debian::Package;

const HEAD: &str = "# Every Debian package of the appliance's root: name, version, SHA-256 of its file. `make image` writes it; `make image LOCKED=1`\n\
                    # takes no others.\n";

/// Shows what is different; writes it, or refuses it when `locked`.
pub fn compare(taken: &[Package], path: &Path, locked: bool) -> Result<()> {
    let old = match fs::read_to_string(path) {
        Ok(text) => parse(&text).with_context(|| format!("{} is not a lock", path.display()))?,
        Err(_) if !locked => BTreeMap::new(),
        Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
    };
    let new: BTreeMap<String, String> =
        taken.iter().map(|package| (package.name.clone(), format!("{} {}", package.version, package.sha256))).collect();
    let difference = difference(&old, &new);
    if difference.is_empty() {
        println!("packages: {}, all as locked", new.len());
        return Ok(());
    }
    if locked {
        bail!("{} packages are not the locked ones:\n  {}", difference.len(), difference.join("\n  "));
    }
    println!("packages: {}, of which are new or different:\n  {}", new.len(), difference.join("\n  "));
    let lines: String = new.iter().map(|(name, what)| format!("{name} {what}\n")).collect();
    fs::write(path, format!("{HEAD}{lines}")).with_context(|| format!("write {}", path.display()))
}

fn parse(text: &str) -> Result<BTreeMap<String, String>> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let (name, what) = line.split_once(' ').with_context(|| format!("“{line}” has one word"))?;
            Ok((name.to_owned(), what.to_owned()))
        })
        .collect()
}

/// One line for each package that came, went or changed.
fn difference(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Vec<String> {
    let version = |what: &str| what.split(' ').next().unwrap_or_default().to_owned();
    let mut lines: Vec<String> = new
        .iter()
        .filter_map(|(name, now)| match old.get(name) {
            None => Some(format!("+ {name} {}", version(now))),
            Some(before) if before != now => Some(format!("~ {name} {} -> {}", version(before), version(now))),
            Some(_) => None,
        })
        .collect();
    lines.extend(
        old.iter().filter(|(name, _)| !new.contains_key(*name)).map(|(name, was)| format!("- {name} {}", version(was))),
    );
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str) -> Package {
        Package { name: name.into(), version: version.into(), sha256: "00".into(), source: None }
    }

    #[test]
    fn what_is_locked_is_all_that_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        assert!(compare(&[package("a", "1")], &path, true).is_err(), "there is no lock");
        compare(&[package("a", "1"), package("b", "1")], &path, false).unwrap();
        compare(&[package("a", "1"), package("b", "1")], &path, true).unwrap();
        let before = fs::read_to_string(&path).unwrap();
        let error = compare(&[package("a", "2"), package("c", "1")], &path, true).unwrap_err().to_string();
        assert!(error.contains("~ a 1 -> 2") && error.contains("+ c 1") && error.contains("- b 1"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), before);
    }
}
