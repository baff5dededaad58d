//! How a server is, from what its BMC says: one word, and what is the matter.

use crate::certificate;
use cake_types::{
    BMC_PASSWORD_MAX, BMC_USER_MAX, BmcAccess, BmcProblem, ChassisStatus, Code, Name, Problem, RackPlace, Sensor,
    SensorGroup, SensorState, SensorUnit, ServerId, ServerSpec, ServerStatus, Severity, WeakPassword, limits,
};

/// A server in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServerHealth {
    /// It has no BMC, or nobody said where that is.
    NoBmc,
    Well,
    /// Nothing is known of it, or nothing new.
    Unheard,
    Warning,
    Critical,
}

impl ServerHealth {
    pub const ALL: [Self; 5] = [Self::NoBmc, Self::Well, Self::Unheard, Self::Warning, Self::Critical];

    /// Its word is `server-health-HEALTH`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoBmc => "no-bmc",
            Self::Well => "well",
            Self::Unheard => "unheard",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// What a chassis can complain of. Its sentence is `chassis-fault-FAULT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChassisFault {
    Power,
    Cooling,
    Drive,
    Intrusion,
}

impl ChassisFault {
    pub const ALL: [Self; 4] = [Self::Power, Self::Cooling, Self::Drive, Self::Intrusion];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Power => "power",
            Self::Cooling => "cooling",
            Self::Drive => "drive",
            Self::Intrusion => "intrusion",
        }
    }

    /// An open lid is worth a look; the rest ends in an outage.
    pub const fn severity(self) -> Severity {
        match self {
            Self::Intrusion => Severity::Warning,
            Self::Power | Self::Cooling | Self::Drive => Severity::Error,
        }
    }
}

pub fn faults(chassis: &ChassisStatus) -> Vec<ChassisFault> {
    let ChassisStatus { intrusion, power_fault, cooling_fault, drive_fault, .. } = *chassis;
    let is = |fault: &ChassisFault| match fault {
        ChassisFault::Power => power_fault,
        ChassisFault::Cooling => cooling_fault,
        ChassisFault::Drive => drive_fault,
        ChassisFault::Intrusion => intrusion,
    };
    ChassisFault::ALL.into_iter().filter(is).collect()
}

/// The one word, the worst of what is so.
pub fn health(spec: &ServerSpec, status: Option<&ServerStatus>) -> ServerHealth {
    if spec.bmc.is_none() {
        return ServerHealth::NoBmc;
    }
    let Some(status) = status.filter(|status| status.read_at.is_some() && status.problem.is_none()) else {
        return ServerHealth::Unheard;
    };
    let sensors = status.sensors.iter().filter_map(|sensor| sensor.state.severity());
    let chassis = status.chassis.iter().flat_map(faults).map(ChassisFault::severity);
    match sensors.chain(chassis).max() {
        Some(Severity::Error) => ServerHealth::Critical,
        Some(Severity::Warning) => ServerHealth::Warning,
        Some(Severity::Info) | None => ServerHealth::Well,
    }
}

/// Sensors that somebody should look at, the worst first.
pub fn troubles(status: &ServerStatus) -> Vec<&Sensor> {
    let mut bad: Vec<&Sensor> = status.sensors.iter().filter(|sensor| sensor.state.severity().is_some()).collect();
    bad.sort_by_key(|sensor| std::cmp::Reverse(sensor.state.severity()));
    bad
}

/// The limit that a sensor has passed.
pub fn passed(sensor: &Sensor) -> Option<f64> {
    let limits = &sensor.limits;
    match sensor.state {
        SensorState::LowerNonCritical => limits.lower_non_critical,
        SensorState::LowerCritical => limits.lower_critical,
        SensorState::LowerNonRecoverable => limits.lower_non_recoverable,
        SensorState::UpperNonCritical => limits.upper_non_critical,
        SensorState::UpperCritical => limits.upper_critical,
        SensorState::UpperNonRecoverable => limits.upper_non_recoverable,
        _ => None,
    }
}

