//! Power cuts. A small guest keeps store and journal on a disk whose every write is logged by QEMU; its plug is pulled;
//! then the log is replayed up to a hundred and more points, the file system is mounted as after a power cut, and every
//! write that the guest had acknowledged by then must be there, and nothing in half.
//!
//! ```text
//! cake-store-soak [--cuts N] [--acks N] [--fs ext4,xfs] [--seed N] [--engine DIR] [--work DIR]
//! ```
//!
//! Three kinds of cut take turns: *clean* (every write up to there arrived), *lossy* (of the writes since the last flush
//! each one may be missing, as in a disk with a volatile cache) and *torn* (lossy, and the last write arrived in part).
//! Needs root: file systems are mounted through loop devices.

mod guest;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use cake_tests::cuts::{Entry, Random, log};
use cake_tests::workspace;
use guest::{Ack, Parts};

struct Options {
    cuts: usize,
    acks: usize,
    kinds: Vec<String>,
    seed: u64,
    engine: PathBuf,
    work: PathBuf,
}

fn options() -> Result<Options> {
    let mut options = Options {
        cuts: 120,
        acks: 4000,
        kinds: vec!["ext4".into(), "xfs".into()],
        seed: 1,
        engine: "target/engine/current".into(),
        work: "target/soak/store".into(),
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--cuts" => options.cuts = value.parse()?,
            "--acks" => options.acks = value.parse()?,
            "--fs" => options.kinds = value.split(',').map(str::to_owned).collect(),
            "--seed" => options.seed = value.parse()?,
            "--engine" => options.engine = value.into(),
            "--work" => options.work = value.into(),
            other => bail!("unknown option {other}"),
        }
    }
    Ok(options)
}

fn main() -> Result<()> {
    let options = options()?;
    std::fs::create_dir_all(&options.work)?;
    let work = tempfile::tempdir_in(&options.work)?;
    // The writer is built beside this program.
    let writer = std::env::current_exe()?.with_file_name("cake-store-writer");
    ensure!(writer.exists(), "{} is missing: build all programs of cake-store", writer.display());
    let script = workspace().join("src/cake-store/soak/guest.sh");
    guest::run(Command::new(script).arg(&writer).arg(work.path())).context("making the guest")?;
    let parts = Parts {
        engine: options.engine.clone(),
        kernel: work.path().join("vmlinuz"),
        initrd: work.path().join("initrd"),
    };
    for kind in &options.kinds {
        let soak = Soak { options: &options, parts: &parts, work: work.path(), writer: &writer, kind };
        soak.run()?;
    }
    Ok(())
}

struct Soak<'a> {
    options: &'a Options,
    parts: &'a Parts,
    work: &'a Path,
    writer: &'a Path,
    kind: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    Clean,
    Lossy,
    Torn,
}

impl Soak<'_> {
    fn run(&self) -> Result<()> {
        let start = Instant::now();
        let (disk, log_path) = (self.work.join("disk"), self.work.join("log"));
        let base = self.work.join("base");
        // XFS does not make smaller ones.
        let mebibytes = if self.kind == "xfs" { 320 } else { 96 };
        guest::format(&disk, self.kind, mebibytes << 20)?;
        copy(&disk, &base)?;
        let acks = guest::write_until(self.parts, &disk, &log_path, self.kind, self.options.acks)?;
        std::fs::remove_file(&disk)?;
        let wrote = start.elapsed();
        let entries = log::read(&log_path)?;
        ensure!(!entries.iter().any(|entry| entry.discard), "the guest must not trim");
        let first = acks.first().context("no acknowledgement")?.entries;
        let mut random = Random::new(self.options.seed);
        let span = entries.len() as u64 - first;
        ensure!(span as usize > self.options.cuts, "only {span} requests to cut between");
        let mut cuts: Vec<u64> = (0..self.options.cuts).map(|_| first + random.below(span + 1)).collect();
        cuts.sort_unstable();
        let mut replay = Replay { log: File::open(&log_path)?, entries: &entries, base, done: 0 };
        let (mut checked, mut lost) = (0, 0);
        for (number, cut) in cuts.iter().enumerate() {
            let loss = [Loss::Clean, Loss::Lossy, Loss::Torn][number % 3];
            let image = self.work.join("cut");
            lost += replay.cut(*cut, loss, &mut random, &image)?;
            checked += self.check(&image, &acks, *cut).with_context(|| {
                format!(
                    "{} cut {number} ({loss:?}) after entry {cut} of {}, seed {}",
                    self.kind,
                    entries.len(),
                    self.options.seed
                )
            })?;
        }
        println!(
            "power cuts on {}: {} of {} cut points good (clean, lossy, torn in turn), {checked} acknowledgements checked, \
             {lost} unflushed writes taken away, {} requests logged, {} acknowledged; writing {:.0} s, checking {:.0} s",
            self.kind,
            cuts.len(),
            cuts.len(),
            entries.len(),
            acks.len(),
            wrote.as_secs_f64(),
            (start.elapsed() - wrote).as_secs_f64(),
        );
        Ok(())
    }

    /// Mounts the image as after a power cut and looks for what was acknowledged by then.
    fn check(&self, image: &Path, acks: &[Ack], cut: u64) -> Result<usize> {
        let (mount, acked) = (self.work.join("mount"), self.work.join("acked"));
        let known: Vec<&str> = acks.iter().filter(|a| a.entries <= cut).map(|a| a.line.as_str()).collect();
        std::fs::write(&acked, known.join("\n") + "\n")?;
        std::fs::create_dir_all(&mount)?;
        guest::run(Command::new("mount").args(["-o", "loop", "-t", self.kind]).arg(image).arg(&mount))?;
        let checked = guest::run(Command::new(self.writer).arg("--check").arg(&mount).arg(&acked));
        guest::run(Command::new("umount").arg(&mount))?;
        checked?;
        Ok(known.len())
    }
}

/// Copies an image without its holes.
fn copy(from: &Path, to: &Path) -> Result<()> {
    guest::run(Command::new("cp").args(["--sparse=always", "--reflink=auto"]).arg(from).arg(to))
}

/// The disk, brought forward through the log.
struct Replay<'a> {
    log: File,
    entries: &'a [Entry],
    /// Holds everything up to the last flush that was passed.
    base: PathBuf,
    done: usize,
}

impl Replay<'_> {
    /// Makes `image` the disk as a power cut after `cut` entries leaves it; says how many writes were taken away.
    fn cut(&mut self, cut: u64, loss: Loss, random: &mut Random, image: &Path) -> Result<usize> {
        let cut = usize::try_from(cut)?;
        let flushed = self.entries[..cut].iter().rposition(|e| e.flush).map_or(0, |at| at + 1);
        let base = File::options().write(true).open(&self.base)?;
        for entry in &self.entries[self.done.min(flushed)..flushed] {
            log::apply(&self.log, &base, entry, entry.length)?;
        }
        self.done = self.done.max(flushed);
        copy(&self.base, image)?;
        let image = File::options().write(true).open(image)?;
        let since = &self.entries[flushed..cut];
        let mut lost = 0;
        for (place, entry) in since.iter().enumerate() {
            let last = place + 1 == since.len();
            let arrived = match loss {
                Loss::Torn if last && entry.volatile() => random.below(entry.length / 512) * 512,
                Loss::Lossy | Loss::Torn if entry.volatile() && random.below(2) == 0 => 0,
                _ => entry.length,
            };
            lost += usize::from(arrived < entry.length);
            log::apply(&self.log, &image, entry, arrived)?;
        }
        Ok(lost)
    }
}
