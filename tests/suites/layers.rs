//! The crate graph is the architecture: members are listed ground floor first, and a crate depends only on crates above it.

use anyhow::{Context, Result, ensure};
use cake_tests::workspace;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// A member as `Cargo.toml` lists it.
#[derive(Debug)]
struct Member {
    name: String,
    /// The comment above its group.
    group: String,
    /// Names of the workspace's own crates that it uses, in any role.
    uses: BTreeSet<String>,
}

#[derive(Debug)]
struct House {
    /// In the order of `Cargo.toml`.
    members: Vec<Member>,
    /// Everything that a crate is linked with, by name.
    closure: BTreeMap<String, BTreeSet<String>>,
}

impl House {
    fn read() -> Result<Self> {
        let metadata = cargo_metadata()?;
        let packages = metadata["packages"].as_array().context("packages")?;
        let own: BTreeMap<&str, &Value> = packages
            .iter()
            .filter(|package| package["source"].is_null())
            .filter_map(|package| Some((package["manifest_path"].as_str()?, package)))
            .collect();
        let names: BTreeSet<&str> = own.values().filter_map(|package| package["name"].as_str()).collect();
        let text = std::fs::read_to_string(workspace().join("Cargo.toml"))?;
        let mut members = Vec::new();
        for (folder, group) in listed(&text) {
            let manifest = workspace().join(&folder).join("Cargo.toml");
            let package = own.get(manifest.to_str().context("a path in UTF-8")?).context(folder)?;
            let dependencies = package["dependencies"].as_array().context("dependencies")?;
            let uses = dependencies.iter().filter_map(|d| d["name"].as_str()).filter(|name| names.contains(name));
            members.push(Member {
                name: package["name"].as_str().context("a name")?.into(),
                group,
                uses: uses.map(Into::into).collect(),
            });
        }
        ensure!(members.len() == own.len(), "every crate of the checkout is listed once in Cargo.toml");
        let closure = members.iter().map(|m| (m.name.clone(), closure(&metadata, &m.name))).collect();
        Ok(Self { members, closure })
    }

    fn links(&self, member: &str) -> &BTreeSet<String> {
        &self.closure[member]
    }
}

fn cargo_metadata() -> Result<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // Only this platform's crates are on this machine.
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--offline", "--locked", "--filter-platform", &platform])
        .current_dir(workspace())
        .output()?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The members as they stand in `Cargo.toml`, each with the comment of its group.
fn listed(text: &str) -> Vec<(String, String)> {
    let list = text.split_once("members = [").map_or("", |(_, rest)| rest.split(']').next().unwrap_or(rest));
    let mut group = String::new();
    let mut out = Vec::new();
    for line in list.lines().map(str::trim) {
        if let Some(comment) = line.strip_prefix('#') {
            comment.trim().clone_into(&mut group);
        } else if let Some(folder) = line.strip_prefix('"').and_then(|rest| rest.split('"').next()) {
            out.push((folder.to_owned(), group.clone()));
        }
    }
    out
}

/// Names of all crates that a crate is linked with: what its tests and its build need is not in the program.
fn closure(metadata: &Value, name: &str) -> BTreeSet<String> {
    let nodes: BTreeMap<&str, &Value> = (metadata["resolve"]["nodes"].as_array().into_iter().flatten())
        .filter_map(|node| Some((node["id"].as_str()?, node)))
        .collect();
    let names: BTreeMap<&str, &str> = (metadata["packages"].as_array().into_iter().flatten())
        .filter_map(|package| Some((package["id"].as_str()?, package["name"].as_str()?)))
        .collect();
    let own = metadata["packages"].as_array().into_iter().flatten();
    let start = own.filter(|p| p["source"].is_null() && p["name"] == name).filter_map(|p| p["id"].as_str());
    let mut open: Vec<&str> = start.collect();
    let mut seen = BTreeSet::new();
    while let Some(id) = open.pop() {
        for dependency in nodes[id]["deps"].as_array().into_iter().flatten() {
            let linked =
                dependency["dep_kinds"].as_array().is_some_and(|kinds| kinds.iter().any(|k| k["kind"].is_null()));
            if let Some(next) = dependency["pkg"].as_str().filter(|_| linked)
                && seen.insert(next)
            {
                open.push(next);
            }
        }
    }
    seen.into_iter().map(|id| names[id].to_owned()).collect()
}

