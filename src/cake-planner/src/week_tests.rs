use super::*;
use cake_types::{Alert, AlertId, ProjectName, Subject};
use jiff::civil::date;
use uuid::Uuid;

fn taipei() -> TimeZone {
    TimeZone::get("Asia/Taipei").unwrap()
}

fn at(zone: &TimeZone, day: i8, hour: i8) -> Timestamp {
    date(2026, 11, day).at(hour, 0, 0, 0).to_zoned(zone.clone()).unwrap().timestamp()
}

#[test]
fn letters_are_due_on_monday_at_eight_by_the_clock_on_the_wall() {
    let zone = taipei();
    // 30 November 2026 is a Monday.
    for (now, last) in [((30, 8), 30), ((30, 7), 23), ((29, 23), 23), ((23, 8), 23), ((27, 12), 23)] {
        assert_eq!(due(at(&zone, now.0, now.1), &zone), at(&zone, last, 8), "{now:?}");
    }
    assert_eq!(next(at(&zone, 23, 8), &zone), at(&zone, 30, 8));
    assert_eq!(next(at(&zone, 30, 7), &zone), at(&zone, 30, 8));
    // Where the clocks change in between, eight o'clock stays eight o'clock.
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    for (year, month, day) in [(2026, 10, 24), (2026, 3, 28)] {
        let now = date(year, month, day).at(12, 0, 0, 0).to_zoned(berlin.clone()).unwrap().timestamp();
        let then = next(now, &berlin).to_zoned(berlin.clone());
        assert_eq!((then.hour(), then.weekday()), (8, Weekday::Monday));
        assert!(then.timestamp().duration_since(now) < SignedDuration::from_hours(48), "{then}");
    }
    assert_eq!(due(Timestamp::MIN, &zone), Timestamp::MIN);
    assert!(next(Timestamp::MAX, &zone) <= Timestamp::MAX);
}

fn subject(name: &str) -> Subject {
    Subject { kind: "vm".into(), id: Uuid::nil(), name: name.into() }
}

fn event(kind: EventKind, severity: Severity, name: &str) -> Event {
    let (at, project) = (Timestamp::UNIX_EPOCH, ProjectName::default());
    Event { at, project, severity, kind, subject: Some(subject(name)), params: BTreeMap::new() }
}

fn began(severity: Severity, name: &str, alert: AlertKind) -> Event {
    let mut event = event(EventKind::AlertBegan, severity, name);
    event.params.insert("alert".into(), alert.as_str().into());
    event
}

fn lines(lines: &[WeekLine]) -> Vec<(WeekKind, usize, usize, String)> {
    lines.iter().map(|line| (line.kind, line.count, line.more, line.names.join(" "))).collect()
}

#[test]
fn a_week_is_counted() {
    let mut tally = Tally::default();
    for name in ["web", "web", "web", "db"] {
        tally.event(&began(Severity::Error, name, AlertKind::VmCrashed));
        tally.event(&event(EventKind::VmCrashed, Severity::Error, name));
        tally.event(&event(EventKind::VmRestarted, Severity::Warning, name));
    }
    tally.event(&began(Severity::Warning, "local", AlertKind::PoolSpace));
    for name in ["a", "b", "c", "d", "e", "f"] {
        tally.event(&event(EventKind::VmCreated, Severity::Info, name));
    }
    tally.event(&event(EventKind::HardwareEvent, Severity::Info, "lab-1"));
    let week = tally.week(
        Timestamp::UNIX_EPOCH,
        Now { vms: 8, running: 7, servers: 3, sensors: 180 },
        &Alerts::new(),
        Vec::new(),
    );
    assert_eq!(
        lines(&week.happened),
        [
            (WeekKind::Alerts, 5, 4, String::new()),
            (WeekKind::Often, 3, 0, "web".into()),
            (WeekKind::VmCrashed, 4, 0, "db web".into()),
            (WeekKind::VmCreated, 6, 2, "a b c d".into()),
        ]
    );
    assert_eq!(
        lines(&week.done),
        [
            (WeekKind::VmRestarted, 4, 0, "db web".into()),
            (WeekKind::Watched, 3, 180, String::new()),
            (WeekKind::Running, 7, 8, String::new()),
        ]
    );
    assert!(week.todo.is_empty());
}

#[test]
fn a_quiet_week_says_so_and_a_wild_one_is_bounded() {
    let week = Tally::default().week(Timestamp::UNIX_EPOCH, Now::default(), &Alerts::new(), Vec::new());
    assert_eq!(lines(&week.happened), [(WeekKind::Quiet, 0, 0, String::new())]);
    let mut tally = Tally::default();
    for number in 0..RECORDS + 10 {
        tally.event(&began(Severity::Error, &format!("vm{}", number % 500), AlertKind::VmCrashed));
    }
    let week = tally.week(Timestamp::UNIX_EPOCH, Now::default(), &Alerts::new(), Vec::new());
    assert_eq!(week.happened.len(), 1 + OFTEN_LINES + 1);
    assert_eq!(week.happened.last().unwrap().kind, WeekKind::Beyond);
}

fn alert(name: &str, severity: Severity, since: i64) -> Alert {
    let subject = Subject { id: Uuid::from_u128(since as u128), ..subject(name) };
    let id = AlertId::of(AlertKind::VmCrashed, &subject, None);
    let (kind, since) = (AlertKind::VmCrashed, Timestamp::from_second(since).unwrap());
    Alert { id, kind, severity, subject, params: BTreeMap::new(), since, acknowledged: None, silenced: None }
}

#[test]
fn what_is_to_be_done_is_the_worst_first_and_leaves_out_what_somebody_sees_to() {
    let mut alerts: Vec<Alert> = (0..9).map(|number| alert(&format!("w{number}"), Severity::Warning, number)).collect();
    alerts.push(alert("bad", Severity::Error, 50));
    alerts.push(alert("info", Severity::Info, 51));
    let by = cake_types::Actor::System;
    let seen = cake_types::Acknowledgement { at: Timestamp::UNIX_EPOCH, by, note: None };
    alerts.push(Alert { acknowledged: Some(seen), ..alert("seen", Severity::Error, 52) });
    let groups = alerts.iter().map(|alert| Grouping { cause: None, beneath: vec![alert.id.clone()] }).collect();
    let open: Alerts = alerts.into_iter().map(|alert| (alert.id.clone(), alert)).collect();
    let week = Tally::default().week(Timestamp::UNIX_EPOCH, Now::default(), &open, groups);
    let names: Vec<&str> = week.todo.iter().map(|todo| todo.alerts[0].subject.name.as_str()).collect();
    assert_eq!(names, ["bad", "w0", "w1", "w2", "w3", "w4"]);
    assert_eq!(week.more, 4);
}
