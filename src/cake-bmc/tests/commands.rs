//! What is asked is what the specification says, byte by byte, and what is answered is understood: for what OpenIPMI's simulator
//! does not know (DCMI, LAN settings, device records, sensors that are not linear).

#[path = "support/fake.rs"]
mod fake;

use cake_bmc::command::dcmi::{Exception, PowerLimit};
use cake_bmc::command::lan::{LanSettings, Source};
use cake_bmc::command::user::Privilege;
use cake_bmc::{Bmc, BmcError, Ipmi, Request, Response};
use cake_types::{BootDevice, PowerRestore, SensorState};
use fake::{Fake, Machine, no, ok};
use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Log = Arc<Mutex<Vec<(u8, u8, Vec<u8>)>>>;

/// Keeps every request, and answers by net function and command.
fn script(answers: impl FnMut(&Request) -> Option<Response> + Send + 'static) -> (Ipmi<Fake>, Log) {
    let log = Log::default();
    let (kept, mut answers) = (Arc::clone(&log), answers);
    let trick = move |_: &mut Machine, request: &Request| {
        kept.lock().expect("not poisoned").push((request.net_fn, request.command, request.data.clone()));
        answers(request)
    };
    (Ipmi::new(Fake::with(Machine::default(), trick), None), log)
}

fn asked(log: &Log) -> Vec<(u8, u8, Vec<u8>)> {
    std::mem::take(&mut log.lock().expect("not poisoned"))
}

#[tokio::test]
async fn a_power_limit_is_read_set_and_switched_on() {
    // DCMI 1.5 tables 6-16 to 6-19: 400 W, power off when it is passed for 2 s, sampled each 5 s.
    let limit = [0xdc, 0, 0, 0x01, 0x90, 0x01, 0xd0, 0x07, 0, 0, 0, 0, 5, 0];
    let (mut ipmi, log) = script(move |request| match request.command {
        0x02 => Some(ok(&[0xdc, 0x2c, 0x01, 100, 0, 0xf4, 0x01, 200, 0, 0, 0, 0, 0, 0xe8, 3, 0, 0, 0x40])),
        0x03 => Some(ok(&limit)),
        0x04 | 0x05 => Some(ok(&[0xdc])),
        _ => None,
    });
    let reading = ipmi.power_reading().await.expect("an answer").expect("it measures");
    assert_eq!((reading.now, reading.least, reading.most, reading.average), (300, 100, 500, 200));
    let read = ipmi.power_limit().await.expect("a limit");
    let set = PowerLimit {
        watts: 400,
        exception: Exception::PowerOff,
        correction: Duration::from_secs(2),
        sampling: Duration::from_secs(5),
        active: true,
    };
    assert_eq!(read, set);
    asked(&log);
    ipmi.set_power_limit(set).await.expect("it is set");
    let mut bytes = vec![0xdc, 0, 0, 0];
    bytes.extend(&limit[3..]);
    assert_eq!(asked(&log), [(0x2c, 0x04, bytes), (0x2c, 0x05, vec![0xdc, 1, 0, 0])]);
}

#[tokio::test]
async fn a_limit_that_is_not_active_and_a_bmc_without_dcmi_are_told_apart() {
    let (mut ipmi, _) = script(|request| (request.command == 0x03).then(|| no(0x80)));
    assert!(!ipmi.power_limit().await.expect("none is active").active);
    assert!(matches!(ipmi.power_reading().await, Err(BmcError::Unsupported)));
    // It measures nothing now: that is no zero.
    let (mut ipmi, _) = script(|request| (request.net_fn == 0x2c).then(|| ok(&[[0xdc].as_slice(), &[0; 17]].concat())));
    assert_eq!(ipmi.power_reading().await.expect("an answer"), None);
}

fn settings() -> LanSettings {
    LanSettings {
        address: Ipv4Addr::new(192, 0, 2, 7),
        mask: Ipv4Addr::new(255, 255, 255, 0),
        gateway: Some(Ipv4Addr::new(192, 0, 2, 1)),
        source: Source::Static,
        vlan: Some(0x123),
        mac: [2, 0, 0, 1, 2, 3],
    }
}

