//! What a sensor's history says about its future: whether it nears a limit, and when it will be there if it goes on so.
//!
//! ```text
//!   hours of a week ──► slope between the same hours of different days ──► enough? even? beyond its noise? ──► hours to the limit
//!   two hours       ──► rises from part to part                        ──► even? does it go on so?         ──► minutes to the limit
//! ```
//!
//! A machine is warmer by day than by night, and warmer from one moment to the next when somebody begins to work on it. Neither is a
//! trend: slopes are taken between the same hours of different days (the seasonal form of Theil's and Sen's estimator: Hirsch, Slack
//! and Smith, Water Resources Research 18, 1982), and a change that came in one step is none.

use cake_types::{Limits, SensorGroup, SensorUnit, ServerEvent, TrendKind};

/// Hours of a day, and of the week that is looked at. It is looked again as it was so many hours before: what is a trend only for an hour
/// is none.
const DAY: usize = 24;
const WEEK: usize = 7 * DAY;
const AGO: [usize; 4] = [0, 8, 16, 24];
/// Hours of the history that are needed.
pub const WINDOW: usize = WEEK + AGO[3];
/// Days that must be known, each by half of its hours at least.
const DAYS: usize = 4;
/// A limit that is reached later is nobody's concern yet …
const HORIZON: f64 = 168.0;
/// … and is of nobody's any more when it is so far away again.
const BEYOND: f64 = 336.0;
/// So many of the slopes have to point the same way, from 0 to 1; fewer where a trend was seen before.
const AGREE: f64 = 0.85;
const STILL_AGREE: f64 = 0.7;
/// No single day may have so much of the whole change.
const STEP: f64 = 0.4;
/// The change has to be so many times the noise of a day.
const NOISE: f64 = 3.0;

/// Minutes between two points of a quick look, and points that it needs. It is looked three times, each a point later: what holds only
/// for a moment is none.
pub const QUICK_STEP: u32 = 2;
const QUICK_LOOKS: usize = 3;
pub const QUICK_WINDOW: usize = 4 * 15 + QUICK_LOOKS - 1;
/// Half an hour and two hours: points in each of their four parts, and in how many hours a limit has to be reached to be told of. It is
/// told of until that is twice as far.
const QUICK: [(usize, f64); 2] = [(4, 1.0), (15, 3.0)];
/// Degrees from the first part to the last: less is what a sensor of one degree rounds away. So many times its noise at least.
const QUICK_RISE: f64 = 4.5;
const QUICK_NOISE: f64 = 6.0;
/// What warms up to a new level begins fast and slows down; what is not cooled any more does not. The steps from part to part, in
/// their average.
const QUICK_EVEN: std::ops::RangeInclusive<f64> = 0.65..=1.4;
const QUICK_LAST: f64 = 0.8;

/// Errors that have to be counted in the last days to be spoken of, and on how many of those days.
const COUNTS: f64 = 5.0;
const COUNT_DAYS: usize = 4;
const COUNTED_ON: usize = 3;

/// What is known of a sensor beside its numbers.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    pub group: SensorGroup,
    pub unit: SensorUnit,
    pub limits: &'a Limits,
    /// What was told of it before.
    pub before: Option<TrendKind>,
}

/// Where a sensor goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    pub kind: TrendKind,
    /// As it is now, without its noise.
    pub value: f64,
    pub limit: Option<f64>,
    pub per_day: f64,
    /// Until it is at its limit.
    pub hours: Option<f64>,
}

/// Whether an entry of an event log tells of a memory error that was corrected (IPMI 2.0 table 42-3, memory, offsets 0 and 5).
pub fn is_memory_error(event: &ServerEvent) -> bool {
    event.asserted && ["ipmi-6f-0c-00", "ipmi-6f-0c-05"].contains(&&*event.fact.key)
}

/// Looks at the hours of a week, the newest last: averages of an hour each, `None` where nothing is known. What is about load and not
/// about wear (watts, amperes) has no trend.
pub fn over_days(hours: &[Option<f32>], subject: Subject<'_>) -> Option<Trend> {
    if subject.unit == SensorUnit::Count {
        return counted(hours, subject.before);
    }
    let worn = matches!(
        subject.group,
        SensorGroup::Temperature | SensorGroup::Fan | SensorGroup::Voltage | SensorGroup::Battery | SensorGroup::Drive
    );
    if !worn {
        return None;
    }
    let hours: Vec<Option<f64>> =
        hours.iter().map(|hour| hour.map(f64::from).filter(|hour| hour.is_finite())).collect();
    let found = going(&hours, subject.before)?;
    let Going { kind, slope, last } = found;
    let held = subject.before == Some(kind);
    let before = |ago: &usize| hours.len().checked_sub(*ago).and_then(|end| going(&hours[..end], None));
    if !held && !AGO.iter().all(|ago| before(ago).is_some_and(|before| before.kind == kind)) {
        return None;
    }
    // The middle of the newest day is half a day old.
    let (value, limit) = (last + slope * (DAY / 2) as f64, limit(subject.limits, kind)?);
    let left = (limit - value) / slope;
    let most = if held { BEYOND } else { HORIZON };
    // What has passed its limit is told of as that.
    let near = left > 0.0 && left <= most;
    near.then_some(Trend { kind, value, limit: Some(limit), per_day: slope * DAY as f64, hours: Some(left) })
}

