//! What every BMC can be asked, by Redfish.

use super::client::{INLINE_MAX, MEMBERS_MAX};
use super::link::Link;
use super::wire::{Chassis, Component, LogEntry, LogService, Manager, System};
use super::{Redfish, events, parts};
use crate::{Bmc, BmcError, Cap, EventLog, Kept, Reading};
use async_trait::async_trait;
use cake_types::{BmcDevice, BootDevice, ChassisVerb, Part, PowerRestore};
use serde_json::json;
use std::time::Duration;

#[async_trait]
impl Bmc for Redfish {
    fn redfish(&mut self) -> Option<&mut Redfish> {
        Some(self)
    }

    fn kept(&self) -> Kept<'_> {
        Kept { records: None, certificate: self.fingerprint() }
    }

    async fn device(&mut self) -> Result<BmcDevice, BmcError> {
        self.client.begin();
        let (_, system, _) = self.system().await?;
        let tree = self.tree().await?;
        let (protocol, product) = (tree.root.redfish_version.string(), tree.root.product.string());
        let (root, manager) = (tree.root.uuid.string(), tree.managers.first().cloned());
        let manager: Manager = self.client.optional(manager).await?.unwrap_or_default();
        let plays = |text: &str| text.to_ascii_lowercase().contains("emulator");
        Ok(BmcDevice {
            manufacturer: None,
            product: None,
            firmware: manager.firmware_version.string(),
            protocol,
            guid: system.uuid.get().and_then(|uuid| uuid.parse().ok()).or_else(|| root.parse().ok()),
            laboratory: plays(&product) || plays(&system.manufacturer.string()),
        })
    }

    async fn read(&mut self) -> Result<Reading, BmcError> {
        self.client.begin();
        self.read_all().await
    }

    async fn events(&mut self, known: Option<&str>) -> Result<EventLog, BmcError> {
        self.client.begin();
        let Some(service) = self.log_service().await? else { return Err(BmcError::Unsupported) };
        let found = self.client.pages::<LogEntry>(service.entries.link(), INLINE_MAX).await?;
        let (mut all, mut asked, mut overflowed) = (Vec::new(), 0, found.len() == INLINE_MAX);
        let mut kept = std::mem::take(&mut self.entries);
        for (link, inline) in found {
            if let Some(entry) = inline {
                all.push(events::event(link.trimmed(), &entry));
            } else if let Some(event) = kept.remove(link.trimmed()) {
                self.entries.insert(link.trimmed().to_owned(), event.clone());
                all.push(event);
            } else if asked == MEMBERS_MAX {
                overflowed = true;
            } else {
                asked += 1;
                let entry: Option<LogEntry> = self.client.optional(Some(link.clone())).await?;
                if let Some(event) = entry.map(|entry| events::event(link.trimmed(), &entry)) {
                    self.entries.insert(link.trimmed().to_owned(), event.clone());
                    all.push(event);
                }
            }
        }
        Ok(events::log(all, known, overflowed))
    }

    async fn clear_events(&mut self) -> Result<(), BmcError> {
        self.client.begin();
        let service = self.log_service().await?.ok_or(BmcError::Unsupported)?;
        let clear = service.actions.0.and_then(|actions| actions.clear.target()).ok_or(BmcError::Unsupported)?;
        self.client.act(&clear, &json!({})).await.map(drop)
    }

    async fn parts(&mut self) -> Result<Vec<Part>, BmcError> {
        self.client.begin();
        let (link, system, _) = self.system().await?;
        let mut all = vec![parts::system(link.trimmed(), &system)];
        let (chassis, managers) = (self.tree().await?.chassis.clone(), self.tree().await?.managers.clone());
        for link in &chassis {
            let wire: Option<Chassis> = self.client.optional(Some(link.clone())).await?;
            all.extend(wire.map(|wire| parts::chassis(link.trimmed(), &wire)));
        }
        for link in managers {
            let wire: Option<Manager> = self.client.optional(Some(link.clone())).await?;
            all.extend(wire.map(|wire| parts::manager(link.trimmed(), &wire)));
        }
        let mut components = self.collected::<Component>(system.processors.link()).await?;
        components.extend(self.collected::<Component>(system.memory.link()).await?);
        components.extend(self.drives(&system).await?);
        all.extend(components.iter().filter_map(|(link, wire)| parts::component(link.trimmed(), wire)));
        for link in &chassis {
            let supplies = self.supplies(link).await?;
            all.extend(supplies.iter().filter_map(|(path, wire)| parts::component(path, wire)));
        }
        Ok(all)
    }

    async fn power(&mut self, verb: ChassisVerb) -> Result<(), BmcError> {
        self.client.begin();
        self.switch(verb).await
    }

    async fn set_restore(&mut self, restore: PowerRestore) -> Result<(), BmcError> {
        self.client.begin();
        self.restore(restore).await
    }

    async fn identify(&mut self, how_long: Option<Duration>) -> Result<(), BmcError> {
        self.client.begin();
        self.light(how_long).await
    }

    async fn set_boot(&mut self, device: BootDevice, once: bool, uefi: bool) -> Result<(), BmcError> {
        self.client.begin();
        self.override_boot(device, once, uefi).await
    }

    async fn boot(&mut self) -> Result<BootDevice, BmcError> {
        self.client.begin();
        self.boot_override().await
    }

    async fn cap(&mut self) -> Result<Cap, BmcError> {
        let found = self.power_limit().await?;
        let whole =
            |watts: f64| if watts.is_finite() { Some(watts.round().clamp(0.0, u16::MAX.into()) as u16) } else { None };
        let limit = found.limit.and_then(whole).filter(|watts| *watts > 0);
        Ok(Cap { limit, least: found.least.and_then(whole), most: found.most.and_then(whole) })
    }

    async fn set_cap(&mut self, watts: Option<u16>) -> Result<(), BmcError> {
        self.set_power_limit(watts.map(f64::from)).await
    }

    async fn change_password(&mut self, user: &str, password: &str) -> Result<(), BmcError> {
        self.set_password(user, password).await
    }

    async fn close(&mut self) {
        self.client.close().await;
    }
}

