use super::*;
use cake_types::{
    BmcProblem, DRAW, Limits, Sensor, SensorGroup, SensorHistory as History, SensorState, SensorUnit, Span, Stamp,
    TrendKind,
};
use jiff::Timestamp;
use uuid::Uuid;

const SERVER: ServerId = ServerId(Uuid::from_u128(0x0192_a000_0000_7000_8000_1234_5678_9abc));
const BEGIN: i64 = 1_790_000_000;

fn histories() -> (tempfile::TempDir, Arc<SensorHistories>) {
    let place = tempfile::tempdir().unwrap();
    let (histories, _heard) = SensorHistories::open(place.path().join("sensors")).unwrap();
    (place, histories)
}

fn sensor(id: &str, unit: SensorUnit, value: f64) -> Sensor {
    Sensor {
        id: id.into(),
        number: None,
        name: format!("called {id}"),
        group: if unit == SensorUnit::Rpm { SensorGroup::Fan } else { SensorGroup::Temperature },
        unit,
        value: Some(value),
        state: SensorState::Ok,
        facts: Vec::new(),
        limits: Limits { lower_non_critical: Some(1500.0), ..Limits::default() },
        entity: None,
    }
}

fn status(at: i64, watts: Option<f64>, sensors: Vec<Sensor>) -> ServerStatus {
    let read_at = Some(Timestamp::from_second(at).unwrap());
    ServerStatus { read_at, watts, sensors, ..ServerStatus::unheard(Stamp::default()) }
}

fn read(histories: &SensorHistories, sensor: &str, span: Span, now: i64) -> Option<History> {
    histories.read(SERVER, &Asked { sensor: Some(sensor), span, after: None }, now).unwrap()
}

fn known(history: &History) -> Vec<f32> {
    history.curves[0].mean.iter().flatten().copied().collect()
}

#[test]
fn what_was_read_is_told_by_id_and_by_name_and_all_at_once() {
    let (_place, histories) = histories();
    for reading in 0..100 {
        let sensors =
            vec![sensor("a", SensorUnit::Celsius, 20.0 + reading as f64), sensor("b", SensorUnit::Rpm, 6000.0)];
        histories.take(SERVER, &status(BEGIN + reading * 10, Some(200.0), sensors));
    }
    let now = BEGIN + 990;
    for name in ["a", "called a", "CALLED A"] {
        let hour = read(&histories, name, Span::Hour, now).unwrap();
        assert_eq!((known(&hour).len(), hour.curves[0].mean.len(), hour.step), (100, 360, 10));
        assert_eq!(hour.first, now - 359 * 10);
        assert_eq!(known(&hour).last(), Some(&119.0));
        assert!(hour.curves[0].least.is_empty());
    }
    let day = read(&histories, "a", Span::Day, now).unwrap();
    let curve = &day.curves[0];
    assert_eq!(curve.most.iter().flatten().last(), Some(&119.0));
    assert_eq!(curve.known.iter().flatten().copied().fold(0.0, f32::max), 1.0);
    assert!(read(&histories, "c", Span::Hour, now).is_none(), "nobody is called so");
    let all = histories.read(SERVER, &Asked { sensor: None, span: Span::Hour, after: None }, now).unwrap().unwrap();
    let ids: Vec<&str> = all.curves.iter().map(|curve| &*curve.id).collect();
    assert_eq!(ids, [DRAW, "a", "b", cake_types::MEMORY_ERRORS]);
    assert!(all.curves.iter().all(|curve| curve.mean.len() == 60) && all.step == 60);
    assert_eq!(all.first, now - 59 * 60);
    let asked = Asked { sensor: Some("a"), span: Span::Hour, after: Some(now - 20) };
    assert_eq!(known(&histories.read(SERVER, &asked, now).unwrap().unwrap()), [118.0, 119.0]);
    let other = ServerId(Uuid::from_u128(1));
    let nothing = histories.read(other, &Asked { sensor: None, ..asked }, now).unwrap().unwrap();
    assert!(nothing.curves.is_empty());
    for far in [i64::MIN, i64::MAX] {
        assert!(histories.read(SERVER, &Asked { after: Some(far), ..asked }, now).unwrap().is_some());
    }
}

#[test]
fn numbers_that_are_none_are_not_kept_and_no_bmc_has_more_than_its_places() {
    let (place, histories) = histories();
    let odd = [f64::NAN, f64::INFINITY, 1e300, f64::NEG_INFINITY];
    let sensors = odd.map(|value| sensor(&format!("{value}"), SensorUnit::Celsius, value)).to_vec();
    histories.take(SERVER, &status(BEGIN, Some(f64::NAN), sensors));
    let all = Asked { sensor: None, span: Span::Hour, after: None };
    let read = |now| histories.read(SERVER, &all, now).unwrap().unwrap();
    assert_eq!(read(BEGIN).curves.len(), 1, "only that there were no memory errors");
    // Other sensors at each reading, two of one name, one that calls itself as we do.
    for reading in 1..20 {
        let mut sensors: Vec<_> =
            (0..320).map(|number| sensor(&format!("{reading}.{number}"), SensorUnit::Celsius, 1.0)).collect();
        sensors.push(sensor("twice", SensorUnit::Celsius, 1.0));
        sensors.push(sensor("twice", SensorUnit::Celsius, 2.0));
        sensors.push(sensor(DRAW, SensorUnit::Watt, 666.0));
        histories.take(SERVER, &status(BEGIN + reading * 10, None, sensors));
    }
    let told = read(BEGIN + 190).curves;
    assert_eq!(told.len(), slots::BLOCK * slots::BLOCKS);
    assert!(told.iter().all(|curve| curve.id != DRAW));
    let files = fs::read_dir(place.path().join("sensors").join(SERVER.to_string())).unwrap().count();
    assert_eq!(files, slots::BLOCKS + 1, "and a table");
}

