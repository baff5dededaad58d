//! Devices as the model has them: what a test says of them is what they say.

use super::SimNode;
use cake_node_api::Observed;
use cake_types::{Device, DeviceId, DeviceStatus, Stamp};
use jiff::Timestamp;

impl SimNode {
    pub(super) fn watch_device(&self, stamp: Stamp, device: Device) {
        let id = device.meta.id;
        let status = self.with(|state| {
            let before = state.devices.get(&id).map(|(_, status)| status.clone());
            let status = DeviceStatus { stamp, ..before.unwrap_or_else(|| DeviceStatus::unheard(stamp)) };
            state.devices.insert(id, (device, status.clone()));
            status
        });
        self.tell(Observed::Device { id, status: Box::new(status) });
    }

    pub(super) fn forget_device(&self, id: DeviceId) {
        self.with(|state| state.devices.remove(&id));
        self.tell(Observed::DeviceGone { id });
    }

    /// A device says something.
    pub fn device_says(&self, name: &str, change: impl FnOnce(&mut DeviceStatus)) {
        let (id, status) = self.with(|state| {
            let watched = state.devices.values_mut().find(|(device, _)| device.meta.name.as_str() == name);
            let (device, status) = watched.expect("it is watched");
            status.read_at = Some(Timestamp::now());
            change(status);
            (device.meta.id, status.clone())
        });
        self.tell(Observed::Device { id, status: Box::new(status) });
    }

    /// What is watched, as it was asked.
    pub fn devices(&self) -> Vec<Device> {
        self.with(|state| state.devices.values().map(|(device, _)| device.clone()).collect())
    }

    /// What a snapshot tells of devices.
    pub(super) fn devices_told(&self) -> Vec<Observed> {
        self.with(|state| {
            let told = |(id, (_, status)): (&DeviceId, &(Device, DeviceStatus))| Observed::Device {
                id: *id,
                status: Box::new(status.clone()),
            };
            state.devices.iter().map(told).collect()
        })
    }
}