impl Redfish {
    /// The hardware's own log: the machine's SEL, or the next best that it, its chassis or its BMC keeps.
    async fn log_service(&mut self) -> Result<Option<LogService>, BmcError> {
        if let Some(link) = self.log.clone() {
            let known = self.client.optional(Some(link)).await?;
            if known.is_some() {
                return Ok(known);
            }
            self.log = None;
        }
        let mut best: Option<(u8, Link, LogService)> = None;
        for collection in self.log_collections().await? {
            for (link, service) in self.client.members::<LogService>(Some(collection)).await? {
                let rank = rank(&service);
                if service.entries.link().is_some() && best.as_ref().is_none_or(|(than, ..)| rank > *than) {
                    best = Some((rank, link, service));
                }
            }
            // A log of the machine comes before one of its BMC.
            if best.is_some() {
                break;
            }
        }
        Ok(best.map(|(_, link, service)| {
            self.log = Some(link);
            service
        }))
    }

    async fn log_collections(&mut self) -> Result<Vec<Link>, BmcError> {
        let (_, system, _): (_, System, _) = self.system().await?;
        let mut collections: Vec<_> = system.log_services.link().into_iter().collect();
        let (chassis, managers) = (self.tree().await?.chassis.clone(), self.tree().await?.managers.clone());
        for link in chassis {
            let wire: Option<Chassis> = self.client.optional(Some(link)).await?;
            collections.extend(wire.and_then(|wire| wire.log_services.link()));
        }
        for link in managers {
            let wire: Option<Manager> = self.client.optional(Some(link)).await?;
            collections.extend(wire.and_then(|wire| wire.log_services.link()));
        }
        Ok(collections)
    }
}

fn rank(service: &LogService) -> u8 {
    let id = service.id.string().to_ascii_lowercase();
    match service.log_entry_type.get() {
        Some("SEL") => 4,
        _ if matches!(id.as_str(), "sel" | "iml") => 3,
        Some("Event") => 2,
        _ if id.contains("event") || id.starts_with("log") => 1,
        _ => 0,
    }
}