#[test]
fn a_node_that_is_killed_or_ends_goes_on_where_it_was() {
    let (place, histories) = histories();
    let one = |reading: i64| status(BEGIN + reading * 10, Some(100.0), vec![sensor("a", SensorUnit::Celsius, 50.0)]);
    for reading in 0..200 {
        histories.take(SERVER, &one(reading));
    }
    let again = |place: &tempfile::TempDir| SensorHistories::open(place.path().join("sensors")).unwrap().0;
    // Killed: at most what was not written for five minutes is lost.
    let killed = again(&place);
    let left = known(&read(&killed, "a", Span::Hour, BEGIN + 1990).unwrap()).len();
    assert!((170..=200).contains(&left), "{left}");
    drop(killed);
    histories.close();
    let ended = again(&place);
    assert_eq!(known(&read(&ended, "a", Span::Hour, BEGIN + 1990).unwrap()).len(), 200);
    // A table that is torn: its numbers have no names any more.
    let table = place.path().join("sensors").join(SERVER.to_string()).join("slots");
    fs::write(&table, b"[{\"id\":\"a").unwrap();
    let torn = again(&place);
    assert!(read(&torn, "a", Span::Hour, BEGIN + 1990).is_none());
    torn.take(SERVER, &one(300));
    assert_eq!(known(&read(&torn, "a", Span::Hour, BEGIN + 3000).unwrap()), [50.0]);
}

#[test]
fn a_silence_is_a_gap_and_a_bmc_that_is_asked_seldom_has_none() {
    let (_place, histories) = histories();
    let one = |second: i64| status(BEGIN + second, Some(100.0), vec![sensor("a", SensorUnit::Celsius, 50.0)]);
    histories.take(SERVER, &one(0));
    histories.take(SERVER, &one(40));
    assert_eq!(
        known(&read(&histories, "a", Span::Hour, BEGIN + 40).unwrap()).len(),
        5,
        "what was read stands until then"
    );
    let silent = ServerStatus { problem: Some(BmcProblem::Silent), ..one(40) };
    histories.take(SERVER, &silent);
    histories.take(SERVER, &one(90));
    histories.take(SERVER, &one(400));
    assert_eq!(known(&read(&histories, "a", Span::Hour, BEGIN + 400).unwrap()).len(), 7, "nothing is invented");
    let energy = histories.energy(&[SERVER], &[(BEGIN - 86_400, BEGIN + 86_400)], BEGIN + 400).unwrap();
    assert_eq!((energy[0].since_start.joules, energy[0].since_start.known), (4000.0, 40.0));
    let period = energy[0].periods[0];
    assert!((period.known - 70.0).abs() < 0.1 && (period.joules - 7000.0).abs() < 10.0, "{period:?}");
}

#[test]
fn a_server_that_goes_takes_its_histories_with_it() {
    let (place, histories) = histories();
    let one = || status(BEGIN, Some(100.0), vec![sensor("a", SensorUnit::Celsius, 50.0)]);
    histories.take(SERVER, &one());
    histories.forget(SERVER).unwrap();
    // A reading that was under way.
    histories.take(SERVER, &one());
    assert_eq!(fs::read_dir(place.path().join("sensors")).unwrap().count(), 0);
    let other = ServerId(Uuid::from_u128(7));
    histories.take(other, &one());
    histories.close();
    histories.sweep(&HashSet::from([other])).unwrap();
    assert_eq!(fs::read_dir(place.path().join("sensors")).unwrap().count(), 1);
    histories.sweep(&HashSet::new()).unwrap();
    assert_eq!(fs::read_dir(place.path().join("sensors")).unwrap().count(), 0);
}

#[test]
fn a_fan_that_slows_for_days_is_noticed() {
    let (_place, histories) = histories();
    // A reading a minute is enough: each stands until the next.
    let minutes = 6 * 24 * 60;
    for minute in 0..minutes {
        let value = 6000.0 - 3600.0 * minute as f64 / minutes as f64;
        let sensors = vec![sensor("fan", SensorUnit::Rpm, value), sensor("other", SensorUnit::Rpm, 6000.0)];
        histories.take(SERVER, &status(BEGIN + minute * 60, None, sensors));
    }
    let trends = histories.trends(SERVER);
    assert_eq!(trends.len(), 1, "{trends:?}");
    let trend = &trends[0];
    assert_eq!((&*trend.sensor, trend.kind, trend.limit), ("fan", TrendKind::Falls, Some(1500.0)));
    assert!(trend.hours.is_some_and(|hours| (30.0..60.0).contains(&hours)), "{trend:?}");
    assert!((trend.per_day + 600.0).abs() < 20.0, "{trend:?}");
}

/// What came from others' hands is as it was, or set aside.
#[test]
fn a_page_that_is_torn_costs_its_own_points_only() {
    let (place, histories) = histories();
    for reading in 0..300 {
        histories.take(SERVER, &status(BEGIN + reading * 10, None, vec![sensor("a", SensorUnit::Celsius, 50.0)]));
    }
    histories.close();
    let file = place.path().join("sensors").join(SERVER.to_string()).join(format!("{}.usage", SERVER.0));
    let mut bytes = fs::read(&file).unwrap();
    let written = bytes.chunks(4096).position(|page| page[0] != 0).unwrap();
    bytes[written * 4096 + 2000] ^= 1;
    fs::write(&file, bytes).unwrap();
    let again = SensorHistories::open(place.path().join("sensors")).unwrap().0;
    let hour = read(&again, "a", Span::Hour, BEGIN + 2990).unwrap();
    assert!(hour.set_aside.is_some());
    assert_eq!(known(&hour).len(), 300 - 16);
}
