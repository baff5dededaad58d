//! VMs that become files to be taken away.
//!
//! ```text
//!   create   of a VM that is off: export, task ──► node makes the file
//!   end      deleted, cancelled, come to nothing, or after its days: the node removes it, then the Store forgets it
//! ```
//!
//! While a file is made of a VM, the VM can't be started or deleted and its disks can't be changed: see [`hindered`].

use cake_node_api::ClientError;
use cake_planner::admission::{self, Action};
use cake_store::{Expect, Txn, TxnOutcome};
use cake_types::{
    ByteSize, Code, Export, ExportFormat, ExportId, ExportSpec, ExportStage, Firmware, Generation, Meta, PoolId,
    Problem, Stamp, Subject, Task, TaskGoal, TaskKind, Vm, VmId,
};
use std::fs::File;
use std::sync::Arc;

use crate::board::{Board, ExportEntry, VmEntry};
use crate::caller::{Caller, Keep};
use crate::ledger::{Ledger, subject_of};
use crate::nodes::Nodes;
use crate::{error, keys, record};

pub struct Exports {
    ledger: Arc<Ledger>,
    nodes: Arc<Nodes>,
}

/// The VM that an export is of, as the subject of a task, an event or an audit record.
pub fn export_subject(export: &Export) -> Subject {
    Subject { kind: "vm".into(), id: export.spec.vm.0, name: export.meta.name.to_string() }
}

/// Refuses what would make the file that is made of this VM now worthless.
pub fn hindered(board: &Board, vm: &Vm) -> Result<(), Problem> {
    let at_work = |entry: &Arc<ExportEntry>| entry.export.spec.vm == vm.meta.id && entry.is_at_work();
    match board.exports().iter().any(at_work) {
        true => Err(Problem::new(Code::Exporting).with("name", &vm.meta.name)),
        false => Ok(()),
    }
}

impl Exports {
    pub fn new(ledger: Arc<Ledger>, nodes: Arc<Nodes>) -> Self {
        Self { ledger, nodes }
    }

    /// By id.
    pub fn find(&self, text: &str) -> Result<Arc<ExportEntry>, Problem> {
        let missing = || Problem::not_found("export", text);
        let id: ExportId = text.parse().map_err(|_| missing())?;
        self.ledger.board.export(id).ok_or_else(missing)
    }

    /// Begins to make a file of a VM.
    pub async fn create(
        &self,
        caller: &Caller,
        entry: Arc<VmEntry>,
        format: ExportFormat,
        keep: &Keep<Export>,
    ) -> Result<Arc<ExportEntry>, Problem> {
        self.nodes.require()?;
        admission::legal(Action::Export, entry.situation())?;
        hindered(&self.ledger.board, &entry.vm)?;
        if entry.vm.spec.disks.is_empty() || entry.vm.spec.firmware == Firmware::Direct {
            return Err(Problem::new(Code::ExportUnfit).with("name", &entry.vm.meta.name));
        }
        let (export, task) = self.design(caller, &entry.vm, format)?;
        let id = export.meta.id;
        let txn = Txn::new()
            // Whoever starts it at the same time was faster, or is refused.
            .guard(keys::vm(entry.id()), entry.revision.map_or(Expect::Absent, Expect::Revision))
            .put(keys::export(id), record::encode(&export))
            .put(keys::task(task.id), record::encode(&task));
        let mut audit = self.ledger.audit(caller, Some(export_subject(&export)));
        let txn = audit.write(keep.write(txn, &export, self.ledger.now()));
        match self.ledger.store.txn(txn).await.map_err(error::store)? {
            TxnOutcome::Committed { revision } => {
                self.ledger.board.put_export(export.clone(), revision);
                self.ledger.board.put_task(Arc::new(task));
                let ((), audited) = tokio::join!(self.apply(&export), self.ledger.audited(audit));
                audited?;
                self.ledger.board.export(id).ok_or_else(|| Problem::not_found("export", id))
            }
            TxnOutcome::Refused { .. } => Err(Problem::new(Code::Stale)),
        }
    }

    fn design(&self, caller: &Caller, vm: &Vm, format: ExportFormat) -> Result<(Export, Task), Problem> {
        let pool = self.pool(vm)?;
        let (id, now) = (ExportId::now(), self.ledger.now());
        let goal = TaskGoal::Exported { export: id };
        let task = self.ledger.new_task(&vm.meta.project, subject_of(vm), caller, TaskKind::VmExport, goal);
        let meta = Meta {
            id,
            project: vm.meta.project.clone(),
            name: vm.meta.name.clone(),
            generation: Generation::FIRST,
            created_at: now,
            updated_at: now,
        };
        let spec = ExportSpec { vm: vm.meta.id, format, pool, task: task.id, ending: false };
        Ok((Export { meta, spec }, task))
    }

