//! What systemd-networkd is told (systemd.network(5), systemd.netdev(5)): files that take the place of the image's files of the same
//! names.
//!
//! ```text
//!  ports ──► bond `cables` ──► bridge `uplink` ── the address              VMs may be ports of the bridge, too
//!                                        └─► VLAN `management` ── the address, where it is in a VLAN
//! ```

use cake_types::{BondMode, MacAddress, UPLINK_BOND, UPLINK_BRIDGE, UPLINK_VLAN, UplinkMethod, UplinkSpec};
use std::collections::BTreeMap;

/// The names of all files that there can be.
pub const FILES: [&str; 8] = [
    "20-cables.netdev",
    "21-management.netdev",
    "30-cables.network",
    "30-port.network",
    "30-port-too.network",
    "31-spare.network",
    "40-uplink.network",
    "41-management.network",
];

/// Files by name. Of what is as the image has it there is none.
pub fn files(spec: &UplinkSpec) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut put = |name: &str, text: String| {
        files.insert(name.to_owned(), text);
    };
    if spec.bond == BondMode::Lacp {
        put("20-cables.netdev", lacp());
    }
    if let Some(mtu) = spec.mtu {
        put("30-cables.network", cables(mtu));
    }
    let (macs, names): (Vec<&str>, Vec<&str>) =
        spec.links.iter().map(String::as_str).partition(|link| link.parse::<MacAddress>().is_ok());
    let lists = [("PermanentMACAddress", macs), ("Name", names)];
    let named = lists.into_iter().filter(|(_, list)| !list.is_empty());
    for ((key, list), file) in named.zip(["30-port.network", "30-port-too.network"]) {
        put(file, port(&format!("{key}={}", list.join(" "))));
    }
    if !spec.links.is_empty() {
        put("31-spare.network", spare());
    }
    let rest = UplinkSpec { links: Vec::new(), bond: BondMode::default(), ..spec.clone() };
    match spec.vlan {
        _ if rest == UplinkSpec::default() => {}
        None => put("40-uplink.network", addressed(UPLINK_BRIDGE, spec)),
        Some(vlan) => {
            put("21-management.netdev", vlan_device(vlan));
            put("40-uplink.network", trunk(spec.mtu));
            put("41-management.network", addressed(UPLINK_VLAN, spec));
        }
    }
    files
}

fn lacp() -> String {
    format!(
        "[NetDev]\nName={UPLINK_BOND}\nKind=bond\nMACAddress=none\n\n\
         [Bond]\nMode=802.3ad\nMIIMonitorSec=100ms\nLACPTransmitRate=fast\nTransmitHashPolicy=layer3+4\n"
    )
}

fn cables(mtu: u16) -> String {
    format!(
        "[Match]\nName={UPLINK_BOND}\n\n[Link]\nRequiredForOnline=no\nMTUBytes={mtu}\n\n\
         [Network]\nBridge={UPLINK_BRIDGE}\nLinkLocalAddressing=no\n"
    )
}

fn port(which: &str) -> String {
    format!(
        "[Match]\nType=ether\n{which}\n\n[Link]\nRequiredForOnline=no\n\n\
         [Network]\nBond={UPLINK_BOND}\nLinkLocalAddressing=no\nLLDP=yes\n"
    )
}

/// Up all the same: who plugs a cable in is to see it.
fn spare() -> String {
    "[Match]\nType=ether\nKind=!*\n\n[Link]\nRequiredForOnline=no\n\n\
     [Network]\nLinkLocalAddressing=no\nIPv6AcceptRA=no\nLLDP=yes\n"
        .into()
}

fn vlan_device(vlan: u16) -> String {
    format!("[NetDev]\nName={UPLINK_VLAN}\nKind=vlan\n\n[VLAN]\nId={vlan}\n")
}

fn link(mtu: Option<u16>) -> String {
    let mtu = mtu.map(|mtu| format!("MTUBytes={mtu}\n")).unwrap_or_default();
    format!("[Link]\nRequiredForOnline=no\n{mtu}\n")
}

/// The bridge, where it has no address itself.
fn trunk(mtu: Option<u16>) -> String {
    format!(
        "[Match]\nName={UPLINK_BRIDGE}\n\n{}[Network]\nVLAN={UPLINK_VLAN}\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n",
        link(mtu)
    )
}

