//! What can be asked of a BMC, whichever protocol it speaks.

use crate::message::{Completion, TransportError};
use crate::redfish::{Fingerprint, Redfish};
use crate::sdr::SdrCache;
use async_trait::async_trait;
use cake_types::{BmcDevice, BootDevice, ChassisStatus, ChassisVerb, Part, PowerRestore, Sensor, ServerEvent};
use std::time::Duration;

/// What one session leaves to the next.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kept<'a> {
    /// IPMI: sensor records, which need many round trips.
    pub records: Option<&'a SdrCache>,
    /// Redfish: the certificate by which the BMC is known again.
    pub certificate: Option<Fingerprint>,
}

/// All sensors at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    pub chassis: Option<ChassisStatus>,
    pub sensors: Vec<Sensor>,
    /// What the whole server draws.
    pub watts: Option<f64>,
}

/// What is in the event log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventLog {
    /// The oldest first. After a `known` id only what is newer.
    pub events: Vec<ServerEvent>,
    /// `known` is not in the log any more: it was cleared or has wrapped, and `events` is all of it.
    pub anew: bool,
    /// Some records were lost because the log was full.
    pub overflowed: bool,
    /// Per cent of the log that is in use.
    pub full: Option<u8>,
}

/// How much a server may draw, in watts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cap {
    /// `None`: as much as it likes.
    pub limit: Option<u16>,
    /// What the BMC takes, where it says so.
    pub least: Option<u16>,
    pub most: Option<u16>,
}

/// One BMC. Calls are made one after the other; each may take as long as the BMC is slow, and can be dropped at any time.
#[async_trait]
pub trait Bmc: Send {
    async fn device(&mut self) -> Result<BmcDevice, BmcError>;

    /// Sensors and chassis, with as few round trips as the BMC allows.
    async fn read(&mut self) -> Result<Reading, BmcError>;

    /// Entries of the event log that are newer than the one of this id.
    async fn events(&mut self, known: Option<&str>) -> Result<EventLog, BmcError>;

    async fn clear_events(&mut self) -> Result<(), BmcError>;

    async fn parts(&mut self) -> Result<Vec<Part>, BmcError>;

    async fn power(&mut self, verb: ChassisVerb) -> Result<(), BmcError>;

    async fn set_restore(&mut self, restore: PowerRestore) -> Result<(), BmcError>;

    /// Lights the identify light for so long; `None`: until told otherwise; zero: off.
    async fn identify(&mut self, how_long: Option<Duration>) -> Result<(), BmcError>;

    /// From what the server boots next: once, or until told otherwise; as UEFI does, or as BIOS.
    async fn set_boot(&mut self, device: BootDevice, once: bool, uefi: bool) -> Result<(), BmcError>;

    async fn boot(&mut self) -> Result<BootDevice, BmcError>;

    /// The limit that is in force.
    async fn cap(&mut self) -> Result<Cap, BmcError>;

    /// `None`: as much as it likes.
    async fn set_cap(&mut self, watts: Option<u16>) -> Result<(), BmcError>;

    /// For what only Redfish can do.
    fn redfish(&mut self) -> Option<&mut Redfish> {
        None
    }

    /// Gives a user of this name another password (IPMI 2.0 §22.30; DSP0266, ManagerAccount). Sessions that are open go on or end, as
    /// the BMC likes it.
    async fn change_password(&mut self, user: &str, password: &str) -> Result<(), BmcError>;

    /// What is worth keeping for the next session, once sensors were read.
    fn kept(&self) -> Kept<'_>;

    /// Ends the session, so that the BMC need not wait for its time-out.
    async fn close(&mut self);
}

#[derive(Debug, thiserror::Error)]
pub enum BmcError {
    #[error(transparent)]
    Transport(#[from] TransportError),
    #[error("the BMC refuses: completion code {:#04x}", .0.0)]
    Completion(Completion),
    /// In its own words (DSP0266 §9.6); empty when it has none.
    #[error("the BMC refuses: HTTP status {status}: {message}")]
    Redfish { status: u16, message: String },
    /// Behind the BMC there is no such machine, or none at all.
    #[error("the BMC knows no such system")]
    NoSystem,
    #[error("the BMC can't do this")]
    Unsupported,
    #[error("the BMC's answer to {0} makes no sense")]
    Answer(&'static str),
}
