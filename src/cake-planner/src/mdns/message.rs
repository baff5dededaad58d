//! Messages of DNS (RFC 1035 §4) as multicast DNS uses them: read from bytes that anybody on the network can send, and written.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Longest datagram that is looked at (RFC 6762 §17).
pub const DATAGRAM_MAX: usize = 9000;
/// Questions, and records, of one message that are looked at; real ones have a few dozen.
const QUESTIONS_MAX: usize = 64;
const RECORDS_MAX: usize = 256;
/// Bytes of a name, the lengths of its labels included.
const NAME_MAX: usize = 255;
/// Of the class of a record: those that were known before are to be forgotten (RFC 6762 §10.2). Of a question: the answer may
/// come to the asker alone (§5.4).
const TOP_BIT: u16 = 0x8000;
/// The only class of today, and the one that means any.
const CLASS_IN: u16 = 1;
const CLASS_ANY: u16 = 255;

/// Types of records.
pub mod kind {
    pub const A: u16 = 1;
    pub const NS: u16 = 2;
    pub const CNAME: u16 = 5;
    pub const PTR: u16 = 12;
    pub const TXT: u16 = 16;
    pub const AAAA: u16 = 28;
    pub const SRV: u16 = 33;
    pub const NSEC: u16 = 47;
    pub const ANY: u16 = 255;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    #[error("it ends in the middle")]
    Short,
    #[error("a name is none")]
    Name,
    #[error("there is too much in it")]
    TooMuch,
    #[error("a record's data does not fit its type")]
    Data,
}

/// A name as it is written without compression: each label after its length, then 0. Case makes no difference.
#[derive(Clone, Debug)]
pub struct Domain(Vec<u8>);

