//! All sensors at one moment: the newer Sensors collection where there is one, else Thermal and Power.

use super::Redfish;
use super::client::MEMBERS_MAX;
use super::lenient::{Object, Text};
use super::link::Link;
use super::wire::{
    Chassis, Component, EnvironmentMetrics, Power, PowerSubsystem, Reference, Sensor as Wire, Storage, System, Thermal,
};
use super::{light, sensors};
use crate::{BmcError, Reading};
use cake_types::{ChassisStatus, PowerRestore, Sensor, SensorGroup, SensorState};
use std::time::{Duration, Instant};

/// How old what changes rarely may be.
const SLOW: Duration = Duration::from_secs(300);
/// Sensors of one machine, at most.
const SENSORS_MAX: usize = 2048;

/// Drives and power supplies: each costs a request, and they change rarely.
pub struct Slow {
    at: Instant,
    partial: bool,
    sensors: Vec<Sensor>,
}

/// What is gathered on the way.
#[derive(Default)]
struct Gathered {
    sensors: Vec<Sensor>,
    watts: Option<f64>,
    intrusion: bool,
    identify: Option<bool>,
}

impl Redfish {
    pub(super) async fn read_all(&mut self) -> Result<Reading, BmcError> {
        self.darken().await?;
        let (link, system, _) = self.system().await?;
        let mut gathered = Gathered {
            identify: light::lit(system.location_indicator_active, &system.indicator_led),
            ..Gathered::default()
        };
        gathered.sensors.push(sensors::health(
            &format!("{link}#/Status"),
            &system.name,
            SensorGroup::System,
            &system.status,
        ));
        for chassis in self.tree().await?.chassis.clone() {
            self.read_chassis(&chassis, &mut gathered).await?;
        }
        gathered.sensors.extend(self.read_slow(&system).await?);
        gathered.sensors.truncate(SENSORS_MAX);
        let mut seen = std::collections::HashSet::new();
        gathered.sensors.retain(|sensor| seen.insert(sensor.id.clone()));
        if self.client.partial {
            gathered.sensors.extend(self.last.iter().filter(|sensor| !seen.contains(&sensor.id)).map(unread));
        }
        self.last.clone_from(&gathered.sensors);
        Ok(Reading {
            chassis: Some(chassis_status(&system, &gathered)),
            sensors: gathered.sensors,
            watts: gathered.watts,
        })
    }

    async fn read_chassis(&mut self, link: &Link, gathered: &mut Gathered) -> Result<(), BmcError> {
        let Some(chassis) = self.client.optional::<Chassis>(Some(link.clone())).await? else { return Ok(()) };
        gathered.intrusion |= intruded(&chassis);
        gathered.identify = gathered.identify.or(light::lit(chassis.location_indicator_active, &chassis.indicator_led));
        let newer = self.read_sensors(&chassis.sensors).await?;
        let environment: Option<EnvironmentMetrics> = self.client.optional(chassis.environment_metrics.link()).await?;
        let drawn = environment.and_then(|metrics| metrics.power_watts.0?.reading.0);
        gathered.watts = gathered.watts.or(drawn);
        if let Some(link) = chassis.thermal.link().filter(|_| newer.is_empty()) {
            let thermal: Option<Thermal> = self.client.optional(Some(link.clone())).await?;
            gathered.sensors.extend(thermal.iter().flat_map(|thermal| sensors::thermal(link.as_str(), thermal)));
        }
        // What is drawn and how the supplies are stands in Power, where the newer schema does not say it.
        if let Some(link) = chassis.power.link().filter(|_| newer.is_empty() || drawn.is_none()) {
            let power: Option<Power> = self.client.optional(Some(link.clone())).await?;
            let power = power.unwrap_or_default();
            gathered.watts =
                gathered.watts.or(power.power_control.0.iter().find_map(|control| control.power_consumed_watts.0));
            if newer.is_empty() {
                gathered.sensors.extend(sensors::power(link.as_str(), &power));
            }
        }
        gathered.sensors.extend(newer);
        Ok(())
    }

    async fn read_sensors(&mut self, collection: &Object<Reference>) -> Result<Vec<Sensor>, BmcError> {
        let members = self.collected::<Wire>(collection.link()).await?;
        Ok(members.iter().map(|(link, wire)| sensors::sensor(link.trimmed(), wire)).collect())
    }

