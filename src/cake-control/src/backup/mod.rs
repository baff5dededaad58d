//! Backups of the configuration: made here, kept here until they are fetched; brought back by [`restore`].
//!
//! ```text
//!   Store ─┐ consistent copies      gzipped tar        sealed (bundle)
//!          ├──────────────────► backups/.making ──────► backups/ID.cakebackup ──► whoever fetches it
//!   Journal┘                      the Store first: every change in it has its record in the Journal or in its own outbox
//! ```

pub mod bundle;
mod pack;
pub mod restore;

use cake_store::{Expect, SqliteStore, Txn};
use cake_types::{Code, Problem, PublicKey, SecretKey, Subject};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Mutex;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::caller::{Caller, Keep};
use crate::ledger::Ledger;
use crate::record;
use crate::settings::Settings;
use crate::{error, keys};
use bundle::{BundleError, BundleKey, Header};

/// Backups that are kept here; the oldest goes when one more is made. They are to be taken away, not to be piled up.
pub const KEPT: usize = 5;
const ENDING: &str = "cakebackup";
/// Where a backup is made. Found at the start it is left over from one that was interrupted.
const MAKING: &str = ".making";

pub struct Backups {
    ledger: Arc<Ledger>,
    store: Arc<SqliteStore>,
    settings: Arc<Settings>,
    folder: PathBuf,
    one_at_a_time: Mutex<()>,
}

/// A backup that can be fetched.
#[derive(Clone, Debug)]
pub struct Backup {
    pub id: Uuid,
    pub header: Header,
    /// Bytes of its file.
    pub size: u64,
}

impl Backup {
    fn subject(&self) -> Subject {
        Subject { kind: "backup".into(), id: self.id, name: self.header.made_at.to_string() }
    }
}

impl From<BundleError> for Problem {
    fn from(error: BundleError) -> Self {
        match error {
            BundleError::None => Self::new(Code::NotABackup),
            BundleError::Newer { cake, .. } => Self::new(Code::BackupNewer).with("version", cake),
            BundleError::CutShort { have, must } => {
                Self::new(Code::BackupCutShort).with("have", have).with("must", must)
            }
            BundleError::Damaged => Self::new(Code::BackupDamaged),
            BundleError::Io(source) => failed(&source),
        }
    }
}

fn failed(error: &io::Error) -> Problem {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Problem::new(Code::StoreFull),
        // Compressed data that is none, an archive that ends early.
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
            Problem::new(Code::BackupDamaged)
        }
        _ => error::internal("a backup's file can't be used", error),
    }
}

/// The recovery key that somebody typed, if it is the one behind `public`.
fn recovery(text: &str, public: &PublicKey) -> Result<SecretKey, Problem> {
    let wrong = || Problem::new(Code::WrongRecoveryKey).at("/recovery_key");
    // People copy keys with spaces and line ends around and in them.
    let text: Zeroizing<String> = Zeroizing::new(text.chars().filter(|c| !c.is_whitespace()).collect());
    let key = SecretKey::from_revealed(&text).map_err(|_| wrong())?;
    if key.public() == *public { Ok(key) } else { Err(wrong()) }
}

/// What backups are sealed with, as text for the Store.
pub(crate) fn backup_key(recovery: &SecretKey) -> String {
    data_encoding::BASE64.encode(&*recovery.derive(bundle::PURPOSE))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BundleError> + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| error::internal("work on a backup ended", &error))?.map_err(Problem::from)
}

