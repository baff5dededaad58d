//! Servers: a BMC that is not ours (OpenIPMI's simulator), watched by the confined worker of a real node.

#[path = "../../../cake-bmc/tests/support/ipmi_sim.rs"]
pub mod ipmi_sim;
#[allow(dead_code, reason = "the tests of cake-bmc use more of it")]
#[path = "../../../cake-bmc/tests/oracle/rack.rs"]
mod rack;

use crate::support::{Leader, NodeProcess};
use anyhow::{Context, Result, bail, ensure};
use cake_node_api::{ClientError, NodeError, OperationResult};
use cake_types::{
    BmcAccess, BmcProblem, BmcSpec, ChassisVerb, Generation, Meta, OperationId, OsRng, ProjectName, Server, ServerId,
    ServerSpec, ServerStatus, ServerVerb, Stamp, seal,
};
use ipmi_sim::{PASSWORD, Setup, Simulator, USER};
use jiff::Timestamp;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

/// A BMC that does not answer is asked a while before it is silent, on a busy machine longer.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(120);

pub struct Watched {
    pub server: Server,
    generation: u64,
}

impl Watched {
    pub async fn new(leader: &Leader, simulator: &Simulator, password: &str) -> Result<Self> {
        let meta = Meta {
            id: ServerId::now(),
            project: ProjectName::default(),
            name: "lab-1".parse()?,
            generation: Generation::FIRST,
            created_at: Timestamp::now(),
            updated_at: Timestamp::now(),
        };
        let mut watched = Self { server: Server { meta, spec: ServerSpec::default() }, generation: 0 };
        watched.says(leader, simulator, password).await?;
        Ok(watched)
    }

    pub async fn says(&mut self, leader: &Leader, simulator: &Simulator, password: &str) -> Result<()> {
        let address = simulator.address();
        let key = leader.client.hello(None).await?.key;
        let sealed = seal(&password.to_owned(), &[key], &mut OsRng)?;
        self.server.spec.bmc = Some(BmcSpec {
            access: BmcAccess::Ipmi,
            host: address.ip().to_string(),
            port: address.port(),
            user: USER.into(),
            password: Some(sealed),
            key: None,
            weak: None,
            next: None,
        });
        Ok(())
    }

    pub async fn apply(&mut self, leader: &Leader) -> Result<()> {
        self.generation += 1;
        let stamp = Stamp { epoch: leader.epoch, generation: Generation(self.generation) };
        self.server.meta.generation = stamp.generation;
        Ok(leader.client.apply_server(stamp, self.server.clone()).await?)
    }

    pub async fn until(&self, leader: &mut Leader, wanted: impl Fn(&ServerStatus) -> bool) -> Result<ServerStatus> {
        let until = tokio::time::Instant::now() + LIMIT;
        loop {
            let known = leader.servers.get(&self.server.meta.id);
            // What was told of an earlier wish is not what is waited for.
            let of_now = known.filter(|status| status.stamp.generation >= Generation(self.generation));
            if let Some(status) = of_now.filter(|status| wanted(status)) {
                return Ok(status.clone());
            }
            let known = known.map(|status| (status.problem, status.read_at, status.chassis));
            let seen = tokio::time::timeout_at(until, leader.see()).await;
            if let Err(error) = seen.map_err(Into::into).and_then(|seen| seen) {
                bail!("{error:#}; the BMC says {known:?}");
            }
        }
    }

    pub async fn order(&self, leader: &mut Leader, verb: ServerVerb) -> Result<OperationResult> {
        let (operation, id) = (OperationId::now(), self.server.meta.id);
        for _ in 0..2 {
            // The same again is the same order.
            leader.client.operate_server(leader.epoch, operation, id, verb).await?;
        }
        leader.outcome(operation).await
    }
}

/// With a chassis that remembers what it was told, in a folder of its own.
fn simulator() -> Result<(TempDir, Simulator)> {
    let folder = tempfile::tempdir()?;
    let (program, power) = (folder.path().join("chassis.sh"), folder.path().join("power"));
    std::fs::write(&power, "0\n")?;
    let script = format!(
        "#!/bin/sh
cd {} || exit 1
shift
operation=$1
shift
case $operation in
get) for of; do echo \"$of:$(cat \"$of\" 2>/dev/null || echo 0)\"; done ;;
set) while [ $# -ge 2 ]; do echo \"$2\" > \"$1\"; shift 2; done ;;
esac
",
        folder.path().display()
    );
    std::fs::write(&program, script)?;
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
    let configuration = format!("  chassis_control \"{} 0x20\"", program.display());
    let simulator = Simulator::start_with(&Setup { commands: rack::commands(), configuration, ..Setup::default() })?;
    Ok((folder, simulator))
}

