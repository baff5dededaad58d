//! BMCs as the model has them: what a test says of them is what they say.

use super::SimNode;
use cake_node_api::{NodeError, Observed, OperationResult, ServerLog, ServerOutcome};
use cake_types::{
    BiosSetting, BmcDrive, BmcFirmware, BmcMedium, BmcProblem, ChassisStatus, ChassisVerb, DRAW, Energy, FailureCode,
    OperationId, Part, PartFact, PartField, ScanRange, ScanStatus, SensorCurve, SensorHistory, SensorUnit, Server,
    ServerAnswer, ServerAsk, ServerEnergy, ServerEvent, ServerId, ServerStatus, ServerVerb, Span, Stamp,
};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What is known of the servers that are watched.
#[derive(Default)]
pub struct Bmcs {
    pub watched: BTreeMap<ServerId, (Server, ServerStatus)>,
    /// Every order that was given, in its order.
    pub orders: Vec<(OperationId, ServerId, ServerVerb)>,
    pub log: ServerLog,
    /// Orders are taken and nothing comes of them.
    pub slow: bool,
    /// By Redfish; none: no BMC speaks it.
    pub drives: Option<Vec<BmcDrive>>,
    pub media: Vec<BmcMedium>,
    pub scan: Option<ScanStatus>,
    /// Passwords that were made.
    pub made: u32,
}

const CHASSIS: ChassisStatus = ChassisStatus {
    on: false,
    restore: None,
    identify: None,
    intrusion: false,
    power_fault: false,
    cooling_fault: false,
    drive_fault: false,
};

impl SimNode {
    pub(super) fn watch_server(&self, stamp: Stamp, server: Server) {
        let id = server.meta.id;
        let status = self.with(|state| {
            let before = state.bmcs.watched.get(&id).map(|(_, status)| status.clone());
            let status = ServerStatus { stamp, ..before.unwrap_or_else(|| ServerStatus::unheard(stamp)) };
            state.bmcs.watched.insert(id, (server, status.clone()));
            status
        });
        self.tell(Observed::Server { id, status: Box::new(status) });
    }

    pub(super) fn forget_server(&self, id: ServerId) {
        self.with(|state| state.bmcs.watched.remove(&id));
        self.tell(Observed::ServerGone { id });
    }

    /// A BMC says something.
    pub fn server_says(&self, name: &str, change: impl FnOnce(&mut ServerStatus)) {
        let (id, status) = self.with(|state| {
            let watched = state.bmcs.watched.values_mut().find(|(server, _)| server.meta.name.as_str() == name);
            let (server, status) = watched.expect("it is watched");
            status.read_at = Some(Timestamp::now());
            status.chassis.get_or_insert(CHASSIS);
            change(status);
            (server.meta.id, status.clone())
        });
        self.tell(Observed::Server { id, status: Box::new(status) });
    }

    /// An entry more in every event log.
    pub fn server_logs(&self, name: &str, event: ServerEvent) {
        let newest = event.id.clone();
        self.with(|state| state.bmcs.log.events.push(event));
        self.server_says(name, |status| status.newest_event = Some(newest));
    }

    pub(super) fn order_server(
        &self,
        operation: OperationId,
        server: ServerId,
        order: ServerVerb,
    ) -> Result<(), NodeError> {
        let slow = self.with(|state| {
            if state.bmcs.orders.iter().all(|(known, ..)| *known != operation) {
                state.bmcs.orders.push((operation, server, order));
            }
            let (_, status) = state.bmcs.watched.get_mut(&server).ok_or(NodeError::Unknown)?;
            if let ServerVerb::Power { chassis } = order {
                let on = matches!(chassis, ChassisVerb::On | ChassisVerb::Cycle | ChassisVerb::Reset);
                status.chassis = Some(ChassisStatus { on, ..status.chassis.unwrap_or(CHASSIS) });
            }
            Ok(state.bmcs.slow)
        })?;
        if !slow {
            self.order_ends(operation, server, OperationResult::Done);
        }
        Ok(())
    }

