use super::*;
use cake_types::Span;
use std::os::unix::fs::PermissionsExt;

const NOW: i64 = 1_790_000_000;
const LAYOUT: Layout = Layout::of_usage(Uuid::from_u128(0xCA4E), 9);

fn folder() -> (tempfile::TempDir, Folder) {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(place.path().join("usage")).unwrap();
    (place, folder)
}

fn filled(folder: &Folder) -> PathBuf {
    let mut archive = folder.archive(LAYOUT, NOW).unwrap();
    for point in NOW / 10 - 359..=NOW / 10 {
        archive.add(point, &[1.0; 9]).unwrap();
    }
    archive.flush().unwrap();
    folder.file(LAYOUT.subject, ENDING)
}

fn known(folder: &Folder) -> usize {
    let read = folder.archive(LAYOUT, NOW).unwrap().read(Span::Hour, NOW / 10 - 359, NOW / 10).unwrap();
    assert!(read.damaged.is_empty(), "{:?}", read.damaged);
    read.numbers.chunks(9).filter(|row| !row[0].is_nan()).count()
}

#[test]
fn a_file_is_ours_alone_and_never_grows() {
    let (_place, folder) = folder();
    let path = filled(&folder);
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!((metadata.len(), metadata.permissions().mode() & 0o777), (34 * 4096, 0o600));
    assert_eq!(known(&folder), 360);
    assert_eq!(folder.set_aside_at(LAYOUT.subject), None);
}

#[test]
fn what_is_torn_is_set_aside_and_the_rest_is_taken_over() {
    let (_place, folder) = folder();
    let path = filled(&folder);
    let mut bytes = fs::read(&path).unwrap();
    bytes[4096 + 77] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let rest = known(&folder);
    assert!((240..360).contains(&rest), "{rest}");
    assert!(folder.set_aside_at(LAYOUT.subject).is_some());
    assert_eq!(fs::read(folder.file(LAYOUT.subject, ASIDE)).unwrap(), bytes, "what was there is kept");
}

#[test]
fn what_is_none_of_ours_is_set_aside() {
    let (_place, folder) = folder();
    let path = filled(&folder);
    let good = fs::read(&path).unwrap();
    let other = Layout { subject: Uuid::from_u128(1), ..LAYOUT };
    let swapped = [&good[4096..8192], &good[..4096], &good[8192..]].concat();
    let forged: [(&str, Vec<u8>, usize); 6] = [
        ("empty", Vec::new(), 0),
        ("cut", good[..10_000].to_vec(), 0),
        ("longer", [&good[..], &[0; 4096]].concat(), 360),
        ("noise", good.iter().map(|byte| byte.wrapping_mul(31).wrapping_add(7)).collect(), 0),
        ("pages in each other's place", swapped, 0),
        ("huge", vec![0xFF; good.len()], 0),
    ];
    for (what, bytes, least) in forged {
        fs::write(&path, &bytes).unwrap();
        assert!(known(&folder) >= least, "{what}");
        assert!(folder.set_aside_at(LAYOUT.subject).is_some(), "{what}");
        folder.remove(LAYOUT.subject).unwrap();
    }
    // Another history's file under this name.
    fs::write(&path, &good).unwrap();
    fs::rename(&path, folder.file(other.subject, ENDING)).unwrap();
    let read = folder.archive(other, NOW).unwrap().read(Span::Hour, NOW / 10 - 359, NOW / 10).unwrap();
    assert!(read.numbers.iter().all(|number| number.is_nan()));
    // A link leads nowhere.
    std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
    assert!(folder.archive(LAYOUT, NOW).is_err());
}

#[test]
fn what_belongs_to_nobody_goes() {
    let (place, folder) = folder();
    filled(&folder);
    fs::write(place.path().join("usage/notes.txt"), "not ours").unwrap();
    folder.sweep(|subject| subject == LAYOUT.subject).unwrap();
    assert_eq!(known(&folder), 360);
    folder.sweep(|_| false).unwrap();
    let left: Vec<_> = fs::read_dir(place.path().join("usage")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["notes.txt"]);
}
