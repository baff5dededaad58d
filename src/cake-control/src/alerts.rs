//! Alerts that are open, and who has said that they know.
//!
//! An alert follows from what is so ([`cake_planner::alert`]). What the Store keeps of one, so that a restart of this program
//! tells nobody twice: when it began, how bad it was, and who acknowledged it. Where the Store can't be written (its disk is
//! full: that is an alert too) they are shown all the same, and written once it can be.

use cake_planner::alert::{self, Alerts, Facts, Turn};
use cake_store::{MAX_TXN_OPS, Txn};
use cake_types::limits::NOTE_MAX;
use cake_types::{Acknowledgement, Alert, AlertId, Code, Problem, Silence};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::Mutex;

use crate::board::What;
use crate::caller::{Caller, Keep};
use crate::ledger::Ledger;
use crate::record::{self, RecordError, Stored};
use crate::{error, keys};

/// After this it is tried again to write what could not be written.
const WRITE_AGAIN: SignedDuration = SignedDuration::from_secs(10);

pub struct AlertBook {
    ledger: Arc<Ledger>,
    /// For readers.
    open: RwLock<Arc<Alerts>>,
    /// Alerts that are silenced, open or not.
    silent: RwLock<BTreeSet<AlertId>>,
    /// Held while something is written, so that nobody writes over anybody.
    written: Mutex<Written>,
}

#[derive(Default)]
struct Written {
    /// As the Store has them.
    alerts: Alerts,
    /// What is so and not for long enough.
    waiting: BTreeMap<AlertId, Timestamp>,
    /// They outlive their alerts: what comes and goes is silent each time.
    silences: BTreeMap<AlertId, Silence>,
}

/// As it lies in the Store.
#[derive(Serialize, Deserialize)]
struct Silenced {
    alert: AlertId,
    silence: Silence,
}

/// Minutes for which something can be silenced: a quarter of a year at most, so that nothing is forgotten for ever.
pub const SILENCE_MINUTES: std::ops::RangeInclusive<u32> = 1..=90 * 24 * 60;

/// What a look at everything found.
pub struct Looked {
    pub turns: Vec<Turn>,
    /// When it has to be looked again, whatever happens.
    pub look_at: Option<Timestamp>,
}

impl AlertBook {
    pub async fn load(ledger: Arc<Ledger>) -> Result<Self, RecordError> {
        let mut alerts = Alerts::new();
        for Stored { value, .. } in record::all::<Alert>(&*ledger.store, &keys::alerts()).await? {
            alerts.insert(value.id.clone(), value);
        }
        let silences = record::all::<Silenced>(&*ledger.store, &keys::silences()).await?;
        let silences: BTreeMap<AlertId, Silence> =
            silences.into_iter().map(|stored| (stored.value.alert, stored.value.silence)).collect();
        let mut shown = alerts.clone();
        silence(&mut shown, &silences, ledger.now());
        let open = RwLock::new(Arc::new(shown));
        let silent = RwLock::new(silences.keys().cloned().collect());
        Ok(Self { ledger, open, silent, written: Mutex::new(Written { alerts, waiting: BTreeMap::new(), silences }) })
    }

    pub fn open(&self) -> Arc<Alerts> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn find(&self, id: &str) -> Result<Alert, Problem> {
        self.open().get(&AlertId(id.into())).cloned().ok_or_else(|| Problem::not_found("alert", shown(id)))
    }

    /// Takes in what is so.
    pub async fn look(&self, facts: &Facts<'_>) -> Looked {
        let mut written = self.written.lock().await;
        let before = self.open();
        let mut next = alert::next(facts.now, alert::find(facts, &before), &before, &written.waiting);
        written.waiting = next.waiting;
        self.forget_silences(&mut written, facts.now).await;
        silence(&mut next.open, &written.silences, facts.now);
        let silent_until = written.silences.values().map(|silence| silence.until).min();
        let mut look_at = [next.look_at, silent_until].into_iter().flatten().min();
        if let Err(problem) = self.write(&mut written.alerts, &next.open).await {
            tracing::warn!(%problem, "alerts could not be written; they are written later");
            look_at = facts.now.checked_add(WRITE_AGAIN).ok();
        }
        self.show(next.open);
        Looked { turns: next.turns, look_at }
    }

