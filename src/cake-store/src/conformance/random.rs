//! Random requests against the model. A failing sequence is made as short as it can be before it is reported.

use std::sync::Arc;

use bytes::Bytes;

use super::model::{Model, ModelChange, State};
use super::{Effort, PATIENCE, StoreFactory, StoreHome, key, now, prefix};
use crate::error::StoreError;
use crate::key::{Key, KeyPrefix};
use crate::model::{Change, Entry, Expect, Page, PageToken, Txn, TxnOutcome};
use crate::store::Store;

/// Small numbers that look random: the same seed gives the same run everywhere.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

#[derive(Debug, Clone, Copy)]
enum Wish {
    Any,
    Absent,
    /// What the key is now.
    Present,
    /// One of the revisions it had, by number.
    Earlier(usize),
}

#[derive(Debug, Clone)]
enum Step {
    Put {
        key: usize,
        value: usize,
        wish: Wish,
    },
    Delete {
        key: usize,
        wish: Wish,
    },
    Txn {
        guards: Vec<(usize, Wish)>,
        puts: Vec<(usize, usize)>,
        deletes: Vec<usize>,
    },
    List {
        prefix: usize,
        limit: usize,
    },
    /// Remembers a first page.
    Open {
        limit: usize,
    },
    /// Reads the rest of the remembered list.
    Rest,
    /// Reads everything after an earlier moment.
    Watch {
        prefix: usize,
        back: usize,
    },
    Compact {
        back: usize,
    },
    Restart,
}

const KEYS: [&str; 9] = ["/a/1", "/a/2", "/a/3", "/a/3/x", "/a-b/1", "/b/1", "/b/2", "/b", "/c/d/e/f"];
const PREFIXES: [&str; 5] = ["/", "/a/", "/b/", "/c/d/", "/nothing/"];

fn random_step(r: &mut Random) -> Step {
    let wish = |r: &mut Random| match r.below(6) {
        0 => Wish::Absent,
        1 => Wish::Earlier(r.below(8)),
        2 | 3 => Wish::Present,
        _ => Wish::Any,
    };
    match r.below(22) {
        0..7 => Step::Put { key: r.below(KEYS.len()), value: r.below(1000), wish: wish(r) },
        7..10 => Step::Delete { key: r.below(KEYS.len()), wish: wish(r) },
        10..14 => {
            let guards = (0..r.below(3)).map(|_| (r.below(KEYS.len()), wish(r))).collect();
            let mut keys: Vec<usize> = (0..KEYS.len()).collect();
            let mut take = |r: &mut Random| keys.swap_remove(r.below(keys.len()));
            let puts = (0..r.below(4)).map(|_| (take(r), r.below(1000))).collect();
            let deletes = (0..r.below(3)).map(|_| take(r)).collect();
            Step::Txn { guards, puts, deletes }
        }
        14 | 15 => Step::List { prefix: r.below(PREFIXES.len()), limit: 1 + r.below(5) },
        16 => Step::Open { limit: 1 + r.below(3) },
        17 => Step::Rest,
        18 | 19 => Step::Watch { prefix: r.below(PREFIXES.len()), back: r.below(12) },
        20 => Step::Compact { back: r.below(6) },
        _ => Step::Restart,
    }
}

pub(super) async fn run(factory: &dyn StoreFactory, effort: Effort) {
    // Four at a time: each of them waits for its disk.
    tokio::join!(
        lane(factory, effort, 0),
        lane(factory, effort, 1),
        lane(factory, effort, 2),
        lane(factory, effort, 3)
    );
}

async fn lane(factory: &dyn StoreFactory, effort: Effort, lane: u64) {
    for seed in (effort.seed..effort.seed + effort.sequences).filter(|seed| seed % 4 == lane) {
        let mut random = Random::new(seed);
        let steps: Vec<Step> = (0..effort.steps).map(|_| random_step(&mut random)).collect();
        if let Err(first) = play(factory, &steps).await {
            let (steps, why) = shorten(factory, steps, first).await;
            panic!("seed {seed}: {why}\nafter {steps:#?}");
        }
    }
}

/// Leaves out steps as long as it still goes wrong.
async fn shorten(factory: &dyn StoreFactory, mut steps: Vec<Step>, mut why: String) -> (Vec<Step>, String) {
    let mut size = steps.len() / 2;
    while size > 0 {
        let mut start = 0;
        while start < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(start..(start + size).min(steps.len()));
            match play(factory, &fewer).await {
                Err(new) => (steps, why) = (fewer, new),
                Ok(()) => start += size,
            }
        }
        size /= 2;
    }
    (steps, why)
}

