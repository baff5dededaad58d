//! Start, stop, and the other orders; delete and adopt; what the guest did by itself.

use super::{Changed, Planned, Vms, name_taken, raised};
use cake_node_api::Verb;
use cake_planner::admission::{self, Action};
use cake_planner::engine;
use cake_planner::epoch::Held;
use cake_store::{Expect, Txn, TxnOutcome};
use cake_types::{Code, EventKind, Name, OperationId, Power, Problem, Task, TaskGoal, TaskKind, Vm, VmState};
use std::sync::Arc;

use crate::audit::Audit;
use crate::board::VmEntry;
use crate::caller::{Caller, Keep};
use crate::ledger::subject_of;
use crate::volumes::change::{self, VolumeChange};
use crate::{error, exports, keys, record};

/// How long a guest is given to shut itself down, in seconds.
const SHUTDOWN_SECONDS: u32 = 90;

/// What can be asked of a VM in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Start,
    Shutdown,
    Stop,
    Reset,
    Pause,
    Resume,
    ReplaceEngine,
}

enum Means {
    Power(Power),
    Operation(Verb),
}

impl Order {
    const fn parts(self) -> (Action, TaskKind, Means) {
        match self {
            Self::Start => (Action::Start, TaskKind::VmStart, Means::Power(Power::Running)),
            Self::Stop => (Action::Stop, TaskKind::VmStop, Means::Power(Power::Stopped)),
            Self::Pause => (Action::Pause, TaskKind::VmPause, Means::Power(Power::Paused)),
            Self::Resume => (Action::Resume, TaskKind::VmResume, Means::Power(Power::Running)),
            Self::Reset => (Action::Reset, TaskKind::VmReset, Means::Operation(Verb::Reset)),
            Self::ReplaceEngine => {
                (Action::ReplaceEngine, TaskKind::VmReplaceEngine, Means::Operation(Verb::ReplaceEngine))
            }
            Self::Shutdown => {
                let verb = Verb::Shutdown { seconds: SHUTDOWN_SECONDS };
                (Action::Shutdown, TaskKind::VmShutdown, Means::Operation(verb))
            }
        }
    }
}

/// Whether an action makes sense for a VM now.
pub(super) fn possible(action: Action, entry: &VmEntry) -> Result<(), Problem> {
    admission::legal(action, entry.situation())?;
    if action == Action::ReplaceEngine {
        let engine = entry.status.as_ref().and_then(|status| status.engine.as_ref());
        engine::replaceable(&entry.vm.spec.hardware, engine)?;
    }
    Ok(())
}

impl Vms {
    pub async fn order(
        &self,
        caller: &Caller,
        entry: Arc<VmEntry>,
        order: Order,
        keep: &Keep<Task>,
    ) -> Result<Arc<Task>, Problem> {
        let (action, kind, means) = order.parts();
        match means {
            Means::Power(power) => self.power(caller, entry, (action, kind, power), keep).await,
            Means::Operation(verb) => {
                possible(action, &entry)?;
                self.operation(caller, &entry, kind, verb, keep).await
            }
        }
    }

    async fn power(
        &self,
        caller: &Caller,
        entry: Arc<VmEntry>,
        (action, kind, power): (Action, TaskKind, Power),
        keep: &Keep<Task>,
    ) -> Result<Arc<Task>, Problem> {
        let now = self.ledger.now();
        let plan = |entry: &VmEntry| {
            admission::legal(action, entry.situation())?;
            if power == Power::Running {
                exports::hindered(&self.ledger.board, &entry.vm)?;
            }
            let mut vm = raised(&entry.vm, now);
            vm.spec.power = power;
            let goal = TaskGoal::Power { generation: vm.meta.generation, power };
            Ok(Planned { vm, goal: Some((kind, goal)), txn: Txn::new(), volumes: Vec::new() })
        };
        self.begin(entry, caller, Some(keep), plan).await
    }

    async fn operation(
        &self,
        caller: &Caller,
        entry: &VmEntry,
        kind: TaskKind,
        verb: Verb,
        keep: &Keep<Task>,
    ) -> Result<Arc<Task>, Problem> {
        self.nodes.require()?;
        let operation = OperationId::now();
        let task = self.new_task(&entry.vm, caller, kind, TaskGoal::Operation { operation });
        let txn = Txn::new().put(keys::task(task.id), record::encode(&task));
        let mut audit = self.ledger.audit(caller, Some(task.subject.clone()));
        let txn = audit.write(keep.write(txn, &task, self.ledger.now()));
        self.ledger.store.txn(txn).await.map_err(error::store)?.committed().map_err(error::store)?;
        let task = Arc::new(task);
        self.ledger.board.put_task(task.clone());
        let ((), audited) = tokio::join!(self.nodes.operate(operation, entry.id(), verb), self.ledger.audited(audit));
        audited?;
        Ok(task)
    }

