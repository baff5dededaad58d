//! Logging in and out.

use super::throttle::Throttle;
use super::{Accounts, Identity, Proof, Session, password};
use cake_planner::event::Happened;
use cake_store::{Expect, Txn};
use cake_types::{
    Account, Actor, Code, EventKind, Problem, SessionId, SetupAdministrator, SetupError, Severity, Subject,
};
use jiff::{SignedDuration, Timestamp};
use std::sync::{Arc, OnceLock};

use crate::board::What;
use crate::caller::Caller;
use crate::settings::setup_problem;
use crate::{error, keys, random, record};

/// How long a session lasts.
const SESSION_HOURS: i64 = 24;
/// Sessions of one account; the oldest makes room.
const SESSIONS_MAX: usize = 32;

/// A fresh session; `secret` goes into the cookie and nowhere else.
pub struct LoggedIn {
    pub identity: Identity,
    pub secret: String,
    pub max_age: SignedDuration,
}

impl Accounts {
    pub async fn log_in(&self, caller: &Caller, name: &str, given: &str) -> Result<LoggedIn, Problem> {
        self.take_reset().await?;
        let millis = self.ledger.clock.unix_ms();
        let tried = Throttle::of(Some(name), caller.origin.address);
        self.throttle.check(&tried, millis)?;
        let account = self.by_name(name);
        let account = account.filter(|account| !account.spec.disabled);
        if !self.verify(account.as_deref(), given).await? {
            self.throttle.failed(&*self.ledger.store, &tried, millis).await?;
            return Err(self.login_failed(caller, name).await);
        }
        let account = account.ok_or_else(|| Problem::new(Code::WrongPassword))?;
        self.throttle.succeeded(&*self.ledger.store, &tried).await?;
        self.begin_session(caller, account).await
    }

    /// A wrong token of the wizard counts like a wrong password.
    pub async fn wrong_token(&self, caller: &Caller) -> Result<(), Problem> {
        let tried = Throttle::of(None, caller.origin.address);
        self.throttle.failed(&*self.ledger.store, &tried, self.ledger.clock.unix_ms()).await
    }

    pub fn may_try(&self, caller: &Caller) -> Result<(), Problem> {
        self.throttle.check(&Throttle::of(None, caller.origin.address), self.ledger.clock.unix_ms())
    }

    async fn login_failed(&self, caller: &Caller, name: &str) -> Problem {
        let claimed: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
        let address = caller.origin.address.map_or_else(|| "?".into(), |address| address.to_string());
        let happened = Happened::new(EventKind::LoginFailed, Severity::Warning);
        let happened = happened.with("claimed", claimed).with("address", address);
        self.ledger.event(happened, None).await;
        Problem::new(Code::WrongPassword)
    }

    fn by_name(&self, name: &str) -> Option<Arc<Account>> {
        let folded = name.to_lowercase();
        let state = self.read();
        let mut accounts = state.accounts.values().map(|stored| &stored.value);
        accounts.find(|account| account.meta.name.as_str().to_lowercase() == folded).cloned()
    }

    /// Takes as long for an account that does not exist as for one that does.
    pub(super) async fn verify(&self, account: Option<&Account>, given: &str) -> Result<bool, Problem> {
        static NOBODY: OnceLock<String> = OnceLock::new();
        let _permit = self.hashing.acquire().await.map_err(|_| Problem::new(Code::Internal))?;
        let hash = account.map(|account| account.spec.password_hash.clone());
        let given = zeroize::Zeroizing::new(given.to_owned());
        let work = move || match hash {
            Some(hash) => password::verify(&given, &hash),
            None => {
                let nobody = NOBODY.get_or_init(|| password::hash(&random::secret()).unwrap_or_default());
                password::verify(&given, nobody);
                false
            }
        };
        tokio::task::spawn_blocking(work).await.map_err(|e| error::internal("a password check was lost", &e))
    }

    /// The hash of the first administrator's password: made here, or elsewhere and acceptable.
    pub(crate) async fn hash_of(&self, administrator: &SetupAdministrator) -> Result<String, Problem> {
        match (&administrator.password, &administrator.password_argon2id) {
            (Some(given), _) => self.hash(given).await.map_err(|bad| bad.at("/administrator/password")),
            (None, Some(hash)) if password::is_acceptable_hash(hash) => Ok(hash.clone()),
            (None, _) => Err(setup_problem(&SetupError::PasswordHash)),
        }
    }

