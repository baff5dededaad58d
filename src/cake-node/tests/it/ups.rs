//! The power supply: NUT's real server says what happens, real guests go off and come back.

use crate::nut::{Nut, PASSWORD, USER};
use crate::support::{Leader, NodeProcess};
use anyhow::{Context, Result, ensure};
use cake_types::{
    ExitReason, Firmware, Generation, OsRng, Stamp, UpsFlag, UpsProblem, UpsShutdown, UpsSpec, UpsStatus, Vm, VmState,
    seal,
};
use rusqlite::Connection;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

const MAINS: &str = "ups.status: OL CHRG\nbattery.charge: 100\nbattery.runtime: 1800\nups.load: 12\n";
const CUT: &str = "ups.status: OB DISCHRG\nbattery.charge: 90\nbattery.runtime: 1700\nups.load: 12\n";
const EMPTY: &str = "ups.status: OB DISCHRG LB\nbattery.charge: 9\nbattery.runtime: 1700\nups.load: 12\n";

async fn watch(leader: &Leader, generation: u64, spec: Option<UpsSpec>) -> Result<()> {
    let stamp = Stamp { epoch: leader.epoch, generation: Generation(generation) };
    Ok(leader.client.apply_ups(stamp, spec).await?)
}

async fn says(leader: &mut Leader, wanted: impl Fn(&UpsStatus) -> bool) -> Result<UpsStatus> {
    let node = leader.until_node(|node| node.ups.as_ref().is_some_and(&wanted)).await?;
    node.ups.context("it watches one")
}

/// How often guests were asked to end.
fn halts(node: &NodeProcess) -> Result<u32> {
    let database = Connection::open(node.state.path().join("node.db"))?;
    Ok(database.query_row("SELECT count(*) FROM operations WHERE verb LIKE '%halt%'", [], |row| row.get(0))?)
}

async fn pid(leader: &mut Leader, vm: &Vm) -> Result<Option<u32>> {
    Ok(leader.state(vm, VmState::Running).await?.pid)
}

/// One guest obeys the power button, the other does not hear it.
#[tokio::test]
async fn guests_go_off_before_the_battery_does_and_come_back_with_the_power() -> Result<()> {
    let nut = Nut::start(MAINS).await?;
    let mut node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let (obeys, deaf, mut rests) = (leader.tiny(Firmware::Bios, "web")?, leader.pvh(), leader.pvh());
    for vm in [&obeys, &deaf, &rests] {
        leader.apply(vm).await?;
    }
    leader.set_power(&mut rests, cake_types::Power::Stopped).await?;
    leader.state(&rests, VmState::Stopped).await?;
    let before = (pid(&mut leader, &obeys).await?, pid(&mut leader, &deaf).await?);
    leader.serial(obeys.meta.id).await?.until("cake-tiny: ready on web").await?;

    watch(&leader, 1, Some(nut.spec(1))).await?;
    let well = says(&mut leader, |ups| ups.is(UpsFlag::OnLine) && ups.problem.is_none()).await?;
    ensure!((well.charge, well.runtime, well.load) == (Some(100), Some(1800), Some(12)), "{well:?}");
    ensure!(well.model.is_some() && well.is(UpsFlag::Charging), "{well:?}");

    // A cut that is over before the battery is ends nothing.
    nut.says(CUT)?;
    says(&mut leader, |ups| ups.is(UpsFlag::OnBattery) && ups.charge == Some(90)).await?;
    nut.says(MAINS)?;
    says(&mut leader, |ups| ups.is(UpsFlag::OnLine)).await?;
    ensure!((pid(&mut leader, &obeys).await?, pid(&mut leader, &deaf).await?) == before && halts(&node)? == 0);

    // The node is killed in the middle: it goes on and asks nobody twice.
    nut.says(EMPTY)?;
    says(&mut leader, |ups| ups.shutdown == Some(UpsShutdown::Guests)).await?;
    node.kill()?;
    node.serve()?;
    let mut leader = Leader::new(&node, 2).await?;
    says(&mut leader, |ups| ups.shutdown == Some(UpsShutdown::Stays)).await?;
    ensure!(node.qemus()?.is_empty(), "everybody is off before the server would be");
    ensure!(halts(&node)? == 2, "{} halts", halts(&node)?);
    for (vm, reason) in [(&obeys, ExitReason::Guest), (&deaf, ExitReason::Killed)] {
        let halted = leader.state(vm, VmState::Stopped).await?.halted_by.context("halted")?;
        ensure!(halted.by_host && halted.reason == reason, "{halted:?}");
    }

    nut.says(MAINS)?;
    says(&mut leader, |ups| ups.shutdown.is_none() && ups.is(UpsFlag::OnLine)).await?;
    ensure!(pid(&mut leader, &obeys).await? != before.0 && pid(&mut leader, &deaf).await? != before.1);
    ensure!(leader.vms[&obeys.meta.id].halted_by.is_none());
    ensure!(leader.vms[&rests.meta.id].state == VmState::Stopped, "who was off stays off");
    ensure!(halts(&node)? == 2);
    Ok(())
}