/// Where air goes in and out, as makers call it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Air {
    /// Degrees Celsius.
    pub inlet: Option<f64>,
    pub outlet: Option<f64>,
}

/// Entities (IPMI 2.0 table 43-13): air inlet, and the one that makers use for it as well.
const INLET: [u8; 2] = [0x37, 0x40];

pub fn air(sensors: &[Sensor]) -> Air {
    let degrees = || {
        let is = |sensor: &&Sensor| sensor.group == SensorGroup::Temperature && sensor.unit == SensorUnit::Celsius;
        sensors.iter().filter(is).filter_map(|sensor| Some((sensor, sensor.value?)))
    };
    let called = |sensor: &Sensor, words: &[&str]| {
        let name = sensor.name.to_ascii_lowercase();
        words.iter().any(|word| name.contains(word))
    };
    let is_inlet = |sensor: &Sensor| {
        sensor.entity.is_some_and(|entity| INLET.contains(&entity.id))
            || called(sensor, &["inlet", "ambient", "intake"])
    };
    let inlet = degrees().find(|(sensor, _)| is_inlet(sensor)).map(|(_, value)| value);
    let outlet = degrees().find(|(sensor, _)| called(sensor, &["outlet", "exhaust", "exit"])).map(|(_, value)| value);
    Air { inlet, outlet }
}

/// What is weak about the password that its BMC takes. One that the BMC does not take is nobody's.
pub fn weak(spec: &ServerSpec, status: Option<&ServerStatus>) -> Option<WeakPassword> {
    let heard = status.is_some_and(|status| status.read_at.is_some() && status.problem != Some(BmcProblem::Refused));
    spec.bmc.as_ref()?.weak.filter(|_| heard)
}

/// Units of the tallest rack, and of the tallest server.
pub const RACK_UNITS: u8 = 60;

/// What somebody wrote about a server.
pub fn note(text: String) -> Result<String, Problem> {
    let text = text.trim().to_owned();
    if text.chars().count() > limits::NOTE_MAX || text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(Problem::invalid("note", "note").at("/note"));
    }
    Ok(text)
}

/// A name or an address; of the local device nothing.
pub fn host(access: BmcAccess, text: &str) -> Result<String, Problem> {
    if access == BmcAccess::Local {
        return Ok(String::new());
    }
    let wrong = || Problem::invalid("host", "bmc-host").at("/bmc/host");
    let text = text.trim().trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = text.parse::<std::net::IpAddr>() {
        return Ok(address.to_string());
    }
    let names = certificate::names(&[text.to_owned()], false, "/bmc/host").map_err(|_| wrong())?;
    names.into_iter().next().ok_or_else(wrong)
}

/// As IPMI 2.0 can hold it (§22.28): without an end mark, printable ASCII.
pub fn user(access: BmcAccess, text: &str) -> Result<String, Problem> {
    let most = if access == BmcAccess::Redfish { 64 } else { BMC_USER_MAX };
    let text = text.trim();
    match text.len() <= most && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(text.to_owned()),
        false => Err(Problem::invalid("user", "bmc-user").at("/bmc/user")),
    }
}

/// As IPMI 2.0 can hold it (§22.30).
pub fn password(access: BmcAccess, text: &str) -> Result<(), Problem> {
    let most = if access == BmcAccess::Redfish { 128 } else { BMC_PASSWORD_MAX };
    match text.len() <= most && !text.chars().any(char::is_control) {
        true => Ok(()),
        false => Err(Problem::invalid("password", "bmc-password").at("/bmc/password")),
    }
}