    pub fn order_ends(&self, operation: OperationId, server: ServerId, result: OperationResult) {
        self.tell(Observed::ServerOperation(ServerOutcome { operation, server, at: Timestamp::now(), result }));
    }

    pub(super) fn log_of_server(&self, id: ServerId, after: Option<&str>) -> Result<ServerLog, NodeError> {
        self.with(|state| {
            state.bmcs.watched.get(&id).ok_or(NodeError::Unknown)?;
            let log = &state.bmcs.log;
            let from = log.events.iter().position(|event| after == Some(&*event.id)).map_or(0, |at| at + 1);
            Ok(ServerLog { events: log.events[from..].to_vec(), ..log.clone() })
        })
    }

    pub(super) fn parts_of_server(&self, id: ServerId) -> Result<Vec<Part>, NodeError> {
        let (server, status) = self.with(|state| state.bmcs.watched.get(&id).cloned()).ok_or(NodeError::Unknown)?;
        if status.read_at.is_none() {
            return Err(NodeError::Bmc { problem: BmcProblem::Silent });
        }
        let text = server.meta.name.to_string();
        let fields = vec![PartField { what: PartFact::ProductName, text }];
        Ok(vec![Part { id: "0".into(), name: "Chassis".into(), entity: None, fields, trouble: None }])
    }

    pub(super) fn answer_redfish(&self, id: ServerId, what: ServerAsk) -> Result<ServerAnswer, NodeError> {
        self.with(|state| {
            state.bmcs.watched.get(&id).ok_or(NodeError::Unknown)?;
            let refused = |code, detail: &str| NodeError::BmcRefused { code, detail: detail.into() };
            let drives = state.bmcs.drives.as_mut().ok_or(refused(FailureCode::BmcUnsupported, "no Redfish"))?;
            match what {
                ServerAsk::Drives => Ok(ServerAnswer::Drives(drives.clone())),
                ServerAsk::Firmware => Ok(ServerAnswer::Firmware(vec![BmcFirmware {
                    id: "/redfish/v1/UpdateService/FirmwareInventory/BIOS".into(),
                    name: "BIOS".into(),
                    version: "R 1.9".into(),
                    updateable: true,
                }])),
                ServerAsk::Bios => Ok(ServerAnswer::Bios(vec![BiosSetting {
                    name: "BootMode".into(),
                    value: "Uefi".into(),
                    pending: None,
                }])),
                ServerAsk::Media => Ok(ServerAnswer::Media(state.bmcs.media.clone())),
                ServerAsk::InsertMedium { slot, image } => {
                    let slot = state.bmcs.media.iter_mut().find(|known| known.id == slot);
                    slot.ok_or(refused(FailureCode::BmcFailed, "HTTP status 404"))?.image = Some(image);
                    Ok(ServerAnswer::Done)
                }
                ServerAsk::EjectMedium { slot } => {
                    let slot = state.bmcs.media.iter_mut().find(|known| known.id == slot);
                    slot.ok_or(refused(FailureCode::BmcFailed, "HTTP status 404"))?.image = None;
                    Ok(ServerAnswer::Done)
                }
                ServerAsk::LightDrive { drive, on } => {
                    let drive = drives.iter_mut().find(|known| known.id == drive);
                    let drive = drive.ok_or(refused(FailureCode::BmcFailed, "HTTP status 404"))?;
                    drive.lit = Some(on);
                    Ok(ServerAnswer::Done)
                }
            }
        })
    }

