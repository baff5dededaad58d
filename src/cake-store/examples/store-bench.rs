//! Measures the store beside what the disk can do: `cargo run --release -p cake-store --example store-bench [DIRECTORY]`.
//!
//! The rounds take turns, so that a noisy machine is noisy for all of them.

use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use cake_store::{
    Expect, Journal, JournalOptions, Key, KeyPrefix, Page, Record, RecordKind, SqliteOptions, SqliteStore, Store,
};

const ROUNDS: usize = 9;
const PUTS: usize = 100;
const WRITERS: usize = 32;
const LISTED: usize = 1000;
const VALUE: usize = 2048;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let base = std::env::args().nth(1).map_or_else(std::env::temp_dir, Into::into);
    let directory = tempfile::tempdir_in(base)?;
    let bench = Bench::new(directory.path()).await?;
    let mut rows = Rows::default();
    for _ in 0..ROUNDS {
        bench.round(&mut rows).await?;
    }
    println!("{ROUNDS} rounds, values of {VALUE} bytes, load {}", load()?);
    rows.print();
    println!("resident memory {} KiB", resident()?);
    Ok(())
}

#[derive(Default)]
struct Rows(Vec<(&'static str, Vec<Duration>)>);

impl Rows {
    fn add(&mut self, name: &'static str, time: Duration) {
        match self.0.iter_mut().find(|(row, _)| *row == name) {
            Some((_, times)) => times.push(time),
            None => self.0.push((name, vec![time])),
        }
    }

    fn print(&mut self) {
        println!("{:<44} {:>8} {:>8} {:>8} {:>7}", "", "min ms", "p50 ms", "p99 ms", "count");
        for (name, times) in &mut self.0 {
            times.sort();
            let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1000.0;
            println!("{name:<44} {:>8.3} {:>8.3} {:>8.3} {:>7}", at(0), at(50), at(99), times.len());
        }
    }
}

struct Bench {
    floor: std::fs::File,
    store: SqliteStore,
    journal: Journal,
    value: Bytes,
}

impl Bench {
    async fn new(directory: &Path) -> Result<Self> {
        let floor = std::fs::File::create(directory.join("floor"))?;
        let store = SqliteStore::open(directory.join("store.sqlite"), SqliteOptions::default()).await?;
        let journal = Journal::open(directory.join("journal.sqlite"), JournalOptions::default()).await?;
        let value = Bytes::from(vec![b'x'; VALUE]);
        for i in 0..LISTED {
            store.put_if(&Key::new(&format!("/list/{i:04}"))?, value.clone(), Expect::Any).await?;
        }
        Ok(Self { floor, store, journal, value })
    }

    async fn round(&self, rows: &mut Rows) -> Result<()> {
        for i in 0..PUTS {
            timed(rows, "floor: write + fdatasync", async { self.write_and_sync() }).await?;
            let key = Key::new(&format!("/put/{}", i % 50))?;
            let put = self.store.put_if(&key, self.value.clone(), Expect::Any);
            timed(rows, "put, one at a time", async { Ok(put.await?) }).await?;
            timed(rows, "get", async { Ok(self.store.get(&key).await?) }).await?;
            timed(rows, "journal append, one at a time", async { Ok(self.journal.append(record()).await?) }).await?;
        }
        timed(rows, "32 puts at once, all of them", self.puts_at_once()).await?;
        timed(rows, "list of 1,000", self.list()).await?;
        timed(rows, "put until a watcher has it", self.watch()).await
    }

    fn write_and_sync(&self) -> Result<()> {
        (&self.floor).write_all(&self.value)?;
        // SAFETY: the descriptor is open for as long as `self` lives.
        let result = unsafe { libc::fdatasync(self.floor.as_raw_fd()) };
        anyhow::ensure!(result == 0, std::io::Error::last_os_error());
        Ok(())
    }

    async fn puts_at_once(&self) -> Result<()> {
        let puts = (0..WRITERS).map(|i| async move {
            let key = Key::new(&format!("/many/{i}"))?;
            self.store.put_if(&key, self.value.clone(), Expect::Any).await?;
            anyhow::Ok(())
        });
        for put in futures_util::future::join_all(puts).await {
            put?;
        }
        Ok(())
    }

    async fn list(&self) -> Result<()> {
        let listing = self.store.list(&KeyPrefix::new("/list/")?, Page::default()).await?;
        anyhow::ensure!(listing.entries.len() == LISTED);
        Ok(())
    }

    async fn watch(&self) -> Result<()> {
        let prefix = KeyPrefix::new("/watch/")?;
        let cursor = self.store.list(&prefix, Page::first(1)).await?.cursor;
        let mut watch = self.store.watch(&prefix, cursor).await?;
        self.store.put_if(&Key::new("/watch/1")?, self.value.clone(), Expect::Any).await?;
        watch.next().await?;
        Ok(())
    }
}

async fn timed<T>(rows: &mut Rows, name: &'static str, work: impl Future<Output = Result<T>>) -> Result<()> {
    let start = Instant::now();
    work.await.context(name)?;
    rows.add(name, start.elapsed());
    Ok(())
}

fn record() -> Record {
    Record {
        kind: RecordKind::Event,
        at: jiff::Timestamp::now(),
        project: "default".into(),
        subject: "/vms/1".into(),
        actor: "system".into(),
        data: "something happened".into(),
    }
}

fn load() -> Result<String> {
    let text = std::fs::read_to_string("/proc/loadavg")?;
    Ok(text.split(' ').take(3).collect::<Vec<_>>().join(" "))
}

fn resident() -> Result<String> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim_start_matches("VmRSS:").trim().trim_end_matches(" kB").to_owned())
}
