//! Bringing a backup back, into a cake that is not set up yet.
//!
//! ```text
//!   bundle ──key──► work ── checked, adjusted ──► two databases ── ready ──► cake begins anew:
//!   (sent, untouched)  (opened in full)          (whole, closed)  (no way    settle puts them in place,
//!                                                                  back)     then opens them
//! ```
//!
//! Until `ready` is there nothing has changed, whatever goes wrong; from then on it is done, whenever cake dies.

use bytes::Bytes;
use cake_store::{
    Clock, FileError, Journal, JournalOptions, Page, SqliteOptions, SqliteStore, Store, Txn, restore_store,
    verify_journal, verify_store,
};
use cake_types::{
    Actor, AuditResult, Channel, Code, Device, EventKind, Import, OsRng, Problem, PublicKey, Sealed, SecretKey, Server,
    Severity, Task, TaskEnd, TaskState, Ups, Vm, Way, seal,
};
use futures_util::{Stream, StreamExt};
use jiff::Timestamp;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, watch};
use zeroize::Zeroizing;

use super::bundle::{self, Header};
use super::{begin, blocking, failed, pack, recovery};
use crate::audit::Audit;
use crate::caller::Caller;
use crate::ledger::{Ledger, event_of, event_record, task_record};
use crate::nodes::Nodes;
use crate::record::{self, RecordError, Stored};
use crate::settings::{Settings, Versioned};
use crate::{error, keys};
use cake_planner::event::Happened;
use cake_planner::task::code;

const FOLDER: &str = "restore";
const BUNDLE: &str = "bundle";
const WORK: &str = "work";
const READY: &str = "ready";
/// Longest backup that is taken in.
pub const BUNDLE_MAX: u64 = 2 << 30;
/// A sender that says nothing for so long has gone.
const SILENCE: Duration = Duration::from_secs(60);
/// Changes that are written to the restored Store together.
const TOGETHER: usize = 32;

