//! Switches: their ports (IF-MIB, RFC 2863) and who is at the other end (LLDP-MIB, IEEE 802.1AB-2005 §12).

use crate::device::TEXT;
use crate::tree::Tree;
use crate::value::Value;
use cake_types::{Neighbor, SwitchPort, SwitchReading};
use std::collections::BTreeMap;

/// More than the largest stack that stands in one rack.
const PORTS: usize = 512;

macro_rules! if_table {
    ($column:literal) => {
        &[1, 3, 6, 1, 2, 1, 2, 2, 1, $column]
    };
}

macro_rules! if_x_table {
    ($column:literal) => {
        &[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, $column]
    };
}

macro_rules! lldp {
    ($($arc:literal),*) => { &[1, 0, 8802, 1, 1, 2, 1, $($arc),*] };
}

const IF_DESCR: &[u32] = if_table!(2);
const IF_TYPE: &[u32] = if_table!(3);
const IF_ADMIN_STATUS: &[u32] = if_table!(7);
const IF_LAST_CHANGE: &[u32] = if_table!(9);
const IF_OPER_STATUS: &[u32] = if_table!(8);
const IF_IN_ERRORS: &[u32] = if_table!(14);
const IF_OUT_ERRORS: &[u32] = if_table!(20);
const IF_NAME: &[u32] = if_x_table!(1);
const IF_HC_IN_OCTETS: &[u32] = if_x_table!(6);
const IF_HC_OUT_OCTETS: &[u32] = if_x_table!(10);
const IF_HIGH_SPEED: &[u32] = if_x_table!(15);
const IF_ALIAS: &[u32] = if_x_table!(18);

/// `lldpLocPortIdSubtype`, `lldpLocPortId`, `lldpLocPortDesc`, by `lldpLocPortNum`
const LOC_PORT_ID: &[u32] = lldp!(3, 7, 1, 3);
const LOC_PORT_DESC: &[u32] = lldp!(3, 7, 1, 4);
/// By `lldpRemTimeMark`, `lldpRemLocalPortNum`, `lldpRemIndex`
const REM_CHASSIS_KIND: &[u32] = lldp!(4, 1, 1, 4);
const REM_CHASSIS: &[u32] = lldp!(4, 1, 1, 5);
const REM_PORT_KIND: &[u32] = lldp!(4, 1, 1, 6);
const REM_PORT: &[u32] = lldp!(4, 1, 1, 7);
const REM_PORT_DESC: &[u32] = lldp!(4, 1, 1, 8);
const REM_SYS_NAME: &[u32] = lldp!(4, 1, 1, 9);

/// `ethernetCsmacd`; those before RFC 3635 called a fast one by its own number.
const ETHERNET: [i64; 3] = [6, 62, 117];
const MAC_OF_CHASSIS: i64 = 4;
const MAC_OF_PORT: i64 = 3;

/// What has to be walked.
pub const fn names() -> [&'static [u32]; 20] {
    [
        IF_DESCR,
        IF_TYPE,
        IF_ADMIN_STATUS,
        IF_OPER_STATUS,
        IF_LAST_CHANGE,
        IF_IN_ERRORS,
        IF_OUT_ERRORS,
        IF_NAME,
        IF_HC_IN_OCTETS,
        IF_HC_OUT_OCTETS,
        IF_HIGH_SPEED,
        IF_ALIAS,
        LOC_PORT_ID,
        LOC_PORT_DESC,
        REM_CHASSIS_KIND,
        REM_CHASSIS,
        REM_PORT_KIND,
        REM_PORT,
        REM_PORT_DESC,
        REM_SYS_NAME,
    ]
}

/// What the tree says of a switch.
pub fn read(tree: &Tree) -> SwitchReading {
    let mut neighbors = neighbors(tree);
    let mut ports: Vec<SwitchPort> = tree.column(IF_OPER_STATUS).filter_map(|(index, _)| port(tree, index)).collect();
    ports.truncate(PORTS);
    for port in &mut ports {
        port.neighbor = neighbors.remove(&port.index);
    }
    // An agent of LLDP may count its ports in a way of its own: then their names tell.
    for (number, neighbor) in neighbors {
        let said = [LOC_PORT_ID, LOC_PORT_DESC].map(|column| text(tree, column, &[number]));
        let known = |port: &SwitchPort| said.iter().flatten().any(|said| *said == port.name);
        if let Some(port) = ports.iter_mut().find(|port| port.neighbor.is_none() && known(port)) {
            port.neighbor = Some(neighbor);
        }
    }
    SwitchReading { ports }
}

fn text(tree: &Tree, column: &[u32], index: &[u32]) -> Option<String> {
    tree.at(column, index).and_then(|value| value.text(TEXT))
}

/// One that is an Ethernet's.
fn port(tree: &Tree, index: &[u32]) -> Option<SwitchPort> {
    let [number] = index else { return None };
    let said = |column| tree.number(column, index);
    if !ETHERNET.contains(&said(IF_TYPE)?) {
        return None;
    }
    let counted = |column| said(column).and_then(|number| u64::try_from(number).ok());
    Some(SwitchPort {
        index: *number,
        name: text(tree, IF_NAME, index).or_else(|| text(tree, IF_DESCR, index)).unwrap_or_else(|| number.to_string()),
        alias: text(tree, IF_ALIAS, index).unwrap_or_default(),
        enabled: said(IF_ADMIN_STATUS) != Some(2),
        up: said(IF_OPER_STATUS) == Some(1),
        last_change: counted(IF_LAST_CHANGE),
        megabits: counted(IF_HIGH_SPEED).and_then(|speed| u32::try_from(speed).ok()).filter(|speed| *speed > 0),
        received: counted(IF_HC_IN_OCTETS),
        sent: counted(IF_HC_OUT_OCTETS),
        errors_in: counted(IF_IN_ERRORS),
        errors_out: counted(IF_OUT_ERRORS),
        changes: 0,
        fresh_errors: 0,
        neighbor: None,
    })
}

/// By the switch's own number of the port. Of several at one port the newest is told of.
fn neighbors(tree: &Tree) -> BTreeMap<u32, Neighbor> {
    let mut found = BTreeMap::new();
    for (index, chassis) in tree.column(REM_CHASSIS) {
        let [_mark, port, _index] = index else { continue };
        let said = |column| text(tree, column, index).unwrap_or_default();
        let identity = |value: Option<&Value>, kind: Option<i64>, mac: i64| match value {
            Some(Value::Octets(octets)) if kind == Some(mac) && octets.len() == 6 => mac_address(octets),
            Some(value) => value.text(TEXT).unwrap_or_default(),
            None => String::new(),
        };
        let neighbor = Neighbor {
            chassis: identity(Some(chassis), tree.number(REM_CHASSIS_KIND, index), MAC_OF_CHASSIS),
            port: identity(tree.at(REM_PORT, index), tree.number(REM_PORT_KIND, index), MAC_OF_PORT),
            port_description: said(REM_PORT_DESC),
            system: said(REM_SYS_NAME),
        };
        found.insert(*port, neighbor);
    }
    found
}

fn mac_address(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect::<Vec<_>>().join(":")
}
