//! What people ask of VMs. Each request is: is it legal → one durable transaction (the VM, its task, the answer, the audit
//! record) → the node → the Journal; the last two at the same time.
//!
//! ```text
//!   create   new VM, name taken, task           action   power or operation, task
//!   update   name, restart, cpus, memory        delete   `deleting`, name free again, task
//!   adopt    an orphan's record into the Store, task   bulk   what an action would do to many, said before
//!   nics     a network card more or less, task     cd       a CD in or out, task
//!   disks    a disk more, larger, or less, task      volumes   a disk that comes from elsewhere, or goes there, task
//! ```

mod action;
mod bulk;
mod cd;
mod create;
mod disks;
mod nics;
mod update;
mod volumes;

pub use action::Order;
pub use bulk::{Chosen, Summary, VMS_MAX};
pub use create::{NewCloudInit, NewVm};
pub use update::VmPatch;

use cake_store::{Expect, Txn, TxnOutcome};
use cake_types::{Code, Problem, ProjectName, Task, TaskGoal, TaskKind, Vm, VmId};
use std::sync::Arc;

use crate::audit::Audit;
use crate::board::VmEntry;
use crate::caller::{Caller, Keep};
use crate::ledger::{Ledger, subject_of};
use crate::nodes::Nodes;
use crate::settings::Settings;
use crate::volumes::change::{self, Refused, VolumeChange};
use crate::{error, keys, record};

/// Tries before a VM that changes all the time is given up.
const TRIES: usize = 8;

pub struct Vms {
    ledger: Arc<Ledger>,
    nodes: Arc<Nodes>,
    settings: Arc<Settings>,
    /// Ports that this program listens at.
    own_ports: Vec<u16>,
}

/// A change that is legal: the VM as it shall be, and what else is written with it.
struct Planned {
    vm: Vm,
    goal: Option<(TaskKind, TaskGoal)>,
    /// Names taken and given back.
    txn: Txn,
    /// Volumes that it gets or loses.
    volumes: Vec<VolumeChange>,
}

/// A change that is in the Store; the node and the Journal are told next.
struct Changed {
    vm: Arc<Vm>,
    task: Option<Arc<Task>>,
    audit: Audit,
}

impl Vms {
    pub fn new(ledger: Arc<Ledger>, nodes: Arc<Nodes>, settings: Arc<Settings>, own_ports: Vec<u16>) -> Self {
        Self { ledger, nodes, settings, own_ports }
    }

    pub fn find(&self, project: &ProjectName, text: &str) -> Result<Arc<VmEntry>, Problem> {
        self.ledger.board.find_vm(project, text)
    }

    fn new_task(&self, vm: &Vm, caller: &Caller, kind: TaskKind, goal: TaskGoal) -> Task {
        self.ledger.new_task(&vm.meta.project, subject_of(vm), caller, kind, goal)
    }

    /// Changes a VM that the Store knows. `plan` is asked again when somebody else was faster.
    async fn change(
        &self,
        mut entry: Arc<VmEntry>,
        caller: &Caller,
        keep: Option<&Keep<Task>>,
        plan: impl Fn(&VmEntry) -> Result<Planned, Problem> + Send,
    ) -> Result<Changed, Problem> {
        for _ in 0..TRIES {
            let Planned { vm, goal, txn, volumes } = plan(&entry)?;
            let revision = entry.revision.ok_or_else(|| Problem::new(Code::Stale))?;
            let key = keys::vm(vm.meta.id);
            let task = goal.map(|(kind, goal)| self.new_task(&vm, caller, kind, goal));
            let txn = change::write(txn, &volumes);
            let mut txn = txn.guard(key.clone(), Expect::Revision(revision)).put(key.clone(), record::encode(&vm));
            if let Some(task) = &task {
                txn = txn.put(keys::task(task.id), record::encode(task));
                if let Some(keep) = keep {
                    txn = keep.write(txn, task, self.ledger.now());
                }
            }
            let mut audit = self.ledger.audit(caller, Some(subject_of(&vm)));
            match self.ledger.store.txn(audit.write(txn)).await.map_err(error::store)? {
                TxnOutcome::Committed { revision } => {
                    let (vm, task) = (Arc::new(vm), task.map(Arc::new));
                    change::show(&self.ledger.board, volumes, revision);
                    self.show(&vm, revision, task.clone());
                    return Ok(Changed { vm, task, audit });
                }
                TxnOutcome::Refused { key: refused, .. } if refused == key => entry = self.refresh(entry.id()).await?,
                TxnOutcome::Refused { key: refused, .. } => match change::refused(&refused, &volumes) {
                    Some(Refused::Changed(volume)) => crate::volumes::refresh(&self.ledger, volume).await?,
                    Some(Refused::NameTaken) => return Err(volumes::name_taken(&volumes)),
                    None => return Err(name_taken(&vm)),
                },
            }
        }
        Err(Problem::new(Code::Stale))
    }

    /// Changes a VM, tells its node, and gives the task that tells of it.
    async fn begin(
        &self,
        entry: Arc<VmEntry>,
        caller: &Caller,
        keep: Option<&Keep<Task>>,
        plan: impl Fn(&VmEntry) -> Result<Planned, Problem> + Send,
    ) -> Result<Arc<Task>, Problem> {
        let Changed { vm, task, audit } = self.change(entry, caller, keep, plan).await?;
        self.carry_out(&vm, audit).await?;
        task.ok_or_else(|| Problem::new(Code::Internal))
    }

    /// Puts what was committed on the board; the node is told next.
    fn show(&self, vm: &Arc<Vm>, revision: cake_store::Revision, task: Option<Arc<Task>>) {
        let connected = self.nodes.connected().is_some();
        self.ledger.board.put_vm(vm.clone(), revision, connected);
        if let Some(task) = task {
            self.ledger.board.put_task(task);
        }
    }

    /// The VM as the Store has it now.
    async fn refresh(&self, id: VmId) -> Result<Arc<VmEntry>, Problem> {
        let missing = || Problem::not_found("vm", id);
        let stored = record::get::<Vm>(&*self.ledger.store, &keys::vm(id)).await.map_err(error::record)?;
        let stored = stored.ok_or_else(missing)?;
        self.ledger.board.put_vm(Arc::new(stored.value), stored.revision, false);
        self.ledger.board.vm(id).ok_or_else(missing)
    }

    /// Tells the node and the audit journal at the same time.
    async fn carry_out(&self, vm: &Arc<Vm>, audit: Audit) -> Result<(), Problem> {
        let ((), audited) = tokio::join!(self.nodes.apply(vm), self.ledger.audited(audit));
        audited
    }
}

fn name_taken(vm: &Vm) -> Problem {
    Problem::new(Code::NameTaken).with("kind", "vm").with("name", &vm.meta.name).at("/name")
}

/// The VM, one generation on.
fn raised(vm: &Vm, now: jiff::Timestamp) -> Vm {
    let mut vm = vm.clone();
    vm.meta.generation = vm.meta.generation.next();
    vm.meta.updated_at = now;
    vm
}
