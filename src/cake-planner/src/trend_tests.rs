//! Traces are generated here, from a seed: none of them was recorded on a machine. Each has the noise, the rounding, the daily and the
//! weekly cycle that such sensors have.

use super::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Two minutes a point, as the history of a day has them.
const POINTS_OF_HOUR: usize = 30;

/// A sensor that is generated.
struct Trace {
    name: String,
    group: SensorGroup,
    unit: SensorUnit,
    limits: Limits,
    /// Two minutes each.
    points: Vec<f32>,
}

/// How a trace is made.
#[derive(Clone, Copy)]
struct Recipe {
    level: f64,
    /// Between day and night, from the middle.
    daily: f64,
    /// More on working days.
    weekly: f64,
    noise: f64,
    /// What one step of the sensor is worth; a point is the average of twelve readings, which dither where there is noise.
    step: f64,
}

const CPU: Recipe = Recipe { level: 52.0, daily: 6.0, weekly: 4.0, noise: 0.8, step: 0.1 };
const INLET: Recipe = Recipe { level: 23.0, daily: 2.0, weekly: 0.5, noise: 0.3, step: 1.0 };
const FAN: Recipe = Recipe { level: 6000.0, daily: 250.0, weekly: 150.0, noise: 60.0, step: 50.0 };
const RAIL: Recipe = Recipe { level: 12.06, daily: 0.02, weekly: 0.0, noise: 0.02, step: 0.06 };

fn limits(lower: Option<f64>, upper: Option<f64>) -> Limits {
    Limits { lower_non_critical: lower, upper_non_critical: upper, ..Limits::default() }
}

fn made(recipe: Recipe, seed: u64, days: usize, change: impl Fn(f64) -> f64) -> Vec<f32> {
    let mut random = StdRng::seed_from_u64(seed);
    let phase: f64 = random.random_range(0.0..24.0);
    let weekday: usize = random.random_range(0..7);
    (0..days * 24 * POINTS_OF_HOUR)
        .map(|point| {
            let hour = point as f64 / POINTS_OF_HOUR as f64;
            let day = (hour / 24.0) as usize;
            let cycle = recipe.daily * ((hour - phase) / 24.0 * std::f64::consts::TAU).sin();
            let working = if (day + weekday) % 7 < 5 { recipe.weekly } else { 0.0 };
            // Three dice are near enough to a bell.
            let noise: f64 = (0..3).map(|_| random.random_range(-1.0..1.0)).sum::<f64>() * recipe.noise;
            let value = recipe.level + cycle + working + noise + change(hour);
            ((value / recipe.step).round() * recipe.step) as f32
        })
        .collect()
}

fn temperature(name: &str, upper: f64, points: Vec<f32>) -> Trace {
    let (group, unit) = (SensorGroup::Temperature, SensorUnit::Celsius);
    Trace { name: name.into(), group, unit, limits: limits(None, Some(upper)), points }
}

fn fan(name: &str, points: Vec<f32>) -> Trace {
    let (group, unit) = (SensorGroup::Fan, SensorUnit::Rpm);
    Trace { name: name.into(), group, unit, limits: limits(Some(1500.0), None), points }
}

fn rail(name: &str, points: Vec<f32>) -> Trace {
    let (group, unit) = (SensorGroup::Voltage, SensorUnit::Volt);
    Trace { name: name.into(), group, unit, limits: limits(Some(11.4), Some(12.6)), points }
}

fn counter(name: &str, points: Vec<f32>) -> Trace {
    Trace { name: name.into(), group: SensorGroup::Memory, unit: SensorUnit::Count, limits: Limits::default(), points }
}

/// Averages of the hours.
fn hours(points: &[f32]) -> Vec<Option<f32>> {
    points.chunks_exact(POINTS_OF_HOUR).map(|hour| Some(hour.iter().sum::<f32>() / hour.len() as f32)).collect()
}

/// The hours at which something is told that was not told the hour before, by the slow look (each hour) and the quick one (each 2 min).
fn told(trace: &Trace) -> Vec<f64> {
    let (mut told, mut slow, mut fast) = (Vec::new(), None, None);
    let averages = hours(&trace.points);
    let subject = |before| Subject { group: trace.group, unit: trace.unit, limits: &trace.limits, before };
    for point in QUICK_WINDOW..=trace.points.len() {
        let hour = point as f64 / POINTS_OF_HOUR as f64;
        let known: Vec<Option<f32>> = trace.points[point - QUICK_WINDOW..point].iter().copied().map(Some).collect();
        let now = quick(&known, subject(fast)).map(|trend| trend.kind);
        if now.is_some() && fast.is_none() {
            told.push(hour);
        }
        fast = now;
        if point % POINTS_OF_HOUR == 0 {
            let last = point / POINTS_OF_HOUR;
            let window = &averages[last.saturating_sub(WINDOW)..last];
            let now = over_days(window, subject(slow)).map(|trend| trend.kind);
            if now.is_some() && slow.is_none() {
                told.push(hour);
            }
            slow = now;
        }
    }
    told
}

