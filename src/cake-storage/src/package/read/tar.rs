//! Where the files of a tar lie (POSIX.1 pax: ustar interchange format, and its extended headers), and nothing but files. GNU's
//! numbers in base 256 are read, because sizes from 8 GiB on are written so.

use super::broken;
use crate::inspect::{Refusal, Source, read};
use crate::stick::misleads;

const BLOCK: u64 = 512;
/// Most files, and most headers that describe them.
const MEMBERS_MAX: usize = 512;
const HEADERS_MAX: usize = 2 * MEMBERS_MAX;
/// Longest extended header that is read, in bytes.
const EXTENDED_MAX: u64 = 8 << 10;
const NAME_MAX: usize = 255;

/// A file in a tar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub name: String,
    /// Of its first byte.
    pub offset: u64,
    pub length: u64,
}

impl Member {
    pub(super) fn ends_with(&self, ending: &str) -> bool {
        let tail = self.name.len().checked_sub(ending.len()).and_then(|at| self.name.get(at..));
        tail.is_some_and(|tail| tail.eq_ignore_ascii_case(ending))
    }
}

/// Whether a tar begins there.
pub(crate) fn is_one<S: Source + ?Sized>(source: &S) -> Result<bool, Refusal> {
    match read::<512, S>(source, 0) {
        Ok(block) => Ok(&block[257..262] == b"ustar" && sum_is_right(&block)),
        Err(Refusal::CutShort) => Ok(false),
        Err(refusal) => Err(refusal),
    }
}

/// Whether its first file is an OVF descriptor (DSP0243 §5.3); all of the others are looked at later.
pub(crate) fn begins_with_a_description<S: Source + ?Sized>(source: &S) -> Result<(), Refusal> {
    let first = Walk::new(source)?.next().transpose()?;
    first.filter(|first| first.ends_with(".ovf")).map(|_| ()).ok_or(Refusal::Archive)
}

/// All files.
pub fn list<S: Source + ?Sized>(source: &S) -> Result<Vec<Member>, Refusal> {
    let mut members = Vec::<Member>::new();
    for member in Walk::new(source)? {
        let member = member?;
        if members.len() == MEMBERS_MAX {
            return Err(broken("there are too many files in it"));
        }
        if members.iter().any(|other| other.name == member.name) {
            return Err(broken("two files in it have one name"));
        }
        members.push(member);
    }
    Ok(members)
}

/// From header to header.
struct Walk<'a, S: ?Sized> {
    source: &'a S,
    size: u64,
    at: u64,
    headers: usize,
    over: bool,
}

/// What an extended header says of the file behind it.
#[derive(Default)]
struct Said {
    name: Option<String>,
    length: Option<u64>,
}

impl<'a, S: Source + ?Sized> Walk<'a, S> {
    fn new(source: &'a S) -> Result<Self, Refusal> {
        Ok(Self { source, size: source.size()?, at: 0, headers: 0, over: false })
    }

    fn step(&mut self) -> Result<Option<Member>, Refusal> {
        let mut said = Said::default();
        loop {
            if self.at >= self.size {
                return Ok(None);
            }
            self.headers += 1;
            if self.headers > HEADERS_MAX {
                return Err(broken("there are too many files in it"));
            }
            let block: [u8; 512] = read(self.source, self.at)?;
            if block.iter().all(|byte| *byte == 0) {
                return Ok(None);
            }
            if !sum_is_right(&block) {
                return Err(broken("a header of its archive is damaged"));
            }
            let length = said.length.take().map_or_else(|| number(&block[124..136]), Ok)?;
            let offset = self.at + BLOCK;
            let end = length.checked_next_multiple_of(BLOCK).and_then(|padded| offset.checked_add(padded));
            self.at = end.filter(|end| *end <= self.size).ok_or(Refusal::CutShort)?;
            match block[156] {
                b'0' | 0 => {
                    let name = said.name.take().map_or_else(|| name(&block), Ok)?;
                    return Ok(Some(Member { name: checked(&name)?, offset, length }));
                }
                b'x' => said = self.extended(offset, length)?,
                // Said of all files; nothing of it is needed.
                b'g' => {}
                _ => return Err(broken("there is something in it that is no file")),
            }
        }
    }

