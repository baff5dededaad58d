//! What goes with a release: its parts (SPDX 2.3) and their licences.

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::debian::Package;

/// Everything that somebody else wrote.
pub struct Parts {
    pub debian: Vec<Package>,
    pub crates: Vec<Crate>,
}

/// One crate as `cargo metadata` describes it.
#[derive(Debug, Deserialize)]
pub struct Crate {
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
}

/// The crates that come from elsewhere, of the output of `cargo metadata`.
pub fn crates(metadata: &str) -> Result<Vec<Crate>> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Crate>,
    }
    let Metadata { packages } = serde_json::from_str(metadata).context("this is not what cargo metadata says")?;
    let mut crates: Vec<Crate> = packages.into_iter().filter(|package| package.source.is_some()).collect();
    crates.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    Ok(crates)
}

/// An SPDX document (SPDX 2.3, clause 6 and 7): identifiers follow from names, the time from `epoch`, so that it is reproducible.
pub fn sbom(parts: &Parts, release: &str, epoch: i64) -> Result<String> {
    let debian = parts.debian.iter().map(|package| {
        let Package { name, version, sha256, source } = package;
        json!({
            "SPDXID": id("deb", name, version),
            "name": name,
            "versionInfo": version,
            "downloadLocation": "NOASSERTION",
            "sourceInfo": format!("built from {}", source.as_ref().unwrap_or(name)),
            "checksums": [{"algorithm": "SHA256", "checksumValue": sha256}],
            "externalRefs": [reference(&format!("pkg:deb/debian/{name}@{version}?arch=amd64"))],
        })
    });
    let crates = parts.crates.iter().map(|part| {
        let Crate { name, version, license, .. } = part;
        json!({
            "SPDXID": id("crate", name, version),
            "name": name,
            "versionInfo": version,
            "downloadLocation": "NOASSERTION",
            "licenseDeclared": license.as_deref().map_or_else(|| "NOASSERTION".to_owned(), expression),
            "externalRefs": [reference(&format!("pkg:cargo/{name}@{version}"))],
        })
    });
    let cake = json!({"SPDXID": "SPDXRef-cake", "name": "cake", "versionInfo": release, "downloadLocation": "NOASSERTION",
                      "licenseDeclared": "Apache-2.0"});
    let packages: Vec<Value> = std::iter::once(cake).chain(debian).chain(crates).collect();
    let contained = packages.iter().skip(1).map(|package| {
        json!({"spdxElementId": "SPDXRef-cake", "relationshipType": "CONTAINS", "relatedSpdxElement": package["SPDXID"]})
    });
    let described = json!({"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-cake"});
    let relationships: Vec<Value> = std::iter::once(described).chain(contained).collect();
    let created = jiff::Timestamp::from_second(epoch).context("that is no time")?.to_string();
    let document = json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": format!("cake {release}"),
        "documentNamespace": format!("urn:cake:sbom:{release}:{epoch}"),
        "creationInfo": {"created": created, "creators": ["Tool: cake-image"]},
        "packages": packages,
        "relationships": relationships,
    });
    Ok(serde_json::to_string_pretty(&document)?)
}

/// Crates still write “MIT/Apache-2.0”; SPDX says OR.
fn expression(licence: &str) -> String {
    if licence.contains('/') {
        licence.split('/').map(str::trim).collect::<Vec<_>>().join(" OR ")
    } else {
        licence.to_owned()
    }
}

fn reference(locator: &str) -> Value {
    json!({"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": locator})
}

/// Letters, digits, dots and hyphens (SPDX 2.3, 7.2).
fn id(kind: &str, name: &str, version: &str) -> String {
    let clean = |text: &str| {
        text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect::<String>()
    };
    format!("SPDXRef-{kind}-{}-{}", clean(name), clean(version))
}

/// A text for people: every part with its licence, the licences of Debian's packages in full.
pub fn licences(parts: &Parts, copyright: &Path, release: &str) -> String {
    let mut text = format!("The parts of cake {release} and their licences\n\ncake itself: Apache-2.0\n\nCrates\n\n");
    for Crate { name, version, license, .. } in &parts.crates {
        let _ = writeln!(text, "  {name} {version}: {}", license.as_deref().unwrap_or("see its source"));
    }
    text += "\nDebian packages\n\n";
    for Package { name, version, source, .. } in &parts.debian {
        let _ = writeln!(text, "  {name} {version}, from the source package {}", source.as_ref().unwrap_or(name));
    }
    text += "\nTheir copyright files\n";
    for Package { name, .. } in &parts.debian {
        // A package may lead to another one's file; what leads nowhere is said.
        let own =
            fs::read(copyright.join(name).join("copyright")).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let _ =
            write!(text, "\n==== {name}\n\n{}\n", own.as_deref().unwrap_or("no copyright file of its own").trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> Parts {
        let metadata = r#"{"packages":[{"name":"ours","version":"1","license":null,"source":null},
            {"name":"b","version":"1.0.0","license":"MIT/Apache-2.0","source":"registry"}]}"#;
        let debian =
            vec![Package { name: "libx+1".into(), version: "1:2~3".into(), sha256: "ab".into(), source: None }];
        Parts { debian, crates: crates(metadata).unwrap() }
    }

    #[test]
    fn the_bill_names_every_part_once() {
        let document: Value = serde_json::from_str(&sbom(&parts(), "1.2.3", 0).unwrap()).unwrap();
        let ids: Vec<&str> =
            document["packages"].as_array().unwrap().iter().map(|p| p["SPDXID"].as_str().unwrap()).collect();
        assert_eq!(ids, ["SPDXRef-cake", "SPDXRef-deb-libx-1-1-2-3", "SPDXRef-crate-b-1.0.0"]);
        assert_eq!(document["relationships"].as_array().unwrap().len(), 3);
        assert_eq!(document["packages"][2]["licenseDeclared"], "MIT OR Apache-2.0");
        assert_eq!(document["creationInfo"]["created"], "1970-01-01T00:00:00Z");
    }

    #[test]
    fn dates_are_dates() {
        let created = |epoch| {
            let document: Value = serde_json::from_str(&sbom(&parts(), "1", epoch).unwrap()).unwrap();
            document["creationInfo"]["created"].as_str().unwrap().to_owned()
        };
        assert_eq!(created(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(created(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(created(1_795_843_800), "2026-11-28T05:30:00Z");
    }

    #[test]
    fn a_missing_copyright_file_is_said() {
        let folder = tempfile::tempdir().unwrap();
        assert!(licences(&parts(), folder.path(), "1").contains("==== libx+1\n\nno copyright file of its own\n"));
    }
}
