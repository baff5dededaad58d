//! A defconfig of `buildroot-config/`, expanded on a tree of Buildroot: nothing is built.
//!
//! ```text
//!   make cake_X_defconfig ─► .config ──┬─ each line of the defconfig must be in it: kconfig drops what it can't have, silently
//!                                      └─ each need of the contract must have its symbol on
//!   make show-info ─► packages ────────┬─ versions
//!                                      └─ what our own packages download must have a hash
//!   make olddefconfig of a kernel, where one is given ─► each option of the fragments must be in it
//! ```

use crate::contract::{Contract, Root};
use crate::fragment;
use crate::kconfig::{self, Values};
use crate::miss::Miss;
use crate::version::reaches;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Symbols that are met by an applet of busybox begin so.
const APPLET: &str = "BUSYBOX:";

#[derive(Clone, Debug)]
pub struct Setting {
    /// Buildroot itself.
    pub tree: PathBuf,
    /// `buildroot-config/`.
    pub external: PathBuf,
    /// Where it may write.
    pub output: PathBuf,
    /// Linux, to try the kernel's options on.
    pub linux: Option<PathBuf>,
}

/// What `make show-info` says of a package.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Package {
    pub version: Option<String>,
    pub downloads: Vec<Download>,
    /// Paths of its files of hashes, from Buildroot's tree on or absolute.
    pub hashes: Vec<PathBuf>,
    pub package_dir: PathBuf,
}

#[derive(Debug, Deserialize)]
pub struct Download {
    pub source: String,
}

pub type Packages = BTreeMap<String, Package>;

/// A root as Buildroot understood it.
#[derive(Debug)]
pub struct Expanded {
    pub asked: Values,
    pub config: Values,
    pub busybox: Values,
    pub packages: Packages,
}

/// Everything that is missing in one root.
pub fn check(setting: &Setting, contract: &Contract, root: Root) -> Result<Vec<Miss>> {
    let expanded = expand(setting, root)?;
    let mut misses = compare(&expanded, contract, root);
    misses.extend(hashes(setting, &expanded.packages)?);
    let path = setting.external.join(fragment::path(root));
    if fs::read_to_string(&path).unwrap_or_default() != fragment::fragment(contract, root) {
        misses.push(Miss::new("contract", format!("{} is old: run make contract", path.display())));
    }
    if let Some(linux) = &setting.linux {
        misses.extend(kernel(setting, linux, root)?);
    }
    Ok(misses)
}

fn expand(setting: &Setting, root: Root) -> Result<Expanded> {
    let output = setting.output.join(root.name());
    fs::create_dir_all(&output)?;
    let defconfig = format!("cake_{}_defconfig", root.name());
    let make = |goal: &str| {
        let mut make = Command::new("make");
        make.args(["-s", "--no-print-directory", "-C"]).arg(&setting.tree).arg(goal);
        make.arg(format!("O={}", output.display())).arg(format!("BR2_EXTERNAL={}", setting.external.display()));
        run(&mut make)
    };
    make(&defconfig)?;
    let read = |path: &Path| fs::read_to_string(path).with_context(|| path.display().to_string());
    let asked = kconfig::parse(&read(&setting.external.join("configs").join(&defconfig))?);
    let config = kconfig::parse(&read(&output.join(".config"))?);
    let mut busybox = Values::new();
    for symbol in ["BR2_PACKAGE_BUSYBOX_CONFIG", "BR2_PACKAGE_BUSYBOX_CONFIG_FRAGMENT_FILES"] {
        for path in kconfig::unquoted(config.get(symbol).map_or("", String::as_str)).split_whitespace() {
            busybox.extend(kconfig::parse(&read(&place(setting, path))?));
        }
    }
    let packages = serde_json::from_str(&make("show-info")?).context("make show-info")?;
    Ok(Expanded { asked, config, busybox, packages })
}

/// A path of a configuration: below our folder, or from Buildroot's own.
fn place(setting: &Setting, path: &str) -> PathBuf {
    match path.strip_prefix("$(BR2_EXTERNAL_CAKE_PATH)/") {
        Some(ours) => setting.external.join(ours),
        None => setting.tree.join(path),
    }
}

fn compare(expanded: &Expanded, contract: &Contract, root: Root) -> Vec<Miss> {
    let defconfig = format!("cake_{}_defconfig", root.name());
    let vanished = kconfig::vanished(&expanded.asked, &expanded.config);
    let mut misses: Vec<Miss> = vanished
        .map(|(symbol, value, so)| Miss::new(&defconfig, format!("{symbol}={value} came out as {so}")))
        .collect();
    for group in contract.groups_for(root) {
        for (kind, need) in group.needs().filter(|(_, need)| need.is_for(root)) {
            let symbol = need.buildroot(group).unwrap_or_default();
            let on = match symbol.strip_prefix(APPLET) {
                Some(applet) => expanded.busybox.get(&format!("CONFIG_{applet}")),
                None => expanded.config.get(symbol),
            };
            if on.is_none_or(|value| value == "n") {
                misses.push(Miss::new(
                    &group.name,
                    format!("{kind} {}: {symbol} is off, and it is not absent for a reason", need.name()),
                ));
            }
        }
        for version in &group.versions {
            let has = expanded.packages.get(&version.buildroot).and_then(|package| package.version.as_deref());
            match has {
                None => misses.push(Miss::new(&group.name, format!("package {}", version.buildroot))),
                Some(has) if reaches(has, &version.least) => {}
                Some(has) => {
                    let what = format!("{} {has} is older than {}", version.buildroot, version.least);
                    misses.push(Miss::new(&group.name, what));
                }
            }
        }
    }
    misses
}