    /// Records as `LENGTH KEY=VALUE` and a new line, of which two matter.
    fn extended(&self, offset: u64, length: u64) -> Result<Said, Refusal> {
        let wrong = || broken("an extended header of its archive is damaged");
        if length > EXTENDED_MAX {
            return Err(wrong());
        }
        let mut bytes = vec![0; length as usize];
        self.source.read_exact_at(&mut bytes, offset)?;
        let (mut said, mut rest) = (Said::default(), &bytes[..]);
        while !rest.is_empty() {
            let space = rest.iter().position(|byte| *byte == b' ').ok_or_else(wrong)?;
            let count: usize =
                std::str::from_utf8(&rest[..space]).ok().and_then(|n| n.parse().ok()).ok_or_else(wrong)?;
            let record = rest.get(space + 1..count).and_then(|record| record.strip_suffix(b"\n")).ok_or_else(wrong)?;
            let (key, value) =
                std::str::from_utf8(record).ok().and_then(|text| text.split_once('=')).ok_or_else(wrong)?;
            match key {
                "path" => said.name = Some(value.to_owned()),
                "size" => said.length = Some(value.parse().map_err(|_| wrong())?),
                _ => {}
            }
            rest = &rest[count..];
        }
        Ok(said)
    }
}

impl<S: Source + ?Sized> Iterator for Walk<'_, S> {
    type Item = Result<Member, Refusal>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let step = self.step();
        self.over = !matches!(step, Ok(Some(_)));
        step.transpose()
    }
}

/// The sum of all bytes, those of the sum itself counted as spaces.
fn sum_is_right(block: &[u8; 512]) -> bool {
    let sum: u64 =
        block.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) }).sum();
    number(&block[148..156]).is_ok_and(|said| said == sum)
}

/// Octal, or in base 256 where the first bit is set.
fn number(field: &[u8]) -> Result<u64, Refusal> {
    let wrong = || broken("a number of its archive is none");
    if let Some((first @ (0x80 | 0xff), rest)) = field.split_first() {
        if *first == 0xff {
            return Err(wrong());
        }
        return rest
            .iter()
            .try_fold(0u64, |sum, byte| sum.checked_mul(256)?.checked_add((*byte).into()))
            .ok_or_else(wrong);
    }
    let digits: Vec<u8> =
        field.iter().copied().skip_while(|byte| *byte == b' ').take_while(|byte| !matches!(byte, 0 | b' ')).collect();
    let text = std::str::from_utf8(&digits).map_err(|_| wrong())?;
    if text.is_empty() { Ok(0) } else { u64::from_str_radix(text, 8).map_err(|_| wrong()) }
}

fn name(block: &[u8; 512]) -> Result<String, Refusal> {
    let text = |field: &[u8]| {
        let bytes: Vec<u8> = field.iter().copied().take_while(|byte| *byte != 0).collect();
        String::from_utf8(bytes).map_err(|_| broken("a name in its archive is no UTF-8"))
    };
    let name = text(&block[..100])?;
    // GNU keeps something else where POSIX keeps the folder.
    let folder = if block[262] == 0 { text(&block[345..500])? } else { String::new() };
    Ok(if folder.is_empty() { name } else { format!("{folder}/{name}") })
}

/// A name that can be of a file beside the descriptor, and means nothing else anywhere.
fn checked(name: &str) -> Result<String, Refusal> {
    let name = name.strip_prefix("./").unwrap_or(name);
    let strange = |c: char| matches!(c, '/' | '\\') || misleads(c);
    if name.is_empty() || name.len() > NAME_MAX || matches!(name, "." | "..") || name.chars().any(strange) {
        return Err(broken("a name in its archive is impossible"));
    }
    Ok(name.to_owned())
}
