//! What a server refuses.

mod support;

use cake_release::{Keys, Purpose, Terms};
use cake_update::{Anchor, Directory, Policy, RepositoryError, SourceError, Trust, UpdateError};
use chrono::TimeDelta;
use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};
use support::{Maker, Server, TEST, firmware, now, version};
use tuf::crypto::{Ed25519PrivateKey, HashAlgorithm};
use tuf::metadata::{MetadataDescription, SignedMetadata, TimestampMetadata};
use tuf::pouf::Pouf1;

/// A maker with release 0.2.0 and a server that runs 0.1.0.
fn both() -> (Maker, Server) {
    let (old, new) = firmware(600 << 10);
    let maker = Maker::new();
    maker.release("0.2.0", &new);
    let server = Server::new(&maker, 1, ("0.1.0", &old));
    (maker, server)
}

fn refused(result: Result<impl Sized, UpdateError>) -> RepositoryError {
    match result {
        Err(UpdateError::Repository(error)) => error,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was not refused"),
    }
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).expect("a file");
    bytes[at] ^= 1;
    fs::write(path, bytes).expect("a file");
}

#[test]
fn an_expired_timestamp_is_refused_and_says_until_when() {
    let (maker, server) = both();
    let later = SystemTime::from(now()) + Duration::from_secs(31 * 24 * 3600);
    let error = refused(server.updater.check(&maker.source(), later, &Default::default()));
    assert!(matches!(error, RepositoryError::Expired { role: "timestamp", .. }), "{error}");
    assert!(error.to_string().contains("set the clock"), "{error}");
    // Its maker signs it again, and all is well.
    let timestamp_expires = now() + TimeDelta::days(60);
    maker.sign(&[], &Terms { timestamp_expires, ..maker.terms() });
    server.updater.check(&maker.source(), later, &Default::default()).expect("an offer");
}

#[test]
fn an_older_repository_is_refused() {
    let (maker, server) = both();
    let older = tempfile::tempdir().expect("a folder");
    maker.copy_to(older.path());
    maker.release("0.3.0", b"newer");
    server.check(&maker.source()).expect("an offer");
    let error = refused(server.check(&Directory::new(older.path())));
    assert!(matches!(error, RepositoryError::RolledBack { role: "timestamp", seen: 2, offered: 1 }), "{error}");
}

/// Who has the timestamp's key alone can bring back nothing.
#[test]
fn an_older_snapshot_under_a_newer_timestamp_is_refused() {
    let (maker, server) = both();
    maker.release("0.3.0", b"newer");
    server.check(&maker.source()).expect("an offer");
    let snapshot = fs::read(maker.repository().join("metadata/1.snapshot.json")).expect("the older one");
    let snapshot = MetadataDescription::from_slice(&snapshot, 1, &[HashAlgorithm::Sha256]).expect("described");
    let timestamp =
        TimestampMetadata::new(9, now() + TimeDelta::days(30), snapshot, HashMap::new()).expect("a timestamp");
    let key = fs::read(maker.folder.path().join("keys/test-timestamp.pem")).expect("the key");
    let key = Ed25519PrivateKey::from_pkcs8(pem::parse(key).expect("PEM").contents()).expect("a key");
    let raw = SignedMetadata::<Pouf1, _>::new(&timestamp, &key).and_then(|signed| signed.to_raw()).expect("signed");
    fs::write(maker.repository().join("metadata/timestamp.json"), raw.as_bytes()).expect("written");
    let error = refused(server.check(&maker.source()));
    assert!(matches!(error, RepositoryError::RolledBack { role: "snapshot", seen: 2, offered: 1 }), "{error}");
}

