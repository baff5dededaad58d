//! Packages as VMware, VirtualBox, cake and others write them, in their structure, and those that nobody should.

use super::*;
use crate::package;
use cake_types::FailureCode;
use std::fs::File;
use std::io::Write;

const VMWARE: &str = include_str!("../../../fuzz/corpus/envelopes/vmware");
const VIRTUALBOX: &str = include_str!("../../../fuzz/corpus/envelopes/virtualbox");
const CHOICES: &str = include_str!("../../../fuzz/corpus/envelopes/choices");
const LAUGHS: &str = include_str!("../../../fuzz/corpus/envelopes/laughs");

fn members() -> Vec<Member> {
    let member = |name: &str, offset| Member { name: name.into(), offset, length: 512 };
    vec![member("web.ovf", 512), member("web-disk0.vmdk", 2048), member("web-disk3.vmdk", 4096)]
}

/// Both files are a disk of 1 MiB.
fn described(text: &str) -> Result<Package, Refusal> {
    package(text, &members(), |_| Ok((DiskFormat::Vmdk, 1 << 20)))
}

fn offsets(package: &Package) -> Vec<Option<u64>> {
    let offset = |part: &Part| match part {
        Part::Empty { .. } => None,
        Part::File { offset, .. } => Some(*offset),
    };
    package.disks.iter().map(offset).collect()
}

#[test]
fn as_vmware_writes_it() {
    let found = described(VMWARE).unwrap();
    assert_eq!(found.name.as_ref().map(cake_types::Name::as_str), Some("books mail"));
    assert_eq!((found.cpus, found.memory, found.nics), (4, ByteSize::gib(8), 1));
    assert_eq!((found.firmware, found.secure_boot, found.tpm), (Firmware::Uefi, true, true));
    assert_eq!((found.os, found.everyday), (Some(GuestOs::Windows), Some(true)));
    // By their addresses, not as they are written; the CD drive is none of them.
    assert_eq!(offsets(&found), [Some(2048), Some(4096), None]);
    assert_eq!(found.disks[2].size(), ByteSize::mib(4));
    assert!(found.machine(GuestOs::Linux).everyday, "what the package says counts");
}

#[test]
fn as_virtualbox_writes_it() {
    let found = described(VIRTUALBOX).unwrap();
    assert_eq!(found.name.as_ref().map(cake_types::Name::as_str), Some("wiki_1"));
    assert_eq!((found.cpus, found.memory, found.nics), (2, ByteSize::gib(1), 1));
    assert_eq!((found.firmware, found.secure_boot, found.tpm), (Firmware::Uefi, false, true));
    assert_eq!((found.os, found.everyday), (Some(GuestOs::Linux), Some(false)));
    // The one on IDE is before the one on SATA.
    assert_eq!(offsets(&found), [Some(2048), Some(4096)]);
}

#[test]
fn what_a_person_gets_who_chooses_no_configuration() {
    let found = described(CHOICES).unwrap();
    assert_eq!((found.cpus, found.memory, found.nics), (3, ByteSize::gib(2), 2));
    assert_eq!((found.firmware, found.os, offsets(&found)), (Firmware::Bios, None, vec![Some(2048)]));
    // Of a system that is not named, a person's word decides what it has drivers for.
    let everyday = |said| found.machine(said).everyday;
    assert_eq!([GuestOs::Linux, GuestOs::Windows, GuestOs::Other].map(everyday), [false, true, true]);
}

#[test]
fn as_cake_writes_it_nothing_that_matters_is_lost() {
    let mut machine = package::tests::machine();
    (machine.windows, machine.everyday) = (false, false);
    let described = |machine: &package::Machine| {
        let files = machine.disks.iter().zip([512u64, 4096]);
        let members: Vec<Member> =
            files.map(|(disk, offset)| Member { name: disk.file.clone(), offset, length: 512 }).collect();
        package(&package::ovf::text(machine), &members, |_| Ok((DiskFormat::Vmdk, 1 << 20))).unwrap()
    };
    let found = described(&machine);
    assert_eq!(found.name.as_ref().map(cake_types::Name::as_str), Some("mail files 台北"));
    assert_eq!((found.cpus, found.memory, found.nics), (2, ByteSize::mib(1536), 2));
    assert_eq!((found.firmware, found.secure_boot, found.tpm), (Firmware::Uefi, true, true));
    assert_eq!((found.os, found.everyday), (None, Some(false)));
    assert_eq!(offsets(&found), [Some(512), Some(4096)]);
    machine.everyday = true;
    assert!(described(&machine).machine(GuestOs::Linux).everyday);
}