/// K_g in hexadecimal: said as 40 digits, or as up to 20 characters that are filled up with zeros (IPMI 2.0 §13.33).
pub fn key(text: &str) -> Result<String, Problem> {
    let hex = text.strip_prefix("0x").unwrap_or(text);
    if hex.len() == 40 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(hex.to_ascii_lowercase());
    }
    if text.len() > 20 || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Problem::invalid("key", "bmc-key").at("/bmc/key"));
    }
    let mut bytes = [0; 20];
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Whether a server can be as `spec` says beside the others: one machine at one place, one BMC of one machine.
pub fn fits(spec: &ServerSpec, own: Option<ServerId>, others: &[(ServerId, Name, ServerSpec)]) -> Result<(), Problem> {
    if let Some(RackPlace { unit, height }) = spec.place {
        let top = u16::from(unit) + u16::from(height);
        if unit == 0 || height == 0 || top > u16::from(RACK_UNITS) + 1 {
            let problem = Problem::new(Code::OutOfRange).with("field", "place").with("min", 1);
            return Err(problem.with("max", RACK_UNITS).at("/place"));
        }
    }
    for (_, name, other) in others.iter().filter(|(id, ..)| Some(*id) != own) {
        if let (Some(here), Some(there)) = (spec.place, other.place)
            && here.unit < there.unit + there.height
            && there.unit < here.unit + here.height
        {
            return Err(Problem::new(Code::PlaceTaken).with("name", name).at("/place"));
        }
        if let (Some(here), Some(there)) = (&spec.bmc, &other.bmc)
            && here.access != BmcAccess::Local
            && (&here.host, here.port) == (&there.host, there.port)
        {
            return Err(Problem::new(Code::BmcTaken).with("name", name).at("/bmc/host"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cake_types::{BmcSpec, Entity, Limits, Stamp};
    use jiff::Timestamp;

    fn sensor(name: &str, value: f64, state: SensorState) -> Sensor {
        Sensor {
            id: name.into(),
            number: None,
            name: name.into(),
            group: SensorGroup::Temperature,
            unit: SensorUnit::Celsius,
            value: Some(value),
            state,
            facts: Vec::new(),
            limits: Limits { upper_critical: Some(85.0), ..Limits::default() },
            entity: None,
        }
    }

    fn spec() -> ServerSpec {
        let bmc = BmcSpec {
            access: BmcAccess::Ipmi,
            host: "10.0.0.1".into(),
            port: 623,
            user: "admin".into(),
            password: None,
            key: None,
            weak: None,
            next: None,
        };
        ServerSpec { bmc: Some(bmc), ..ServerSpec::default() }
    }

    #[test]
    fn the_worst_of_what_is_so() {
        let mut status = ServerStatus::unheard(Stamp::default());
        assert_eq!(health(&ServerSpec::default(), Some(&status)), ServerHealth::NoBmc);
        assert_eq!(health(&spec(), None), ServerHealth::Unheard);
        assert_eq!(health(&spec(), Some(&status)), ServerHealth::Unheard);
        status.read_at = Some(Timestamp::UNIX_EPOCH);
        status.sensors = vec![sensor("CPU", 50.0, SensorState::Ok)];
        assert_eq!(health(&spec(), Some(&status)), ServerHealth::Well);
        status.sensors.push(sensor("VRM", 82.0, SensorState::UpperNonCritical));
        assert_eq!(health(&spec(), Some(&status)), ServerHealth::Warning);
        status.sensors.push(sensor("DIMM", 86.0, SensorState::UpperCritical));
        assert_eq!(health(&spec(), Some(&status)), ServerHealth::Critical);
        assert_eq!(troubles(&status).iter().map(|sensor| &*sensor.name).collect::<Vec<_>>(), ["DIMM", "VRM"]);
        assert_eq!(passed(&status.sensors[2]), Some(85.0));
        status.problem = Some(BmcProblem::Silent);
        assert_eq!(health(&spec(), Some(&status)), ServerHealth::Unheard, "old news is no news");
    }

    #[test]
    fn a_fault_of_the_chassis_is_one_of_the_server() {
        let mut status = ServerStatus::unheard(Stamp::default());
        status.read_at = Some(Timestamp::UNIX_EPOCH);
        let well = ChassisStatus {
            on: true,
            restore: None,
            identify: None,
            intrusion: false,
            power_fault: false,
            cooling_fault: false,
            drive_fault: false,
        };
        for (chassis, expected) in [
            (well, ServerHealth::Well),
            (ChassisStatus { intrusion: true, ..well }, ServerHealth::Warning),
            (ChassisStatus { cooling_fault: true, intrusion: true, ..well }, ServerHealth::Critical),
        ] {
            status.chassis = Some(chassis);
            assert_eq!(health(&spec(), Some(&status)), expected);
        }
    }

    #[test]
    fn a_weak_password_is_one_that_the_bmc_takes() {
        let mut weak_one = spec();
        weak_one.bmc.as_mut().unwrap().weak = Some(WeakPassword::Default);
        let mut status = ServerStatus::unheard(Stamp::default());
        assert_eq!([weak(&weak_one, None), weak(&weak_one, Some(&status))], [None, None], "it was not tried yet");
        status.read_at = Some(Timestamp::UNIX_EPOCH);
        assert_eq!(weak(&weak_one, Some(&status)), Some(WeakPassword::Default));
        assert_eq!(weak(&spec(), Some(&status)), None);
        status.problem = Some(BmcProblem::Refused);
        assert_eq!(weak(&weak_one, Some(&status)), None);
    }

    #[test]
    fn air_is_found_by_what_it_belongs_to_or_by_its_name() {
        let mut system = sensor("TEMP 1", 23.0, SensorState::Ok);
        system.entity = Some(Entity { id: 0x37, instance: 1 });
        let sensors = [sensor("CPU", 60.0, SensorState::Ok), system, sensor("Exhaust Temp", 38.0, SensorState::Ok)];
        assert_eq!(air(&sensors), Air { inlet: Some(23.0), outlet: Some(38.0) });
        assert_eq!(air(&sensors[..1]), Air::default());
        let named = [sensor("Ambient", 21.0, SensorState::Ok)];
        assert_eq!(air(&named).inlet, Some(21.0));
    }

    #[test]
    fn a_place_and_a_bmc_are_one_server_s() {
        let place = |unit, height| ServerSpec { place: Some(RackPlace { unit, height }), ..ServerSpec::default() };
        let others = [(
            ServerId(uuid::Uuid::from_u128(1)),
            "a".parse().unwrap(),
            ServerSpec { bmc: spec().bmc, ..place(10, 2) },
        )];
        let code = |spec: &ServerSpec| fits(spec, None, &others).err().map(|problem| problem.code);
        assert_eq!([place(8, 2), place(12, 1)].map(|spec| code(&spec)), [None, None]);
        for taken in [place(9, 2), place(11, 1), place(1, 20)] {
            assert_eq!(code(&taken), Some(Code::PlaceTaken));
        }
        for out in [place(0, 1), place(1, 0), place(60, 2), place(255, 255)] {
            assert_eq!(code(&out), Some(Code::OutOfRange));
        }
        assert_eq!(code(&spec()), Some(Code::BmcTaken));
        assert!(fits(&others[0].2, Some(others[0].0), &others).is_ok(), "it does not stand in its own way");
    }

    #[test]
    fn what_a_bmc_can_hold() {
        let ipmi = BmcAccess::Ipmi;
        assert_eq!(host(ipmi, " [fd00::1] ").unwrap(), "fd00::1");
        assert_eq!(host(ipmi, "bmc-1.example").unwrap(), "bmc-1.example");
        for bad in ["", "a b", "http://10.0.0.1", "10.0.0.1:623"] {
            assert!(host(ipmi, bad).is_err(), "{bad}");
        }
        assert!(
            user(ipmi, &"u".repeat(16)).is_ok()
                && user(ipmi, &"u".repeat(17)).is_err()
                && user(ipmi, "使用者").is_err()
        );
        assert!(password(ipmi, &"p".repeat(20)).is_ok() && password(ipmi, &"p".repeat(21)).is_err());
        assert!(password(BmcAccess::Redfish, &"p".repeat(21)).is_ok());
        assert_eq!(key("abc").unwrap(), format!("616263{}", "0".repeat(34)));
        assert_eq!(key(&"AB".repeat(20)).unwrap(), "ab".repeat(20));
        assert!(key(&"x".repeat(21)).is_err());
    }
}