#[test]
fn changed_metadata_is_refused() {
    for (file, role) in
        [("timestamp.json", "timestamp"), ("1.snapshot.json", "snapshot"), ("1.targets.json", "targets")]
    {
        let (maker, server) = both();
        let path = maker.repository().join("metadata").join(file);
        let text = fs::read_to_string(&path).expect("JSON").replacen("\"version\":1", "\"version\":7", 1);
        fs::write(&path, text).expect("written");
        match refused(server.check(&maker.source())) {
            RepositoryError::NotSigned { role: told, .. } | RepositoryError::Mixed { role: told } => {
                assert_eq!(told, role)
            }
            other => panic!("{file}: {other}"),
        }
        fs::remove_file(&path).expect("gone");
        let error = refused(server.check(&maker.source()));
        assert!(matches!(error, RepositoryError::NoRole { .. }), "{file}: {error}");
    }
}

#[test]
fn a_changed_image_never_becomes_a_slot() {
    let (maker, server) = both();
    // A byte of what is fetched: the middle has other bytes than the running version.
    flip(&maker.stored("cake_0.2.0.efi"), 320 << 10);
    let error = server.update(&maker.source(), "0.2.0").expect_err("tampered");
    assert!(matches!(error, UpdateError::Tampered(_)), "{error}");
    assert_eq!(server.slots(), [["cake_0.1.0.efi"]]);
}

#[test]
fn a_changed_block_index_is_refused() {
    let (maker, server) = both();
    flip(&maker.stored("cake_0.2.0.blocks"), 100);
    let error = server.update(&maker.source(), "0.2.0").expect_err("tampered");
    assert!(matches!(error, UpdateError::Tampered(_)), "{error}");
    assert_eq!(server.files(0), ["cake_0.1.0.efi"], "nothing is written before it is known");
}

#[test]
fn a_file_that_ends_too_early_or_is_missing_is_told() {
    let (maker, server) = both();
    let path = maker.stored("cake_0.2.0.efi");
    let bytes = fs::read(&path).expect("the image");
    fs::write(&path, &bytes[..310 << 10]).expect("shorter");
    let error = server.update(&maker.source(), "0.2.0").expect_err("truncated");
    assert!(matches!(error, UpdateError::Source(SourceError::Truncated { .. })), "{error}");
    fs::remove_file(&path).expect("gone");
    let error = server.update(&maker.source(), "0.2.0").expect_err("missing");
    assert!(matches!(error, UpdateError::Source(SourceError::Missing { .. })), "{error}");
    fs::write(&path, bytes).expect("as it was");
    server.update(&maker.source(), "0.2.0").expect("updated");
}

#[test]
fn there_is_no_way_back_to_what_is_known_to_be_bad() {
    let (maker, server) = both();
    maker.release("0.2.1", b"a bad one");
    maker.release("0.1.9", b"an old one");
    maker.forbid(Policy { minimum: Some(version("0.2.0")), bad: vec![version("0.2.1")] });
    let offer = server.check(&maker.source()).expect("an offer");
    assert_eq!(offer.releases.len(), 3);
    assert_eq!(offer.newest().map(|release| release.version.as_str()), Some("0.2.0"));
    let error = refused(server.update(&maker.source(), "0.2.1"));
    assert!(matches!(error, RepositoryError::KnownBad(_)), "{error}");
    let error = refused(server.update(&maker.source(), "0.1.9"));
    assert!(matches!(error, RepositoryError::TooOld { .. }), "{error}");
    // It is remembered for going back without a repository, and the next release keeps it.
    maker.release("0.2.2", b"a good one");
    maker.forbid(Policy { minimum: Some(version("0.1.0")), bad: vec![version("0.2.0")] });
    server.check(&maker.source()).expect("an offer");
    let policy = server.updater.memory.policy().expect("remembered");
    let allowed = ["0.1.9", "0.2.0", "0.2.1", "0.2.2"].map(|text| policy.allows(&version(text)).is_ok());
    assert_eq!(allowed, [false, false, false, true]);
}

