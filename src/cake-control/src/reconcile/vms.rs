//! VMs: what the Store asks and what the node holds are brought together.
//!
//! read (board) → [`epoch::converge`] (pure) → apply, remove, forget, or only tell

use cake_planner::epoch::{self, Held, Step};
use cake_planner::event::Happened;
use cake_store::{Expect, Txn, TxnOutcome};
use cake_types::{Code, EventKind, ExitReason, Generation, HaltedBy, Power, Problem, Severity, Vm, VmId};
use futures_util::StreamExt;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::board::VmEntry;
use crate::ledger::{Ledger, subject_of};
use crate::nodes::Nodes;
use crate::vms::Vms;
use crate::volumes::change::{self, Refused};
use crate::{error, keys, record, volumes};

/// VMs looked after at the same time: enough to share the node's syncs.
const AT_ONCE: usize = 16;

pub struct VmReconciler {
    pub ledger: Arc<Ledger>,
    pub nodes: Arc<Nodes>,
    pub vms: Arc<Vms>,
    /// Orphans and lost VMs that were told of already.
    pub told: Mutex<HashSet<VmId>>,
}

impl VmReconciler {
    pub async fn run(&self) {
        loop {
            let ids = self.ledger.board.vms_poke.next().await;
            futures_util::stream::iter(ids).for_each_concurrent(AT_ONCE, |id| self.look_after(id)).await;
        }
    }

    async fn look_after(&self, id: VmId) {
        let Some(entry) = self.ledger.board.vm(id) else { return };
        let Some(held) = entry.held else { return };
        if let Err(problem) = self.reconcile(&entry, held).await {
            // It is poked again by the next change, and by the next connection at the latest.
            tracing::warn!(vm = %id, %problem, "a VM could not be brought to what is asked");
        }
    }

    async fn reconcile(&self, entry: &Arc<VmEntry>, held: Held) -> Result<(), Problem> {
        if halted_by_guest(entry) {
            return self.vms.halted_by_guest(entry.clone()).await;
        }
        let step = epoch::converge(entry.wanted(), held);
        if !matches!(step, Step::Orphaned | Step::Lost) {
            self.told.lock().unwrap_or_else(PoisonError::into_inner).remove(&entry.id());
        }
        match step {
            Step::Leave => Ok(()),
            Step::Apply(generation) => self.apply(entry, generation).await,
            Step::Remove(generation) => self.remove(entry, generation).await,
            Step::Forget => self.forget(entry).await,
            Step::Orphaned => self.tell(entry, EventKind::VmOrphaned).await,
            Step::Found => self.vms.found(entry.clone()).await,
            Step::Lost => self.tell(entry, EventKind::VmLost).await,
        }
    }

    async fn apply(&self, entry: &Arc<VmEntry>, generation: Generation) -> Result<(), Problem> {
        let under_way = entry.applying.is_some_and(|applying| applying >= generation);
        let refused = entry.refused.as_ref().is_some_and(|(refused, _)| *refused >= generation);
        if under_way || refused || self.nodes.connected().is_none() {
            return Ok(());
        }
        let vm =
            if generation > entry.vm.meta.generation { self.raise(entry, generation).await? } else { entry.vm.clone() };
        self.nodes.apply(&vm).await;
        Ok(())
    }

    /// The node has seen a later generation than the Store, which was restored from an older copy: go on above both.
    async fn raise(&self, entry: &VmEntry, generation: Generation) -> Result<Arc<Vm>, Problem> {
        let Some(revision) = entry.revision else { return Ok(entry.vm.clone()) };
        let mut vm = (*entry.vm).clone();
        vm.meta.generation = generation;
        vm.meta.updated_at = self.ledger.now();
        let key = keys::vm(vm.meta.id);
        let put = self.ledger.store.put_if(&key, record::encode(&vm), Expect::Revision(revision));
        let revision = put.await.map_err(error::store)?;
        let vm = Arc::new(vm);
        self.ledger.board.put_vm(vm.clone(), revision, true);
        Ok(vm)
    }

    async fn remove(&self, entry: &VmEntry, generation: Generation) -> Result<(), Problem> {
        if entry.applying.is_none_or(|applying| applying < generation) {
            self.nodes.remove(&entry.vm, generation).await;
        }
        Ok(())
    }

    async fn forget(&self, entry: &VmEntry) -> Result<(), Problem> {
        let Some(revision) = entry.revision else { return Ok(()) };
        let key = keys::vm(entry.id());
        // Its volumes are free when it is no more, not earlier: until then its node may have them open.
        let freed = change::freed(&self.ledger.board, &entry.vm, self.ledger.now());
        let txn = change::write(Txn::new().guard(key.clone(), Expect::Revision(revision)).delete(key), &freed);
        match self.ledger.store.txn(txn).await.map_err(error::store)? {
            TxnOutcome::Committed { revision } => change::show(&self.ledger.board, freed, revision),
            TxnOutcome::Refused { key, .. } => {
                // A volume was renamed meanwhile, say: look again.
                if let Some(Refused::Changed(volume)) = change::refused(&key, &freed) {
                    volumes::refresh(&self.ledger, volume).await?;
                    self.ledger.board.vms_poke.poke(entry.id());
                    return Ok(());
                }
                return Err(Problem::new(Code::Stale));
            }
        }
        self.ledger.board.forget_vm(entry.id());
        self.ledger.event_info(EventKind::VmDeleted, Some(subject_of(&entry.vm))).await;
        Ok(())
    }

    async fn tell(&self, entry: &VmEntry, kind: EventKind) -> Result<(), Problem> {
        if self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(entry.id()) {
            let happened = Happened::new(kind, Severity::Warning);
            self.ledger.event(happened, Some(subject_of(&entry.vm))).await;
        }
        Ok(())
    }
}

/// The guest shut itself down while this generation, which asks it to run, was in force.
fn halted_by_guest(entry: &VmEntry) -> bool {
    let spec = &entry.vm.spec;
    let halted = entry.status.as_ref().and_then(|status| status.halted_by);
    let asked = spec.power != Power::Stopped && !spec.deleting && !entry.orphaned();
    let own = |halted: HaltedBy| halted.reason == ExitReason::Guest && !halted.by_host;
    asked && halted.is_some_and(|halted| own(halted) && halted.generation >= entry.vm.meta.generation)
}
