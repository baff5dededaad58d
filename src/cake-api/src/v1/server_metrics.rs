//! The part of `/metrics` about servers: what their BMCs say.

use cake_control::board::ServerEntry;
use cake_control::energy::EnergyOfServer;
use cake_planner::server;
use cake_types::{Sensor, SensorUnit, ServerStatus};
use std::sync::Arc;

use crate::openmetrics::{Exposition, Kind};

/// Values by their unit: name of the family, its unit, help.
const FAMILIES: [(SensorUnit, &str, &str, &str); 7] = [
    (SensorUnit::Celsius, "cake_sensor_temperature_celsius", "celsius", "Temperature that a server measures."),
    (SensorUnit::Rpm, "cake_sensor_fan_rpm", "rpm", "Speed of a fan of a server, in turns a minute."),
    (SensorUnit::Volt, "cake_sensor_voltage_volts", "volts", "Voltage that a server measures."),
    (SensorUnit::Ampere, "cake_sensor_current_amperes", "amperes", "Current that a server measures."),
    (SensorUnit::Watt, "cake_sensor_power_watts", "watts", "Power that a part of a server draws or gives."),
    (SensorUnit::Percent, "cake_sensor_level_percent", "percent", "What a server measures in per cent."),
    (SensorUnit::Count, "cake_sensor_count", "", "What a server counts."),
];

/// What is known now: nothing is said of a server that is not heard but that it is not.
pub(super) fn families(out: &mut Exposition, servers: &[Arc<ServerEntry>]) {
    let watched: Vec<_> = servers.iter().filter(|entry| entry.server.spec.bmc.is_some()).collect();
    if watched.is_empty() {
        return;
    }
    let mut up = out.family(Kind::Gauge, "cake_server_bmc_up", "", "Whether a server's BMC is heard (1) or not (0).");
    for entry in &watched {
        up.sample(&[("server", entry.server.meta.name.as_str())], u8::from(heard(entry).is_some()));
    }
    let heard: Vec<(&str, &ServerStatus)> =
        watched.iter().filter_map(|entry| Some((entry.server.meta.name.as_str(), heard(entry)?))).collect();
    let mut power = out.family(Kind::Gauge, "cake_server_on", "", "Whether a server is switched on (1) or not (0).");
    for (name, status) in &heard {
        if let Some(chassis) = status.chassis {
            power.sample(&[("server", name)], u8::from(chassis.on));
        }
    }
    let mut faults =
        out.family(Kind::Gauge, "cake_server_chassis_faults", "", "Faults that a server's chassis reports.");
    for (name, status) in &heard {
        if let Some(chassis) = &status.chassis {
            faults.sample(&[("server", name)], server::faults(chassis).len());
        }
    }
    let mut watts = out.family(Kind::Gauge, "cake_server_power_watts", "watts", "What a whole server draws.");
    for (name, status) in &heard {
        if let Some(drawn) = status.watts {
            watts.sample(&[("server", name)], drawn);
        }
    }
    let mut bad =
        out.family(Kind::Gauge, "cake_server_sensors_in_trouble", "", "Sensors that somebody should look at.");
    for (name, status) in &heard {
        bad.sample(&[("server", name)], server::troubles(status).len());
    }
    sensors(out, &heard);
}

/// What was drawn since the node began to watch, as far as it is known: of the time of which nothing is known nothing is counted.
pub(super) fn energy(out: &mut Exposition, servers: &[EnergyOfServer]) {
    let known: Vec<_> = servers.iter().filter(|server| server.since_start.known > 0.0).collect();
    if known.is_empty() {
        return;
    }
    let help = "Energy that a server has drawn while it was heard, since the node began to watch.";
    let mut family = out.family(Kind::Counter, "cake_server_energy_joules", "joules", help);
    for server in known {
        family.sample(&[("server", server.name.as_str())], server.since_start.joules);
    }
}

fn heard(entry: &ServerEntry) -> Option<&ServerStatus> {
    entry.status.as_ref().filter(|status| status.problem.is_none() && status.read_at.is_some())
}

fn sensors(out: &mut Exposition, heard: &[(&str, &ServerStatus)]) {
    for (unit, name, word, help) in FAMILIES {
        let of = |sensor: &&Sensor| sensor.unit == unit && sensor.value.is_some();
        if !heard.iter().any(|(_, status)| status.sensors.iter().any(|sensor| of(&sensor))) {
            continue;
        }
        let mut family = out.family(Kind::Gauge, name, word, help);
        for (server, status) in heard {
            for sensor in status.sensors.iter().filter(of) {
                if let Some(value) = sensor.value {
                    family.sample(&[("server", server), ("sensor", &sensor.name), ("id", &sensor.id)], value);
                }
            }
        }
    }
}
