//! A BMC that speaks IPMI, whatever carries it.

use crate::bmc::{Bmc, BmcError, Cap, EventLog, Kept, Reading};
use crate::command::dcmi::{Exception, PowerLimit, PowerReading};
use crate::command::device::DeviceId;
use crate::command::lan::LanSettings;
use crate::command::user::{Privilege, User};
use crate::command::watchdog::Watchdog;
use crate::command::{Chunk, boot, chassis, dcmi, device, lan, refused, send, user, watchdog};
use crate::message::{Completion, Request, Response, Transport, net_fn};
use crate::sdr::read::{Manner, Source};
use crate::sdr::{self, Factors, Known, SdrCache, SdrStamp, SensorRecord};
use crate::sensor::{RawReading, sensor, silent};
use crate::{fru, sel};
use async_trait::async_trait;
use cake_types::{BmcDevice, BootDevice, ChassisVerb, Entity, Part, PartFact, PowerRestore, Sensor};
use std::time::Duration;
use tokio::time::Instant;

/// The address of every BMC on its own bus (IPMI 2.0 §5.5): sensors of other controllers are asked by another way.
const BMC: u8 = 0x20;
/// So often it is asked whether its records have changed, unless somebody wants it otherwise.
const RECORDS_FRESH: Duration = Duration::from_secs(300);
/// Until a power limit is kept, where the BMC has no time of its own yet: the least that Intel's controllers take.
const CORRECTION: Duration = Duration::from_secs(6);
/// Over how long power is measured for it, likewise.
const SAMPLING: Duration = Duration::from_secs(1);

pub struct Ipmi<T> {
    transport: T,
    device: Option<DeviceId>,
    records: Option<Records>,
    /// What an earlier session has left, until it is known whether it is still so.
    kept: Option<SdrCache>,
    manner: Manner,
    event_chunk: Chunk,
    plate_chunk: Chunk,
    /// It knows no DCMI.
    without_dcmi: bool,
    records_fresh: Duration,
}

struct Records {
    cache: SdrCache,
    known: Known,
    checked: Instant,
}

impl<T: Transport> Ipmi<T> {
    /// `kept`: what [`Bmc::kept`] gave when this BMC was read before.
    pub fn new(transport: T, kept: Option<SdrCache>) -> Self {
        Self {
            transport,
            device: None,
            records: None,
            kept,
            manner: Manner::default(),
            event_chunk: Chunk::WHOLE,
            plate_chunk: Chunk::USUAL,
            without_dcmi: false,
            records_fresh: RECORDS_FRESH,
        }
    }

    /// For how long the BMC's records are taken to be as they were. Looking costs one question.
    pub fn records_fresh(mut self, fresh: Duration) -> Self {
        self.records_fresh = fresh;
        self
    }

    pub fn transport(&self) -> &T {
        &self.transport
    }

    pub async fn watchdog(&mut self) -> Result<Watchdog, BmcError> {
        watchdog::get(&self.transport).await
    }

    pub async fn power_reading(&mut self) -> Result<Option<PowerReading>, BmcError> {
        dcmi::power_reading(&self.transport).await
    }

    pub async fn power_limit(&mut self) -> Result<PowerLimit, BmcError> {
        dcmi::power_limit(&self.transport).await
    }

    pub async fn set_power_limit(&mut self, limit: PowerLimit) -> Result<(), BmcError> {
        dcmi::set_power_limit(&self.transport, limit).await
    }

    pub async fn users(&mut self) -> Result<Vec<User>, BmcError> {
        user::list(&self.transport).await
    }

    pub async fn set_user_name(&mut self, number: u8, name: &str) -> Result<(), BmcError> {
        user::set_name(&self.transport, number, name).await
    }

    pub async fn set_user_password(&mut self, number: u8, password: &str) -> Result<(), BmcError> {
        user::set_password(&self.transport, number, password).await
    }

