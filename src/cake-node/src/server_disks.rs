//! The disks of this server and how they are: looked at when the node starts, each hour, and when somebody asks.
//!
//! ```text
//!  /sys ──► cake_host::disks::list ──► each one: worker ask-disk ──► cake_host::disks::health ──► wear ──► board
//!                                                        cake_planner::wear, what it was before: node.db ──┘
//! ```
//!
//! A disk that sleeps is not woken for it: what it said before stays, with the time when it was so.

use crate::board::Board;
use crate::database::{Database, DatabaseError};
use cake_host::disks::{self, ANSWER_MAX};
use cake_planner::wear;
use cake_types::{DiskHealth, DiskSilence, ServerBus, ServerDisk};
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Nothing that is read here changes quickly.
const EVERY: Duration = Duration::from_secs(3600);
/// Who asks again so soon gets the same answer: disks have better things to do.
const FRESH: Duration = Duration::from_secs(5);
/// A disk that has not answered by then does not answer.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct ServerDisks {
    /// This very program.
    program: PathBuf,
    engine: PathBuf,
    board: Board,
    /// How they wore.
    database: Database,
    /// Held while disks are asked, so that they are asked once; when that was.
    asked: Mutex<Option<Instant>>,
}

impl ServerDisks {
    pub fn new(program: PathBuf, engine: PathBuf, board: Board, database: Database) -> Arc<Self> {
        Arc::new(Self { program, engine, board, database, asked: Mutex::new(None) })
    }

    /// Asks every disk, one after the other, and puts what they say on the board.
    pub async fn read(&self) -> Vec<ServerDisk> {
        let mut asked = self.asked.lock().await;
        let before = self.board.disks();
        if asked.is_some_and(|at| at.elapsed() < FRESH)
            && let Some(disks) = before
        {
            return disks;
        }
        let before = before.unwrap_or_default();
        let listed = tokio::task::spawn_blocking(|| disks::list(Path::new("/sys"))).await;
        let mut now = listed.unwrap_or_else(|ended| Err(std::io::Error::other(ended))).unwrap_or_else(|error| {
            tracing::warn!(%error, "the server's disks can't be listed: {error}");
            Vec::new()
        });
        for disk in &mut now {
            let earlier = before.iter().find(|old| old.identity() == disk.identity() && old.name == disk.name);
            disk.health = remembered(self.health(disk).await, earlier);
        }
        remember_wear(&self.database, &mut now, Timestamp::now()).await;
        self.board.set_disks(&now);
        *asked = Some(Instant::now());
        now
    }

    async fn health(&self, disk: &ServerDisk) -> DiskHealth {
        // The kernel hands no commands through to these.
        if matches!(disk.bus, ServerBus::Virtio | ServerBus::Other) {
            return DiskHealth::silent(DiskSilence::Unsupported);
        }
        match tokio::time::timeout(PATIENCE, self.ask(&disk.name)).await {
            Ok(Ok(answer)) if answer.is_empty() => DiskHealth::silent(DiskSilence::NoProgram),
            Ok(Ok(answer)) => match disks::health(&answer) {
                silent @ DiskHealth { silence: Some(_), .. } => silent,
                told => DiskHealth { read_at: Some(Timestamp::now()), ..told },
            },
            Ok(Err(error)) => {
                tracing::warn!(disk = disk.name, %error, "disk {} could not be asked: {error}", disk.name);
                DiskHealth::silent(DiskSilence::NoProgram)
            }
            Err(_) => DiskHealth::silent(DiskSilence::NoAnswer),
        }
    }

    /// What smartctl says of a disk. Nobody waits for one that the kernel does not let go of: it ends when its disk answers.
    async fn ask(&self, name: &str) -> std::io::Result<Vec<u8>> {
        let mut worker = tokio::process::Command::new(&self.program);
        worker.args(["worker", "ask-disk", name]).arg(&self.engine).env_clear();
        worker.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut worker = worker.spawn()?;
        let output = worker.stdout.take().ok_or_else(|| std::io::Error::other("no pipe"))?;
        let mut answer = Vec::new();
        output.take(ANSWER_MAX as u64).read_to_end(&mut answer).await?;
        // One that says more than is read is ended, not waited for.
        worker.start_kill()?;
        worker.wait().await?;
        Ok(answer)
    }
}

/// A disk that says nothing now is as it was when it last did.
fn remembered(now: DiskHealth, earlier: Option<&ServerDisk>) -> DiskHealth {
    match (now.silence, earlier) {
        (Some(DiskSilence::Asleep | DiskSilence::NoAnswer), Some(earlier)) if earlier.health.read_at.is_some() => {
            DiskHealth { silence: now.silence, ..earlier.health.clone() }
        }
        _ => now,
    }
}

