//! Devices: an agent that is not ours (net-snmp's), asked by the confined worker of a real node.

#[path = "../../../cake-snmp/tests/support/snmpd.rs"]
mod snmpd;

use crate::support::{Leader, NodeProcess};
use anyhow::{Result, bail, ensure};
use cake_types::{
    Device, DeviceId, DeviceKind, DeviceSpec, DeviceStatus, Generation, Meta, OsRng, ProjectName, SnmpProblem, Stamp,
    seal,
};
use jiff::Timestamp;
use snmpd::Snmpd;

/// A device that does not answer is asked a while before it is silent, and then seldom.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(120);

async fn pdu(leader: &Leader, snmpd: &Snmpd, community: &str) -> Result<Device> {
    let key = leader.client.hello(None).await?.key;
    let meta = Meta {
        id: DeviceId::now(),
        project: ProjectName::default(),
        name: "pdu-a".parse()?,
        generation: Generation::FIRST,
        created_at: Timestamp::now(),
        updated_at: Timestamp::now(),
    };
    let spec = DeviceSpec {
        kind: DeviceKind::Pdu,
        host: snmpd.address.ip().to_string(),
        port: snmpd.address.port(),
        community: seal(&community.to_owned(), &[key], &mut OsRng)?,
        feed: Some("A".into()),
        rated_amps: None,
        outlets: Vec::new(),
        note: String::new(),
    };
    Ok(Device { meta, spec })
}

async fn apply(leader: &Leader, device: &Device, generation: u64) -> Result<()> {
    let stamp = Stamp { epoch: leader.epoch, generation: Generation(generation) };
    Ok(leader.client.apply_device(stamp, device.clone()).await?)
}

async fn until(leader: &mut Leader, id: DeviceId, wanted: impl Fn(&DeviceStatus) -> bool) -> Result<DeviceStatus> {
    let until = tokio::time::Instant::now() + LIMIT;
    loop {
        let known = leader.devices.get(&id);
        if let Some(status) = known.filter(|status| wanted(status)) {
            return Ok(status.clone());
        }
        let known = known.cloned();
        let seen = tokio::time::timeout_at(until, leader.see()).await;
        if let Err(error) = seen.map_err(Into::into).and_then(|seen| seen) {
            bail!("{error:#}; the device says {known:?}");
        }
    }
}

#[tokio::test]
async fn a_strip_is_read_lost_and_heard_again_whoever_is_killed() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let snmpd = Snmpd::start(folder.path(), snmpd::APC, &snmpd::apc(230));
    let mut node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let device = pdu(&leader, &snmpd, snmpd.community).await?;
    let id = device.meta.id;
    apply(&leader, &device, 1).await?;
    let heard = until(&mut leader, id, |status| status.read_at.is_some()).await?;
    let reading = heard.pdu.expect("a PDU");
    ensure!((reading.watts, reading.outlets.len()) == (Some(460.0), 2) && heard.about.model == "AP8959EU3");

    // The building's power is gone, and the controller hangs elsewhere: it says so.
    let snmpd = snmpd.say(folder.path(), snmpd::APC, &snmpd::apc(0));
    let dead = |status: &DeviceStatus| {
        let volts = status.pdu.as_ref().and_then(|pdu| pdu.inputs.first()?.volts);
        status.problem.is_none() && volts == Some(0.0)
    };
    until(&mut leader, id, dead).await?;

    // It goes away: what was known stays, with why.
    let address = snmpd.address;
    drop(snmpd);
    let silent = until(&mut leader, id, |status| status.problem == Some(SnmpProblem::Silent)).await?;
    ensure!(silent.pdu.is_some() && silent.read_at.is_some(), "{silent:?}");

    // The node is killed and goes on by itself; another community is another try at once.
    node.kill()?;
    node.serve()?;
    let mut leader = Leader::new(&node, 2).await?;
    let snmpd = Snmpd::start_at(folder.path(), address.port(), snmpd::APC, &snmpd::apc(231));
    let again = pdu(&leader, &snmpd, snmpd.community).await?;
    let again = Device { meta: device.meta.clone(), ..again };
    apply(&leader, &again, 2).await?;
    until(&mut leader, id, |status| status.problem.is_none() && status.read_at.is_some()).await?;

    let stamp = Stamp { epoch: leader.epoch, generation: Generation(3) };
    leader.client.remove_device(id, stamp).await?;
    while leader.devices.contains_key(&id) {
        leader.see().await?;
    }
    let refused = leader.client.apply_device(Stamp { generation: Generation(4), ..stamp }, again).await;
    ensure!(refused.is_err(), "it can't come back under this id");
    Ok(())
}

#[tokio::test]
async fn a_community_that_is_wrong_is_silence() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let snmpd = Snmpd::start(folder.path(), snmpd::APC, &snmpd::apc(230));
    let node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let device = pdu(&leader, &snmpd, "wrong").await?;
    apply(&leader, &device, 1).await?;
    let silent = until(&mut leader, device.meta.id, |status| status.problem.is_some()).await?;
    ensure!(silent.problem == Some(SnmpProblem::Silent) && silent.pdu.is_none(), "{silent:?}");
    Ok(())
}
