//! Who is told of alerts outside of the console, and how it stands with that.
//!
//! ```text
//!   create · update · delete ──► Store (with the audit record) ──► reconcile::notify ──► [`send`] ──► mail, webhook, …
//!   test ─────────────────────────────────────────────────────────────────────────────────┘
//!   what receivers know, and the message on its way: one record for each channel, written before anything is sent
//! ```
//!
//! caked sends these itself, so their secrets are sealed to a key of its own, which lies beside its certificates and is in no
//! backup; they are sealed to the recovery key too, with which a restored cake opens them.

mod mail;
mod seal;
pub mod send;
mod snmp;
mod spec;
mod syslog;
mod webhook;

use cake_planner::names::{self, Reference};
use cake_store::{Expect, Key, Revision, Txn, TxnOutcome};
use cake_types::{
    Arrived, Channel, ChannelId, ChannelSpec, ChannelState, Code, Failing, Generation, Language, Letter, Message, Meta,
    Name, Problem, SecretKey, Severity, Subject, Way,
};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::Mutex;

pub use seal::{KEY_FILE, KeyFileError, own_key};
pub use spec::{NewMail, NewSnmp, NewSyslog, NewWay, NewWebhook};

use crate::announce::Announcer;
use crate::board::What;
use crate::caller::{Caller, Keep};
use crate::ledger::Ledger;
use crate::record::{self, RecordError, Stored};
use crate::settings::Settings;
use crate::{error, keys};
use send::Undelivered;

/// More channels than anybody needs.
pub const CHANNELS_MAX: usize = 16;

/// What a message says in a language: whoever knows the words.
pub trait Speak: Send + Sync + 'static {
    fn letter(&self, message: &Message, language: Language, sender: &Sender) -> Letter;
}

/// Who speaks.
pub struct Sender {
    /// What the cloud calls itself.
    pub name: String,
    /// Where its console is; nothing where only this machine reaches it.
    pub url: String,
    pub zone: TimeZone,
}

/// A channel as somebody wants it.
pub struct NewChannel {
    pub name: Name,
    /// The console's when left out.
    pub language: Option<Language>,
    pub least: Severity,
    pub on: bool,
    /// Mail takes letters about the week when nothing is said, nothing else does.
    pub weekly: Option<bool>,
    pub way: NewWay,
}

/// What shall be different; what is `None` stays.
#[derive(Default)]
pub struct ChannelPatch {
    pub name: Option<Name>,
    pub language: Option<Language>,
    pub least: Option<Severity>,
    pub on: Option<bool>,
    pub weekly: Option<bool>,
    /// All of it; its secrets stay where they are for the same receiver.
    pub way: Option<NewWay>,
}

/// A channel and how it stands.
#[derive(Clone)]
pub struct ChannelView {
    pub channel: Channel,
    pub state: ChannelState,
}

type Book = BTreeMap<ChannelId, (Channel, Revision)>;
type States = BTreeMap<ChannelId, ChannelState>;

pub struct Channels {
    ledger: Arc<Ledger>,
    settings: Arc<Settings>,
    announcer: Arc<Announcer>,
    speak: Arc<dyn Speak>,
    key: SecretKey,
    book: RwLock<Arc<Book>>,
    states: RwLock<Arc<States>>,
    /// Held while a channel or its state is written, so that nobody writes over anybody.
    writing: Mutex<()>,
}

pub fn subject(channel: &Channel) -> Subject {
    Subject { kind: "channel".into(), id: channel.meta.id.0, name: channel.meta.name.to_string() }
}

fn name_key(channel: &Channel) -> Key {
    keys::name("channel", &channel.meta.project, &channel.meta.name)
}

/// A letter goes there every Monday.
pub(crate) const fn takes_letters(spec: &ChannelSpec) -> bool {
    spec.on && spec.weekly
}