impl PartialEq for Domain {
    fn eq(&self, other: &Self) -> bool {
        // Lengths are below 64 and no letters, so they can be compared the same way.
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Domain {}

impl Domain {
    /// From labels that are known to be short enough.
    pub fn new(labels: &[&str]) -> Self {
        let mut name = Vec::new();
        for label in labels {
            name.push(u8::try_from(label.len()).unwrap_or(u8::MAX).min(63));
            name.extend(label.bytes().take(63));
        }
        name.push(0);
        Self(name)
    }

    /// The name, without compression, and something after it.
    pub fn then(&self, more: &[u8]) -> Vec<u8> {
        [&self.0, more].concat()
    }

    #[cfg(test)]
    fn labels(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.0[..];
        std::iter::from_fn(move || {
            let (length, after) = rest.split_first()?;
            let label = after.get(..usize::from(*length)).filter(|label| !label.is_empty())?;
            rest = &after[label.len()..];
            Some(label)
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub name: Domain,
    pub kind: u16,
    class: u16,
    /// The answer may come to the asker alone.
    pub unicast: bool,
}

impl Question {
    pub fn new(name: Domain, kind: u16, unicast: bool) -> Self {
        Self { name, kind, class: CLASS_IN, unicast }
    }

    pub fn is_about_internet(&self) -> bool {
        matches!(self.class, CLASS_IN | CLASS_ANY)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    A(Ipv4Addr),
    Aaaa(Ipv6Addr),
    /// PTR, CNAME and NS: a name.
    Name(Domain),
    /// Priority and weight, which tell several servers of one service apart, then where it is.
    Srv {
        rank: [u8; 4],
        port: u16,
        target: Domain,
    },
    /// Everything else, as it stands.
    Bytes(Vec<u8>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub name: Domain,
    pub kind: u16,
    class: u16,
    /// Nobody else has records of this name and type.
    pub unique: bool,
    /// Seconds; 0 takes it back.
    pub ttl: u32,
    pub data: Data,
}

impl Record {
    pub fn new(name: Domain, kind: u16, unique: bool, ttl: u32, data: Data) -> Self {
        Self { name, kind, class: CLASS_IN, unique, ttl, data }
    }

    pub fn is_about_internet(&self) -> bool {
        self.class == CLASS_IN
    }

    /// It says the same, however long it holds.
    pub fn says(&self, other: &Self) -> bool {
        (self.kind, self.class) == (other.kind, other.class) && self.name == other.name && self.data == other.data
    }

    /// What two who want one name compare (RFC 6762 §8.2): the later one has it.
    pub fn weight(&self) -> (u16, u16, Vec<u8>) {
        let mut bytes = Vec::new();
        self.data.write(&mut bytes, &mut Names::Plain);
        (self.class, self.kind, bytes)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    pub id: u16,
    pub is_response: bool,
    /// More known answers follow in another message.
    pub truncated: bool,
    pub questions: Vec<Question>,
    pub answers: Vec<Record>,
    pub authority: Vec<Record>,
    pub additional: Vec<Record>,
}

const RESPONSE: u16 = 0x8000;
const AUTHORITATIVE: u16 = 0x0400;
const TRUNCATED: u16 = 0x0200;
/// Kind of request, and what became of it: both 0 in multicast DNS; others are not for us (RFC 6762 §18.3, §18.11).
const OPCODE_AND_CODE: u16 = 0x780f;

impl Message {
    /// `Ok(None)`: a message of another protocol that uses the same form.
    pub fn read(bytes: &[u8]) -> Result<Option<Self>, MessageError> {
        let mut reader = Reader { bytes: bytes.get(..bytes.len().min(DATAGRAM_MAX)).unwrap_or(bytes), at: 0 };
        let (id, flags) = (reader.u16()?, reader.u16()?);
        let counts = [reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?].map(usize::from);
        if flags & OPCODE_AND_CODE != 0 {
            return Ok(None);
        }
        if counts[0] > QUESTIONS_MAX || counts[1] + counts[2] + counts[3] > RECORDS_MAX {
            return Err(MessageError::TooMuch);
        }
        let is_response = flags & RESPONSE != 0;
        let mut message = Self { id, is_response, truncated: flags & TRUNCATED != 0, ..Self::default() };
        for _ in 0..counts[0] {
            message.questions.push(reader.question()?);
        }
        let Self { answers, authority, additional, .. } = &mut message;
        for (section, count) in [answers, authority, additional].into_iter().zip(&counts[1..]) {
            for _ in 0..*count {
                section.push(reader.record()?);
            }
        }
        Ok(Some(message))
    }

    pub fn write(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        let mut flags = if self.is_response { RESPONSE | AUTHORITATIVE } else { 0 };
        flags |= if self.truncated { TRUNCATED } else { 0 };
        for word in [self.id, flags] {
            out.extend(word.to_be_bytes());
        }
        for count in [self.questions.len(), self.answers.len(), self.authority.len(), self.additional.len()] {
            out.extend(u16::try_from(count).unwrap_or(u16::MAX).to_be_bytes());
        }
        let mut names = Names::Seen(Vec::new());
        for question in &self.questions {
            names.write(&mut out, &question.name);
            out.extend(question.kind.to_be_bytes());
            out.extend((question.class | if question.unicast { TOP_BIT } else { 0 }).to_be_bytes());
        }
        for record in self.answers.iter().chain(&self.authority).chain(&self.additional) {
            names.write(&mut out, &record.name);
            out.extend(record.kind.to_be_bytes());
            out.extend((record.class | if record.unique { TOP_BIT } else { 0 }).to_be_bytes());
            out.extend(record.ttl.to_be_bytes());
            let length_at = out.len();
            out.extend([0, 0]);
            record.data.write(&mut out, &mut names);
            let length = u16::try_from(out.len() - length_at - 2).unwrap_or(u16::MAX);
            out[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
        }
        out
    }
}

impl Data {
    fn write(&self, out: &mut Vec<u8>, names: &mut Names) {
        match self {
            Self::A(address) => out.extend(address.octets()),
            Self::Aaaa(address) => out.extend(address.octets()),
            Self::Name(name) => names.write(out, name),
            Self::Srv { rank, port, target } => {
                out.extend(rank);
                out.extend(port.to_be_bytes());
                names.write(out, target);
            }
            Self::Bytes(bytes) => out.extend(bytes),
        }
    }
}

/// How names are written: plain, or with what stood before pointed at.
enum Names {
    Plain,
    /// Ends of names, each where it stands.
    Seen(Vec<(Vec<u8>, u16)>),
}

impl Names {
    fn write(&mut self, out: &mut Vec<u8>, name: &Domain) {
        let Self::Seen(seen) = self else { return out.extend(&name.0) };
        let mut rest = &name.0[..];
        while rest.len() > 1 {
            if let Some((_, at)) = seen.iter().find(|(end, _)| end == rest) {
                return out.extend((0xc000 | at).to_be_bytes());
            }
            if let Ok(at) = u16::try_from(out.len())
                && at < 0x4000
            {
                seen.push((rest.to_vec(), at));
            }
            let (label, after) = rest.split_at(usize::from(rest[0]) + 1);
            out.extend(label);
            rest = after;
        }
        out.push(0);
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], MessageError> {
        let taken = self.bytes.get(self.at..).and_then(|rest| rest.get(..length)).ok_or(MessageError::Short)?;
        self.at += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], MessageError> {
        self.take(N)?.try_into().map_err(|_| MessageError::Short)
    }

    fn u16(&mut self) -> Result<u16, MessageError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    /// Pointers lead only backwards from where the part before them began, so there is no loop.
    fn name(&mut self) -> Result<Domain, MessageError> {
        let mut name = Vec::new();
        let (mut at, mut began, mut end) = (self.at, self.at, None);
        loop {
            let length = *self.bytes.get(at).ok_or(MessageError::Short)?;
            match length {
                0 => break,
                1..=63 => {
                    let label = self.bytes.get(at..at + usize::from(length) + 1).ok_or(MessageError::Short)?;
                    if name.len() + label.len() >= NAME_MAX {
                        return Err(MessageError::Name);
                    }
                    name.extend(label);
                    at += label.len();
                }
                0xc0.. => {
                    let low = *self.bytes.get(at + 1).ok_or(MessageError::Short)?;
                    end.get_or_insert(at + 2);
                    at = usize::from(u16::from_be_bytes([length & 0x3f, low]));
                    if at >= began {
                        return Err(MessageError::Name);
                    }
                    began = at;
                }
                // Two other kinds of labels were once thought of.
                _ => return Err(MessageError::Name),
            }
        }
        self.at = end.unwrap_or(at + 1);
        name.push(0);
        Ok(Domain(name))
    }

    fn question(&mut self) -> Result<Question, MessageError> {
        let (name, kind, class) = (self.name()?, self.u16()?, self.u16()?);
        Ok(Question { name, kind, class: class & !TOP_BIT, unicast: class & TOP_BIT != 0 })
    }

    fn record(&mut self) -> Result<Record, MessageError> {
        let (name, kind, class) = (self.name()?, self.u16()?, self.u16()?);
        let ttl = u32::from_be_bytes(self.array()?);
        let length = usize::from(self.u16()?);
        let end = self.at + length;
        // The data ends where it says; names in it may point at what stands before.
        let mut inside = Reader { bytes: self.bytes.get(..end).ok_or(MessageError::Short)?, at: self.at };
        let data = inside.data(kind, length)?;
        if inside.at != end {
            return Err(MessageError::Data);
        }
        self.at = end;
        Ok(Record { name, kind, class: class & !TOP_BIT, unique: class & TOP_BIT != 0, ttl, data })
    }

    fn data(&mut self, kind: u16, length: usize) -> Result<Data, MessageError> {
        Ok(match kind {
            kind::A => Data::A(Ipv4Addr::from(self.array::<4>()?)),
            kind::AAAA => Data::Aaaa(Ipv6Addr::from(self.array::<16>()?)),
            kind::PTR | kind::CNAME | kind::NS => Data::Name(self.name()?),
            kind::SRV => Data::Srv { rank: self.array()?, port: self.u16()?, target: self.name()? },
            _ => Data::Bytes(self.take(length)?.to_vec()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Message {
        let host = || Domain::new(&["cake-7", "local"]);
        let service = || Domain::new(&["_https", "_tcp", "local"]);
        let instance = || Domain::new(&["cake-7", "_https", "_tcp", "local"]);
        Message {
            id: 7,
            is_response: true,
            truncated: false,
            questions: vec![Question::new(host(), kind::ANY, true)],
            answers: vec![
                Record::new(service(), kind::PTR, false, 4500, Data::Name(instance())),
                Record::new(instance(), kind::SRV, true, 120, Data::Srv { rank: [0; 4], port: 8443, target: host() }),
                Record::new(instance(), kind::TXT, true, 4500, Data::Bytes(b"\x06path=/".to_vec())),
            ],
            authority: vec![Record::new(host(), kind::A, true, 120, Data::A([192, 0, 2, 7].into()))],
            additional: vec![Record::new(host(), kind::AAAA, true, 0, Data::Aaaa("2001:db8::7".parse().unwrap()))],
        }
    }

    #[test]
    fn what_is_written_is_read_again_and_is_short() {
        let bytes = message().write();
        assert_eq!(Message::read(&bytes), Ok(Some(message())));
        assert_eq!(bytes.len(), 146, "names stand once");
        // Whoever ends it in the middle is told so, wherever that is.
        for end in 0..bytes.len() {
            assert_eq!(Message::read(&bytes[..end]), Err(MessageError::Short), "{end}");
        }
    }

    #[test]
    fn case_makes_no_difference_and_everything_else_does() {
        let name = |labels: &[&str]| Domain::new(labels);
        assert_eq!(name(&["CAKE-7", "Local"]), name(&["cake-7", "local"]));
        assert_ne!(name(&["cake-7", "local"]), name(&["cake", "7", "local"]));
        assert_eq!(name(&["a", "b"]).labels().collect::<Vec<_>>(), [b"a", b"b"]);
        assert_eq!(name(&[&"x".repeat(70)]).labels().next().unwrap().len(), 63);
    }

    #[test]
    fn hostile_names_and_counts_are_refused() {
        let head = |counts: [u8; 4]| [0, 0, 0, 0, 0, counts[0], 0, counts[1], 0, counts[2], 0, counts[3]].to_vec();
        let question = |name: &[u8]| [head([1, 0, 0, 0]), name.to_vec(), vec![0, 1, 0, 1]].concat();
        for (name, error) in [
            (&[0xc0, 12][..], MessageError::Name),
            (&[0xc0, 14, 0xc0, 12], MessageError::Name),
            (&[1, b'a', 0xc0, 12], MessageError::Name),
            (&[0x40, 0], MessageError::Name),
            (&[0xff, 0xff], MessageError::Name),
            (&[63, b'a'], MessageError::Short),
            (&[0xc0], MessageError::Short),
        ] {
            assert_eq!(Message::read(&question(name)), Err(error), "{name:?}");
        }
        let long: Vec<u8> = [&[63][..], &[b'a'; 63]].concat().repeat(4);
        assert_eq!(Message::read(&question(&long)), Err(MessageError::Name));
        assert_eq!(Message::read(&head([65, 0, 0, 0])), Err(MessageError::TooMuch));
        assert_eq!(Message::read(&head([0, 255, 2, 0])), Err(MessageError::TooMuch));
        assert_eq!(Message::read(&head([0, 255, 0, 0])), Err(MessageError::Short));
        assert_eq!(Message::read(&[0, 0, 0x28, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0]), Ok(None));
        // An address of five bytes; a name that goes on behind the data's end.
        let record = |kind: u8, data: &[u8], said: u8| {
            [head([0, 1, 0, 0]), vec![0, 0, kind, 0, 1, 0, 0, 0, 9, 0, said], data.to_vec()].concat()
        };
        assert_eq!(Message::read(&record(1, &[1; 5], 5)), Err(MessageError::Data));
        assert_eq!(Message::read(&record(12, &[3, b'a', b'b', b'c', 0], 3)), Err(MessageError::Short));
        assert!(Message::read(&record(1, &[1; 4], 4)).unwrap().is_some());
    }
}
