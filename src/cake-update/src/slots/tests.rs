use super::*;
use crate::{Control, Version};
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use std::fs;

fn version(text: &str) -> Version {
    text.parse().expect(text)
}

fn slot(file: &str) -> SlotName {
    SlotName::parse(file).expect(file)
}

#[test]
fn names_of_slots_are_read_and_written() {
    for (file, text, tries) in [
        ("cake_0.2.0.efi", "0.2.0", Tries::Blessed),
        ("cake_0.2.0+3.efi", "0.2.0", Tries::Counted { left: 3, done: 0 }),
        ("cake_0.2.0+2-1.efi", "0.2.0", Tries::Counted { left: 2, done: 1 }),
        ("cake_0.2.0+0-3.efi", "0.2.0", Tries::Counted { left: 0, done: 3 }),
        ("cake_0.2.0-1+02-01.efi", "0.2.0-1", Tries::Counted { left: 2, done: 1 }),
    ] {
        let name = slot(file);
        assert_eq!((name.version.as_str(), name.tries, name.file()), (text, tries, file));
        assert_eq!(name.is_bad(), file.contains("+0-"));
    }
    assert_eq!(SlotName::fresh(&version("1.0"), 3), slot("cake_1.0+3.efi"));
    assert_eq!(SlotName::blessed(&version("1.0")), slot("cake_1.0.efi"));
}

#[test]
fn other_files_are_no_slots() {
    for file in [
        "",
        "cake_.efi",
        "cake_1.0",
        "cake_1.0.part",
        ".cake_1.0.part",
        "cake_1.0+.efi",
        "cake_1.0+3-.efi",
        "cake_1.0+-1.efi",
        "cake_1.0+3-1-2.efi",
        "cake_1.0+3+2.efi",
        "cake_1.0++3.efi",
        "cake_1.0+x.efi",
        "cake_1.0+4294967296.efi",
        "cake_..+3.efi",
        "cake_1/2.efi",
        "arch.efi",
        "CAKE_1.0.EFI",
    ] {
        assert_eq!(SlotName::parse(file), None, "{file:?}");
    }
}

#[test]
fn what_is_fallen_back_to_was_found_good_and_is_not_what_the_boot_loader_takes() {
    for (slots, wanted) in [
        (&["cake_0.1.efi"][..], None),
        (&["cake_0.1.efi", "cake_0.2+3.efi"], Some("cake_0.1.efi")),
        (&["cake_0.1.efi", "cake_0.2.efi"], Some("cake_0.1.efi")),
        (&["cake_0.1.efi", "cake_0.2.efi", "cake_0.3+2-1.efi"], Some("cake_0.2.efi")),
        (&["cake_0.1.efi", "cake_0.2+0-3.efi"], None),
        (&["cake_0.1+3.efi", "cake_0.2+3.efi"], None),
        (&["cake_0.1+0-1.efi", "cake_0.2.efi"], None),
        (&[], None),
    ] {
        let slots: Vec<SlotName> = slots.iter().map(|file| slot(file)).collect();
        assert_eq!(fallback(&slots).map(SlotName::file), wanted, "{slots:?}");
    }
}

#[test]
fn a_damaged_slot_is_written_anew_from_another_disk() {
    let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
    let [whole, damaged] = folders.each_ref().map(|folder| {
        fs::create_dir_all(folder.path().join("EFI/Linux")).expect("folders");
        Esp::open(folder.path()).expect("an ESP")
    });
    let slot = SlotName::blessed(&version("0.2"));
    let content: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).take(3 << 20).collect();
    fs::write(whole.path(&slot), &content).expect("write");
    fs::write(damaged.path(&slot), &content[1..]).expect("write");
    replace(&damaged, &slot, &whole.path(&slot), &Control::default()).expect("replaced");
    assert!(fs::read(damaged.path(&slot)).expect("read") == content);
    assert_eq!(damaged.slots().expect("slots"), std::slice::from_ref(&slot));
    // Stopped on the way it is not there, rather than damaged.
    fs::write(damaged.path(&slot), &content[1..]).expect("write");
    let stopped = replace(&damaged, &slot, &whole.path(&slot), &Control::stopping_at(2));
    assert!(matches!(stopped, Err(SlotError::Cancelled(_))), "{stopped:?}");
    assert_eq!(damaged.slots().expect("slots"), []);
}

