//! What BMCs say, as it travels.

use cake_node_api::ServerLog;
use cake_types::{self as domain, Limits, ServerStatus};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// A sensor as it was last read.
#[derive(Serialize, ToSchema)]
pub struct Sensor {
    /// Unique in its server.
    pub id: String,
    /// IPMI's number.
    pub number: Option<u8>,
    pub name: String,
    /// `temperature`, `fan`, `voltage`, `current`, `power`, `power-supply`, `processor`, `memory`, `drive`, `battery`, `security`,
    /// `system`, `other`.
    pub group: &'static str,
    /// `celsius`, `rpm`, `volt`, `watt`, `percent`, …
    pub unit: &'static str,
    /// Absent where there is none: never zero instead.
    pub value: Option<f64>,
    /// `ok`, `lower-critical`, `upper-non-critical`, …, `warning`, `critical`, `unavailable`, `scanning-disabled`, `absent`,
    /// `event-only`.
    pub state: &'static str,
    /// What it says beside a number.
    pub facts: Vec<SensorFact>,
    pub limits: SensorLimits,
    pub entity: Option<SensorEntity>,
}

/// Something that a sensor or an event says.
#[derive(Serialize, ToSchema)]
pub struct SensorFact {
    /// Names its words: `ipmi-CLASS-OFFSET`, `ipmi-6f-TYPE-OFFSET` (IPMI 2.0 tables 42-2 and 42-3, in hexadecimal).
    pub key: String,
    /// `info`, `warning`, `error`.
    pub severity: String,
    /// As the BMC called it, where there are no words.
    pub text: Option<String>,
}

/// Thresholds, in the sensor's unit.
#[derive(Serialize, ToSchema)]
pub struct SensorLimits {
    pub lower_non_recoverable: Option<f64>,
    pub lower_critical: Option<f64>,
    pub lower_non_critical: Option<f64>,
    pub upper_non_critical: Option<f64>,
    pub upper_critical: Option<f64>,
    pub upper_non_recoverable: Option<f64>,
}

/// What a sensor is part of (IPMI 2.0 table 43-13).
#[derive(Serialize, ToSchema)]
pub struct SensorEntity {
    pub id: u8,
    pub instance: u8,
}

#[derive(Serialize, ToSchema)]
pub struct SensorList {
    pub items: Vec<Sensor>,
    /// Those whose history says that they near a limit.
    pub trends: Vec<SensorTrend>,
    /// When they were so.
    #[schema(value_type = Option<String>, format = "date-time")]
    pub read_at: Option<Timestamp>,
    /// Why they are not of now.
    pub problem: Option<&'static str>,
}

/// Where a sensor goes, if it goes on so.
#[derive(Serialize, ToSchema)]
pub struct SensorTrend {
    /// The sensor's id; `memory-errors` are the correctable memory errors that the event log tells of.
    pub sensor: String,
    pub name: String,
    pub unit: &'static str,
    /// `falls` or `rises` towards a limit; `counts`: errors become more.
    pub kind: &'static str,
    /// As it is now, without its noise.
    pub value: f64,
    pub limit: Option<f64>,
    pub per_day: f64,
    /// Until it is at its limit.
    pub hours: Option<f64>,
}

/// An entry of a server's event log.
#[derive(Serialize, ToSchema)]
pub struct ServerEvent {
    pub id: String,
    /// Absent where the BMC's clock was not set.
    #[schema(value_type = Option<String>, format = "date-time")]
    pub at: Option<Timestamp>,
    /// The sensor's id.
    pub sensor: Option<String>,
    /// The sensor's name.
    pub name: String,
    pub fact: SensorFact,
    /// `info`, `warning`, `error`: of what ended `info`.
    pub severity: String,
    /// It began to be so; otherwise it ended.
    pub asserted: bool,
    pub value: Option<f64>,
    pub limit: Option<f64>,
    pub unit: &'static str,
    /// The record's bytes in hexadecimal.
    pub raw: String,
}

#[derive(Serialize, ToSchema)]
pub struct ServerEvents {
    pub items: Vec<ServerEvent>,
    /// Entries were lost because the log was full.
    pub overflowed: bool,
    /// Per cent of the log that is in use.
    pub full: Option<u8>,
}

/// A part with a name plate.
#[derive(Serialize, ToSchema)]
pub struct ServerPart {
    pub id: String,
    pub name: String,
    pub entity: Option<SensorEntity>,
    pub fields: Vec<PartField>,
    /// Why there is less than there should be: `checksum`, `broken`, `unreadable`, `empty`.
    pub trouble: Option<&'static str>,
}

