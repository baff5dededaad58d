//! What must hold for all that an agent can send. Shared by the fuzz targets and by their replay on stable Rust.
#![allow(dead_code)] // Each target is a program of its own and takes one function of this file.

use cake_snmp::{Kind, Machine, Oid, Pace, Request, Response, SnmpError, Tree, Turn, Value, Walk, about, pdu, switch};
use std::time::Instant;
use zeroize::Zeroizing;

const TEXT: usize = 48;

/// Datagrams, each after its length in two bytes: to a machine that waits, and to a walk.
pub fn snmp(bytes: &[u8]) {
    let mut walk = Walk::new(Oid::new([1, 3]).expect("a name"));
    let mut open = true;
    let mut tree = Tree::default();
    for datagram in datagrams(bytes) {
        let mut machine = Machine::new(Zeroizing::new(b"public".to_vec()), Pace::default(), 7);
        machine.ask(&walk.request(), Instant::now());
        if let Turn::Over(Ok(response)) = machine.receive(datagram) {
            assert_eq!((response.id, &*response.community), (7, &b"public"[..]), "another's answer");
        }
        let Some(response) = Response::decode(datagram) else { continue };
        for binding in &response.bindings {
            // A name that was read is written as it was meant.
            let request = Request { kind: Kind::Get, names: vec![binding.name.clone()] };
            assert!(request.encode(b"c", 1).len() < 1024);
            if let Some(text) = binding.value.text(TEXT) {
                readable(&text);
            }
        }
        let _ = tree.extend(response.bindings.clone());
        if open {
            match walk.take(response) {
                Ok(end) => open = !end,
                Err(SnmpError::Silent | SnmpError::Io(_)) => panic!("it was heard"),
                Err(_) => open = false,
            }
        }
    }
    let found = walk.found();
    assert!(found.windows(2).all(|pair| pair[0].name < pair[1].name), "a walk that goes back");
    read(&tree);
}

/// Values for the tables that are known: the first byte says which column, the second its row, then a value's tag and content.
pub fn tables(bytes: &[u8]) {
    let names: Vec<&[u32]> = pdu::FAMILIES.iter().flat_map(|family| family.names()).chain(switch::names()).collect();
    let mut tree = Tree::default();
    for row in datagrams(bytes) {
        let [column, index @ ..] = row else { continue };
        let name = names[usize::from(*column) % names.len()];
        let (index, value) = index.split_at(index.len().min(4));
        let index: Vec<u32> = index.iter().map(|arc| u32::from(*arc % 24)).collect();
        let arcs = [name, &index[..index.len().min(1 + usize::from(*column) % 3)]].concat();
        let value = match value {
            [0, rest @ ..] => Value::Octets(rest.to_vec()),
            [sign, rest @ ..] => {
                let number = rest.iter().take(8).fold(0_i64, |number, byte| number << 8 | i64::from(*byte));
                Value::Integer(if *sign & 1 == 0 { number } else { number.wrapping_neg() })
            }
            [] => Value::Unsigned(u64::MAX),
        };
        let Some(name) = Oid::new(arcs) else { continue };
        let _ = tree.extend([cake_snmp::Binding { name, value }]);
    }
    read(&tree);
}

fn datagrams(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    while let [high, low, rest @ ..] = bytes {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
        let (datagram, later) = rest.split_at(length);
        found.push(datagram);
        bytes = later;
    }
    found
}

fn read(tree: &Tree) {
    let told = about(tree);
    readable(&told.name);
    for family in pdu::FAMILIES {
        let (about, reading) = pdu::read(tree, family);
        [&about.maker, &about.model, &about.serial, &about.firmware].into_iter().for_each(|text| readable(text));
        assert!(reading.inputs.len() <= 32 && reading.outlets.len() <= 256 && reading.sensors.len() <= 64);
        let numbers = reading.inputs.iter().flat_map(|input| [input.volts, input.amps, input.watts, input.rated_amps]);
        let numbers = numbers.chain(reading.outlets.iter().flat_map(|outlet| [outlet.amps, outlet.watts]));
        let numbers = numbers.chain(reading.sensors.iter().map(|sensor| sensor.value)).chain([reading.watts]);
        assert!(numbers.flatten().all(f64::is_finite), "JSON has no such number");
        reading.outlets.iter().for_each(|outlet| readable(&outlet.name));
    }
    let switch = switch::read(tree);
    assert!(switch.ports.len() <= 512);
    for port in &switch.ports {
        readable(&port.name);
        if let Some(neighbor) = &port.neighbor {
            readable(&neighbor.system);
            readable(&neighbor.chassis);
        }
    }
}

fn readable(text: &str) {
    assert!(!text.contains(char::is_control) && text.chars().count() <= 2 * TEXT, "{text:?}");
}