#[test]
fn each_slot_has_a_standing() {
    use Standing::{Bad, Next, Previous, Running, Spare};
    let slots = ["cake_0.1.efi", "cake_0.2.efi", "cake_0.3+0-3.efi", "cake_0.4.efi", "cake_0.5+3.efi"].map(slot);
    assert_eq!(standings(&slots, Some(&version("0.4"))), [Spare, Previous, Bad, Running, Next]);
    assert_eq!(standings(&slots, None), [Spare, Spare, Bad, Spare, Previous]);
}

#[test]
fn room_is_made_by_what_nobody_needs() {
    let gone = |slots: &[&str], running: Option<&str>| -> Vec<String> {
        let slots: Vec<SlotName> = slots.iter().map(|file| slot(file)).collect();
        let running = running.map(version);
        removable(&slots, running.as_ref(), &version("0.9")).iter().map(ToString::to_string).collect()
    };
    assert_eq!(gone(&["cake_0.1.efi", "cake_0.2.efi"], Some("0.2")), ["cake_0.1.efi"]);
    assert_eq!(gone(&["cake_0.1.efi", "cake_0.2+2-1.efi"], Some("0.2")), [""; 0], "the only good one stays");
    assert_eq!(gone(&["cake_0.0.efi", "cake_0.1.efi", "cake_0.2+2-1.efi"], Some("0.2")), ["cake_0.0.efi"]);
    assert_eq!(gone(&["cake_0.1.efi", "cake_0.2.efi"], None), ["cake_0.1.efi"]);
    assert_eq!(gone(&["cake_0.1+0-3.efi", "cake_0.2+3.efi"], None), ["cake_0.1+0-3.efi"]);
    assert_eq!(gone(&["cake_0.2.efi", "cake_0.9+3.efi"], Some("0.2")), [""; 0], "the new one stays, too");
}

fn any_file() -> impl Strategy<Value = String> {
    (
        0..6_u32,
        prop_oneof![Just("".to_owned()), (0..4_u32, 0..4_u32).prop_map(|(left, done)| format!("+{left}-{done}"))],
    )
        .prop_map(|(number, counter)| format!("cake_0.{number}{counter}.efi"))
}

proptest! {
    #[test]
    fn neither_the_running_nor_the_only_good_one_ever_goes(
        slots in prop::collection::btree_map(any_file(), any::<()>(), 0..7), running in prop::option::of(0..6_u32), new in 0..6_u32,
    ) {
        let slots: Vec<SlotName> = slots.keys().map(|file| slot(file)).collect();
        let (running, new) = (running.map(|number| version(&format!("0.{number}"))), version(&format!("0.{new}")));
        let gone = removable(&slots, running.as_ref(), &new);
        prop_assert!(gone.iter().all(|slot| running.as_ref() != Some(&slot.version) && slot.version != new));
        let stay = slots.iter().filter(|slot| !gone.contains(slot));
        prop_assert_eq!(slots.iter().any(SlotName::is_blessed), stay.clone().any(SlotName::is_blessed));
        prop_assert_eq!(slots.iter().any(|slot| !slot.is_bad()), stay.clone().any(|slot| !slot.is_bad()));
    }

    #[test]
    fn what_is_read_as_a_slot_is_named_as_before(file in "cake_[0-9a-z.~^+_-]{0,20}\\.efi") {
        if let Some(slot) = SlotName::parse(&file) {
            prop_assert_eq!(slot.file(), file);
        }
    }
}

fn esp() -> (tempfile::TempDir, Esp) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(folder.path().join("EFI/Linux")).expect("its folders");
    let esp = Esp::open(folder.path()).expect("an ESP");
    (folder, esp)
}

#[test]
fn a_running_slot_is_blessed_once() {
    let (_folder, esp) = esp();
    fs::write(esp.folder().join("cake_0.2.0+2-1.efi"), b"new").expect("a slot");
    fs::write(esp.folder().join("cake_0.1.0.efi"), b"old").expect("a slot");
    assert!(esp.bless(&version("0.2.0")).expect("blessed"));
    assert!(!esp.bless(&version("0.2.0")).expect("as before"));
    assert_eq!(esp.slots().expect("slots"), [slot("cake_0.1.0.efi"), slot("cake_0.2.0.efi")]);
    assert!(matches!(esp.bless(&version("0.3.0")), Err(SlotError::NoSuchSlot { .. })));
}