/// A collector of logs reads no letters.
fn may_be_weekly(spec: &ChannelSpec) -> Result<(), Problem> {
    match spec.weekly && !spec.way.takes_letters() {
        true => Err(Problem::invalid("weekly", "channel-weekly").at("/weekly")),
        false => Ok(()),
    }
}

fn name_taken(name: &Name) -> Problem {
    Problem::new(Code::NameTaken).with("kind", "channel").with("name", name).at("/name")
}

impl Channels {
    pub async fn load(
        ledger: Arc<Ledger>,
        settings: Arc<Settings>,
        announcer: Arc<Announcer>,
        speak: Arc<dyn Speak>,
        key: SecretKey,
    ) -> Result<Self, RecordError> {
        let (mut book, mut states) = (Book::new(), States::new());
        for Stored { value, revision } in record::all::<Channel>(&*ledger.store, &keys::channels()).await? {
            let state = record::get(&*ledger.store, &keys::channel_state(value.meta.id)).await?;
            states.insert(value.meta.id, state.map(|state| state.value).unwrap_or_default());
            book.insert(value.meta.id, (value, revision));
        }
        let (book, states) = (RwLock::new(Arc::new(book)), RwLock::new(Arc::new(states)));
        Ok(Self { ledger, settings, announcer, speak, key, book, states, writing: Mutex::default() })
    }

