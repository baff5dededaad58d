//! A root of Debian packages, as a directory.

use crate::contract::{Contract, Group, Kind, Place, Root};
use crate::kconfig::{self, Values};
use crate::miss::Miss;
use crate::tree::Tree;
use crate::version::reaches;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Trees<'a> {
    pub root: &'a Path,
    /// The tree of the virtual machines; the root itself where it is the same.
    pub engine: &'a Path,
    /// The kernel's configuration, where the root does not carry it.
    pub kernel_config: Option<&'a str>,
}

/// A kernel of the root.
struct Kernel {
    release: String,
    /// Modules, and what is built in as one; with underscores.
    modules: BTreeSet<String>,
    config: Option<Values>,
}

/// Everything that is missing.
pub fn check(contract: &Contract, trees: Trees<'_>) -> Vec<Miss> {
    let (root, engine) = (Tree(trees.root), Tree(trees.engine));
    let kernels = kernels(root, trees.kernel_config);
    let packages = [root, engine].map(packages);
    let mut misses = Vec::new();
    if kernels.is_empty() {
        misses.push(Miss::new("kernel", "there are no modules of any"));
    }
    for kernel in kernels.iter().filter(|kernel| kernel.config.is_none()) {
        misses.push(Miss::new(
            "kernel",
            format!("no configuration of {}: none in /boot, none was given", kernel.release),
        ));
    }
    for group in contract.groups_for(Root::Debian) {
        let (tree, packages) = match group.place {
            Place::Root => (root, &packages[0]),
            Place::Engine => (engine, &packages[1]),
        };
        things(group, tree, &mut misses);
        versions(group, packages, &mut misses);
        kernels.iter().for_each(|kernel| options(group, kernel, &mut misses));
    }
    misses
}

fn things(group: &Group, tree: Tree<'_>, misses: &mut Vec<Miss>) {
    for (kind, need) in group.needs().filter(|(_, need)| need.is_for(Root::Debian)) {
        let name = need.name();
        let there = match kind {
            Kind::Program => tree.has_program(name),
            Kind::Unit => tree.has_unit(name),
            Kind::File => tree.has_file(name),
            Kind::Firmware => tree.has_firmware(name),
        };
        if !there {
            misses.push(Miss::new(&group.name, format!("{kind} {name}")));
        }
    }
}

fn versions(group: &Group, packages: &BTreeMap<String, String>, misses: &mut Vec<Miss>) {
    for version in &group.versions {
        let package = &version.debian;
        match packages.get(package) {
            None => misses.push(Miss::new(&group.name, format!("package {package}"))),
            Some(has) if reaches(has, &version.least) => {}
            Some(has) => {
                misses.push(Miss::new(&group.name, format!("{package} {has} is older than {}", version.least)));
            }
        }
    }
}

fn options(group: &Group, kernel: &Kernel, misses: &mut Vec<Miss>) {
    let of = |what: String| Miss::new(&group.name, format!("{what} in {}", kernel.release));
    let on = |option: &str| {
        kernel.config.as_ref().is_none_or(|config| {
            config.get(&format!("CONFIG_{option}")).is_some_and(|value| value == "y" || value == "m")
        })
    };
    misses.extend(group.options.iter().filter(|option| !on(option)).map(|option| of(format!("option {option}"))));
    // An option without a module of its own may be a part of another's.
    let without = group.modules.iter().filter(|(module, option)| {
        let built_in = kernel.config.as_ref().and_then(|config| config.get(&format!("CONFIG_{option}")));
        !kernel.modules.contains(*module) && built_in.is_none_or(|value| value != "y")
    });
    misses.extend(without.map(|(module, _)| of(format!("module {module}"))));
}

fn kernels(root: Tree<'_>, given: Option<&str>) -> Vec<Kernel> {
    let kernel = |release: String| {
        let lists = ["modules.dep", "modules.builtin"];
        let read = lists.map(|list| {
            root.read(&format!("usr/lib/modules/{release}/{list}"))
                .or_else(|| root.read(&format!("lib/modules/{release}/{list}")))
        });
        if read.iter().all(Option::is_none) {
            return None;
        }
        let modules = read.iter().flatten().flat_map(|text| text.lines()).map(module).collect();
        let own = || {
            [format!("boot/config-{release}"), format!("usr/lib/modules/{release}/config")]
                .iter()
                .find_map(|path| root.read(path))
        };
        let config = given.map(str::to_owned).or_else(own).map(|text| kconfig::parse(&text));
        Some(Kernel { release, modules, config })
    };
    root.kernels().into_iter().filter_map(kernel).collect()
}

