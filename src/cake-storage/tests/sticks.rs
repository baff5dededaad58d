//! Sticks that the usual programs formatted and filled, on files.

#[path = "support/exfat.rs"]
mod exfat;

use anyhow::{Context, Result, ensure};
use cake_storage::inspect::Source;
use cake_storage::stick::{Unreadable, Volume, Wanted, copy, list};
use cake_types::{StickFormat, StickTrouble};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use tempfile::TempDir;

const MIB: u64 = 1 << 20;

struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Result<Self> {
        Ok(Self { folder: tempfile::tempdir()? })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn stick(&self, name: &str, size: u64) -> Result<PathBuf> {
        let path = self.path(name);
        File::create(&path)?.set_len(size)?;
        Ok(path)
    }

    /// A file of this content, to be copied to a stick.
    fn file(&self, name: &str, content: &[u8]) -> Result<String> {
        let path = self.path(name);
        fs::create_dir_all(path.parent().context("a folder")?)?;
        fs::write(&path, content)?;
        Ok(path.to_string_lossy().into_owned())
    }
}

/// Bytes that differ from place to place, and from seed to seed.
fn content(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

fn run(words: &[&str]) -> Result<()> {
    let (program, words) = words.split_first().context("a program")?;
    let done =
        Command::new(program).args(words).env("MTOOLS_SKIP_CHECK", "1").output().context((*program).to_owned())?;
    ensure!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&[done.stdout, done.stderr].concat()));
    Ok(())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn open(path: &Path) -> Result<Rc<dyn Source>> {
    Ok(Rc::new(File::open(path)?))
}

fn only(path: &Path) -> Result<Volume> {
    let mut volumes = list(open(path)?)?;
    ensure!(volumes.len() == 1, "{volumes:?}");
    volumes.pop().context("one")
}

fn wanted(volume: &Volume, path: &str) -> Result<Wanted> {
    let found = volume.found.as_ref().map_err(|trouble| anyhow::anyhow!("{trouble:?}"))?;
    let file = found.files.iter().find(|file| file.path == path).with_context(|| format!("{path} in {found:?}"))?;
    let (partition, volume) = (volume.partition, volume.id.clone());
    Ok(Wanted { partition, volume, path: path.into(), size: file.size, modified: file.modified })
}

/// The volume holds these images and no others, and hands them out from any byte on.
fn holds(stick: &Path, volume: &Volume, files: &[(&str, &[u8])]) -> Result<()> {
    let found = volume.found.as_ref().map_err(|trouble| anyhow::anyhow!("{trouble:?}"))?;
    let mut paths: Vec<&str> = files.iter().map(|(path, _)| *path).collect();
    paths.sort_unstable();
    let seen: Vec<&str> = found.files.iter().map(|file| file.path.as_str()).collect();
    ensure!(seen == paths && !found.incomplete, "{found:?}");
    for (path, content) in files {
        let wanted = wanted(volume, path)?;
        ensure!(wanted.modified.is_some_and(|at| at > 1_500_000_000), "{wanted:?}");
        for from in [0, content.len() as u64 / 2 + 13, content.len() as u64] {
            let from = from.min(content.len() as u64);
            let mut bytes = Vec::new();
            copy(open(stick)?, &wanted, from, &mut bytes)?;
            ensure!(bytes == content[from as usize..], "{path} from {from}: {} bytes", bytes.len());
        }
    }
    Ok(())
}

