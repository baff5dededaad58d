//! Traces are generated here, from a seed: none of them was recorded on a disk. A disk is looked at each hour, as cake-node does, and
//! says the whole per cent of what it has worn.

use super::*;
use jiff::SignedDuration;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const HOURS: usize = 24;

/// What a disk says each hour until it is worn out or the days are over, and the hour at which it is worn out.
struct Trace {
    name: String,
    says: Vec<u32>,
    ends: Option<usize>,
}

fn start() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn hour(hour: usize) -> Timestamp {
    start() + SignedDuration::from_hours(hour as i64)
}

/// Wears from `from` on, by `pace` (per cent a day, of the day), more by day than by night and a little by chance.
fn made(name: &str, from: f64, days: usize, pace: impl Fn(f64) -> f64) -> Trace {
    let mut random = StdRng::seed_from_u64(name.bytes().map(u64::from).sum());
    let (mut worn, mut says, mut ends) = (from, Vec::new(), None);
    for hour in 0..days * HOURS {
        let day = hour as f64 / HOURS as f64;
        let busy = if (8..20).contains(&(hour % HOURS)) { 1.5 } else { 0.5 };
        worn += pace(day) / HOURS as f64 * busy * random.random_range(0.4..1.6);
        says.push(worn as u32);
        if worn >= 100.0 {
            ends = Some(hour);
            break;
        }
    }
    Trace { name: name.into(), says, ends }
}

/// The hours at which something is told that was not told the hour before.
fn told(trace: &Trace) -> Vec<usize> {
    let (mut record, mut before, mut told) = (WearRecord::default(), false, Vec::new());
    for (at, percent) in trace.says.iter().enumerate() {
        let now = look(&mut record, *percent, hour(at)).is_some();
        assert!(is_sound(&record) && record.told == now, "{}: {record:?}", trace.name);
        if now && !before {
            told.push(at);
        }
        before = now;
    }
    told
}

fn weekday(day: f64) -> bool {
    day as usize % 7 < 5
}

/// Disks that nobody has to order a new one for: none of them wears out within the trace or soon after.
fn calm() -> Vec<Trace> {
    let mut traces = Vec::new();
    // One in a hundred days to one in fourteen, on weekdays.
    for (number, pace) in [0.01, 0.02, 0.04, 0.07].into_iter().enumerate() {
        for from in [0.3, 20.6, 47.0, 74.9] {
            let name = format!("an office's disk {number} from {from} %");
            traces.push(made(&name, from, 300, |day| if weekday(day) { pace } else { pace / 5.0 }));
        }
    }
    let burst = |first: f64, days: f64, pace: f64| {
        move |day: f64| 0.03 + if (first..first + days).contains(&day) { pace } else { 0.0 }
    };
    for (number, pace) in [2.0, 5.0, 9.0].into_iter().enumerate() {
        traces.push(made(&format!("a day of restoring {number}"), 40.2, 200, burst(90.0, 1.0, pace)));
        traces.push(made(&format!("a heavy first day {number}"), 3.4, 60, burst(0.0, 1.0, pace)));
    }
    traces.push(made("servers are moved here over a weekend", 35.7, 200, burst(90.0, 2.5, 2.5)));
    traces.push(made("a first week of imports", 1.2, 60, burst(0.0, 6.0, 1.3)));
    traces.push(made("a month's end", 52.5, 300, |day| if day % 30.0 < 2.0 { 1.0 } else { 0.05 }));
    traces.push(made("a full backup on Sundays", 45.1, 200, |day| if day as usize % 7 == 6 { 1.2 } else { 0.02 }));
    // Firmware that counts otherwise since its update.
    let mut jumps = made("firmware counts more", 20.4, 200, |_| 0.05);
    jumps.says.iter_mut().skip(2000).for_each(|percent| *percent += 15);
    traces.push(jumps);
    let mut jumps = made("firmware counts a little more, twice", 20.8, 200, |_| 0.1);
    jumps.says.iter_mut().skip(2000).for_each(|percent| *percent += 4);
    jumps.says.iter_mut().skip(2100).for_each(|percent| *percent += 4);
    traces.push(jumps);
    let mut falls = made("firmware counts less", 60.4, 200, |_| 0.05);
    falls.says.iter_mut().skip(2000).for_each(|percent| *percent -= 30);
    traces.push(falls);
    let mut dances = made("firmware that does not know", 30.0, 60, |_| 0.0);
    dances.says.iter_mut().enumerate().for_each(|(at, percent)| *percent += (at % 7) as u32);
    traces.push(dances);
    traces
}

