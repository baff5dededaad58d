//! What the API acknowledged is never lost: caked is killed at random instants while it is written to.

use anyhow::{Context, Result, ensure};
use cake_client::wire::{AuditRecord, Task};
use cake_client::{Client, Error};
use cake_tests::{Instance, pvh};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Notify;
use uuid::Uuid;

/// `make soak` asks for more.
fn kills() -> usize {
    std::env::var("CAKE_CRASH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(200)
}

/// A new one each time, unless it is given.
fn seed() -> u64 {
    std::env::var("CAKE_STORM_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(rand::random)
}

const WRITERS: usize = 3;

/// What a writer knows when caked has died beneath it.
#[derive(Debug, Default)]
struct Known {
    /// VMs whose creation was acknowledged, by name: the key it was asked under, and the task that answered.
    made: BTreeMap<String, (String, Uuid)>,
    /// New names, by the old; with a `?` before it, the answer never came.
    renamed: BTreeMap<String, String>,
    /// Asked for and not answered: made once or not at all.
    open: Option<(String, String)>,
}

/// Counts acknowledgements, so that the kill comes at a random one and not after a time.
struct Acknowledged {
    count: AtomicU64,
    changed: Notify,
}

impl Acknowledged {
    fn one(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.changed.notify_waiters();
    }

    async fn at_least(&self, wanted: u64) {
        loop {
            let changed = self.changed.notified();
            if self.count.load(Ordering::Relaxed) >= wanted {
                return;
            }
            changed.await;
        }
    }
}

/// Writes until caked does not answer any more: creates, renames and deletes, each of its own VMs.
async fn write(client: Client, seed: u64, acknowledged: Arc<Acknowledged>, mut known: Known) -> Result<Known> {
    let mut random = StdRng::seed_from_u64(seed);
    loop {
        let name = format!("v-{:016x}", random.random::<u64>());
        let key = Uuid::from_u128(random.random()).to_string();
        known.open = Some((name.clone(), key.clone()));
        match client.post_with_key::<Task>("/v1/vms", Some(&pvh(&name, false)), &key).await {
            Ok(task) => {
                known.open = None;
                known.made.insert(name.clone(), (key, task.id));
                acknowledged.one();
            }
            Err(Error::Unreachable { .. }) => return Ok(known),
            Err(error) => return Err(error.into()),
        }
        if random.random_bool(0.4) {
            let vm = match client.vm(&name).await {
                Ok(vm) => vm,
                Err(Error::Unreachable { .. }) => return Ok(known),
                Err(error) => return Err(error.into()),
            };
            let new = format!("r-{}", &name[2..]);
            match client.rename_vm(&vm, &new).await {
                Ok(_) => {
                    known.renamed.insert(name.clone(), new);
                    acknowledged.one();
                }
                // Renamed or not: either is right, and which one is seen when it is back.
                Err(Error::Unreachable { .. }) => {
                    known.renamed.insert(name.clone(), format!("?{new}"));
                    return Ok(known);
                }
                Err(Error::Remote(remote)) if remote.code == "stale" => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Everything acknowledged is there, and what was in doubt is there once or not at all.
async fn check(client: &Client, all: &mut [Known]) -> Result<()> {
    let seen: BTreeMap<String, Uuid> = client.vms().await?.items.into_iter().map(|vm| (vm.name, vm.id)).collect();
    for known in all.iter_mut() {
        for (name, (key, task)) in &known.made {
            let now = match known.renamed.get(name) {
                Some(new) => match new.strip_prefix('?') {
                    Some(new) => [name.as_str(), new].into_iter().find(|name| seen.contains_key(*name)),
                    None => seen.contains_key(new).then_some(new.as_str()),
                },
                None => seen.contains_key(name).then_some(name.as_str()),
            };
            ensure!(now.is_some(), "{name} was acknowledged (key {key}, task {task}) and is not there");
        }
        let Some((name, key)) = known.open.take() else { continue };
        let was_there = seen.contains_key(&name);
        let task: Task = client.post_with_key::<Task>("/v1/vms", Some(&pvh(&name, false)), &key).await?.value;
        let again = client.post_with_key::<Task>("/v1/vms", Some(&pvh(&name, false)), &key).await?;
        ensure!(again.id == task.id, "one key, one task");
        let vm = client.vm(&name).await?;
        ensure!(!was_there || seen[&name] == vm.id, "{name} was made twice");
        known.made.insert(name, (key, task.id));
    }
    Ok(())
}

/// Every VM that is there was made by somebody, who is written down once. The newest are looked at: their ids rise with time.
async fn check_records(client: &Client) -> Result<()> {
    const VMS: usize = 60;
    const RECORDS: usize = 1000;
    let records = client.audit(Some(RECORDS)).await?.items;
    let mut vms = client.vms().await?.items;
    vms.sort_by_key(|vm| std::cmp::Reverse(vm.id));
    for vm in vms.into_iter().take(VMS) {
        let of_it = |record: &&AuditRecord| record.subject.as_ref().is_some_and(|subject| subject.id == vm.id);
        let made = records.iter().filter(of_it).filter(|record| record.action == "vm_create");
        let count = made.filter(|record| record.result.kind == "done").count();
        ensure!(count == 1, "{} has {count} records of who made it", vm.name);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_caked_is_killed_200_times() -> Result<()> {
    let (mut instance, client) = Instance::ready().await?;
    let (kills, seed) = (kills(), seed());
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut acknowledged_in_all = 0;
    let mut oldest: Option<(String, String, Uuid)> = None;
    for kill in 0..kills {
        let acknowledged = Arc::new(Acknowledged { count: AtomicU64::new(0), changed: Notify::new() });
        let ended = Arc::new(Notify::new());
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| {
                let impatient = client.clone().patient(std::time::Duration::ZERO);
                let work = write(impatient, random.random(), acknowledged.clone(), Known::default());
                let ended = ended.clone();
                tokio::spawn(async move {
                    let known = work.await;
                    ended.notify_one();
                    known
                })
            })
            .collect();
        // A random instant: after so many acknowledgements, and then so many turns of a loop that takes nanoseconds.
        // A writer that ends by itself has met an error, which is told below.
        tokio::select! {
            () = acknowledged.at_least(random.random_range(1..8)) => {}
            () = ended.notified() => {}
        }
        for _ in 0..random.random_range(0..2_000_000u64) {
            std::hint::spin_loop();
        }
        instance.kill_caked();
        let mut known = Vec::new();
        for writer in writers {
            known.push(writer.await?.with_context(|| format!("before kill {kill}, seed {seed}"))?);
        }
        instance.start_caked().with_context(|| format!("after kill {kill}, seed {seed}"))?;
        instance.settled(&client).await?;
        check(&client, &mut known).await.with_context(|| format!("after kill {kill}, seed {seed}"))?;
        check_records(&client).await.with_context(|| format!("after kill {kill}, seed {seed}"))?;
        acknowledged_in_all += acknowledged.count.load(Ordering::Relaxed);
        let first = known.iter().flat_map(|known| &known.made).next();
        oldest = oldest.or_else(|| first.map(|(name, (key, task))| (name.clone(), key.clone(), *task)));
        tidy(&client, kill).await?;
    }
    // Keys hold across all those deaths, and so does what they refuse.
    let (name, key, task) = oldest.context("something was made")?;
    let again = client.post_with_key::<Task>("/v1/vms", Some(&pvh(&name, false)), &key).await?;
    ensure!(again.id == task, "the key of the first change still gives its first answer");
    let other = client.post_with_key::<Task>("/v1/vms", Some(&pvh("another", false)), &key).await;
    ensure!(matches!(&other, Err(error) if error.code() == Some("key-reused")), "{other:?}");
    println!("{kills} kills, {acknowledged_in_all} acknowledged changes, all there");
    Ok(())
}

/// Now and then the list is emptied, so that the test is about kills and not about long lists. Deletes are acknowledged
/// changes too: what was deleted does not come back.
async fn tidy(client: &Client, kill: usize) -> Result<()> {
    if kill % 25 != 24 {
        return Ok(());
    }
    let all = client.vms().await?;
    let mut deleted = BTreeSet::new();
    for vm in &all.items {
        let seen = client.vm(&vm.id.to_string()).await?;
        client.delete_vm(&seen).await?;
        deleted.insert(vm.id);
    }
    let left = client.vms().await?;
    ensure!(
        left.items.iter().all(|vm| !deleted.contains(&vm.id) || vm.state == "deleting"),
        "{}",
        json!(left.items.iter().map(|vm| &vm.name).collect::<Vec<_>>())
    );
    Ok(())
}
