//! The certificates that the console shows: the built-in one, and one that somebody brought.
//!
//! ```text
//!   upload ──► read · check (pure) ──► own-DIGEST.pem (key and chain, 0600) ──► Store says so, with the audit record ──► shown
//!   a start ─► what the Store says is what is shown; a file that the Store knows nothing of is removed
//! ```
//!
//! Who asks for a name that the brought one covers gets it; who asks for anything else, such as an address that it does not
//! name, gets the built-in one. So programs that were told to trust the rack's own authority go on, and nobody is locked out by
//! a certificate that was for another name.

mod built_in;
mod chain;

pub use built_in::{CA_FILE, addresses};
pub use chain::{Chain, read_key};

use cake_planner::certificate as plan;
use cake_store::{Txn, TxnOutcome};
use cake_types::{CertificateChoice, CertificateInfo, CertificateSource, Code, Generation, Problem, Subject};
use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::sign::CertifiedKey;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::{Mutex, watch};

use crate::announce::Announcer;
use crate::board::What;
use crate::caller::{Caller, Keep};
use crate::ledger::Ledger;
use crate::record::{self, RecordError};
use crate::settings::Settings;
use crate::setup::{SetupFileError, write_secret};
use crate::{error, keys};

/// The key that the last signing request was made with.
const REQUEST_KEY_FILE: &str = "request.key";