/// Disks that wear out, with the least days that somebody must know before.
fn wearing() -> Vec<(Trace, f64)> {
    let after = |first: f64, pace: f64| move |day: f64| if day < first { 0.03 } else { pace };
    let mut traces = vec![
        (made("a data base eats it from its first day on", 0.4, 200, |_| 1.2), 55.0),
        (made("a data base comes, half of the disk is left", 50.3, 300, after(100.0, 0.9)), 40.0),
        (
            made("a data base comes, and works on weekdays", 40.8, 300, |d| {
                if d > 80.0 && weekday(d) { 1.4 } else { 0.02 }
            }),
            45.0,
        ),
        (made("a log that writes day and night", 62.9, 300, after(60.0, 2.0)), 10.0),
        (made("six weeks from now", 55.5, 300, after(30.0, 1.06)), 30.0),
        (made("a cache that is rewritten all the time", 10.3, 100, after(20.0, 6.0)), 9.0),
        (made("it grows a little each week", 30.2, 400, |day| 0.1 + day / 300.0), 45.0),
        (made("steadily, and slowly", 20.1, 500, |_| 0.3), 50.0),
    ];
    let mut updated = made("a data base, and a firmware update in its midst", 20.6, 200, after(10.0, 1.0));
    updated.says.iter_mut().skip(30 * HOURS).for_each(|percent| *percent -= 6);
    updated.ends = Some(updated.says.len());
    traces.push((updated, 50.0));
    traces
}

/// The promise: on the generated traces of disks that last nothing is told, and of those that wear out in time, once.
#[test]
fn disks_that_wear_out_are_told_of_in_time_and_no_others() {
    let mut false_alarms = 0;
    for trace in calm() {
        let told = told(&trace);
        if !told.is_empty() {
            println!("false alarm: {}: {told:?}", trace.name);
        }
        false_alarms += told.len();
    }
    println!("generated, of disks that last: {} traces, {false_alarms} false alarms", calm().len());
    assert_eq!(false_alarms, 0);
    for (trace, least) in wearing() {
        let end = trace.ends.unwrap_or_else(|| panic!("{} lasts", trace.name));
        let told = told(&trace);
        let days = |hour: usize| (end as f64 - hour as f64) / HOURS as f64;
        let first = told.first().map(|hour| days(*hour)).unwrap_or_else(|| panic!("nobody tells of {}", trace.name));
        let threshold = trace.says.iter().position(|percent| *percent >= 80).map_or(0.0, days);
        println!(
            "generated, {}: told {first:.1} days before its end, told {} times; 80 % is {threshold:.1} days before",
            trace.name,
            told.len()
        );
        assert!(first >= least, "{}: {first:.1} days", trace.name);
    }
}

fn record(days: &[(i64, u32)]) -> WearRecord {
    let step = |(day, percent): &(i64, u32)| WearStep {
        at: start() + SignedDuration::from_hours(day * 24),
        percent: *percent,
    };
    WearRecord { steps: days.iter().map(step).collect(), told: false }
}

fn day(day: i64) -> Timestamp {
    start() + SignedDuration::from_hours(day * 24)
}

#[test]
fn when_it_ends_follows_from_its_steps() {
    let steady = record(&[(0, 75), (1, 76), (2, 77), (3, 78), (4, 79)]);
    assert_eq!(look(&mut steady.clone(), 79, day(4)), Timestamp::from_second(day(25).as_second() / 3600 * 3600).ok());
    assert_eq!(
        look(&mut steady.clone(), 80, day(5)),
        look(&mut steady.clone(), 79, day(4)),
        "at the same pace the same"
    );
    // A heavy time that is over is found to be over, and what was told is told until it is half as far again.
    let mut over = steady.clone();
    let told: Vec<bool> = (4..30).map(|now| look(&mut over, 79, day(now)).is_some()).collect();
    let until = told.iter().position(|told| !told).expect("it ends");
    assert!((10..14).contains(&until) && !told[until..].contains(&true), "{told:?}");
    let young = record(&[(0, 75), (1, 76), (2, 77), (3, 78)]);
    assert_eq!(look(&mut young.clone(), 78, day(3)), None, "two days of steps are too few");
    let mut reached = record(&[(0, 10), (1, 11), (2, 12), (3, 13), (4, 14)]);
    assert_eq!(look(&mut reached, 14, day(4)), None, "86 days are not soon");
    reached.told = true;
    assert!(look(&mut reached, 14, day(4)).is_some(), "but of a disk that was told of they are");
    let mut worn_out = record(&[(0, 95), (1, 96), (2, 97), (3, 98), (4, 99)]);
    assert!(look(&mut worn_out, 99, day(4)).is_some());
    assert_eq!(look(&mut worn_out, 100, day(5)), None, "it is worn out");
    assert_eq!(look(&mut worn_out, u32::MAX, day(6)), None);
    assert_eq!(worn_out.steps.len(), 1);
}

