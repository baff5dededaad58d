//! Devices that answer SNMP: what may be said about them, how they are, and which server hangs on which feed.

use crate::cabling::{self, Cabling};
use crate::server::{self, ServerHealth};
use cake_types::{
    BmcAccess, COMMUNITY_MAX, Code, Device, DeviceId, DeviceKind, DeviceSpec, DeviceStatus, FEED_MAX, Name,
    OUTLETS_MAX, Outlet, OutletUse, PduInput, PduReading, Problem, SensorState, ServerId, Severity, SwitchReading,
};
use std::collections::{BTreeMap, BTreeSet};

/// Below so many volts there is no voltage: what is left is what a wire catches of its neighbours.
const DEAD_VOLTS: f64 = 40.0;
/// From this share of what it may draw on an input is nearly overloaded: a breaker may trip below its number when it is hot.
pub const NEAR: f64 = 0.8;
/// So much less it has to be before it is over.
const SLACK: f64 = 0.05;

/// A device with what it last said.
#[derive(Clone, Copy, Debug)]
pub struct DeviceSeen<'a> {
    pub device: &'a Device,
    pub status: Option<&'a DeviceStatus>,
    /// Of a switch: where its cables led when somebody last said that it is right so.
    pub cabling: Option<&'a Cabling>,
}

impl<'a> DeviceSeen<'a> {
    /// What a PDU says now; nothing of one that is not heard.
    pub fn pdu(&self) -> Option<&'a PduReading> {
        self.status.filter(|status| status.problem.is_none()).and_then(|status| status.pdu.as_ref())
    }

    /// What a switch says now.
    pub fn switch(&self) -> Option<&'a SwitchReading> {
        self.status.filter(|status| status.problem.is_none()).and_then(|status| status.switch.as_ref())
    }

    pub fn is(&self, kind: DeviceKind) -> bool {
        self.device.spec.kind == kind
    }
}

/// One word, the worst of what is so.
pub fn health(seen: &DeviceSeen<'_>) -> ServerHealth {
    let Some(status) = seen.status.filter(|status| status.read_at.is_some() && status.problem.is_none()) else {
        return ServerHealth::Unheard;
    };
    let restless = status
        .switch
        .iter()
        .flat_map(|switch| &switch.ports)
        .any(|port| port.changes >= cabling::FLAPS || port.fresh_errors >= cabling::ERRORS);
    let Some(pdu) = &status.pdu else {
        return if restless { ServerHealth::Warning } else { ServerHealth::Well };
    };
    let inputs = pdu.inputs.iter().filter_map(|input| load(&seen.device.spec, input)?.severity());
    let sensors = pdu.sensors.iter().filter_map(|sensor| sensor.state.severity());
    let dead = is_dead(pdu).then_some(Severity::Error);
    match inputs.chain(sensors).chain(dead).max() {
        Some(Severity::Error) => ServerHealth::Critical,
        Some(Severity::Warning) => ServerHealth::Warning,
        Some(Severity::Info) | None => ServerHealth::Well,
    }
}

/// It answers, and says that nothing comes in: its own controller is fed from elsewhere.
pub fn is_dead(pdu: &PduReading) -> bool {
    let volts: Vec<f64> = pdu.inputs.iter().filter_map(|input| input.volts).collect();
    !volts.is_empty() && volts.iter().all(|volts| *volts < DEAD_VOLTS)
}

/// How much of what it may draw an input draws.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// What the unit thinks of it.
    pub state: SensorState,
    pub amps: Option<f64>,
    pub limit: Option<f64>,
}

impl Load {
    /// The unit's own word, and ours where it says how much it draws: it may have been told other limits than the wires have.
    pub fn severity(&self) -> Option<Severity> {
        let said = self.state.severity().filter(|_| {
            matches!(
                self.state,
                SensorState::UpperNonCritical | SensorState::UpperCritical | SensorState::UpperNonRecoverable
            )
        });
        let drawn = self.share().and_then(|share| match share {
            _ if share >= 1.0 => Some(Severity::Error),
            _ if share >= NEAR => Some(Severity::Warning),
            _ => None,
        });
        said.max(drawn)
    }

    /// As [`Self::severity`]; what somebody was told of before is over only when it is clearly less, so that it does not come and go.
    pub fn severity_after(&self, before: Option<Severity>) -> Option<Severity> {
        let lasts = self.share().and_then(|share| match before? {
            Severity::Error if share >= 1.0 - SLACK => Some(Severity::Error),
            _ if share >= NEAR - SLACK => Some(Severity::Warning),
            _ => None,
        });
        self.severity().max(lasts)
    }

    /// 1 is all of it.
    pub fn share(&self) -> Option<f64> {
        Some(self.amps? / self.limit.filter(|limit| *limit > 0.0)?)
    }
}

/// Where the unit and a person both say how much it may draw, the smaller number is so.
pub fn load(spec: &DeviceSpec, input: &PduInput) -> Option<Load> {
    let said = [input.rated_amps, spec.rated_amps.map(f64::from)];
    let limit = said.into_iter().flatten().min_by(f64::total_cmp);
    let load = Load { state: input.state, amps: input.amps, limit };
    (load.amps.is_some() || load.state != SensorState::Ok).then_some(load)
}

/// Where one supply of a server hangs.
#[derive(Clone, Debug)]
pub struct Supply<'a> {
    pub device: &'a Device,
    pub outlet: &'a str,
    /// What the PDU says of it now.
    pub reading: Option<&'a Outlet>,
}

