//! `image/contract.toml`: what cake needs from a root, in groups that each have a reason.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum ContractError {
    #[error("{0} can't be read")]
    Read(PathBuf, #[source] std::io::Error),
    #[error("{0} is no contract")]
    Parse(PathBuf, #[source] toml::de::Error),
    #[error("group {group:?}: {what}")]
    Group { group: String, what: String },
}

/// The roots that the contract is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Root {
    /// The appliance's, from Debian's packages.
    Debian,
    /// The appliance's, from source.
    Appliance,
    /// The small firmware for rescue and discovery, from source.
    Rescue,
}

impl Root {
    /// The two that Buildroot makes.
    pub const FROM_SOURCE: [Self; 2] = [Self::Appliance, Self::Rescue];

    pub fn name(self) -> &'static str {
        match self {
            Self::Debian => "debian",
            Self::Appliance => "appliance",
            Self::Rescue => "rescue",
        }
    }
}

/// Which tree a need lies in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    #[default]
    Root,
    /// The read-only root of each virtual machine.
    Engine,
}

/// Roots that go without something, each with the reason.
pub type Absent = BTreeMap<Root, String>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    #[serde(rename = "group")]
    pub groups: Vec<Group>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    pub name: String,
    pub reason: String,
    /// Where in the code the need is: paths from the top of the checkout.
    #[serde(default)]
    pub code: Vec<String>,
    /// What will need it, where no code does yet.
    pub planned: Option<String>,
    #[serde(default)]
    pub place: Place,
    /// What meets a need of this group that names nothing itself.
    pub buildroot: Option<String>,
    #[serde(default)]
    pub absent: Absent,
    /// Found by name where programs lie, or at exactly this path where it is one.
    #[serde(default)]
    pub programs: Vec<Need>,
    #[serde(default)]
    pub units: Vec<Need>,
    /// From the tree's root on.
    #[serde(default)]
    pub files: Vec<Need>,
    /// From `lib/firmware` on; a `*` in the last part stands for anything.
    #[serde(default)]
    pub firmware: Vec<Need>,
    #[serde(default)]
    pub versions: Vec<Version>,
    /// Kernel module → its option: a module, or part of the kernel.
    #[serde(default)]
    pub modules: BTreeMap<String, String>,
    /// Kernel options that must be on.
    #[serde(default)]
    pub options: BTreeSet<String>,
}

/// Something with a name.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Need {
    Plain(String),
    Full(Own),
}

/// A need that is brought by, or absent for, something of its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Own {
    name: String,
    buildroot: Option<String>,
    #[serde(default)]
    absent: Absent,
}

/// The least version of a package; `buildroot` is its name there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    pub debian: String,
    pub buildroot: String,
    pub least: String,
}

impl Need {
    pub fn name(&self) -> &str {
        match self {
            Self::Plain(name) | Self::Full(Own { name, .. }) => name,
        }
    }

    /// The symbol that brings it in Buildroot.
    pub fn buildroot<'a>(&'a self, group: &'a Group) -> Option<&'a str> {
        let own = match self {
            Self::Plain(_) => None,
            Self::Full(own) => own.buildroot.as_deref(),
        };
        own.or(group.buildroot.as_deref())
    }

    fn own_absent(&self) -> Option<&Absent> {
        match self {
            Self::Plain(_) => None,
            Self::Full(own) => Some(&own.absent),
        }
    }

    pub fn is_for(&self, root: Root) -> bool {
        self.own_absent().is_none_or(|absent| !absent.contains_key(&root))
    }
}

impl Group {
    pub fn is_for(&self, root: Root) -> bool {
        !self.absent.contains_key(&root)
    }

    /// Everything with a name, with what kind of thing it is.
    pub fn needs(&self) -> impl Iterator<Item = (Kind, &Need)> {
        (self.programs.iter().map(|need| (Kind::Program, need)))
            .chain(self.units.iter().map(|need| (Kind::Unit, need)))
            .chain(self.files.iter().map(|need| (Kind::File, need)))
            .chain(self.firmware.iter().map(|need| (Kind::Firmware, need)))
    }

    fn check(&self) -> Result<(), String> {
        if self.reason.trim().is_empty() {
            return Err("has no reason".into());
        }
        if self.code.is_empty() && self.planned.as_deref().is_none_or(|plan| plan.trim().is_empty()) {
            return Err("names neither code nor what is planned".into());
        }
        let mut absences = self
            .absent
            .values()
            .chain(self.needs().filter_map(|(_, need)| need.own_absent()).flat_map(BTreeMap::values));
        if absences.any(|reason| reason.trim().is_empty()) {
            return Err("something is absent without a reason".into());
        }
        for (kind, need) in self.needs() {
            let from_source = Root::FROM_SOURCE.into_iter().any(|root| self.is_for(root) && need.is_for(root));
            if from_source && need.buildroot(self).is_none() {
                return Err(format!(
                    "{kind} {} names nothing that brings it in Buildroot, and is not absent",
                    need.name()
                ));
            }
        }
        let plain = |name: &String| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if let Some(name) =
            self.options.iter().chain(self.modules.keys()).chain(self.modules.values()).find(|name| !plain(name))
        {
            return Err(format!("{name:?} is no name of an option or a module"));
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Program,
    Unit,
    File,
    Firmware,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Program => "program",
            Self::Unit => "unit",
            Self::File => "file",
            Self::Firmware => "firmware",
        })
    }
}

impl Contract {
    pub fn read(path: &Path) -> Result<Self, ContractError> {
        let text = std::fs::read_to_string(path).map_err(|error| ContractError::Read(path.into(), error))?;
        let contract: Self = toml::from_str(&text).map_err(|error| ContractError::Parse(path.into(), error))?;
        for group in &contract.groups {
            group.check().map_err(|what| ContractError::Group { group: group.name.clone(), what })?;
        }
        Ok(contract)
    }

    pub fn groups_for(&self, root: Root) -> impl Iterator<Item = &Group> {
        self.groups.iter().filter(move |group| group.is_for(root))
    }

    /// Code that the contract names and a checkout has not.
    pub fn gone<'a>(&'a self, top: &'a Path) -> impl Iterator<Item = &'a str> {
        self.groups.iter().flat_map(|group| &group.code).map(String::as_str).filter(|path| !top.join(path).exists())
    }
}
