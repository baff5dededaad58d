//! Messages of SNMP version 2c (RFC 1901, RFC 3416 §3).

use crate::ber::{Broken, Reader};
use crate::oid::Oid;
use crate::value::Value;
use cake_planner::snmp::{OCTETS, SEQUENCE, VERSION, element, integer, object};

/// Octets of a datagram: agents send at most what an Ethernet frame holds, generous ones a few of them.
pub const DATAGRAM_MAX: usize = 16 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Get,
    GetNext,
    /// So many follow each name.
    GetBulk(u8),
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub kind: Kind,
    pub names: Vec<Oid>,
}

impl Request {
    pub fn encode(&self, community: &[u8], id: i32) -> Vec<u8> {
        let (tag, repetitions) = match self.kind {
            Kind::Get => (0xa0, 0),
            Kind::GetNext => (0xa1, 0),
            Kind::GetBulk(repetitions) => (0xa5, repetitions),
        };
        let null = [5, 0];
        let binding = |name: &Oid| element(SEQUENCE, &[&object(name.arcs())[..], &null].concat());
        let bindings: Vec<u8> = self.names.iter().flat_map(binding).collect();
        // Of GetBulk these are non-repeaters and max-repetitions, of the others the error's status and index.
        let pdu = [integer(id), integer(0), integer(repetitions.into()), element(SEQUENCE, &bindings)].concat();
        let message = [integer(VERSION), element(OCTETS, community), element(tag, &pdu)].concat();
        element(SEQUENCE, &message)
    }
}

/// A name and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    pub name: Oid,
    pub value: Value,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub community: Vec<u8>,
    pub id: i32,
    /// `error-status`; 0 is none.
    pub status: u32,
    pub bindings: Vec<Binding>,
}

const RESPONSE: u8 = 0xa2;

impl Response {
    /// `None`: it is none of version 2c.
    pub fn decode(datagram: &[u8]) -> Option<Self> {
        if datagram.len() > DATAGRAM_MAX {
            return None;
        }
        decode(datagram).ok()
    }
}

fn decode(datagram: &[u8]) -> Result<Response, Broken> {
    let mut message = Reader::new(Reader::new(datagram).content(SEQUENCE)?);
    if message.integer()? != VERSION {
        return Err(Broken);
    }
    let community = message.content(OCTETS)?.to_vec();
    let mut pdu = Reader::new(message.content(RESPONSE)?);
    let (id, status, _index) = (pdu.integer()?, pdu.integer()?, pdu.integer()?);
    let status = u32::try_from(status).map_err(|_| Broken)?;
    let mut list = Reader::new(pdu.content(SEQUENCE)?);
    let mut bindings = Vec::new();
    while !list.is_empty() {
        let mut binding = Reader::new(list.content(SEQUENCE)?);
        let name = crate::ber::object(binding.content(cake_planner::snmp::OBJECT)?)?;
        let (tag, content) = binding.element()?;
        bindings.push(Binding { name, value: Value::read(tag, content)? });
    }
    Ok(Response { community, id, status, bindings })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let hex = hex.replace(' ', "");
        (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn a_request_byte_by_byte() {
        let names = vec![Oid::new([1, 3, 6, 1, 2, 1, 1, 5, 0]).unwrap()];
        let get = Request { kind: Kind::Get, names: names.clone() };
        assert_eq!(
            get.encode(b"public", 1),
            bytes("3026 020101 0406 7075626c6963 a019 020101 020100 020100 300e 300c 0608 2b06010201010500 0500")
        );
        let bulk = Request { kind: Kind::GetBulk(25), names };
        let encoded = bulk.encode(b"public", 1);
        assert_eq!(encoded[13], 0xa5);
        assert_eq!(encoded[18..24], [2, 1, 0, 2, 1, 25]);
    }

    #[test]
    fn an_answer_with_every_kind_of_value() {
        let answer = Response::decode(&nested()).expect("an answer");
        assert_eq!((answer.id, answer.status), (0x102, 0));
        let values: Vec<Value> = answer.bindings.into_iter().map(|binding| binding.value).collect();
        assert_eq!(values[0], Value::Integer(-65535));
        assert_eq!(values[1], Value::Unsigned(5));
        assert_eq!(values[2], Value::Unsigned(1));
        assert_eq!(values[3], Value::Address([10, 0, 0, 1]));
        assert_eq!(values[4], Value::NoSuchObject);
        assert_eq!(values[5].text(9), Some("A".into()));
    }

    #[test]
    fn what_is_no_answer_is_none() {
        let good = nested();
        assert!((0..good.len()).all(|end| Response::decode(&good[..end]).is_none()), "cut short");
        let request = Request { kind: Kind::Get, names: vec![Oid::new([1, 3]).unwrap()] };
        assert_eq!(Response::decode(&request.encode(b"c", 1)), None, "a question");
        assert_eq!(Response::decode(&cake_planner::snmp::element(SEQUENCE, &[0; DATAGRAM_MAX])), None, "too long");
    }

    fn nested() -> Vec<u8> {
        let binding = |last: u8, value: &str| element(SEQUENCE, &[&[6, 3, 0x2b, 1, last][..], &bytes(value)].concat());
        let bindings = [
            binding(1, "0203ff0001"),
            binding(2, "420105"),
            binding(3, "4606000000000001"),
            binding(4, "40040a000001"),
            binding(5, "8000"),
            binding(6, "040141"),
        ];
        let pdu = [bytes("02020102 020100 020100"), element(SEQUENCE, &bindings.concat())].concat();
        element(SEQUENCE, &[bytes("020101 040163"), element(RESPONSE, &pdu)].concat())
    }
}