struct Run {
    home: Box<dyn StoreHome>,
    store: Arc<dyn Store>,
    model: Model,
    /// A list that was begun: the moment, the page size, what was read, where it goes on.
    open: Option<(usize, usize, Vec<Entry>, Option<PageToken>)>,
}

type Verdict = Result<(), String>;

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Verdict {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?} instead of {expected:?}")) }
}

async fn play(factory: &dyn StoreFactory, steps: &[Step]) -> Verdict {
    let home = factory.fresh().await;
    let store = home.store();
    let model = Model::new(now(store.as_ref()).await);
    let mut run = Run { home, store, model, open: None };
    for (number, step) in steps.iter().enumerate() {
        run.step(step).await.map_err(|why| format!("step {number} ({step:?}): {why}"))?;
    }
    run.list(&KeyPrefix::all(), 2).await?;
    for moment in run.model.compacted..run.model.moments.len() {
        run.watch(&KeyPrefix::all(), moment).await?;
    }
    Ok(())
}

fn content(value: usize) -> Bytes {
    Bytes::from(format!("value {value}"))
}

fn plain(entries: &[Entry]) -> State {
    entries.iter().map(|e| (e.key.clone(), (e.value.clone(), e.revision))).collect()
}

fn under(state: &State, prefix: &KeyPrefix) -> State {
    state.iter().filter(|(k, _)| prefix.contains(k)).map(|(k, v)| (k.clone(), v.clone())).collect()
}

impl Run {
    fn expect(&self, key: &Key, wish: Wish) -> Expect {
        match wish {
            Wish::Any => Expect::Any,
            Wish::Absent => Expect::Absent,
            Wish::Present => self.model.revision(key).map_or(Expect::Absent, Expect::Revision),
            Wish::Earlier(n) => match self.model.seen.get(key) {
                Some(seen) => Expect::Revision(seen[n % seen.len()]),
                None => Expect::Absent,
            },
        }
    }

    async fn step(&mut self, step: &Step) -> Verdict {
        match step {
            Step::Put { key: k, value, wish } => self.put(key(KEYS[*k]), content(*value), *wish).await,
            Step::Delete { key: k, wish } => self.delete(key(KEYS[*k]), *wish).await,
            Step::Txn { guards, puts, deletes } => self.txn(guards, puts, deletes).await,
            Step::List { prefix: p, limit } => self.list(&prefix(PREFIXES[*p]), *limit).await,
            Step::Open { limit } => self.open(*limit).await,
            Step::Rest => self.rest().await,
            Step::Watch { prefix: p, back } => {
                let moment = (self.model.moments.len() - 1).saturating_sub(*back);
                self.watch(&prefix(PREFIXES[*p]), moment).await
            }
            Step::Compact { back } => {
                let moment = (self.model.moments.len() - 1).saturating_sub(*back);
                let upto = self.model.moments[moment].cursor;
                self.store.compact(upto).await.map_err(|e| e.to_string())?;
                self.model.compacted = self.model.compacted.max(moment);
                Ok(())
            }
            Step::Restart => {
                self.home.restart().await;
                self.store = self.home.store();
                Ok(())
            }
        }
    }

    async fn put(&mut self, key: Key, value: Bytes, wish: Wish) -> Verdict {
        let expected = self.expect(&key, wish);
        let allowed = self.model.holds(&key, expected);
        match self.store.put_if(&key, value.clone(), expected).await {
            Ok(revision) if allowed => self.committed(vec![(key, Some(value))], Some(revision)).await,
            Err(StoreError::Conflict { current, .. }) if !allowed => {
                same("conflict", current, self.model.revision(&key))
            }
            other => Err(format!("{other:?}, allowed: {allowed}")),
        }
    }

    async fn delete(&mut self, key: Key, wish: Wish) -> Verdict {
        let expected = self.expect(&key, wish);
        let allowed = self.model.holds(&key, expected);
        match self.store.delete_if(&key, expected).await {
            Ok(there) if allowed => {
                same("removed", there, self.model.revision(&key).is_some())?;
                self.committed(vec![(key, None)], None).await
            }
            Err(StoreError::Conflict { current, .. }) if !allowed => {
                same("conflict", current, self.model.revision(&key))
            }
            other => Err(format!("{other:?}, allowed: {allowed}")),
        }
    }