    /// Deletes a VM and its disks. Its name is free at once. `keep` is how the answer is kept when it was asked by POST.
    pub async fn delete(
        &self,
        caller: &Caller,
        entry: Arc<VmEntry>,
        check: impl Fn(&VmEntry) -> Result<(), Problem> + Send + Sync,
    ) -> Result<Arc<Task>, Problem> {
        let now = self.ledger.now();
        let plan = |entry: &VmEntry| {
            check(entry)?;
            Ok(Planned { goal: Some((TaskKind::VmDelete, TaskGoal::Removed)), ..self.deletion(entry, now)? })
        };
        let Changed { vm, task, audit } = self.change(entry, caller, None, plan).await?;
        self.tell_removal(&vm, audit).await?;
        task.ok_or_else(|| Problem::new(Code::Internal))
    }

    /// Puts a VM into the bin: off, its name free at once, everything that it has kept until its time is over.
    pub async fn bin(&self, caller: &Caller, entry: Arc<VmEntry>, keep: &Keep<Task>) -> Result<Arc<Task>, Problem> {
        let now = self.ledger.now();
        let plan = |entry: &VmEntry| {
            admission::legal(Action::Bin, entry.situation())?;
            let mut vm = raised(&entry.vm, now);
            (vm.spec.power, vm.spec.binned) = (Power::Stopped, Some(now));
            let goal = TaskGoal::Power { generation: vm.meta.generation, power: Power::Stopped };
            let name = keys::name("vm", &vm.meta.project, &vm.meta.name);
            Ok(Planned { vm, goal: Some((TaskKind::VmBin, goal)), txn: Txn::new().delete(name), volumes: Vec::new() })
        };
        let Changed { vm, task, audit } = self.change(entry, caller, Some(keep), plan).await?;
        self.carry_out(&vm, audit).await?;
        self.ledger.event_info(EventKind::VmBinned, Some(subject_of(&vm))).await;
        task.ok_or_else(|| Problem::new(Code::Internal))
    }

    /// Brings a VM back from the bin, under its old name or another. It stays off.
    pub async fn restore(
        &self,
        caller: &Caller,
        entry: Arc<VmEntry>,
        name: Option<Name>,
        keep: &Keep<Task>,
    ) -> Result<Arc<Task>, Problem> {
        let now = self.ledger.now();
        let plan = |entry: &VmEntry| {
            admission::legal(Action::Restore, entry.situation())?;
            let mut vm = raised(&entry.vm, now);
            vm.spec.binned = None;
            vm.meta.name = name.clone().unwrap_or(vm.meta.name);
            let goal = TaskGoal::Applied { generation: vm.meta.generation };
            let taken = keys::name("vm", &vm.meta.project, &vm.meta.name);
            let txn = Txn::new().guard(taken.clone(), Expect::Absent).put(taken, vm.meta.id.to_string());
            Ok(Planned { vm, goal: Some((TaskKind::VmRestore, goal)), txn, volumes: Vec::new() })
        };
        let Changed { vm, task, audit } = self.change(entry, caller, Some(keep), plan).await?;
        self.carry_out(&vm, audit).await?;
        self.ledger.event_info(EventKind::VmRestored, Some(subject_of(&vm))).await;
        task.ok_or_else(|| Problem::new(Code::Internal))
    }

    fn deletion(&self, entry: &VmEntry, now: jiff::Timestamp) -> Result<Planned, Problem> {
        admission::legal(Action::Delete, entry.situation())?;
        exports::hindered(&self.ledger.board, &entry.vm)?;
        let mut vm = raised(&entry.vm, now);
        vm.spec.deleting = true;
        // One from the bin has no name that is its own.
        let txn = match entry.binned() {
            true => Txn::new(),
            false => Txn::new().delete(keys::name("vm", &vm.meta.project, &vm.meta.name)),
        };
        Ok(Planned { vm, goal: None, txn, volumes: Vec::new() })
    }

    async fn tell_removal(&self, vm: &Vm, audit: Audit) -> Result<(), Problem> {
        let ((), audited) = tokio::join!(self.nodes.remove(vm, vm.meta.generation), self.ledger.audited(audit));
        audited
    }

    /// Takes what runs on the node and the Store does not know into the Store, as it is.
    pub async fn adopt(
        &self,
        caller: &Caller,
        entry: Arc<VmEntry>,
        name: Option<Name>,
        keep: &Keep<Task>,
    ) -> Result<Arc<Task>, Problem> {
        admission::legal(Action::Adopt, entry.situation())?;
        let mut vm = raised(&entry.vm, self.ledger.now());
        (vm.spec.deleting, vm.spec.binned, vm.spec.restored) = (false, None, None);
        vm.meta.name = name.unwrap_or(vm.meta.name);
        let goal = TaskGoal::Applied { generation: vm.meta.generation };
        let task = self.new_task(&vm, caller, TaskKind::VmAdopt, goal);
        let volumes = self.adopted(&vm)?;
        let (_, task) = self.insert(vm, task, volumes, caller, keep).await?;
        Ok(task)
    }

