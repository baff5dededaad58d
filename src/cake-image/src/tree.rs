//! Of a tree with packages the appliance's root.

use anyhow::{Context, Result, bail};
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::recipe::{Recipe, Units};

const UNITS: &str = "usr/lib/systemd/system";
/// Links that switch units on and off: there, as in every image, and not in /etc, which belongs to the running system.
const SWITCHES: &str = "etc/systemd/system";

/// Makes of `tree` what the recipe says. A unit that is not there is an error: the recipe is out of date.
pub fn configure(tree: &Path, recipe: &Recipe) -> Result<()> {
    for path in recipe.drop.iter().flat_map(|group| &group.paths) {
        leave_out(tree, path)?;
    }
    for group in &recipe.units {
        switch(tree, group)?;
    }
    let drivers = tree.join("usr/lib/modules-load.d/cake.conf");
    fs::create_dir_all(tree.join("usr/lib/modules-load.d"))?;
    fs::write(&drivers, recipe.drivers.root.join("\n") + "\n").with_context(|| format!("write {}", drivers.display()))
}

fn leave_out(tree: &Path, pattern: &str) -> Result<()> {
    let full = format!("{}/{pattern}", tree.display());
    for found in glob::glob(&full).with_context(|| format!("{pattern} is no pattern"))? {
        let found = found?;
        let kind = fs::symlink_metadata(&found)?.file_type();
        let gone = if kind.is_dir() { fs::remove_dir_all(&found) } else { fs::remove_file(&found) };
        gone.with_context(|| format!("leave out {}", found.display()))?;
    }
    Ok(())
}

fn switch(tree: &Path, units: &Units) -> Result<()> {
    for name in &units.enable {
        let file = tree.join(UNITS).join(name);
        let text = fs::read_to_string(&file).with_context(|| format!("there is no unit {name} to switch on"))?;
        let wanted = wanted_by(&text);
        if wanted.is_empty() {
            bail!("the unit {name} does not say what wants it (WantedBy=)");
        }
        for (target, kind) in wanted {
            link(
                Path::new("/").join(UNITS).join(name),
                &tree.join(SWITCHES).join(format!("{target}.{kind}")).join(name),
            )?;
        }
    }
    for name in &units.mask {
        if !tree.join(UNITS).join(name).exists() {
            bail!("there is no unit {name} to switch off");
        }
        link(PathBuf::from("/dev/null"), &tree.join(SWITCHES).join(name))?;
    }
    Ok(())
}

/// What a unit's [Install] section says that pulls it in, as (unit, `wants` or `requires`).
fn wanted_by(text: &str) -> Vec<(&str, &'static str)> {
    let install = text.lines().skip_while(|line| line.trim() != "[Install]");
    install
        .filter_map(|line| {
            let (key, value) = line.split_once('=')?;
            let kind = match key.trim() {
                "WantedBy" => "wants",
                "RequiredBy" => "requires",
                _ => return None,
            };
            Some(value.split_whitespace().map(move |unit| (unit, kind)))
        })
        .flatten()
        .collect()
}

/// A symbolic link, whatever was there before.
fn link(to: PathBuf, at: &Path) -> Result<()> {
    let parent = at.parent().context("a link needs a place")?;
    fs::create_dir_all(parent)?;
    match fs::remove_file(at) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("replace {}", at.display()));
        }
        _ => {}
    }
    symlink(to, at).with_context(|| format!("make {}", at.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Drop;

    fn recipe(text: &str) -> Recipe {
        toml::from_str(&format!(
            "packages = []\nparameters = []\n{text}\n[drivers]\ninitramfs = []\nroot = [\"tun\", \"bridge\"]\n"
        ))
        .unwrap()
    }

    fn tree() -> tempfile::TempDir {
        let tree = tempfile::tempdir().unwrap();
        fs::create_dir_all(tree.path().join(UNITS)).unwrap();
        fs::create_dir_all(tree.path().join("usr/share/doc/x")).unwrap();
        fs::write(tree.path().join("usr/share/doc/x/README"), "…").unwrap();
        fs::write(tree.path().join(UNITS).join("b.service"), "[Service]\n").unwrap();
        fs::write(
            tree.path().join(UNITS).join("a.service"),
            "[Service]\nWantedBy=no\n[Install]\nWantedBy=x.target y.target\n",
        )
        .unwrap();
        tree
    }

    #[test]
    fn units_are_switched_and_paths_left_out() {
        let tree = tree();
        let recipe = recipe(
            "drop = [{why = \"w\", paths = [\"usr/share/do*\"]}]\nunits = [{why = \"w\", enable = [\"a.service\"], mask = [\"b.service\"]}]",
        );
        // Twice, because a build may be repeated.
        configure(tree.path(), &recipe).unwrap();
        configure(tree.path(), &recipe).unwrap();
        let at = |path: &str| tree.path().join(SWITCHES).join(path);
        assert_eq!(
            fs::read_link(at("x.target.wants/a.service")).unwrap(),
            Path::new("/usr/lib/systemd/system/a.service")
        );
        assert!(at("y.target.wants/a.service").is_symlink() && !at("no.wants").exists());
        assert_eq!(fs::read_link(at("b.service")).unwrap(), Path::new("/dev/null"));
        assert!(!tree.path().join("usr/share/doc").exists());
        let drivers = fs::read_to_string(tree.path().join("usr/lib/modules-load.d/cake.conf")).unwrap();
        assert_eq!(drivers, "tun\nbridge\n");
    }

    #[test]
    fn a_unit_that_is_not_there_is_not_switched_on() {
        let units = Units::named(&["none.service"]);
        let error = switch(tree().path(), &units).unwrap_err().to_string();
        assert!(error.contains("none.service"), "{error}");
    }

    impl Units {
        fn named(enable: &[&str]) -> Self {
            let list = enable.join("\", \"");
            toml::from_str(&format!("why = \"w\"\nenable = [\"{list}\"]")).unwrap()
        }
    }

    #[test]
    fn nothing_outside_the_tree_is_left_out() {
        let tree = tree();
        let group: Drop = toml::from_str("why = \"w\"\npaths = [\"usr/share/nothing*\"]").unwrap();
        leave_out(tree.path(), &group.paths[0]).unwrap();
        assert!(tree.path().join("usr/share/doc/x/README").exists());
    }
}