#[test]
fn a_slot_that_is_needed_is_not_removed() {
    let (_folder, esp) = esp();
    for file in ["cake_0.1.0.efi", "cake_0.2.0+0-3.efi"] {
        fs::write(esp.folder().join(file), b"x").expect("a slot");
    }
    let (good, bad) = (slot("cake_0.1.0.efi"), slot("cake_0.2.0+0-3.efi"));
    assert!(matches!(esp.remove(&good, None), Err(SlotError::Needed { .. })));
    assert!(matches!(esp.remove(&bad, Some(&version("0.2.0"))), Err(SlotError::Needed { .. })));
    esp.remove(&bad, Some(&version("0.1.0"))).expect("removed");
    assert_eq!(esp.slots().expect("slots"), [good]);
}

#[test]
fn a_folder_without_efi_is_no_esp() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(matches!(Esp::open(folder.path()), Err(SlotError::NotAnEsp { .. })));
}

#[test]
fn a_part_that_is_not_what_it_must_be_becomes_no_slot() {
    let (_folder, esp) = esp();
    let bytes = vec![7; 300_000];
    let sha256 = Sha256::digest(&bytes).into();
    let image = Image { version: version("0.2.0"), size: bytes.len() as u64, sha256 };
    let part = Part::open(&esp, &image).expect("a part");
    part.write_at(&bytes[..200_000], 0).expect("written");
    assert!(matches!(part.verify(&Control::default()), Err(SlotError::Spoilt { .. })));
    assert_eq!(esp.slots().expect("slots"), []);
    let part = Part::open(&esp, &image).expect("the part again");
    part.write_at(&bytes, 0).expect("written");
    part.verify(&Control::default()).expect("whole");
    assert_eq!(publish(&esp, &part, &Control::default()).expect("a slot"), slot("cake_0.2.0+3.efi"));
    assert_eq!(fs::read(esp.folder().join("cake_0.2.0+3.efi")).expect("the file"), bytes);
}

#[test]
fn what_cannot_fit_is_said_before_anything_is_written() {
    let (_folder, esp) = esp();
    let image = Image { version: version("0.2.0"), size: u64::MAX / 2, sha256: [0; 32] };
    let error = Part::open(&esp, &image).expect_err("no room");
    assert!(matches!(error, SlotError::NoSpace { .. }), "{error}");
    assert!(error.to_string().contains("do not fit"), "{error}");
    assert_eq!(fs::read_dir(esp.folder()).expect("the folder").count(), 0);
}

#[test]
fn a_disk_that_fills_up_meanwhile_is_left_as_it_was() {
    let (_folder, esp) = esp();
    let image = Image { version: version("0.2.0"), size: 5000, sha256: [0; 32] };
    let part = Part::open(&esp, &image).expect("a part");
    part.write_at(&[1; 1000], 0).expect("written");
    let error = part.unwritten(std::io::Error::from_raw_os_error(nix::libc::ENOSPC), 1000);
    assert!(matches!(error, SlotError::NoSpace { needed: 4000, .. }), "{error}");
    assert_eq!(fs::read_dir(esp.folder()).expect("the folder").count(), 0, "what did not fit is gone");
}

#[test]
fn a_version_is_given_up_where_there_is_another() {
    let (_folder, esp) = esp();
    fs::write(esp.folder().join("cake_0.2.0+2-1.efi"), b"x").expect("a slot");
    let (old, new) = (version("0.1.0"), version("0.2.0"));
    assert!(matches!(esp.give_up(&new), Err(SlotError::Needed { .. })), "the only one");
    fs::write(esp.folder().join("cake_0.1.0+0-3.efi"), b"x").expect("a slot");
    assert!(matches!(esp.give_up(&new), Err(SlotError::Needed { .. })), "the other is bad");
    fs::rename(esp.folder().join("cake_0.1.0+0-3.efi"), esp.folder().join("cake_0.1.0.efi")).expect("good");
    assert!(esp.give_up(&new).expect("given up"));
    assert!(!esp.give_up(&new).expect("it was"));
    assert_eq!(esp.slots().expect("slots"), [slot("cake_0.1.0.efi"), slot("cake_0.2.0+0-1.efi")]);
    assert!(matches!(esp.give_up(&old), Err(SlotError::Needed { .. })), "the last one");
    assert!(matches!(esp.give_up(&version("0.3.0")), Err(SlotError::NoSuchSlot { .. })));
}