#[derive(Serialize, ToSchema)]
pub struct PartField {
    /// `product-maker`, `product-name`, `product-serial`, `board-serial`, …
    pub what: &'static str,
    pub text: String,
}

#[derive(Serialize, ToSchema)]
pub struct ServerParts {
    pub items: Vec<ServerPart>,
}

impl From<&domain::Sensor> for Sensor {
    fn from(sensor: &domain::Sensor) -> Self {
        let domain::Sensor { id, number, name, group, unit, value, state, facts, limits, entity } = sensor;
        Self {
            id: id.clone(),
            number: *number,
            name: name.clone(),
            group: group.as_str(),
            unit: unit.as_str(),
            value: *value,
            state: state.as_str(),
            facts: facts.iter().map(SensorFact::from).collect(),
            limits: limits.into(),
            entity: entity.map(SensorEntity::from),
        }
    }
}

impl From<&domain::SensorFact> for SensorFact {
    fn from(fact: &domain::SensorFact) -> Self {
        let domain::SensorFact { key, severity, text } = fact;
        Self { key: key.clone(), severity: super::word(severity), text: text.clone() }
    }
}

impl From<&Limits> for SensorLimits {
    fn from(limits: &Limits) -> Self {
        let Limits {
            lower_non_recoverable,
            lower_critical,
            lower_non_critical,
            upper_non_critical,
            upper_critical,
            upper_non_recoverable,
        } = *limits;
        Self {
            lower_non_recoverable,
            lower_critical,
            lower_non_critical,
            upper_non_critical,
            upper_critical,
            upper_non_recoverable,
        }
    }
}

impl From<domain::Entity> for SensorEntity {
    fn from(entity: domain::Entity) -> Self {
        let domain::Entity { id, instance } = entity;
        Self { id, instance }
    }
}

impl From<Option<&ServerStatus>> for SensorList {
    fn from(status: Option<&ServerStatus>) -> Self {
        let Some(status) = status else {
            return Self { items: Vec::new(), trends: Vec::new(), read_at: None, problem: None };
        };
        let items = status.sensors.iter().map(Sensor::from).collect();
        let trends = status.trends.iter().map(SensorTrend::from).collect();
        Self { items, trends, read_at: status.read_at, problem: status.problem.map(|problem| problem.as_str()) }
    }
}

impl From<&domain::SensorTrend> for SensorTrend {
    fn from(trend: &domain::SensorTrend) -> Self {
        let domain::SensorTrend { sensor, name, unit, kind, value, limit, per_day, hours } = trend;
        Self {
            sensor: sensor.clone(),
            name: name.clone(),
            unit: unit.as_str(),
            kind: kind.as_str(),
            value: *value,
            limit: *limit,
            per_day: *per_day,
            hours: *hours,
        }
    }
}

impl From<&domain::ServerEvent> for ServerEvent {
    fn from(event: &domain::ServerEvent) -> Self {
        let severity = super::word(&event.severity());
        let domain::ServerEvent { id, at, sensor, name, fact, asserted, value, limit, unit, raw } = event;
        Self {
            id: id.clone(),
            at: *at,
            sensor: sensor.clone(),
            name: name.clone(),
            fact: fact.into(),
            severity,
            asserted: *asserted,
            value: *value,
            limit: *limit,
            unit: unit.as_str(),
            raw: raw.clone(),
        }
    }
}

impl From<&ServerLog> for ServerEvents {
    fn from(log: &ServerLog) -> Self {
        let ServerLog { events, overflowed, full } = log;
        Self { items: events.iter().map(ServerEvent::from).collect(), overflowed: *overflowed, full: *full }
    }
}

impl From<&[domain::Part]> for ServerParts {
    fn from(parts: &[domain::Part]) -> Self {
        Self { items: parts.iter().map(ServerPart::from).collect() }
    }
}

impl From<&domain::Part> for ServerPart {
    fn from(part: &domain::Part) -> Self {
        let domain::Part { id, name, entity, fields, trouble } = part;
        let fields =
            fields.iter().map(|domain::PartField { what, text }| PartField { what: what.as_str(), text: text.clone() });
        Self {
            id: id.clone(),
            name: name.clone(),
            entity: entity.map(SensorEntity::from),
            fields: fields.collect(),
            trouble: trouble.map(|trouble| trouble.as_str()),
        }
    }
}
