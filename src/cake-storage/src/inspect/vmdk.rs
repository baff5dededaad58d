//! VMware's disks in one file: the header of a sparse extent and the descriptor in it (VMware, Virtual Disk Format 5.0). A
//! descriptor that is a file of its own names others, and is refused. Numbers are little-endian.

use super::{Found, Refusal, Source, believable, le16, le32, le64, read};

const HEADER: usize = 79;
/// As much of a descriptor as whoever opens the file looks at.
const DESCRIPTOR: usize = 20 * 512;
/// Written by "parentCID" where there is no parent.
const NO_PARENT: &str = "ffffffff";

const fn broken(what: &'static str) -> Refusal {
    Refusal::Broken { format: "VMDK", what }
}

/// A descriptor alone.
pub(super) const fn described() -> Refusal {
    Refusal::NamesFiles { format: "VMDK", what: "the files of its disk" }
}

pub(super) fn inspect<S: Source + ?Sized>(source: &S) -> Result<Found, Refusal> {
    let header: [u8; HEADER] = read(source, 0)?;
    if !matches!(le32(&header, 4), 1..=3) {
        return Err(broken("its version is neither 1, 2 nor 3"));
    }
    let (capacity, grain) = (le64(&header, 12), le64(&header, 20));
    // Without a size it is read by its descriptor alone, and that can name any file.
    if capacity == 0 {
        return Err(described());
    }
    if !grain.is_power_of_two() || !(8..=128 * 1024).contains(&grain) {
        return Err(broken("its grain size is impossible"));
    }
    if le16(&header, 77) > 1 {
        return Err(broken("its compression is not known"));
    }
    let virtual_size = believable("VMDK", capacity.saturating_mul(512))?;
    match le64(&header, 28) {
        0 => {}
        sector => check_descriptor(source, sector.checked_mul(512).ok_or(Refusal::CutShort)?)?,
    }
    Ok(Found::Vmdk { virtual_size })
}

/// One extent, this file, and no parent.
fn check_descriptor<S: Source + ?Sized>(source: &S, at: u64) -> Result<(), Refusal> {
    let there = source.size()?.checked_sub(at).ok_or(Refusal::CutShort)?;
    let mut bytes = vec![0; DESCRIPTOR.min(usize::try_from(there).unwrap_or(DESCRIPTOR))];
    source.read_exact_at(&mut bytes, at)?;
    let text = String::from_utf8_lossy(&bytes);
    let value = |line: &str, name: &str| {
        let (key, value) = line.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"').to_ascii_lowercase())
    };
    if text.to_ascii_lowercase().contains("parentfilenamehint") {
        return Err(Refusal::NamesFiles { format: "VMDK", what: "a parent" });
    }
    let mut extents = 0;
    for line in text.split(['\n', '\r', '\0']) {
        if value(line, "parentCID").is_some_and(|parent| parent != NO_PARENT) {
            return Err(Refusal::NamesFiles { format: "VMDK", what: "a parent" });
        }
        extents +=
            usize::from(["RW ", "RDONLY ", "NOACCESS "].iter().any(|access| line.trim_start().starts_with(access)));
    }
    if extents > 1 { Err(described()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::super::inspect;
    use super::*;

    fn disk(version: u32, capacity: u64, descriptor: &str) -> Vec<u8> {
        let mut bytes = vec![0; 512 + DESCRIPTOR];
        bytes[..4].copy_from_slice(b"KDMV");
        bytes[4..8].copy_from_slice(&version.to_le_bytes());
        bytes[12..20].copy_from_slice(&capacity.to_le_bytes());
        bytes[20..28].copy_from_slice(&128u64.to_le_bytes());
        bytes[28..36].copy_from_slice(&1u64.to_le_bytes());
        bytes[512..512 + descriptor.len()].copy_from_slice(descriptor.as_bytes());
        bytes
    }

    const GOOD: &str = "# Disk DescriptorFile\nCID=1\nparentCID=ffffffff\ncreateType=\"streamOptimized\"\n\
                        RDONLY 2048 SPARSE \"disk.vmdk\"\n";

    #[test]
    fn disks() {
        assert_eq!(inspect(&disk(3, 2048, GOOD)[..]).unwrap(), Found::Vmdk { virtual_size: 1 << 20 });
        let parent = GOOD.replace("parentCID=ffffffff", "parentCID=00000001");
        let hint = format!("{GOOD}parentFileNameHint=\"/etc/shadow\"\n");
        let second = format!("{GOOD}RW 2048 FLAT \"/etc/shadow\" 0\n");
        for (bytes, reason) in [
            (disk(9, 2048, GOOD), "VMDK: its version is neither 1, 2 nor 3"),
            (disk(1, 0, GOOD), "VMDK: it names the files of its disk"),
            (disk(1, u64::MAX, GOOD), "VMDK: its size is impossible"),
            (disk(1, 2048, &parent), "VMDK: it names a parent"),
            (disk(1, 2048, &hint), "VMDK: it names a parent"),
            (disk(1, 2048, &second), "VMDK: it names the files of its disk"),
            (b"# Disk DescriptorFile\nRW 1 FLAT \"/etc/shadow\" 0\n".to_vec(), "VMDK: it names the files of its disk"),
        ] {
            assert_eq!(inspect(&bytes[..]).unwrap_err().to_string(), reason);
        }
        assert!(matches!(inspect(&disk(1, 2048, GOOD)[..60]), Err(Refusal::CutShort)));
    }
}
