//! Making, changing and deleting accounts.

use super::login::account_subject;
use super::{Accounts, Identity, Proof};
use cake_planner::names;
use cake_store::{Expect, Txn, TxnOutcome};
use cake_types::{
    Account, AccountId, AccountSpec, Calendar, Code, Generation, Language, Meta, Name, Permission, Problem,
    ProjectName, RoleName, SessionId,
};
use std::sync::Arc;

use crate::board::What;
use crate::caller::{Caller, Keep};
use crate::record::Stored;
use crate::{error, keys, record};

pub struct NewAccount {
    pub name: Name,
    pub role: RoleName,
    pub password: String,
    pub language: Option<Language>,
}

/// What an administrator changes; what is `None` stays.
#[derive(Default)]
pub struct AccountPatch {
    pub name: Option<Name>,
    pub role: Option<RoleName>,
    pub password: Option<String>,
    pub disabled: Option<bool>,
    pub language: Option<Language>,
}

/// What people change of their own account; a new password needs the old one.
#[derive(Default)]
pub struct OwnPatch {
    pub language: Option<Language>,
    pub calendar: Option<Calendar>,
    pub password: Option<String>,
    pub current_password: Option<String>,
}

impl Accounts {
    pub fn find(&self, text: &str) -> Result<Arc<Account>, Problem> {
        let missing = || Problem::not_found("account", text);
        match names::Reference::parse(text).ok_or_else(missing)? {
            names::Reference::Id(id) => self.get(AccountId(id)).ok_or_else(missing),
            names::Reference::Name(name) => {
                let folded = names::fold(&name);
                self.list().into_iter().find(|a| names::fold(&a.meta.name) == folded).ok_or_else(missing)
            }
        }
    }

    pub async fn create(
        &self,
        caller: &Caller,
        new: NewAccount,
        keep: &Keep<Account>,
    ) -> Result<Arc<Account>, Problem> {
        let NewAccount { name, role, password, language } = new;
        self.role(&role)?;
        let hash = self.hash(&password).await?;
        let account = self.new_account(name, role, hash, language);
        let (txn, key) = insertion(&account);
        let mut audit = self.ledger.audit(caller, Some(account_subject(&account)));
        let txn = audit.write(keep.write(txn, &account, self.ledger.now()));
        match self.ledger.store.txn(txn).await.map_err(error::store)? {
            TxnOutcome::Committed { revision } => {
                let account = self.put(account, revision);
                self.ledger.audited(audit).await?;
                Ok(account)
            }
            TxnOutcome::Refused { key: refused, .. } if refused == key => Err(Problem::new(Code::Stale)),
            TxnOutcome::Refused { .. } => Err(taken(&account)),
        }
    }

    pub(crate) fn new_account(
        &self,
        name: Name,
        role: RoleName,
        password_hash: String,
        language: Option<Language>,
    ) -> Account {
        let now = self.ledger.now();
        let meta = Meta {
            id: AccountId::now(),
            project: ProjectName::default(),
            name,
            generation: Generation::FIRST,
            created_at: now,
            updated_at: now,
        };
        let language = language.map(|language| language.tag().to_owned());
        let spec = AccountSpec {
            role,
            password_hash,
            language,
            disabled: false,
            sessions_after: now,
            calendar: None,
            queries: Vec::new(),
        };
        Account { meta, spec }
    }

    /// Puts in memory what was just written.
    pub(crate) fn put(&self, account: Account, revision: cake_store::Revision) -> Arc<Account> {
        let account = Arc::new(account);
        self.write().accounts.insert(account.meta.id, Stored { value: account.clone(), revision });
        self.ledger.board.changes.tell(What::Account);
        account
    }

    /// By an administrator. `check` is asked about the account that is changed.
    pub async fn update(
        &self,
        caller: &Caller,
        id: AccountId,
        patch: AccountPatch,
        check: impl Fn(&Account) -> Result<(), Problem> + Send,
    ) -> Result<Arc<Account>, Problem> {
        let stored = self.stored(id)?;
        check(&stored.value)?;
        let AccountPatch { name, role, password, disabled, language } = patch;
        let mut account = (*stored.value).clone();
        if let Some(role) = role {
            self.role(&role)?;
            account.spec.role = role;
        }
        account.spec.disabled = disabled.unwrap_or(account.spec.disabled);
        account.spec.language = language.map(|l| l.tag().to_owned()).or(account.spec.language);
        account.meta.name = name.unwrap_or(account.meta.name);
        let new_password = password.is_some();
        if let Some(password) = password {
            account.spec.password_hash = self.hash(&password).await?;
        }
        self.keep_one_administrator(&account)?;
        let end_sessions = new_password || account.spec.disabled;
        self.replace(caller, stored, account, end_sessions.then_some(None)).await
    }

