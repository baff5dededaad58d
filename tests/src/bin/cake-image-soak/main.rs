//! Power cuts of the appliance. An installation, and a first start with an update, run once on a server whose disk keeps every write and
//! flush in order. Then the power is cut at 500 and more points of these logs, with writes that were not flushed missing, in another order
//! or in part; each disk that is left is judged from its bytes, and servers are started from the six that were hurt most.
//!
//! ```text
//! cake-image-soak [--cuts N] [--seed N] [--starts N] [--work DIR] [--go-on] [--installation]    all of it, or cuts of that run alone
//! cake-image-soak --cuts N --seed N --cut K [--starts 1]                                        one of them again: judged, and started
//! ```
//!
//! ```text
//!  installation ─► log ─┐
//!                       ├─ cases ─► Replay ─► View ─ judge ─► what it is, or a violation: seed and cut are printed
//!  start, update ► log ─┘                      └─ the nastiest ─► boots
//! ```
//!
//! The runs are kept in `target/soak/image` and used again as long as the image is the same: a cut is only the same in the same log.
//! Needs root, for the wire between server and test.

mod boots;
mod cases;
mod record;

use anyhow::{Context, Result, bail, ensure};
use cake_tests::appliance::built;
use cake_tests::cuts::fat::Fat;
use cake_tests::cuts::gpt::{self, Table};
use cake_tests::cuts::judge::{self, Found, Said, Version, Wanted};
use cake_tests::cuts::{Cut, Manner, ReadAt, Replay};
use cake_tests::machine::copy_sparse;
use cake_tests::workspace;
use cases::{Case, Hurt, Run};
use record::Record;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Instant;

struct Options {
    cuts: usize,
    seed: u64,
    starts: usize,
    /// Only this one.
    cut: Option<usize>,
    /// Tells every violation, not only the first.
    go_on: bool,
    /// Only cuts of the installation.
    installation: bool,
    work: PathBuf,
}

fn options() -> Result<Options> {
    let work = workspace().join("target/soak/image");
    let mut options = Options { cuts: 600, seed: 1, starts: 6, cut: None, go_on: false, installation: false, work };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let flag = match name.as_str() {
            "--go-on" => Some(&mut options.go_on),
            "--installation" => Some(&mut options.installation),
            _ => None,
        };
        if let Some(flag) = flag {
            *flag = true;
            continue;
        }
        let value = arguments.next().with_context(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--cuts" => options.cuts = value.parse()?,
            "--seed" => options.seed = value.parse()?,
            "--starts" => options.starts = value.parse()?,
            "--cut" => options.cut = Some(value.parse()?),
            "--work" => options.work = value.into(),
            other => bail!("unknown option {other}"),
        }
    }
    Ok(options)
}

fn main() -> Result<()> {
    let options = options()?;
    if built("cake-installer.img").is_err() {
        println!("There is no image: make image makes it.");
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(soak(&options))
}

async fn soak(options: &Options) -> Result<()> {
    let begun = Instant::now();
    let installed = record::installation(&options.work.join("installation")).await?;
    let half = options.cuts / 2;
    let mut runs = vec![Story { run: Run::Installation, record: installed.clone(), first: 0, count: half, base: None }];
    if !options.installation {
        let record = record::update(&options.work.join("update"), &installed).await?;
        let (count, base) = (options.cuts - half, Some(installed.disk()));
        runs.push(Story { run: Run::Update, record, first: half, count, base });
    }
    let recorded = begun.elapsed();
    let wanted = wanted(&installed)?;
    let mut hurts = Vec::new();
    let mut violations = 0;
    for story in &runs {
        let told = story.judged(options, &wanted)?;
        violations += told.violations;
        hurts.extend(told.hurts);
    }
    let judged = begun.elapsed() - recorded;
    ensure!(violations == 0, "{violations} cuts left what must not be");
    for hurt in cases::nastiest(hurts, options.starts) {
        let story = &runs[usize::from(hurt.case.run == Run::Update)];
        story.started(options, &hurt).await.with_context(|| story.again(options, &hurt.case))?;
    }
    println!(
        "recording {:.0} s, judging {:.0} s, starting {:.0} s",
        recorded.as_secs_f64(),
        judged.as_secs_f64(),
        (begun.elapsed() - recorded - judged).as_secs_f64()
    );
    Ok(())
}

/// What the boot partition must hold: the signed files, and what the finished installation has beside them.
fn wanted(installed: &Record) -> Result<Wanted> {
    let disk = Whole(File::open(installed.disk())?);
    let table = gpt::read(&disk)?.context("the installed disk has no table")?;
    let fat = Fat::open(&disk, table.parts[0].start, table.parts[0].length)?;
    let tree = fat.tree()?;
    let content = |path: &str| fat.content(tree.file(path).with_context(|| format!("{path} is missing"))?);
    let version = fs::read_to_string(built("version")?)?.trim().to_owned();
    Ok(Wanted {
        old: Version { name: version, file: fs::read(built("cake.efi")?)? },
        new: Some(Version { name: record::NEW.into(), file: fs::read(new_file()?)? }),
        loader: content(judge::LOADER)?,
        settings: content(judge::SETTINGS)?,
    })
}

/// The new version as its repository has it, called by its own SHA-256.
fn new_file() -> Result<PathBuf> {
    let name = format!("cake_{}.efi", record::NEW);
    for entry in fs::read_dir(record::repository()?.join("targets"))? {
        let path = entry?.path();
        let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some((sum, _)) = file.split_once('.').filter(|(_, rest)| *rest == name) {
            ensure!(record::sha256(&path)? == sum, "{} is not what its name says", path.display());
            return Ok(path);
        }
    }
    bail!("the repository has no {name}")
}

/// A disk that is only read.
struct Whole(File);

impl ReadAt for Whole {
    fn size(&self) -> u64 {
        self.0.metadata().map_or(0, |file| file.len())
    }

    fn read_at(&self, buffer: &mut [u8], at: u64) -> std::io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.0, buffer, at)
    }
}

