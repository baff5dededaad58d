//! What a guest may send through its tap, and what the kernel remembers of it.
//!
//! ```text
//!   table netdev cake-TAP ── chain, at the ingress of TAP
//!     another sender than the card's own MAC ............ dropped     (in the frame, and in ARP inside it)
//!     a tag of 802.1Q or 802.1ad ......................... dropped     (a guest's network is the bridge's, not a VLAN beside it)
//!     to the bridge itself (spanning tree, LLDP, LACP) ... dropped     (a guest is no switch)
//!     ARP, neighbour discovery ........................... the sender's address is remembered, at most 16 of each family
//!                            chain, at the egress of TAP
//!     DHCPACK to this card ............................... the address that it gives is remembered: a guest may have one long
//!                                                          before it has anything to say
//! ```
//!
//! In a DHCP message behind 8 bytes of UDP (RFC 2131 §2): `yiaddr` at 16, `chaddr` at 28, options after the cookie at 236; a server
//! puts the type (option 53, one byte, 5 is ACK) first. Offsets below are in bits from the UDP header on.

use crate::bridge::link;
use crate::error::NetError;
use crate::nft::{self, Listed, Set, Table};
use crate::tap::{is_ours, mac_of, taps};
use cake_types::MacAddress;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

const PREFIX: &str = "cake-";

/// The rules of a card, in nft's language. The names are our own, the numbers a type's.
fn rules(tap: &str, mac: MacAddress) -> String {
    let table = format!("netdev {PREFIX}{tap}");
    let hardware: String = mac.0.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "add table {table}
delete table {table}
table {table} {{
  set addresses {{ type ipv4_addr; size 16; flags dynamic,timeout; timeout 12h; }}
  set leased {{ typeof @th,192,32; size 16; flags dynamic,timeout; timeout 12h; }}
  set addresses6 {{ type ipv6_addr; size 16; flags dynamic,timeout; timeout 12h; }}
  chain from-guest {{
    type filter hook ingress device \"{tap}\" priority -300; policy accept;
    ether saddr != {mac} drop
    ether type {{ 8021q, 8021ad }} drop
    ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 drop
    arp saddr ether != {mac} drop
    arp saddr ip != 0.0.0.0 update @addresses {{ arp saddr ip }}
    ip6 saddr & ffc0:: == fe80:: accept
    ip6 saddr != :: icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} update @addresses6 {{ ip6 saddr }}
  }}
  chain to-guest {{
    type filter hook egress device \"{tap}\" priority 0; policy accept;
    udp sport 67 udp dport 68 @th,288,48 == 0x{hardware} @th,1984,24 == 0x350105 update @leased {{ @th,192,32 }}
  }}
}}
"
    )
}

/// Puts the filter on the card's taps. Each whole, or not at all.
pub fn put(mac: MacAddress) -> Result<(), NetError> {
    taps(mac).try_for_each(|tap| put_on(&tap, mac))
}

/// Puts it on one of them, which must be there.
pub(crate) fn put_on(tap: &str, mac: MacAddress) -> Result<(), NetError> {
    nft::load(&rules(tap, mac))
}

pub(crate) fn remove(table: &str) -> Result<(), NetError> {
    nft::load(&format!("add table netdev {table}\ndelete table netdev {table}\n"))
}

pub(crate) fn table(tap: &str) -> String {
    format!("{PREFIX}{tap}")
}

/// Takes away the filters of taps that are gone. Those of another node on this machine too: a filter never comes before its tap.
pub fn sweep() -> Result<(), NetError> {
    for listed in nft::list(&["tables", "netdev"])? {
        let Listed::Table(Table { name }) = listed else { continue };
        let gone = name.strip_prefix(PREFIX).is_some_and(|tap| is_ours(tap) && !link(tap).exists());
        if gone {
            remove(&name)?;
        }
    }
    Ok(())
}

/// The addresses that guests used lately, of every card that has a filter.
pub fn seen() -> Result<BTreeMap<MacAddress, Vec<IpAddr>>, NetError> {
    Ok(addresses(nft::list(&["sets", "netdev"])?))
}

fn addresses(listed: Vec<Listed>) -> BTreeMap<MacAddress, Vec<IpAddr>> {
    let mut found: BTreeMap<MacAddress, Vec<IpAddr>> = BTreeMap::new();
    for listed in listed {
        let Listed::Set(Set { table, elem }) = listed else { continue };
        let Some(mac) = table.strip_prefix(PREFIX).and_then(mac_of) else { continue };
        let of_card = found.entry(mac).or_default();
        // {"elem": {"val": ADDRESS, "expires": SECONDS}}
        of_card.extend(elem.iter().filter_map(|elem| address(&elem["elem"]["val"])));
        of_card.sort();
        of_card.dedup();
    }
    found
}

/// What DHCP gave is a number to nft, since nothing says that these bytes of a packet are an address.
fn address(value: &Value) -> Option<IpAddr> {
    match value {
        Value::String(text) => text.parse().ok(),
        number => Some(Ipv4Addr::from_bits(u32::try_from(number.as_u64()?).ok()?).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_become_addresses() {
        let said = r#"{"nftables": [{"metainfo": {"version": "1.0.6"}},
            {"set": {"family": "netdev", "name": "addresses", "table": "cake-ck02000000000a", "type": "ipv4_addr",
                "size": 16, "timeout": 3600, "elem": [{"elem": {"val": "10.9.0.7", "expires": 3598}}]}},
            {"set": {"family": "netdev", "name": "leased", "table": "cake-ck02000000000a", "type": "integer",
                "elem": [{"elem": {"val": 168361992, "expires": 3598}}, {"elem": {"val": 168361991, "expires": 3598}}]}},
            {"set": {"family": "netdev", "name": "addresses6", "table": "cake-ck02000000000a", "type": "ipv6_addr",
                "elem": [{"elem": {"val": "2001:db8::7", "expires": 3598}}, {"elem": {"val": "no address"}}, 7]}},
            {"set": {"family": "netdev", "name": "addresses", "table": "somebody-elses", "type": "ipv4_addr",
                "elem": [{"elem": {"val": "10.9.0.8"}}]}},
            {"chain": {"family": "netdev"}}]}"#;
        let listed: serde_json::Value = serde_json::from_str(said).unwrap();
        let listed: Vec<Listed> = serde_json::from_value(listed["nftables"].clone()).unwrap();
        let found = addresses(listed);
        let of_card = &found[&"02:00:00:00:00:0a".parse().unwrap()];
        assert_eq!(*of_card, ["10.9.0.7", "10.9.0.8", "2001:db8::7"].map(|address| address.parse::<IpAddr>().unwrap()));
        assert_eq!(found.len(), 1);
    }
}