/// When the limit is passed: by an average of ten minutes, so that a bit of noise is none.
fn passes(trace: &Trace) -> Option<f64> {
    let limits = &trace.limits;
    let past = |value: f32| {
        limits.lower_non_critical.is_some_and(|limit| f64::from(value) < limit)
            || limits.upper_non_critical.is_some_and(|limit| f64::from(value) > limit)
    };
    let mut ten = trace.points.windows(5).map(|points| points.iter().sum::<f32>() / 5.0);
    Some((ten.position(past)? + 5) as f64 / POINTS_OF_HOUR as f64)
}

/// Machines on which nothing wears out.
fn calm() -> Vec<Trace> {
    let mut traces = Vec::new();
    let still = |_: f64| 0.0;
    for seed in 0..6 {
        traces.push(temperature(&format!("CPU {seed}"), 80.0, made(CPU, seed, 28, still)));
        traces.push(temperature(&format!("inlet {seed}"), 35.0, made(INLET, seed + 100, 28, still)));
        traces.push(fan(&format!("fan {seed}"), made(FAN, seed + 200, 28, still)));
        traces.push(rail(&format!("rail {seed}"), made(RAIL, seed + 300, 28, still)));
    }
    // Somebody moves work there for good; a fan gets another speed; a part is exchanged for one that measures otherwise.
    let step = |at: f64, by: f64| move |hour: f64| if hour > at { by } else { 0.0 };
    traces.push(temperature("work comes", 80.0, made(CPU, 400, 28, step(240.0, 14.0))));
    traces.push(temperature(
        "work comes twice",
        80.0,
        made(CPU, 401, 28, |h| step(240.0, 7.0)(h) + step(300.0, 7.0)(h)),
    ));
    traces.push(temperature(
        "work goes and comes",
        80.0,
        made(CPU, 402, 28, |h| step(200.0, -12.0)(h) + step(290.0, 20.0)(h)),
    ));
    traces.push(fan("another speed", made(FAN, 403, 28, step(200.0, -3000.0))));
    traces.push(fan("exchanged", made(FAN, 404, 28, step(350.0, 2400.0))));
    traces.push(rail("another supply", made(RAIL, 405, 28, step(100.0, -0.36))));
    // Jobs of three hours that warm up within ten minutes, twice a day.
    let job = |hour: f64| {
        let since = hour % 12.0;
        if since < 3.0 { 22.0 * (1.0 - (-since * 6.0).exp()) } else { 22.0 * (-(since - 3.0) * 6.0).exp() }
    };
    traces.push(temperature("jobs", 85.0, made(Recipe { level: 45.0, ..CPU }, 406, 28, job)));
    // A season: a degree in six days, far from the limit.
    traces.push(temperature("summer comes", 35.0, made(INLET, 407, 28, |hour| hour / 144.0)));
    traces.push(fan("summer goes", made(FAN, 408, 28, |hour| -hour * 1.2)));
    let counts = |seed: u64, often: f64| {
        let mut random = StdRng::seed_from_u64(seed);
        let mut count = 0.0;
        (0..28 * 24 * POINTS_OF_HOUR)
            .map(|_| {
                count += if random.random_bool(often) { 1.0 } else { 0.0 };
                count
            })
            .collect::<Vec<f32>>()
    };
    traces.push(counter("no errors", vec![0.0; 28 * 24 * POINTS_OF_HOUR]));
    traces.push(counter("an error in ten days", counts(409, 1.0 / (240.0 * POINTS_OF_HOUR as f64))));
    let burst = (0..28 * 24 * POINTS_OF_HOUR).map(|point| if point > 9000 { 40.0 } else { 0.0 }).collect();
    traces.push(counter("forty errors at once", burst));
    traces
}

/// Machines on which something does, with the least hours that somebody must know before.
fn failing() -> Vec<(Trace, f64)> {
    let after = |hour: f64, from: f64| (hour - from).max(0.0);
    vec![
        (fan("a bearing wears out in two weeks", made(FAN, 500, 24, |h| -13.5 * after(h, 150.0))), 48.0),
        (fan("a bearing wears out in a week", made(FAN, 501, 20, |h| -26.0 * after(h, 200.0))), 24.0),
        (fan("dust in a fan", made(Recipe { daily: 100.0, ..FAN }, 502, 28, |h| -8.0 * after(h, 60.0))), 48.0),
        (temperature("a filter fills up", 80.0, made(CPU, 503, 24, |h| 0.12 * after(h, 170.0))), 24.0),
        (temperature("an air conditioner weakens", 35.0, made(INLET, 504, 24, |h| 0.055 * after(h, 150.0))), 36.0),
        (rail("a supply sags", made(RAIL, 505, 24, |h| -0.0022 * after(h, 150.0))), 24.0),
        (temperature("cooling fails", 35.0, made(INLET, 506, 6, |h| 14.0 * after(h, 100.0))), 0.2),
        (temperature("an air conditioner stops", 35.0, made(INLET, 508, 6, |h| 5.0 * after(h, 100.0))), 0.2),
        (temperature("a fan stops", 90.0, made(CPU, 507, 6, |h| 18.0 * after(h, 110.0))), 0.5),
    ]
}