    /// A VM that the Store does not have yet, its name, its task and the answer; then the node is told.
    pub(super) async fn insert(
        &self,
        vm: Vm,
        task: Task,
        volumes: Vec<VolumeChange>,
        caller: &Caller,
        keep: &Keep<Task>,
    ) -> Result<(Arc<Vm>, Arc<Task>), Problem> {
        let (key, name) = (keys::vm(vm.meta.id), keys::name("vm", &vm.meta.project, &vm.meta.name));
        let txn = Txn::new()
            .guard(key.clone(), Expect::Absent)
            .guard(name.clone(), Expect::Absent)
            .put(key.clone(), record::encode(&vm))
            .put(name, vm.meta.id.to_string())
            .put(keys::task(task.id), record::encode(&task));
        let txn = change::write(txn, &volumes);
        let mut audit = self.ledger.audit(caller, Some(subject_of(&vm)));
        let txn = audit.write(keep.write(txn, &task, self.ledger.now()));
        match self.ledger.store.txn(txn).await.map_err(error::store)? {
            TxnOutcome::Committed { revision } => {
                let (vm, task) = (Arc::new(vm), Arc::new(task));
                change::show(&self.ledger.board, volumes, revision);
                self.show(&vm, revision, Some(task.clone()));
                self.carry_out(&vm, audit).await?;
                Ok((vm, task))
            }
            TxnOutcome::Refused { key: refused, .. } if refused == key => Err(Problem::new(Code::Stale)),
            TxnOutcome::Refused { key: refused, .. } if change::refused(&refused, &volumes).is_some() => {
                Err(Problem::new(Code::Stale))
            }
            TxnOutcome::Refused { .. } => Err(name_taken(&vm)),
        }
    }

    /// The guest shut itself down: then that is what is wanted from now on.
    pub async fn halted_by_guest(&self, entry: Arc<VmEntry>) -> Result<(), Problem> {
        let now = self.ledger.now();
        let plan = |entry: &VmEntry| {
            let mut vm = raised(&entry.vm, now);
            vm.spec.power = Power::Stopped;
            Ok(Planned { vm, goal: None, txn: Txn::new(), volumes: Vec::new() })
        };
        let Changed { vm, task: _, audit } = self.change(entry, &Caller::system("vm_halted"), None, plan).await?;
        self.carry_out(&vm, audit).await
    }

    /// A node has what a backup told of. It goes on as the node has it: what is off stays off.
    pub async fn found(&self, entry: Arc<VmEntry>) -> Result<(), Problem> {
        let now = self.ledger.now();
        let plan = |entry: &VmEntry| {
            let mut vm = raised(&entry.vm, now);
            if let Some(Held::Object { stamp, .. }) = entry.held {
                vm.meta.generation = vm.meta.generation.max(stamp.generation.next());
            }
            vm.spec.restored = None;
            vm.spec.power = match entry.state() {
                VmState::Paused => Power::Paused,
                state if state.is_alive() => Power::Running,
                _ => Power::Stopped,
            };
            Ok(Planned { vm, goal: None, txn: Txn::new(), volumes: Vec::new() })
        };
        let Changed { vm, task: _, audit } = self.change(entry, &Caller::system("vm_found"), None, plan).await?;
        self.carry_out(&vm, audit).await
    }

    /// Undoes what a task that is being cancelled has begun; `task` is written in the same transaction.
    pub(crate) async fn undo(
        &self,
        caller: &Caller,
        task: &Task,
        cancel: cake_planner::task::Cancel,
        keep: &Keep<Task>,
    ) -> Result<(), Problem> {
        use cake_planner::task::Cancel;
        let id = cake_types::VmId(task.subject.id);
        let entry = self.ledger.board.vm(id).ok_or_else(|| Problem::not_found("vm", &task.subject.name))?;
        let now = self.ledger.now();
        let plan = |entry: &VmEntry| {
            let planned = match cancel {
                Cancel::Delete => self.deletion(entry, now)?,
                Cancel::PowerOff => {
                    let mut vm = raised(&entry.vm, now);
                    vm.spec.power = Power::Stopped;
                    Planned { vm, goal: None, txn: Txn::new(), volumes: Vec::new() }
                }
                // A newer desired state, with the same content, tells the node that nobody waits for the guest any more.
                Cancel::StayOn | Cancel::AskNoMore | Cancel::KeepEngine => {
                    Planned { vm: raised(&entry.vm, now), goal: None, txn: Txn::new(), volumes: Vec::new() }
                }
            };
            let txn = planned.txn.put(keys::task(task.id), record::encode(task));
            Ok(Planned { txn: keep.write(txn, task, now), ..planned })
        };
        let Changed { vm, task: _, audit } = self.change(entry, caller, None, plan).await?;
        self.ledger.board.put_task(Arc::new(task.clone()));
        match cancel {
            Cancel::Delete => self.tell_removal(&vm, audit).await,
            Cancel::PowerOff | Cancel::StayOn | Cancel::AskNoMore | Cancel::KeepEngine => {
                self.carry_out(&vm, audit).await
            }
        }
    }

    /// Told once the VM is in the Store.
    pub(super) async fn created(&self, vm: &Vm) {
        self.ledger.event_info(EventKind::VmCreated, Some(subject_of(vm))).await;
    }
}
