//! VMs in one file that come in: cake's own and others', on the real converter, whatever is done to the daemon, and those that must
//! not.

use crate::exports::{self, over, resting};
use crate::imports::{MIB, OVER, bring, disk, files, hash, import, qemu_img, send, stage, stamp};
use crate::support::{Leader, NodeProcess};
use anyhow::{Context, Result};
use cake_types::{
    ByteSize, DiskSpec, ExportFormat, FailureCode, Firmware, GuestOs, ImageId, ImportStage, Power, VmState,
};
use sha1::{Digest, Sha1};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Written from the structure of the standard, as these products fill it.
const VMWARE: &str = include_str!("../../../cake-storage/fuzz/corpus/envelopes/vmware");
const VIRTUALBOX: &str = include_str!("../../../cake-storage/fuzz/corpus/envelopes/virtualbox");
const LAUGHS: &str = include_str!("../../../cake-storage/fuzz/corpus/envelopes/laughs");

/// A tar of these files.
fn archive(files: &[(&str, &[u8])]) -> Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut head = tar::Header::new_ustar();
        // Also names that no program would write.
        head.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        head.set_size(bytes.len() as u64);
        head.set_entry_type(tar::EntryType::Regular);
        head.set_cksum();
        builder.append(&head, *bytes)?;
    }
    Ok(builder.into_inner()?)
}

/// A file of the image, as it lies in the pool.
fn made(node: &NodeProcess, id: ImageId, ending: &str) -> Result<Vec<u8>> {
    let path = node.state.path().join(format!("pool/images/{id}.{ending}"));
    std::fs::read(&path).with_context(|| path.display().to_string())
}

/// Two disks, and what is made of each: a streamOptimized VMDK, as all products write, and a qcow2 under the same ending.
fn disks(folder: &Path) -> Result<[(Vec<u8>, Vec<u8>); 2]> {
    let first = disk(&folder.join("a.raw"), 12 * MIB, 3 * MIB)?;
    let second = disk(&folder.join("b.raw"), 6 * MIB, MIB)?;
    qemu_img(folder, &["convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=streamOptimized", "a.raw", "a.vmdk"])?;
    qemu_img(folder, &["convert", "-f", "raw", "-O", "qcow2", "-c", "b.raw", "b.vmdk"])?;
    Ok([(first, std::fs::read(folder.join("a.vmdk"))?), (second, std::fs::read(folder.join("b.vmdk"))?)])
}

#[tokio::test]
async fn a_vm_that_was_taken_away_comes_back_with_all_its_disks() -> Result<()> {
    let node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let (vm, contents) = resting(&mut leader, &node).await?;
    let export = exports::export(&leader, &vm, ExportFormat::Ova);
    exports::apply(&leader, &export).await?;
    over(&mut leader, export.meta.id).await?;
    let mut bytes = Vec::new();
    File::from(leader.client.open_export(export.meta.id).await?).read_to_end(&mut bytes)?;

    let id = bring(&mut leader, "back", &bytes).await?;
    let spec = leader.specs[&id].clone();
    let machine = spec.machine.context("a machine")?;
    assert_eq!(machine.name.map(|name| name.to_string()), Some("Mail Files 台北".to_owned()));
    assert_eq!((machine.cpus, machine.memory, machine.nics), (vm.spec.cpus, vm.spec.memory, 2));
    assert_eq!((machine.firmware, machine.everyday, machine.tpm), (Firmware::Uefi, false, false));
    assert_eq!((spec.virtual_size, &spec.more_disks[..]), (ByteSize(12 * MIB), &[ByteSize(6 * MIB)][..]));
    assert_eq!((spec.firmware[0], spec.sha256), (Firmware::Uefi, hash(&bytes)));

    // Its disks are those of the image, each its own.
    let pool = leader.pool;
    let part = |size, part| DiskSpec { part, ..DiskSpec::own(ByteSize(size), pool, Some(id), None) };
    let mut again = leader.with_disks(leader.pvh(), vec![part(12 * MIB, None), part(8 * MIB, Some(1))]);
    again.spec.power = Power::Stopped;
    leader.apply(&again).await?;
    leader.state(&again, VmState::Stopped).await?;
    for (number, content) in contents.iter().enumerate() {
        let path = node.state.path().join(format!("pool/{}-{number}.raw", again.meta.id));
        assert!(std::fs::read(path)?.starts_with(content), "disk {number} is another");
    }
    // A disk that the image does not have is refused, and no other is taken for it.
    let third = leader.with_disks(leader.pvh(), vec![part(MIB, Some(2))]);
    leader.apply(&third).await?;
    let failed = leader.state(&third, VmState::Failed).await?;
    assert_eq!(failed.failure.map(|failure| failure.code), Some(FailureCode::ImageMissing));

    // One image, one thing to delete.
    leader.client.remove_import(id, stamp(&leader)).await?;
    assert_eq!(files(&node).len(), 3, "{:?}", files(&node));
    leader.client.remove_image(id, stamp(&leader)).await?;
    assert!(files(&node).is_empty(), "{:?}", files(&node));
    Ok(())
}

