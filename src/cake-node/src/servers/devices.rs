//! Devices that are asked by SNMP: written down as servers are, and watched by the same worker.

use super::wire::{DeviceTarget, Order};
use super::{Servers, target};
use crate::database::DeviceRow;
use cake_node_api::NodeError;
use cake_types::{Device, DeviceId, DeviceSpec, DeviceStatus, SnmpProblem, Stamp};
use std::sync::Arc;
use zeroize::Zeroizing;

impl Servers {
    /// Takes up what is written down.
    pub(super) async fn resume_devices(&self) -> Result<(), NodeError> {
        for row in self.database().devices().await? {
            self.show_device(&row);
            self.state().devices.insert(row.device.meta.id, row);
        }
        Ok(())
    }

    pub async fn apply_device(self: &Arc<Self>, stamp: Stamp, device: Device) -> Result<(), NodeError> {
        if !self.database().apply_device(stamp, device.clone()).await? {
            return Ok(());
        }
        let (id, row) = (device.meta.id, DeviceRow { device, stamp });
        let before = self.state().devices.insert(id, row.clone());
        match before.is_some_and(|before| is_reached_alike(&before.device.spec, &row.device.spec)) {
            true => self.board().change_device(id, |status| status.stamp = stamp),
            false => self.show_device(&row),
        }
        // What the worker says is believed only of the stamp that it has.
        self.watch_device(&row).await;
        self.wanted.notify_one();
        Ok(())
    }

    pub async fn remove_device(&self, id: DeviceId, stamp: Stamp) -> Result<(), NodeError> {
        self.database().entomb_device(id, stamp).await?;
        self.state().devices.remove(&id);
        self.tell(Order::ForgetDevice { id });
        self.board().remove_device(id);
        // It may have been the last.
        self.wanted.notify_one();
        Ok(())
    }

    /// What is known of a device that the worker has said nothing of.
    fn show_device(&self, row: &DeviceRow) {
        self.board().set_device(row.device.meta.id, DeviceStatus::unheard(row.stamp));
    }

    /// Hands every device to a worker that has just begun.
    pub(super) async fn watch_devices(&self) {
        let rows: Vec<DeviceRow> = self.state().devices.values().cloned().collect();
        for row in rows {
            self.watch_device(&row).await;
        }
    }

    async fn watch_device(&self, row: &DeviceRow) {
        let id = row.device.meta.id;
        match self.open_device(&row.device.spec).await {
            Ok(target) => drop(self.tell(Order::WatchDevice { id, stamp: row.stamp, target })),
            Err(problem) => {
                self.tell(Order::ForgetDevice { id });
                self.board().change_device(id, |status| status.problem = Some(problem));
            }
        }
    }

    /// Ready for the worker: it can look up no name and open no seal.
    async fn open_device(&self, spec: &DeviceSpec) -> Result<DeviceTarget, SnmpProblem> {
        let community = spec.community.open(&self.house.key).map(Zeroizing::new).map_err(|error| {
            tracing::warn!(%error, "the seal of a community can't be opened");
            SnmpProblem::Sealed
        })?;
        let address = target::address(&spec.host, spec.port).await.map_err(|_| SnmpProblem::NoAddress)?;
        Ok(DeviceTarget { kind: spec.kind, address, community })
    }

    /// A name may mean another address by now.
    pub(super) async fn resolve_devices_again(&self) {
        let rows: Vec<DeviceRow> = self.state().devices.values().cloned().collect();
        for row in rows.iter().filter(|row| target::is_name(&row.device.spec.host)) {
            let problem = self.board().device(row.device.meta.id).and_then(|status| status.problem);
            if matches!(problem, Some(SnmpProblem::NoAddress | SnmpProblem::Silent)) {
                self.watch_device(row).await;
            }
        }
    }

    /// The worker has said something: it is believed of what it was told to watch.
    pub(super) fn device_status(&self, id: DeviceId, status: DeviceStatus) {
        let watched = self.state().devices.get(&id).is_some_and(|row| row.stamp == status.stamp);
        if watched {
            self.board().set_device(id, status);
        }
    }

    /// The worker is gone: what is known is old.
    pub(super) fn abandon_devices(&self) {
        let ids: Vec<DeviceId> = self.state().devices.keys().copied().collect();
        for id in ids {
            self.board().change_device(id, |status| status.problem = Some(SnmpProblem::Worker));
        }
    }
}

/// What was heard of the one is so of the other.
fn is_reached_alike(one: &DeviceSpec, other: &DeviceSpec) -> bool {
    (one.kind, &one.host, one.port, &one.community) == (other.kind, &other.host, other.port, &other.community)
}

#[cfg(test)]
mod tests {
    use cake_node_api::{FRAME_MAX, frame};
    use cake_types::{DeviceStatus, Neighbor, Outlet, PduReading, Stamp, SwitchPort, SwitchReading};

    /// Counts and lengths are those at which [`cake_snmp`] cuts.
    #[test]
    fn whatever_a_device_says_fits_into_a_frame() {
        let text = "\u{20000}".repeat(48);
        let neighbor = Neighbor {
            chassis: text.clone(),
            port: text.clone(),
            port_description: text.clone(),
            system: text.clone(),
        };
        let port = SwitchPort {
            index: u32::MAX,
            name: text.clone(),
            alias: text.clone(),
            enabled: false,
            up: false,
            last_change: Some(u64::MAX),
            changes: u32::MAX,
            fresh_errors: u64::MAX,
            megabits: Some(u32::MAX),
            received: Some(u64::MAX),
            sent: Some(u64::MAX),
            errors_in: Some(u64::MAX),
            errors_out: Some(u64::MAX),
            neighbor: Some(neighbor),
        };
        let outlet = Outlet { id: text.clone(), name: text, on: Some(false), amps: Some(1e-300), watts: Some(1e-300) };
        let status = DeviceStatus {
            pdu: Some(PduReading { outlets: vec![outlet; 256], ..PduReading::default() }),
            switch: Some(SwitchReading { ports: vec![port; 512] }),
            ..DeviceStatus::unheard(Stamp::default())
        };
        let length = frame::encode(&status).expect("a frame").len();
        assert!(length < FRAME_MAX, "{length}");
    }
}