/// The machine was off between: that it was is told by the boot, not by the power supply.
#[tokio::test]
async fn after_another_boot_guests_start_though_nobody_hears_the_power_supply() -> Result<()> {
    let nut = Nut::start(EMPTY).await?;
    let mut node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let vm = leader.pvh();
    leader.apply(&vm).await?;
    leader.state(&vm, VmState::Running).await?;
    watch(&leader, 1, Some(nut.spec(1))).await?;
    says(&mut leader, |ups| ups.shutdown == Some(UpsShutdown::Stays)).await?;
    drop(nut);
    // In this boot it stays as it is, whatever the daemon does.
    node.kill()?;
    node.serve()?;
    let mut leader = Leader::new(&node, 2).await?;
    let silent = says(&mut leader, |ups| ups.problem == Some(UpsProblem::Unreachable)).await?;
    ensure!(silent.shutdown == Some(UpsShutdown::Stays) && node.qemus()?.is_empty(), "{silent:?}");
    node.kill()?;
    let database = Connection::open(node.state.path().join("node.db"))?;
    let text: String = database.query_row("SELECT value FROM meta WHERE name = 'ending'", [], |row| row.get(0))?;
    let mut ending: serde_json::Value = serde_json::from_str(&text)?;
    ending["boot"] = uuid::Uuid::nil().to_string().into();
    database.execute("UPDATE meta SET value = ?1 WHERE name = 'ending'", [ending.to_string()])?;
    drop(database);
    node.serve()?;
    let mut watcher = Leader::watching(&node).await?;
    watcher.until(vm.meta.id, |status| status.state == VmState::Running && status.halted_by.is_none()).await?;
    says(&mut watcher, |ups| ups.shutdown.is_none()).await?;
    Ok(())
}

/// Hears each caller out: a connection that is closed over unread bytes is reset, and what was said may never arrive.
async fn speak_no_nut(listener: TcpListener) -> Result<()> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        stream.write_all(&[0xFF; 10_000]).await.ok();
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.ok();
    }
}

#[tokio::test]
async fn a_login_a_wrong_name_and_what_is_no_nut_server_are_told_apart() -> Result<()> {
    let nut = Nut::start(MAINS).await?;
    let node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let key = leader.client.hello(None).await?.key;
    let user = |password: &str| -> Result<UpsSpec> {
        let password = Some(seal(&password.to_owned(), std::slice::from_ref(&key), &mut OsRng)?);
        Ok(UpsSpec { user: Some(USER.into()), password, ..nut.spec(5) })
    };
    watch(&leader, 1, Some(user("wrong")?)).await?;
    // It is read all the same.
    let read = says(&mut leader, |ups| ups.problem == Some(UpsProblem::Login) && ups.is(UpsFlag::OnLine)).await?;
    ensure!(read.is_heard() && read.charge == Some(100), "{read:?}");
    watch(&leader, 2, Some(user(PASSWORD)?)).await?;
    says(&mut leader, |ups| ups.is(UpsFlag::OnLine) && ups.problem.is_none()).await?;
    watch(&leader, 3, Some(UpsSpec { name: "other".into(), ..nut.spec(5) })).await?;
    let unknown = says(&mut leader, |ups| ups.problem == Some(UpsProblem::Unknown)).await?;
    ensure!(unknown.offered == ["rack"], "{unknown:?}");
    let other = TcpListener::bind("127.0.0.1:0").await?;
    let port = other.local_addr()?.port();
    let mut serving = JoinSet::new();
    serving.spawn(speak_no_nut(other));
    watch(&leader, 4, Some(UpsSpec { port, ..nut.spec(5) })).await?;
    says(&mut leader, |ups| ups.problem == Some(UpsProblem::Garbled)).await?;
    ensure!(watch(&leader, 3, None).await.is_err(), "what is older is refused");
    watch(&leader, 5, None).await?;
    leader.until_node(|node| node.ups.is_none()).await?;
    Ok(())
}
