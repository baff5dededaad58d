//! API tokens: shown once, kept as a hash.

use super::{Accounts, Identity};
use cake_store::Txn;
use cake_types::{AccountId, ApiToken, Code, Name, Problem, Subject, TokenHash, TokenId};
use jiff::SignedDuration;
use std::sync::Arc;

use crate::board::What;
use crate::caller::{Caller, Keep};
use crate::{error, keys, random, record};

/// Tokens of one account; deleting an account deletes them in one transaction.
const TOKENS_MAX: usize = 64;
/// So that a token that was left lying about is known for what it is.
const PREFIX: &str = "cake_";

/// A token just made: the only time that its secret is there.
pub struct NewToken {
    pub token: ApiToken,
    pub secret: String,
}

impl Accounts {
    /// Oldest first.
    pub fn tokens(&self, account: AccountId) -> Vec<Arc<ApiToken>> {
        let state = self.read();
        let mut tokens: Vec<_> = state.tokens.values().filter(|t| t.account == account).cloned().collect();
        tokens.sort_by_key(|token| token.id);
        tokens
    }

    pub async fn create_token(
        &self,
        caller: &Caller,
        identity: &Identity,
        name: Name,
        lifetime: Option<SignedDuration>,
        keep: &Keep<NewToken>,
    ) -> Result<NewToken, Problem> {
        let account = identity.account.meta.id;
        if self.tokens(account).len() >= TOKENS_MAX {
            return Err(Problem::new(Code::OutOfRange).with("field", "tokens").with("min", 0).with("max", TOKENS_MAX));
        }
        let now = self.ledger.now();
        let secret = format!("{PREFIX}{}", random::secret());
        let token = ApiToken {
            id: TokenId::now(),
            account,
            name,
            hash: TokenHash(random::digest(&secret)),
            created_at: now,
            expires_at: lifetime.map(|lifetime| now + lifetime),
        };
        let new = NewToken { token, secret };
        let txn = Txn::new().put(keys::token(new.token.id), record::encode(&new.token));
        let mut audit = self.ledger.audit(caller, Some(token_subject(&new.token)));
        let txn = audit.write(keep.write(txn, &new, now));
        self.ledger.store.txn(txn).await.map_err(error::store)?.committed().map_err(error::store)?;
        self.write().put_token(Arc::new(new.token.clone()));
        self.ledger.board.changes.tell(What::Account);
        self.ledger.audited(audit).await?;
        Ok(new)
    }

    pub async fn delete_token(&self, caller: &Caller, identity: &Identity, id: TokenId) -> Result<(), Problem> {
        let token = self.read().tokens.get(&id).filter(|token| token.account == identity.account.meta.id).cloned();
        let token = token.ok_or_else(|| Problem::not_found("token", id))?;
        let mut audit = self.ledger.audit(caller, Some(token_subject(&token)));
        let txn = audit.write(Txn::new().delete(keys::token(id)));
        self.ledger.store.txn(txn).await.map_err(error::store)?.committed().map_err(error::store)?;
        self.write().remove_token(id);
        self.ledger.board.changes.tell(What::Account);
        self.ledger.audited(audit).await
    }
}

fn token_subject(token: &ApiToken) -> Subject {
    Subject { kind: "token".into(), id: token.id.0, name: token.name.to_string() }
}