pub struct Restore {
    ledger: Arc<Ledger>,
    settings: Arc<Settings>,
    nodes: Arc<Nodes>,
    /// What caked itself has to open is sealed to it.
    own: PublicKey,
    folder: PathBuf,
    one_at_a_time: Mutex<()>,
    /// Turns true when cake shall begin anew with what was restored.
    pub done: watch::Sender<bool>,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Restored {
    pub header: Header,
    pub vms: usize,
    /// Secrets that the recovery key did not open: they stay as they are, for the server that they were sealed to.
    pub sealed_elsewhere: usize,
}

/// Puts what was restored in the place of what there was, if a restore had come so far. Before anything is opened.
pub fn settle(state: &Path) -> io::Result<()> {
    let folder = state.join(FOLDER);
    if folder.join(READY).exists() {
        for name in [pack::STORE, pack::JOURNAL] {
            if folder.join(name).exists() {
                for old in ["", "-wal", "-shm"] {
                    gone(fs::remove_file(state.join(format!("{name}{old}"))))?;
                }
                fs::rename(folder.join(name), state.join(name))?;
            }
        }
        File::open(state)?.sync_all()?;
        fs::remove_file(folder.join(READY))?;
    }
    // What was sent to a cake that has ended since, or opened half: it can be sent again.
    gone(fs::remove_dir_all(&folder))
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

impl Restore {
    pub fn new(ledger: Arc<Ledger>, settings: Arc<Settings>, nodes: Arc<Nodes>, own: PublicKey, state: &Path) -> Self {
        let (done, folder) = (watch::Sender::new(false), state.join(FOLDER));
        Self { ledger, settings, nodes, own, folder, one_at_a_time: Mutex::new(()), done }
    }

    /// Takes a backup's file in, whole or not at all, and says what it is. Nothing is opened yet.
    pub async fn receive<E>(&self, body: impl Stream<Item = Result<Bytes, E>> + Send) -> Result<Header, Problem> {
        let _one = self.one_at_a_time.lock().await;
        self.open_to_restore()?;
        let folder = self.folder.clone();
        blocking(move || Ok(begin(&folder)?)).await?;
        let path = self.folder.join(BUNDLE);
        let received = receive(&path, body).await;
        if received.is_err() {
            let _ = fs::remove_file(&path);
        }
        received
    }

    fn open_to_restore(&self) -> Result<(), Problem> {
        let done = self.settings.is_set_up() || *self.done.borrow();
        if done { Err(Problem::new(Code::AlreadySetUp)) } else { Ok(()) }
    }

    /// Opens what was received with the recovery key of the cloud that it came from and makes it this cloud.
    pub async fn restore(&self, caller: &Caller, recovery_key: Zeroizing<String>) -> Result<Restored, Problem> {
        let _one = self.one_at_a_time.lock().await;
        self.open_to_restore()?;
        // Secrets are sealed anew, to the key of the server that is here.
        let node = self.nodes.require()?;
        let restored = self.prepare(caller, &recovery_key, &node.key).await;
        let _ = fs::remove_dir_all(self.folder.join(WORK));
        let restored = restored?;
        let folder = self.folder.clone();
        blocking(move || {
            pack::create(&folder.join(READY))?.sync_all()?;
            Ok(File::open(&folder)?.sync_all()?)
        })
        .await?;
        tracing::info!(name = restored.header.name, vms = restored.vms, "a backup was restored; beginning anew");
        self.done.send_replace(true);
        Ok(restored)
    }

    async fn prepare(&self, caller: &Caller, recovery_key: &str, node: &PublicKey) -> Result<Restored, Problem> {
        let (bundle, work) = (self.folder.join(BUNDLE), self.folder.join(WORK));
        let mut file = File::open(&bundle).map_err(|_| Problem::not_found("backup", "upload"))?;
        let length = file.metadata().map_err(|error| failed(&error))?.len();
        let (header, start) = bundle::read_header(&mut file, length).map_err(Problem::from)?;
        let recovery = recovery(recovery_key, &header.recovery_key)?;
        let (opened, key, folder) = (header.clone(), recovery.derive(bundle::PURPOSE), work.clone());
        blocking(move || {
            begin(&folder)?;
            let mut content = pack::create(&folder.join("content"))?;
            bundle::open(&opened, &start, file, &key, &mut content)?;
            io::Seek::rewind(&mut content)?;
            pack::unpack(content, &folder)
        })
        .await?;
        let (store, journal) = (work.join(pack::STORE), work.join(pack::JOURNAL));
        let check = |error: FileError| unusable(error, &header);
        let (checked_store, checked_journal) = (store.clone(), journal.clone());
        let checked = tokio::task::spawn_blocking(move || {
            verify_store(&checked_store)?;
            verify_journal(&checked_journal)
        });
        checked.await.map_err(|error| error::internal("work on a backup ended", &error))?.map_err(check)?;
        let (now, clock) = (self.ledger.now(), self.ledger.clock.clone());
        let adjusting = Adjusting { now, clock, caller, node, own: &self.own, recovery };
        let restored = adjusting.adjust(&store, &journal, &header).await?;
        let folder = self.folder.clone();
        let placed = tokio::task::spawn_blocking(move || place(&store, &journal, &folder));
        placed.await.map_err(|error| error::internal("work on a backup ended", &error))?.map_err(check)?;
        Ok(restored)
    }
}

async fn receive<E>(path: &Path, body: impl Stream<Item = Result<Bytes, E>> + Send) -> Result<Header, Problem> {
    let io = |error: io::Error| failed(&error);
    let mut file = Arc::new(pack::create(path).map_err(io)?);
    let (mut body, mut length) = (pin!(body), 0u64);
    loop {
        let next = tokio::time::timeout(SILENCE, body.next()).await;
        match next.map_err(|_| Problem::new(Code::ChunkInterrupted))? {
            Some(Ok(bytes)) => {
                length += bytes.len() as u64;
                if length > BUNDLE_MAX {
                    return Err(Problem::new(Code::TooLarge).with("limit", cake_types::ByteSize(BUNDLE_MAX)));
                }
                let to = file.clone();
                blocking(move || Ok((&*to).write_all(&bytes)?)).await?;
            }
            Some(Err(_)) => return Err(Problem::new(Code::ChunkInterrupted)),
            None => break,
        }
    }
    let from = Arc::get_mut(&mut file).ok_or_else(|| Problem::new(Code::Internal))?;
    io::Seek::rewind(from).map_err(io)?;
    let (header, _) = bundle::read_header(from, length).map_err(Problem::from)?;
    Ok(header)
}

fn unusable(error: FileError, header: &Header) -> Problem {
    match error {
        FileError::Newer { .. } => Problem::new(Code::BackupNewer).with("version", &header.cake),
        FileError::DiskFull { .. } => Problem::new(Code::StoreFull),
        FileError::Corrupt { .. } | FileError::NotOurs { .. } => Problem::new(Code::BackupDamaged),
        other => error::internal("a restored file can't be used", &other),
    }
}

/// Each as one closed file, ready to get its name.
fn place(store: &Path, journal: &Path, folder: &Path) -> Result<(), FileError> {
    for name in [pack::STORE, pack::JOURNAL] {
        let _ = fs::remove_file(folder.join(name));
    }
    restore_store(store, &folder.join(pack::STORE))?;
    cake_store::restore_journal(journal, &folder.join(pack::JOURNAL))?;
    Ok(())
}

/// What is not true any more where, and when, a backup is restored.
struct Adjusting<'a> {
    now: Timestamp,
    clock: Arc<dyn Clock>,
    caller: &'a Caller,
    node: &'a PublicKey,
    own: &'a PublicKey,
    recovery: SecretKey,
}

impl Adjusting<'_> {
    async fn adjust(&self, store: &Path, journal: &Path, header: &Header) -> Result<Restored, Problem> {
        let options = SqliteOptions { clock: self.clock.clone(), ..SqliteOptions::default() };
        let store = SqliteStore::open(store, options).await.map_err(error::store)?;
        let journal = Journal::open(journal, JournalOptions::default()).await.map_err(error::journal)?;
        let restored = self.adjust_open(&store, &journal, header).await;
        store.close().await;
        journal.close().await;
        restored
    }

