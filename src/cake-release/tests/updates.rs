//! Updates as they should go, and as they are stopped.

mod support;

use cake_update::{Control, Source, SourceError, Stage, UpdateError};
use std::fs;
use std::ops::Range;
use support::{Maker, Server, firmware, noise};

#[test]
fn a_directory_brings_a_new_slot_and_only_what_changed_is_fetched() {
    let (old, new) = firmware(4 << 20);
    let maker = Maker::new();
    maker.release("0.2.0", &new);
    let server = Server::new(&maker, 1, ("0.1.0", &old));
    let offer = server.check(&maker.source()).expect("an offer");
    let release = offer.newest().expect("a release");
    assert_eq!((release.version.as_str(), release.kernel.as_str()), ("0.2.0", "6.12.57"));
    let control = Control::default();
    let watch = control.watch();
    let applied = server.update_with(&maker.source(), "0.2.0", &control).expect("updated");
    assert_eq!(server.slots(), [["cake_0.1.0.efi", "cake_0.2.0+3.efi"]]);
    assert_eq!(server.files(0).len(), 2, "nothing is left over");
    assert_eq!(server.bytes(0, "cake_0.2.0+3.efi"), new);
    assert!(applied.fetched < new.len() as u64 / 3, "{applied:?}");
    assert!(applied.copied > new.len() as u64 / 2, "{applied:?}");
    let progress = *watch.borrow();
    assert_eq!((progress.stage, progress.fetched), (Stage::Finished, applied.fetched));
    // Asking for it again changes nothing and fetches only the index.
    let again = server.update(&maker.source(), "0.2.0").expect("as before");
    assert!(again.fetched < 8 << 10 && again.slots == applied.slots, "{again:?}");
}

#[test]
fn both_disks_of_a_mirror_get_the_same() {
    let (old, new) = firmware(1 << 20);
    let maker = Maker::new();
    maker.release("0.2.0", &new);
    let server = Server::new(&maker, 2, ("0.1.0", &old));
    server.update(&maker.source(), "0.2.0").expect("updated");
    for disk in 0..2 {
        assert_eq!(server.bytes(disk, "cake_0.2.0+3.efi"), new);
    }
}

#[test]
fn a_machine_without_a_slot_fetches_everything() {
    let (old, new) = firmware(1 << 20);
    let maker = Maker::new();
    maker.release("0.2.0", &new);
    let mut server = Server::new(&maker, 1, ("0.1.0", &old));
    fs::remove_file(server.updater.esps[0].folder().join("cake_0.1.0.efi")).expect("no slot");
    server.updater.running = None;
    let applied = server.update(&maker.source(), "0.2.0").expect("updated");
    assert!(applied.fetched > new.len() as u64 && applied.copied == 0);
    assert_eq!(server.slots(), [["cake_0.2.0+3.efi"]]);
}

#[test]
fn old_slots_make_room_and_what_failed_here_is_not_tried_again() {
    let (old, new) = firmware(1 << 20);
    let maker = Maker::new();
    maker.release("0.3.0", &new);
    let server = Server::new(&maker, 1, ("0.2.0", &old));
    let folder = server.updater.esps[0].folder();
    fs::write(folder.join("cake_0.1.0.efi"), b"older").expect("a slot");
    fs::write(folder.join(".cake_0.2.5.part"), b"half").expect("a part");
    server.update(&maker.source(), "0.3.0").expect("updated");
    assert_eq!(server.files(0), ["cake_0.2.0.efi", "cake_0.3.0+3.efi"]);
    fs::rename(folder.join("cake_0.3.0+3.efi"), folder.join("cake_0.3.0+0-3.efi")).expect("tried out");
    assert!(matches!(server.update(&maker.source(), "0.3.0"), Err(UpdateError::FailedBefore(_))));
    assert!(matches!(server.update(&maker.source(), "0.9.0"), Err(UpdateError::NotOffered(_))));
}

