//! Who may change what: epochs, stamps, tombstones; and what nobody knows any more.

use crate::support::{Leader, NodeProcess};
use anyhow::Result;
use cake_node_api::{ClientError, NodeClient, NodeError, OperationResult, StreamKind, StreamTicket, Verb};
use cake_types::{ByteSize, Epoch, ExitReason, FailureCode, Generation, OperationId, Power, Restart, Stamp, VmState};

fn refusal<T: std::fmt::Debug>(result: Result<T, ClientError>) -> NodeError {
    match result {
        Err(ClientError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn stale_leaders_and_stamps_are_refused_and_orphans_stay() -> Result<()> {
    let mut node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 7).await?;
    let mut vm = leader.pvh();
    vm.meta.generation = Generation(5);
    leader.apply(&vm).await?;
    let pid = leader.state(&vm, VmState::Running).await?.pid;

    let client = node.client().await?;
    assert_eq!(refusal(client.hello(Some(Epoch(6))).await), NodeError::StaleEpoch { highest: Epoch(7) });
    let at = |epoch, generation| Stamp { epoch: Epoch(epoch), generation: Generation(generation) };
    assert_eq!(refusal(client.apply_vm(at(6, 9), vm.clone()).await), NodeError::StaleEpoch { highest: Epoch(7) });
    assert_eq!(refusal(client.apply_vm(at(8, 9), vm.clone()).await), NodeError::NoHello);
    let held = at(7, 5);
    assert_eq!(refusal(client.apply_vm(at(7, 4), vm.clone()).await), NodeError::StaleStamp { held });
    let mut other = vm.clone();
    other.spec.power = Power::Stopped;
    assert_eq!(refusal(client.apply_vm(held, other).await), NodeError::StaleStamp { held });
    client.apply_vm(held, vm.clone()).await?;

    // A leader whose Store is older: it has a higher epoch and does not know the VM, which runs on.
    node.kill()?;
    node.serve()?;
    let mut leader = Leader::new(&node, 8).await?;
    assert_eq!(leader.until(vm.meta.id, |status| status.state == VmState::Running).await?.pid, pid);

    let id = vm.meta.id;
    leader.client.remove_vm(id, at(8, 6), Vec::new()).await?;
    leader.removed(id).await?;
    assert_eq!(refusal(leader.client.apply_vm(at(8, 7), vm).await), NodeError::Tombstoned);
    // Again, and after a restart: still removed.
    leader.client.remove_vm(id, at(8, 6), Vec::new()).await?;
    node.kill()?;
    node.serve()?;
    let leader = Leader::new(&node, 9).await?;
    assert!(leader.removed.contains(&id) && leader.vms.is_empty());
    Ok(())
}

#[tokio::test]
async fn what_this_node_could_never_run_is_refused() -> Result<()> {
    let node = NodeProcess::start()?;
    let leader = Leader::new(&node, 1).await?;
    let invalid = async |change: fn(&mut cake_types::Vm)| {
        let mut vm = leader.pvh();
        change(&mut vm);
        let refused = refusal(leader.client.apply_vm(leader.stamp(&vm), vm).await);
        assert!(matches!(refused, NodeError::Invalid { .. }), "{refused:?}");
    };
    invalid(|vm| vm.spec.cpus = 0).await;
    invalid(|vm| vm.spec.cpus = 100_000).await;
    invalid(|vm| vm.spec.memory = ByteSize(0)).await;
    invalid(|vm| vm.spec.memory = ByteSize(900 << 40)).await;
    invalid(|vm| vm.spec.hardware.machine.0 = "pc,accel=kvm".into()).await;
    invalid(|vm| vm.spec.hardware.uuid = cake_types::VmId::now()).await;
    invalid(|vm| vm.spec.authority = cake_types::Authority::Rack).await;
    assert!(leader.vms.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_guest_that_ignores_the_power_button_goes_on() -> Result<()> {
    let node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let vm = leader.pvh();
    let id = vm.meta.id;
    leader.apply(&vm).await?;
    let pid = leader.state(&vm, VmState::Running).await?.pid;
    let ask = |operation| leader.client.operate(operation, id, Verb::Shutdown { seconds: 1 });
    let operation = OperationId::now();
    ask(operation).await?;
    let again = refusal(ask(OperationId::now()).await);
    assert_eq!(again, NodeError::Illegal { state: VmState::ShuttingDown });
    let OperationResult::Failed(failure) = leader.outcome(operation).await? else { panic!("it can't have listened") };
    assert_eq!(failure.code, FailureCode::GuestIgnoredShutdown);
    assert_eq!(leader.state(&vm, VmState::Running).await?.pid, pid);

    // Forced off in the middle of the next request, which is overtaken.
    let operation = OperationId::now();
    leader.client.operate(operation, id, Verb::Shutdown { seconds: 3600 }).await?;
    let mut vm = vm;
    leader.set_power(&mut vm, Power::Stopped).await?;
    assert_eq!(leader.outcome(operation).await?, OperationResult::Superseded);
    leader.state(&vm, VmState::Stopped).await?;
    let refused = refusal(leader.client.operate(OperationId::now(), id, Verb::Reset).await);
    assert_eq!(refused, NodeError::Illegal { state: VmState::Stopped });
    Ok(())
}

#[tokio::test]
async fn who_is_killed_from_outside_comes_back_unless_told_otherwise() -> Result<()> {
    let node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let back = leader.pvh();
    let mut never = leader.pvh();
    never.spec.restart = Restart::Never;
    leader.apply(&back).await?;
    leader.apply(&never).await?;
    let kill = |pid: Option<u32>| {
        let pid = nix::unistd::Pid::from_raw(pid.unwrap_or(0).cast_signed());
        nix::sys::signal::kill(pid, nix::sys::signal::SIGKILL)
    };
    let pid = leader.state(&never, VmState::Running).await?.pid;
    kill(pid)?;
    let status = leader.state(&never, VmState::Stopped).await?;
    assert_eq!(status.halted_by.map(|halted| halted.reason), Some(ExitReason::Killed));
    let pid = leader.state(&back, VmState::Running).await?.pid;
    kill(pid)?;
    let status = leader.until(back.meta.id, |status| status.state == VmState::Running && status.pid != pid).await?;
    assert_eq!((status.restarts, status.halted_by), (1, None));
    Ok(())
}

#[tokio::test]
async fn tickets_are_good_once() -> Result<()> {
    let node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let mut vm = leader.pvh();
    leader.apply(&vm).await?;
    leader.state(&vm, VmState::Running).await?;
    let ticket = leader.client.ticket(StreamKind::Serial, vm.meta.id).await?;
    leader.client.open(ticket.clone()).await?;
    assert_eq!(refusal(leader.client.open(ticket).await), NodeError::BadTicket);
    assert_eq!(refusal(leader.client.open(StreamTicket("x".repeat(43))).await), NodeError::BadTicket);
    assert_eq!(refusal(leader.client.ticket(StreamKind::Serial, cake_types::VmId::now()).await), NodeError::Unknown);
    // The last words of a guest that is off are still there.
    let mut console = leader.serial(vm.meta.id).await?;
    console.until("cake-pvh: up\n").await?;
    leader.set_power(&mut vm, Power::Stopped).await?;
    leader.state(&vm, VmState::Stopped).await?;
    leader.serial(vm.meta.id).await?.until("cake-pvh: up\n").await?;
    Ok(())
}

#[tokio::test]
async fn another_user_gets_no_answer() -> Result<()> {
    let node = NodeProcess::start()?;
    std::fs::set_permissions(node.state.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    std::fs::set_permissions(node.socket(), std::os::unix::fs::PermissionsExt::from_mode(0o666))?;
    // The thread alone becomes nobody: the kernel keeps users by thread.
    let socket = node.socket();
    let stream = std::thread::spawn(move || {
        // SAFETY: the bare system call changes this thread only, which ends.
        let changed = unsafe { libc::syscall(libc::SYS_setresuid, 65534, 65534, 65534) };
        assert_eq!(changed, 0);
        std::os::unix::net::UnixStream::connect(socket)
    });
    let stream = stream.join().expect("it ends")?;
    stream.set_nonblocking(true)?;
    let client = NodeClient::over(tokio::net::UnixStream::from_std(stream)?);
    assert!(!matches!(client.hello(None).await, Ok(_) | Err(ClientError::Refused(_))));
    Ok(())
}

/// Leaders come and go while disks are made; only a node that has just started knows that nobody makes them.
#[tokio::test]
async fn a_leader_that_comes_again_disturbs_no_disk_in_the_making() -> Result<()> {
    let mut node = NodeProcess::start()?;
    let _first = Leader::new(&node, 1).await?;
    let half = node.state.path().join("pool/00000000-0000-7000-8000-000000000009-0.raw.new");
    std::fs::write(&half, "half")?;
    let _again = Leader::new(&node, 2).await?;
    assert!(half.exists(), "it is somebody's work");
    node.kill()?;
    node.serve()?;
    assert!(!half.exists(), "nobody goes on with it");
    Ok(())
}
