//! Searches that an account keeps under a name. They lie in the account's own record: they come, change and go with it.

use super::login::account_subject;
use super::{Accounts, Identity};
use cake_planner::{names, query::Filter};
use cake_store::{Expect, Txn, TxnOutcome};
use cake_types::limits::SAVED_QUERIES_MAX;
use cake_types::{Account, AccountId, Code, Generation, Name, Problem, QueryId, SavedQuery};

use crate::caller::{Caller, Keep};
use crate::record::{self, Stored};
use crate::{error, keys};

/// Tries before an account that changes all the time is given up.
const TRIES: usize = 8;

/// What shall be different; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct QueryPatch {
    pub name: Option<Name>,
    pub text: Option<String>,
}

impl Accounts {
    /// By name.
    pub fn queries(&self, account: AccountId) -> Vec<SavedQuery> {
        let mut queries = self.get(account).map(|account| account.spec.queries.clone()).unwrap_or_default();
        queries.sort_by_key(|query| names::fold(&query.name));
        queries
    }

    /// By id or name.
    pub fn find_query(&self, account: AccountId, text: &str) -> Result<SavedQuery, Problem> {
        let all = self.queries(account);
        let id: Option<QueryId> = text.parse().ok();
        let named = |query: &SavedQuery| query.name.as_str().to_lowercase() == text.to_lowercase();
        let found = all.into_iter().find(|query| Some(query.id) == id || named(query));
        found.ok_or_else(|| Problem::not_found("query", text))
    }

    pub async fn save_query(
        &self,
        caller: &Caller,
        identity: &Identity,
        (name, text): (Name, String),
        keep: &Keep<SavedQuery>,
    ) -> Result<SavedQuery, Problem> {
        Filter::parse(&text).map_err(|problem| problem.at("/text"))?;
        let created_at = self.ledger.now();
        let query = SavedQuery { id: QueryId::now(), name, text, generation: Generation::FIRST, created_at };
        let change = |account: &mut Account| {
            let queries = &mut account.spec.queries;
            if queries.len() >= SAVED_QUERIES_MAX {
                let problem = Problem::new(Code::OutOfRange).with("field", "queries");
                return Err(problem.with("min", 0).with("max", SAVED_QUERIES_MAX));
            }
            is_free(queries, &query)?;
            queries.push(query.clone());
            Ok(())
        };
        self.change_queries(caller, identity, change, |txn| keep.write(txn, &query, created_at)).await?;
        Ok(query)
    }

    pub async fn update_query(
        &self,
        caller: &Caller,
        identity: &Identity,
        id: QueryId,
        patch: QueryPatch,
        check: impl Fn(Generation) -> Result<(), Problem> + Send + Sync,
    ) -> Result<SavedQuery, Problem> {
        let QueryPatch { name, text } = patch;
        if let Some(text) = &text {
            Filter::parse(text).map_err(|problem| problem.at("/text"))?;
        }
        let change = |account: &mut Account| {
            let queries = &mut account.spec.queries;
            let at = position(queries, id)?;
            check(queries[at].generation)?;
            let mut query = queries[at].clone();
            query.name = name.clone().unwrap_or(query.name);
            query.text = text.clone().unwrap_or(query.text);
            query.generation = query.generation.next();
            is_free(queries, &query)?;
            queries[at] = query;
            Ok(())
        };
        self.change_queries(caller, identity, change, |txn| txn).await?;
        self.find_query(identity.account.meta.id, &id.to_string())
    }

    pub async fn delete_query(
        &self,
        caller: &Caller,
        identity: &Identity,
        id: QueryId,
        check: impl Fn(Generation) -> Result<(), Problem> + Send + Sync,
    ) -> Result<(), Problem> {
        let change = |account: &mut Account| {
            let at = position(&account.spec.queries, id)?;
            check(account.spec.queries[at].generation)?;
            account.spec.queries.remove(at);
            Ok(())
        };
        self.change_queries(caller, identity, change, |txn| txn).await
    }

    /// Changes the account; asked again when somebody else was faster. Its sessions and tokens go on.
    async fn change_queries(
        &self,
        caller: &Caller,
        identity: &Identity,
        change: impl Fn(&mut Account) -> Result<(), Problem> + Send,
        also: impl Fn(Txn) -> Txn + Send,
    ) -> Result<(), Problem> {
        let key = keys::account(identity.account.meta.id);
        for _ in 0..TRIES {
            let Stored { value: before, revision } = self.stored(identity.account.meta.id)?;
            let mut account = (*before).clone();
            change(&mut account)?;
            let txn =
                Txn::new().guard(key.clone(), Expect::Revision(revision)).put(key.clone(), record::encode(&account));
            let mut audit = self.ledger.audit(caller, Some(account_subject(&account)));
            match self.ledger.store.txn(audit.write(also(txn))).await.map_err(error::store)? {
                TxnOutcome::Committed { revision } => {
                    self.put(account, revision);
                    return self.ledger.audited(audit).await;
                }
                // Whoever was faster puts theirs in memory next.
                TxnOutcome::Refused { .. } => tokio::task::yield_now().await,
            }
        }
        Err(Problem::new(Code::Stale))
    }
}

fn position(queries: &[SavedQuery], id: QueryId) -> Result<usize, Problem> {
    queries.iter().position(|query| query.id == id).ok_or_else(|| Problem::not_found("query", id))
}

/// Nobody else of the account is called so.
fn is_free(queries: &[SavedQuery], query: &SavedQuery) -> Result<(), Problem> {
    let folded = names::fold(&query.name);
    if queries.iter().any(|other| other.id != query.id && names::fold(&other.name) == folded) {
        return Err(Problem::new(Code::NameTaken).with("kind", "query").with("name", &query.name).at("/name"));
    }
    Ok(())
}