impl Backups {
    pub fn new(ledger: Arc<Ledger>, store: Arc<SqliteStore>, settings: Arc<Settings>, state: &Path) -> Self {
        let folder = state.join("backups");
        // What was left half made holds copies in the clear.
        if let Err(error) = fs::remove_dir_all(folder.join(MAKING))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "what is left of an interrupted backup stays");
        }
        Self { ledger, store, settings, folder, one_at_a_time: Mutex::new(()) }
    }

    /// Oldest first.
    pub fn list(&self) -> Vec<Backup> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut all: Vec<Backup> = entries.filter_map(|entry| look(&entry.path())).collect();
        all.sort_by_key(|backup| backup.id);
        all
    }

    pub fn find(&self, text: &str) -> Result<Backup, Problem> {
        let id: Uuid = text.parse().map_err(|_| Problem::not_found("backup", text))?;
        look(&self.path(id)).ok_or_else(|| Problem::not_found("backup", text))
    }

    pub fn open(&self, backup: &Backup) -> Result<File, Problem> {
        File::open(self.path(backup.id)).map_err(|error| failed(&error))
    }

    /// Whether the next backup can be made without the recovery key.
    pub async fn has_key(&self) -> bool {
        matches!(self.ledger.store.get(&keys::backup_key()).await, Ok(Some(_)))
    }

    fn path(&self, id: Uuid) -> PathBuf {
        self.folder.join(format!("{id}.{ENDING}"))
    }

    /// Makes one. `recovery_key` is needed once where set-up is older than backups.
    pub async fn create(
        &self,
        caller: &Caller,
        recovery_key: Option<Zeroizing<String>>,
        keep: &Keep<Backup>,
    ) -> Result<Backup, Problem> {
        let _one = self.one_at_a_time.lock().await;
        let settings = self.settings.get().ok_or_else(|| Problem::new(Code::NotSetUp))?.settings;
        let key = self.key(recovery_key, &settings.recovery_key).await?;
        let making = self.folder.join(MAKING);
        let begun = making.clone();
        blocking(move || Ok(begin(&begun)?)).await?;
        let header = |size| Header::new(self.ledger.now(), settings.name.to_string(), settings.recovery_key, size);
        let made = self.make(&making, key, header).await;
        let _ = fs::remove_dir_all(&making);
        let backup = made?;
        let audit = self.ledger.audit(caller, Some(backup.subject()));
        self.ledger.commit(keep.write(Txn::new(), &backup, self.ledger.now()), audit).await?;
        let all = self.list();
        for old in all.iter().take(all.len().saturating_sub(KEPT)) {
            let _ = fs::remove_file(self.path(old.id));
        }
        self.ledger.board.changes.tell(crate::board::What::Settings);
        Ok(backup)
    }

    /// What backups are sealed with: from the Store, or from the recovery key, and then into the Store.
    async fn key(&self, given: Option<Zeroizing<String>>, public: &PublicKey) -> Result<BundleKey, Problem> {
        let given = given.map(|text| recovery(&text, public)).transpose()?;
        let stored = record::get::<String>(&*self.ledger.store, &keys::backup_key()).await.map_err(error::record)?;
        let text = match (stored, given) {
            (Some(stored), _) => stored.value,
            (None, None) => return Err(Problem::new(Code::RecoveryKeyNeeded).at("/recovery_key")),
            (None, Some(key)) => {
                let (place, text) = (keys::backup_key(), backup_key(&key));
                let put = self.ledger.store.put_if(&place, record::encode(&text), Expect::Any);
                put.await.map_err(error::store)?;
                text
            }
        };
        let bytes = data_encoding::BASE64.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Zeroizing::new).ok_or_else(|| Problem::new(Code::Internal))
    }

    async fn make(&self, making: &Path, key: BundleKey, header: impl FnOnce(u64) -> Header) -> Result<Backup, Problem> {
        self.store.backup_to(making.join(pack::STORE)).await.map_err(error::store)?;
        self.ledger.journal.backup_to(making.join(pack::JOURNAL)).await.map_err(error::journal)?;
        let folder = making.to_owned();
        let content = blocking(move || {
            let mut content = pack::create(&folder.join("content"))?;
            pack::pack(&folder, &mut content)?;
            Ok(content)
        });
        let content = content.await?;
        let header = header(content.metadata().map_err(|error| failed(&error))?.len());
        let (id, sealed) = (Uuid::now_v7(), making.join("sealed"));
        let path = self.path(id);
        blocking(move || {
            let out = pack::create(&sealed)?;
            bundle::write(&header, &key, content, &out)?;
            out.sync_all()?;
            let size = out.metadata()?.len();
            fs::rename(&sealed, &path)?;
            File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()?;
            Ok(Backup { id, header, size })
        })
        .await
    }

    pub async fn delete(&self, caller: &Caller, backup: &Backup) -> Result<(), Problem> {
        let audit = self.ledger.audit(caller, Some(backup.subject()));
        fs::remove_file(self.path(backup.id)).map_err(|error| failed(&error))?;
        self.ledger.commit(Txn::new(), audit).await?;
        self.ledger.board.changes.tell(crate::board::What::Settings);
        Ok(())
    }
}

/// A new file that only its owner can read.
pub(crate) fn private_file(path: &Path) -> io::Result<File> {
    pack::create(path)
}

fn begin(making: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    if let Err(error) = fs::remove_dir_all(making)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(making)
}

fn look(path: &Path) -> Option<Backup> {
    if path.extension()? != ENDING {
        return None;
    }
    let id = path.file_stem()?.to_str()?.parse().ok()?;
    let mut file = File::open(path).ok()?;
    let size = file.metadata().ok()?.len();
    let (header, _) = bundle::read_header(&mut file, size).ok()?;
    Some(Backup { id, header, size })
}
