//! What cake reads of a BMC is what ipmitool reads: every linearisation and format, by both suites, also where the BMC is a bad one.

use crate::support::{PASSWORD, Rig, SUITES, USER};
use anyhow::{Context, Result, ensure};
use cake_bmc::lan::{Hub, Login, Pace, Session};
use cake_bmc::rmcp::Secret;
use cake_bmc::{Bmc, Ipmi};
use cake_bmc_sim::description::{LimitSpec, PartSpec};
use cake_bmc_sim::{Description, SensorSpec};
use cake_types::{BootDevice, ChassisVerb, PartFact, PowerRestore, SensorState};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

fn reader(rig: &Rig) -> Result<Ipmi<Session>> {
    let hub = Hub::new(vec![UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?])?;
    let password = Secret::new(PASSWORD.as_bytes()).context("at most 20 bytes")?;
    let login = Login::new(USER.as_bytes(), password, None).context("at most 16 bytes")?;
    Ok(Ipmi::new(hub.session(rig.sim.address(), login, Pace::default())?, None))
}

/// A sensor that reads this byte.
fn reads(raw: u8, sensor: SensorSpec) -> SensorSpec {
    // Which value that is, is found by trying: only the inverse is known here, as in a BMC.
    let candidates = (-200_000..200_000).map(|step| f64::from(step) / 1000.0);
    let value = candidates.into_iter().find(|value| value.is_finite() && sensor.raw(*value) == raw);
    SensorSpec { value: value.unwrap_or_default(), ..sensor }
}

/// Twelve linearisations, three formats, big and negative factors: 60 of them, each with another reading.
fn every_kind() -> Vec<SensorSpec> {
    let mut sensors = Vec::new();
    let mut add = |name: String, sensor: SensorSpec| {
        let number = sensors.len() as u8 + 1;
        let (kind, unit, entity) = (1 + number % 4, 1 + number % 6, (3 + number % 8, number));
        let code = 1;
        sensors.push(reads(30 + number, SensorSpec { number, name, kind, code, unit, entity, ..sensor }));
    };
    for linearisation in 0..12 {
        for format in 0..3 {
            let sensor = SensorSpec { linearisation, format, m: 1, r_exp: -1, ..SensorSpec::default() };
            add(format!("L {linearisation} format {format}"), sensor);
        }
    }
    for (m, b, b_exp, r_exp) in [
        (511, 0, 0, -3),
        (-512, 0, 0, -3),
        (-1, 100, 0, 0),
        (3, -512, 0, -1),
        (3, 511, 1, -2),
        (2, -20, -1, 1),
        (127, 7, 2, -4),
        (5, 0, 0, -8),
    ] {
        for format in 0..3 {
            let sensor = SensorSpec { format, m, b, b_exp, r_exp, ..SensorSpec::default() };
            add(format!("m {m} b {b} f{format}"), sensor);
        }
    }
    sensors
}

