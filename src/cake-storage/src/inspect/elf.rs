//! The PVH entry of an ELF kernel: a note of the name `Xen` and the type 18 (Xen, public/elfnote.h: XEN_ELFNOTE_PHYS32_ENTRY).
//! Numbers are little-endian.

use super::{Found, Refusal, Source, read};

const PT_NOTE: u32 = 4;
const PHYS32_ENTRY: u32 = 18;
/// More program headers than any kernel has.
const MOST_SEGMENTS: u16 = 64;
/// Notes beyond are not looked at, in bytes.
const MOST_NOTES: u64 = 64 * 1024;

const fn broken(what: &'static str) -> Refusal {
    Refusal::Broken { format: "ELF", what }
}

/// The few fields of a program header that matter.
struct Segment {
    kind: u32,
    offset: u64,
    size: u64,
}

pub(super) fn inspect<S: Source + ?Sized>(source: &S) -> Result<Found, Refusal> {
    let identity: [u8; 20] = read(source, 0)?;
    let wide = match identity[4] {
        1 => false,
        2 => true,
        _ => return Err(broken("it is neither 32 nor 64 bits wide")),
    };
    if identity[5] != 1 {
        return Err(broken("it is not little-endian"));
    }
    // EM_386, EM_X86_64
    if !matches!(u16::from_le_bytes([identity[18], identity[19]]), 3 | 62) {
        return Err(broken("it is for another processor"));
    }
    for segment in segments(source, wide)? {
        let segment = segment?;
        if segment.kind == PT_NOTE
            && let Some(entry) = entry(source, &segment)?
        {
            return Ok(Found::Kernel { entry });
        }
    }
    Err(broken("it has no PVH entry"))
}

fn segments<S: Source + ?Sized>(
    source: &S,
    wide: bool,
) -> Result<impl Iterator<Item = Result<Segment, Refusal>>, Refusal> {
    let (table, size, count) = if wide {
        (
            u64::from_le_bytes(read(source, 32)?),
            u16::from_le_bytes(read(source, 54)?),
            u16::from_le_bytes(read(source, 56)?),
        )
    } else {
        let table: [u8; 4] = read(source, 28)?;
        (u32::from_le_bytes(table).into(), u16::from_le_bytes(read(source, 42)?), u16::from_le_bytes(read(source, 44)?))
    };
    if count > MOST_SEGMENTS || size < if wide { 56 } else { 32 } {
        return Err(broken("its program headers are impossible"));
    }
    Ok((0..u64::from(count)).map(move |index| {
        let at = table.checked_add(index * u64::from(size)).ok_or(Refusal::CutShort)?;
        if wide {
            let header: [u8; 40] = read(source, at)?;
            let long = |at: usize| u64::from_le_bytes(header[at..at + 8].try_into().unwrap_or_default());
            Ok(Segment { kind: long(0) as u32, offset: long(8), size: long(32) })
        } else {
            let header: [u8; 20] = read(source, at)?;
            let word = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().unwrap_or_default());
            Ok(Segment { kind: word(0), offset: word(4).into(), size: word(16).into() })
        }
    }))
}

/// Walks a segment's notes.
fn entry<S: Source + ?Sized>(source: &S, segment: &Segment) -> Result<Option<u32>, Refusal> {
    let end = segment.size.min(MOST_NOTES);
    let mut at = 0u64;
    while at + 12 <= end {
        let place = segment.offset.checked_add(at).ok_or(Refusal::CutShort)?;
        let header: [u8; 12] = read(source, place)?;
        let word = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().unwrap_or_default());
        let (name, value, kind) = (u64::from(word(0)), u64::from(word(4)), word(8));
        let padded = |length: u64| length.next_multiple_of(4);
        if kind == PHYS32_ENTRY && name == 4 && matches!(value, 4 | 8) {
            let note: [u8; 8] = read(source, place.checked_add(12).ok_or(Refusal::CutShort)?)?;
            if &note[..4] == b"Xen\0" {
                return Ok(Some(u32::from_le_bytes([note[4], note[5], note[6], note[7]])));
            }
        }
        at += 12 + padded(name) + padded(value);
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::super::inspect;
    use super::*;

    /// A 64-bit file with one segment of notes.
    fn kernel(note: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 64 + 56];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[18..20].copy_from_slice(&62u16.to_le_bytes());
        bytes[32..40].copy_from_slice(&64u64.to_le_bytes());
        bytes[54..58].copy_from_slice(&[56, 0, 1, 0]);
        bytes[64..68].copy_from_slice(&PT_NOTE.to_le_bytes());
        bytes[72..80].copy_from_slice(&120u64.to_le_bytes());
        bytes[96..104].copy_from_slice(&(note.len() as u64).to_le_bytes());
        bytes.extend(note);
        bytes
    }

    fn note(name: &[u8], kind: u32, value: u32) -> Vec<u8> {
        let numbers = [name.len() as u32, 4, kind];
        let mut bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        bytes.extend(name);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes.extend(value.to_le_bytes());
        bytes
    }

    #[test]
    fn kernels() {
        let notes = [note(b"GNU\0", 1, 7), note(b"Xen\0", PHYS32_ENTRY, 0x10_0000)].concat();
        assert_eq!(inspect(&kernel(&notes)[..]).unwrap(), Found::Kernel { entry: 0x10_0000 });
        for (bytes, reason) in [
            (kernel(&note(b"GNU\0", PHYS32_ENTRY, 7)), "ELF: it has no PVH entry"),
            (kernel(&[0xff; 12]), "ELF: it has no PVH entry"),
            ([&b"\x7fELF\x03\x01"[..], &[0; 99]].concat(), "ELF: it is neither 32 nor 64 bits wide"),
        ] {
            assert_eq!(inspect(&bytes[..]).unwrap_err().to_string(), reason);
        }
        assert!(matches!(inspect(&kernel(&notes)[..130]), Err(Refusal::CutShort)));
    }
}