    pub async fn set_user_enabled(&mut self, number: u8, enabled: bool) -> Result<(), BmcError> {
        user::set_enabled(&self.transport, number, enabled).await
    }

    pub async fn set_user_privilege(&mut self, number: u8, privilege: Privilege) -> Result<(), BmcError> {
        user::set_privilege(&self.transport, number, privilege).await
    }

    pub async fn lan(&mut self) -> Result<LanSettings, BmcError> {
        lan::get(&self.transport).await
    }

    pub async fn set_lan(&mut self, settings: &LanSettings) -> Result<(), BmcError> {
        lan::set(&self.transport, settings).await
    }

    async fn device_id(&mut self) -> Result<DeviceId, BmcError> {
        if let Some(id) = self.device {
            return Ok(id);
        }
        let id = device::device_id(&self.transport).await?;
        self.device = Some(id);
        Ok(id)
    }

    /// Makes sure that the records are known and not old.
    async fn refresh(&mut self) -> Result<(), BmcError> {
        let now = Instant::now();
        if self.records.as_ref().is_some_and(|records| now < records.checked + self.records_fresh) {
            return Ok(());
        }
        let (stamp, sources) = match (self.stamp().await, &mut self.records) {
            (Ok(now), _) => now,
            // It is at them itself: those of before are good until it says otherwise.
            (Err(BmcError::Completion(_)), Some(records)) => {
                records.checked = now;
                return Ok(());
            }
            (Err(error), _) => return Err(error),
        };
        if let Some(records) = self.records.as_mut().filter(|records| records.cache.stamp == stamp) {
            records.checked = now;
            return Ok(());
        }
        let cache = match &self.kept {
            Some(kept) if kept.stamp == stamp => kept.clone(),
            _ => self.read_records(stamp, sources).await?,
        };
        self.records = Some(Records { known: cache.known(), cache, checked: now });
        Ok(())
    }

    /// Of what age its records are, and where they lie.
    async fn stamp(&mut self) -> Result<(SdrStamp, Vec<Source>), BmcError> {
        let device = self.device_id().await?;
        if device.has_repository {
            let stamp = sdr::read::repository_stamp(&self.transport, device).await?;
            return Ok((stamp, vec![Source::Repository]));
        }
        let (stamp, luns) = sdr::read::device_stamp(&self.transport, device).await?;
        Ok((stamp, luns.into_iter().map(|lun| Source::Device { lun }).collect()))
    }

    async fn read_records(&mut self, stamp: SdrStamp, sources: Vec<Source>) -> Result<SdrCache, BmcError> {
        let mut cache = SdrCache { stamp, ..SdrCache::default() };
        for source in sources {
            cache.records.extend(sdr::read::records(&self.transport, source, &mut self.manner).await?);
        }
        self.read_thresholds(&mut cache).await?;
        Ok(cache)
    }

