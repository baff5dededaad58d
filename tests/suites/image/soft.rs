//! A version with the same kernel starts while VMs go on running; one that does not work is given up, and the server goes back.

use anyhow::{Context, Result, ensure};
use cake_client::Client;
use cake_client::wire::{NewVm, UpdateServer};
use cake_tests::Terminal;
use cake_tests::appliance::{self, BOOT, installed, log_in, server};
use cake_tests::machine::{HOST, Lan, Machine, Network};
use cake_types::ByteSize;
use std::sync::Arc;

use crate::updates::{BAD, GOOD, done, repository, standing, until};

const VM: &str = "web";

/// A guest on the server's own network.
fn tiny() -> NewVm {
    NewVm {
        name: VM.into(),
        image: "cake-tiny".into(),
        cpus: 1,
        memory: ByteSize::mib(192),
        firmware: Some("bios".into()),
        network: Some("bridge:uplink".into()),
        start: Some(true),
        ..NewVm::default()
    }
}

async fn number(terminal: &mut Terminal) -> Result<u64> {
    let said = terminal.command("cat /tmp/count").await?;
    let number = said.lines().find_map(|line| line.trim().parse().ok());
    number.with_context(|| said.clone())
}

/// Writes a version to the disks and starts it without stopping a VM.
async fn start_soft(administrator: &Client, version: &str) -> Result<()> {
    done(administrator, administrator.check_update().await?.value).await?;
    done(administrator, administrator.apply_update(version).await?.value).await?;
    let next = until(administrator, |server| standing(server, version) == Some("next")).await?;
    ensure!(next.soft_reboot.as_deref() == Some("possible"), "{next:?}");
    let node = administrator.nodes().await?.items[0].name.clone();
    administrator.soft_reboot(&node).await?;
    Ok(())
}

/// The guest is the same one, went on meanwhile, and is reached over its console and over the network.
async fn went_on(machine: &mut Machine, pid: u32, before: u64) -> Result<(Client, u64)> {
    let administrator = log_in(machine).await?;
    let look = async || Ok(administrator.vm(VM).await?.value);
    let vm = appliance::until(BOOT, look, |vm| vm.state == "running").await?;
    ensure!(vm.pid == Some(pid), "another process: {vm:?}");
    let mut terminal = Terminal::open(&administrator, VM).await?;
    terminal.type_in("\n").await?;
    let now = number(&mut terminal).await?;
    ensure!(now > before, "it stood still: {before}, {now}");
    let reached = terminal.command(&format!("ping -c 3 -W 20 {HOST} && echo re''ached")).await?;
    ensure!(reached.contains("reached"), "{reached}");
    Ok((administrator, now))
}

fn is_good(server: &UpdateServer, version: &str) -> bool {
    server.versions.iter().any(|known| known.version == version && known.good)
}

#[tokio::test(flavor = "multi_thread")]
async fn vms_go_on_while_a_new_version_starts_and_a_bad_one_goes_back() -> Result<()> {
    let repository = repository()?;
    let lan = Arc::new(Lan::lay()?);
    let files = lan.serve()?;
    files.offer_folder(&repository)?;
    let _dhcp = lan.dhcp(None)?;
    let install = "disks = [\"SYSTEM\"]\nsave_recovery_key = true\nthen = \"poweroff\"";
    let hardware = server("soft").memory(ByteSize::gib(4)).network(Network::Lan(lan.clone()));
    let mut machine = installed(hardware, install).await?;
    machine.power_on().await?;
    let administrator = log_in(&mut machine).await?;
    let first = until(&administrator, |server| server.versions.iter().any(|version| version.good)).await?.running;
    let seen = administrator.update().await?;
    administrator.set_update_source(&seen, Some(&format!("http://{HOST}")), None).await?;

    done(&administrator, administrator.create_vm(&tiny()).await?.value).await?;
    let pid = administrator.vm(VM).await?.pid.context("a process")?;
    let mut terminal = Terminal::open(&administrator, VM).await?;
    terminal.shell().await?;
    terminal
        .command("(n=0; while :; do n=$((n+1)); echo $n >/tmp/new; mv /tmp/new /tmp/count; sleep 1; done) &")
        .await?;
    let count = number(&mut terminal).await?;

    start_soft(&administrator, GOOD).await?;
    machine.wait_serial(&format!("cake: version {GOOD} is good"), BOOT).await?;
    let (administrator, count) = went_on(&mut machine, pid, count).await?;
    let server = until(&administrator, |server| is_good(server, GOOD)).await?;
    ensure!(server.running == GOOD && standing(&server, &first) == Some("previous"), "{server:?}");

    // Again, from the root that the first one brought; this one has no console, so the whole server goes back.
    start_soft(&administrator, BAD).await?;
    machine.wait_serial(&format!("cake: version {BAD} does not work"), BOOT).await?;
    machine.wait_reboot(BOOT).await?;
    let administrator = log_in(&mut machine).await?;
    let server = until(&administrator, |server| standing(server, BAD) == Some("bad")).await?;
    ensure!(server.running == GOOD, "{server:?}");
    let look = async || Ok(administrator.vm(VM).await?.value);
    appliance::until(BOOT, look, |vm| vm.state == "running").await?;
    ensure!(count > 0);
    machine.passed()
}