/// The link that has the server's address.
fn addressed(name: &str, spec: &UplinkSpec) -> String {
    let UplinkSpec { method, addresses, gateways, dns, search, vlan: _, links: _, bond: _, mtu } = spec;
    let mut text = format!("[Match]\nName={name}\n\n{}[Network]\n", link(*mtu));
    let mut say = |key: &str, value: &str| text += &format!("{key}={value}\n");
    // An IPv6 address of somebody's choice stands alone; without one, what routers advertise.
    let six = addresses.iter().any(|own| own.address.is_ipv6());
    match method {
        UplinkMethod::Dhcp => {
            say("DHCP", "yes");
            say("LinkLocalAddressing", "yes");
        }
        UplinkMethod::Static => {
            say("DHCP", "no");
            say("LinkLocalAddressing", "ipv6");
        }
    }
    say("IPv6AcceptRA", if six { "no" } else { "yes" });
    say("MulticastDNS", "no");
    say("LLMNR", "no");
    for address in addresses {
        say("Address", &address.to_string());
    }
    for gateway in gateways {
        say("Gateway", &gateway.to_string());
    }
    for server in dns {
        say("DNS", &server.to_string());
    }
    if !search.is_empty() {
        say("Domains", &search.join(" "));
    }
    let use_dns = if dns.is_empty() { "" } else { "UseDNS=no\n" };
    if *method == UplinkMethod::Dhcp {
        text += &format!("\n[DHCPv4]\nClientIdentifier=mac\nUseDomains=no\n{use_dns}");
    }
    if !six && !dns.is_empty() {
        text += "\n[DHCPv6]\nUseDNS=no\n\n[IPv6AcceptRA]\nUseDNS=no\n";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All files one after the other.
    fn told(spec: &UplinkSpec) -> String {
        files(spec).into_iter().map(|(name, text)| format!("# {name}\n{text}\n")).collect()
    }

    #[test]
    fn files_are_the_committed_ones() {
        let fixed = UplinkSpec {
            method: UplinkMethod::Static,
            addresses: vec!["192.0.2.10/24".parse().unwrap()],
            gateways: vec!["192.0.2.1".parse().unwrap()],
            dns: vec!["192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap()],
            search: vec!["example.com".into()],
            ..UplinkSpec::default()
        };
        let everything = UplinkSpec {
            addresses: vec!["192.0.2.10/24".parse().unwrap(), "2001:db8::10/64".parse().unwrap()],
            gateways: vec!["192.0.2.1".parse().unwrap(), "fe80::1".parse().unwrap()],
            vlan: Some(12),
            links: vec!["eno1".into(), "52:54:00:12:34:56".into()],
            bond: BondMode::Lacp,
            mtu: Some(9000),
            ..fixed.clone()
        };
        let dhcp = UplinkSpec { dns: vec!["192.0.2.1".parse().unwrap()], vlan: Some(7), ..UplinkSpec::default() };
        let ports = UplinkSpec { links: vec!["eno2".into()], ..UplinkSpec::default() };
        for (name, spec) in [("static", fixed), ("everything", everything), ("dhcp-vlan", dhcp), ("ports", ports)] {
            assert!(files(&spec).keys().all(|name| FILES.contains(&name.as_str())), "{name}");
            let path = format!("{}/tests/golden/uplink/{name}", env!("CARGO_MANIFEST_DIR"));
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                std::fs::create_dir_all(std::path::Path::new(&path).parent().unwrap()).unwrap();
                std::fs::write(&path, told(&spec)).unwrap();
            }
            assert_eq!(told(&spec), std::fs::read_to_string(&path).unwrap(), "{name}");
        }
        assert_eq!(told(&UplinkSpec::default()), "", "as the image has it");
    }

    /// A file that is put in the place of another one must match what that one matches.
    #[test]
    fn what_is_replaced_is_the_image_s() {
        let image = concat!(env!("CARGO_MANIFEST_DIR"), "/../../image/root/usr/lib/systemd/network");
        let replaced = ["20-cables.netdev", "30-cables.network", "30-port.network", "40-uplink.network"];
        for name in replaced {
            assert!(std::path::Path::new(image).join(name).is_file(), "{name}");
        }
        let text = |name: &str| std::fs::read_to_string(format!("{image}/{name}")).unwrap();
        assert!(text("20-cables.netdev").contains(&format!("Name={UPLINK_BOND}\n")));
        assert!(text("20-uplink.netdev").contains(&format!("Name={UPLINK_BRIDGE}\n")));
        assert!(text("30-port.network").contains(&format!("Bond={UPLINK_BOND}\n")));
    }
}