    /// Of these nobody is told.
    pub fn silenced(&self) -> BTreeSet<AlertId> {
        self.silent.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Silences that are over. What can't be removed now is removed later.
    async fn forget_silences(&self, written: &mut Written, now: Timestamp) {
        let over: Vec<AlertId> = written
            .silences
            .iter()
            .filter(|(_, silence)| silence.until <= now)
            .map(|(id, _)| id.clone())
            .take(MAX_TXN_OPS)
            .collect();
        let txn = over.iter().fold(Txn::new(), |txn, id| txn.delete(keys::silence(id)));
        if !over.is_empty() && self.ledger.store.txn(txn).await.is_ok() {
            over.iter().for_each(|id| drop(written.silences.remove(id)));
            self.put_silent(&written.silences);
        }
    }

    fn put_silent(&self, silences: &BTreeMap<AlertId, Silence>) {
        *self.silent.write().unwrap_or_else(PoisonError::into_inner) = silences.keys().cloned().collect();
    }

    fn show(&self, now: Alerts) {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        let same = **open == now;
        *open = Arc::new(now);
        drop(open);
        if !same {
            self.ledger.board.changes.tell(What::Alerts);
        }
    }

    /// Makes the Store say what `open` says, as far as it has to be remembered.
    async fn write(&self, there: &mut Alerts, open: &Alerts) -> Result<(), Problem> {
        let known = |alert: &Alert| there.get(&alert.id).is_some_and(|there| remembered(there) == remembered(alert));
        let new: Vec<Alert> = open.values().filter(|alert| !known(alert)).cloned().collect();
        let over: Vec<AlertId> = there.keys().filter(|id| !open.contains_key(*id)).cloned().collect();
        for some in new.chunks(MAX_TXN_OPS) {
            let put = |txn: Txn, alert: &Alert| txn.put(keys::alert(&alert.id), record::encode(alert));
            self.ledger.store.txn(some.iter().fold(Txn::new(), put)).await.map_err(error::store)?;
            there.extend(some.iter().map(|alert| (alert.id.clone(), alert.clone())));
        }
        for some in over.chunks(MAX_TXN_OPS) {
            let txn = some.iter().fold(Txn::new(), |txn, id| txn.delete(keys::alert(id)));
            self.ledger.store.txn(txn).await.map_err(error::store)?;
            some.iter().for_each(|id| drop(there.remove(id)));
        }
        Ok(())
    }

    /// Somebody knows of it. Who acknowledges again changes the note.
    pub async fn acknowledge(
        &self,
        caller: &Caller,
        id: &str,
        note: Option<String>,
        keep: &Keep<Alert>,
    ) -> Result<Alert, Problem> {
        let note = noted(note)?;
        let known = Acknowledgement { at: self.ledger.now(), by: caller.actor.clone(), note };
        self.change(caller, id, Some(known), keep).await
    }

    /// Nobody sees to it after all.
    pub async fn unacknowledge(&self, caller: &Caller, id: &str, keep: &Keep<Alert>) -> Result<Alert, Problem> {
        self.change(caller, id, None, keep).await
    }

    /// Nobody is told of it for a while. Again: for another while.
    pub async fn silence(
        &self,
        caller: &Caller,
        id: &str,
        (minutes, note): (u32, Option<String>),
        keep: &Keep<Alert>,
    ) -> Result<Alert, Problem> {
        if !SILENCE_MINUTES.contains(&minutes) {
            let problem = Problem::new(Code::OutOfRange).with("field", "minutes");
            return Err(problem.with("min", SILENCE_MINUTES.start()).with("max", SILENCE_MINUTES.end()).at("/minutes"));
        }
        let at = self.ledger.now();
        let until = at + SignedDuration::from_mins(minutes.into());
        self.put_silence(caller, id, Some(Silence { until, at, by: caller.actor.clone(), note: noted(note)? }), keep)
            .await
    }

    /// It is told again.
    pub async fn unsilence(&self, caller: &Caller, id: &str, keep: &Keep<Alert>) -> Result<Alert, Problem> {
        self.put_silence(caller, id, None, keep).await
    }

    async fn put_silence(
        &self,
        caller: &Caller,
        id: &str,
        silenced: Option<Silence>,
        keep: &Keep<Alert>,
    ) -> Result<Alert, Problem> {
        let mut written = self.written.lock().await;
        let alert = Alert { silenced, ..self.find(id)? };
        let (key, txn) = (keys::silence(&alert.id), Txn::new());
        let txn = match alert.silenced.clone() {
            Some(silence) => txn.put(key, record::encode(&Silenced { alert: alert.id.clone(), silence })),
            None => txn.delete(key),
        };
        let mut audit = self.ledger.audit(caller, Some(alert.subject.clone()));
        let txn = audit.write(keep.write(txn, &alert, self.ledger.now()));
        self.ledger.store.txn(txn).await.map_err(error::store)?.committed().map_err(error::store)?;
        match alert.silenced.clone() {
            Some(silence) => drop(written.silences.insert(alert.id.clone(), silence)),
            None => drop(written.silences.remove(&alert.id)),
        }
        self.put_silent(&written.silences);
        let mut open = (*self.open()).clone();
        open.insert(alert.id.clone(), alert.clone());
        self.show(open);
        drop(written);
        // So that it is looked again when it is over.
        self.ledger.board.changes.tell(What::Settings);
        self.ledger.audited(audit).await?;
        Ok(alert)
    }

    async fn change(
        &self,
        caller: &Caller,
        id: &str,
        acknowledged: Option<Acknowledgement>,
        keep: &Keep<Alert>,
    ) -> Result<Alert, Problem> {
        let mut written = self.written.lock().await;
        let alert = Alert { acknowledged, ..self.find(id)? };
        let txn = Txn::new().put(keys::alert(&alert.id), record::encode(&alert));
        let mut audit = self.ledger.audit(caller, Some(alert.subject.clone()));
        let txn = audit.write(keep.write(txn, &alert, self.ledger.now()));
        self.ledger.store.txn(txn).await.map_err(error::store)?.committed().map_err(error::store)?;
        written.alerts.insert(alert.id.clone(), alert.clone());
        let mut open = (*self.open()).clone();
        open.insert(alert.id.clone(), alert.clone());
        self.show(open);
        drop(written);
        self.ledger.audited(audit).await?;
        Ok(alert)
    }
}

fn noted(note: Option<String>) -> Result<Option<String>, Problem> {
    let note = note.map(|note| note.trim().to_owned()).filter(|note| !note.is_empty());
    if note.as_ref().is_some_and(|note| note.chars().count() > NOTE_MAX) {
        let problem = Problem::new(Code::OutOfRange).with("field", "note");
        return Err(problem.with("min", 0).with("max", NOTE_MAX).at("/note"));
    }
    Ok(note)
}

/// Puts on each alert whether it is silent.
fn silence(open: &mut Alerts, silences: &BTreeMap<AlertId, Silence>, now: Timestamp) {
    for alert in open.values_mut() {
        alert.silenced = silences.get(&alert.id).filter(|silence| silence.until > now).cloned();
    }
}

/// What has to outlive this program; the figures of a sentence need not.
fn remembered(alert: &Alert) -> (cake_types::Severity, Timestamp, &Option<Acknowledgement>) {
    (alert.severity, alert.since, &alert.acknowledged)
}

/// What somebody asked for is shown to whoever reads the answer: not more of it than an id is long.
fn shown(id: &str) -> String {
    id.chars().take(128).collect()
}
