//! ipmitool is the oracle: what we read of OpenIPMI's simulator is what it reads, field by field.

#[path = "oracle/ipmitool.rs"]
mod ipmitool;
#[path = "oracle/rack.rs"]
mod rack;
mod support;

use anyhow::{Context, Result, bail, ensure};
use cake_bmc::{Bmc, Reading};
use cake_types::{PartFact, PartTrouble, Sensor, SensorState, SensorUnit, ServerEvent};
use ipmitool::{SensorLine, blocks, connect, ipmitool};
use jiff::Timestamp;
use support::ipmi_sim::{PASSWORD, Setup, Simulator};

fn start() -> Result<Simulator> {
    Simulator::start_with(&Setup { commands: rack::commands() + &rack::plates(), ..Setup::default() })
}

/// Their unit in ours, and what their number is multiplied by.
fn unit(theirs: &str) -> (SensorUnit, f64) {
    match theirs {
        "unspecified" => (SensorUnit::None, 1.0),
        "degrees C" => (SensorUnit::Celsius, 1.0),
        "degrees F" => (SensorUnit::Fahrenheit, 1.0),
        "degrees K" => (SensorUnit::Kelvin, 1.0),
        "Volts" => (SensorUnit::Volt, 1.0),
        "Amps" => (SensorUnit::Ampere, 1.0),
        "Watts" => (SensorUnit::Watt, 1.0),
        "Joules" => (SensorUnit::Joule, 1.0),
        "VA" => (SensorUnit::VoltAmpere, 1.0),
        "kPa" => (SensorUnit::Pascal, 1000.0),
        "CFM" => (SensorUnit::Cfm, 1.0),
        "RPM" => (SensorUnit::Rpm, 1.0),
        "Hz" => (SensorUnit::Hertz, 1.0),
        "microsecond" => (SensorUnit::Second, 1e-6),
        "millisecond" => (SensorUnit::Second, 1e-3),
        "second" => (SensorUnit::Second, 1.0),
        "minute" => (SensorUnit::Second, 60.0),
        "hour" => (SensorUnit::Second, 3600.0),
        "day" => (SensorUnit::Second, 86400.0),
        "Decibels" => (SensorUnit::Decibel, 1.0),
        "retry" | "error" => (SensorUnit::Count, 1.0),
        "percent" => (SensorUnit::Percent, 1.0),
        "Watts*hour" => (SensorUnit::KilowattHour, 1e-3),
        _ => (SensorUnit::Other, 1.0),
    }
}

/// They print three decimals.
fn same(ours: Option<f64>, theirs: Option<f64>, factor: f64) -> bool {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => (ours / factor - theirs).abs() <= 0.000_501 + 1e-12 * theirs.abs(),
        (ours, theirs) => ours.is_none() && theirs.is_none(),
    }
}

fn state(ours: SensorState) -> &'static str {
    match ours {
        SensorState::LowerNonCritical => "lnc",
        SensorState::LowerCritical => "lcr",
        SensorState::LowerNonRecoverable => "lnr",
        SensorState::UpperNonCritical => "unc",
        SensorState::UpperCritical => "ucr",
        SensorState::UpperNonRecoverable => "unr",
        SensorState::Ok | SensorState::Warning | SensorState::Critical => "ok",
        SensorState::Unavailable | SensorState::ScanningDisabled | SensorState::Absent | SensorState::EventOnly => "ns",
    }
}