#[test]
fn each_width_of_fat() -> Result<()> {
    let bench = Bench::new()?;
    let (small, torn, large) = (content(1, 3000), content(2, 700_000), content(3, 900_001));
    for (bits, size, sectors) in [("12", 8 * MIB, "8"), ("16", 32 * MIB, "2"), ("32", 40 * MIB, "1")] {
        let stick = bench.stick(&format!("fat{bits}"), size)?;
        let at = text(&stick);
        run(&["mkfs.vfat", "-F", bits, "-s", sectors, "-n", "CAKE", "-i", "0815beef", at])?;
        let put = |name: &str, content: &[u8], to: &str| -> Result<()> {
            run(&["mcopy", "-i", at, &bench.file(name, content)?, &format!("::{to}")])
        };
        // What follows a gap lies in several pieces.
        put("gap", &content(9, 200_000), "gap.bin")?;
        put("small", &small, "SMALL.ISO")?;
        run(&["mdel", "-i", at, "::gap.bin"])?;
        put("torn", &torn, "Debian 13 (amd64) netinst.iso")?;
        run(&["mmd", "-i", at, "::Windows", "::Windows/更多", "::System Volume Information"])?;
        put("large", &large, "Windows/更多/安裝 光碟.qcow2")?;
        put("hidden", &small, "System Volume Information/x.iso")?;
        put("text", b"notes", "notes.txt")?;
        put("empty", b"", "empty.raw")?;
        let volume = only(&stick)?;
        ensure!(volume.format == StickFormat::Fat && volume.partition == 0 && volume.size == size, "{volume:?}");
        ensure!(volume.id == "0815beef" && volume.label.as_deref() == Some("CAKE"), "{volume:?}");
        holds(
            &stick,
            &volume,
            &[
                ("SMALL.ISO", &small),
                ("Debian 13 (amd64) netinst.iso", &torn),
                ("Windows/更多/安裝 光碟.qcow2", &large),
                ("empty.raw", b""),
            ],
        )?;
    }
    Ok(())
}

#[test]
fn exfat() -> Result<()> {
    let bench = Bench::new()?;
    let stick = bench.stick("exfat", 16 * MIB)?;
    run(&["mkfs.exfat", "-L", "照片 2026", "-c", "4096", text(&stick)])?;
    let file = File::options().read(true).write(true).open(&stick)?;
    let (mut writer, mut root) = exfat::Writer::open(&file)?;
    let (whole, torn, mut half) = (content(1, 300_000), content(2, 200_001), content(3, 50_000));
    half[20_000..].fill(0);
    writer.file(&mut root, "whole.iso", &whole, whole.len(), false)?;
    writer.file(&mut root, "notes.txt", b"text", 4, false)?;
    let mut folder = writer.folder(&mut root, "一個名字很長很長的資料夾，長到要用兩個項目")?;
    writer.file(&mut folder, "torn.vmdk", &torn, torn.len(), true)?;
    writer.file(&mut folder, "half-written.raw", &half, 20_000, false)?;
    run(&["fsck.exfat", "-n", text(&stick)])?;
    let volume = only(&stick)?;
    ensure!(volume.format == StickFormat::Exfat && volume.label.as_deref() == Some("照片 2026"), "{volume:?}");
    let within = |name: &str| format!("一個名字很長很長的資料夾，長到要用兩個項目/{name}");
    let (vmdk, raw) = (within("torn.vmdk"), within("half-written.raw"));
    holds(&stick, &volume, &[("whole.iso", &whole), (&vmdk, &torn), (&raw, &half)])?;
    ensure!(wanted(&volume, "whole.iso")?.modified == Some(1_709_204_400), "2024-02-29 12:00 at UTC+1");
    Ok(())
}

#[test]
fn ntfs() -> Result<()> {
    let bench = Bench::new()?;
    let stick = bench.stick("ntfs", 32 * MIB)?;
    run(&["mkntfs", "--fast", "--force", "--quiet", "-L", "備份 Disk", text(&stick)])?;
    let put = |name: &str, content: &[u8]| -> Result<()> {
        run(&["ntfscp", "-q", "-f", text(&stick), &bench.file("source", content)?, name])
    };
    let (small, large) = (content(1, 300), content(2, 3_000_000));
    put("in the record.raw", &small)?;
    // So many names don't fit into the folder's record: they lie in nodes of their own.
    for number in 0..60 {
        put(&format!("some file that is not asked for {number:03}.txt"), b"text")?;
    }
    put("Windows 11 繁體中文.iso", &large)?;
    let volume = only(&stick)?;
    ensure!(volume.format == StickFormat::Ntfs && volume.label.as_deref() == Some("備份 Disk"), "{volume:?}");
    ensure!(volume.id.len() == 16, "{volume:?}");
    holds(&stick, &volume, &[("in the record.raw", &small), ("Windows 11 繁體中文.iso", &large)])
}