    /// A collection's members, with one request where the BMC can put them into it.
    pub(super) async fn collected<T: serde::de::DeserializeOwned + Default>(
        &mut self,
        collection: Option<Link>,
    ) -> Result<Vec<(Link, T)>, BmcError> {
        let Some(plain) = collection else { return Ok(Vec::new()) };
        if let Some(query) = self.tree().await?.expand {
            let partial = self.client.partial;
            let pages = self.client.pages::<T>(Some(plain.with_query(query)), MEMBERS_MAX).await?;
            let whole: Vec<_> = pages.into_iter().filter_map(|(link, inline)| Some((link, inline?))).collect();
            if !whole.is_empty() {
                return Ok(whole);
            }
            // It says that it can, and can't: it is not asked so again, and nothing is missing for that.
            self.client.partial = partial;
            let members = self.client.members(Some(plain)).await?;
            if let Some(tree) = self.tree.as_mut().filter(|_| !members.is_empty()) {
                tree.expand = None;
            }
            return Ok(members);
        }
        self.client.members(Some(plain)).await
    }

    /// Drives and power supplies: whether each is well, from every few minutes.
    async fn read_slow(&mut self, system: &System) -> Result<Vec<Sensor>, BmcError> {
        if let Some(slow) = self.slow.as_ref().filter(|slow| slow.at.elapsed() < SLOW) {
            self.client.partial |= slow.partial;
            return Ok(slow.sensors.clone());
        }
        let partial = std::mem::take(&mut self.client.partial);
        let mut slow = Vec::new();
        for chassis in self.tree().await?.chassis.clone() {
            let supplies = self.supplies(&chassis).await?;
            slow.extend(supplies.iter().map(|(path, wire)| sensors::component(path, wire, SensorGroup::PowerSupply)));
        }
        let drives = self.drives(system).await?;
        slow.extend(drives.iter().map(|(link, wire)| sensors::component(link.trimmed(), wire, SensorGroup::Drive)));
        self.slow = Some(Slow { at: Instant::now(), partial: self.client.partial, sensors: slow.clone() });
        self.client.partial |= partial;
        Ok(slow)
    }

    /// The power supplies of a chassis, by either schema.
    pub(super) async fn supplies(&mut self, chassis: &Link) -> Result<Vec<(String, Component)>, BmcError> {
        let chassis: Chassis = self.client.optional(Some(chassis.clone())).await?.unwrap_or_default();
        let subsystem: Option<PowerSubsystem> = self.client.optional(chassis.power_subsystem.link()).await?;
        if let Some(link) = subsystem.and_then(|subsystem| subsystem.power_supplies.link()) {
            let members = self.collected::<Component>(Some(link)).await?;
            return Ok(members.into_iter().map(|(link, wire)| (link.trimmed().to_owned(), wire)).collect());
        }
        let Some(link) = chassis.power.link() else { return Ok(Vec::new()) };
        let power: Power = self.client.optional(Some(link.clone())).await?.unwrap_or_default();
        let each = power.power_supplies.0.into_iter().enumerate();
        Ok(each.map(|(at, wire)| (sensors::own_path(&wire.path, link.as_str(), "PowerSupplies", at), wire)).collect())
    }

    pub(super) async fn drives(&mut self, system: &System) -> Result<Vec<(Link, Component)>, BmcError> {
        let mut drives = Vec::new();
        for (_, storage) in self.collected::<Storage>(system.storage.link()).await? {
            for link in storage.drives.links() {
                if drives.len() < MEMBERS_MAX && !drives.iter().any(|(known, _)| *known == link) {
                    let drive = self.client.optional(Some(link.clone())).await?;
                    drives.extend(drive.map(|drive| (link, drive)));
                }
            }
        }
        Ok(drives)
    }
}

/// Read before, and not this time.
fn unread(sensor: &Sensor) -> Sensor {
    Sensor { value: None, state: SensorState::Unavailable, ..sensor.clone() }
}

fn intruded(chassis: &Chassis) -> bool {
    let security = chassis.physical_security.0.as_ref();
    security.and_then(|security| security.intrusion_sensor.get()).is_some_and(|word| word != "Normal")
}

fn chassis_status(system: &System, gathered: &Gathered) -> ChassisStatus {
    let bad = |group| {
        gathered
            .sensors
            .iter()
            .any(|sensor| sensor.group == group && sensor.state.severity() == Some(cake_types::Severity::Error))
    };
    ChassisStatus {
        on: is_on(&system.power_state),
        restore: restore(&system.power_restore_policy),
        identify: gathered.identify,
        intrusion: gathered.intrusion,
        power_fault: bad(SensorGroup::PowerSupply),
        cooling_fault: bad(SensorGroup::Fan),
        drive_fault: bad(SensorGroup::Drive),
    }
}

pub fn is_on(state: &Text) -> bool {
    ["On", "PoweringOff", "Paused"].into_iter().any(|word| state.is(word))
}

fn restore(policy: &Text) -> Option<PowerRestore> {
    match policy.get()? {
        "AlwaysOn" => Some(PowerRestore::TurnOn),
        "AlwaysOff" => Some(PowerRestore::StayOff),
        "LastState" => Some(PowerRestore::AsBefore),
        _ => None,
    }
}
