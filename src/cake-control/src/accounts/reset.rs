//! Who lost the password asks root: `cake-node reset-admin` leaves a file, and it is taken in at the next try to log in.

use super::Accounts;
use super::login::account_subject;
use cake_store::{Expect, Key, Txn};
use cake_types::{Actor, Name, Origin, Problem, RoleName};
use serde::Deserialize;
use std::io::ErrorKind;
use std::sync::Arc;

use crate::accounts::password;
use crate::caller::Caller;
use crate::{error, keys, random, record};

/// Larger than any file of ours.
const LONGEST: u64 = 16 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reset {
    pub name: Name,
    pub password_argon2id: String,
}

impl Accounts {
    /// Takes in a new administrator's password, once. The file is root's, so it may not be ours to remove: the Store remembers
    /// which one was taken.
    pub async fn take_reset(&self) -> Result<(), Problem> {
        let Some(path) = &self.reset_file else { return Ok(()) };
        let bytes = match tokio::fs::metadata(path).await {
            Ok(found) if found.is_file() && found.len() <= LONGEST => tokio::fs::read(path).await,
            Ok(_) => return Ok(()),
            Err(error) => Err(error),
        };
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "the reset of the administrator can't be read");
                return Ok(());
            }
        };
        let digest = data_encoding::HEXLOWER.encode(&random::digest_of(&[&bytes]));
        let taken = record::get::<String>(&*self.ledger.store, &keys::reset_admin()).await.map_err(error::record)?;
        if taken.is_some_and(|taken| taken.value == digest) {
            return Ok(());
        }
        let reset: Reset = match serde_json::from_slice(&bytes) {
            Ok(reset) => reset,
            Err(error) => {
                tracing::warn!(%error, "the reset of the administrator is not what it should be");
                return Ok(());
            }
        };
        if !password::is_acceptable_hash(&reset.password_argon2id) {
            tracing::warn!("the reset of the administrator holds no argon2id hash");
            return Ok(());
        }
        let origin = Origin { address: None, request: None };
        let caller = Caller { actor: Actor::Root, origin, action: "reset_admin" };
        self.reset(&caller, reset, keys::reset_admin(), Expect::Any, digest).await?;
        if let Err(error) = tokio::fs::remove_file(path).await {
            tracing::info!(%error, "the reset of the administrator was taken in and stays where it is");
        }
        Ok(())
    }

    /// Sets an administrator's password, and writes down with it at `once`, which must be as `expected`, by what.
    pub(super) async fn reset(
        &self,
        caller: &Caller,
        reset: Reset,
        once: Key,
        expected: Expect,
        digest: String,
    ) -> Result<(), Problem> {
        let Reset { name, password_argon2id } = reset;
        let role = RoleName("administrator".into());
        let known = self.find(name.as_str()).ok().and_then(|account| self.stored(account.meta.id).ok());
        let now = self.ledger.now();
        let (account, txn) = match known {
            Some(known) => {
                let mut account = (*known.value).clone();
                account.spec.role = role;
                account.spec.password_hash = password_argon2id;
                account.spec.disabled = false;
                account.spec.sessions_after = now;
                account.meta.generation = account.meta.generation.next();
                account.meta.updated_at = now;
                let key = keys::account(account.meta.id);
                let txn = Txn::new().guard(key.clone(), Expect::Revision(known.revision));
                let txn = txn.put(key, record::encode(&account));
                (account, txn)
            }
            None => {
                let account = self.new_account(name, role, password_argon2id, None);
                let (txn, _) = super::manage::insertion(&account);
                (account, txn)
            }
        };
        let mut audit = self.ledger.audit(caller, Some(account_subject(&account)));
        let txn = txn.guard(once.clone(), expected).put(once, record::encode(&digest));
        let txn = audit.write(txn);
        let revision = self.ledger.store.txn(txn).await.map_err(error::store)?.committed().map_err(error::store)?;
        let account: Arc<_> = self.put(account, revision);
        self.end_sessions(&account, None);
        self.ledger.audited(audit).await
    }
}
