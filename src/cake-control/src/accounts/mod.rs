//! Who may do what: accounts, their sessions and tokens, roles as data.
//!
//! ```text
//!   cookie ── session (SHA-256 in the Store) ──┐
//!                                              ├─► Identity { account, permissions } ──► cake-api allows or refuses
//!   Bearer cake_… ── token (SHA-256) ──────────┘
//! ```
//!
//! All of it is small and read at every request, so it is in memory; every change is a transaction first.

mod login;
mod manage;
pub mod password;
mod queries;
mod reset;
mod throttle;
mod tokens;
mod way_in;

pub use login::{LoggedIn, account_subject, claimed};
pub(crate) use manage::insertion;
pub use manage::{AccountPatch, NewAccount, OwnPatch};
pub use queries::QueryPatch;
pub use tokens::NewToken;

use cake_types::{
    Account, AccountId, Actor, ApiToken, Permission, Problem, Role, RoleName, SessionId, TokenId, built_in_roles,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::sync::Semaphore;

use crate::ledger::Ledger;
use crate::record::{self, RecordError, Stored};
use crate::{keys, random};
use throttle::Throttle;

/// A browser's session. The cookie's secret is not stored, only its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub id: SessionId,
    pub account: AccountId,
    pub hash: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// How somebody showed who they are.
#[derive(Clone, Debug)]
pub enum Proof {
    /// A cookie: changes need the CSRF token too.
    Session {
        session: Arc<Session>,
        csrf: String,
    },
    Token(TokenId),
}

/// Somebody who is known.
#[derive(Clone, Debug)]
pub struct Identity {
    pub account: Arc<Account>,
    pub permissions: Vec<Permission>,
    pub proof: Proof,
}

impl Identity {
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }

    pub fn actor(&self) -> Actor {
        let token = match &self.proof {
            Proof::Token(id) => Some(*id),
            Proof::Session { .. } => None,
        };
        Actor::Account { id: self.account.meta.id, name: self.account.meta.name.clone(), token }
    }
}

pub struct Accounts {
    ledger: Arc<Ledger>,
    state: RwLock<State>,
    throttle: Throttle,
    /// argon2id takes 19 MiB: one at a time.
    hashing: Semaphore,
    /// Where root leaves a new administrator's password.
    reset_file: Option<PathBuf>,
}

#[derive(Default)]
struct State {
    accounts: HashMap<AccountId, Stored<Arc<Account>>>,
    roles: Vec<Role>,
    tokens: HashMap<TokenId, Arc<ApiToken>>,
    /// By hash.
    token_ids: HashMap<String, TokenId>,
    /// By hash.
    sessions: HashMap<String, Arc<Session>>,
}

impl Accounts {
    pub async fn load(ledger: Arc<Ledger>, reset_file: Option<PathBuf>) -> Result<Self, RecordError> {
        let store = &*ledger.store;
        let mut state = State::default();
        for Stored { value, revision } in record::all::<Account>(store, &keys::accounts()).await? {
            state.accounts.insert(value.meta.id, Stored { value: Arc::new(value), revision });
        }
        state.roles = record::all(store, &keys::roles()).await?.into_iter().map(|stored| stored.value).collect();
        if state.roles.is_empty() {
            state.roles = built_in_roles();
        }
        for token in record::all::<ApiToken>(store, &keys::tokens()).await? {
            state.put_token(Arc::new(token.value));
        }
        for session in record::all::<Session>(store, &keys::sessions()).await? {
            state.sessions.insert(session.value.hash.clone(), Arc::new(session.value));
        }
        let throttle = Throttle::load(store).await?;
        Ok(Self { ledger, state: RwLock::new(state), throttle, hashing: Semaphore::new(1), reset_file })
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who holds this cookie's secret.
    pub fn by_session(&self, secret: &str) -> Option<Identity> {
        let hash = random::digest(secret);
        let state = self.read();
        let session = state.sessions.get(&hash)?.clone();
        let account = state.accounts.get(&session.account)?.value.clone();
        let alive = session.expires_at > self.ledger.now() && session.created_at >= account.spec.sessions_after;
        if !alive || account.spec.disabled {
            return None;
        }
        let permissions = state.permissions(&account.spec.role);
        Some(Identity { account, permissions, proof: Proof::Session { session, csrf: csrf(secret) } })
    }

    /// Who holds this API token.
    pub fn by_token(&self, token: &str) -> Option<Identity> {
        let hash = random::digest(token);
        let state = self.read();
        let token = state.tokens.get(state.token_ids.get(&hash)?)?;
        let account = state.accounts.get(&token.account)?.value.clone();
        let alive = token.expires_at.is_none_or(|end| end > self.ledger.now());
        if !alive || account.spec.disabled {
            return None;
        }
        let permissions = state.permissions(&account.spec.role);
        Some(Identity { account, permissions, proof: Proof::Token(token.id) })
    }

    /// Whether somebody who was known may still do this.
    pub fn stands(&self, identity: &Identity, permission: Permission) -> bool {
        let (state, now) = (self.read(), self.ledger.now());
        let Some(account) = state.accounts.get(&identity.account.meta.id) else { return false };
        let account = &account.value;
        let proven = match &identity.proof {
            Proof::Session { session, csrf: _ } => {
                let known = state.sessions.contains_key(&session.hash);
                known && session.expires_at > now && session.created_at >= account.spec.sessions_after
            }
            Proof::Token(id) => state.tokens.get(id).is_some_and(|token| token.expires_at.is_none_or(|end| end > now)),
        };
        proven && !account.spec.disabled && state.permissions(&account.spec.role).contains(&permission)
    }

    pub fn roles(&self) -> Vec<Role> {
        self.read().roles.clone()
    }

    fn role(&self, name: &RoleName) -> Result<Role, Problem> {
        let state = self.read();
        let found = state.roles.iter().find(|role| role.name == *name).cloned();
        found.ok_or_else(|| Problem::not_found("role", &name.0).at("/role"))
    }

    pub fn list(&self) -> Vec<Arc<Account>> {
        let mut accounts: Vec<_> = self.read().accounts.values().map(|stored| stored.value.clone()).collect();
        accounts.sort_by_key(|account| account.meta.id);
        accounts
    }

    pub fn get(&self, id: AccountId) -> Option<Arc<Account>> {
        self.read().accounts.get(&id).map(|stored| stored.value.clone())
    }

    fn stored(&self, id: AccountId) -> Result<Stored<Arc<Account>>, Problem> {
        self.read().accounts.get(&id).cloned().ok_or_else(|| Problem::not_found("account", id))
    }
}

/// What a page sends back to show that it is ours: bound to the session, useless without its cookie.
pub fn csrf(secret: &str) -> String {
    data_encoding::BASE64URL_NOPAD.encode(&random::digest_of(&[b"csrf", secret.as_bytes()]))
}

impl State {
    fn permissions(&self, role: &RoleName) -> Vec<Permission> {
        let found = self.roles.iter().find(|known| known.name == *role);
        found.map(|role| role.permissions.clone()).unwrap_or_default()
    }

    fn put_token(&mut self, token: Arc<ApiToken>) {
        self.token_ids.insert(token.hash.0.clone(), token.id);
        self.tokens.insert(token.id, token);
    }

    fn remove_token(&mut self, id: TokenId) {
        if let Some(token) = self.tokens.remove(&id) {
            self.token_ids.remove(&token.hash.0);
        }
    }
}
