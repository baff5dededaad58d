//! What a BMC is made of, as a TOML file says it.

use serde::Deserialize;
use std::net::{Ipv4Addr, SocketAddr};
use uuid::Uuid;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// Port 0: a free one.
    #[serde(default = "loopback")]
    pub listen: SocketAddr,
    #[serde(default = "Uuid::new_v4")]
    pub guid: Uuid,
    /// K_g: 20 bytes in hexadecimal.
    #[serde(default)]
    pub key: Option<String>,
    /// Numbers of the cipher suites that it offers (IPMI 2.0 table 22-20). It speaks 3 and 17; others are only named.
    #[serde(default = "suites")]
    pub suites: Vec<u8>,
    /// Logins at a time.
    #[serde(default = "sessions")]
    pub sessions: usize,
    /// Bytes of a record or a name plate that are handed out at a time; more is refused with CAh.
    #[serde(default = "max_read")]
    pub max_read: u8,
    /// Entries that its event log takes.
    #[serde(default = "log_capacity")]
    pub log_capacity: usize,
    /// A full log forgets its oldest entries; otherwise it takes no new ones.
    #[serde(default)]
    pub log_wraps: bool,
    pub users: Vec<UserSpec>,
    #[serde(default)]
    pub sensors: Vec<SensorSpec>,
    /// The first is the server itself.
    #[serde(default = "parts")]
    pub parts: Vec<PartSpec>,
    /// What DCMI says that the server draws. Absent: it speaks no DCMI.
    #[serde(default)]
    pub watts: Option<u16>,
    /// The lowest power limit that it takes, in watts.
    #[serde(default)]
    pub least_limit: u16,
    /// Program and arguments of "the server", which run while it is on. Empty: its power is a word.
    #[serde(default)]
    pub command: Vec<String>,
    /// It is on from the beginning.
    #[serde(default)]
    pub on: bool,
    /// What serial over LAN is connected to: `unix:PATH` or `ADDRESS:PORT`.
    #[serde(default)]
    pub serial: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserSpec {
    /// 2 … 15: 1 is the user without a name.
    pub id: u8,
    pub name: String,
    pub password: String,
    /// 2 user, 3 operator, 4 administrator.
    pub privilege: u8,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SensorSpec {
    pub number: u8,
    /// At most 16 bytes.
    pub name: String,
    /// Sensor type (table 42-3).
    pub kind: u8,
    /// Event/reading type: 1 with thresholds, else discrete (table 42-1).
    #[serde(default = "one")]
    pub code: u8,
    /// Base unit (table 43-15).
    #[serde(default)]
    pub unit: u8,
    /// Entity and instance.
    pub entity: (u8, u8),
    #[serde(default = "m")]
    pub m: i16,
    #[serde(default)]
    pub b: i16,
    #[serde(default)]
    pub b_exp: i8,
    #[serde(default)]
    pub r_exp: i8,
    /// 0 unsigned, 1 one's complement, 2 two's complement.
    #[serde(default)]
    pub format: u8,
    /// Linearisation (table 43-1, byte 24).
    #[serde(default)]
    pub linearisation: u8,
    #[serde(default)]
    pub value: f64,
    /// What a discrete sensor says, a bit a state.
    #[serde(default)]
    pub states: u16,
    #[serde(default)]
    pub limits: LimitSpec,
    /// In steps of the reading.
    #[serde(default)]
    pub hysteresis: u8,
    /// It has no reading, only events.
    #[serde(default)]
    pub event_only: bool,
}

/// Thresholds in the sensor's unit; lower ones and upper ones.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitSpec {
    pub lnr: Option<f64>,
    pub lcr: Option<f64>,
    pub lnc: Option<f64>,
    pub unc: Option<f64>,
    pub ucr: Option<f64>,
    pub unr: Option<f64>,
}

impl LimitSpec {
    /// From the lowest to the highest.
    pub const fn all(&self) -> [Option<f64>; 6] {
        [self.lnr, self.lcr, self.lnc, self.unc, self.ucr, self.unr]
    }
}

/// A name plate.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartSpec {
    pub name: String,
    pub serial: String,
    #[serde(default)]
    pub entity: (u8, u8),
}

