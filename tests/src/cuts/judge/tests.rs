use super::*;
use crate::cuts::gpt::tests::divide;
use crate::cuts::headers::tests::{superblock, volume};
use std::io::{Cursor, Write};
use uuid::Uuid;

const MIB: usize = 1 << 20;
/// First MiB and length of the partitions.
const PARTS: [(usize, usize); 3] = [(1, 40), (41, 8), (49, 8)];
const SIZE: usize = 64 * MIB;

fn wanted() -> Wanted {
    let version = |name: &str, byte: u8| Version { name: name.into(), file: vec![byte; 200_000] };
    let settings = b"timeout 0\n".to_vec();
    Wanted { old: version("1.0", 1), new: Some(version("2.0", 2)), loader: vec![3; 5000], settings }
}

/// A server that is installed and has these files more in its boot partition.
fn installed(more: &[(&str, &[u8])]) -> Vec<u8> {
    let wanted = wanted();
    let mut disk = vec![0; SIZE];
    table(&mut disk, NAMES);
    let id = Uuid::from_bytes([1; 16]).to_string().to_uppercase();
    let manifest = serde_json::json!({ "parts": [id] }).to_string();
    let mut esp = Cursor::new(vec![0; PARTS[0].1 * MIB]);
    let options = fatfs::FormatVolumeOptions::new().fat_type(fatfs::FatType::Fat32).bytes_per_cluster(512);
    fatfs::format_volume(&mut esp, options).expect("a volume");
    {
        let fat = fatfs::FileSystem::new(&mut esp, fatfs::FsOptions::new()).expect("it is one");
        let root = fat.root_dir();
        for folder in ["EFI", "EFI/Linux", "EFI/BOOT", "EFI/systemd", "loader", "cake"] {
            root.create_dir(folder).expect("a folder");
        }
        let own: [(&str, &[u8]); 5] = [
            (FALLBACK, &wanted.loader),
            (LOADER, &wanted.loader),
            (SETTINGS, &wanted.settings),
            (MANIFEST, manifest.as_bytes()),
            ("EFI/Linux/cake_1.0.efi", &wanted.old.file),
        ];
        for (path, content) in own.iter().chain(more) {
            root.create_file(path).expect("a file").write_all(content).expect("written");
        }
    }
    put(&mut disk, PARTS[0].0 * MIB, esp.get_ref());
    put(&mut disk, PARTS[1].0 * MIB + 4096, &superblock("any:cake-state"));
    put(&mut disk, (PARTS[1].0 + 1) * MIB, &volume("cake-state"));
    put(&mut disk, PARTS[2].0 * MIB, &volume("cake-pool-local"));
    disk
}

fn table(disk: &mut [u8], names: [&str; 3]) {
    let kinds = [ESP.parse().expect("a GUID"), Uuid::from_u128(2), Uuid::from_u128(3)];
    let sectors = |mib: usize| (mib * MIB / 512) as u64;
    let parts = [0, 1, 2].map(|at| (names[at], kinds[at], sectors(PARTS[at].0), sectors(PARTS[at].1)));
    divide(disk, &parts);
}

fn put(disk: &mut [u8], at: usize, bytes: &[u8]) {
    disk[at..at + bytes.len()].copy_from_slice(bytes);
}

/// Where these bytes stand in the boot partition.
fn find(disk: &[u8], wanted: &[u8]) -> usize {
    let from = PARTS[0].0 * MIB;
    from + disk[from..].windows(wanted.len()).position(|bytes| bytes == wanted).expect("they are there")
}

fn says(result: Result<Found>) -> String {
    result.map_or_else(|error| format!("{error:#}"), |found| found.to_string())
}

#[test]
fn a_cut_installation_is_blank_unfinished_or_whole() {
    let wanted = wanted();
    let judged = |disk: &Vec<u8>| says(installation(disk, &wanted, Said::Nothing));
    assert_eq!(judged(&vec![0; SIZE]), "blank");
    let whole = installed(&[]);
    assert_eq!(judged(&whole), "installed, whole");
    // Its names are given last.
    let mut unnamed = whole.clone();
    table(&mut unnamed, [UNFINISHED; 3]);
    assert_eq!(judged(&unnamed), "installed, whole");
    let fallback = find(&whole, b"BOOTX64 ");
    unnamed[fallback] = 0xe5;
    assert_eq!(judged(&unnamed), "unfinished, to be overwritten");
    unnamed[PARTS[0].0 * MIB] ^= 1;
    unnamed[PARTS[0].0 * MIB + 510] = 0;
    assert_eq!(judged(&unnamed), "unfinished, to be overwritten");
    assert!(says(installation(&unnamed, &wanted, Said::Installed)).contains("said to be installed"));
    // Neither copy of the table is sound.
    unnamed[512] = 0;
    unnamed[SIZE - 512] = 0;
    assert!(judged(&unnamed).contains("the installer refuses it"));
    put(&mut unnamed, MIB - 4096, MARK);
    assert_eq!(judged(&unnamed), "unfinished, to be overwritten");
}

