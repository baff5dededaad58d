//! What is left of a replacement whose node was killed: exactly one of two QEMUs has the guest, and the other one is ended.

use super::unit_names;
use crate::engine::Shared;
use crate::folder::{Folder, Holder};
use crate::start::{TRY_AGAIN, ended};
use cake_host::process::LiveProcess;
use cake_qmp::{Qmp, QmpError};
use cake_types::VmId;
use nix::sys::signal::Signal;
use serde_json::Value;
use std::time::Duration;

/// Between two looks at a migration that was called off.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Before anything else is done for a VM: `true` if its QEMU may have been about to hand its guest over, and has to come to rest.
pub(crate) async fn recover(shared: &Shared, vm: VmId, folder: &Folder) -> bool {
    let next = folder.next();
    if !next.path().exists() {
        return false;
    }
    loop {
        match settle(shared, vm, folder, &next).await {
            Ok(decided) => return !decided,
            // Too many open files, say: until this is settled nothing may be started.
            Err(error) => {
                tracing::error!(%vm, "VM {vm}: what is left of a replaced QEMU can't be settled: {error}");
                tokio::time::sleep(TRY_AGAIN).await;
            }
        }
    }
}

async fn settle(shared: &Shared, vm: VmId, folder: &Folder, next: &Folder) -> Result<bool, String> {
    let old = match folder.own_holder().map_err(|error| error.to_string())? {
        Holder::Process(process) => Some(process),
        Holder::Nobody => None,
    };
    if next.decided().exists() {
        // Where the new one's lock has moved already, the QEMU that has it is the new one.
        if let Some(old) = old.filter(|_| next.lock().exists()) {
            let _ = old.signal(Signal::SIGKILL);
            ended(&old).await;
        }
        folder.promote().map_err(|error| error.to_string())?;
        return Ok(true);
    }
    end(shared, vm, next, old.as_ref()).await?;
    if next.lock().exists() {
        // Without it the folder was on its way to become the VM's, whose ports are still to be opened.
        let _ = std::fs::remove_file(folder.forwards_missing());
    }
    next.remove().map_err(|error| error.to_string())?;
    Ok(false)
}

/// Ends a QEMU that was to take the guest of `old` over, or the helper on its way to become it, and takes its folder away.
pub(crate) async fn end_next(shared: &Shared, vm: VmId, folder: &Folder, old: &LiveProcess) {
    let next = folder.next();
    while let Err(error) = end(shared, vm, &next, Some(old)).await {
        tracing::error!(%vm, "VM {vm}: a QEMU that is not wanted can't be ended: {error}");
        tokio::time::sleep(TRY_AGAIN).await;
    }
    if let Err(error) = next.remove() {
        tracing::warn!(%vm, %error, "VM {vm}: what is left of a QEMU can't be taken away: {error}");
    }
}

async fn end(shared: &Shared, vm: VmId, next: &Folder, old: Option<&LiveProcess>) -> Result<(), String> {
    let holder = next.own_holder().map_err(|error| error.to_string())?;
    if let Holder::Process(process) = holder
        && old.is_none_or(|old| old.pid() != process.pid())
    {
        let _ = process.signal(Signal::SIGKILL);
        ended(&process).await;
    }
    for name in unit_names(vm) {
        let found = shared.launcher.find(&name, None).await.map_err(|error| error.to_string())?;
        if let Some(stray) = found.filter(|found| old.is_none_or(|old| old.pid() != found.pid)) {
            shared.launcher.kill(&stray).await.map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

/// Calls off what was begun, and waits until the QEMU neither hands its guest over nor is about to.
pub(crate) async fn come_to_rest(qmp: &Qmp) {
    let rests = async {
        loop {
            let status = qmp.execute("query-migrate", &Value::Null).await?;
            match status["status"].as_str() {
                None | Some("none" | "completed" | "failed" | "cancelled") => return Ok::<_, QmpError>(()),
                Some(_) => {
                    qmp.execute("migrate_cancel", &Value::Null).await?;
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
            }
        }
    };
    // One that does not answer shows that at the next command, too.
    if let Err(error) = rests.await {
        tracing::warn!(%error, "a QEMU does not say whether it hands its guest over: {error}");
    }
}