/// Writes down how disks wear that said so now, and says of each when it is worn out. Without the database nothing is known of before.
async fn remember_wear(database: &Database, disks: &mut [ServerDisk], now: Timestamp) {
    let names: Vec<Option<String>> = disks.iter().map(lifelong_name).collect();
    for (disk, name) in disks.iter_mut().zip(&names) {
        let (Some(name), Some(percent), None) = (name, disk.health.percent_used, disk.health.silence) else { continue };
        // Two that call themselves the same can't be told apart.
        if names.iter().filter(|other| other.as_ref() == Some(name)).count() > 1 {
            continue;
        }
        match look_at_wear(database, name, percent, now).await {
            Ok(worn_out_at) => disk.health.worn_out_at = worn_out_at,
            Err(error) => {
                tracing::error!(disk = disk.name, %error, "how disk {} wears can't be written down: {error}", disk.name);
            }
        }
    }
}

/// Nothing is written where nothing changed: a disk has a hundred steps in its life.
async fn look_at_wear(
    database: &Database,
    disk: &str,
    percent: u32,
    now: Timestamp,
) -> Result<Option<Timestamp>, DatabaseError> {
    let before = database.wear(disk.into()).await?;
    let mut record = before.clone();
    let worn_out_at = wear::look(&mut record, percent, now);
    if record != before {
        database.set_wear(disk.into(), record).await?;
    }
    Ok(worn_out_at)
}

/// What a disk is known by wherever it is put: makers number from the same beginning. One without a serial number is any disk.
fn lifelong_name(disk: &ServerDisk) -> Option<String> {
    Some(format!("{}/{}", disk.model.as_deref().unwrap_or_default(), disk.serial.as_deref()?))
}

pub async fn run(disks: Arc<ServerDisks>) {
    let mut timer = tokio::time::interval(EVERY);
    loop {
        timer.tick().await;
        disks.read().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cake_types::ByteSize;
    use jiff::SignedDuration;

    fn disk(serial: Option<&str>, health: DiskHealth) -> ServerDisk {
        ServerDisk {
            name: "sda".into(),
            model: None,
            serial: serial.map(str::to_owned),
            size: ByteSize(1),
            bus: ServerBus::Ata,
            rotational: true,
            removable: false,
            health,
        }
    }

    #[test]
    fn who_sleeps_is_as_before() {
        let well = DiskHealth { passed: Some(true), read_at: Some(Timestamp::UNIX_EPOCH), ..DiskHealth::default() };
        let disk = disk(None, well.clone());
        let asleep = DiskHealth::silent(DiskSilence::Asleep);
        let kept = remembered(asleep.clone(), Some(&disk));
        assert_eq!(kept, DiskHealth { silence: Some(DiskSilence::Asleep), ..well.clone() });
        assert_eq!(remembered(asleep.clone(), None), asleep);
        let failing = DiskHealth { passed: Some(false), ..well };
        assert_eq!(remembered(failing.clone(), Some(&disk)), failing, "what it says now is what is so");
    }

    /// A disk that says a per cent more each day, from 70 on, with whoever is beside it.
    async fn days(path: &Path, serials: &[Option<&str>], days: std::ops::Range<u32>) -> Vec<Option<Timestamp>> {
        let database = Database::open(path).unwrap();
        let mut last = Vec::new();
        for day in days {
            let worn = DiskHealth { percent_used: Some(70 + day), ..DiskHealth::default() };
            let mut disks: Vec<_> = serials.iter().map(|serial| disk(*serial, worn.clone())).collect();
            let now = Timestamp::from_second(1_800_000_000).unwrap() + SignedDuration::from_hours(i64::from(day) * 24);
            remember_wear(&database, &mut disks, now).await;
            last = disks.iter().map(|disk| disk.health.worn_out_at).collect();
        }
        last
    }

    #[tokio::test]
    async fn how_disks_wear_is_each_ones_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.db");
        assert_eq!(days(&path, &[Some("A")], 0..4).await, [None]);
        let told = days(&path, &[Some("A"), None], 4..7).await;
        assert!(
            told[0].is_some() && told[1].is_none(),
            "another start goes on; without a serial number it is any disk"
        );
        assert_eq!(days(&path, &[Some("B")], 7..9).await, [None], "one that was put in its place has no past");
        assert!(days(&path, &[Some("A")], 9..10).await[0].is_some(), "and it is known when it comes back");
        assert_eq!(days(&path, &[Some("A"), Some("A")], 10..20).await, [None, None], "which of them is it?");
        let database = Database::open(&path).unwrap();
        let record = database.wear("/A".into()).await.unwrap();
        assert_eq!(record.steps.iter().map(|step| step.percent).collect::<Vec<_>>(), [70, 71, 72, 73, 74, 75, 76, 79]);
        let mut asleep = vec![disk(
            Some("A"),
            DiskHealth { silence: Some(DiskSilence::Asleep), percent_used: Some(99), ..DiskHealth::default() },
        )];
        remember_wear(&database, &mut asleep, Timestamp::now()).await;
        assert_eq!(database.wear("/A".into()).await.unwrap(), record, "what it said before is no step of now");
    }
}
