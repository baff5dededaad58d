//! One action for many VMs: what would happen to which, said before anything does. Doing it is one request for each VM.

use super::Vms;
use super::action::possible;
use cake_planner::admission::Action;
use cake_planner::query::{Filter, Now};
use cake_types::{Code, Problem, VmId};
use jiff::tz::TimeZone;
use std::collections::HashSet;
use std::sync::Arc;

use crate::board::VmEntry;
use crate::search::vm_item;

/// Most VMs of one summary.
pub const VMS_MAX: usize = 1000;

/// Which VMs are meant.
pub enum Chosen {
    /// These; one that is gone is left out.
    Ids(Vec<VmId>),
    /// Those that a query finds, asked for there.
    Query(Box<Filter>, TimeZone),
}

/// What would happen.
pub struct Summary {
    /// Those that it is legal for now.
    pub will: Vec<Arc<VmEntry>>,
    /// The others, and why not.
    pub not: Vec<(Arc<VmEntry>, Problem)>,
}

impl Vms {
    /// Says to which of the chosen VMs `action` would happen now.
    pub fn summary(&self, action: Action, chosen: &Chosen) -> Result<Summary, Problem> {
        let mut summary = Summary { will: Vec::new(), not: Vec::new() };
        for entry in self.chosen(chosen) {
            match possible(action, &entry) {
                Ok(()) => summary.will.push(entry),
                Err(problem) => summary.not.push((entry, problem)),
            }
        }
        let count = summary.will.len() + summary.not.len();
        if count > VMS_MAX {
            return Err(Problem::new(Code::OutOfRange).with("field", "vms").with("min", 0).with("max", VMS_MAX));
        }
        Ok(summary)
    }

    fn chosen(&self, chosen: &Chosen) -> Vec<Arc<VmEntry>> {
        let board = &self.ledger.board;
        let mut entries: Vec<_> = match chosen {
            Chosen::Ids(ids) => {
                let mut once = HashSet::new();
                ids.iter().filter(|id| once.insert(**id)).filter_map(|id| board.vm(*id)).collect()
            }
            Chosen::Query(filter, zone) => {
                let now = Now { at: self.ledger.now(), zone };
                let is = |entry: &Arc<VmEntry>| !entry.binned() && filter.matches(&vm_item(entry), &now);
                board.vms().into_iter().filter(is).collect()
            }
        };
        entries.sort_by(|a, b| a.vm.meta.name.cmp(&b.vm.meta.name));
        entries
    }
}
