//! The part of `/metrics` about power distribution units.

use cake_control::board::DeviceEntry;
use cake_planner::device;
use cake_types::{DeviceKind, Outlet, PduInput, PduReading};
use std::sync::Arc;

use crate::openmetrics::{Exposition, Kind};

type Heard<'a> = [(&'a str, &'a str, &'a PduReading)];

/// What is known now: nothing is said of a unit that is not heard but that it is not.
pub(super) fn families(out: &mut Exposition, devices: &[Arc<DeviceEntry>]) {
    let pdus: Vec<_> = devices.iter().filter(|entry| entry.device.spec.kind == DeviceKind::Pdu).collect();
    if pdus.is_empty() {
        return;
    }
    let help = "Whether a power distribution unit is heard (1) or not (0).";
    let mut up = out.family(Kind::Gauge, "cake_pdu_up", "", help);
    for entry in &pdus {
        let labels = [("pdu", entry.device.meta.name.as_str()), ("feed", feed(entry))];
        up.sample(&labels, u8::from(entry.seen().pdu().is_some()));
    }
    let heard: Vec<(&str, &str, &PduReading)> = pdus
        .iter()
        .filter_map(|entry| Some((entry.device.meta.name.as_str(), feed(entry), entry.seen().pdu()?)))
        .collect();
    let mut watts = out.family(Kind::Gauge, "cake_pdu_power_watts", "watts", "What a power distribution unit gives.");
    for (pdu, feed, reading) in &heard {
        if let Some(given) = reading.watts {
            watts.sample(&[("pdu", pdu), ("feed", feed)], given);
        }
    }
    let mut dead = out.family(Kind::Gauge, "cake_pdu_dead", "", "Whether a unit says that nothing comes in (1).");
    for (pdu, feed, reading) in &heard {
        dead.sample(&[("pdu", pdu), ("feed", feed)], u8::from(device::is_dead(reading)));
    }
    inputs(out, &heard, ("cake_pdu_input_voltage_volts", "volts", "Voltage at an input."), |input| input.volts);
    inputs(out, &heard, ("cake_pdu_input_current_amperes", "amperes", "Current of an input."), |input| input.amps);
    let on = |outlet: &Outlet| outlet.on.map(|on| f64::from(u8::from(on)));
    outlets(out, &heard, ("cake_pdu_outlet_on", "", "Whether an outlet is on (1) or not (0)."), on);
    outlets(out, &heard, ("cake_pdu_outlet_power_watts", "watts", "What an outlet gives."), |outlet| outlet.watts);
}

fn feed(entry: &DeviceEntry) -> &str {
    entry.device.spec.feed.as_deref().unwrap_or_default()
}

fn inputs(
    out: &mut Exposition,
    heard: &Heard<'_>,
    (name, unit, help): (&'static str, &'static str, &'static str),
    of: fn(&PduInput) -> Option<f64>,
) {
    let mut family = out.family(Kind::Gauge, name, unit, help);
    for (pdu, feed, reading) in heard {
        for input in &reading.inputs {
            if let Some(value) = of(input) {
                family.sample(&[("pdu", pdu), ("feed", feed), ("input", &input.id)], value);
            }
        }
    }
}

fn outlets(
    out: &mut Exposition,
    heard: &Heard<'_>,
    (name, unit, help): (&'static str, &'static str, &'static str),
    of: impl Fn(&Outlet) -> Option<f64>,
) {
    let mut family = out.family(Kind::Gauge, name, unit, help);
    for (pdu, feed, reading) in heard {
        for outlet in &reading.outlets {
            if let Some(value) = of(outlet) {
                family.sample(&[("pdu", pdu), ("feed", feed), ("outlet", &outlet.id)], value);
            }
        }
    }
}
