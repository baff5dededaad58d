//! What must hold for whatever is on an ESP or comes as a block index. Shared by the fuzz targets and by their replay on stable Rust.
#![allow(dead_code)] // Each target is a program of its own and takes one function of this file.

use cake_update::Version;
use cake_update::blocks::{BlockIndex, Piece, Seeds, plan};
use cake_update::slots::{SlotName, Standing, removable, standings};
use cake_update::uki::{self, Maker};
use std::collections::BTreeSet;

/// Names of files, a line each; the first line is the version that runs, the second the new one.
pub fn names(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    let mut version = || lines.next().and_then(|line| line.parse::<Version>().ok());
    let (running, new) = (version(), version());
    // A folder has each name once.
    let files: BTreeSet<&str> = lines.collect();
    let slots: Vec<SlotName> = files.into_iter().filter_map(SlotName::parse).collect();
    for slot in &slots {
        assert_eq!(SlotName::parse(slot.file()).as_ref(), Some(slot), "it is read as it was");
        assert!(!slot.file().contains(['/', '\0']), "it stays in its folder");
        assert_eq!(SlotName::parse(SlotName::blessed(&slot.version).file()).expect("a name").version, slot.version);
    }
    let standings = standings(&slots, running.as_ref());
    assert_eq!(standings.len(), slots.len());
    let Some(new) = new else { return };
    let gone = removable(&slots, running.as_ref(), &new);
    let stays = |slot: &&SlotName| !gone.contains(slot);
    for (slot, standing) in slots.iter().zip(standings) {
        assert!(standing != Standing::Running || stays(&slot), "the running one goes");
    }
    assert_eq!(slots.iter().any(|slot| !slot.is_bad()), slots.iter().filter(stays).any(|slot| !slot.is_bad()));
    assert_eq!(slots.iter().any(SlotName::is_blessed), slots.iter().filter(stays).any(SlotName::is_blessed));
}

/// A block index.
pub fn blocks(bytes: &[u8]) {
    let Ok(index) = BlockIndex::decode(bytes) else { return };
    assert_eq!(index.encode(), bytes, "one file has one index");
    let mut end = 0;
    for block in index.blocks() {
        assert_eq!(block.offset, end, "without gaps");
        end += u64::from(block.length);
    }
    assert_eq!(index.size(), end);
    let mut next = 0;
    for piece in plan(&index, |at| at % 3 == 0) {
        let range = match piece {
            Piece::Copy(at) => at..at + 1,
            Piece::Fetch(range) => range,
        };
        assert_eq!(range.start, next);
        next = range.end;
    }
    assert_eq!(next, index.blocks().len());
    let seeds = Seeds::pure(&index);
    assert!(index.blocks().iter().filter(|block| seeds.has(block)).count() > 0 || index.blocks().is_empty());
}

/// Of a key that signed one file of the corpus and was thrown away.
const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----\n\
MIIDATCCAemgAwIBAgIUFEFnyZ3YAEtLhtVkgx2/sPD6VGMwDQYJKoZIhvcNAQEL\n\
BQAwDzENMAsGA1UEAwwEZnV6ejAgFw0yNjExMjgxNTU5NDNaGA8yMTI2MTEwNDE1\n\
NTk0M1owDzENMAsGA1UEAwwEZnV6ejCCASIwDQYJKoZIhvcNAQEBBQADggEPADCC\n\
AQoCggEBAJyVnsDImiwUc8CjWXR/mIAYz/zpfTg1/0cXQAncfXdtGbdR91jdqrtw\n\
eajKX18SufdGabqktVhEz2os38YBf0JSGcv22EQcCbZi+xpCvWeUvNQ0IJlKUStf\n\
Cqjj4gPEeBn5zgpf9H9CpMu994qN1DOEMh5N6A2niq/1mjOw5TVFmSUmC/g3sYYa\n\
/FFpXgm4N1+xrgR66axqYDlxBZe724/4PDrPvI5GhDvtzvax2IfVevQgyfVHXDUD\n\
05UnnnP5GNYgszf7UzMRx8OSdKxY5jLt4Gk/pVtgEMcTMwzsECQGfBz8/03o7SJY\n\
wT0eXjyPNEPYxMBhLHD0jkdSS2YplpUCAwEAAaNTMFEwHQYDVR0OBBYEFNDiLbYN\n\
RFkX6nmiK7ugly2sdrKyMB8GA1UdIwQYMBaAFNDiLbYNRFkX6nmiK7ugly2sdrKy\n\
MA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQELBQADggEBAAKl2Co6/cidqcGm\n\
wmfQ90nJWlflAmYGkGTW0TvLUCPZss0mWmZ0dmnMyTZZ5MHTVb+2ASZQYZpYdRDv\n\
BHvraj+ZzBhACCdFzEfJpfOuCJ1EM+v873M9cQWcFFWzT4ZZtW+76+Nq+8WoIKFR\n\
DvHgXmCCJ+kcGHa8eVRHucdXizkTAQ6XxIEUZc0YGEcKeCDfIp8b59NqZcN6dDpV\n\
XYNsXExFW6a1vZXaLbmtu3SZF5B5wJgdBRB1RyW9lJJE0+pkG5vKhx/0Mno0C89L\n\
szfzqizEKW6jLjoQnmmzeZrnsQnPwGRqKjvFrjP/6nVRlBTbkR4oUJVot6LH5L+9\n\
qho9ulo=\n\
-----END CERTIFICATE-----\n";

/// A signed file: whatever it is, nothing outside of it is read, and it is not taken for what the maker signed.
pub fn uki(bytes: &[u8]) {
    let maker = Maker::new(CERTIFICATE.as_bytes()).expect("a certificate");
    let seen = uki::look(bytes);
    match uki::verify(bytes, &maker) {
        // Nobody has the key any more, so only what was signed with it, which is in the corpus, can pass.
        Ok(verified) => {
            assert_eq!(verified.version, "0.3.0");
            assert_eq!(seen.expect("what is signed can be seen").below, verified.below);
            let root = verified.root(bytes).expect("a root");
            assert_eq!(&bytes[root.start as usize..root.end as usize], b"a squashfs");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let archive = 0..bytes.len() as u64;
    if let Ok(Some(found)) = uki::archive::find(bytes, &archive, "root.squashfs") {
        assert!(found.start <= found.end && found.end <= archive.end);
    }
}