#[test]
fn keys_can_be_replaced() {
    let (mut maker, server) = both();
    server.check(&maker.source()).expect("an offer");
    let until = now() + TimeDelta::days(3650);
    maker.keys.rotate(&["root", "targets", "snapshot", "timestamp"], until).expect("rotated");
    maker.sign(&[], &maker.terms());
    maker.keys = Keys::open(&maker.folder.path().join("keys")).expect("the same keys");
    maker.keys.rotate(&["root"], until).expect("rotated again");
    maker.release("0.3.0", b"newer");
    let offer = server.check(&maker.source()).expect("an offer");
    assert_eq!(offer.newest().map(|release| release.version.as_str()), Some("0.3.0"));
    // What was signed with the old keys is refused, even where nobody shows the new roots.
    for number in [2, 3] {
        fs::remove_file(maker.repository().join(format!("metadata/{number}.root.json"))).expect("gone");
    }
    server.check(&maker.source()).expect("the roots are remembered");
    let other = Maker::new();
    other.release("0.9.0", b"theirs");
    let error = refused(server.check(&other.source()));
    assert!(matches!(error, RepositoryError::NotSigned { role: "timestamp", .. }), "{error}");
}

#[test]
fn a_root_of_somebody_else_is_refused() {
    let (maker, server) = both();
    let mut other = Maker::new();
    other.keys.rotate(&[], now() + TimeDelta::days(10)).expect("a second root");
    let theirs = other.keys.roots().last().expect("a root").1;
    fs::write(maker.repository().join("metadata/2.root.json"), theirs).expect("slipped in");
    let error = refused(server.check(&maker.source()));
    assert!(matches!(error, RepositoryError::NotSigned { role: "root", .. }), "{error}");
    assert!(!server.folder.path().join("memory/2.root.json").exists(), "and not remembered");
}

#[test]
fn an_expired_root_is_refused() {
    let (mut maker, server) = both();
    maker.keys.rotate(&[], now() - TimeDelta::days(1)).expect("an expired root");
    maker.sign(&[], &maker.terms());
    let error = refused(server.check(&maker.source()));
    assert!(matches!(error, RepositoryError::Expired { role: "root", .. }), "{error}");
}

#[test]
fn who_was_robbed_may_count_anew_with_new_keys() {
    let (mut maker, server) = both();
    for _ in 0..5 {
        maker.sign(&[], &maker.terms());
    }
    server.check(&maker.source()).expect("an offer");
    fs::remove_dir_all(maker.repository()).expect("gone");
    let until = now() + TimeDelta::days(3650);
    maker.keys.rotate(&["targets", "snapshot", "timestamp"], until).expect("rotated");
    maker.release("0.4.0", b"from the beginning");
    let offer = server.check(&maker.source()).expect("an offer");
    assert_eq!(offer.newest().map(|release| release.version.as_str()), Some("0.4.0"));
}

#[test]
fn test_keys_and_release_keys_are_kept_apart() {
    let (test, release) = (Maker::new(), Maker::with(Purpose::Release));
    let error = |maker: &Maker, trust| Anchor::new(maker.keys.root(), trust).err().map(|error| error.to_string());
    assert!(error(&test, Trust::Release).is_some_and(|text| text.contains("test keys")));
    assert!(error(&release, TEST).is_some_and(|text| text.contains("release keys")));
    assert_eq!(error(&test, TEST), None);
    assert_eq!(error(&release, Trust::Release), None);
    assert_eq!(error(&release, Trust::Test { accept_release: true }), None);
    assert!(test.folder.path().join("keys/test-root.pem").exists(), "the name says it, too");
    assert!(Anchor::new(*b"{}", TEST).is_err());
}

#[test]
fn memory_that_cannot_be_read_is_not_taken_for_none() {
    let (maker, server) = both();
    server.check(&maker.source()).expect("an offer");
    fs::write(server.folder.path().join("memory/seen.json"), b"{").expect("damaged");
    let error = refused(server.check(&maker.source()));
    assert!(matches!(error, RepositoryError::Memory { .. }), "{error}");
}