impl<'a> Supply<'a> {
    pub fn feed(&self) -> Option<&'a str> {
        self.device.spec.feed.as_deref()
    }
}

/// On which outlets a server hangs, by feed, PDU and outlet.
pub fn supplies<'a>(server: ServerId, devices: &[DeviceSeen<'a>]) -> Vec<Supply<'a>> {
    let mut found: Vec<Supply<'a>> = devices
        .iter()
        .flat_map(|seen| {
            let outlets = seen.device.spec.outlets.iter().filter(move |used| used.server == server);
            outlets.map(move |OutletUse { outlet, .. }| Supply {
                device: seen.device,
                outlet,
                reading: seen.pdu().and_then(|pdu| pdu.outlets.iter().find(|reading| reading.id == *outlet)),
            })
        })
        .collect();
    found.sort_by_key(|supply| {
        (supply.feed().map(str::to_owned), supply.device.meta.name.clone(), natural(supply.outlet))
    });
    found
}

/// `2` before `10`.
pub fn natural(outlet: &str) -> Vec<u32> {
    outlet.split('.').map(|part| part.parse().unwrap_or(u32::MAX)).collect()
}

/// The feeds that somebody named, each with its PDUs.
pub fn feeds<'a>(devices: &[DeviceSeen<'a>]) -> BTreeMap<&'a str, Vec<DeviceSeen<'a>>> {
    let mut feeds: BTreeMap<&str, Vec<DeviceSeen<'_>>> = BTreeMap::new();
    for seen in devices.iter().filter(|seen| seen.is(DeviceKind::Pdu)) {
        if let Some(feed) = &seen.device.spec.feed {
            feeds.entry(feed).or_default().push(*seen);
        }
    }
    feeds
}

/// Two supplies or more, all on one feed, where there is another.
pub fn shared<'a>(supplies: &[Supply<'a>], feeds: usize) -> Option<&'a str> {
    let named: Option<BTreeSet<&str>> = supplies.iter().map(|supply| supply.device.spec.feed.as_deref()).collect();
    let named = named?;
    let first = *named.first()?;
    (supplies.len() > 1 && named.len() == 1 && feeds > 1).then_some(first)
}

/// A name or an address.
pub fn host(text: &str) -> Result<String, Problem> {
    server::host(BmcAccess::Ipmi, text).map_err(|_| Problem::invalid("device-host", "bmc-host").at("/host"))
}

/// What agents take: printable ASCII, not empty.
pub fn community(text: &str) -> Result<(), Problem> {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    match !text.is_empty() && text.len() <= COMMUNITY_MAX && plain {
        true => Ok(()),
        false => Err(Problem::invalid("community", "community").at("/community")),
    }
}

/// `a` is `A`; nothing is none.
pub fn feed(text: &str) -> Result<Option<String>, Problem> {
    let text = text.trim();
    if text.chars().count() > FEED_MAX || text.chars().any(char::is_control) {
        return Err(Problem::invalid("feed", "feed").at("/feed"));
    }
    let feed = if text.len() == 1 { text.to_ascii_uppercase() } else { text.to_owned() };
    Ok(Some(feed).filter(|feed| !feed.is_empty()))
}

pub fn rated_amps(amps: u16) -> Result<u16, Problem> {
    match amps {
        1..=1000 => Ok(amps),
        _ => Err(Problem::new(Code::OutOfRange)
            .with("field", "rated-amps")
            .with("min", 1)
            .with("max", 1000)
            .at("/rated_amps")),
    }
}

/// Each outlet once, in their order.
pub fn outlets(mut outlets: Vec<OutletUse>) -> Result<Vec<OutletUse>, Problem> {
    let wrong = |at: usize| Problem::invalid("outlet", "outlet").at(&format!("/outlets/{at}/outlet"));
    if outlets.len() > OUTLETS_MAX {
        let problem = Problem::new(Code::OutOfRange).with("field", "outlets").with("min", 0);
        return Err(problem.with("max", OUTLETS_MAX).at("/outlets"));
    }
    let mut seen = BTreeSet::new();
    for (at, used) in outlets.iter_mut().enumerate() {
        let plain = |part: &str| !part.is_empty() && part.len() <= 5 && part.bytes().all(|byte| byte.is_ascii_digit());
        used.outlet = used.outlet.trim().to_owned();
        if used.outlet.len() > 16 || !used.outlet.split('.').all(plain) || !seen.insert(used.outlet.clone()) {
            return Err(wrong(at));
        }
    }
    outlets.sort_by_key(|used| natural(&used.outlet));
    Ok(outlets)
}

/// Whether a device can be as `spec` says beside the others: one at one address; feeds and outlets are a PDU's.
pub fn fits(spec: &DeviceSpec, own: Option<DeviceId>, others: &[(DeviceId, Name, DeviceSpec)]) -> Result<(), Problem> {
    let same = |other: &DeviceSpec| (&other.host, other.port) == (&spec.host, spec.port);
    match others.iter().find(|(id, _, other)| Some(*id) != own && same(other)) {
        Some((_, name, _)) => Err(Problem::new(Code::DeviceTaken).with("name", name).at("/host")),
        None => Ok(()),
    }
}

#[cfg(test)]
#[path = "device_tests.rs"]
pub(crate) mod tests;
