//! networkd's description of a link, as far as it is needed. What a later version leaves out or adds hides nothing else.

use cake_types::{Prefixed, Sourced, UplinkSource};
use serde::Deserialize;
use std::net::IpAddr;

/// What a link has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Described {
    pub addresses: Vec<Sourced<Prefixed>>,
    pub gateways: Vec<Sourced<IpAddr>>,
    pub dns: Vec<Sourced<IpAddr>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Interface {
    #[serde(default)]
    addresses: Vec<Entry>,
    #[serde(default)]
    routes: Vec<Route>,
    #[serde(default, rename = "DNS")]
    dns: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    #[serde(default)]
    address: Vec<u8>,
    prefix_length: Option<u8>,
    #[serde(default)]
    config_source: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Route {
    #[serde(default)]
    gateway: Vec<u8>,
    destination_prefix_length: Option<u8>,
    #[serde(default)]
    config_source: String,
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}

fn source(word: &str) -> UplinkSource {
    match word {
        "static" => UplinkSource::Static,
        "DHCPv4" | "DHCPv6" | "DHCP-PD" => UplinkSource::Dhcp,
        "NDisc" => UplinkSource::Router,
        "IPv4LL" => UplinkSource::LinkLocal,
        _ => UplinkSource::Other,
    }
}

fn on_cable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

/// The description of one link.
pub fn parse(text: &str) -> Result<Described, serde_json::Error> {
    let found: Interface = serde_json::from_str(text)?;
    let address = |entry: &Entry| {
        let address = ip(&entry.address)?;
        let source = if on_cable(address) { UplinkSource::LinkLocal } else { source(&entry.config_source) };
        Some(Sourced { value: Prefixed { address, length: entry.prefix_length? }, source })
    };
    let gateway = |route: &Route| {
        let anywhere = route.destination_prefix_length == Some(0);
        let value = ip(&route.gateway).filter(|address| anywhere && !address.is_unspecified())?;
        Some(Sourced { value, source: source(&route.config_source) })
    };
    let server = |entry: &Entry| Some(Sourced { value: ip(&entry.address)?, source: source(&entry.config_source) });
    let mut described = Described {
        addresses: found.addresses.iter().filter_map(address).collect(),
        gateways: found.routes.iter().filter_map(gateway).collect(),
        dns: found.dns.iter().filter_map(server).collect(),
    };
    described.addresses.sort_by_key(|own| own.value);
    described.gateways.sort_by_key(|gateway| gateway.value);
    described.gateways.dedup_by_key(|gateway| gateway.value);
    Ok(described)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_s_addresses_and_where_they_come_from() {
        let text = r#"{ "Index": 4, "Name": "uplink", "Type": "bridge", "MTU": 1500,
              "Addresses": [
                { "Family": 10, "Address": [254,128,0,0,0,0,0,0,80,84,0,255,254,18,52,86], "PrefixLength": 64, "ConfigSource": "foreign" },
                { "Family": 2, "Address": [192, 0, 2, 7], "PrefixLength": 24, "ConfigSource": "DHCPv4", "ConfigProvider": [192, 0, 2, 1] },
                { "Family": 2, "Address": [192, 0, 2], "PrefixLength": 24 } ],
              "Routes": [
                { "Family": 2, "Destination": [0, 0, 0, 0], "DestinationPrefixLength": 0, "Gateway": [192, 0, 2, 1], "ConfigSource": "DHCPv4" },
                { "Family": 2, "Destination": [192, 0, 2, 0], "DestinationPrefixLength": 24, "ConfigSource": "foreign" } ],
              "DNS": [ { "Family": 2, "Address": [192, 0, 2, 53], "ConfigSource": "static" } ] }"#;
        let described = parse(text).unwrap();
        let shown: Vec<String> =
            described.addresses.iter().map(|own| format!("{} {}", own.value, own.source.as_str())).collect();
        assert_eq!(shown, ["192.0.2.7/24 dhcp", "fe80::5054:ff:fe12:3456/64 link-local"]);
        assert_eq!(described.gateways.len(), 1);
        assert_eq!(described.dns[0].source, UplinkSource::Static);
        for other in ["{}", r#"{ "Name": "uplink" }"#] {
            assert_eq!(parse(other).unwrap(), Described::default());
        }
        assert!(parse("7").is_err() && parse("").is_err());
    }
}