    fn book(&self) -> Arc<Book> {
        self.book.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn states(&self) -> Arc<States> {
        self.states.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// By name.
    pub fn list(&self) -> Vec<ChannelView> {
        let states = self.states();
        let view = |(channel, _): &(Channel, Revision)| ChannelView {
            channel: channel.clone(),
            state: states.get(&channel.meta.id).cloned().unwrap_or_default(),
        };
        let mut all: Vec<ChannelView> = self.book().values().map(view).collect();
        all.sort_by_key(|view| names::fold(&view.channel.meta.name));
        all
    }

    /// By id or name.
    pub fn find(&self, text: &str) -> Result<ChannelView, Problem> {
        let found = match Reference::parse(text) {
            Some(Reference::Id(id)) => self.view(ChannelId(id)),
            Some(Reference::Name(name)) => {
                let name = names::fold(&name);
                self.list().into_iter().find(|view| names::fold(&view.channel.meta.name) == name)
            }
            None => None,
        };
        found.ok_or_else(|| Problem::not_found("channel", shown(text)))
    }

    pub(crate) fn view(&self, id: ChannelId) -> Option<ChannelView> {
        let (channel, _) = self.book().get(&id).cloned()?;
        Some(ChannelView { channel, state: self.states().get(&id).cloned().unwrap_or_default() })
    }

    pub async fn create(&self, caller: &Caller, new: NewChannel, keep: &Keep<Channel>) -> Result<Channel, Problem> {
        let NewChannel { name, language, least, on, weekly, way } = new;
        let sealer = seal::Sealer { own: self.key.public(), recovery: self.settings.recovery_key() };
        let way = spec::read(way, None, &sealer)?;
        let system = self.settings.get().map(|versioned| versioned.settings.language).unwrap_or_default();
        let (id, now) = (ChannelId::now(), self.ledger.now());
        let project = Default::default();
        let meta = Meta { id, project, name, generation: Generation::FIRST, created_at: now, updated_at: now };
        let weekly = weekly.unwrap_or(matches!(way, Way::Mail(_)));
        let spec = ChannelSpec { way, language: language.unwrap_or(system), least, on, weekly };
        may_be_weekly(&spec)?;
        let channel = Channel { meta, spec };
        let _writing = self.writing.lock().await;
        if self.book().len() >= CHANNELS_MAX {
            let problem = Problem::new(Code::OutOfRange).with("field", "channels");
            return Err(problem.with("min", 0).with("max", CHANNELS_MAX));
        }
        let name = name_key(&channel);
        let txn = Txn::new()
            .guard(name.clone(), Expect::Absent)
            .put(name, id.to_string())
            .put(keys::channel(id), record::encode(&channel));
        self.write(caller, &channel, keep.write(txn, &channel, now), || name_taken(&channel.meta.name)).await?;
        Ok(channel)
    }

    pub async fn update(
        &self,
        caller: &Caller,
        id: ChannelId,
        patch: ChannelPatch,
        check: impl Fn(Generation) -> Result<(), Problem> + Send,
    ) -> Result<ChannelView, Problem> {
        let _writing = self.writing.lock().await;
        let (before, revision) = self.stored(id)?;
        check(before.meta.generation)?;
        let ChannelPatch { name, language, least, on, weekly, way } = patch;
        let sealer = seal::Sealer { own: self.key.public(), recovery: self.settings.recovery_key() };
        let mut channel = before.clone();
        let spec = &mut channel.spec;
        spec.language = language.unwrap_or(spec.language);
        spec.least = least.unwrap_or(spec.least);
        spec.on = on.unwrap_or(spec.on);
        spec.weekly = weekly.unwrap_or(spec.weekly);
        spec.way =
            way.map(|way| spec::read(way, Some(&before.spec.way), &sealer)).transpose()?.unwrap_or(spec.way.clone());
        may_be_weekly(spec)?;
        channel.meta.name = name.unwrap_or(channel.meta.name);
        channel.meta.generation = channel.meta.generation.next();
        channel.meta.updated_at = self.ledger.now();
        let mut txn = Txn::new()
            .guard(keys::channel(id), Expect::Revision(revision))
            .put(keys::channel(id), record::encode(&channel));
        let (old, new) = (name_key(&before), name_key(&channel));
        if old != new {
            txn = txn.delete(old).guard(new.clone(), Expect::Absent).put(new, id.to_string());
        }
        let mut state = self.states().get(&id).cloned().unwrap_or_default();
        let begins = takes_letters(&channel.spec) && !takes_letters(&before.spec);
        if begins {
            // The week that has passed is none that anybody waits for.
            state.weekly = Some(channel.meta.updated_at);
            txn = txn.put(keys::channel_state(id), record::encode(&state));
        }
        self.write(caller, &channel, txn, || name_taken(&channel.meta.name)).await?;
        if begins {
            self.put_states(|states| drop(states.insert(id, state)));
        }
        self.view(id).ok_or_else(|| Problem::not_found("channel", id))
    }

    pub async fn delete(
        &self,
        caller: &Caller,
        id: ChannelId,
        check: impl Fn(Generation) -> Result<(), Problem> + Send,
    ) -> Result<(), Problem> {
        let _writing = self.writing.lock().await;
        let (channel, revision) = self.stored(id)?;
        check(channel.meta.generation)?;
        let txn = Txn::new()
            .guard(keys::channel(id), Expect::Revision(revision))
            .delete(keys::channel(id))
            .delete(keys::channel_state(id))
            .delete(name_key(&channel));
        self.ledger.commit(txn, self.ledger.audit(caller, Some(subject(&channel)))).await?;
        self.put_book(|book| drop(book.remove(&id)));
        self.put_states(|states| drop(states.remove(&id)));
        Ok(())
    }

    /// Sends a message that says that it is a test, and says what came of it.
    pub async fn test(&self, caller: &Caller, id: ChannelId) -> Result<Result<String, Undelivered>, Problem> {
        let (channel, _) = self.stored(id)?;
        self.ledger.commit(Txn::new(), self.ledger.audit(caller, Some(subject(&channel)))).await?;
        let message = Message::test(uuid::Uuid::now_v7(), self.ledger.now());
        let sent = self.send(&channel, &message).await;
        let now = self.ledger.now();
        let changed = self.change_state(id, |state| match &sent {
            Ok(answer) => {
                arrived(state, now, answer);
                // What waits for its next try goes now.
                state.outgoing.iter_mut().for_each(|outgoing| outgoing.next = now);
            }
            Err(undelivered) if state.failing.is_some() => failed(state, now, undelivered),
            Err(_) => {}
        });
        changed.await?;
        Ok(sent)
    }

    /// Sends one message, bounded in time.
    pub(crate) async fn send(&self, channel: &Channel, message: &Message) -> Result<String, Undelivered> {
        let letter = self.speak.letter(message, channel.spec.language, &self.sender());
        send::send(&channel.spec.way, message, &letter, &self.key).await
    }

    fn sender(&self) -> Sender {
        let settings = self.settings.get().map(|versioned| versioned.settings);
        let name = settings.map(|settings| settings.name.to_string()).unwrap_or_else(|| "cake".into());
        Sender { name, url: self.announcer.reachable(&self.settings.names()), zone: self.zone() }
    }

    /// By whose clock it is Monday morning.
    pub(crate) fn zone(&self) -> TimeZone {
        self.settings.zone()
    }

    fn stored(&self, id: ChannelId) -> Result<(Channel, Revision), Problem> {
        self.book().get(&id).cloned().ok_or_else(|| Problem::not_found("channel", id))
    }

    /// With `writing` held.
    async fn write(
        &self,
        caller: &Caller,
        channel: &Channel,
        txn: Txn,
        refused: impl FnOnce() -> Problem,
    ) -> Result<(), Problem> {
        let mut audit = self.ledger.audit(caller, Some(subject(channel)));
        let outcome = self.ledger.store.txn(audit.write(txn)).await.map_err(error::store)?;
        let TxnOutcome::Committed { revision } = outcome else { return Err(refused()) };
        self.put_book(|book| drop(book.insert(channel.meta.id, (channel.clone(), revision))));
        self.ledger.audited(audit).await
    }

    /// Changes how a channel stands, durably, if it is still there and that is a change.
    pub(crate) async fn change_state(
        &self,
        id: ChannelId,
        change: impl FnOnce(&mut ChannelState) + Send,
    ) -> Result<(), Problem> {
        let _writing = self.writing.lock().await;
        if !self.book().contains_key(&id) {
            return Ok(());
        }
        let before = self.states().get(&id).cloned().unwrap_or_default();
        let mut state = before.clone();
        change(&mut state);
        if state == before {
            return Ok(());
        }
        let txn = Txn::new().put(keys::channel_state(id), record::encode(&state));
        self.ledger.store.txn(txn).await.map_err(error::store)?.committed().map_err(error::store)?;
        self.put_states(|states| drop(states.insert(id, state)));
        Ok(())
    }

    fn put_book(&self, change: impl FnOnce(&mut Book)) {
        change(Arc::make_mut(&mut self.book.write().unwrap_or_else(PoisonError::into_inner)));
        self.ledger.board.changes.tell(What::Settings);
    }

    fn put_states(&self, change: impl FnOnce(&mut States)) {
        change(Arc::make_mut(&mut self.states.write().unwrap_or_else(PoisonError::into_inner)));
        self.ledger.board.changes.tell(What::Settings);
    }
}

/// Something got through.
pub(crate) fn arrived(state: &mut ChannelState, at: jiff::Timestamp, answer: &str) {
    state.arrived = Some(Arrived { at, answer: answer.to_owned() });
    state.failing = None;
}

pub(crate) fn failed(state: &mut ChannelState, at: jiff::Timestamp, undelivered: &Undelivered) {
    let Undelivered { trouble, detail } = undelivered.clone();
    let since = state.failing.as_ref().map_or(at, |failing| failing.since);
    state.failing = Some(Failing { since, at, trouble, detail });
}

/// What somebody asked for is shown to whoever reads the answer: not more of it than a name is long.
fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

/// caked's own key for channels, made when it is first needed.
pub fn key(state: &Path) -> Result<SecretKey, KeyFileError> {
    own_key(&state.join(KEY_FILE))
}
