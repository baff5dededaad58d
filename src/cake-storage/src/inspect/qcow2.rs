//! The header of a qcow2 file (QEMU, docs/interop/qcow2.rst). Numbers are big-endian.

use super::{Found, Refusal, Source, believable, read};

/// Version 3's header, of which version 2 has the first 72 bytes.
const HEADER_V2: usize = 72;
const HEADER_V3: usize = 104;
/// Incompatible features: a file for the data of its own.
const EXTERNAL_DATA: u64 = 1 << 2;
/// Incompatible features that QEMU 10 knows: dirty, corrupt, external data, compression type, extended L2.
const KNOWN: u64 = 0b1_1111;

pub(super) fn inspect<S: Source + ?Sized>(source: &S) -> Result<Found, Refusal> {
    let header: [u8; HEADER_V2] = read(source, 0)?;
    let word = |at: usize| u32::from_be_bytes(header[at..at + 4].try_into().unwrap_or_default());
    let long = |at: usize| u64::from_be_bytes(header[at..at + 8].try_into().unwrap_or_default());
    let (version, backing, cluster_bits, virtual_size, encryption) = (word(4), long(8), word(20), long(24), word(32));
    if !matches!(version, 2 | 3) {
        return Err(broken("its version is neither 2 nor 3"));
    }
    if backing != 0 || word(16) != 0 {
        return Err(Refusal::NamesFiles { format: "qcow2", what: "a backing file" });
    }
    if !(9..=21).contains(&cluster_bits) {
        return Err(broken("its cluster size is impossible"));
    }
    if encryption != 0 {
        return Err(Refusal::Encrypted("qcow2"));
    }
    if version == 3 {
        check_features(source)?;
    }
    Ok(Found::Qcow2 { version, virtual_size: believable("qcow2", virtual_size)? })
}

const fn broken(what: &'static str) -> Refusal {
    Refusal::Broken { format: "qcow2", what }
}

fn check_features<S: Source + ?Sized>(source: &S) -> Result<(), Refusal> {
    let header: [u8; HEADER_V3] = read(source, 0)?;
    let incompatible = u64::from_be_bytes(header[72..80].try_into().unwrap_or_default());
    if incompatible & EXTERNAL_DATA != 0 {
        return Err(Refusal::NamesFiles { format: "qcow2", what: "a data file" });
    }
    if incompatible & !KNOWN != 0 {
        return Err(broken("it uses features that are not known"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::inspect;
    use super::*;

    fn header(version: u32, backing: u64, size: u64, features: u64) -> Vec<u8> {
        let mut bytes = vec![0; HEADER_V3];
        bytes[..4].copy_from_slice(b"QFI\xfb");
        bytes[4..8].copy_from_slice(&version.to_be_bytes());
        bytes[8..16].copy_from_slice(&backing.to_be_bytes());
        bytes[20..24].copy_from_slice(&16u32.to_be_bytes());
        bytes[24..32].copy_from_slice(&size.to_be_bytes());
        bytes[72..80].copy_from_slice(&features.to_be_bytes());
        bytes
    }

    #[test]
    fn headers() {
        let size = 2 << 30;
        let found = inspect(&header(3, 0, size, 0)[..]).unwrap();
        assert_eq!(found, Found::Qcow2 { version: 3, virtual_size: size });
        for (bytes, reason) in [
            (header(4, 0, size, 0), "qcow2: its version is neither 2 nor 3"),
            (header(3, 104, size, 0), "qcow2: it names a backing file"),
            (header(3, 0, 0, 0), "qcow2: its size is impossible"),
            (header(3, 0, u64::MAX, 0), "qcow2: its size is impossible"),
            (header(3, 0, size, EXTERNAL_DATA), "qcow2: it names a data file"),
            (header(3, 0, size, 1 << 40), "qcow2: it uses features that are not known"),
        ] {
            assert_eq!(inspect(&bytes[..]).unwrap_err().to_string(), reason);
        }
        assert!(matches!(inspect(&header(3, 0, size, 0)[..80]), Err(Refusal::CutShort)));
    }
}