#[test]
fn an_installation_that_boots_half_is_a_violation() {
    let wanted = wanted();
    let judged = |disk: &Vec<u8>| says(installation(disk, &wanted, Said::Nothing));
    let whole = installed(&[]);
    let state = (PARTS[1].0 + 1) * MIB;
    for (at, bytes, words) in [
        (find(&whole, &[1; 512]) + 1000, &[9][..], "cake_1.0.efi is not whole"),
        (find(&whole, b"timeout"), b"T", "loader.conf is not whole"),
        (find(&whole, &[3; 512]) + 7, &[9], "is not whole"),
        (find(&whole, b"{\"parts"), b"x", "the manifest"),
        (PARTS[1].0 * MIB + 4096, &[0], "the state's array"),
        (PARTS[2].0 * MIB, &[0; 0x4001], "the pool's header"),
    ] {
        let mut broken = whole.clone();
        put(&mut broken, at, bytes);
        assert!(judged(&broken).contains(words), "{words}: {}", judged(&broken));
    }
    let mut broken = whole.clone();
    put(&mut broken, state, &[0; 0x8000]);
    assert!(judged(&broken).contains("the state's header"), "{}", judged(&broken));
    put(&mut broken, state, &volume("another"));
    assert!(judged(&broken).contains("the state's header"), "{}", judged(&broken));
    let mut named = whole;
    let fallback = find(&named, b"BOOTX64 ");
    named[fallback] = 0xe5;
    assert!(judged(&named).contains("it does not boot"), "{}", judged(&named));
}

#[test]
fn a_cut_update_has_the_old_version_and_never_half_of_the_new_one() {
    let wanted = wanted();
    let judged = |disk: &Vec<u8>, said| says(update(disk, &wanted, said));
    let new = &wanted.new.as_ref().expect("it has one").file;
    let half = &new[..100_000];
    assert_eq!(judged(&installed(&[]), Said::Nothing), "old version whole");
    assert!(judged(&installed(&[]), Said::Written).contains("is gone"));
    let part = ("EFI/Linux/.cake_2.0.part", half);
    assert_eq!(judged(&installed(&[part]), Said::Nothing), "old version whole");
    let mut named = installed(&[("EFI/Linux/cake_2.0+3.efi", b"")]);
    assert_eq!(judged(&named, Said::Nothing), "old version whole, a name of the new one without content");
    assert!(judged(&named, Said::Written).contains("is gone"));
    let whole = installed(&[("EFI/Linux/cake_2.0+2-1.efi", new)]);
    assert_eq!(judged(&whole, Said::Written), "both versions whole");
    assert!(judged(&whole, Said::Good).contains("said to be good"));
    assert_eq!(judged(&installed(&[("EFI/Linux/cake_2.0.efi", new)]), Said::Good), "both versions whole");
    let startable = installed(&[("EFI/Linux/cake_2.0+3.efi", half)]);
    assert!(judged(&startable, Said::Nothing).contains("can be started and is not whole"));
    assert_eq!(judged(&installed(&[("EFI/Linux/cake_2.0+0-3.efi", half)]), Said::Nothing), "old version whole");
    // One copy of the table is damaged: nothing had written to it.
    named[SIZE - 512] = 0;
    assert!(judged(&named, Said::Nothing).contains("a damaged partition table"));
    let mut old = installed(&[]);
    let at = find(&old, &[1; 512]) + 5;
    old[at] = 0;
    assert!(judged(&old, Said::Nothing).contains("cake_1.0.efi is not whole"));
    let mut spent = installed(&[("EFI/Linux/cake_2.0+3.efi", new)]);
    let name: Vec<u8> = "cake_1.0.efi".encode_utf16().flat_map(u16::to_le_bytes).collect();
    // A long name is in pieces: of five letters first.
    let at = find(&spent, &name[..10]);
    put(&mut spent, at, b"b");
    assert!(judged(&spent, Said::Written).contains("no versions"), "{}", judged(&spent, Said::Written));
}
