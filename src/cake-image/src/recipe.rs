//! image/appliance.toml.

use anyhow::{Context, Result};
use serde::Deserialize;
use std::fs;
use std::path::Path;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    packages: Vec<Packages>,
    pub drop: Vec<Drop>,
    pub units: Vec<Units>,
    parameters: Vec<Parameters>,
    pub drivers: Drivers,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Packages {
    #[serde(rename = "why")]
    _why: String,
    names: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drop {
    #[serde(rename = "why")]
    _why: String,
    pub paths: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Units {
    #[serde(rename = "why")]
    _why: String,
    #[serde(default)]
    pub enable: Vec<String>,
    #[serde(default)]
    pub mask: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    #[serde(rename = "why")]
    _why: String,
    words: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drivers {
    /// Needed before there is a root.
    pub initramfs: Vec<String>,
    /// Loaded at boot, because no device asks for them.
    pub root: Vec<String>,
}

impl Recipe {
    /// An error names file, line and field. A group without a reason is one.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{} is not a recipe", path.display()))
    }

    pub fn package_names(&self) -> Vec<&str> {
        self.packages.iter().flat_map(|group| &group.names).map(String::as_str).collect()
    }

    pub fn parameter_words(&self) -> Vec<&str> {
        self.parameters.iter().flat_map(|group| &group.words).map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_recipe_is_one() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../image/appliance.toml");
        let recipe = Recipe::read(&path).unwrap();
        assert!(recipe.package_names().contains(&"systemd"));
        let mut names = recipe.package_names();
        names.sort_unstable();
        assert!(names.windows(2).all(|two| two[0] != two[1]), "a package stands twice");
        assert!(recipe.parameter_words().iter().all(|word| !word.contains(char::is_whitespace)));
    }

    #[test]
    fn a_group_says_why() {
        let text = "drop = []\nunits = []\nparameters = []\n[drivers]\ninitramfs = []\nroot = []\n[[packages]]\nnames = [\"x\"]\n";
        let error = toml::from_str::<Recipe>(text).unwrap_err().to_string();
        assert!(error.contains("why"), "{error}");
    }
}