    pub(super) async fn hash(&self, given: &str) -> Result<String, Problem> {
        password::check(given)?;
        let _permit = self.hashing.acquire().await.map_err(|_| Problem::new(Code::Internal))?;
        let given = zeroize::Zeroizing::new(given.to_owned());
        let work = move || password::hash(&given);
        tokio::task::spawn_blocking(work).await.map_err(|e| error::internal("a password hash was lost", &e))?
    }

    async fn begin_session(&self, caller: &Caller, account: Arc<Account>) -> Result<LoggedIn, Problem> {
        let now = self.ledger.now();
        let max_age = SignedDuration::from_hours(SESSION_HOURS);
        let secret = random::secret();
        let hash = random::digest(&secret);
        let session = Session {
            id: SessionId::now(),
            account: account.meta.id,
            hash: hash.clone(),
            created_at: now,
            expires_at: now + max_age,
        };
        let mut txn = Txn::new().put(keys::session(&hash), record::encode(&session));
        let crowded = self.oldest_sessions(&account);
        for old in &crowded {
            txn = txn.delete(keys::session(&old.hash));
        }
        let actor = Actor::Account { id: account.meta.id, name: account.meta.name.clone(), token: None };
        let mut audit = self.ledger.audit(&Caller { actor, ..caller.clone() }, Some(account_subject(&account)));
        self.ledger.store.txn(audit.write(txn)).await.map_err(error::store)?.committed().map_err(error::store)?;
        {
            let mut state = self.write();
            crowded.iter().for_each(|old| drop(state.sessions.remove(&old.hash)));
            state.sessions.insert(hash, Arc::new(session));
        }
        let identity = self.by_session(&secret).ok_or_else(|| Problem::new(Code::NotLoggedIn))?;
        self.ledger.audited(audit).await?;
        Ok(LoggedIn { identity, secret, max_age })
    }

    fn oldest_sessions(&self, account: &Account) -> Vec<Arc<Session>> {
        let state = self.read();
        let own = state.sessions.values().filter(|session| session.account == account.meta.id);
        let mut own: Vec<Arc<Session>> = own.cloned().collect();
        own.sort_by_key(|session| session.created_at);
        own.truncate((own.len() + 1).saturating_sub(SESSIONS_MAX));
        own
    }

    pub async fn log_out(&self, caller: &Caller, identity: &Identity) -> Result<(), Problem> {
        let Proof::Session { session, .. } = &identity.proof else {
            return Err(Problem::new(Code::BadParameter).with("name", "authorization").with("detail", "not a session"));
        };
        let mut audit = self.ledger.audit(caller, Some(account_subject(&identity.account)));
        let txn = audit.write(Txn::new().delete(keys::session(&session.hash)));
        self.ledger.store.txn(txn).await.map_err(error::store)?.committed().map_err(error::store)?;
        self.write().sessions.remove(&session.hash);
        self.ledger.board.changes.tell(What::SessionEnded(session.id));
        self.ledger.audited(audit).await
    }

    /// Takes an account's sessions out of memory once they are gone from the Store, or are over by `sessions_after`.
    pub(super) fn end_sessions(&self, account: &Account, keep: Option<SessionId>) {
        let ended: Vec<Arc<Session>> = {
            let mut state = self.write();
            let over = |session: &Arc<Session>| session.account == account.meta.id && Some(session.id) != keep;
            let ended: Vec<_> = state.sessions.values().filter(|session| over(session)).cloned().collect();
            state.sessions.retain(|_, session| !over(session));
            ended
        };
        for session in ended {
            self.ledger.board.changes.tell(What::SessionEnded(session.id));
        }
    }

    /// Removes sessions and failures that are over.
    pub async fn sweep(&self, now: Timestamp) -> Result<(), Problem> {
        let over: Vec<Arc<Session>> =
            self.read().sessions.values().filter(|session| session.expires_at <= now).cloned().collect();
        for session in over {
            self.ledger.store.delete_if(&keys::session(&session.hash), Expect::Any).await.map_err(error::store)?;
            self.write().sessions.remove(&session.hash);
            self.ledger.board.changes.tell(What::SessionEnded(session.id));
        }
        self.throttle.sweep(&*self.ledger.store, now.as_millisecond()).await
    }
}

pub fn account_subject(account: &Account) -> Subject {
    Subject { kind: "account".into(), id: account.meta.id.0, name: account.meta.name.to_string() }
}

/// A login that is not (yet) anybody's.
pub fn claimed(name: &str) -> Actor {
    Actor::Unknown { claimed: name.chars().filter(|c| !c.is_control()).take(64).collect() }
}