#[tokio::test]
async fn lan_settings_are_read_and_set_one_by_one() {
    let (mut ipmi, log) = script(|request| match (request.net_fn, request.command, request.data[1]) {
        (0x0c, 0x01, _) => Some(ok(&[])),
        (0x0c, 0x02, 3) => Some(ok(&[0x11, 192, 0, 2, 7])),
        (0x0c, 0x02, 4) => Some(ok(&[0x11, 0xf1])),
        (0x0c, 0x02, 5) => Some(ok(&[0x11, 2, 0, 0, 1, 2, 3])),
        (0x0c, 0x02, 6) => Some(ok(&[0x11, 255, 255, 255, 0])),
        (0x0c, 0x02, 12) => Some(ok(&[0x11, 192, 0, 2, 1])),
        (0x0c, 0x02, 20) => Some(ok(&[0x11, 0x23, 0x81])),
        other => panic!("{other:?}"),
    });
    assert_eq!(ipmi.lan().await.expect("settings"), settings());
    asked(&log);
    ipmi.set_lan(&settings()).await.expect("set");
    let asked: Vec<_> = asked(&log).into_iter().map(|(_, _, data)| data).collect();
    let all: [&[u8]; 7] = [
        &[0x0e, 0, 1],
        &[0x0e, 20, 0x23, 0x81],
        &[0x0e, 4, 1],
        &[0x0e, 6, 255, 255, 255, 0],
        &[0x0e, 12, 192, 0, 2, 1],
        &[0x0e, 3, 192, 0, 2, 7],
        &[0x0e, 0, 0],
    ];
    assert_eq!(asked, all);
}

#[tokio::test]
async fn a_setting_that_is_refused_is_unlocked_again() {
    let (mut ipmi, log) = script(|request| Some(if request.data.get(1) == Some(&6) { no(0x82) } else { ok(&[]) }));
    assert!(matches!(ipmi.set_lan(&settings()).await, Err(BmcError::Completion(_))));
    assert_eq!(asked(&log).pop().map(|(_, _, data)| data), Some(vec![0x0e, 0, 0]));
}

#[tokio::test]
async fn boot_flags_are_locked_acknowledged_set_and_unlocked() {
    let (mut ipmi, log) = script(|_| Some(ok(&[])));
    ipmi.set_boot(BootDevice::Cd, true, true).await.expect("set");
    let all: [&[u8]; 4] = [&[0, 1], &[4, 1, 1], &[5, 0xa0, 0x14, 0, 0, 0], &[0, 0]];
    assert_eq!(asked(&log).into_iter().map(|(_, _, data)| data).collect::<Vec<_>>(), all);
    // Another one is at it: nothing is set.
    let (mut ipmi, log) = script(|_| Some(no(0x81)));
    assert!(ipmi.set_boot(BootDevice::Cd, true, true).await.is_err());
    assert_eq!(asked(&log).len(), 1);
    let (mut ipmi, _) = script(|_| Some(ok(&[1, 5, 0xe0, 0x04, 0, 0, 0])));
    assert_eq!(ipmi.boot().await.expect("flags"), BootDevice::Network);
    let (mut ipmi, _) = script(|_| Some(ok(&[1, 0x85, 0xe0, 0x04, 0, 0, 0])));
    assert_eq!(ipmi.boot().await.expect("flags"), BootDevice::None, "the parameter is not valid");
}

#[tokio::test]
async fn users_are_changed_byte_by_byte() {
    let (mut ipmi, log) = script(|_| Some(ok(&[])));
    ipmi.set_user_name(3, "admin").await.expect("named");
    ipmi.set_user_password(3, "short").await.expect("set");
    ipmi.set_user_password(3, "seventeen letters").await.expect("set");
    ipmi.set_user_enabled(3, true).await.expect("enabled");
    ipmi.set_user_privilege(3, Privilege::Operator).await.expect("set");
    ipmi.set_restore(PowerRestore::AsBefore).await.expect("set");
    let padded = |head: &[u8], text: &str, length: usize| {
        let mut bytes = [head, text.as_bytes()].concat();
        bytes.resize(head.len() + length, 0);
        bytes
    };
    let all = [
        (6, 0x45, padded(&[3], "admin", 16)),
        (6, 0x47, padded(&[3, 2], "short", 16)),
        (6, 0x47, padded(&[0x83, 2], "seventeen letters", 20)),
        (6, 0x47, vec![3, 1]),
        (6, 0x43, vec![0x9e, 3, 3]),
        (0, 0x06, vec![1]),
    ];
    assert_eq!(asked(&log), all);
    // What is too long is not sent.
    assert!(ipmi.set_user_name(3, "seventeen letters").await.is_err());
    assert!(ipmi.set_user_password(3, "a password of 21 byte").await.is_err());
    assert_eq!(asked(&log), []);
}