fn is_the_same(ours: &Sensor, theirs: &SensorLine) -> Result<()> {
    // Of several that share a record they show the first, without its number.
    let shared = ours.number == Some(rack::SHARED);
    ensure!(
        if shared { ours.name == "bank1" } else { ours.name == theirs.name.trim() },
        "{} {}",
        ours.name,
        theirs.name
    );
    let (unit, factor) = unit(&theirs.unit);
    if theirs.value.is_some() {
        ensure!(ours.unit == unit, "{}: {:?} {}", ours.name, ours.unit, theirs.unit);
    }
    ensure!(same(ours.value, theirs.value, factor), "{}: {:?} {:?}", ours.name, ours.value, theirs.value);
    let limits = [
        ours.limits.lower_non_recoverable,
        ours.limits.lower_critical,
        ours.limits.lower_non_critical,
        ours.limits.upper_non_critical,
        ours.limits.upper_critical,
        ours.limits.upper_non_recoverable,
    ];
    for (ours, theirs) in limits.into_iter().zip(theirs.limits) {
        ensure!(same(ours, theirs, factor), "{ours:?} {theirs:?}");
    }
    let bit = |key: &str| Ok(1 << u16::from_str_radix(key.rsplit('-').next().context("an offset")?, 16)?);
    let states = ours.facts.iter().map(|fact| bit(&fact.key)).sum::<Result<u16>>()?;
    ensure!(states == theirs.states.unwrap_or(0), "{}: {states:x} {:x?}", ours.name, theirs.states);
    Ok(())
}

