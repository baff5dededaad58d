//! The rescue firmware's `start-full` cuts kernel and initrd out of a unified kernel image: a PE file made here, byte by byte
//! (PE format: offset of the header at 60; sections of 40 bytes behind the optional header).

use std::path::Path;
use std::process::Command;

const SCRIPT: &str = "buildroot-config/board/rescue/rootfs/usr/sbin/start-full";

/// A PE file of these sections; each lies padded to 512 bytes.
fn image(sections: &[(&str, &[u8])]) -> Vec<u8> {
    const HEADER: usize = 128;
    const OPTIONAL: usize = 240;
    let mut image = vec![0; 4096];
    image[60..64].copy_from_slice(&(HEADER as u32).to_le_bytes());
    image[HEADER..HEADER + 4].copy_from_slice(b"PE\0\0");
    image[HEADER + 6..HEADER + 8].copy_from_slice(&(sections.len() as u16).to_le_bytes());
    image[HEADER + 20..HEADER + 22].copy_from_slice(&(OPTIONAL as u16).to_le_bytes());
    for (index, (name, bytes)) in sections.iter().enumerate() {
        let at = HEADER + 24 + OPTIONAL + index * 40;
        let place = image.len();
        image[at..at + name.len()].copy_from_slice(name.as_bytes());
        for (offset, number) in [(8, bytes.len()), (16, bytes.len().next_multiple_of(512)), (20, place)] {
            image[at + offset..at + offset + 4].copy_from_slice(&(number as u32).to_le_bytes());
        }
        image.extend_from_slice(bytes);
        image.resize(image.len().next_multiple_of(512), 0xaa);
    }
    image
}

/// What the script's function gives for a section.
fn cut_out(file: &Path, section: &str) -> Vec<u8> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(SCRIPT);
    let words = ["-c", ". \"$1\" && cut_out \"$2\" \"$3\"", "try"];
    let output = Command::new("sh").args(words).args([&script, file]).arg(section).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn sections_come_out_without_their_padding() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("full.efi");
    let linux: Vec<u8> = (0..2049u32).map(|n| n as u8).collect();
    std::fs::write(
        &file,
        image(&[(".osrel", b"ID=x\n"), (".linux", &linux), (".initrd", b"\0\n\0root"), (".cmdline", b"quiet")]),
    )
    .unwrap();
    assert_eq!(cut_out(&file, ".linux"), linux);
    assert_eq!(cut_out(&file, ".initrd"), b"\0\n\0root");
    assert_eq!(cut_out(&file, ".cmdline"), b"quiet");
    assert_eq!(cut_out(&file, ".ucode"), b"");
    assert_eq!(cut_out(&file, ".lin"), b"", "a name is whole");
}
