//! What ipmitool reads, taken apart; and our own session with the same simulator.
#![allow(dead_code, reason = "each test program uses a part of it")]

use crate::support::ipmi_sim::{PASSWORD, Simulator, USER};
use anyhow::{Context, Result, ensure};
use cake_bmc::Ipmi;
use cake_bmc::lan::{Hub, Login, Pace, Session};
use cake_bmc::rmcp::Secret;
use std::collections::HashMap;
use std::net::{Ipv4Addr, UdpSocket};
use std::process::Command;
use std::time::Duration;

/// For a machine that is busy.
const PATIENT: Pace = Pace {
    first: Duration::from_millis(500),
    least: Duration::from_millis(100),
    most: Duration::from_secs(2),
    lost: Duration::from_secs(10),
    total: Duration::from_secs(60),
    keep_alive: Duration::from_secs(25),
    outstanding: 1,
};

pub fn connect(simulator: &Simulator, password: &str) -> Result<Ipmi<Session>> {
    let hub = Hub::new(vec![UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?])?;
    let password = Secret::new(password.as_bytes()).context("a password")?;
    let login = Login::new(USER.as_bytes(), password, None).context("a user")?;
    Ok(Ipmi::new(hub.session(simulator.address(), login, PATIENT)?, None))
}

pub fn ipmitool(simulator: &Simulator, arguments: &[&str]) -> Result<String> {
    let (host, port) = (simulator.address().ip().to_string(), simulator.address().port().to_string());
    let login = ["-I", "lanplus", "-C", "3", "-L", "ADMINISTRATOR", "-H", &host, "-p", &port, "-U", USER, "-E"];
    let mut command = Command::new("ipmitool");
    command.args(login).args(arguments).env("IPMI_PASSWORD", PASSWORD).env("TZ", "UTC").env("LC_ALL", "C");
    let output = command.output().context("ipmitool")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ipmitool {arguments:?}: {}: {text}{error}", output.status);
    Ok(text)
}

/// A line of `-c sensor`.
pub struct SensorLine {
    pub name: String,
    /// Absent where it says `na`.
    pub value: Option<f64>,
    pub unit: String,
    /// Bits of a discrete one.
    pub states: Option<u16>,
    /// LNR, LC, LNC, UNC, UC, UNR.
    pub limits: [Option<f64>; 6],
}

pub fn sensors(simulator: &Simulator) -> Result<Vec<SensorLine>> {
    ipmitool(simulator, &["-c", "sensor"])?.lines().map(sensor).collect()
}

fn sensor(line: &str) -> Result<SensorLine> {
    let fields: Vec<_> = line.split(',').collect();
    ensure!(fields.len() == 10, "{line}");
    let states = match fields[2] {
        // Two bytes, the lower states first; the highest bit means nothing.
        "discrete" => Some(u16::from_str_radix(fields[3].trim_start_matches("0x"), 16)?.swap_bytes() & 0x7fff),
        _ => None,
    };
    let value = if states.is_some() { None } else { fields[1].parse().ok() };
    let limit = |at: usize| fields[4 + at].parse().ok();
    let limits = [0, 1, 2, 3, 4, 5].map(limit);
    Ok(SensorLine { name: fields[0].to_owned(), value, unit: fields[2].to_owned(), states, limits })
}

/// Of `sdr elist`: number, state, entity by name.
pub fn elist(simulator: &Simulator) -> Result<HashMap<String, (u8, String, String)>> {
    let text = ipmitool(simulator, &["sdr", "elist", "all"])?;
    let line = |line: &str| {
        let fields: Vec<_> = line.split('|').map(str::trim).collect();
        let number = u8::from_str_radix(fields[1].trim_end_matches('h'), 16)?;
        Ok((fields[0].to_owned(), (number, fields[2].to_owned(), fields[3].to_owned())))
    };
    // Name plates are in the list too, without a number.
    text.lines()
        .filter(|line| line.split('|').nth(1).is_some_and(|number| number.trim().ends_with('h')))
        .map(line)
        .collect()
}

/// Blocks of `KEY : VALUE` lines, each of which begins with this key.
pub fn blocks(text: &str, first: &str) -> Vec<Vec<(String, String)>> {
    let mut blocks: Vec<Vec<(String, String)>> = Vec::new();
    for line in text.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        let (key, value) = (key.trim(), value.trim());
        if key == first {
            blocks.push(Vec::new());
        }
        if let Some(block) = blocks.last_mut() {
            block.push((key.to_owned(), value.to_owned()));
        }
    }
    blocks
}