#[tokio::test]
async fn every_sensor_says_what_ipmitool_reads() -> Result<()> {
    let simulator = start()?;
    let Reading { sensors, .. } = connect(&simulator, PASSWORD)?.read().await?;
    let listed = ipmitool::elist(&simulator)?;
    let theirs = ipmitool::sensors(&simulator)?;
    let ours: Vec<_> = sensors.iter().filter(|sensor| sensor.state != SensorState::EventOnly).collect();
    let (shared, ours): (Vec<_>, Vec<_>) =
        ours.into_iter().partition(|of| [Some(rack::SHARED + 1), Some(rack::SHARED + 2)].contains(&of.number));
    ensure!(ours.len() == theirs.len() && ours.len() >= 60, "{} {}", ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(&theirs) {
        is_the_same(ours, theirs)?;
        let (number, word, entity) = listed.get(theirs.name.trim()).context("it is in both lists")?;
        ensure!((ours.number, state(ours.state)) == (Some(*number), word.as_str()), "{} {:?}", ours.name, ours.state);
        let of = ours.entity.context("an entity")?;
        ensure!(format!("{}.{}", of.id, of.instance) == *entity, "{}", ours.name);
    }
    // What they do not tell apart.
    let state = |number: u8| sensors.iter().find(|of| of.number == Some(number)).map(|of| (of.state, of.value));
    ensure!(state(rack::NOT_SCANNED) == Some((SensorState::ScanningDisabled, None)));
    ensure!(state(rack::NOT_THERE) == Some((SensorState::Unavailable, None)));
    ensure!(state(rack::ZERO) == Some((SensorState::Ok, Some(0.0))));
    ensure!(state(rack::EVENT_ONLY) == Some((SensorState::EventOnly, None)));
    let names: Vec<_> =
        shared.iter().map(|of| (of.name.as_str(), of.facts.len(), of.entity.map(|of| of.instance))).collect();
    ensure!(names == [("bank2", 1, Some(2)), ("bank3", 1, Some(3))], "{names:?}");
    Ok(())
}

/// 2025-10-09T08:53:20Z.
const WHEN: i64 = 1_760_000_000;

/// Adds a record to the log as another management program would; the simulator puts in the number and the time.
fn add(simulator: &Simulator, bytes: [u8; 16]) -> Result<()> {
    let bytes: Vec<_> = bytes.iter().map(|byte| format!("{byte:#x}")).collect();
    let mut arguments = vec!["raw", "0x0a", "0x44"];
    arguments.extend(bytes.iter().map(String::as_str));
    ipmitool(simulator, &arguments).map(drop)
}

/// A number that they print with at most two decimals.
fn number(text: &str, after: &str) -> Option<f64> {
    text.split_once(after)?.1.split_whitespace().next()?.parse().ok()
}

fn event_is_the_same(ours: &ServerEvent, theirs: &[(String, String)], line: &str) -> Result<()> {
    let field = |name: &str| theirs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let raw = |range: std::ops::Range<usize>| &ours.raw[range.start * 2..range.end * 2];
    let record = field("SEL Record ID").context("a record")?;
    ensure!(ours.id.starts_with(record), "{} {record}", ours.id);
    ensure!(field("Record Type").is_some_and(|of| of.starts_with(raw(2..3))), "{theirs:?}");
    let Some(direction) = field("Event Direction") else {
        // The maker's own.
        let data = field("OEM Defined").and_then(|of| of.split_whitespace().next()).context("data")?;
        let text = ours.fact.text.as_deref().context("a text")?;
        ensure!(ours.fact.key == "ipmi-oem" && text.ends_with(data) && ours.asserted, "{theirs:?} {ours:?}");
        return Ok(());
    };
    ensure!(ours.asserted == (direction == "Assertion Event"), "{record}: {direction}");
    ensure!(field("Sensor Number") == Some(raw(11..12)), "{record}");
    ensure!(field("Event Data") == Some(raw(13..16)), "{record}");
    // In the list in one line: name, then for a threshold what was read and passed.
    // Of several that share a record they know the first only, without its number.
    ensure!(line.contains(&ours.name) || ours.name.starts_with("bank"), "{record}: {line} {}", ours.name);
    let close = |ours: Option<f64>, after: &str| match (ours, number(line, after)) {
        (Some(ours), Some(theirs)) => (ours - theirs).abs() <= 0.005_001,
        (ours, theirs) => ours.is_none() && theirs.is_none(),
    };
    ensure!(close(ours.value, "Reading ") && close(ours.limit, "Threshold "), "{record}: {line} {ours:?}");
    Ok(())
}

/// The time that a line of `-c sel elist` shows, if it shows any.
fn time(line: &str) -> Option<Timestamp> {
    let [_, date, time, ..] = line.split(',').map(str::trim).collect::<Vec<_>>()[..] else { return None };
    let text = format!("{date} {}", time.trim_end_matches(" UTC"));
    let at = jiff::civil::DateTime::strptime("%m/%d/%y %H:%M:%S", text).ok()?;
    Some(at.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}

#[tokio::test]
async fn every_event_says_what_ipmitool_reads() -> Result<()> {
    let simulator = start()?;
    // Events of before have no time that anybody could mean; then the clock is set.
    ipmitool(&simulator, &["sel", "time", "set", "10/09/25 08:53:20"])?;
    for record in [
        // A temperature went below its limit and is well again; a fan without a record; a disk; one that says what was before.
        [0, 0, 2, 0, 0, 0, 0, 0x20, 0, 4, 1, 0x33, 0x01, 0x52, 30, 30],
        [0, 0, 2, 0, 0, 0, 0, 0x20, 0, 4, 1, 0x33, 0x81, 0x52, 35, 30],
        [0, 0, 2, 0, 0, 0, 0, 0x20, 0, 4, 4, 0x77, 0x01, 0x52, 5, 8],
        [0, 0, 2, 0, 0, 0, 0, 0x20, 0, 4, 0x0d, 0x86, 0x6f, 0x01, 0xff, 0xff],
        [0, 0, 2, 0, 0, 0, 0, 0x20, 0, 4, 8, 0x9b, 0x07, 0x42, 0x01, 0xff],
        // Of the BIOS; a class of the maker's; records of the maker's.
        [0, 0, 2, 0, 0, 0, 0, 0x01, 0, 4, 0x0f, 0x06, 0x6f, 0x02, 0x13, 0xff],
        [0, 0, 2, 0, 0, 0, 0, 0x20, 0, 4, 0xc0, 0x10, 0x70, 0x03, 0, 0],
        [0, 0, 0xc1, 0, 0, 0, 0, 0x57, 1, 0, 1, 2, 3, 4, 5, 6],
        [0, 0, 0xe0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13],
    ] {
        add(&simulator, record)?;
    }
    let mut ipmi = connect(&simulator, PASSWORD)?;
    let log = ipmi.events(None).await?;
    let theirs = blocks(&ipmitool(&simulator, &["-v", "sel", "list"])?, "SEL Record ID");
    let lines = ipmitool(&simulator, &["-c", "sel", "elist"])?;
    let lines: Vec<_> = lines.lines().collect();
    ensure!(log.events.len() == theirs.len() && lines.len() == theirs.len(), "{} {}", log.events.len(), theirs.len());
    ensure!(theirs.len() > 60, "{}", theirs.len());
    for ((ours, theirs), line) in log.events.iter().zip(&theirs).zip(lines) {
        event_is_the_same(ours, theirs, line)?;
        ensure!(ours.at == time(line), "{:?} {line}", ours.at);
    }
    let timed: Vec<_> = log.events.iter().filter_map(|event| event.at).map(|at| at.as_second()).collect();
    ensure!(timed.len() == 8 && timed.iter().all(|at| (WHEN..WHEN + 600).contains(at)), "{timed:?}");
    // They round it, we round it up.
    let used =
        number(&ipmitool(&simulator, &["sel", "info"])?.replace('%', " "), "Percent Used     : ").context("a share")?;
    ensure!(log.full.is_some_and(|full| (f64::from(full) - used).abs() <= 1.0), "{:?} {used}", log.full);
    // Only what is newer; then none of it.
    let known = log.events[70].id.clone();
    let newer = ipmi.events(Some(&known)).await?;
    ensure!(!newer.anew && newer.events == log.events[71..], "{}", newer.events.len());
    ipmi.clear_events().await?;
    ensure!(ipmitool(&simulator, &["sel", "info"])?.contains("Entries          : 0"));
    let none = ipmi.events(Some(&known)).await?;
    ensure!(none.anew && none.events.is_empty());
    Ok(())
}

#[tokio::test]
async fn every_name_plate_says_what_ipmitool_reads() -> Result<()> {
    let simulator = start()?;
    let parts = connect(&simulator, PASSWORD)?.parts().await?;
    let theirs = blocks(&ipmitool(&simulator, &["fru", "print", "0"])?, "Chassis Type");
    let theirs = theirs.first().context("ipmitool reads it")?;
    let [own, supply] = &parts[..] else { bail!("{parts:?}") };
    ensure!((own.id.as_str(), own.trouble) == ("0", None), "{own:?}");
    ensure!((supply.name.as_str(), supply.trouble) == ("PSU 2", Some(PartTrouble::Checksum)), "{supply:?}");
    for field in &own.fields {
        let label = match field.what {
            PartFact::ChassisKind => "Chassis Type",
            PartFact::ChassisPart => "Chassis Part Number",
            PartFact::ChassisSerial => "Chassis Serial",
            PartFact::BoardMade => "Board Mfg Date",
            PartFact::BoardMaker => "Board Mfg",
            PartFact::BoardName => "Board Product",
            PartFact::BoardSerial => "Board Serial",
            PartFact::BoardPart => "Board Part Number",
            PartFact::ProductMaker => "Product Manufacturer",
            PartFact::ProductName => "Product Name",
            PartFact::ProductPart => "Product Part Number",
            PartFact::ProductVersion => "Product Version",
            PartFact::ProductSerial => "Product Serial",
            PartFact::ProductAsset => "Product Asset Tag",
            PartFact::Extra => "Extra",
        };
        let values: Vec<_> =
            theirs.iter().filter(|(key, _)| key.ends_with(label)).map(|(_, value)| value.as_str()).collect();
        let same = match field.what {
            PartFact::ChassisKind => values == ["Rack Mount Chassis"] && field.text == "23",
            PartFact::BoardMade => {
                let made = jiff::civil::DateTime::strptime("%a %b %d %H:%M:%S %Y", values[0].trim_end_matches(" UTC"))
                    .or_else(|_| {
                        jiff::civil::DateTime::strptime("%a %b %e %H:%M:%S %Y", values[0].trim_end_matches(" UTC"))
                    })?;
                made.to_zoned(jiff::tz::TimeZone::UTC)?.timestamp().to_string() == field.text
            }
            _ => values.contains(&field.text.as_str()),
        };
        ensure!(same, "{field:?} {theirs:?}");
    }
    // Neither shows the ids of files, which are for whoever wrote them.
    ensure!(own.fields.len() == theirs.len(), "{:?} {theirs:?}", own.fields);
    Ok(())
}