#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("{path} can't be read")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{path} is not text")]
    NotText { path: PathBuf },
    #[error("a certificate can't be written")]
    Write(#[from] SetupFileError),
    #[error("a certificate can't be made")]
    Make(#[from] rcgen::Error),
    #[error("a date is out of range")]
    Date(#[from] jiff::Error),
    #[error("a certificate is none")]
    Wrong(#[from] Problem),
    #[error("the Store can't be read")]
    Record(#[from] RecordError),
}

#[derive(Clone)]
struct Pair {
    key: Arc<CertifiedKey>,
    info: CertificateInfo,
}

struct Shown {
    built_in: Pair,
    own: Option<Pair>,
    choice: CertificateChoice,
}

impl Shown {
    fn best(&self) -> &Pair {
        self.own.as_ref().unwrap_or(&self.built_in)
    }
}

pub struct Certificates {
    ledger: Arc<Ledger>,
    settings: Arc<Settings>,
    announcer: Arc<Announcer>,
    state: PathBuf,
    listen: SocketAddr,
    shown: RwLock<Shown>,
    /// Held while something is changed.
    changing: Mutex<()>,
    fingerprint: watch::Sender<String>,
}

/// What people are told.
#[derive(Clone, Debug)]
pub struct View {
    pub info: CertificateInfo,
    pub generation: Generation,
    pub warnings: Vec<plan::Warning>,
    /// A signing request was made, and its key waits for a certificate.
    pub requested: bool,
}

/// Which certificate a connection gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    BuiltIn,
    Own,
}

/// Browsers look at the real clock, whatever time this program is told that it is.
fn real_time() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

fn subject() -> Subject {
    Subject { kind: "certificate".into(), id: uuid::Uuid::nil(), name: String::new() }
}

impl Certificates {
    /// Finds what there is, or makes it.
    pub async fn open(
        ledger: Arc<Ledger>,
        settings: Arc<Settings>,
        announcer: Arc<Announcer>,
        state: PathBuf,
    ) -> Result<Self, CertificateError> {
        let listen = announcer.listen;
        let stored = record::get::<CertificateChoice>(&*ledger.store, &keys::certificate()).await?;
        let choice =
            stored.map_or(CertificateChoice { generation: Generation::FIRST, own: None }, |stored| stored.value);
        let (key, info) = built_in::load(&state, &names(listen, &settings, &announcer), real_time())?;
        let own = choice.own.as_deref().and_then(|fingerprint| match read_own(&state, fingerprint) {
            Ok(own) => Some(own),
            Err(error) => {
                tracing::error!(error = %error::chain(&error), "the certificate that was brought can't be used");
                None
            }
        });
        remove_others(&state, choice.own.as_deref());
        let shown = Shown { built_in: Pair { key, info }, own, choice };
        let (fingerprint, _) = watch::channel(shown.best().info.fingerprint.clone());
        let (shown, changing) = (RwLock::new(shown), Mutex::default());
        Ok(Self { ledger, settings, announcer, state, listen, shown, changing, fingerprint })
    }

    fn read<T>(&self, look: impl FnOnce(&Shown) -> T) -> T {
        look(&self.shown.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, change: impl FnOnce(&mut Shown)) {
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut shown);
        let now = shown.best().info.fingerprint.clone();
        drop(shown);
        self.fingerprint.send_if_modified(|was| std::mem::replace(was, now.clone()) != now);
        self.ledger.board.changes.tell(What::Settings);
    }

    /// SHA-256 of the certificate that is shown to people.
    pub fn fingerprint(&self) -> String {
        self.fingerprint.borrow().clone()
    }

    pub fn follow(&self) -> watch::Receiver<String> {
        self.fingerprint.subscribe()
    }

    pub fn info(&self) -> CertificateInfo {
        self.read(|shown| shown.best().info.clone())
    }

    pub fn view(&self) -> View {
        let (info, generation) = self.read(|shown| (shown.best().info.clone(), shown.choice.generation));
        let warnings = match info.source {
            CertificateSource::BuiltIn => Vec::new(),
            CertificateSource::Own => self.warnings(&info),
        };
        View { warnings, generation, requested: self.state.join(REQUEST_KEY_FILE).exists(), info }
    }

    fn warnings(&self, info: &CertificateInfo) -> Vec<plan::Warning> {
        let mut wanted = self.settings.names();
        if wanted.is_empty() {
            wanted = built_in::known(self.listen);
        }
        plan::warnings(&info.names, info.not_after, &wanted, self.ledger.now())
    }

    /// The authority that programs are told to trust, in PEM.
    pub fn authority(&self) -> Result<Vec<u8>, Problem> {
        read_file(&self.state.join(CA_FILE)).map_err(|e| error::internal("the authority can't be read", &e))
    }

    /// For a connection that came to `local` and asked for `name`, if it asked for one.
    pub fn pick(&self, name: Option<&str>, local: IpAddr) -> Pick {
        let wanted = name.map_or_else(|| local.to_string(), str::to_owned);
        self.read(|shown| {
            let covers = |pair: &Pair| plan::covers(&pair.info.names, &wanted);
            match &shown.own {
                Some(own) if covers(own) => Pick::Own,
                // A name that neither has is most likely one that people use: they see what was brought.
                Some(_) if name.is_some() && !covers(&shown.built_in) => Pick::Own,
                _ => Pick::BuiltIn,
            }
        })
    }

    pub fn key(&self, pick: Pick) -> Arc<CertifiedKey> {
        self.read(|shown| match pick {
            Pick::Own => shown.best().key.clone(),
            Pick::BuiltIn => shown.built_in.key.clone(),
        })
    }

    /// Makes the built-in one anew if the time has come or the server has other names now. New connections get it.
    pub async fn refresh(&self) -> Result<(), CertificateError> {
        let _changing = self.changing.lock().await;
        let names = names(self.listen, &self.settings, &self.announcer);
        let (key, info) = built_in::load(&self.state, &names, real_time())?;
        if self.read(|shown| shown.built_in.info != info) {
            self.put(|shown| shown.built_in = Pair { key, info });
        }
        Ok(())
    }

    /// Shows another from now on. Without a key it has to be the answer to the last signing request.
    pub async fn upload(
        &self,
        caller: &Caller,
        chain: &str,
        key: Option<&str>,
        check: impl Fn(Generation) -> Result<(), Problem> + Send,
    ) -> Result<View, Problem> {
        let _changing = self.changing.lock().await;
        check(self.read(|shown| shown.choice.generation))?;
        let read = Chain::read(chain.as_bytes(), CertificateSource::Own)?;
        read.check(self.ledger.now())?;
        let key = match key {
            Some(key) => key.as_bytes().to_vec(),
            None => read_file(&self.state.join(REQUEST_KEY_FILE))
                .map_err(|_| Problem::invalid("key", "key-missing").at("/key"))?,
        };
        let certified = read.with_key(&key)?;
        let fingerprint = read.info.fingerprint.clone();
        let content = [&key[..], b"\n", chain.as_bytes(), b"\n"].concat();
        write_secret(&own_file(&self.state, &fingerprint), &content)
            .map_err(|e| error::internal("a certificate can't be written", &e))?;
        self.choose(caller, Some(fingerprint), Some(Pair { key: certified, info: read.info })).await?;
        Ok(self.view())
    }

    /// Back to the built-in one. The one that was brought is deleted, with its key.
    pub async fn reset(
        &self,
        caller: &Caller,
        check: impl Fn(Generation) -> Result<(), Problem> + Send,
    ) -> Result<View, Problem> {
        let _changing = self.changing.lock().await;
        check(self.read(|shown| shown.choice.generation))?;
        self.choose(caller, None, None).await?;
        Ok(self.view())
    }

    async fn choose(&self, caller: &Caller, own: Option<String>, pair: Option<Pair>) -> Result<(), Problem> {
        let generation = self.read(|shown| shown.choice.generation).next();
        let choice = CertificateChoice { generation, own };
        let txn = Txn::new().put(keys::certificate(), record::encode(&choice));
        let mut audit = self.ledger.audit(caller, Some(subject()));
        self.ledger.store.txn(audit.write(txn)).await.map_err(error::store)?.committed().map_err(error::store)?;
        remove_others(&self.state, choice.own.as_deref());
        self.put(|shown| (shown.own, shown.choice) = (pair, choice));
        self.ledger.audited(audit).await
    }

    /// Makes a key, which stays here, and the request with which an authority makes its certificate. In PEM.
    pub async fn request(
        &self,
        caller: &Caller,
        names: &[String],
        organization: Option<&str>,
        keep: &Keep<String>,
    ) -> Result<String, Problem> {
        let _changing = self.changing.lock().await;
        let names = plan::names(names, true, "/names")?;
        let Some(first) = names.first() else { return Err(Problem::invalid("names", "missing").at("/names")) };
        let organization = organization.map(str::trim).filter(|text| !text.is_empty());
        if organization.is_some_and(|text| text.chars().count() > 64 || text.chars().any(char::is_control)) {
            let problem = Problem::new(Code::OutOfRange).with("field", "organization");
            return Err(problem.with("min", 1).with("max", 64).at("/organization"));
        }
        let failed = |e: rcgen::Error| error::internal("a signing request can't be made", &e);
        let key = KeyPair::generate().map_err(failed)?;
        let mut params = CertificateParams::new(names.clone()).map_err(failed)?;
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, first.as_str());
        if let Some(organization) = organization {
            params.distinguished_name.push(DnType::OrganizationName, organization);
        }
        let request = params.serialize_request(&key).and_then(|request| request.pem()).map_err(failed)?;
        write_secret(&self.state.join(REQUEST_KEY_FILE), key.serialize_pem().as_bytes())
            .map_err(|e| error::internal("a key can't be written", &e))?;
        let mut audit = self.ledger.audit(caller, Some(subject()));
        let txn = audit.write(keep.write(Txn::new(), &request, self.ledger.now()));
        match self.ledger.store.txn(txn).await.map_err(error::store)? {
            TxnOutcome::Committed { .. } => self.ledger.audited(audit).await?,
            TxnOutcome::Refused { .. } => return Err(Problem::new(Code::Stale)),
        }
        self.ledger.board.changes.tell(What::Settings);
        Ok(request)
    }
}

/// What the built-in one is for.
fn names(listen: SocketAddr, settings: &Settings, announcer: &Announcer) -> Vec<String> {
    built_in::names(listen, &[settings.names(), announcer.names()].concat())
}

fn own_file(state: &Path, fingerprint: &str) -> PathBuf {
    let digest: String = fingerprint.chars().filter(char::is_ascii_hexdigit).take(32).collect();
    state.join(format!("{OWN}{digest}.pem"))
}

const OWN: &str = "own-";

fn read_own(state: &Path, fingerprint: &str) -> Result<Pair, CertificateError> {
    let pem = read_file(&own_file(state, fingerprint))?;
    let chain = Chain::read(&pem, CertificateSource::Own)?;
    let key = chain.with_key(&pem)?;
    Ok(Pair { key, info: chain.info })
}

/// Files of certificates that are not shown: those that were replaced, and those of which the Store was never told.
fn remove_others(state: &Path, keep: Option<&str>) {
    let keep = keep.map(|fingerprint| own_file(state, fingerprint));
    let Ok(files) = std::fs::read_dir(state) else { return };
    for path in files.flatten().map(|file| file.path()) {
        let ours = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(OWN));
        if ours && Some(&path) != keep.as_ref() {
            let _ = std::fs::remove_file(path);
        }
    }
}

pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, CertificateError> {
    std::fs::read(path).map_err(|source| CertificateError::Read { path: path.to_owned(), source })
}

/// Readable by everybody, whole or not at all.
pub fn write_public(path: &Path, content: &[u8]) -> Result<(), SetupFileError> {
    use std::os::unix::fs::PermissionsExt;
    write_secret(path, content)?;
    let io = |source| SetupFileError::Io { path: path.to_owned(), source };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).map_err(io)
}