#[test]
fn ext2_and_ext4() -> Result<()> {
    let bench = Bench::new()?;
    let (mut large, small) = (content(1, 2_000_003), content(2, 70));
    // A hole, where mke2fs finds only zeros: where a whole table of blocks would be, too.
    large[40_000..900_000].fill(0);
    bench.file("tree/Linux/images/debian.qcow2", &large)?;
    bench.file("tree/tiny.iso", &small)?;
    bench.file("tree/notes.txt", b"text")?;
    std::os::unix::fs::symlink("tiny.iso", bench.path("tree/link.iso"))?;
    for kind in ["ext2", "ext4"] {
        let stick = bench.stick(kind, 16 * MIB)?;
        let tree = bench.path("tree");
        run(&["mke2fs", "-q", "-t", kind, "-L", "linux", "-d", text(&tree), text(&stick)])?;
        let volume = only(&stick)?;
        ensure!(volume.format == StickFormat::Ext && volume.label.as_deref() == Some("linux"), "{volume:?}");
        holds(&stick, &volume, &[("Linux/images/debian.qcow2", &large), ("tiny.iso", &small)])?;
        // What its last owner did may be in the journal only.
        let file = File::options().write(true).open(&stick)?;
        let mut head = [0; 100];
        FileExt::read_exact_at(&File::open(&stick)?, &mut head, 1024)?;
        file.write_all_at(&[head[96] | 4], 1024 + 96)?;
        ensure!(only(&stick)?.found == Err(StickTrouble::Unclean));
    }
    Ok(())
}

/// Room that was reserved and not written to reads as zeros, whatever lies there.
#[test]
fn what_was_never_written_is_not_read() -> Result<()> {
    let bench = Bench::new()?;
    let stick = bench.stick("ext4", 8 * MIB)?;
    let image = bench.path("image.raw");
    fs::write(&image, content(1, 10_000))?;
    fs::write(&stick, vec![0xee; 8 << 20])?;
    run(&["mke2fs", "-q", "-t", "ext4", "-b", "1024", "-E", "nodiscard", text(&stick)])?;
    let script = format!("write {} image.raw\nfallocate image.raw 10 99\nsif image.raw size 102400\n", text(&image));
    let script = bench.file("script", script.as_bytes())?;
    run(&["debugfs", "-w", "-f", &script, text(&stick)])?;
    let mut expected = content(1, 10_000);
    expected.resize(102_400, 0);
    holds(&stick, &only(&stick)?, &[("image.raw", &expected)])
}

/// MBR with a logical partition, and GPT: each partition for itself.
#[test]
fn partition_tables() -> Result<()> {
    let bench = Bench::new()?;
    let image = content(1, 5000);
    bench.file("tree/a.iso", &image)?;
    let (fat, ext) = (bench.stick("fat", 4 * MIB)?, bench.stick("ext", 4 * MIB)?);
    run(&["mkfs.vfat", "-n", "FAT", text(&fat)])?;
    run(&["mcopy", "-i", text(&fat), text(&bench.path("tree/a.iso")), "::b.iso"])?;
    run(&["mke2fs", "-q", "-t", "ext4", "-d", text(&bench.path("tree")), text(&ext)])?;
    let tables = [
        ("dos", "2048,8192,c\n12288,,E\n14336,8192,83\n", [(1, 2048u64), (5, 14_336)]),
        ("gpt", "2048,8192,U\n10240,2048,L\n14336,8192,L\n", [(1, 2048), (3, 14_336)]),
    ];
    for (label, script, partitions) in tables {
        let stick = bench.stick(label, 16 * MIB)?;
        let script = bench.file("script", format!("label: {label}\n{script}").as_bytes())?;
        run(&["sh", "-c", "sfdisk -q \"$0\" < \"$1\"", text(&stick), &script])?;
        let file = File::options().write(true).open(&stick)?;
        for ((_, sector), part) in partitions.iter().zip([&fat, &ext]) {
            file.write_all_at(&fs::read(part)?, sector * 512)?;
        }
        let volumes = list(open(&stick)?)?;
        let seen: Vec<_> = volumes.iter().map(|volume| (volume.partition, volume.start / 512)).collect();
        ensure!(seen == partitions, "{volumes:?}");
        holds(&stick, &volumes[0], &[("b.iso", &image)])?;
        holds(&stick, &volumes[1], &[("a.iso", &image)])?;
    }
    Ok(())
}

