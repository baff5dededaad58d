//! Remembers who gave wrong passwords, so that guessing gets slower and slower, across restarts too.

use cake_planner::throttle::{ACCOUNT, ADDRESS, Failures, Patience};
use cake_store::{Expect, Store};
use cake_types::{Code, Problem};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use crate::record::{self, RecordError};
use crate::{error, keys, random};

/// Below this nothing is written: a person who mistypes once costs no sync.
const WRITTEN_FROM: u32 = 3;
/// Most that is remembered; beyond, what is oldest is forgotten.
const REMEMBERED: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Whose {
    Account,
    Address,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    digest: String,
    whose: Whose,
    count: u32,
    last: i64,
}

pub struct Throttle {
    failures: Mutex<HashMap<String, (Whose, Failures)>>,
}

/// What a try is counted under.
pub struct Try {
    keys: Vec<(String, Whose)>,
}

const fn patience(whose: Whose) -> Patience {
    match whose {
        Whose::Account => ACCOUNT,
        Whose::Address => ADDRESS,
    }
}

impl Throttle {
    pub async fn load(store: &dyn Store) -> Result<Self, RecordError> {
        let kept = record::all::<Kept>(store, &keys::throttles()).await?;
        let failures = kept.into_iter().map(|stored| {
            let Kept { digest, whose, count, last } = stored.value;
            (digest, (whose, Failures { count, last }))
        });
        Ok(Self { failures: Mutex::new(failures.collect()) })
    }

    /// A try of `name` from `address`. An IPv6 network of 64 bits is one address: whoever has one has all of it.
    pub fn of(name: Option<&str>, address: Option<IpAddr>) -> Try {
        let mut keys = Vec::new();
        if let Some(name) = name {
            let folded = name.to_lowercase();
            keys.push((random::digest(&format!("account {folded}")), Whose::Account));
        }
        if let Some(address) = address {
            let text = match address.to_canonical() {
                IpAddr::V4(v4) => v4.to_string(),
                IpAddr::V6(v6) => format!("{:x?}", &v6.segments()[..4]),
            };
            keys.push((random::digest(&format!("address {text}")), Whose::Address));
        }
        Try { keys }
    }

    /// Refuses who has to wait.
    pub fn check(&self, tried: &Try, now: i64) -> Result<(), Problem> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = tried.keys.iter().filter_map(|(key, _)| failures.get(key));
        let wait = waits.map(|(whose, failures)| failures.wait(now, patience(*whose))).max().unwrap_or_default();
        if wait.is_zero() {
            return Ok(());
        }
        Err(Problem::new(Code::SlowDown).with("seconds", wait.as_millis().div_ceil(1000)))
    }

    pub async fn failed(&self, store: &dyn Store, tried: &Try, now: i64) -> Result<(), Problem> {
        for (digest, whose) in &tried.keys {
            let failures = self.count(digest, *whose, now);
            if failures.count >= WRITTEN_FROM {
                let Failures { count, last } = failures;
                let kept = Kept { digest: digest.clone(), whose: *whose, count, last };
                let key = keys::throttle(digest);
                store.put_if(&key, record::encode(&kept), Expect::Any).await.map_err(error::store)?;
            }
        }
        Ok(())
    }

    fn count(&self, digest: &str, whose: Whose, now: i64) -> Failures {
        let mut all = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED && !all.contains_key(digest) {
            let oldest = all.iter().min_by_key(|(_, (_, failures))| failures.last).map(|(key, _)| key.clone());
            oldest.map(|key| all.remove(&key));
        }
        let entry = all.entry(digest.to_owned()).or_insert((whose, Failures::default()));
        entry.1 = entry.1.failed(now, patience(whose));
        entry.1
    }

    /// A right password forgives its account, not the address: one known password must not pay for guessing others.
    pub async fn succeeded(&self, store: &dyn Store, tried: &Try) -> Result<(), Problem> {
        for (digest, _) in tried.keys.iter().filter(|(_, whose)| *whose == Whose::Account) {
            let known = self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(digest);
            if known.is_some_and(|(_, failures)| failures.count >= WRITTEN_FROM) {
                store.delete_if(&keys::throttle(digest), Expect::Any).await.map_err(error::store)?;
            }
        }
        Ok(())
    }

    pub async fn sweep(&self, store: &dyn Store, now: i64) -> Result<(), Problem> {
        let over: Vec<String> = {
            let mut all = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
            let over = all.iter().filter(|(_, (whose, failures))| failures.is_over(now, patience(*whose)));
            let over: Vec<String> = over.map(|(key, _)| key.clone()).collect();
            all.retain(|key, _| !over.contains(key));
            over
        };
        for digest in over {
            store.delete_if(&keys::throttle(&digest), Expect::Any).await.map_err(error::store)?;
        }
        Ok(())
    }
}