/// A change that is enough to be one.
struct Going {
    kind: TrendKind,
    /// In an hour.
    slope: f64,
    /// The middle of the newest day.
    last: f64,
}

/// What a week says, the newest hour last; of what was told of `before` a little less is enough.
fn going(hours: &[Option<f64>], before: Option<TrendKind>) -> Option<Going> {
    let hours = &hours[hours.len().saturating_sub(WEEK)..];
    let days = days(hours);
    let (first, last) = (known(&days).next()?, known(&days).next_back()?);
    if known(&days).count() < DAYS || last.0 - first.0 + 1 < DAYS {
        return None;
    }
    let slopes = slopes(hours);
    let slope = median(slopes.clone())?;
    let kind = if slope > 0.0 { TrendKind::Rises } else { TrendKind::Falls };
    let agree = slopes.iter().filter(|other| **other * slope > 0.0).count() as f64 / slopes.len() as f64;
    let enough = agree >= if before == Some(kind) { STILL_AGREE } else { AGREE };
    let so = slope != 0.0 && enough && is_even(&days, slope) && !is_noise(hours, slope, last.0 - first.0 + 1);
    so.then_some(Going { kind, slope, last: last.1 })
}

/// The innermost limit where the sensor goes.
fn limit(limits: &Limits, kind: TrendKind) -> Option<f64> {
    let found = match kind {
        TrendKind::Falls => limits.lower_non_critical.or(limits.lower_critical).or(limits.lower_non_recoverable),
        TrendKind::Rises => limits.upper_non_critical.or(limits.upper_critical).or(limits.upper_non_recoverable),
        TrendKind::Counts => None,
    };
    found.filter(|limit| limit.is_finite())
}

/// The middle of each day, the newest last: of days of which half is known.
fn days(hours: &[Option<f64>]) -> Vec<Option<f64>> {
    // The newest day ends now.
    let mut days: Vec<_> = hours
        .rchunks(DAY)
        .map(|day| median(day.iter().flatten().copied().collect()).filter(|_| day.iter().flatten().count() * 2 >= DAY))
        .collect();
    days.reverse();
    days
}

fn known(days: &[Option<f64>]) -> impl DoubleEndedIterator<Item = (usize, f64)> {
    days.iter().enumerate().filter_map(|(at, day)| Some((at, (*day)?)))
}

/// Change an hour, between the same hours of days that are not neighbours.
fn slopes(hours: &[Option<f64>]) -> Vec<f64> {
    let mut slopes = Vec::new();
    for (at, late) in hours.iter().enumerate() {
        for days in 2..=at / DAY {
            if let (Some(late), Some(early)) = (late, hours[at - days * DAY]) {
                slopes.push((late - early) / (days * DAY) as f64);
            }
        }
    }
    slopes
}

/// Spread over the days: no single one of them has most of it, and the newest go on.
fn is_even(days: &[Option<f64>], slope: f64) -> bool {
    let known: Vec<(usize, f64)> = known(days).collect();
    let (Some(first), Some(last)) = (known.first(), known.last()) else { return false };
    let whole = (last.1 - first.1) * slope.signum();
    let steps = known.windows(2).map(|pair| (pair[1].1 - pair[0].1) * slope.signum());
    let largest = steps.fold(0.0, f64::max);
    // The last two days as the rest, if not quite.
    let late =
        known.iter().rev().nth(2).map_or(0.0, |early| (last.1 - early.1) / ((last.0 - early.0).max(1) * DAY) as f64);
    whole > 0.0 && largest <= whole * STEP && late * slope.signum() >= slope.abs() * 0.4
}

/// Whether the change could be nothing: it is less than a few times what one day differs from the others, but for the trend.
fn is_noise(hours: &[Option<f64>], slope: f64, days: usize) -> bool {
    let change = slope.abs() * (days * DAY) as f64;
    let rest: Vec<f64> = hours
        .iter()
        .enumerate()
        .skip(DAY)
        .filter_map(|(at, late)| Some((*late)? - hours[at - DAY]? - slope * DAY as f64))
        .map(f64::abs)
        .collect();
    median(rest).is_none_or(|noise| change < NOISE * noise)
}