/// Said plainly, with the name of what it is: no empty list.
#[test]
fn what_is_not_read_is_called_by_its_name() -> Result<()> {
    let bench = Bench::new()?;
    let blank = bench.stick("blank", MIB)?;
    let volume = only(&blank)?;
    ensure!(volume.format == StickFormat::Unknown && volume.found == Err(StickTrouble::Unsupported), "{volume:?}");
    let xfs = bench.stick("xfs", 320 * MIB)?;
    run(&["mkfs.xfs", "-q", text(&xfs)])?;
    let volume = only(&xfs)?;
    ensure!(volume.format == StickFormat::Xfs && volume.found == Err(StickTrouble::Unsupported), "{volume:?}");
    let marks: [(u64, &[u8], StickFormat); 3] = [
        (0x8001, b"CD001", StickFormat::Iso9660),
        (0, b"LUKS\xba\xbe", StickFormat::Luks),
        (3, b"-FVE-FS-", StickFormat::Bitlocker),
    ];
    for (at, mark, format) in marks {
        let stick = bench.stick("marked", MIB)?;
        File::options().write(true).open(&stick)?.write_all_at(mark, at)?;
        ensure!(only(&stick)?.format == format, "{format:?}");
    }
    Ok(())
}

/// Another stick, another file under the same name, or none: never its bytes.
#[test]
fn only_what_was_chosen_is_handed_out() -> Result<()> {
    let bench = Bench::new()?;
    let stick = bench.stick("fat", 4 * MIB)?;
    let at = text(&stick);
    run(&["mkfs.vfat", "-i", "00000001", at])?;
    run(&["mcopy", "-i", at, &bench.file("one", &content(1, 9000))?, "::a.iso"])?;
    let chosen = wanted(&only(&stick)?, "a.iso")?;
    let refused = |wanted: &Wanted| -> Result<Unreadable> {
        let mut bytes = Vec::new();
        let error = copy(open(&stick)?, wanted, 0, &mut bytes).err().context("it is handed out")?;
        ensure!(bytes.is_empty());
        Ok(error)
    };
    let others = [
        Wanted { volume: "00000002".into(), ..chosen.clone() },
        Wanted { partition: 1, ..chosen.clone() },
        Wanted { size: 9001, ..chosen.clone() },
        Wanted { modified: chosen.modified.map(|at| at + 2), ..chosen.clone() },
    ];
    for other in others {
        ensure!(matches!(refused(&other)?, Unreadable::Changed), "{other:?}");
    }
    for path in ["b.iso", "", "/a.iso", "x/../a.iso", "a.iso/b.iso", "."] {
        let other = Wanted { path: path.into(), ..chosen.clone() };
        ensure!(matches!(refused(&other)?, Unreadable::NotThere), "{path}");
    }
    Ok(())
}

/// Chains that bite their tails, and files that claim more than there is.
#[test]
fn a_stick_that_lies_ends_nothing() -> Result<()> {
    let bench = Bench::new()?;
    let stick = bench.stick("fat", 4 * MIB)?;
    let at = text(&stick);
    run(&["mkfs.vfat", "-F", "12", "-s", "4", at])?;
    run(&["mmd", "-i", at, "::folder"])?;
    run(&["mcopy", "-i", at, &bench.file("one", &content(1, 4000))?, "::folder/a.iso"])?;
    let volume = only(&stick)?;
    let chosen = wanted(&volume, "folder/a.iso")?;
    let file = File::options().read(true).write(true).open(&stick)?;
    let mut boot = [0; 512];
    FileExt::read_exact_at(&file, &mut boot, 0)?;
    let table = u64::from(u16::from_le_bytes([boot[14], boot[15]])) * 512;
    // The first folder's cluster is 2, the file's begin with 3: each leads to itself.
    file.write_all_at(&[0x02, 0x30, 0x00], table + 3)?;
    let again = only(&stick)?;
    let found = again.found.map_err(|trouble| anyhow::anyhow!("{trouble:?}"))?;
    ensure!(found.files.iter().all(|file| file.path == "folder/a.iso"), "{found:?}");
    let mut bytes = Vec::new();
    copy(open(&stick)?, &chosen, 0, &mut bytes)?;
    ensure!(bytes.len() == 4000, "no more than it has");
    file.write_all_at(&[0xff; 512], table)?;
    ensure!(only(&stick)?.format == StickFormat::Fat);
    Ok(())
}

/// A stick that says which of its sectors were read.
struct Watched {
    bytes: Vec<u8>,
    read: RefCell<BTreeSet<usize>>,
}