#[test]
fn descriptors_that_are_refused() {
    let disk =
        "<Item><rasd:HostResource>/disk/vmdisk9</rasd:HostResource><rasd:ResourceType>17</rasd:ResourceType></Item>";
    let with = |from: &str, to: &str| {
        assert!(VIRTUALBOX.contains(from), "{from}");
        VIRTUALBOX.replacen(from, to, 1)
    };
    let deep = "<a>".repeat(50_000);
    let file = "ovf:href=\"web-disk0.vmdk\"";
    let second = VIRTUALBOX.split_once("<VirtualSystem ").unwrap().1.split_once("</Envelope>").unwrap().0.to_owned();
    let (broken, files) = (FailureCode::ImageBroken, FailureCode::ImageNamesFiles);
    for (text, code, why) in [
        (String::new(), broken, "no XML"),
        ("<Envelope/>".into(), broken, "none of OVF"),
        (VIRTUALBOX[..3000].to_owned(), broken, "no XML"),
        (LAUGHS.into(), broken, "document type"),
        (deep, broken, "too long"),
        (
            with("</VirtualSystem>", "</VirtualSystem><VirtualSystemCollection ovf:id=\"a\"/>"),
            FailureCode::PackageSeveral,
            "more",
        ),
        (with("</Envelope>", &format!("<VirtualSystem {second}</Envelope>")), FailureCode::PackageSeveral, "more"),
        (with(file, "ovf:href=\"http://example.com/disk.vmdk\""), files, "somewhere else"),
        (with(file, "ovf:href=\"../../etc/shadow\""), files, "somewhere else"),
        (with(file, "ovf:href=\"%2e%2e%2fshadow\""), files, "not in it"),
        (with(file, "ovf:href=\"other.vmdk\""), files, "not in it"),
        (with(file, "ovf:href=\"web-disk3.vmdk\""), broken, "one file"),
        (with(file, &format!("{file} ovf:compression=\"gzip\"")), FailureCode::PackageCompressed, "compressed"),
        (with(file, &format!("{file} ovf:chunkSize=\"1024\"")), broken, "pieces"),
        (with("ovf:fileRef=\"file1\"", "ovf:fileRef=\"file1\" ovf:parentRef=\"vmdisk2\""), files, "a parent"),
        (with("ovf:id=\"file2\"", "ovf:id=\"file1\""), broken, "one id"),
        (with("</VirtualHardwareSection>", &format!("{disk}</VirtualHardwareSection>")), broken, "not described"),
        (with("<rasd:ResourceType>4<", "<rasd:ResourceType>99<"), broken, "memory"),
        (VIRTUALBOX.replace("<rasd:ResourceType>17<", "<rasd:ResourceType>99<"), FailureCode::ImageUnknown, "no disk"),
        (with(" ovf:fileRef=\"file1\"", "").replace("10737418240", "7"), broken, "size is impossible"),
    ] {
        let refusal = described(&text).unwrap_err();
        assert_eq!(refusal.code(), code, "{why}: {refusal}");
        assert!(refusal.to_string().contains(why), "{why}: {refusal}");
    }
}

