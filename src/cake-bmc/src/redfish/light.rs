//! Identify lights, of machines and of drives: `LocationIndicatorActive`, and `IndicatorLED` as it was before 2020.3.

use super::Redfish;
use super::lenient::{Flag, Text};
use super::link::Link;
use super::wire::{Chassis, Component};
use crate::BmcError;
use cake_types::BmcDrive;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Whether it is lit, where the document says.
pub fn lit(active: Flag, led: &Text) -> Option<bool> {
    active.0.or_else(|| led.get().filter(|word| *word != "Unknown").map(|word| word != "Off"))
}

/// How it is lit or put out, where the document has a light.
fn change(active: Flag, led: &Text, on: bool) -> Option<Value> {
    if active.0.is_some() {
        return Some(json!({ "LocationIndicatorActive": on }));
    }
    led.get().map(|_| json!({ "IndicatorLED": if on { "Blinking" } else { "Off" } }))
}

/// An empty bay is no drive.
fn drive(path: &str, wire: &Component) -> Option<BmcDrive> {
    if wire.status.0.as_ref().is_some_and(|status| status.state.is("Absent")) {
        return None;
    }
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    Some(BmcDrive {
        id: path.to_owned(),
        name: wire.name.get().unwrap_or(last).to_owned(),
        model: wire.model.string(),
        serial: wire.serial_number.string(),
        lit: lit(wire.location_indicator_active, &wire.indicator_led),
    })
}

impl Redfish {
    /// Redfish has no time for it: after that long the light is put out at the next reading.
    pub(super) async fn light(&mut self, how_long: Option<Duration>) -> Result<(), BmcError> {
        self.shine(how_long != Some(Duration::ZERO)).await?;
        self.dark_at = how_long.filter(|how_long| !how_long.is_zero()).map(|how_long| Instant::now() + how_long);
        Ok(())
    }

    pub(super) async fn darken(&mut self) -> Result<(), BmcError> {
        if self.dark_at.is_some_and(|at| Instant::now() >= at) {
            self.shine(false).await?;
            self.dark_at = None;
        }
        Ok(())
    }

    /// The machine's own light, or its chassis'.
    async fn shine(&mut self, on: bool) -> Result<(), BmcError> {
        let (link, system, tag) = self.system().await?;
        if let Some(change) = change(system.location_indicator_active, &system.indicator_led, on) {
            return self.client.patch(&link, &change, tag).await;
        }
        for link in self.tree().await?.chassis.clone() {
            let document = self.client.get::<Chassis>(&link).await?;
            let chassis = document.value;
            if let Some(change) = change(chassis.location_indicator_active, &chassis.indicator_led, on) {
                return self.client.patch(&link, &change, document.tag).await;
            }
        }
        Err(BmcError::Unsupported)
    }

    /// The drives that the machine has, each with its light.
    pub async fn bmc_drives(&mut self) -> Result<Vec<BmcDrive>, BmcError> {
        self.client.begin();
        let (_, system, _) = self.system().await?;
        let drives = self.drives(&system).await?;
        Ok(drives.iter().filter_map(|(link, wire)| drive(link.trimmed(), wire)).collect())
    }

    /// Lights a drive, by the id of its part or sensor: which one is it?
    pub async fn light_drive(&mut self, id: &str, on: bool) -> Result<(), BmcError> {
        self.client.begin();
        let link = Link::parse(id).ok_or(BmcError::Unsupported)?;
        let document = self.client.get::<Component>(&link).await?;
        let drive = document.value;
        let change = change(drive.location_indicator_active, &drive.indicator_led, on).ok_or(BmcError::Unsupported)?;
        self.client.patch(&link, &change, document.tag).await
    }
}