/// Name and reading of each sensor, as `ipmitool sensor` prints it.
async fn by_ipmitool(rig: &Rig, suite: u8) -> Result<BTreeMap<String, Option<f64>>> {
    let text = rig.ipmitool_ok(suite, &["sensor"]).await?;
    let rows = text.lines().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    Ok(rows.map(|row| (row[0].to_owned(), row[1].parse().ok())).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_sensors_of_every_kind_are_what_ipmitool_reads() -> Result<()> {
    for suite in SUITES {
        let rig =
            Rig::start(|description| (description.suites, description.sensors) = (vec![suite], every_kind())).await?;
        let theirs = by_ipmitool(&rig, suite).await?;
        let mut bmc = reader(&rig)?;
        let ours = bmc.read().await?;
        ensure!(ours.sensors.len() == 60 && theirs.len() == 60, "{} and {}", ours.sensors.len(), theirs.len());
        ensure!(ours.watts == Some(240.0));
        for sensor in &ours.sensors {
            let their = theirs.get(&sensor.name).with_context(|| format!("{} in {theirs:?}", sensor.name))?;
            let (our, their) =
                (sensor.value.with_context(|| sensor.name.clone())?, their.with_context(|| sensor.name.clone())?);
            // ipmitool prints three digits behind the point.
            ensure!((our - their).abs() <= 0.000_6 + their.abs() * 1e-6, "{}: {our}, ipmitool {their}", sensor.name);
        }
        bmc.close().await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn states_limits_and_what_has_no_reading() -> Result<()> {
    let rig = Rig::start(|description| {
        // Not more than eight bytes at a time, and a non-linear sensor among them.
        description.max_read = 8;
        let non_linear = SensorSpec { linearisation: 0x70, m: 2, value: 84.0, ..description.sensors[0].clone() };
        description.sensors.push(SensorSpec { number: 11, name: "Odd one".into(), ..non_linear });
        let event_only = SensorSpec {
            number: 12,
            name: "Watchdog".into(),
            kind: 0x23,
            code: 0x6f,
            event_only: true,
            ..SensorSpec::default()
        };
        description.sensors.push(event_only);
    })
    .await?;
    rig.control("set Temp 1 95")?;
    rig.control("set Fan 2 1400")?;
    rig.control("available Rail 3 no")?;
    rig.control("scan Power 4 off")?;
    rig.control("states PSU Status 5 3")?;
    let mut bmc = reader(&rig)?;
    let reading = bmc.read().await?;
    let state = |name: &str| {
        let sensor = reading.sensors.iter().find(|sensor| sensor.name == name).with_context(|| name.to_owned())?;
        anyhow::Ok((sensor.value, sensor.state, sensor.limits.upper_critical))
    };
    ensure!(state("Temp 1")? == (Some(95.0), SensorState::UpperCritical, Some(90.0)));
    ensure!(state("Fan 2")? == (Some(1400.0), SensorState::LowerNonCritical, None));
    ensure!(state("Rail 3")?.0.is_none() && state("Rail 3")?.1 == SensorState::Unavailable);
    ensure!(state("Power 4")?.0.is_none() && state("Power 4")?.1 == SensorState::ScanningDisabled);
    ensure!(state("PSU Status 5")?.1 == SensorState::Critical, "{:?}", state("PSU Status 5"));
    ensure!(state("Odd one")?.0 == Some(84.0), "{:?}", state("Odd one"));
    ensure!(state("Watchdog")?.1 == SensorState::EventOnly);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_grows_wraps_or_lives_in_1970_is_read_to_its_end() -> Result<()> {
    let rig = Rig::start(|description| (description.log_capacity, description.log_wraps) = (64, true)).await?;
    let mut bmc = reader(&rig)?;
    ensure!(bmc.events(None).await?.events.is_empty());
    rig.control("set Temp 1 95")?;
    let log = bmc.events(None).await?;
    ensure!(
        log.events.len() == 2 && log.events.iter().all(|event| event.name == "Temp 1" && event.asserted),
        "{log:?}"
    );
    ensure!(log.events[1].value == Some(95.0) && log.events[1].limit == Some(90.0) && log.events[1].at.is_some());
    let newest = log.events[1].id.clone();
    rig.control("set Temp 1 40")?;
    let log = bmc.events(Some(&newest)).await?;
    ensure!(log.events.len() == 2 && !log.anew && log.events.iter().all(|event| !event.asserted), "{log:?}");

    // It grows while it is read: what was there when the reading began is there, and the reading ends.
    rig.control("fault grow on")?;
    ensure!(bmc.events(Some(&newest)).await?.events.len() >= 2);
    rig.control("fault none")?;
    // It wraps: the entry that was known is gone.
    rig.control("events 100")?;
    let log = bmc.events(Some(&newest)).await?;
    ensure!(log.anew && log.overflowed && log.events.len() == 64, "{} entries", log.events.len());
    // A clock that was never set.
    rig.ipmitool_ok(3, &["raw", "0x0a", "0x49", "0x58", "0x02", "0x00", "0x00"]).await?;
    bmc.clear_events().await?;
    rig.control("set Temp 1 95")?;
    let log = bmc.events(None).await?;
    ensure!(log.events.len() == 2 && log.events[0].at.is_none(), "{log:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_arrive_and_plates_are_whole() -> Result<()> {
    let rig = Rig::start(describe_two_parts).await?;
    let mut bmc = reader(&rig)?;
    for (verb, on) in [(ChassisVerb::On, true), (ChassisVerb::Cycle, true), (ChassisVerb::Off, false)] {
        bmc.power(verb).await?;
        ensure!(bmc.read().await?.chassis.context("a chassis")?.on == on, "{verb:?}");
    }
    bmc.set_restore(PowerRestore::AsBefore).await?;
    bmc.set_boot(BootDevice::Network, true, true).await?;
    ensure!(bmc.boot().await? == BootDevice::Network && rig.state()?["boot"] == 1);
    let boot = rig.ipmitool_ok(17, &["chassis", "bootparam", "get", "5"]).await?;
    ensure!(boot.contains("Force PXE") && boot.contains("BIOS EFI boot"), "{boot}");
    bmc.identify(Some(Duration::from_secs(30))).await?;
    ensure!(rig.state()?["identify"] == "For(30)");
    rig.control("intrusion on")?;
    let chassis = bmc.read().await?.chassis.context("a chassis")?;
    ensure!(chassis.intrusion && chassis.restore == Some(PowerRestore::AsBefore) && chassis.identify == Some(true));

    let parts = bmc.parts().await?;
    ensure!(parts.len() == 2 && parts.iter().all(|part| part.trouble.is_none()), "{parts:?}");
    let line =
        |part: usize, what| parts[part].fields.iter().find(|field| field.what == what).map(|field| field.text.as_str());
    ensure!(
        line(0, PartFact::ProductMaker) == Some("cake laboratory")
            && line(0, PartFact::ProductSerial) == Some("CAKE-LAB-1"),
        "{parts:?}"
    );
    ensure!(parts[1].name == "Power supply 1" && line(1, PartFact::BoardSerial) == Some("CAKE-PSU-1"), "{parts:?}");

    let device = bmc.device().await?;
    ensure!(device.guid.map(|guid| guid.to_string()).as_deref() == rig.state()?["guid"].as_str(), "{device:?}");
    rig.control("fault guid on")?;
    ensure!(bmc.device().await?.guid != device.guid, "another machine answers");
    Ok(())
}

fn describe_two_parts(description: &mut Description) {
    let limits = LimitSpec { ucr: Some(90.0), ..LimitSpec::default() };
    description.sensors[0].limits = limits;
    let supply = PartSpec { name: "Power supply 1".into(), serial: "CAKE-PSU-1".into(), entity: (10, 1) };
    description.parts.push(supply);
}
