//! What must hold for all bytes that a Redfish service can send. Shared by the fuzz target and by the replay on stable Rust.

use cake_bmc::redfish::understand;
use cake_types::{Limits, Sensor, SensorState};

/// Panics when an invariant does not hold.
pub fn redfish(bytes: &[u8]) {
    let path = "/redfish/v1/Chassis/1/Thermal";
    let understood = understand(path, bytes);
    for sensor in &understood.sensors {
        sane(sensor);
        let text = serde_json::to_string(sensor).expect("a sensor can be stored");
        assert_eq!(serde_json::from_str::<Sensor>(&text).expect("and loaded"), *sensor);
    }
    for part in &understood.parts {
        assert!(part.fields.iter().all(|field| is_shown(&field.text)), "{part:?}");
    }
    for event in &understood.log.events {
        assert!(event.fact.key.is_ascii() && event.fact.key.starts_with("redfish"), "{event:?}");
        assert!(event.fact.text.as_deref().is_none_or(is_shown), "{event:?}");
    }
    for link in &understood.links {
        let climbs = link.split('?').next().is_some_and(|path| path.split('/').any(|step| step == ".."));
        assert!(
            link.starts_with("/redfish/") && !climbs && link.bytes().all(|byte| byte.is_ascii_graphic()),
            "{link:?}"
        );
    }
    assert!(is_shown(&understood.complaint));
}

fn sane(sensor: &Sensor) {
    let Limits {
        lower_non_recoverable,
        lower_critical,
        lower_non_critical,
        upper_non_critical,
        upper_critical,
        upper_non_recoverable,
    } = sensor.limits;
    let lower = [lower_non_recoverable, lower_critical, lower_non_critical];
    let upper = [upper_non_critical, upper_critical, upper_non_recoverable];
    let numbers = lower.into_iter().chain(upper).chain([sensor.value]).flatten();
    assert!(numbers.into_iter().all(f64::is_finite), "{sensor:?}");
    assert!(is_shown(&sensor.name) && sensor.id.len() <= 1200, "{sensor:?}");
    let unread = matches!(sensor.state, SensorState::Absent | SensorState::ScanningDisabled);
    assert!(!(unread && sensor.value.is_some()), "{sensor:?}");
}

/// Short enough, and nothing in it that a terminal or a page would obey.
fn is_shown(text: &str) -> bool {
    text.len() <= 4 * 1024 && !text.chars().any(char::is_control)
}