#[tokio::test]
async fn what_other_products_write_becomes_one_image() -> Result<()> {
    let node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let folder = tempfile::tempdir()?;
    let [(first, one), (second, two)] = disks(folder.path())?;
    // VMware's: SHA-1 in the manifest, disks in another order than they are written, one of them empty, a file that is none.
    let sum =
        |name: &str, bytes: &[u8]| format!("SHA1({name})= {}\n", data_encoding::HEXLOWER.encode(&Sha1::digest(bytes)));
    let manifest = sum("web.ovf", VMWARE.as_bytes()) + &sum("web-disk0.vmdk", &one) + &sum("web-disk3.vmdk", &two);
    let bytes = archive(&[
        ("web.ovf", VMWARE.as_bytes()),
        ("web.mf", manifest.as_bytes()),
        ("web-disk0.vmdk", &one),
        ("web-disk3.vmdk", &two),
        ("web.nvram", b"not looked at"),
    ])?;
    let id = bring(&mut leader, "books", &bytes).await?;
    let spec = leader.specs[&id].clone();
    assert_eq!((spec.os, spec.more_disks.len()), (GuestOs::Windows, 2));
    let machine = spec.machine.context("a machine")?;
    assert_eq!((machine.cpus, machine.memory, machine.everyday), (4, ByteSize::gib(8), true));
    assert!(made(&node, id, "raw")? == first && made(&node, id, "1.raw")? == second, "other disks");
    assert_eq!(made(&node, id, "2.raw")?, vec![0; 4 * MIB as usize]);

    // VirtualBox's, with a disk that is raw bytes.
    let bytes = archive(&[("w.ovf", VIRTUALBOX.as_bytes()), ("web-disk0.vmdk", &second), ("web-disk3.vmdk", &one)])?;
    let id = bring(&mut leader, "wiki", &bytes).await?;
    let spec = leader.specs[&id].clone();
    assert_eq!((spec.os, spec.firmware[0]), (GuestOs::Linux, Firmware::Uefi));
    assert!(made(&node, id, "raw")? == second && made(&node, id, "1.raw")? == first, "other disks");
    Ok(())
}

