//! Which running VMs are in an older engine than the server's, which of them may get the current one without being stopped, how, and
//! what of it the guest's users notice.

use cake_types::{Code, EngineHold, EngineStatus, EngineWay, HardwareRecord, NicSpec, Problem, VmSpec};

/// How the guest would come into another QEMU, or why it can't.
pub fn way(hardware: &HardwareRecord) -> Result<EngineWay, EngineHold> {
    if hardware.tpm {
        Err(EngineHold::Tpm)
    } else if hardware.shared_memory {
        Ok(EngineWay::Transfer)
    } else {
        Ok(EngineWay::Live)
    }
}

/// Whether a VM that is alive should get the current engine, and how. One of which its node does not say where it came from was
/// started by a version that did not tell: it is let alone.
pub fn verdict(hardware: &HardwareRecord, engine: Option<&EngineStatus>) -> Result<EngineWay, EngineHold> {
    match engine {
        Some(engine) if engine.outdated => way(hardware),
        _ => Err(EngineHold::Current),
    }
}

/// The same, as an answer to who asked for it.
pub fn replaceable(hardware: &HardwareRecord, engine: Option<&EngineStatus>) -> Result<EngineWay, Problem> {
    verdict(hardware, engine).map_err(|hold| Problem::new(Code::EngineHeld).with("reason", hold.as_str()))
}

/// Connections that are open through user-mode NAT are in QEMU's own memory, and end with it.
pub fn cuts_connections(spec: &VmSpec) -> bool {
    spec.nics().iter().any(|nic| matches!(nic, NicSpec::Nat { .. }))
}

/// Copying it while it runs needs a guest's memory a second time, and some for QEMU itself. Bytes.
pub fn room(memory: u64, available: u64) -> bool {
    const OWN: u64 = 256 << 20;
    memory.saturating_add(OWN) <= available
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hardware;
    use cake_types::{Drivers, Firmware, HardwareRequest, VmId};

    fn record(tpm: bool) -> HardwareRecord {
        hardware::plan(&HardwareRequest {
            id: VmId(uuid::Uuid::nil()),
            firmware: Firmware::Uefi,
            disks: 1,
            nics: 1,
            seed: false,
            machine: hardware::default_machine(),
            cpu: hardware::default_cpu(),
            random: [7; 16],
            cd: false,
            drivers: Drivers::Virtio,
            tpm,
            secure_boot: false,
            windows: false,
        })
    }

    fn engine(outdated: bool) -> EngineStatus {
        EngineStatus { root: "root-1".into(), qemu: "10.0.13".into(), outdated, replaced: None, work: None }
    }

    #[test]
    fn only_what_is_outdated_is_replaced() {
        let hardware = record(false);
        assert_eq!(verdict(&hardware, Some(&engine(true))), Ok(EngineWay::Transfer));
        assert_eq!(verdict(&hardware, Some(&engine(false))), Err(EngineHold::Current));
        assert_eq!(verdict(&hardware, None), Err(EngineHold::Current));
        let refused = replaceable(&hardware, None).unwrap_err();
        assert_eq!((refused.code, refused.params["reason"].as_str()), (Code::EngineHeld, "current"));
    }

    #[test]
    fn what_can_not_change_hands_is_copied_or_kept() {
        let private = HardwareRecord { shared_memory: false, ..record(false) };
        assert_eq!(verdict(&private, Some(&engine(true))), Ok(EngineWay::Live));
        assert_eq!(verdict(&record(true), Some(&engine(true))), Err(EngineHold::Tpm));
    }

    #[test]
    fn a_copy_needs_room_for_the_guest_twice() {
        assert!(room(1 << 30, (1 << 30) + (256 << 20)));
        assert!(!room(1 << 30, 1 << 30));
        assert!(!room(u64::MAX, u64::MAX - 1));
    }
}