    /// Where the VM's first disk is. How much the file takes only the node can tell: it refuses what does not fit.
    fn pool(&self, vm: &Vm) -> Result<PoolId, Problem> {
        let id = vm.spec.disks.first().map(|disk| disk.pool);
        let pool = id.and_then(|id| self.ledger.board.pool(id)).ok_or_else(|| Problem::not_found("pool", "local"))?;
        match pool.status.as_ref().map_or(ByteSize(0), |status| status.free) {
            ByteSize(0) => Err(Problem::new(Code::PoolFull)),
            _ => Ok(pool.pool.meta.id),
        }
    }

    /// Hands it to the node. What goes wrong is on the board afterwards, or found by the reconciler.
    pub(crate) async fn apply(&self, export: &Export) {
        let Some(node) = self.nodes.connected() else { return };
        let stamp = Stamp { epoch: node.epoch, generation: export.meta.generation };
        if let Err(refusal) = node.client.apply_export(stamp, export.clone()).await {
            let id = export.meta.id;
            tracing::warn!(export = %id, error = %error::chain(&refusal), "the node did not take an export");
            if let ClientError::Refused(refusal) = refusal {
                self.ledger.board.export_refused(id, &refusal.to_string());
            }
        }
    }

    /// Gives it up, or deletes its file.
    pub async fn delete(
        &self,
        caller: &Caller,
        entry: Arc<ExportEntry>,
        check: impl Fn(&ExportEntry) -> Result<(), Problem>,
        with: Option<(&Task, &Keep<Task>)>,
    ) -> Result<(), Problem> {
        check(&entry)?;
        let mut txn = Txn::new();
        if let Some((task, keep)) = with {
            txn = keep.write(txn.put(keys::task(task.id), record::encode(task)), task, self.ledger.now());
        }
        let mut audit = self.ledger.audit(caller, Some(export_subject(&entry.export)));
        self.end(&entry, audit.write(txn)).await?;
        if let Some((task, _)) = with {
            self.ledger.board.put_task(Arc::new(task.clone()));
        }
        self.ledger.audited(audit).await
    }

    /// From now on only the end is wanted.
    pub(crate) async fn end(&self, entry: &ExportEntry, txn: Txn) -> Result<(), Problem> {
        let mut export = entry.export.clone();
        if export.spec.ending {
            return Err(Problem::new(Code::IllegalNow).with("action", "delete").with("state", "ending"));
        }
        export.spec.ending = true;
        export.meta.generation = export.meta.generation.next();
        export.meta.updated_at = self.ledger.now();
        let key = keys::export(export.meta.id);
        let txn = txn.guard(key.clone(), Expect::Revision(entry.revision)).put(key, record::encode(&export));
        match self.ledger.store.txn(txn).await.map_err(error::store)? {
            TxnOutcome::Committed { revision } => {
                self.ledger.board.put_export(export, revision);
                Ok(())
            }
            TxnOutcome::Refused { .. } => Err(Problem::new(Code::Stale)),
        }
    }

    /// The file, for reading.
    pub async fn open(&self, entry: &ExportEntry) -> Result<File, Problem> {
        let state = entry.export.word(entry.status.as_ref());
        let ready = entry.status.as_ref().is_some_and(|status| status.stage == ExportStage::Done);
        if !ready || entry.export.spec.ending {
            return Err(Problem::new(Code::ExportNotReady).with("state", state));
        }
        let node = self.nodes.require()?;
        node.client.open_export(entry.export.meta.id).await.map(File::from).map_err(|refusal| match refusal {
            ClientError::Refused(refusal) => error::internal("the node has not the file of an export", &refusal),
            broken => {
                tracing::debug!(error = %error::chain(&broken), "the node went away");
                Problem::new(Code::NodeUnreachable)
            }
        })
    }

    /// Those of one VM, oldest first, or all.
    pub fn of(&self, vm: Option<VmId>) -> Vec<Arc<ExportEntry>> {
        let mut all = self.ledger.board.exports();
        all.retain(|entry| vm.is_none_or(|vm| entry.export.spec.vm == vm));
        all
    }
}
