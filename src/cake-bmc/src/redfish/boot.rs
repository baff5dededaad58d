//! From what the machine boots next (ComputerSystem.Boot).

use super::Redfish;
use super::wire::Boot;
use crate::BmcError;
use cake_types::BootDevice;
use serde_json::json;

const fn target(device: BootDevice) -> &'static str {
    match device {
        BootDevice::None => "None",
        BootDevice::Network => "Pxe",
        BootDevice::Disk => "Hdd",
        BootDevice::Cd => "Cd",
        BootDevice::Setup => "BiosSetup",
    }
}

/// What is set, as far as cake has a word for it.
fn device(boot: &Boot) -> BootDevice {
    if boot.enabled.is("Disabled") {
        return BootDevice::None;
    }
    match boot.target.get().unwrap_or_default() {
        "Pxe" | "UefiHttp" => BootDevice::Network,
        "Hdd" => BootDevice::Disk,
        "Cd" => BootDevice::Cd,
        "BiosSetup" => BootDevice::Setup,
        _ => BootDevice::None,
    }
}

impl Redfish {
    pub(super) async fn override_boot(&mut self, next: BootDevice, once: bool, uefi: bool) -> Result<(), BmcError> {
        let (link, system, tag) = self.system().await?;
        let boot = system.boot.0.ok_or(BmcError::Unsupported)?;
        let target = target(next);
        // Not every BMC lists "None": to lift the override is always possible.
        if next != BootDevice::None && !boot.targets.0.is_empty() && !boot.targets.0.iter().any(|word| word == target) {
            return Err(BmcError::Unsupported);
        }
        let enabled = match (next, once) {
            (BootDevice::None, _) => "Disabled",
            (_, true) => "Once",
            (_, false) => "Continuous",
        };
        let mut change = json!({ "BootSourceOverrideEnabled": enabled, "BootSourceOverrideTarget": target });
        // A machine that knows one mode only has no such property, and refuses it.
        if boot.mode.get().is_some() && next != BootDevice::None {
            change["BootSourceOverrideMode"] = json!(if uefi { "UEFI" } else { "Legacy" });
        }
        self.client.patch(&link, &json!({ "Boot": change }), tag).await
    }

    pub(super) async fn boot_override(&mut self) -> Result<BootDevice, BmcError> {
        let (_, system, _) = self.system().await?;
        system.boot.0.as_ref().map(device).ok_or(BmcError::Unsupported)
    }
}