/// The promise: on the generated traces without a failure nothing is told, and on those with one it is told in time.
#[test]
fn trends_are_told_in_time_and_nothing_else_is() {
    let mut false_alarms = 0;
    for trace in calm() {
        let told = told(&trace);
        if !told.is_empty() {
            println!("false alarm: {}: {told:?}", trace.name);
        }
        false_alarms += told.len();
    }
    println!("generated, without a failure: {} traces of 28 days, {false_alarms} false alarms", calm().len());
    assert_eq!(false_alarms, 0);
    for (trace, least) in failing() {
        let limit = passes(&trace).unwrap_or_else(|| panic!("{} never fails", trace.name));
        let told = told(&trace).first().copied().unwrap_or_else(|| panic!("nobody tells of {}", trace.name));
        println!("generated, {}: told {:.1} h before its limit", trace.name, limit - told);
        assert!(limit - told >= least, "{}: told at {told}, limit at {limit}", trace.name);
    }
}

#[test]
fn errors_that_become_more_are_told_of() {
    let mut random = StdRng::seed_from_u64(600);
    let mut count = 0.0;
    let points: Vec<f32> = (0..14 * 24 * POINTS_OF_HOUR)
        .map(|point| {
            let hour = point / POINTS_OF_HOUR;
            // From the sixth day on one in six hours, and then more often.
            let often = if hour < 140 { 0.0 } else { (hour - 100) as f64 / 240.0 };
            count += if random.random_bool((often / POINTS_OF_HOUR as f64).min(1.0)) { 1.0 } else { 0.0 };
            count
        })
        .collect();
    let told = told(&counter("memory", points));
    assert!(told.len() == 1 && told[0] > 140.0 && told[0] < 240.0, "{told:?}");
    let anew: Vec<Option<f32>> = (0..200).map(|hour| Some((hour % 30) as f32)).collect();
    let subject =
        Subject { group: SensorGroup::Memory, unit: SensorUnit::Count, limits: &Limits::default(), before: None };
    let found = over_days(&anew, subject).expect("it counts");
    assert!(found.per_day < 24.0 && found.limit.is_none(), "a counter that begins anew counts on: {found:?}");
}

#[test]
fn with_little_evidence_nothing_is_said() {
    let limits = limits(None, Some(80.0));
    let subject = Subject { group: SensorGroup::Temperature, unit: SensorUnit::Celsius, limits: &limits, before: None };
    let rising = |count: usize| (0..count).map(|hour| Some(40.0 + hour as f32 * 0.2)).collect::<Vec<_>>();
    assert!(over_days(&rising(168), subject).is_some());
    assert_eq!(over_days(&rising(80), subject), None, "three days are none");
    let mut gaps = rising(168);
    for hour in gaps.iter_mut().skip(10).step_by(3) {
        *hour = None;
    }
    assert!(over_days(&gaps, subject).is_some(), "a third may be missing");
    gaps.iter_mut().step_by(2).for_each(|hour| *hour = None);
    gaps.iter_mut().step_by(5).for_each(|hour| *hour = None);
    assert_eq!(over_days(&gaps, subject), None, "most may not");
    for odd in [&[][..], &[None; 400], &[Some(f32::NAN); 400], &[Some(f32::MAX); 400], &[Some(f32::INFINITY)]] {
        assert_eq!(over_days(odd, subject), None);
        assert_eq!(quick(odd, subject), None);
    }
    let none = Limits::default();
    assert_eq!(over_days(&rising(168), Subject { limits: &none, ..subject }), None, "without a limit there is no when");
    let load = Subject { group: SensorGroup::Power, unit: SensorUnit::Watt, ..subject };
    assert_eq!(over_days(&rising(168), load), None, "load is no wear");
    // What was told is told on until it is far away again.
    let slow: Vec<_> = (0..168).map(|hour| Some(40.0 + hour as f32 * 0.117)).collect();
    assert_eq!(over_days(&slow, subject), None, "174 hours are too far");
    assert!(over_days(&slow, Subject { before: Some(TrendKind::Rises), ..subject }).is_some());
}