    async fn adjust_open(&self, store: &SqliteStore, journal: &Journal, header: &Header) -> Result<Restored, Problem> {
        let read = |error: RecordError| match error {
            RecordError::Newer { .. } => Problem::new(Code::BackupNewer).with("version", &header.cake),
            RecordError::Malformed { .. } => Problem::new(Code::BackupDamaged),
            RecordError::Store(error) => error::store(error),
        };
        let settings = record::get::<Versioned>(store, &keys::settings()).await.map_err(read)?;
        let same = settings.is_some_and(|settings| settings.value.settings.recovery_key == header.recovery_key);
        if !same {
            return Err(Problem::new(Code::BackupDamaged));
        }
        let mut txns = Vec::new();
        let (vms, sealed_elsewhere) = self.vms(store, &mut txns).await.map_err(read)?;
        let ups_elsewhere = self.ups(store, &mut txns).await.map_err(read)?;
        let servers_elsewhere = self.servers(store, &mut txns).await.map_err(read)?;
        let servers_elsewhere = servers_elsewhere + self.devices(store, &mut txns).await.map_err(read)?;
        let channels_elsewhere = self.channels(store, &mut txns).await.map_err(read)?;
        let sealed_elsewhere = sealed_elsewhere + usize::from(ups_elsewhere) + servers_elsewhere + channels_elsewhere;
        self.ended(store, journal, &mut txns).await?;
        // Who was logged in, and what was asked and answered there, does not count here.
        for folder in [keys::sessions(), keys::receipts(), keys::throttles(), keys::nodes(), keys::hosts()]
            .into_iter()
            // Receivers are told anew what is so here.
            .chain([keys::channel_states(), keys::silences()])
        {
            for key in all_keys(store, &folder).await? {
                txns.push(Txn::new().delete(key));
            }
        }
        let caller = Caller { actor: Actor::Setup, ..self.caller.clone() };
        let mut audit = Audit::new(&caller, None, AuditResult::Done, self.now);
        txns.push(audit.write(Txn::new().delete(keys::setup())));
        commit(store, txns).await?;
        let happened = Happened::new(EventKind::SystemRestored, Severity::Info)
            .with("name", header.name.clone())
            .with("made_at", header.made_at.strftime("%Y-%m-%d %H:%M UTC").to_string());
        journal.append(event_record(&event_of(happened, None, self.now))).await.map_err(error::journal)?;
        Ok(Restored { header: header.clone(), vms, sealed_elsewhere })
    }

    /// VMs wait until a server says that it has them; what only their old server could read is sealed to the one here.
    async fn vms(&self, store: &SqliteStore, txns: &mut Vec<Txn>) -> Result<(usize, usize), RecordError> {
        let all = record::all::<Vm>(store, &keys::vms()).await?;
        let (count, mut elsewhere) = (all.len(), 0);
        for Stored { value: mut vm, .. } in all {
            vm.spec.restored = Some(self.now);
            if let Some(secret) = vm.spec.cloud_init.as_mut().and_then(|init| init.user_data.as_mut()) {
                elsewhere += usize::from(!self.seal_here(secret));
            }
            txns.push(Txn::new().put(keys::vm(vm.meta.id), record::encode(&vm)));
        }
        Ok((count, elsewhere))
    }

    /// The password of the power supply's NUT server, for the server here. Whether it stayed sealed to others.
    async fn ups(&self, store: &SqliteStore, txns: &mut Vec<Txn>) -> Result<bool, RecordError> {
        let Some(Stored { value: mut ups, .. }) = record::get::<Ups>(store, &keys::ups()).await? else {
            return Ok(false);
        };
        let Some(secret) = ups.spec.as_mut().and_then(|spec| spec.password.as_mut()) else { return Ok(false) };
        let sealed = self.seal_here(secret);
        txns.push(Txn::new().put(keys::ups(), record::encode(&ups)));
        Ok(!sealed)
    }