/// Downloads of ours, and of the kernel that we chose, that no file of hashes knows.
fn hashes(setting: &Setting, packages: &Packages) -> Result<Vec<Miss>> {
    let mut misses = Vec::new();
    for (name, package) in packages {
        let absolute = |path: &PathBuf| if path.is_absolute() { path.clone() } else { setting.tree.join(path) };
        let ours =
            absolute(&package.package_dir).starts_with(&setting.external) || name == "linux" || name == "linux-headers";
        if !ours {
            continue;
        }
        let known: String = package.hashes.iter().filter_map(|path| fs::read_to_string(absolute(path)).ok()).collect();
        let without = package.downloads.iter().filter(|download| {
            let line = |line: &str| line.split_whitespace().nth(2) == Some(&download.source);
            !known.lines().filter(|line| !line.starts_with('#')).any(line)
        });
        misses.extend(without.map(|download| Miss::new(name, format!("{} has no hash", download.source))));
    }
    Ok(misses)
}

/// The kernel's options, as Buildroot merges them: the architecture's own configuration, then the fragments in their order.
fn kernel(setting: &Setting, linux: &Path, root: Root) -> Result<Vec<Miss>> {
    let output = setting.output.join(format!("linux-{}", root.name()));
    fs::create_dir_all(&output)?;
    let make = |goal: &str| {
        let mut make = Command::new("make");
        make.args(["-s", "--no-print-directory", "-C"]).arg(linux).arg(format!("O={}", output.display()));
        run(make.args(["ARCH=x86_64", goal])).map(|_| ())
    };
    make("x86_64_defconfig")?;
    let config = output.join(".config");
    let mut text = fs::read_to_string(&config)?;
    let hand = setting.external.join(format!("board/{}/linux.config", root.name()));
    let ours =
        [fs::read_to_string(&hand)?, fs::read_to_string(setting.external.join(fragment::path(root)))?].join("\n");
    text.push_str(&ours);
    fs::write(&config, &text)?;
    make("olddefconfig")?;
    let got = kconfig::parse(&fs::read_to_string(&config)?);
    let asked = kconfig::parse(&ours);
    // What is asked as a module may be in the kernel; a string is taken as it is.
    let lost = kconfig::vanished(&asked, &got).filter(|(_, value, so)| !(*value == "m" && *so == "y"));
    let of = format!("kernel of {}", root.name());
    Ok(lost.map(|(symbol, value, so)| Miss::new(&of, format!("{symbol}={value} came out as {so}"))).collect())
}

fn run(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed:\n{}", said.trim());
    Ok(String::from_utf8(output.stdout)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_vanished_and_what_nothing_meets_is_told() {
        let contract: Contract = toml::from_str(
            r#"
            [[group]]
            name = "tools"
            reason = "r"
            planned = "p"
            programs = [
                { name = "swtpm", buildroot = "BR2_SWTPM" },
                { name = "nft", buildroot = "BR2_NFT" },
                { name = "wget", buildroot = "BUSYBOX:WGET" },
                { name = "timeout", buildroot = "BUSYBOX:TIMEOUT" },
                { name = "fsck", buildroot = "BR2_FSCK", absent = { rescue = "no room" } },
            ]
            versions = [{ debian = "systemd", buildroot = "systemd", least = "257" }]
            [[group]]
            name = "elsewhere"
            reason = "r"
            planned = "p"
            buildroot = "BR2_NONE"
            absent = { rescue = "no" }
            units = ["x.service"]
            "#,
        )
        .unwrap();
        let systemd = Package { version: Some("256.17".into()), ..Package::default() };
        let expanded = Expanded {
            asked: kconfig::parse("BR2_SWTPM=y\nBR2_NFT=y\n"),
            config: kconfig::parse("BR2_NFT=y\n"),
            busybox: kconfig::parse("CONFIG_WGET=y\n# CONFIG_TIMEOUT is not set\n"),
            packages: Packages::from([("systemd".into(), systemd)]),
        };
        let misses: Vec<String> = compare(&expanded, &contract, Root::Rescue).iter().map(ToString::to_string).collect();
        assert_eq!(
            misses,
            [
                "cake_rescue_defconfig: BR2_SWTPM=y came out as n",
                "tools: program swtpm: BR2_SWTPM is off, and it is not absent for a reason",
                "tools: program timeout: BUSYBOX:TIMEOUT is off, and it is not absent for a reason",
                "tools: systemd 256.17 is older than 257",
            ]
        );
    }

    #[test]
    fn a_download_of_ours_needs_a_hash_and_others_are_their_own_affair() {
        let folder = tempfile::tempdir().unwrap();
        let external = folder.path().join("external");
        fs::create_dir_all(&external).unwrap();
        fs::write(external.join("a.hash"), "# b.tar.gz\nsha256  00  a.tar.gz\n").unwrap();
        let setting = Setting {
            tree: folder.path().into(),
            external: external.clone(),
            output: folder.path().into(),
            linux: None,
        };
        let package = |source: &str, home: &str| Package {
            downloads: vec![Download { source: source.into() }],
            hashes: vec!["external/a.hash".into()],
            package_dir: home.into(),
            ..Package::default()
        };
        let packages = Packages::from([
            ("a".into(), package("a.tar.gz", "external/a")),
            ("b".into(), package("b.tar.gz", "external/b")),
            ("c".into(), package("c.tar.gz", "package/c")),
        ]);
        assert_eq!(hashes(&setting, &packages).unwrap(), [Miss::new("b", "b.tar.gz has no hash")]);
    }
}
