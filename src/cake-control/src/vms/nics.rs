//! Network cards that come and leave.

use super::{Planned, Vms, raised};
use cake_planner::admission::{self, Action};
use cake_planner::hardware;
use cake_planner::network::{self, Asked, Here};
use cake_store::Txn;
use cake_types::limits::NICS_MAX;
use cake_types::{BridgeStatus, Code, Forward, MacAddress, NicSpec, Problem, Task, TaskGoal, TaskKind, Vm, VmId};
use std::sync::Arc;

use crate::board::VmEntry;
use crate::caller::{Caller, Keep};
use crate::random;

impl Vms {
    /// What is asked for, if the node has it.
    pub(super) fn nic(&self, asked: &Asked) -> Result<Option<NicSpec>, Problem> {
        let (bridges, forwards) = (self.bridges(), self.forwards());
        network::nic(asked, &Here { bridges: &bridges, own_ports: &self.own_ports, forwards: &forwards })
    }

    fn bridges(&self) -> Vec<BridgeStatus> {
        let nodes = self.ledger.board.nodes();
        let known = nodes.iter().filter(|node| node.connected).filter_map(|node| node.status.as_ref());
        known.flat_map(|status| status.bridges.clone()).collect()
    }

    /// Of all VMs: a VM that is off keeps its ports.
    fn forwards(&self) -> Vec<(Forward, String)> {
        let mut forwards = Vec::new();
        self.ledger.board.each_vm(None::<VmId>, |entry| {
            for nic in entry.vm.spec.nics().iter().filter(|_| !entry.vm.spec.deleting) {
                forwards.extend(nic.forwards().iter().map(|forward| (*forward, entry.vm.meta.name.to_string())));
            }
            true
        });
        forwards
    }

    /// Gives a VM a network card; at once if it runs.
    pub async fn add_nic(
        &self,
        caller: &Caller,
        entry: Arc<VmEntry>,
        asked: &Asked,
        keep: &Keep<Task>,
    ) -> Result<Arc<Task>, Problem> {
        self.nodes.require()?;
        let random = random::bytes();
        let plan = |entry: &VmEntry| {
            admission::legal(Action::Rewire, entry.situation())?;
            let nic = self.nic(asked)?.ok_or_else(|| Problem::invalid("network", "network").at("/network"))?;
            let mut vm = raised(&entry.vm, self.ledger.now());
            let (off, mut nics) = (!entry.state().is_alive(), vm.spec.nics());
            check_nat(&nic, &nics, off)?;
            let device = hardware::added_nic(&vm.spec.hardware, off, &random);
            let device = device.ok_or_else(|| Problem::new(Code::NoRoom).with("limit", NICS_MAX))?;
            let mac = device.mac;
            nics.push(nic);
            vm.spec.hardware.nics.push(device);
            vm.spec.set_nics(nics);
            Ok(planned(vm, TaskKind::VmNicAdd, mac, true))
        };
        self.begin(entry, caller, Some(keep), plan).await
    }

    /// Takes a network card away; at once if the VM runs and its guest lets it go.
    pub async fn remove_nic(
        &self,
        caller: &Caller,
        entry: Arc<VmEntry>,
        mac: MacAddress,
        check: impl Fn(&VmEntry) -> Result<(), Problem> + Send + Sync,
    ) -> Result<Arc<Task>, Problem> {
        let plan = |entry: &VmEntry| {
            let mut vm = raised(&entry.vm, self.ledger.now());
            let hardware = &mut vm.spec.hardware;
            let index = hardware.nics.iter().position(|nic| nic.mac == mac);
            let index = index.ok_or_else(|| Problem::not_found("nic", mac))?;
            check(entry)?;
            admission::legal(Action::Rewire, entry.situation())?;
            if entry.state().is_alive() && !hardware.is_on_port(hardware.nics[index].address) {
                return Err(Problem::new(Code::NicBuiltIn).with("name", &vm.meta.name));
            }
            hardware.nics.remove(index);
            let mut nics = entry.vm.spec.nics();
            nics.remove(index);
            vm.spec.set_nics(nics);
            Ok(planned(vm, TaskKind::VmNicRemove, mac, false))
        };
        self.begin(entry, caller, None, plan).await
    }
}

fn planned(vm: Vm, kind: TaskKind, mac: MacAddress, plugged: bool) -> Planned {
    let goal = TaskGoal::Nic { generation: vm.meta.generation, mac, plugged };
    Planned { vm, goal: Some((kind, goal)), txn: Txn::new(), volumes: Vec::new() }
}

/// A QEMU that was started without NAT sits in a network of its own, where there is nothing to translate to.
fn check_nat(nic: &NicSpec, have: &[NicSpec], off: bool) -> Result<(), Problem> {
    let is_nat = |nic: &NicSpec| matches!(nic, NicSpec::Nat { .. });
    if is_nat(nic) && !off && !have.iter().any(is_nat) {
        return Err(Problem::invalid("network", "nat-needs-stop").at("/network"));
    }
    Ok(())
}