/// `kernel/fs/xfs/xfs.ko.xz: kernel/lib/libcrc32c.ko.xz` is xfs.
fn module(line: &str) -> String {
    let path = line.split(':').next().unwrap_or(line).trim();
    let file = path.rsplit('/').next().unwrap_or(path);
    file.split(".ko").next().unwrap_or(file).replace('-', "_")
}

/// Package → version, from dpkg's own list or from ours.
fn packages(tree: Tree<'_>) -> BTreeMap<String, String> {
    if let Some(status) = tree.read("var/lib/dpkg/status") {
        let field = |paragraph: &str, name: &str| {
            paragraph.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned))
        };
        return status.split("\n\n").filter_map(|one| Some((field(one, "Package")?, field(one, "Version")?))).collect();
    }
    let ours = tree.read("usr/share/cake/packages").unwrap_or_default();
    ours.lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(name, version)| (name.to_owned(), version.trim().to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    const CONTRACT: &str = r#"
        [[group]]
        name = "all"
        reason = "it is tried"
        planned = "this test"
        buildroot = "BR2_X"
        programs = ["nft", "/usr/bin/qemu", { name = "fdisk", absent = { debian = "no disks" } }]
        units = ["dbus.service"]
        files = ["usr/share/zoneinfo/UTC"]
        firmware = ["bnx2x/bnx2x-*.fw"]
        versions = [{ debian = "systemd", buildroot = "systemd", least = "257" }]
        modules = { xfs = "XFS_FS", dm_crypt = "DM_CRYPT", unix = "UNIX" }
        options = ["PSI", "CGROUPS"]
        [[group]]
        name = "only from source"
        reason = "it is left alone"
        planned = "this test"
        buildroot = "BR2_X"
        absent = { debian = "never" }
        programs = ["kexec"]
    "#;

    fn write(root: &Path, files: &[(&str, &str)]) {
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    fn misses(root: &Path) -> Vec<String> {
        let contract: Contract = toml::from_str(CONTRACT).unwrap();
        let trees = Trees { root, engine: root, kernel_config: None };
        check(&contract, trees).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_miss_is_told_at_once() {
        let root = tempfile::tempdir().unwrap();
        write(
            root.path(),
            &[
                ("usr/lib/modules/6.12.1/modules.dep", ""),
                ("var/lib/dpkg/status", "Package: systemd\nVersion: 256.7-1\n"),
            ],
        );
        assert_eq!(
            misses(root.path()),
            [
                "kernel: no configuration of 6.12.1: none in /boot, none was given",
                "all: program nft",
                "all: program /usr/bin/qemu",
                "all: unit dbus.service",
                "all: file usr/share/zoneinfo/UTC",
                "all: firmware bnx2x/bnx2x-*.fw",
                "all: systemd 256.7-1 is older than 257",
                "all: module dm_crypt in 6.12.1",
                "all: module unix in 6.12.1",
                "all: module xfs in 6.12.1",
            ]
        );
        assert_eq!(misses(Path::new("/nonexistent"))[0], "kernel: there are no modules of any");
    }

    #[test]
    fn a_whole_root_has_no_misses() {
        let root = tempfile::tempdir().unwrap();
        write(
            root.path(),
            &[
                ("usr/sbin/nft", ""),
                ("usr/bin/qemu", ""),
                ("usr/lib/systemd/system/dbus.service", ""),
                ("usr/share/zoneinfo/UTC", ""),
                ("usr/lib/firmware/bnx2x/bnx2x-e2-7.fw.xz", ""),
                (
                    "usr/lib/modules/6.12.1/modules.dep",
                    "kernel/fs/xfs/xfs.ko.xz: a.ko\nkernel/drivers/md/dm-crypt.ko.xz:\n",
                ),
                ("usr/lib/modules/6.12.1/modules.builtin", "kernel/x/y.ko\n"),
                ("boot/config-6.12.1", "CONFIG_PSI=y\nCONFIG_CGROUPS=y\nCONFIG_UNIX=y\n"),
                ("usr/share/cake/packages", "systemd\t257.8-1~deb13u2\n"),
            ],
        );
        assert_eq!(misses(root.path()), [""; 0]);
    }
}
