//! Reading BER (X.690 §8), as far as SNMP uses it: definite lengths, tags of one octet.

use crate::oid::{ARCS_MAX, Oid};

/// It is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

/// What is left to read.
#[derive(Clone, Copy)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next element: its tag and its content.
    pub fn element(&mut self) -> Result<(u8, &'a [u8]), Broken> {
        let (&tag, rest) = self.0.split_first().ok_or(Broken)?;
        // 0x1f: the tag goes on in the next octet, as none of SNMP's does.
        if tag & 0x1f == 0x1f {
            return Err(Broken);
        }
        let (&first, rest) = rest.split_first().ok_or(Broken)?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            // 0x80 is the indefinite form. Leading zeros are many agents' habit.
            0x81..=0x84 => {
                let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7f)).ok_or(Broken)?;
                (octets.iter().fold(0_usize, |length, octet| length << 8 | usize::from(*octet)), rest)
            }
            _ => return Err(Broken),
        };
        let (content, rest) = rest.split_at_checked(length).ok_or(Broken)?;
        self.0 = rest;
        Ok((tag, content))
    }

    pub fn content(&mut self, tag: u8) -> Result<&'a [u8], Broken> {
        match self.element()? {
            (found, content) if found == tag => Ok(content),
            _ => Err(Broken),
        }
    }

    pub fn integer(&mut self) -> Result<i32, Broken> {
        let number = signed(self.content(cake_planner::snmp::INTEGER)?)?;
        i32::try_from(number).map_err(|_| Broken)
    }
}

/// Two's complement (§8.3). More octets than it takes are some agents' habit.
pub fn signed(content: &[u8]) -> Result<i64, Broken> {
    let (first, _) = content.split_first().ok_or(Broken)?;
    if content.len() > 8 {
        return Err(Broken);
    }
    let sign = if *first >= 0x80 { -1 } else { 0 };
    Ok(content.iter().fold(sign, |number: i64, octet| number << 8 | i64::from(*octet)))
}

/// What has no sign. The first octet is zero where the number would look negative; some agents leave that out.
pub fn unsigned(content: &[u8]) -> Result<u64, Broken> {
    let digits = match content {
        [] => return Err(Broken),
        [0, rest @ ..] => rest,
        all => all,
    };
    if digits.len() > 8 {
        return Err(Broken);
    }
    Ok(digits.iter().fold(0, |number, octet| number << 8 | u64::from(*octet)))
}

/// §8.19; an arc is below 2³² (RFC 2578 §3.5).
pub fn object(content: &[u8]) -> Result<Oid, Broken> {
    let mut arcs: Vec<u32> = Vec::new();
    let (mut arc, mut open) = (0_u64, false);
    for octet in content {
        arc = arc << 7 | u64::from(octet & 0x7f);
        open = octet & 0x80 != 0;
        // The first number holds two arcs: 2³² + 80 is the largest.
        if arc > u64::from(u32::MAX) + 80 {
            return Err(Broken);
        }
        if open {
            continue;
        }
        if arcs.is_empty() {
            let first = (arc / 40).min(2);
            arcs.push(first as u32);
            arc -= 40 * first;
        }
        arcs.push(u32::try_from(arc).map_err(|_| Broken)?);
        arc = 0;
        if arcs.len() > ARCS_MAX {
            return Err(Broken);
        }
    }
    if open { Err(Broken) } else { Oid::new(arcs).ok_or(Broken) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_one_after_the_other() {
        let mut reader = Reader::new(&[2, 1, 5, 4, 0x81, 1, 7, 4, 0x82, 0, 2, 8, 9]);
        assert_eq!(reader.integer(), Ok(5));
        assert_eq!(reader.content(4), Ok(&[7][..]));
        assert_eq!(reader.content(4), Ok(&[8, 9][..]));
        assert!(reader.is_empty());
        for bad in [
            &[][..],
            &[2],
            &[2, 2, 1],
            &[2, 0x80],
            &[0x1f, 1, 1],
            &[2, 0x85, 0, 0, 0, 0, 1, 1],
            &[2, 0x84, 255, 255, 255, 255, 1],
        ] {
            assert_eq!(Reader::new(bad).element(), Err(Broken), "{bad:?}");
        }
    }

    #[test]
    fn numbers_with_and_without_a_sign() {
        assert_eq!(
            [&[0x7f][..], &[0x80], &[0xff, 0x7f], &[0, 0, 0, 0, 1]].map(|bytes| signed(bytes).unwrap()),
            [127, -128, -129, 1]
        );
        assert_eq!(
            [&[0x7f][..], &[0x80], &[0, 0x80], &[0xff; 4]].map(|bytes| unsigned(bytes).unwrap()),
            [127, 128, 128, 0xffff_ffff]
        );
        assert_eq!(unsigned(&[0, 255, 255, 255, 255, 255, 255, 255, 255]), Ok(u64::MAX));
        assert!(
            signed(&[]).is_err() && unsigned(&[]).is_err() && signed(&[0; 9]).is_err() && unsigned(&[1; 9]).is_err()
        );
    }

    #[test]
    fn names_come_back_as_they_were_written() {
        for arcs in
            [&[1, 3, 6, 1, 4, 1, 32473][..], &[2, 999, 3], &[1, 0, 8802, 1, 1, 2], &[2, u32::MAX, 0, 1], &[0, 0]]
        {
            let written = cake_planner::snmp::object(arcs);
            let content = Reader::new(&written).content(6).unwrap();
            assert_eq!(object(content).unwrap().arcs(), arcs);
        }
        for bad in [&[][..], &[0x2b, 0x86], &[0x2b, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], &[1; 200]] {
            assert_eq!(object(bad), Err(Broken), "{bad:?}");
        }
    }
}
