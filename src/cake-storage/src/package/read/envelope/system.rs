//! What descriptors say in the words of single products: which system is in there, and what it starts with.

use super::{Element, attribute, elements};
use cake_types::GuestOs;

/// VMware's additions, VirtualBox's, and cake's own.
const VMW: &str = "http://www.vmware.com/schema/ovf";
const VBOX: &str = "http://www.virtualbox.org/ovf/machine";
pub const CAKE: &str = "urn:cake:ovf:1";

#[derive(Default)]
pub(super) struct Said {
    pub uefi: bool,
    pub secure_boot: bool,
    pub tpm: bool,
    pub os: Option<GuestOs>,
    pub everyday: Option<bool>,
}

pub(super) fn said(system: Element<'_>, hardware: Element<'_>) -> Said {
    let mut said = Said { os: os(system), ..Said::default() };
    for node in hardware.children().filter(|node| node.is_element()) {
        let own = |uri: &'static str| move |name: &'static str| node.attribute((uri, name)).unwrap_or_default();
        match (node.tag_name().namespace(), node.tag_name().name()) {
            (Some(VMW), "Config" | "ExtraConfig") => match (own(VMW)("key"), own(VMW)("value")) {
                ("firmware", value) => said.uefi = value.eq_ignore_ascii_case("efi"),
                ("bootOptions.efiSecureBootEnabled", value) => said.secure_boot = value.eq_ignore_ascii_case("true"),
                _ => {}
            },
            (Some(CAKE), "Machine") => {
                said.tpm = own(CAKE)("tpm") == "true";
                said.everyday = Some(own(CAKE)("everyday") == "true");
            }
            _ => {}
        }
    }
    virtualbox(system, &mut said);
    said
}

/// VirtualBox says everything once more in its own words, in the namespace that happens to be the default one.
fn virtualbox(system: Element<'_>, said: &mut Said) {
    let Some(machine) = system.children().find(|node| node.has_tag_name((VBOX, "Machine"))) else { return };
    for node in machine.descendants().filter(|node| node.is_element()) {
        let kind = node.attribute("type").unwrap_or_default();
        match node.tag_name().name() {
            "Firmware" => said.uefi |= kind.starts_with("EFI"),
            "TrustedPlatformModule" => said.tpm |= kind.starts_with('v'),
            _ => {}
        }
    }
}

fn os(system: Element<'_>) -> Option<GuestOs> {
    let section = elements(system, "OperatingSystemSection").next()?;
    let vbox = section.children().find(|node| node.has_tag_name((VBOX, "OSType"))).and_then(|node| node.text());
    let words = [section.attribute((VMW, "osType")), vbox];
    let said = words.into_iter().flatten().find_map(of_word);
    said.or_else(|| of_number(attribute(&section, "id")?.trim().parse().ok()?))
}

/// By the name that VMware or VirtualBox has for it: `windows9_64Guest`, `Debian_64`.
fn of_word(word: &str) -> Option<GuestOs> {
    const LINUX: [&str; 17] = [
        "linux", "ubuntu", "debian", "rhel", "redhat", "centos", "fedora", "suse", "sles", "gentoo", "mandriva",
        "coreos", "asianux", "photon", "turbo", "mageia", "oracle",
    ];
    let word = word.to_ascii_lowercase();
    if word.starts_with("win") {
        return Some(GuestOs::Windows);
    }
    LINUX.iter().any(|known| word.contains(known)).then_some(GuestOs::Linux)
}

/// By CIM_OperatingSystem.OSType.
const fn of_number(number: u16) -> Option<GuestOs> {
    match number {
        15..=19 | 58 | 67 | 69..=77 | 103 | 105 | 111..=120 => Some(GuestOs::Windows),
        36 | 79 | 80 | 82..=87 | 89..=101 | 106..=109 => Some(GuestOs::Linux),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_by_their_names_and_numbers() {
        for (word, is) in [
            ("windows9_64Guest", Some(GuestOs::Windows)),
            ("winNetEnterpriseGuest", Some(GuestOs::Windows)),
            ("Debian_64", Some(GuestOs::Linux)),
            ("otherLinux64Guest", Some(GuestOs::Linux)),
            ("otherGuest64", None),
            ("darwin21_64Guest", None),
        ] {
            assert_eq!(of_word(word), is, "{word}");
        }
        assert_eq!((of_number(1), of_number(102)), (None, None));
        assert_eq!((of_number(120), of_number(96)), (Some(GuestOs::Windows), Some(GuestOs::Linux)));
    }
}
