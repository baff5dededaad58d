//! The kernel options of a root from source, as a fragment for kconfig.

use crate::contract::{Contract, Root};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Where the fragment lies in `buildroot-config/`.
pub fn path(root: Root) -> String {
    format!("board/{}/linux-contract.config", root.name())
}

/// The fragment. Rescue has everything in its kernel, the appliance has modules where there are any.
pub fn fragment(contract: &Contract, root: Root) -> String {
    let mut text = String::from("# Written by `make contract` from image/contract.toml: change that, not this.\n");
    for (option, value) in options(contract, root) {
        let _ = writeln!(text, "CONFIG_{option}={value}");
    }
    text
}

/// Option → `y` or `m`. What one group wants in the kernel is no module for another.
pub fn options(contract: &Contract, root: Root) -> BTreeMap<&str, &'static str> {
    let mut all = BTreeMap::new();
    for group in contract.groups_for(root) {
        for option in group.modules.values() {
            all.entry(option.as_str()).or_insert(if root == Root::Rescue { "y" } else { "m" });
        }
    }
    for group in contract.groups_for(root) {
        all.extend(group.options.iter().map(|option| (option.as_str(), "y")));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn rescue_has_no_modules_and_the_kernel_wins() {
        let text = "[[group]]\nname='a'\nreason='a'\nplanned='a'\nmodules={xfs='XFS_FS',loop='BLK_DEV_LOOP'}\noptions=['PSI']\n\
                    [[group]]\nname='b'\nreason='b'\nplanned='b'\nabsent={rescue='b'}\noptions=['BLK_DEV_LOOP']\n";
        let contract: Contract = toml::from_str(text).unwrap();
        let lines = |root| fragment(&contract, root).lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(lines(Root::Appliance), ["CONFIG_BLK_DEV_LOOP=y", "CONFIG_PSI=y", "CONFIG_XFS_FS=m"]);
        assert_eq!(lines(Root::Rescue), ["CONFIG_BLK_DEV_LOOP=y", "CONFIG_PSI=y", "CONFIG_XFS_FS=y"]);
    }

    /// The files of this checkout: whoever changes the contract is told to run `make contract`.
    #[test]
    fn the_fragments_are_what_the_contract_says() {
        let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let contract = Contract::read(&top.join("image/contract.toml")).unwrap();
        assert_eq!(contract.gone(&top).collect::<Vec<_>>(), [""; 0], "code that the contract names");
        for root in Root::FROM_SOURCE {
            let path = top.join("buildroot-config").join(path(root));
            let so = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(so == fragment(&contract, root), "{} is old: run make contract", path.display());
        }
    }
}