#[tokio::test]
async fn a_bmc_without_a_user_name_is_asked_for_every_user() {
    // Three users: one without a name that may log in, one with a name that may not, one that is nobody.
    let (mut ipmi, _) = script(|request| match (request.command, *request.data.last()?) {
        (0x44, 1) => Some(ok(&[3, 0x42, 1, 0x12])),
        (0x44, 2) => Some(ok(&[3, 0x82, 1, 0x0f])),
        (0x44, 3) => Some(ok(&[3, 0x02, 1, 0x0f])),
        (0x46, 2) => Some(ok(b"root\0\0\0\0\0\0\0\0\0\0\0\0")),
        (0x46, _) => Some(no(0xcc)),
        other => panic!("{other:?}"),
    });
    let users = ipmi.users().await.expect("users");
    let told: Vec<_> =
        users.iter().map(|of| (of.number, of.name.as_str(), of.privilege, of.enabled, of.fixed)).collect();
    let all = [(1, "", Privilege::User, Some(true), true), (2, "root", Privilege::None, Some(false), false)];
    assert_eq!(told, all);
}

/// A sensor of the controller's own, in logical unit `lun`.
fn own(lun: u8, number: u8, linearisation: u8, access: u8) -> Vec<u8> {
    let mut body = vec![0x20, lun, number, 3, 1, 0x7f, access << 2, 1, 1, 0, 0, 0, 0, 0x3f, 0x3f, 0, 1, 0];
    body.extend([linearisation, 1, 0, 0, 0, 0, 0]);
    body.extend([0, 0, 0, 0, 0, 0, 95, 90, 80, 5, 10, 20, 0, 0, 0, 0, 0, 0xc1, b'T']);
    [&[number, 0, 0x51, 1, body.len() as u8], &body[..]].concat()
}

#[tokio::test]
async fn records_of_the_controllers_own_are_read_of_every_logical_unit() {
    // Threshold access 3: those of the record are fixed, and nobody can ask for them.
    let records = HashMap::from([(0, own(0, 1, 0, 3)), (2, own(2, 1, 0, 0))]);
    let (mut ipmi, log) = script(move |request| match (request.net_fn, request.command) {
        // A sensor device, without a repository.
        (0x06, 0x01) => Some(ok(&[0x20, 0x81, 2, 0x34, 2, 0x01, 0, 0, 0, 0, 0])),
        (0x04, 0x20) => Some(ok(&[2, 0x85, 1, 2, 3, 4])),
        (0x04, 0x21) => Some(ok(&[&[0xff, 0xff], &records[&request.lun][..]].concat())),
        (0x04, 0x2d) => Some(ok(&[30 + request.lun, 0xc0, 0])),
        _ => None,
    });
    let sensors = ipmi.read().await.expect("a reading").sensors;
    let told: Vec<_> = sensors.iter().map(|of| (of.id.as_str(), of.value, of.limits.upper_critical)).collect();
    assert_eq!(told, [("20.0.01", Some(30.0), Some(90.0)), ("20.2.01", Some(32.0), None)]);
    assert!(!asked(&log).iter().any(|(_, command, _)| *command == 0x27), "no thresholds can be read");
}

#[tokio::test]
async fn a_sensor_that_is_not_linear_is_asked_how_to_read_it() {
    let mut refuses = false;
    let (mut ipmi, _) = script(move |request| match (request.net_fn, request.command) {
        (0x06, 0x01) => Some(ok(&[0x20, 0x81, 2, 0x34, 2, 0x01, 0, 0, 0, 0, 0])),
        (0x04, 0x20) => Some(ok(&[1, 1])),
        (0x04, 0x21) => Some(ok(&[&[0xff, 0xff], &own(0, 1, 0x70, 3)[..]].concat())),
        (0x04, 0x2d) => Some(ok(&[50, 0xc0, 0])),
        // M 3, B 7, both for this reading.
        (0x04, 0x23) if !refuses && request.data == [1, 50] => {
            refuses = true;
            Some(ok(&[51, 3, 0, 7, 0, 0, 0]))
        }
        (0x04, 0x23) => Some(no(0xcc)),
        _ => None,
    });
    let sensor = ipmi.read().await.expect("a reading").sensors.remove(0);
    assert_eq!((sensor.value, sensor.state, sensor.limits.are_none()), (Some(157.0), SensorState::Ok, true));
    // Without its factors there is no value, and no guess.
    let sensor = ipmi.read().await.expect("a reading").sensors.remove(0);
    assert_eq!((sensor.value, sensor.state), (None, SensorState::Ok));
}