impl Source for Watched {
    fn size(&self) -> std::io::Result<u64> {
        self.bytes.size()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
        let (first, last) = (offset as usize / 512, (offset as usize + buffer.len()).div_ceil(512));
        self.read.borrow_mut().extend(first..last);
        Source::read_exact_at(&self.bytes, buffer, offset)
    }
}

/// With `CAKE_UPDATE_CORPUS=1` the fuzzers' corpus is made anew: of each stick the sectors that are looked at.
#[test]
fn the_corpus_holds_each_kind() -> Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/sticks");
    if std::env::var_os("CAKE_UPDATE_CORPUS").is_some() {
        let bench = Bench::new()?;
        let image = bench.file("tree/folder/a.iso", &content(1, 5000))?;
        bench.file("tree/b.raw", b"small")?;
        let tree = bench.path("tree");
        let make = |name: &str, size: u64, words: &[&str]| -> Result<PathBuf> {
            let stick = bench.stick(name, size)?;
            let words: Vec<&str> = words.iter().copied().chain([text(&stick)]).collect();
            run(&words)?;
            Ok(stick)
        };
        for (name, words) in [("fat12", &["mkfs.vfat"][..]), ("fat32", &["mkfs.vfat", "-F", "32", "-s", "1"])] {
            let stick = make(name, MIB * if name == "fat12" { 1 } else { 40 }, words)?;
            run(&["mmd", "-i", text(&stick), "::folder"])?;
            run(&["mcopy", "-i", text(&stick), &image, "::folder/安裝 a long name.iso"])?;
        }
        for (name, words) in [
            ("ext2", &["mke2fs", "-q", "-t", "ext2", "-d", text(&tree)][..]),
            ("ext4", &["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-d", text(&tree)]),
        ] {
            make(name, MIB, words)?;
        }
        let stick = make("ntfs", 2 * MIB, &["mkntfs", "--fast", "--force", "--quiet"])?;
        run(&["ntfscp", "-q", "-f", text(&stick), &image, "a.iso"])?;
        for number in 0..20 {
            run(&["ntfscp", "-q", "-f", text(&stick), &image, &format!("a name that takes some room {number}.iso")])?;
        }
        let stick = make("exfat", 4 * MIB, &["mkfs.exfat", "-c", "512"])?;
        let file = File::options().read(true).write(true).open(&stick)?;
        let (mut writer, mut root) = exfat::Writer::open(&file)?;
        let mut folder = writer.folder(&mut root, "folder")?;
        writer.file(&mut folder, "a.iso", &content(1, 5000), 5000, true)?;
        writer.file(&mut root, "b.iso", &content(1, 5000), 4000, false)?;
        let script = bench.file("script", b"label: dos\n2048,2048,c\n4096,,E\n6144,2048,83\n")?;
        let stick = make("mbr", 5 * MIB, &["sh", "-c", &format!("sfdisk -q \"$0\" < {script}")])?;
        let file = File::options().write(true).open(&stick)?;
        file.write_all_at(&fs::read(bench.path("fat12"))?, 2048 * 512)?;
        file.write_all_at(&fs::read(bench.path("ext4"))?, 6144 * 512)?;
        fs::create_dir_all(&corpus)?;
        for name in ["fat12", "fat32", "ext2", "ext4", "ntfs", "exfat", "mbr"] {
            fs::write(corpus.join(name), sectors_read(&bench.path(name))?)?;
        }
    }
    ensure!(fs::read_dir(corpus)?.count() >= 7);
    Ok(())
}

/// The number of sectors, then each that was read and is not empty, after its own number.
fn sectors_read(stick: &Path) -> Result<Vec<u8>> {
    let watched = Rc::new(Watched { bytes: fs::read(stick)?, read: RefCell::default() });
    for volume in list(watched.clone())? {
        let found = volume.found.clone().map_err(|trouble| anyhow::anyhow!("{trouble:?}"))?;
        let file = found.files.first().context("a file")?;
        copy(watched.clone(), &wanted(&volume, &file.path)?, 0, &mut Vec::new())?;
    }
    let mut packed = (watched.bytes.len() as u32 / 512).to_le_bytes().to_vec();
    for number in watched.read.borrow().iter() {
        let sector = &watched.bytes[number * 512..][..512];
        if sector.iter().any(|byte| *byte != 0) {
            packed.extend((*number as u32).to_le_bytes());
            packed.extend(sector);
        }
    }
    Ok(packed)
}
