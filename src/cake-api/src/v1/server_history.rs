//! `/v1/servers/{server}/history` and `/v1/energy`: what servers measured over time, and what follows from what they drew.

use axum::extract::{Path, State};
use axum::response::Response;
use cake_control::energy::{EnergyOfServer, EnergyOfVm, EnergyReport};
use cake_planner::energy_price::{cost, hundredths};
use cake_types::{self as domain, Problem, Span};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::settings::EnergyPrice;
use crate::ask::{Params, ready_json};
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// What sensors measured over time. The n-th number of every list is about the same time.
#[derive(Serialize, ToSchema)]
pub struct SensorHistory {
    /// `hour`, `day`, `month`, `year`.
    pub span: &'static str,
    /// The end of the time that the first point is about; the next is `step_seconds` later.
    #[schema(value_type = String, format = "date-time")]
    pub start: Timestamp,
    pub step_seconds: u32,
    pub points: usize,
    pub items: Vec<SensorCurve>,
    /// Part of the history could not be read, and was set aside then.
    #[schema(value_type = Option<String>, format = "date-time")]
    pub set_aside_at: Option<Timestamp>,
}

/// One sensor. `null` is not measured.
#[derive(Serialize, ToSchema)]
pub struct SensorCurve {
    /// Its id; `watts` is what the whole server draws.
    pub sensor: String,
    pub name: String,
    /// `celsius`, `rpm`, `volt`, `watt`, …
    pub unit: &'static str,
    /// Averages; of an hour the readings themselves.
    #[schema(value_type = Vec<Option<f32>>)]
    pub mean: Vec<Option<f32>>,
    /// Smallest and largest readings; absent of an hour, and where all sensors are asked for.
    #[schema(value_type = Option<Vec<Option<f32>>>)]
    pub min: Option<Vec<Option<f32>>>,
    #[schema(value_type = Option<Vec<Option<f32>>>)]
    pub max: Option<Vec<Option<f32>>>,
    /// What part of the time something is known of, from 0 to 1; absent as those.
    #[schema(value_type = Option<Vec<Option<f32>>>)]
    pub known: Option<Vec<Option<f32>>>,
}

impl SensorHistory {
    fn new(history: domain::SensorHistory) -> Result<Self, Problem> {
        let domain::SensorHistory { span, first, step, curves, set_aside } = history;
        let start = Timestamp::from_second(first);
        let start = start.map_err(|error| cake_control::error::internal("a history of no time", &error))?;
        let points = curves.first().map_or(0, |curve| curve.mean.len());
        let items = curves.into_iter().map(SensorCurve::from).collect();
        Ok(Self { span: span.as_str(), start, step_seconds: step, points, items, set_aside_at: set_aside })
    }
}

impl From<domain::SensorCurve> for SensorCurve {
    fn from(curve: domain::SensorCurve) -> Self {
        let domain::SensorCurve { id, name, unit, mean, least, most, known } = curve;
        let kept = |numbers: Vec<Option<f32>>| (!numbers.is_empty()).then_some(numbers);
        let (min, max, known) = (kept(least), kept(most), kept(known));
        Self { sensor: id, name, unit: unit.as_str(), mean, min, max, known }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    sensor: Option<String>,
    span: Option<String>,
    after: Option<Timestamp>,
}

/// What a server's sensors measured: the last hour (a point is 10 s), day (2 min), month (1 h) or year (4 h). With `sensor`, an id, a
/// name or `watts` (what the whole server draws), all that is kept of it, and with `after` only what is newer; without it the averages
/// of all of them, at most 60 points each.
#[utoipa::path(get, path = "/v1/servers/{server}/history", operation_id = "server_history", tag = "servers",
    params(("server" = String, Path), ("sensor" = Option<String>, Query), ("span" = Option<String>, Query),
        ("after" = Option<String>, Query)),
    responses((status = 200, body = SensorHistory), (status = "default", body = ProblemBody)))]