    /// For what is worth telling without the records too: a BMC that has none, or makes a mess of them, still has a log.
    async fn refresh_if_possible(&mut self) -> Result<(), BmcError> {
        match self.refresh().await {
            Err(error @ BmcError::Transport(_)) => Err(error),
            Err(error) => {
                tracing::debug!(%error, "the sensor records can't be read");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// §35.9 Get Sensor Thresholds, of those that have any to read.
    async fn read_thresholds(&self, cache: &mut SdrCache) -> Result<(), BmcError> {
        let readable = |sensor: &&SensorRecord| {
            sensor.is_threshold() && sensor.owner == BMC && matches!(sensor.thresholds.access, 1 | 2)
        };
        for sensor in cache.known().sensors.iter().filter(readable) {
            let response = self.ask_sensor(sensor, 0x27, &[]).await?;
            if let (Completion::OK, Some(thresholds)) = (response.completion, response.data.first_chunk()) {
                cache.thresholds.insert(sensor.id(), *thresholds);
            }
        }
        Ok(())
    }

    async fn ask_sensor(&self, sensor: &SensorRecord, command: u8, data: &[u8]) -> Result<Response, BmcError> {
        let data = [&[sensor.number], data].concat();
        let request = Request { lun: sensor.lun, ..Request::new(net_fn::SENSOR_EVENT, command, data) };
        let response = send(&self.transport, &request).await?;
        // No fault of this sensor's: no other will answer either.
        if response.completion == Completion::INSUFFICIENT_PRIVILEGE {
            return Err(refused(response.completion));
        }
        Ok(response)
    }

    async fn read_sensor(&self, record: &SensorRecord, cache: &SdrCache) -> Result<Sensor, BmcError> {
        let thresholds = cache.thresholds(record);
        if !record.readable || record.owner != BMC {
            return Ok(silent(record, None, &thresholds));
        }
        let response = self.ask_sensor(record, 0x2d, &[]).await?;
        if response.completion != Completion::OK {
            return Ok(silent(record, Some(response.completion), &thresholds));
        }
        let Some(raw) = RawReading::parse(&response.data) else { return Ok(silent(record, None, &thresholds)) };
        let factors = self.factors(record, raw).await?;
        Ok(sensor(record, raw, factors, &thresholds))
    }

    /// §35.5 Get Sensor Reading Factors, of a sensor that is not linear.
    async fn factors(&self, record: &SensorRecord, raw: RawReading) -> Result<Option<Factors>, BmcError> {
        let non_linear = record.conversion.is_some_and(|conversion| conversion.is_non_linear());
        if !non_linear || !raw.scanning || raw.unavailable {
            return Ok(None);
        }
        let response = self.ask_sensor(record, 0x23, &[raw.value]).await?;
        // The first byte is for which reading the next factors are.
        let factors = response.data.get(1..7).and_then(|bytes| bytes.first_chunk());
        Ok(factors.filter(|_| response.completion == Completion::OK).map(Factors::parse))
    }

    async fn watts(&mut self) -> Result<Option<f64>, BmcError> {
        if self.without_dcmi {
            return Ok(None);
        }
        match dcmi::power_reading(&self.transport).await {
            Ok(reading) => Ok(reading.map(|reading| reading.now.into())),
            // It does not learn it while we look.
            Err(BmcError::Unsupported) => {
                self.without_dcmi = true;
                Ok(None)
            }
            Err(error @ BmcError::Transport(_)) => Err(error),
            Err(_) => Ok(None),
        }
    }

    async fn part(&mut self, name: &str, entity: Option<Entity>, place: (u8, u8)) -> Result<Option<Part>, BmcError> {
        let plate = fru::read::plate(&self.transport, &mut self.plate_chunk, place).await?;
        Ok(plate.map(|plate| {
            let (fields, trouble) = (plate.fields, plate.trouble);
            // The record's name, else what the plate calls it.
            let called = |what| fields.iter().find(|field| field.what == what).map(|field| field.text.as_str());
            let own = || called(PartFact::ProductName).or_else(|| called(PartFact::BoardName));
            let name = if name.is_empty() { own().unwrap_or_default() } else { name }.to_owned();
            Part { id: place.1.to_string(), name, entity, fields, trouble }
        }))
    }
}

#[async_trait]
impl<T: Transport> Bmc for Ipmi<T> {
    async fn device(&mut self) -> Result<BmcDevice, BmcError> {
        // Firmware may have been changed meanwhile.
        self.device = None;
        let id = self.device_id().await?;
        Ok(device::device(&id, device::guid(&self.transport).await?))
    }

    async fn read(&mut self) -> Result<Reading, BmcError> {
        let chassis = match chassis::status(&self.transport).await {
            Ok(status) => Some(status),
            Err(BmcError::Unsupported) => None,
            Err(error) => return Err(error),
        };
        self.refresh().await?;
        let mut sensors = Vec::new();
        if let Some(records) = &self.records {
            for record in &records.known.sensors {
                sensors.push(self.read_sensor(record, &records.cache).await?);
            }
        }
        Ok(Reading { chassis, sensors, watts: self.watts().await? })
    }

    async fn events(&mut self, known: Option<&str>) -> Result<EventLog, BmcError> {
        self.refresh_if_possible().await?;
        let sensors = self.records.as_ref().map_or(&[][..], |records| &records.known.sensors);
        sel::read::read(&self.transport, &mut self.event_chunk, known, sensors).await
    }

    async fn clear_events(&mut self) -> Result<(), BmcError> {
        sel::read::clear(&self.transport).await
    }

    /// The BMC's own plate is number 0 whether or not a record says so (§38).
    async fn parts(&mut self) -> Result<Vec<Part>, BmcError> {
        self.refresh_if_possible().await?;
        let plates = self.records.as_ref().map_or(Vec::new(), |records| records.known.plates.clone());
        let own = |plate: &sdr::FruLocator| plate.logical && plate.owner == BMC;
        let mut parts = Vec::new();
        if !plates.iter().any(|plate| own(plate) && plate.device == 0) {
            parts.extend(self.part("", None, (0, 0)).await?);
        }
        for plate in plates.into_iter().filter(own) {
            let place = (plate.lun, plate.device);
            parts.extend(self.part(&plate.name, Some(plate.entity), place).await?);
        }
        Ok(parts)
    }

    fn kept(&self) -> Kept<'_> {
        Kept { records: self.records.as_ref().map(|records| &records.cache), certificate: None }
    }

    async fn power(&mut self, verb: ChassisVerb) -> Result<(), BmcError> {
        chassis::control(&self.transport, verb).await
    }

    async fn set_restore(&mut self, restore: PowerRestore) -> Result<(), BmcError> {
        chassis::set_restore(&self.transport, restore).await
    }

    async fn identify(&mut self, how_long: Option<Duration>) -> Result<(), BmcError> {
        chassis::identify(&self.transport, how_long).await
    }

    async fn set_boot(&mut self, device: BootDevice, once: bool, uefi: bool) -> Result<(), BmcError> {
        boot::set(&self.transport, boot::Flags { valid: true, device, once, uefi }).await
    }

    async fn boot(&mut self) -> Result<BootDevice, BmcError> {
        let flags = boot::get(&self.transport).await?;
        Ok(if flags.valid { flags.device } else { BootDevice::None })
    }

    async fn cap(&mut self) -> Result<Cap, BmcError> {
        if self.without_dcmi {
            return Err(BmcError::Unsupported);
        }
        let limit = dcmi::power_limit(&self.transport).await?;
        Ok(Cap { limit: Some(limit.watts).filter(|watts| limit.active && *watts > 0), least: None, most: None })
    }

    async fn set_cap(&mut self, watts: Option<u16>) -> Result<(), BmcError> {
        let now = dcmi::power_limit(&self.transport).await?;
        let Some(watts) = watts else { return dcmi::activate_power_limit(&self.transport, false).await };
        // Whoever draws more is slowed down or written down, and never switched off.
        let exception = if now.exception == Exception::Log { Exception::Log } else { Exception::None };
        let or = |own: Duration, usual| if own.is_zero() { usual } else { own };
        let (correction, sampling) = (or(now.correction, CORRECTION), or(now.sampling, SAMPLING));
        let limit = PowerLimit { watts, exception, correction, sampling, active: true };
        dcmi::set_power_limit(&self.transport, limit).await
    }

    async fn change_password(&mut self, name: &str, password: &str) -> Result<(), BmcError> {
        let users = user::list(&self.transport).await?;
        let its = users.iter().find(|known| known.name == name).ok_or(BmcError::Unsupported)?;
        user::set_password(&self.transport, its.number, password).await
    }

    async fn close(&mut self) {
        self.transport.close().await;
    }
}
