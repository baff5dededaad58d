//! Exports on the board.

use super::model::ExportEntry;
use super::{Board, What};
use cake_node_api::ExportRecord;
use cake_store::Revision;
use cake_types::{Export, ExportId, ExportStatus};
use std::sync::Arc;

impl Board {
    /// All of them, oldest first.
    pub fn exports(&self) -> Vec<Arc<ExportEntry>> {
        self.read().exports.values().cloned().collect()
    }

    pub fn export(&self, id: ExportId) -> Option<Arc<ExportEntry>> {
        self.read().exports.get(&id).cloned()
    }

    /// As the Store has it.
    pub fn put_export(&self, export: Export, revision: Revision) {
        let id = export.meta.id;
        let mut inner = self.write();
        let entry = match inner.exports.get(&id) {
            Some(old) => ExportEntry { export, revision, ..(**old).clone() },
            None => ExportEntry { export, revision, status: None, refused: None },
        };
        inner.exports.insert(id, Arc::new(entry));
        drop(inner);
        self.export_touched(id);
    }

    /// The Store no longer holds it.
    pub fn forget_export(&self, id: ExportId) {
        let gone = self.write().exports.remove(&id);
        self.changes.tell(What::ExportGone(id));
        if let Some(entry) = gone {
            self.tasks_poke.poke(entry.export.spec.vm.0);
        }
    }

    /// The node does not take it in.
    pub fn export_refused(&self, id: ExportId, why: &str) {
        self.mark_export(id, |entry| entry.refused = Some(why.into()));
    }

    pub(super) fn export_record(&self, record: ExportRecord) {
        let ExportRecord { id, status } = record;
        if let Some(snapshot) = &mut self.write().snapshot {
            snapshot.exports.insert(id);
        }
        self.export_status(id, Some(status));
    }

    /// `None`: the node does not have it.
    pub(super) fn export_status(&self, id: ExportId, status: Option<ExportStatus>) {
        self.mark_export(id, |entry| {
            if status.is_some() {
                entry.refused = None;
            }
            entry.status = status;
        });
    }

    fn mark_export(&self, id: ExportId, change: impl FnOnce(&mut ExportEntry)) {
        let mut inner = self.write();
        let Some(old) = inner.exports.get(&id) else { return };
        let mut entry = (**old).clone();
        change(&mut entry);
        inner.exports.insert(id, Arc::new(entry));
        drop(inner);
        self.export_touched(id);
    }

    pub(super) fn export_touched(&self, id: ExportId) {
        let Some(entry) = self.export(id) else { return };
        self.changes.tell(What::Export(id));
        self.exports_poke.poke(id);
        self.tasks_poke.poke(entry.export.spec.vm.0);
    }
}