    /// The passwords of BMCs, for the server here. The machine that cake ran on is not the one here. How many stayed sealed to others.
    async fn servers(&self, store: &SqliteStore, txns: &mut Vec<Txn>) -> Result<usize, RecordError> {
        let mut elsewhere = 0;
        for Stored { value: mut server, .. } in record::all::<Server>(store, &keys::servers()).await? {
            server.spec.node = None;
            let bmc = server.spec.bmc.iter_mut();
            let secrets = bmc.flat_map(|bmc| [bmc.password.as_mut(), bmc.key.as_mut(), bmc.next.as_mut()]);
            for secret in secrets.flatten() {
                elsewhere += usize::from(!self.seal_here(secret));
            }
            txns.push(Txn::new().put(keys::server(server.meta.id), record::encode(&server)));
        }
        Ok(elsewhere)
    }

    /// The communities of devices, for the server here. How many stayed sealed to others.
    async fn devices(&self, store: &SqliteStore, txns: &mut Vec<Txn>) -> Result<usize, RecordError> {
        let mut elsewhere = 0;
        for Stored { value: mut device, .. } in record::all::<Device>(store, &keys::devices()).await? {
            elsewhere += usize::from(!self.seal_here(&mut device.spec.community));
            txns.push(Txn::new().put(keys::device(device.meta.id), record::encode(&device)));
        }
        Ok(elsewhere)
    }

    /// What caked says to receivers of alerts: for the caked here. How many secrets stayed sealed to another.
    async fn channels(&self, store: &SqliteStore, txns: &mut Vec<Txn>) -> Result<usize, RecordError> {
        let mut elsewhere = 0;
        for Stored { value: mut channel, .. } in record::all::<Channel>(store, &keys::channels()).await? {
            let secrets: Vec<&mut Sealed<String>> = match &mut channel.spec.way {
                Way::Mail(mail) => mail.password.iter_mut().collect(),
                Way::Webhook(hook) => std::iter::once(&mut hook.url).chain(&mut hook.token).collect(),
                Way::Snmp(snmp) => vec![&mut snmp.community],
                Way::Syslog(_) => Vec::new(),
            };
            for secret in secrets {
                elsewhere += usize::from(!self.seal_to(self.own, secret));
            }
            txns.push(Txn::new().put(keys::channel(channel.meta.id), record::encode(&channel)));
        }
        Ok(elsewhere)
    }

    /// Whether it could be opened.
    fn seal_here(&self, secret: &mut Sealed<String>) -> bool {
        self.seal_to(self.node, secret)
    }

    fn seal_to(&self, whom: &PublicKey, secret: &mut Sealed<String>) -> bool {
        let plain = secret.open(&self.recovery).map(Zeroizing::new);
        let recipients = [whom.clone(), self.recovery.public()];
        let sealed = plain.ok().and_then(|plain| seal(&*plain, &recipients, &mut OsRng).ok());
        sealed.map(|sealed| *secret = sealed).is_some()
    }

    /// What was under way when the backup was made ended with it.
    async fn ended(&self, store: &SqliteStore, journal: &Journal, txns: &mut Vec<Txn>) -> Result<(), Problem> {
        for Stored { value: import, .. } in
            record::all::<Import>(store, &keys::imports()).await.map_err(error::record)?
        {
            let name = keys::name("image", &import.meta.project, &import.meta.name);
            let mut txn = Txn::new().delete(keys::import(import.meta.id));
            if !import.spec.ending {
                txn = txn.delete(name);
            }
            txns.push(txn);
        }
        // Their files are on the server that made them, and go from there after their days.
        for key in all_keys(store, &keys::exports()).await? {
            txns.push(Txn::new().delete(key));
        }
        for Stored { value: task, .. } in record::all::<Task>(store, &keys::tasks()).await.map_err(error::record)? {
            let end = TaskEnd {
                state: TaskState::Cancelled,
                at: self.now,
                code: code::RESTORED.into(),
                detail: None,
                pause_us: None,
            };
            txns.push(Txn::new().delete(keys::task(task.id)));
            journal.append(task_record(&Task { end: Some(end), ..task })).await.map_err(error::journal)?;
        }
        Ok(())
    }
}

async fn all_keys(store: &SqliteStore, folder: &cake_store::KeyPrefix) -> Result<Vec<cake_store::Key>, Problem> {
    let (mut page, mut all) = (Page::default(), Vec::new());
    loop {
        let listing = store.list(folder, page.clone()).await.map_err(error::store)?;
        all.extend(listing.entries.iter().map(|entry| entry.key.clone()));
        match page.following(&listing) {
            Some(next) => page = next,
            None => return Ok(all),
        }
    }
}

async fn commit(store: &SqliteStore, txns: Vec<Txn>) -> Result<(), Problem> {
    let mut under_way = futures_util::stream::iter(txns).map(|txn| store.txn(txn)).buffer_unordered(TOGETHER);
    while let Some(done) = under_way.next().await {
        done.map_err(error::store)?.committed().map_err(error::store)?;
    }
    Ok(())
}