/// One of the runs, and its cuts.
struct Story {
    run: Run,
    record: Record,
    /// Number of its first cut.
    first: usize,
    count: usize,
    /// What the disk held before; absent: nothing.
    base: Option<PathBuf>,
}

#[derive(Default)]
struct Told {
    hurts: Vec<Hurt>,
    violations: usize,
}

impl Story {
    /// The disk as it was before the run, in a file of its own.
    fn begin(&self, work: &Path) -> Result<(PathBuf, Replay)> {
        let path = work.join("replayed");
        let _ = fs::remove_file(&path);
        match &self.base {
            Some(base) => copy_sparse(base, &path)?,
            None => File::create_new(&path)?.set_len(record::SIZE.bytes())?,
        }
        let replay = Replay::new(&path, &self.record.log())?;
        Ok((path, replay))
    }

    fn table(&self) -> Result<Table> {
        gpt::read(&Whole(File::open(self.record.disk())?))?.context("the disk has no table at the end")
    }

    fn cases(&self, options: &Options, replay: &Replay) -> Result<Vec<Case>> {
        let all = cases::cases(self.run, self.first, self.count, options.seed, replay.entries(), &self.table()?);
        Ok(all.into_iter().filter(|case| options.cut.is_none_or(|only| only == case.number)).collect())
    }

    /// What was said when so many entries had been made.
    fn said(&self, after: usize) -> Vec<&str> {
        let before = |entries: u64| usize::try_from(entries).is_ok_and(|entries| entries <= after);
        self.record.marks.iter().filter(|mark| before(mark.entries)).map(|mark| mark.what.as_str()).collect()
    }

    fn judge(&self, disk: &impl ReadAt, wanted: &Wanted, after: usize) -> Result<Found> {
        let marks = self.said(after);
        let order = [("good", Said::Good), ("written", Said::Written), ("installed", Said::Installed)];
        let said = order.into_iter().find(|(mark, _)| marks.contains(mark)).map_or(Said::Nothing, |(_, said)| said);
        match self.run {
            Run::Installation => judge::installation(disk, wanted, said),
            Run::Update => judge::update(disk, wanted, said),
        }
    }

    fn judged(&self, options: &Options, wanted: &Wanted) -> Result<Told> {
        let begun = Instant::now();
        let (_, mut replay) = self.begin(&options.work)?;
        let table = self.table()?;
        let mut told = Told::default();
        let (mut found, mut manners) = (BTreeMap::<Found, usize>::new(), BTreeMap::<Manner, usize>::new());
        let (mut dropped, mut torn, mut moved) = (0, 0, 0);
        let cases = self.cases(options, &replay)?;
        for case in &cases {
            let (view, loss) = replay.cut(&case.cut)?;
            (dropped, torn, moved) = (dropped + loss.dropped, torn + loss.torn, moved + loss.moved);
            let mut more = 0;
            match self.judge(&view, wanted, case.cut.after) {
                Ok(is) => {
                    *found.entry(is).or_default() += 1;
                    // What is allowed, and must not get into the way of anything: those are started first.
                    more = usize::from(matches!(is, Found::OldAndBrokenPart | Found::OldAndEmptyName)) << 20;
                }
                Err(violation) => {
                    let violation = violation.context(self.again(options, case));
                    if !options.go_on {
                        return Err(violation);
                    }
                    println!("{violation:#}");
                    told.violations += 1;
                }
            }
            *manners.entry(case.cut.manner).or_default() += 1;
            told.hurts.extend(cases::hurts(*case, &loss, more, replay.entries(), &table));
        }
        println!(
            "{:?}: {} cuts of {} requests, seed {}, in {:.0} s; of unflushed writes {dropped} dropped, {torn} torn, {moved} moved",
            self.run,
            cases.len(),
            replay.entries().len(),
            options.seed,
            begun.elapsed().as_secs_f64(),
        );
        manners.iter().for_each(|(manner, count)| println!("  {count:>4}  {manner:?}"));
        found.iter().for_each(|(found, count)| println!("  {count:>4}  {found}"));
        Ok(told)
    }

    /// How a cut is done again.
    fn again(&self, options: &Options, case: &Case) -> String {
        let Options { cuts, seed, .. } = options;
        let Cut { after, manner, .. } = case.cut;
        format!(
            "--cuts {cuts} --seed {seed} --cut {} ({:?}, {manner:?}, after {after} requests)",
            case.number, self.run
        )
    }

    /// Makes the disk anew and starts a server from it.
    async fn started(&self, options: &Options, hurt: &Hurt) -> Result<()> {
        let begun = Instant::now();
        let (base, mut replay) = self.begin(&options.work)?;
        let disk = options.work.join("cut");
        let _ = fs::remove_file(&disk);
        let (view, loss) = replay.cut(&hurt.case.cut)?;
        view.write_to(&base, &disk)?;
        let became = boots::start(hurt, &disk, &self.record, &self.said(hurt.case.cut.after)).await?;
        fs::remove_file(&disk)?;
        println!(
            "cut {} of {:?} hit {} ({} of {} unflushed writes dropped, {} torn): {became}, {:.0} s",
            hurt.case.number,
            self.run,
            hurt.region,
            loss.dropped,
            loss.unflushed,
            loss.torn,
            begun.elapsed().as_secs_f64()
        );
        Ok(())
    }
}