impl Description {
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let description: Self = toml::from_str(text)?;
        description.check()?;
        Ok(description)
    }

    /// A server as a rack holds it, with so many sensors and one administrator.
    pub fn server(user: &str, password: &str, sensors: u8) -> Self {
        let user = UserSpec { id: 2, name: user.into(), password: password.into(), privilege: 4 };
        let sensors = (1..=sensors).map(SensorSpec::typical).collect();
        Self {
            listen: loopback(),
            guid: Uuid::new_v4(),
            key: None,
            suites: suites(),
            sessions: sessions(),
            max_read: max_read(),
            log_capacity: log_capacity(),
            log_wraps: false,
            users: vec![user],
            sensors,
            parts: parts(),
            watts: Some(240),
            command: Vec::new(),
            on: false,
            least_limit: 0,
            serial: None,
        }
    }

    fn check(&self) -> anyhow::Result<()> {
        for user in &self.users {
            anyhow::ensure!((2..=15).contains(&user.id), "users are numbered from 2 to 15");
            anyhow::ensure!(
                user.name.len() <= 16 && user.password.len() <= 20,
                "{}: a name or password is too long",
                user.name
            );
        }
        for part in &self.parts {
            // One byte of text is the mark of the end of a name plate (FRU definition 1.0 §13).
            let short = [&part.name, &part.serial].into_iter().any(|text| text.len() == 1);
            anyhow::ensure!(!short, "{}: a part's name and serial number have two bytes or more", part.name);
        }
        for sensor in &self.sensors {
            anyhow::ensure!(sensor.name.len() <= 16, "{}: a sensor's name has at most 16 bytes", sensor.name);
            anyhow::ensure!(
                sensor.m != 0 && (-512..512).contains(&sensor.m) && (-512..512).contains(&sensor.b),
                "{}: M or B",
                sensor.name
            );
        }
        Ok(())
    }
}

impl SensorSpec {
    /// One of each kind in turn: temperatures, fans, voltages, watts, power supplies.
    fn typical(number: u8) -> Self {
        let own = |name: &str, kind, unit, entity, m, r_exp, value, limits| Self {
            number,
            name: format!("{name} {number}"),
            kind,
            code: 1,
            unit,
            entity: (entity, number),
            m,
            r_exp,
            value,
            limits,
            hysteresis: 1,
            ..Self::default()
        };
        let none = LimitSpec::default();
        match number % 5 {
            0 => Self { code: 0x6f, states: 1, ..own("PSU Status", 8, 0, 10, 1, 0, 0.0, none) },
            1 => own(
                "Temp",
                1,
                1,
                3,
                1,
                0,
                40.0,
                LimitSpec { unc: Some(80.0), ucr: Some(90.0), unr: Some(100.0), ..none },
            ),
            2 => own(
                "Fan",
                4,
                18,
                29,
                50,
                0,
                6000.0,
                LimitSpec { lnr: Some(500.0), lcr: Some(1000.0), lnc: Some(1500.0), ..none },
            ),
            3 => own(
                "Rail",
                2,
                4,
                7,
                6,
                -2,
                12.06,
                LimitSpec { lcr: Some(10.8), lnc: Some(11.4), unc: Some(12.6), ucr: Some(13.2), ..none },
            ),
            _ => own("Power", 11, 6, 10, 4, 0, 120.0, LimitSpec { unc: Some(600.0), ucr: Some(720.0), ..none }),
        }
    }

    pub const fn has_thresholds(&self) -> bool {
        self.code == 1
    }

    /// The reading for a value (the inverse of IPMI 2.0 §36.3), the nearest there is.
    pub fn raw(&self, value: f64) -> u8 {
        let straight = match self.linearisation {
            1 => value.exp(),
            2 => 10f64.powf(value),
            3 => value.exp2(),
            4 => value.ln(),
            5 => value.log10(),
            6 => value.log2(),
            7 => 1.0 / value,
            8 => value.sqrt(),
            9 => value.cbrt(),
            10 => value * value,
            11 => value.powi(3),
            _ => value,
        };
        let steps = straight / 10f64.powi(self.r_exp.into()) - f64::from(self.b) * 10f64.powi(self.b_exp.into());
        let reading = (steps / f64::from(self.m)).round();
        // A float that is out of range is cut to the range by `as`.
        match self.format {
            0 => reading as u8,
            1 => {
                if reading < 0.0 {
                    !((-reading) as u8)
                } else {
                    (reading as u8).min(127)
                }
            }
            _ => reading as i8 as u8,
        }
    }

    /// M, B, accuracy and exponents as a record has them (table 43-1, bytes 25 … 30). It is exact, so that nothing is tolerated.
    pub fn factors(&self) -> [u8; 6] {
        let (m, b) = (self.m.to_le_bytes(), self.b.to_le_bytes());
        [m[0], m[1] << 6, b[0], b[1] << 6, 0, (self.r_exp as u8) << 4 | self.b_exp as u8 & 0x0f]
    }

    /// For comparing readings with limits.
    pub fn ordinal(&self, raw: u8) -> i16 {
        match self.format {
            0 => raw.into(),
            1 if raw & 0x80 != 0 => -i16::from(!raw),
            1 => raw.into(),
            _ => (raw as i8).into(),
        }
    }
}

const fn loopback() -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0)
}

fn suites() -> Vec<u8> {
    vec![3, 17]
}

const fn sessions() -> usize {
    16
}

const fn max_read() -> u8 {
    255
}

const fn log_capacity() -> usize {
    512
}

const fn one() -> u8 {
    1
}

const fn m() -> i16 {
    1
}

fn parts() -> Vec<PartSpec> {
    vec![PartSpec { name: "Laboratory server".into(), serial: "CAKE-LAB-1".into(), entity: (7, 1) }]
}
