//! Traps of SNMP version 2c (RFC 3416, RFC 1901), as bytes: the few types of BER (X.690) that one needs. Those who ask agents write
//! with the same.

/// The objects and notifications of `image/snmp/CAKE-MIB.txt`. They lie under the enterprise number that documents may use (RFC
/// 5612): whoever ships a rack has a number of their own.
pub const CAKE: &[u32] = &[1, 3, 6, 1, 4, 1, 32473, 1];

const SYS_UP_TIME: &[u32] = &[1, 3, 6, 1, 2, 1, 1, 3, 0];
const TRAP_OID: &[u32] = &[1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0];

pub const INTEGER: u8 = 0x02;
pub const OCTETS: u8 = 0x04;
pub const OBJECT: u8 = 0x06;
pub const SEQUENCE: u8 = 0x30;
const TIME_TICKS: u8 = 0x43;
const TRAP: u8 = 0xa7;
/// Version 2c counts from 0.
pub const VERSION: i32 = 1;
/// A trap has to fit a datagram that every network carries: texts are cut there.
const TEXT_MAX: usize = 255;

pub enum Value<'a> {
    Number(i32),
    Text(&'a str),
}

/// A trap: which notification it is, and its objects, each below [`CAKE`].
pub struct Trap<'a> {
    pub community: &'a str,
    pub request: i32,
    /// Hundredths of a second since this system began.
    pub uptime: u32,
    pub notification: &'a [u32],
    pub objects: &'a [(&'a [u32], Value<'a>)],
}

pub fn trap(trap: &Trap<'_>) -> Vec<u8> {
    let mut bindings = binding(SYS_UP_TIME, &unsigned(TIME_TICKS, trap.uptime));
    bindings.extend(binding(TRAP_OID, &object(&below(trap.notification))));
    for (name, value) in trap.objects {
        let value = match value {
            Value::Number(number) => integer(*number),
            Value::Text(text) => element(OCTETS, &text.as_bytes()[..text.floor_char_boundary(TEXT_MAX)]),
        };
        bindings.extend(binding(&below(name), &value));
    }
    let pdu = [integer(trap.request), integer(0), integer(0), element(SEQUENCE, &bindings)].concat();
    let message = [integer(VERSION), element(OCTETS, trap.community.as_bytes()), element(TRAP, &pdu)].concat();
    element(SEQUENCE, &message)
}

fn below(part: &[u32]) -> Vec<u32> {
    [CAKE, part].concat()
}

fn binding(name: &[u32], value: &[u8]) -> Vec<u8> {
    element(SEQUENCE, &[object(name), value.to_vec()].concat())
}

/// Tag, length and content (X.690 §8.1).
pub fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    match content.len() {
        short @ 0..=0x7f => bytes.push(short as u8),
        long => {
            let length = long.to_be_bytes();
            let length = &length[length.iter().position(|byte| *byte != 0).unwrap_or(0)..];
            bytes.push(0x80 | length.len() as u8);
            bytes.extend(length);
        }
    }
    bytes.extend(content);
    bytes
}

/// Two's complement in as few octets as it takes (§8.3.2).
pub fn integer(number: i32) -> Vec<u8> {
    minimal(INTEGER, i64::from(number))
}

fn unsigned(tag: u8, number: u32) -> Vec<u8> {
    minimal(tag, i64::from(number))
}

fn minimal(tag: u8, number: i64) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let says_sign =
        |at: usize| (bytes[at] == 0 && bytes[at + 1] < 0x80) || (bytes[at] == 0xff && bytes[at + 1] >= 0x80);
    let first = (0..7).find(|at| !says_sign(*at)).unwrap_or(7);
    element(tag, &bytes[first..])
}

/// The first two arcs in one number, seven bits of each number in an octet (§8.19). At least two arcs.
pub fn object(arcs: &[u32]) -> Vec<u8> {
    let [first, second, rest @ ..] = arcs else { return element(OBJECT, &[]) };
    let numbers =
        std::iter::once(u64::from(*first) * 40 + u64::from(*second)).chain(rest.iter().map(|arc| (*arc).into()));
    let mut content = Vec::new();
    for number in numbers {
        let septets = (0..5).rev().map(|place| (number >> (7 * place)) as u8 & 0x7f);
        let septets: Vec<u8> = septets.skip_while(|septet| *septet == 0).collect();
        let Some((last, rest)) = septets.split_last() else {
            content.push(0);
            continue;
        };
        content.extend(rest.iter().map(|septet| septet | 0x80));
        content.push(*last);
    }
    element(OBJECT, &content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_as_short_as_the_standard_has_them() {
        assert_eq!(integer(0), [2, 1, 0]);
        assert_eq!(integer(127), [2, 1, 127]);
        assert_eq!(integer(128), [2, 2, 0, 128]);
        assert_eq!(integer(-1), [2, 1, 255]);
        assert_eq!(integer(-129), [2, 2, 255, 127]);
        assert_eq!(integer(i32::MIN), [2, 4, 128, 0, 0, 0]);
        assert_eq!(unsigned(TIME_TICKS, u32::MAX), [0x43, 5, 0, 255, 255, 255, 255]);
        assert_eq!(object(&[1, 3, 6, 1, 4, 1, 32473]), [6, 8, 43, 6, 1, 4, 1, 0x81, 0xfd, 0x59]);
        assert_eq!(object(&[2, 5, 0, u32::MAX]), [6, 7, 85, 0, 0x8f, 255, 255, 255, 127]);
        assert_eq!(element(4, &[7; 200])[..3], [4, 0x81, 200]);
        assert_eq!(element(4, &[7; 300])[..4], [4, 0x82, 1, 44]);
    }

    #[test]
    fn a_trap_byte_by_byte() {
        let objects = [(&[1, 1][..], Value::Text("began")), (&[1, 2][..], Value::Number(3))];
        let bytes = trap(&Trap { community: "c", request: 1, uptime: 100, notification: &[0, 1], objects: &objects });
        let expected = [
            "3065020101040163",
            "a75d020101020100020100",
            "3052",
            "300d06082b06010201010300430164",
            "301906 0a2b060106030101040100060b 2b0601040181fd59010001",
            "3014060b2b0601040181fd59010101 0405626567616e",
            "3010060b2b0601040181fd59010102 020103",
        ];
        let expected = expected.concat().replace(' ', "");
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, expected);
    }
}
