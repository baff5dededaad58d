//! Finding BMCs: a task whose work the node does, and what it found beside the servers that there are.
//!
//! ```text
//!   scan   ──► Store: task (with the audit record) ──► node, which asks the range ──► board (Observed::Scan) ──► the task ends
//!   cancel ──► node: nobody else is asked ──► the task ends
//!   found  ──► board: the last scan, each address beside the servers
//! ```
//!
//! What was found is not stored: it is what answered a moment ago, and asking again costs nothing.

use cake_planner::scan::{self, Candidate, Known};
use cake_types::{Code, NodeId, Problem, ProjectName, ScanStatus, Task, TaskGoal, TaskId, TaskKind};
use std::sync::Arc;

use super::Servers;
use crate::caller::{Caller, Keep};
use crate::nodes::subject;

/// What a person says about a scan.
pub struct NewScan {
    /// `10.0.0.0/24`, `10.0.0.10-10.0.0.99`, or one address.
    pub range: String,
    pub port: Option<u16>,
    pub redfish_port: Option<u16>,
}

/// The last scan since the node was started.
pub struct ScanView {
    pub status: Arc<ScanStatus>,
    /// While it is at work.
    pub task: Option<TaskId>,
    pub found: Vec<Candidate>,
}

impl Servers {
    pub async fn scan(&self, caller: &Caller, new: NewScan, keep: &Keep<Task>) -> Result<Arc<Task>, Problem> {
        let NewScan { range, port, redfish_port } = new;
        let range = scan::range(&range, port, redfish_port)?;
        let node = self.nodes.require()?;
        let entry = self.ledger.board.node(node.node).ok_or_else(|| Problem::new(Code::NodeUnreachable))?;
        // Two that come at once are one after the other.
        let _one = self.adding.lock().await;
        let scans = |task: &Arc<Task>| matches!(task.goal, TaskGoal::Scanned { .. });
        if self.ledger.board.tasks_of(entry.node.meta.id.0).iter().any(scans) {
            return Err(Problem::new(Code::ScanRunning));
        }
        let goal = TaskGoal::Scanned { operation: cake_types::OperationId::now(), range };
        let (project, subject) = (ProjectName::default(), subject(&entry.node));
        let task = self.ledger.new_task(&project, subject.clone(), caller, TaskKind::BmcScan, goal);
        self.ledger.task_asked(caller, subject, task.clone(), keep).await?;
        self.hand_over_scan(&task).await;
        Ok(Arc::new(task))
    }

    /// Hands a scan to the node, or that nobody waits for it any more. A refusal is its outcome.
    pub(crate) async fn hand_over_scan(&self, task: &Task) {
        let TaskGoal::Scanned { operation, range } = task.goal else { return };
        let Some(node) = self.nodes.connected().filter(|node| node.node.0 == task.subject.id) else { return };
        let handed = match task.cancel_requested {
            true => node.client.stop_scan(operation).await,
            false => node.client.scan(operation, range).await,
        };
        self.ledger.handed(task.subject.id, operation, handed);
    }

    /// Asks nobody else. `task` is as it is to be.
    pub(crate) async fn stop_scan(&self, caller: &Caller, task: &Task, keep: &Keep<Task>) -> Result<(), Problem> {
        let entry = self.ledger.board.node(NodeId(task.subject.id));
        let entry = entry.ok_or_else(|| Problem::not_found("node", &task.subject.name))?;
        self.ledger.task_asked(caller, subject(&entry.node), task.clone(), keep).await?;
        self.hand_over_scan(task).await;
        Ok(())
    }

    /// The ranges that are worth asking: the networks of the nodes.
    pub fn scan_ranges(&self) -> Vec<String> {
        let nodes = self.ledger.board.nodes();
        let hosts = nodes.iter().filter_map(|entry| entry.status.as_ref()?.host.as_ref());
        let networks: Vec<_> = hosts.flat_map(|host| host.networks.iter().cloned()).collect();
        scan::suggested(&networks)
    }

    /// `None`: nobody has asked since the node was started.
    pub fn last_scan(&self) -> Option<ScanView> {
        let board = &self.ledger.board;
        let status = board.nodes().iter().find_map(|entry| entry.scan.clone())?;
        let tasks = board.tasks();
        let task = tasks.iter().find(|task| task.goal.operation() == Some(status.operation)).map(|task| task.id);
        let servers = board.servers();
        let known: Vec<Known<'_>> = servers
            .iter()
            .map(|entry| Known {
                id: entry.id(),
                name: &entry.server.meta.name,
                spec: &entry.server.spec,
                guid: entry.status.as_ref().and_then(|status| status.device.as_ref()?.guid),
            })
            .collect();
        let found = scan::candidates(&status, &known);
        Some(ScanView { status, task, found })
    }
}