    /// By the account's own holder.
    pub async fn update_own(
        &self,
        caller: &Caller,
        identity: &Identity,
        patch: OwnPatch,
        check: impl Fn(&Account) -> Result<(), Problem> + Send,
    ) -> Result<Arc<Account>, Problem> {
        let stored = self.stored(identity.account.meta.id)?;
        check(&stored.value)?;
        let OwnPatch { language, calendar, password, current_password } = patch;
        let mut account = (*stored.value).clone();
        account.spec.language = language.map(|l| l.tag().to_owned()).or(account.spec.language);
        account.spec.calendar = calendar.or(account.spec.calendar);
        let mut end = None;
        if let Some(password) = password {
            let current = current_password.unwrap_or_default();
            self.may_try(caller)?;
            if !self.verify(Some(&stored.value), &current).await? {
                self.wrong_token(caller).await?;
                return Err(Problem::new(Code::WrongPassword).at("/current_password"));
            }
            account.spec.password_hash = self.hash(&password).await?;
            // Everybody else who is logged in with the old password is out; whoever changed it stays.
            end = Some(match &identity.proof {
                Proof::Session { session, .. } => Some(session.id),
                Proof::Token(_) => None,
            });
        }
        self.replace(caller, stored, account, end).await
    }

    /// Writes the account; `end`: its sessions end, except perhaps one.
    async fn replace(
        &self,
        caller: &Caller,
        old: Stored<Arc<Account>>,
        mut account: Account,
        end: Option<Option<SessionId>>,
    ) -> Result<Arc<Account>, Problem> {
        account.meta.generation = account.meta.generation.next();
        account.meta.updated_at = self.ledger.now();
        let key = keys::account(account.meta.id);
        let mut txn = Txn::new().guard(key.clone(), Expect::Revision(old.revision));
        if names::fold(&old.value.meta.name) != names::fold(&account.meta.name) {
            let (before, now) = (name_key(&old.value), name_key(&account));
            txn = txn.guard(now.clone(), Expect::Absent).put(now, account.meta.id.to_string()).delete(before);
        }
        if let Some(keep) = end {
            for session in self.read().sessions.values().filter(|s| s.account == account.meta.id) {
                if Some(session.id) != keep {
                    txn = txn.delete(keys::session(&session.hash));
                }
            }
        }
        let mut audit = self.ledger.audit(caller, Some(account_subject(&account)));
        let txn = audit.write(txn.put(key.clone(), record::encode(&account)));
        match self.ledger.store.txn(txn).await.map_err(error::store)? {
            TxnOutcome::Committed { revision } => {
                let account = self.put(account, revision);
                if let Some(keep) = end {
                    self.end_sessions(&account, keep);
                }
                self.ledger.audited(audit).await?;
                Ok(account)
            }
            TxnOutcome::Refused { key: refused, .. } if refused == key => Err(Problem::new(Code::Stale)),
            TxnOutcome::Refused { .. } => Err(taken(&account)),
        }
    }

    pub async fn delete(
        &self,
        caller: &Caller,
        id: AccountId,
        check: impl Fn(&Account) -> Result<(), Problem> + Send,
    ) -> Result<(), Problem> {
        let Stored { value: account, revision } = self.stored(id)?;
        check(&account)?;
        let mut gone = (*account).clone();
        gone.spec.disabled = true;
        self.keep_one_administrator(&gone)?;
        let key = keys::account(id);
        let mut txn = Txn::new().guard(key.clone(), Expect::Revision(revision)).delete(key).delete(name_key(&account));
        {
            let state = self.read();
            for session in state.sessions.values().filter(|session| session.account == id) {
                txn = txn.delete(keys::session(&session.hash));
            }
            for token in state.tokens.values().filter(|token| token.account == id) {
                txn = txn.delete(keys::token(token.id));
            }
        }
        let mut audit = self.ledger.audit(caller, Some(account_subject(&account)));
        if let TxnOutcome::Refused { .. } = self.ledger.store.txn(audit.write(txn)).await.map_err(error::store)? {
            return Err(Problem::new(Code::Stale));
        }
        {
            let mut state = self.write();
            state.accounts.remove(&id);
            let tokens: Vec<_> = state.tokens.values().filter(|t| t.account == id).map(|t| t.id).collect();
            tokens.into_iter().for_each(|token| state.remove_token(token));
        }
        self.end_sessions(&account, None);
        self.ledger.board.changes.tell(What::Account);
        self.ledger.audited(audit).await
    }

    /// Somebody must be left who can administer.
    fn keep_one_administrator(&self, changed: &Account) -> Result<(), Problem> {
        let state = self.read();
        let administers = |account: &Account| {
            !account.spec.disabled && state.permissions(&account.spec.role).contains(&Permission::Administer)
        };
        let others = state.accounts.values().any(|a| a.value.meta.id != changed.meta.id && administers(&a.value));
        if others || administers(changed) {
            return Ok(());
        }
        Err(Problem::new(Code::InUse).with("kind", "account").with("name", &changed.meta.name))
    }
}

/// A new account, its name taken; and the account's key.
pub(crate) fn insertion(account: &Account) -> (Txn, cake_store::Key) {
    let (key, name) = (keys::account(account.meta.id), name_key(account));
    let txn = Txn::new()
        .guard(key.clone(), Expect::Absent)
        .guard(name.clone(), Expect::Absent)
        .put(key.clone(), record::encode(account))
        .put(name, account.meta.id.to_string());
    (txn, key)
}

fn name_key(account: &Account) -> cake_store::Key {
    keys::name("account", &account.meta.project, &account.meta.name)
}

fn taken(account: &Account) -> Problem {
    Problem::new(Code::NameTaken).with("kind", "account").with("name", &account.meta.name).at("/name")
}
