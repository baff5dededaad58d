//! What apt says of packages.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// One binary package as it was taken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Package {
    pub name: String,
    pub version: String,
    pub sha256: String,
    /// The source package, where it is called differently.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// Reads stanzas as `apt-cache show` writes them (deb-control(5)), sorted by name.
pub fn read(path: &Path) -> Result<Vec<Package>> {
    let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    parse(&text).with_context(|| format!("{} does not say of every package what it is", path.display()))
}

fn parse(text: &str) -> Result<Vec<Package>> {
    let mut packages: Vec<Package> =
        text.split("\n\n").filter(|stanza| !stanza.trim().is_empty()).map(package).collect::<Result<_>>()?;
    packages.sort();
    packages.dedup();
    Ok(packages)
}

fn package(stanza: &str) -> Result<Package> {
    let fields: BTreeMap<&str, &str> =
        stanza.lines().filter(|line| !line.starts_with(' ')).filter_map(|line| line.split_once(": ")).collect();
    let field = |name: &str| fields.get(name).map(|value| (*value).trim().to_owned());
    let name = field("Package").context("a stanza has no Package")?;
    let source = field("Source").map(|source| source.split(' ').next().unwrap_or_default().to_owned());
    Ok(Package {
        version: field("Version").with_context(|| format!("{name} has no Version"))?,
        sha256: field("SHA256").with_context(|| format!("{name} has no SHA256"))?,
        source: source.filter(|source| *source != name),
        name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stanzas_are_read() {
        let text = "Package: b\nVersion: 2\nSHA256: ff\nDescription: x\n Version: 3\n\nPackage: a\nSource: s (1.0)\nVersion: 1\nSHA256: 00\n\n";
        let packages = parse(text).unwrap();
        assert_eq!(
            packages[0],
            Package { name: "a".into(), version: "1".into(), sha256: "00".into(), source: Some("s".into()) }
        );
        assert_eq!((packages[1].name.as_str(), packages[1].version.as_str()), ("b", "2"));
    }

    #[test]
    fn a_package_without_its_sum_is_refused() {
        assert!(parse("Package: a\nVersion: 1\n").unwrap_err().to_string().contains("a has no SHA256"));
    }
}