#[tokio::test]
async fn packages_that_are_refused_leave_nothing() -> Result<()> {
    let node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let folder = tempfile::tempdir()?;
    let [(_, one), (_, two)] = disks(folder.path())?;
    let with = |ovf: &str| archive(&[("web.ovf", ovf.as_bytes()), ("web-disk0.vmdk", &one), ("web-disk3.vmdk", &two)]);
    let changed = |from: &str, to: &str| with(&VIRTUALBOX.replacen(from, to, 1));
    let good = with(VIRTUALBOX)?;
    let wrong = format!("SHA1(web-disk3.vmdk)= {}\n", "0".repeat(40));
    let shadow = b"# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\nRW 8 FLAT \"/etc/shadow\" 0\n";
    // Its header is honest, and its table of grains leads out of the file: only the converter can find out.
    let mut lies = one.clone();
    lies[512 * 128..].fill(0xff);
    let (broken, names_files) = (FailureCode::ImageBroken, FailureCode::ImageNamesFiles);
    let file = "ovf:href=\"web-disk0.vmdk\"";
    let second = VIRTUALBOX.split_once("<VirtualSystem ").context("a system")?.1;
    let second = format!("</VirtualSystem><VirtualSystem {second}");
    let cases = [
        ("cut", good[..good.len() / 2].to_vec(), broken),
        ("outside", archive(&[("web.ovf", VIRTUALBOX.as_bytes()), ("../web-disk0.vmdk", &one)])?, broken),
        (
            "sum",
            archive(&[
                ("web.ovf", VIRTUALBOX.as_bytes()),
                ("web.mf", wrong.as_bytes()),
                ("web-disk0.vmdk", &one),
                ("web-disk3.vmdk", &two),
            ])?,
            FailureCode::ChecksumDiffers,
        ),
        ("elsewhere", changed(file, "ovf:href=\"http://127.0.0.1/a.vmdk\"")?, names_files),
        ("several", changed("</VirtualSystem>\n</Envelope>", &second)?, FailureCode::PackageSeveral),
        ("gzip", changed(file, &format!("{file} ovf:compression=\"gzip\""))?, FailureCode::PackageCompressed),
        ("long", with(&(VIRTUALBOX.to_owned() + &" ".repeat(1 << 20)))?, broken),
        ("laughs", with(LAUGHS)?, broken),
        ("no-ovf", archive(&[("web.json", b"{}"), ("web-disk0.qcow2", &two)])?, FailureCode::ImageUnknown),
        (
            "shadow",
            archive(&[("web.ovf", VIRTUALBOX.as_bytes()), ("web-disk0.vmdk", shadow), ("web-disk3.vmdk", &two)])?,
            names_files,
        ),
        (
            "lies",
            archive(&[("web.ovf", VIRTUALBOX.as_bytes()), ("web-disk0.vmdk", &one), ("web-disk3.vmdk", &lies)])?,
            broken,
        ),
    ];
    for (name, bytes, code) in cases {
        let import = import(&leader, name, bytes.len() as u64, None);
        send(&leader, &import, &bytes).await?;
        let status = stage(&mut leader, import.meta.id, &OVER).await?;
        assert_eq!(status.failure.as_ref().map(|failure| failure.code), Some(code), "{name}: {status:?}");
        assert!(files(&node).is_empty(), "{name}: {:?}", files(&node));
        leader.client.remove_import(import.meta.id, stamp(&leader)).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_node_that_is_killed_in_the_middle_of_a_package_goes_on() -> Result<()> {
    let mut node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let folder = tempfile::tempdir()?;
    let [(first, one), (second, two)] = disks(folder.path())?;
    let bytes = archive(&[("w.ovf", VIRTUALBOX.as_bytes()), ("web-disk0.vmdk", &one), ("web-disk3.vmdk", &two)])?;
    let begun = import(&leader, "begun", bytes.len() as u64, Some(hash(&bytes)));
    let id = begun.meta.id;
    send(&leader, &begun, &bytes).await?;
    stage(&mut leader, id, &[ImportStage::Converting, ImportStage::Done]).await?;
    node.kill()?;
    // What a kill in the middle of the second disk leaves, if it was not done by then.
    let images = node.state.path().join("pool/images");
    if !images.join(format!("{id}.toml")).exists() {
        std::fs::write(images.join(format!("{id}.1.raw")), b"half")?;
    }
    node.serve()?;
    let mut leader = Leader::new(&node, 2).await?;
    let status = stage(&mut leader, id, &OVER).await?;
    assert_eq!((status.stage, status.failure), (ImportStage::Done, None));
    assert!(made(&node, id, "raw")? == first && made(&node, id, "1.raw")? == second, "other disks");
    // And gone with its import, were it not done: nothing of it stays without its image.
    while !leader.images.contains_key("begun") {
        leader.see().await?;
    }
    leader.client.remove_image(id, stamp(&leader)).await?;
    assert!(files(&node).is_empty(), "{:?}", files(&node));
    Ok(())
}