    pub(super) fn begin_scan(&self, operation: OperationId, range: ScanRange) -> Result<(), NodeError> {
        let known = self.with(|state| state.bmcs.scan.clone());
        match known {
            Some(scan) if scan.operation == operation => return Ok(()),
            Some(scan) if scan.end.is_none() => return Err(NodeError::Invalid { detail: "another scan".into() }),
            _ => {}
        }
        let (IpAddr::V4(first), IpAddr::V4(last)) = (range.first, range.last) else { panic!("tests ask IPv4") };
        let (total, started_at, found) = (last.to_bits() - first.to_bits() + 1, Timestamp::now(), Vec::new());
        let scan = ScanStatus { operation, range, total, asked: 0, started_at, end: None, found, more: false };
        self.with(|state| state.bmcs.scan = Some(scan.clone()));
        self.tell(Observed::Scan { scan: Some(Box::new(scan)) });
        Ok(())
    }

    /// The scan goes on, or ends.
    pub fn scan_goes(&self, operation: OperationId, change: impl FnOnce(&mut ScanStatus)) {
        let changed = self.with(|state| {
            let scan = state.bmcs.scan.as_mut().filter(|scan| scan.operation == operation && scan.end.is_none())?;
            change(scan);
            Some(scan.clone())
        });
        if let Some(scan) = changed {
            self.tell(Observed::Scan { scan: Some(Box::new(scan)) });
        }
    }

    /// Every sensor has been read twice, and said what it says now.
    pub(super) fn history_of_server(
        &self,
        id: ServerId,
        sensor: Option<&str>,
        span: Span,
        after: Option<i64>,
    ) -> Result<SensorHistory, NodeError> {
        let (_, status) = self.with(|state| state.bmcs.watched.get(&id).cloned()).ok_or(NodeError::Unknown)?;
        let curve = |id: &str, name: &str, unit, value: f64| {
            let (id, name, mean) = (id.into(), name.into(), vec![None, Some(value as f32)]);
            let all = if span == Span::Hour || sensor.is_none() { Vec::new() } else { mean.clone() };
            let known = all.iter().map(|number| number.map(|_| 0.5)).collect();
            SensorCurve { id, name, unit, mean, least: all.clone(), most: all, known }
        };
        let drawn = status.watts.map(|watts| curve(DRAW, "", SensorUnit::Watt, watts));
        let measured = status.sensors.iter().filter_map(|s| Some(curve(&s.id, &s.name, s.unit, s.value?)));
        let is_asked = |curve: &SensorCurve| sensor.is_none_or(|asked| asked == curve.id || asked == curve.name);
        let curves: Vec<_> = drawn.into_iter().chain(measured).filter(is_asked).collect();
        if sensor.is_some() && curves.is_empty() {
            return Err(NodeError::Unknown);
        }
        let first = after.map_or(1_790_000_000, |after| after + i64::from(span.step()));
        Ok(SensorHistory { span, first, step: span.step(), curves, set_aside: None })
    }

    /// Those that say what they draw have drawn it for an hour of each time.
    pub(super) fn energy_of_servers(&self, periods: &[(i64, i64)]) -> Vec<ServerEnergy> {
        let watched = self.with(|state| state.bmcs.watched.clone());
        let drawn = watched.iter().filter_map(|(id, (_, status))| Some((*id, status.watts?)));
        let energy = |watts: f64| Energy { joules: watts * 3600.0, known: 3600.0 };
        drawn
            .map(|(server, watts)| ServerEnergy {
                server,
                since_start: energy(watts),
                periods: periods.iter().map(|_| energy(watts)).collect(),
            })
            .collect()
    }

    /// What a snapshot tells of servers.
    pub(super) fn servers_told(&self) -> Vec<Observed> {
        let told = |(id, (_, status)): (&ServerId, &(Server, ServerStatus))| Observed::Server {
            id: *id,
            status: Box::new(status.clone()),
        };
        let scan = |scan: &Option<ScanStatus>| Observed::Scan { scan: scan.clone().map(Box::new) };
        self.with(|state| state.bmcs.watched.iter().map(told).chain([scan(&state.bmcs.scan)]).collect())
    }
}
