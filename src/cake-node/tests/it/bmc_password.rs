//! A BMC's new password: set, proven and never lost, against OpenIPMI's simulator, asked by ipmitool.

use crate::servers::Watched;
use crate::servers::ipmi_sim::{PASSWORD, Simulator, USER};
use crate::support::{Leader, NodeProcess};
use anyhow::{Result, ensure};
use cake_node_api::OperationResult;
use cake_types::{BmcProblem, OsRng, SecretKey, ServerStatus, ServerVerb};
use std::process::Command;

fn heard(status: &ServerStatus) -> bool {
    status.read_at.is_some() && status.problem.is_none()
}

/// Whether the BMC takes it.
fn takes(simulator: &Simulator, password: &str) -> Result<bool> {
    let (host, port) = (simulator.address().ip().to_string(), simulator.address().port().to_string());
    let mut command = Command::new("ipmitool");
    command.args(["-I", "lanplus", "-C", "3", "-H", &host, "-p", &port, "-U", USER, "-P", password, "mc", "info"]);
    Ok(command.output()?.status.success())
}

#[tokio::test]
async fn a_new_password_is_set_proven_and_never_lost() -> Result<()> {
    let simulator = Simulator::start()?;
    let mut node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let mut lab = Watched::new(&leader, &simulator, PASSWORD).await?;
    lab.apply(&leader).await?;
    lab.until(&mut leader, heard).await?;

    let recovery = SecretKey::generate(&mut OsRng);
    let keys = vec![leader.client.hello(None).await?.key, recovery.public()];
    let next = leader.client.new_password(keys).await?;
    let made = next.open(&recovery)?;
    lab.server.spec.bmc.as_mut().expect("a BMC").next = Some(next.clone());
    lab.apply(&leader).await?;
    ensure!(takes(&simulator, PASSWORD)? && !takes(&simulator, &made)?, "nothing has happened yet");
    ensure!(lab.order(&mut leader, ServerVerb::SetPassword).await? == OperationResult::Done);
    ensure!(takes(&simulator, &made)? && !takes(&simulator, PASSWORD)?);

    // Killed before anybody wrote down that it is proven: the node knows both, and uses the one that is taken.
    node.kill()?;
    node.serve()?;
    let mut leader = Leader::new(&node, 2).await?;
    lab.until(&mut leader, heard).await?;
    ensure!(lab.order(&mut leader, ServerVerb::SetPassword).await? == OperationResult::Done, "again is no other one");
    ensure!(takes(&simulator, &made)?);

    let bmc = lab.server.spec.bmc.as_mut().expect("a BMC");
    bmc.password = bmc.next.take();
    lab.apply(&leader).await?;
    lab.until(&mut leader, heard).await?;
    let nothing = lab.order(&mut leader, ServerVerb::SetPassword).await?;
    ensure!(matches!(nothing, OperationResult::Failed(_)), "there is none to set: {nothing:?}");

    // Two wrong ones are tried once each, and then no more.
    lab.says(&leader, &simulator, "wrong").await?;
    let keys = vec![leader.client.hello(None).await?.key];
    lab.server.spec.bmc.as_mut().expect("a BMC").next = Some(leader.client.new_password(keys).await?);
    lab.apply(&leader).await?;
    lab.until(&mut leader, |status| status.problem == Some(BmcProblem::Refused)).await?;
    Ok(())
}