#[test]
fn what_begins_anew_has_no_past() {
    let steady = record(&[(0, 75), (1, 76), (2, 77), (3, 78), (4, 79)]);
    for odd in [0, 78, 79 + JUMP, 100, u32::MAX] {
        let mut other = WearRecord { told: true, ..steady.clone() };
        assert_eq!(look(&mut other, odd, day(5)), None);
        assert_eq!(other, WearRecord { steps: vec![WearStep { at: day(5), percent: odd }], told: false });
    }
}

#[test]
fn a_clock_that_jumps_does_no_harm() {
    let steady = record(&[(0, 75), (1, 76), (2, 77), (3, 78), (4, 79)]);
    let ends = look(&mut steady.clone(), 79, day(4));
    // The clock of a server without a battery, before it is set: nothing has stepped, and what was so is so.
    for now in [Timestamp::UNIX_EPOCH, Timestamp::MIN, day(-300), day(3)] {
        let mut early = steady.clone();
        assert_eq!(look(&mut early, 79, now), ends);
        assert_eq!(early.steps, steady.steps);
        assert_eq!(look(&mut early, 80, now), None, "a step before the last one is none");
        assert_eq!(early.steps.len(), 1);
    }
    for now in [day(4000), Timestamp::MAX] {
        let mut late = steady.clone();
        assert_eq!(look(&mut late, 79, now), None);
        assert_eq!(look(&mut late, 80, now), None);
        assert_eq!(look(&mut late, 80, day(5)), None, "back again");
        assert_eq!(look(&mut late, 81, day(6)), None);
        assert_eq!(late.steps, [WearStep { at: day(6), percent: 81 }], "and so it begins anew");
    }
}

#[test]
fn no_more_is_kept_than_is_needed() {
    let mut record = WearRecord::default();
    // A per cent in five hours: it is gone in three weeks, and a fortnight does not fit.
    let told: Vec<usize> = (0..500)
        .filter(|at| look(&mut record, (*at / 5) as u32, hour(*at)).is_some() && record.steps.len() <= STEPS)
        .collect();
    assert!(is_sound(&record) && told.len() > 400, "{} {record:?}", told.len());
    assert!(!is_sound(&WearRecord { steps: vec![record.steps[3], record.steps[2]], told: false }));
    assert!(!is_sound(&WearRecord { steps: vec![record.steps[3]; 2], told: false }));
    // One that steps once in a month keeps its last steps, whatever was before.
    let mut slow = WearRecord::default();
    for month in 0..60 {
        assert_eq!(look(&mut slow, month as u32, day(month * 30)), None);
    }
    assert_eq!((slow.steps.len(), slow.steps[0].percent), (STEPS, 28));
}

proptest::proptest! {
    /// Whatever a disk and a clock say: a moment is after the last step and within three months of it, and the record is sound.
    #[test]
    fn nothing_breaks_it(says in proptest::collection::vec((0u32..130, -400_000i64..400_000), 0..200)) {
        let (mut record, mut now) = (WearRecord::default(), start());
        for (percent, seconds) in says {
            now += SignedDuration::from_secs(seconds);
            let found = look(&mut record, percent, now);
            proptest::prop_assert!(is_sound(&record));
            let last = record.steps.last().unwrap().at;
            if let Some(found) = found {
                let left = found.duration_since(now.max(last)).as_secs();
                proptest::prop_assert!((-7200..=BEYOND).contains(&left), "{left}");
            }
        }
    }
}