/// Whatever stops an update, what can be booted is whole, and the next attempt finishes.
#[test]
fn power_may_fail_at_each_step() {
    let (old, new) = firmware(400 << 10);
    let maker = Maker::new();
    maker.release("0.2.0", &new);
    let mut cuts = 0;
    for look in 0.. {
        let server = Server::new(&maker, 2, ("0.1.0", &old));
        fs::write(server.updater.esps[1].folder().join("cake_0.0.9.efi"), b"older").expect("a slot");
        match server.update_with(&maker.source(), "0.2.0", &Control::stopping_at(look)) {
            Ok(_) => break,
            Err(error) => assert!(error.is_cancelled(), "{look}: {error}"),
        }
        all_that_boots_is_whole(&server, &old, &new);
        lose_what_was_not_synced(&server, look);
        all_that_boots_is_whole(&server, &old, &new);
        server.update(&maker.source(), "0.2.0").expect("finished");
        for disk in 0..2 {
            assert_eq!(server.files(disk), ["cake_0.1.0.efi", "cake_0.2.0+3.efi"], "{look}");
            assert_eq!(server.bytes(disk, "cake_0.2.0+3.efi"), new, "{look}");
        }
        cuts += 1;
    }
    assert!(cuts > 40, "{cuts} cuts");
}

fn all_that_boots_is_whole(server: &Server, old: &[u8], new: &[u8]) {
    for disk in 0..2 {
        let slots = &server.slots()[disk];
        assert!(slots.iter().any(|slot| slot == "cake_0.1.0.efi"), "the running one is there");
        for slot in slots.iter().filter(|slot| !slot.contains("0.0.9")) {
            let bytes = server.bytes(disk, slot);
            assert!(bytes == old || bytes == new, "{slot} is whole");
        }
    }
}

/// The power took what the kernel had not written yet: every other time the end of a part, every third zeros in its middle.
fn lose_what_was_not_synced(server: &Server, look: usize) {
    for disk in 0..2 {
        let path = server.updater.esps[disk].folder().join(".cake_0.2.0.part");
        let Ok(mut bytes) = fs::read(&path) else { continue };
        if look.is_multiple_of(2) {
            bytes.truncate(bytes.len() * 2 / 3);
        }
        if look.is_multiple_of(3) {
            let (from, to) = (bytes.len() / 4, bytes.len() / 2);
            bytes[from..to].fill(0);
        }
        fs::write(&path, bytes).expect("a part");
    }
}

/// Says stop when something is fetched for the second time.
struct Impatient<'a> {
    inner: &'a dyn Source,
    control: Control,
    left: std::sync::atomic::AtomicUsize,
}

impl Source for Impatient<'_> {
    fn read(&self, path: &str, limit: u64, control: &Control) -> Result<Option<Vec<u8>>, SourceError> {
        self.inner.read(path, limit, control)
    }

    fn read_range(&self, path: &str, range: Range<u64>, control: &Control) -> Result<Vec<u8>, SourceError> {
        if self.left.fetch_sub(1, std::sync::atomic::Ordering::Relaxed) == 0 {
            self.control.cancel();
        }
        self.inner.read_range(path, range, control)
    }
}

#[test]
fn cancelled_is_not_begun_again_from_nothing() {
    let new = noise(3, 20 << 20);
    let maker = Maker::new();
    maker.release("0.2.0", &new);
    let server = Server::new(&maker, 1, ("0.1.0", b"something else"));
    let control = Control::default();
    let source = maker.source();
    let impatient = Impatient { inner: &source, control: control.clone(), left: 2.into() };
    let error = server.update_with(&impatient, "0.2.0", &control).expect_err("cancelled");
    assert!(error.is_cancelled(), "{error}");
    assert_eq!(server.slots(), [["cake_0.1.0.efi"]]);
    let applied = server.update(&source, "0.2.0").expect("finished");
    assert!(applied.copied > 7 << 20, "what was fetched stays: {applied:?}");
    assert_eq!(server.bytes(0, "cake_0.2.0+3.efi"), new);
}

#[test]
fn the_running_version_is_left_alone() {
    let (old, _) = firmware(200 << 10);
    let maker = Maker::new();
    maker.release("0.1.0", &old);
    let server = Server::new(&maker, 1, ("0.1.0", &old));
    assert!(matches!(server.update(&maker.source(), "0.1.0"), Err(UpdateError::Running(_))));
}

#[test]
fn the_same_files_and_keys_make_the_same_repository() {
    let (_, new) = firmware(300 << 10);
    let maker = Maker::new();
    maker.release("0.2.0", &new);
    let first = tempfile::tempdir().expect("a folder");
    maker.copy_to(first.path());
    fs::remove_dir_all(maker.repository()).expect("gone");
    maker.release("0.2.0", &new);
    for part in ["metadata", "targets"] {
        let files = fs::read_dir(first.path().join(part)).expect("files").map(|file| file.expect("a file").path());
        for path in files {
            let other = maker.repository().join(part).join(path.file_name().expect("a name"));
            assert_eq!(fs::read(&path).expect("a file"), fs::read(&other).expect("the same file"), "{path:?}");
        }
    }
}