/// A tar of these files, which ends as one should.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = ::tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut head = ::tar::Header::new_ustar();
        // Also what no tar program would write.
        head.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        head.set_size(bytes.len() as u64);
        head.set_entry_type(::tar::EntryType::Regular);
        head.set_cksum();
        builder.append(&head, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

#[test]
fn archives_as_programs_write_them() {
    for bytes in [
        &include_bytes!("../../../fuzz/corpus/packages/vmware-sha1")[..],
        include_bytes!("../../../fuzz/corpus/packages/gnu-sha256"),
        include_bytes!("../../../fuzz/corpus/packages/pax-sha512"),
        include_bytes!("../../../fuzz/corpus/packages/base256"),
    ] {
        assert_eq!(inspect(bytes).unwrap(), Found::Package);
        let found = read(bytes).unwrap();
        assert!(matches!(&found.disks[..], [Part::File { name, format: DiskFormat::Vmdk, .. }] if name == "a.vmdk"));
        let names: Vec<String> = tar::list(bytes).unwrap().into_iter().map(|member| member.name).collect();
        assert_eq!(names, ["a.ovf", "a.mf", "a.vmdk"]);
        // Its checksums are right, and one byte further on they are not.
        let (sum, whole) = checked(bytes);
        assert_eq!((sum.len(), whole.is_ok()), (64, true), "{whole:?}");
        let mut other = bytes.to_vec();
        let at = tar::list(bytes).unwrap()[2].offset as usize + 900;
        other[at] ^= 1;
        assert!(matches!(checked(&other).1, Err(Refusal::Differs { file }) if file == "a.vmdk"));
    }
}

fn checked(bytes: &[u8]) -> (String, Result<(), Refusal>) {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    read_all::<File>(&mut file).unwrap()
}

#[test]
fn archives_that_are_refused() {
    let ovf = ("web.ovf", VIRTUALBOX.as_bytes());
    let good = archive(&[ovf, ("web-disk0.vmdk", &[0; 600])]);
    let mut damaged = good.clone();
    damaged[20] ^= 1;
    // What can't be one is a disk as any other: 0 is no header's sum.
    assert!(matches!(inspect(&damaged).unwrap(), Found::Raw { .. }));
    let mut later = good.clone();
    let second = 512 + VIRTUALBOX.len().next_multiple_of(512);
    later[second + 3] ^= 1;
    let mut link = good.clone();
    link[second + 156] = b'2';
    let sum: u64 = link[second..second + 512]
        .iter()
        .enumerate()
        .map(|(at, b)| if (148..156).contains(&at) { 32 } else { u64::from(*b) })
        .sum();
    link[second + 148..second + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let many: Vec<String> = (0..600).map(|number| format!("{number}")).collect();
    let many: Vec<(&str, &[u8])> =
        std::iter::once(ovf).chain(many.iter().map(|name| (name.as_str(), &b""[..]))).collect();
    for (bytes, why) in [
        (good[..second + 700].to_vec(), "cut short"),
        (later, "damaged"),
        (link, "no file"),
        (archive(&[("web.txt", b"hello"), ovf]), "does not begin"),
        (archive(&[ovf, ("../web-disk0.vmdk", b"")]), "name in its archive"),
        (archive(&[ovf, ("/etc/shadow", b"")]), "name in its archive"),
        (archive(&[ovf, ("a\u{202e}b", b"")]), "name in its archive"),
        (archive(&[ovf, ovf]), "one name"),
        (archive(&many), "too many files"),
        (archive(&[("web.ovf", &vec![b' '; (1 << 20) + 1])]), "too long"),
        (archive(&[ovf, ("web-disk0.vmdk", b"hello"), ("web-disk3.vmdk", b"")]), "no whole number of sectors"),
        (archive(&[ovf, ("web-disk0.vmdk", &archive(&[ovf])), ("web-disk3.vmdk", &[0; 512])]), "is no disk"),
    ] {
        let refusal = read(&bytes).unwrap_err();
        assert!(refusal.to_string().contains(why), "{why}: {refusal}");
    }
    let two = archive(&[ovf, ("web-disk0.vmdk", &[0; 512]), ("web-disk3.vmdk", &[7; 1024])]);
    let found = read(&two).unwrap();
    let sizes: Vec<u64> = found.disks.iter().map(|disk| disk.size().bytes()).collect();
    assert_eq!(sizes, [512, 1024]);
}