#[test]
fn a_crate_depends_only_on_crates_above_it() -> Result<()> {
    let house = House::read()?;
    let mut above = BTreeSet::new();
    for member in &house.members {
        for used in &member.uses {
            ensure!(above.contains(used), "{} uses {used}, which is not above it in Cargo.toml", member.name);
        }
        above.insert(member.name.clone());
    }
    Ok(())
}

#[test]
fn sibling_engines_never_import_each_other() -> Result<()> {
    let house = House::read()?;
    let engines: Vec<_> = house.members.iter().filter(|member| member.group.starts_with("engines")).collect();
    ensure!(engines.len() >= 2, "the engines have a group of their own in Cargo.toml");
    for engine in &engines {
        let met: Vec<_> = engines.iter().filter(|other| house.links(&engine.name).contains(&other.name)).collect();
        ensure!(met.is_empty(), "{} imports {met:?}", engine.name);
    }
    Ok(())
}

#[test]
fn the_pure_rooms_have_no_runtime_and_no_io() -> Result<()> {
    let house = House::read()?;
    for room in ["cake-types", "cake-i18n", "cake-planner"] {
        for forbidden in ["tokio", "axum", "zbus", "hyper", "reqwest", "rusqlite", "mio", "nix"] {
            ensure!(!house.links(room).contains(forbidden), "{room} is linked with {forbidden}");
        }
    }
    Ok(())
}

/// Who touches what (invariant 1): caked asks a node, cake-node never reads the Store, the command knows only the API.
#[test]
fn each_program_is_linked_only_with_what_it_may_touch() -> Result<()> {
    let house = House::read()?;
    for (program, forbidden) in [
        ("caked", &["cake-vm", "cake-qmp", "cake-storage", "cake-node", "zbus"][..]),
        ("cake-node", &["cake-store", "cake-control", "cake-api", "cake-web", "axum"]),
        ("cake-web", &["cake-store", "cake-node-api", "cake-api"]),
        ("cake-cli", &["cake-control", "cake-store", "cake-node-api", "axum"]),
    ] {
        for name in forbidden {
            ensure!(!house.links(program).contains(*name), "{program} is linked with {name}");
        }
    }
    Ok(())
}

/// What plays a BMC is for tests and benches: nothing that is shipped is linked with it, nor built or tried with it below the house.
#[test]
fn no_simulator_is_in_a_release() -> Result<()> {
    const SIMULATOR: &str = "cake-bmc-sim";
    let house = House::read()?;
    ensure!(house.members.iter().any(|member| member.name == SIMULATOR), "{SIMULATOR} is a room of its own");
    for member in house.members.iter().filter(|member| member.name != "cake-tests") {
        ensure!(!member.uses.contains(SIMULATOR), "{} uses {SIMULATOR}", member.name);
        ensure!(!house.links(&member.name).contains(SIMULATOR), "{} is linked with {SIMULATOR}", member.name);
    }
    Ok(())
}

/// Who can sign a release sits with its maker: what an appliance runs can only verify.
#[test]
fn no_program_of_the_appliance_can_sign_a_release() -> Result<()> {
    const MAKER: &str = "cake-release";
    let house = House::read()?;
    ensure!(house.members.iter().any(|member| member.name == MAKER), "{MAKER} is a room of its own");
    for member in house.members.iter().filter(|member| member.name != MAKER) {
        ensure!(!house.links(&member.name).contains(MAKER), "{} is linked with {MAKER}", member.name);
    }
    Ok(())
}
