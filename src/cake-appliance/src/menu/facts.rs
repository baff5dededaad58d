//! What is known of this server when something is shown: from caked, from its node, from the kernel.

use cake_types::{
    DiskHealth, HostStatus, OperationId, PoolId, SlotStanding, UpdateStatus, UplinkStatus, VmId, VmState,
};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What `caked status` says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Console {
    pub fingerprint: String,
    pub setup_token: Option<String>,
    pub version: String,
    pub running: bool,
}

/// A VM of this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    pub name: String,
    pub state: VmState,
    /// Somebody wants it to run.
    pub asked: bool,
    /// It ended, and is not to start again by itself.
    pub halted: bool,
}

/// What this server's node says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// What the kernel calls this machine.
    pub name: String,
    pub host: HostStatus,
    pub guests: BTreeMap<VmId, Guest>,
    /// Where pools are that can't be used.
    pub missing_pools: BTreeMap<PoolId, String>,
    /// Disks that say of themselves that they fail.
    pub failing_disks: Vec<String>,
}

impl Node {
    pub fn uplink(&self) -> UplinkStatus {
        self.host.uplink.as_deref().cloned().unwrap_or_default()
    }

    pub fn update(&self) -> Option<&UpdateStatus> {
        self.host.update.as_deref()
    }

    /// The version that the server goes back to, where there is one that was found good.
    pub fn previous_version(&self) -> Option<&str> {
        let slots = &self.update()?.slots;
        slots.iter().find(|slot| slot.standing == SlotStanding::Previous).map(|slot| slot.version.as_str())
    }

    /// Names of the VMs that have a process.
    pub fn running(&self) -> Vec<&str> {
        self.guests.values().filter(|guest| guest.state.is_alive()).map(|guest| guest.name.as_str()).collect()
    }

    /// The order about the firmware is over.
    pub fn update_ended(&self, operation: OperationId) -> bool {
        self.update().and_then(|update| update.ended.as_ref()).is_some_and(|ended| ended.operation == operation)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// That a browser elsewhere can use, IPv4 first.
    pub addresses: Vec<IpAddr>,
    pub console: Option<Console>,
    /// `None` while it does not answer.
    pub node: Option<Node>,
}

impl Facts {
    /// The console, while somebody answers there.
    pub fn answers(&self) -> Option<&Console> {
        self.console.as_ref().filter(|console| console.running)
    }

    /// Somebody has answered the wizard: there are administrators.
    pub fn is_set_up(&self) -> bool {
        self.answers().is_some_and(|console| console.setup_token.is_none())
    }

    /// How the server is, in a line. What somebody must act on is told in the console, by its alerts.
    pub fn health(&self) -> String {
        let mut wrong = Vec::new();
        if self.console.is_none() && self.node.is_none() {
            return "starting.".into();
        }
        if self.answers().is_none() {
            wrong.push("the console does not answer".to_owned());
        }
        let Some(node) = &self.node else {
            wrong.push("the agent of this server does not answer".into());
            return sentence(&wrong);
        };
        let down = |guest: &&Guest| guest.asked && !guest.halted && !guest.state.is_alive();
        let down = node.guests.values().filter(down).count();
        if down > 0 {
            wrong.push(format!("{} should run and {} not", vms(down), if down == 1 { "does" } else { "do" }));
        }
        wrong.extend(node.missing_pools.values().map(|pool| format!("the pool at {pool} is missing")));
        wrong.extend(node.failing_disks.iter().map(|disk| format!("disk {disk} fails")));
        if self.addresses.is_empty() {
            wrong.push("no network".into());
        }
        if node.uplink().refused.is_some() {
            wrong.push("its network is not as it is to be".into());
        }
        if wrong.is_empty() {
            let running = node.running().len();
            return format!("good. {} running.", if running == 0 { "No VM".to_owned() } else { vms(running) });
        }
        sentence(&wrong)
    }
}

/// Whether a disk says that it fails.
pub fn is_failing(health: &DiskHealth) -> bool {
    health.passed == Some(false)
}

fn vms(count: usize) -> String {
    if count == 1 { "1 VM".to_owned() } else { format!("{count} VMs") }
}

fn sentence(wrong: &[String]) -> String {
    let mut text = wrong.join("; ");
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text + "."
}

#[cfg(test)]
mod tests {
    use super::*;

    fn well() -> Facts {
        let console = Console { fingerprint: "AB".into(), setup_token: None, version: "1.2".into(), running: true };
        let guest = Guest { name: "web".into(), state: VmState::Running, asked: true, halted: false };
        let node = Node { guests: [(VmId::now(), guest)].into(), ..Node::default() };
        Facts { addresses: vec!["192.0.2.7".parse().unwrap()], console: Some(console), node: Some(node) }
    }

    #[test]
    fn health_is_one_line() {
        assert_eq!(well().health(), "good. 1 VM running.");
        let change = |change: fn(&mut Node)| {
            let mut facts = well();
            change(facts.node.as_mut().unwrap());
            facts.health()
        };
        assert_eq!(change(|node| node.guests.clear()), "good. No VM running.");
        let failed = |node: &mut Node| node.guests.values_mut().for_each(|guest| guest.state = VmState::Failed);
        assert_eq!(change(failed), "1 VM should run and does not.");
        assert_eq!(
            change(|node| {
                node.missing_pools.insert(PoolId::now(), "/pool/data".into());
                node.failing_disks = vec!["sda".into()];
            }),
            "The pool at /pool/data is missing; disk sda fails."
        );
        let halted =
            |node: &mut Node| node.guests.values_mut().for_each(|g| (g.state, g.halted) = (VmState::Stopped, true));
        assert_eq!(change(halted), "good. No VM running.");
        assert_eq!(Facts::default().health(), "starting.");
        assert_eq!(Facts { addresses: Vec::new(), ..well() }.health(), "No network.");
        assert_eq!(Facts { node: None, ..well() }.health(), "The agent of this server does not answer.");
        let silent = Facts { console: well().console.map(|c| Console { running: false, ..c }), ..well() };
        assert_eq!(silent.health(), "The console does not answer.");
    }
}