    async fn txn(&mut self, guards: &[(usize, Wish)], puts: &[(usize, usize)], deletes: &[usize]) -> Verdict {
        let mut txn = Txn::new();
        let mut first_failed = None;
        for (k, wish) in guards {
            let k = key(KEYS[*k]);
            let expected = self.expect(&k, *wish);
            if first_failed.is_none() && !self.model.holds(&k, expected) {
                first_failed = Some(k.clone());
            }
            txn = txn.guard(k, expected);
        }
        let mut writes: Vec<ModelChange> = Vec::new();
        for (k, value) in puts {
            txn = txn.put(key(KEYS[*k]), content(*value));
            writes.push((key(KEYS[*k]), Some(content(*value))));
        }
        for k in deletes {
            txn = txn.delete(key(KEYS[*k]));
            writes.push((key(KEYS[*k]), None));
        }
        match (self.store.txn(txn).await.map_err(|e| e.to_string())?, first_failed) {
            (TxnOutcome::Committed { revision }, None) => self.committed(writes, Some(revision)).await,
            (TxnOutcome::Refused { key, current }, Some(failed)) => {
                same("the guard that failed", &key, &failed)?;
                same("conflict", current, self.model.revision(&failed))
            }
            (outcome, failed) => Err(format!("{outcome:?}, failed guard: {failed:?}")),
        }
    }

    async fn committed(&mut self, writes: Vec<ModelChange>, revision: Option<crate::Revision>) -> Verdict {
        let cursor = now(self.store.as_ref()).await;
        let changes = self.model.effective(&writes);
        if changes.is_empty() {
            return same("a commit that changed nothing", cursor, self.model.present().cursor);
        }
        if let Some(revision) = revision
            && (!cursor.covers(revision) || self.model.present().cursor.covers(revision))
        {
            return Err("the revision is not between the two cursors".into());
        }
        self.model.commit(changes, revision, cursor);
        for (key, _) in writes {
            let found = self.store.get(&key).await.map_err(|e| e.to_string())?;
            let expected = self.model.present().state.get(&key).cloned();
            same("get", found.map(|e| (e.value, e.revision)), expected)?;
        }
        Ok(())
    }

    async fn list(&mut self, prefix: &KeyPrefix, limit: usize) -> Verdict {
        let entries = super::all(self.store.as_ref(), prefix, limit).await;
        if !entries.is_sorted_by(|a, b| a.key < b.key) {
            return Err("a list out of order".into());
        }
        same("list", plain(&entries), under(&self.model.present().state, prefix))
    }

    async fn open(&mut self, limit: usize) -> Verdict {
        let listing = self.store.list(&KeyPrefix::all(), Page::first(limit)).await.map_err(|e| e.to_string())?;
        same("cursor", listing.cursor, self.model.present().cursor)?;
        self.open = Some((self.model.moments.len() - 1, limit, listing.entries, listing.next));
        Ok(())
    }

    async fn rest(&mut self) -> Verdict {
        let Some((moment, limit, mut entries, mut next)) = self.open.take() else { return Ok(()) };
        while let Some(token) = next {
            let page = Page { after: Some(token), ..Page::first(limit) };
            match self.store.list(&KeyPrefix::all(), page).await {
                Ok(listing) if moment >= self.model.compacted => {
                    entries.extend(listing.entries);
                    next = listing.next;
                }
                Err(StoreError::Compacted) if moment < self.model.compacted => return Ok(()),
                other => return Err(format!("{other:?}")),
            }
        }
        same("the list as it was", plain(&entries), self.model.moments[moment].state.clone())
    }

    async fn watch(&mut self, prefix: &KeyPrefix, moment: usize) -> Verdict {
        let expected = self.model.after(moment, prefix);
        let known = moment >= self.model.compacted;
        let mut watch = match self.store.watch(prefix, self.model.moments[moment].cursor).await {
            Ok(watch) => watch,
            Err(StoreError::Compacted) if !known => return Ok(()),
            Err(other) => return Err(other.to_string()),
        };
        for (cursor, changes) in expected {
            let commit = match tokio::time::timeout(PATIENCE, watch.next()).await {
                Ok(Ok(commit)) => commit,
                Ok(Err(StoreError::Compacted)) if !known => return Ok(()),
                other => return Err(format!("{other:?}")),
            };
            same("the cursor of a commit", commit.cursor, cursor)?;
            let found = commit.changes.into_iter().map(|change| match change {
                Change::Put(entry) => (entry.key, Some(entry.value)),
                Change::Delete(key) => (key, None),
            });
            same("a commit", found.collect(), changes)?;
        }
        // Far enough in the past, "compacted" is the only honest answer.
        if moment + 1 < self.model.compacted {
            return Err("a watch from before the compaction went on as if nothing had happened".into());
        }
        Ok(())
    }
}