/// The middle one; nothing of nothing.
fn median(mut values: Vec<f64>) -> Option<f64> {
    let middle = values.len().checked_sub(1)? / 2;
    let (_, found, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    Some(*found)
}

/// Errors that become more: on most of the last days some, and not only a few. A counter that begins anew has counted nothing.
fn counted(hours: &[Option<f32>], before: Option<TrendKind>) -> Option<Trend> {
    let hours: Vec<f64> = hours.iter().flatten().map(|hour| f64::from(*hour)).filter(|hour| hour.is_finite()).collect();
    let recent = &hours[hours.len().saturating_sub(COUNT_DAYS * DAY)..];
    let more: Vec<f64> = recent.windows(2).map(|pair| (pair[1] - pair[0]).max(0.0)).collect();
    // An hour's average lies between two counts: what is counted in days is whole again.
    let days: Vec<f64> = more.rchunks(DAY).map(|day| day.iter().sum()).collect();
    let (all, on) = (days.iter().sum::<f64>(), days.iter().filter(|day| **day >= 0.5).count());
    let held = before == Some(TrendKind::Counts);
    let enough = if held { on > 0 && all >= 1.0 } else { on >= COUNTED_ON && all >= COUNTS };
    let per_day = all / days.len().max(1) as f64;
    enough.then(|| Trend {
        kind: TrendKind::Counts,
        value: hours.last().copied().unwrap_or(0.0),
        limit: None,
        per_day,
        hours: None,
    })
}

/// Looks at half an hour and at two, the newest point last: a temperature that rises evenly, and is at its limit soon.
pub fn quick(minutes: &[Option<f32>], subject: Subject<'_>) -> Option<Trend> {
    if subject.group != SensorGroup::Temperature {
        return None;
    }
    QUICK.into_iter().find_map(|(part, horizon)| rising(minutes, subject, part, horizon))
}

fn rising(minutes: &[Option<f32>], subject: Subject<'_>, part: usize, horizon: f64) -> Option<Trend> {
    let window = 4 * part + QUICK_LOOKS - 1;
    let minutes = &minutes[minutes.len().checked_sub(window)?..];
    let held = subject.before == Some(TrendKind::Rises);
    let looks = if held { 1 } else { QUICK_LOOKS };
    let mut last = None;
    for look in QUICK_LOOKS - looks..QUICK_LOOKS {
        last = Some(rise(&minutes[look..look + 4 * part], part, held)?);
    }
    let (value, slope) = last?;
    let limit = limit(subject.limits, TrendKind::Rises)?;
    let left = (limit - value) / slope;
    let near = left > 0.0 && left <= if held { 2.0 * horizon } else { horizon };
    near.then_some(Trend {
        kind: TrendKind::Rises,
        value,
        limit: Some(limit),
        per_day: slope * DAY as f64,
        hours: Some(left),
    })
}

/// As it is at the end, and how much it rises in an hour, if it does so evenly. Of one that was told of before it is enough that it
/// still rises.
fn rise(minutes: &[Option<f32>], part: usize, held: bool) -> Option<(f64, f64)> {
    let (mut middles, mut noise) = (Vec::new(), Vec::new());
    for points in minutes.chunks_exact(part) {
        let known: Vec<f64> =
            points.iter().flatten().map(|value| f64::from(*value)).filter(|v| v.is_finite()).collect();
        if known.len() * 2 < part {
            return None;
        }
        let middle = known.iter().sum::<f64>() / known.len() as f64;
        noise.extend(known.iter().map(|value| (value - middle).abs()));
        middles.push(middle);
    }
    let steps: Vec<f64> = middles.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let (whole, last) = (steps.iter().sum::<f64>(), *steps.last()?);
    let step = whole / steps.len() as f64;
    let even = steps.iter().all(|one| QUICK_EVEN.contains(&(one / step))) && last >= step * QUICK_LAST;
    let enough = whole >= QUICK_RISE && whole >= median(noise)? * QUICK_NOISE;
    let still = held && whole >= QUICK_RISE / 2.0 && last > 0.0;
    let hour = 60.0 / f64::from(QUICK_STEP) / part as f64;
    // The middle of the last part is half of it old.
    (even && enough || still).then(|| (middles[3] + step / 2.0, step * hour))
}

#[cfg(test)]
#[path = "trend_tests.rs"]
mod tests;
