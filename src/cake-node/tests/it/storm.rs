//! kill -9 of cake-node at instants drawn by lot, in the middle of whatever it does. The guests go on; the node that comes after
//! finds every one of them, starts none twice and loses none.

use crate::support::{Leader, NodeProcess};
use anyhow::{Result, ensure};
use cake_types::{Power, Vm, VmId, VmState};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::time::Duration;

/// `make soak` asks for thousands.
fn rounds() -> u32 {
    std::env::var("CAKE_STORM_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(40)
}

fn seed() -> u64 {
    std::env::var("CAKE_STORM_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(0xca4e)
}

/// Processes whose arguments name the VM: its QEMU, or the helper that becomes it.
pub fn processes_of(id: VmId) -> Result<Vec<u32>> {
    let (id, mut found) = (id.to_string(), Vec::new());
    for entry in std::fs::read_dir("/proc")? {
        let entry = entry?;
        let Ok(pid) = entry.file_name().to_string_lossy().parse() else { continue };
        // One that has just ended has no arguments any more.
        let arguments = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&arguments).contains(&id) {
            found.push(pid);
        }
    }
    Ok(found)
}

struct Storm {
    random: StdRng,
    vms: Vec<Vm>,
    /// Asked to be removed; the node may not have heard it before it was killed.
    removing: Vec<Vm>,
}

impl Storm {
    /// Changes one VM: another power, or removed and another made in its place.
    async fn change(&mut self, leader: &Leader) -> Result<()> {
        let index = self.random.random_range(0..self.vms.len());
        if self.random.random_ratio(1, 5) {
            let vm = std::mem::replace(&mut self.vms[index], leader.pvh());
            self.removing.push(vm.clone());
            leader.client.remove_vm(vm.meta.id, leader.stamp(&vm), Vec::new()).await?;
        } else {
            let vm = &mut self.vms[index];
            vm.meta.generation = vm.meta.generation.next();
            vm.spec.power = match self.random.random_range(0..5) {
                0 | 1 => Power::Stopped,
                2 => Power::Paused,
                _ => Power::Running,
            };
        }
        leader.apply(&self.vms[index]).await
    }

    /// After the node has come back: what is asked for is so, once.
    async fn check(&mut self, node: &NodeProcess, leader: &mut Leader, survivors: &BTreeMap<VmId, u32>) -> Result<()> {
        // What was not answered is asked again; what was answered is there already.
        for vm in &self.vms {
            leader.apply(vm).await?;
        }
        for vm in std::mem::take(&mut self.removing) {
            leader.client.remove_vm(vm.meta.id, leader.stamp(&vm), Vec::new()).await?;
            leader.removed(vm.meta.id).await?;
            ensure!(processes_of(vm.meta.id)?.is_empty(), "{} was removed", vm.meta.id);
        }
        for vm in &self.vms {
            let wanted = match vm.spec.power {
                Power::Running => VmState::Running,
                Power::Paused => VmState::Paused,
                Power::Stopped => VmState::Stopped,
            };
            let status = leader.state(vm, wanted).await?;
            let processes = processes_of(vm.meta.id)?;
            match vm.spec.power {
                Power::Stopped => ensure!(processes.is_empty(), "{vm:?} is stopped: {processes:?}"),
                _ => ensure!(
                    Some(&processes[..]) == status.pid.as_ref().map(std::slice::from_ref),
                    "{processes:?} {status:?}"
                ),
            }
            if let (Some(survivor), Some(pid)) = (survivors.get(&vm.meta.id), status.pid) {
                ensure!(*survivor == pid, "VM {} had process {survivor} and has {pid}", vm.meta.id);
            }
        }
        let wanted = self.vms.iter().filter(|vm| vm.spec.power != Power::Stopped).count();
        let alive = node.qemus()?;
        ensure!(alive.len() == wanted, "{alive:?}");
        Ok(())
    }

    /// QEMUs that must be the same afterwards: alive, and wanted alive before and after.
    fn survivors(&self, node: &NodeProcess, before: &BTreeMap<VmId, Power>) -> Result<BTreeMap<VmId, u32>> {
        let mut alive = node.qemus()?;
        alive.retain(|id, _| {
            let now = self.vms.iter().find(|vm| vm.meta.id == *id).map(|vm| vm.spec.power);
            let stopped = |power: Option<&Power>| power.is_none_or(|power| *power == Power::Stopped);
            !stopped(now.as_ref()) && !stopped(before.get(id))
        });
        Ok(alive)
    }
}

#[tokio::test]
async fn killed_at_any_instant_the_node_starts_nothing_twice_and_loses_nothing() -> Result<()> {
    let mut node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let mut storm = Storm {
        random: StdRng::seed_from_u64(seed()),
        vms: (0..3).map(|_| leader.pvh()).collect(),
        removing: Vec::new(),
    };
    for vm in &storm.vms {
        leader.apply(vm).await?;
    }
    for round in 0..rounds() {
        let before = storm.vms.iter().map(|vm| (vm.meta.id, vm.spec.power)).collect();
        // The instant of the cut, in the middle of up to three changes.
        let instant = Duration::from_micros(storm.random.random_range(0..150_000));
        let changes = storm.random.random_range(0..=3);
        let cut = tokio::time::sleep(instant);
        let work = async {
            for _ in 0..changes {
                storm.change(&leader).await?;
            }
            std::future::pending::<Result<()>>().await
        };
        tokio::select! {
            () = cut => {}
            ended = work => ended?,
        }
        node.kill()?;
        let survivors = storm.survivors(&node, &before)?;
        node.serve()?;
        leader = Leader::new(&node, u64::from(round) + 2).await?;
        let checked = storm.check(&node, &mut leader, &survivors).await;
        checked.map_err(|error| error.context(format!("round {round}, seed {}", seed())))?;
    }
    Ok(())
}

#[tokio::test]
async fn a_daemon_that_is_killed_while_it_starts_starts_nothing_twice() -> Result<()> {
    let mut node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let vm = leader.pvh();
    leader.apply(&vm).await?;
    let pid = leader.state(&vm, VmState::Running).await?.pid;
    let mut random = StdRng::seed_from_u64(seed());
    node.kill()?;
    for _ in 0..rounds() / 2 {
        drop(node.spawn()?);
        tokio::time::sleep(Duration::from_micros(random.random_range(0..60_000))).await;
        node.kill()?;
    }
    node.serve()?;
    let mut leader = Leader::new(&node, 2).await?;
    assert_eq!(leader.state(&vm, VmState::Running).await?.pid, pid);
    assert_eq!(processes_of(vm.meta.id)?, [pid.unwrap_or(0)]);
    Ok(())
}