pub(crate) async fn history(
    State(api): State<Api>,
    Path(server): Path<String>,
    Params(Asked { sensor, span, after }): Params<Asked>,
) -> Result<Response, Refused> {
    let entry = api.servers.find(&server)?;
    let bad = || Problem::new(domain::Code::BadParameter).with("name", "span").with("detail", "hour, day, month, year");
    let span = span.map_or(Ok(Span::default()), |word| Span::from_word(&word).ok_or_else(bad))?;
    let read = api.servers.history(&entry, sensor.as_deref(), span, after.map(Timestamp::as_second)).await?;
    Ok(ready_json(serde_json::to_vec(&SensorHistory::new(read)?).expect("a history is JSON")))
}

/// What servers draw, and the energy of this month and the last, by the calendar of the rack's time zone.
#[derive(Serialize, ToSchema)]
pub struct RackEnergy {
    #[schema(value_type = String, format = "date-time")]
    pub this_month_start: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    pub last_month_start: Timestamp,
    /// What all of them draw now that say so.
    pub watts: Option<f64>,
    /// What a kilowatt-hour costs, as the settings have it now.
    pub price: Option<EnergyPrice>,
    pub this_month: EnergyPart,
    pub last_month: EnergyPart,
    /// Those that say what they draw, or said so in these months.
    pub servers: Vec<ServerEnergy>,
    /// The parts of running VMs in what their server draws now: it is split by the time that they keep processors busy.
    pub vms: Vec<VmEnergy>,
}

/// What was drawn in some time. Nothing is reckoned for the time of which nothing is known.
#[derive(Serialize, ToSchema)]
pub struct EnergyPart {
    pub kilowatt_hours: f64,
    /// Of the time that has passed.
    pub known_percent: f64,
    /// What it costs, with two digits after the point, in the currency of the price: `200.16`. Where the settings have a price.
    pub cost: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ServerEnergy {
    pub id: Uuid,
    pub name: String,
    /// What it draws now.
    pub watts: Option<f64>,
    pub this_month: EnergyPart,
    pub last_month: EnergyPart,
}

#[derive(Serialize, ToSchema)]
pub struct VmEnergy {
    pub id: Uuid,
    pub name: String,
    pub watts: f64,
}

impl RackEnergy {
    fn new(report: &EnergyReport) -> Self {
        let part = |energy: domain::Energy, this| EnergyPart {
            kilowatt_hours: energy.kilowatt_hours(),
            known_percent: report.known(energy, this) * 100.0,
            cost: report.price.as_ref().map(|price| hundredths(cost(energy.kilowatt_hours(), price))),
        };
        let server = |server: &EnergyOfServer| {
            let EnergyOfServer { id, name, watts, this_month, last_month, since_start: _ } = server;
            let (this_month, last_month) = (part(*this_month, true), part(*last_month, false));
            ServerEnergy { id: id.0, name: name.to_string(), watts: *watts, this_month, last_month }
        };
        let vm = |vm: &EnergyOfVm| VmEnergy { id: vm.id.0, name: vm.name.to_string(), watts: vm.watts };
        let start = |second| Timestamp::from_second(second).unwrap_or(report.now);
        Self {
            this_month_start: start(report.months.this),
            last_month_start: start(report.months.last),
            watts: report.watts(),
            price: report.price.as_ref().map(Into::into),
            this_month: part(report.total(true), true),
            last_month: part(report.total(false), false),
            servers: report.servers.iter().map(server).collect(),
            vms: report.vms.iter().map(vm).collect(),
        }
    }
}

/// What the servers draw, and their energy.
#[utoipa::path(get, path = "/v1/energy", operation_id = "energy", tag = "servers",
    responses((status = 200, body = RackEnergy), (status = "default", body = ProblemBody)))]
pub(crate) async fn energy(State(api): State<Api>) -> Result<Response, Refused> {
    let report = api.energy.report().await?;
    Ok(ready_json(serde_json::to_vec(&RackEnergy::new(&report)).expect("energy is JSON")))
}