#[tokio::test]
async fn a_bmc_is_read_ordered_and_heard_again_whoever_is_killed() -> Result<()> {
    let (_chassis, mut simulator) = simulator()?;
    let mut node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let mut lab = Watched::new(&leader, &simulator, PASSWORD).await?;
    lab.apply(&leader).await?;
    let heard = lab.until(&mut leader, |status| status.read_at.is_some()).await;
    let heard = heard.with_context(|| std::fs::read_to_string(simulator.folder().join("log")).unwrap_or_default())?;
    ensure!(heard.problem.is_none() && !heard.sensors.is_empty(), "{heard:?}");
    let measured = heard.sensors.iter().filter(|sensor| sensor.value.is_some() && !sensor.limits.are_none()).count();
    ensure!(heard.sensors.len() >= 60 && measured > 0, "{measured} of {}", heard.sensors.len());
    ensure!(heard.device.is_some_and(|device| device.protocol == "2.0"));

    let on = ServerVerb::Power { chassis: ChassisVerb::On };
    ensure!(lab.order(&mut leader, on).await? == OperationResult::Done);
    lab.until(&mut leader, |status| status.chassis.is_some_and(|chassis| chassis.on)).await?;

    // The BMC goes away: what was known stays, with why.
    simulator.stop()?;
    let silent = lab.until(&mut leader, |status| status.problem == Some(BmcProblem::Silent)).await?;
    ensure!(!silent.sensors.is_empty() && silent.read_at.is_some(), "{silent:?}");
    simulator.start_again()?;
    lab.until(&mut leader, |status| status.problem.is_none()).await?;

    // The node is killed: it goes on by itself, with the records that it kept.
    let kept = node.state.path().join("servers").join(format!("{}.records", lab.server.meta.id));
    ensure!(std::fs::read_to_string(&kept)?.contains("records"));
    node.kill()?;
    node.serve()?;
    let mut leader = Leader::new(&node, 2).await?;
    lab.until(&mut leader, |status| status.read_at.is_some() && status.problem.is_none()).await?;

    // Its worker is killed: it comes again.
    for worker in workers(&node)? {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(worker), nix::sys::signal::SIGKILL)?;
    }
    lab.until(&mut leader, |status| status.problem == Some(BmcProblem::Worker)).await?;
    lab.until(&mut leader, |status| status.problem.is_none()).await?;

    let stamp = Stamp { epoch: leader.epoch, generation: Generation(9) };
    leader.client.remove_server(lab.server.meta.id, stamp).await?;
    ensure!(!kept.exists(), "nothing of it stays");
    let gone = leader.client.server_log(lab.server.meta.id, None).await;
    ensure!(matches!(gone, Err(ClientError::Refused(NodeError::Unknown))), "{gone:?}");
    Ok(())
}

#[tokio::test]
async fn a_password_that_is_refused_is_tried_once_and_not_again_by_anybody() -> Result<()> {
    let (_chassis, simulator) = simulator()?;
    let mut node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let mut lab = Watched::new(&leader, &simulator, "wrong").await?;
    lab.apply(&leader).await?;
    lab.until(&mut leader, |status| status.problem == Some(BmcProblem::Refused)).await?;
    let on = ServerVerb::Power { chassis: ChassisVerb::On };
    let refused = lab.order(&mut leader, on).await?;
    ensure!(matches!(refused, OperationResult::Failed(_)), "{refused:?}");
    node.kill()?;
    node.serve()?;
    let mut leader = Leader::new(&node, 2).await?;
    lab.until(&mut leader, |status| status.problem == Some(BmcProblem::Refused)).await?;
    ensure!(workers(&node)?.is_empty() || workers(&node)?.len() == 1);
    lab.says(&leader, &simulator, PASSWORD).await?;
    lab.apply(&leader).await?;
    lab.until(&mut leader, |status| status.read_at.is_some() && status.problem.is_none()).await?;
    Ok(())
}

#[tokio::test]
async fn the_worker_can_do_nothing_but_speak() -> Result<()> {
    let simulator = Simulator::start()?;
    let node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    ensure!(workers(&node)?.is_empty(), "without a BMC there is none");
    let mut lab = Watched::new(&leader, &simulator, PASSWORD).await?;
    lab.apply(&leader).await?;
    lab.until(&mut leader, |status| status.read_at.is_some()).await?;
    let [worker] = workers(&node)?[..] else { bail!("one worker") };
    let status = std::fs::read_to_string(format!("/proc/{worker}/status"))?;
    let line = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.map(|rest| rest.trim().to_owned()).with_context(|| format!("{name} in {status}"))
    };
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
        ensure!(line(set)?.chars().all(|digit| digit == '0'), "{set} {}", line(set)?);
    }
    ensure!(line("Uid:")?.split_whitespace().all(|uid| uid == "1899999999"), "{}", line("Uid:")?);
    ensure!(line("NoNewPrivs:")? == "1" && line("Seccomp:")? == "2" && line("Groups:")?.is_empty());
    let own = std::fs::read_link("/proc/self/ns/net")?;
    ensure!(std::fs::read_link(format!("/proc/{worker}/ns/net"))? != own, "a network of its own, which is empty");
    let command = std::fs::read(format!("/proc/{worker}/cmdline"))?;
    ensure!(!String::from_utf8_lossy(&command).contains(PASSWORD));
    Ok(())
}

/// The node's BMC workers.
pub fn workers(node: &NodeProcess) -> Result<Vec<i32>> {
    let pid = node.pid();
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
    let mut found = Vec::new();
    for child in children.split_whitespace() {
        let command = std::fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
        if command.windows(10).any(|words| words == b"worker\0bmc") {
            found.push(child.parse()?);
        }
    }
    Ok(found)
}
