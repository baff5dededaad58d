//! Which power supply the servers watch.
//!
//! ```text
//!   set · remove ──► Store (with the audit record) ──► reconcile::ups ──► node ──► board (what it says)
//! ```

use cake_planner::certificate;
use cake_store::{Expect, Txn, TxnOutcome};
use cake_types::{Code, Generation, Problem, Sealed, Subject, UPS_MINUTES, UPS_PORT, Ups, UpsSpec};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::board::What;
use crate::caller::Caller;
use crate::ledger::Ledger;
use crate::record::{self, RecordError, Stored};
use crate::settings::Settings;
use crate::{error, keys, secret};

/// Minutes that can be chosen.
pub const MINUTES: std::ops::RangeInclusive<u32> = 1..=120;
/// Longest name of a UPS, of a user and of a password, in characters.
const WORD_MAX: usize = 64;

/// What somebody asks for.
pub struct NewUps {
    pub host: String,
    pub port: Option<u16>,
    pub name: String,
    pub user: Option<String>,
    /// Without it the one of before stays, where it is for the same user of the same server.
    pub password: Option<Zeroizing<String>>,
    pub minutes: Option<u32>,
}

pub struct UpsBook {
    ledger: Arc<Ledger>,
    settings: Arc<Settings>,
    current: RwLock<Option<Stored<Ups>>>,
    changed: watch::Sender<()>,
}

impl UpsBook {
    pub async fn load(ledger: Arc<Ledger>, settings: Arc<Settings>) -> Result<Self, RecordError> {
        let current = record::get(&*ledger.store, &keys::ups()).await?;
        Ok(Self { ledger, settings, current: RwLock::new(current), changed: watch::Sender::new(()) })
    }

    fn read(&self) -> Option<Stored<Ups>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// As it is asked for; of the first generation where nobody ever asked.
    pub fn get(&self) -> Ups {
        self.read().map_or(Ups { generation: Generation::FIRST, spec: None }, |stored| stored.value)
    }

    /// Whether a node has to be told anything at all.
    pub fn was_set(&self) -> bool {
        self.read().is_some()
    }

    /// Returns at each change.
    pub fn follow(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub async fn set(
        &self,
        caller: &Caller,
        new: NewUps,
        check: impl Fn(Generation) -> Result<(), Problem> + Send,
    ) -> Result<Ups, Problem> {
        let before = self.get().spec;
        let NewUps { host, port, name, user, password, minutes } = new;
        let wrong = || Problem::invalid("host", "ups-host").at("/host");
        let host = certificate::names(&[host.trim().to_owned()], false, "/host").map_err(|_| wrong())?;
        let host = host.into_iter().next().ok_or_else(wrong)?;
        let (port, minutes) = (port.unwrap_or(UPS_PORT), minutes.unwrap_or(UPS_MINUTES));
        if port == 0 {
            return Err(out_of_range("port", 1, u16::MAX.into()));
        }
        if !MINUTES.contains(&minutes) {
            return Err(out_of_range("minutes", *MINUTES.start(), *MINUTES.end()));
        }
        let name = word("name", "/name", &name)?;
        let user = user.filter(|user| !user.is_empty()).map(|user| word("user", "/user", &user)).transpose()?;
        let same = |spec: &UpsSpec| spec.host == host && spec.port == port && spec.user == user;
        let kept = before.filter(same).and_then(|spec| spec.password);
        let password = match (&user, password.filter(|password| !password.is_empty())) {
            (None, Some(_)) => return Err(Problem::invalid("user", "missing").at("/user")),
            (None, None) => None,
            (Some(_), None) => kept,
            (Some(_), Some(password)) => Some(self.seal(&password)?),
        };
        self.write(caller, Some(UpsSpec { host, port, name, user, password, minutes }), check).await
    }

    /// Watches none from now on. Guests that were shut down because of one start again.
    pub async fn remove(
        &self,
        caller: &Caller,
        check: impl Fn(Generation) -> Result<(), Problem> + Send,
    ) -> Result<Ups, Problem> {
        self.write(caller, None, check).await
    }

    fn seal(&self, password: &Zeroizing<String>) -> Result<Sealed<String>, Problem> {
        if password.chars().count() > WORD_MAX || password.chars().any(char::is_control) {
            return Err(Problem::invalid("password", "ups-word").at("/password"));
        }
        secret::sealed(&self.ledger, self.settings.recovery_key(), password)
    }

    async fn write(
        &self,
        caller: &Caller,
        spec: Option<UpsSpec>,
        check: impl Fn(Generation) -> Result<(), Problem> + Send,
    ) -> Result<Ups, Problem> {
        let before = self.read();
        let generation = self.get().generation;
        check(generation)?;
        let value = Ups { generation: generation.next(), spec };
        let expect = before.map_or(Expect::Absent, |stored| Expect::Revision(stored.revision));
        let key = keys::ups();
        let txn = Txn::new().guard(key.clone(), expect).put(key, record::encode(&value));
        let mut audit = self.ledger.audit(caller, Some(subject(&value)));
        match self.ledger.store.txn(audit.write(txn)).await.map_err(error::store)? {
            TxnOutcome::Committed { revision } => {
                let stored = Stored { value: value.clone(), revision };
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(stored);
            }
            TxnOutcome::Refused { .. } => return Err(Problem::new(Code::Stale)),
        }
        self.ledger.board.changes.tell(What::Settings);
        self.changed.send_replace(());
        self.ledger.audited(audit).await?;
        Ok(value)
    }
}

fn subject(ups: &Ups) -> Subject {
    let name = ups.spec.as_ref().map(|spec| spec.name.clone()).unwrap_or_default();
    Subject { kind: "ups".into(), id: uuid::Uuid::nil(), name }
}

fn out_of_range(field: &str, min: u32, max: u32) -> Problem {
    let problem = Problem::new(Code::OutOfRange).with("field", field).with("min", min).with("max", max);
    problem.at(&format!("/{field}"))
}

/// A name as NUT's own files can hold it.
fn word(field: &str, pointer: &str, text: &str) -> Result<String, Problem> {
    let text = text.trim();
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.@".contains(c);
    if text.is_empty() {
        return Err(Problem::invalid(field, "missing").at(pointer));
    }
    if text.len() > WORD_MAX || !text.chars().all(good) {
        return Err(Problem::invalid(field, "ups-word").at(pointer));
    }
    Ok(text.to_owned())
}
