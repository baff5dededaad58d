//! When a disk will be worn out, from the moments at which the percentage of its life stepped.
//!
//! ```text
//!   what it says, each hour ──► steps (32 at most) ──► two weeks of them ──► enough? even? ──► pace ──► when it is at 100 %
//! ```
//!
//! The percentage is a whole number, so between two steps nothing is known but that there was none. A disk of an office steps once in a
//! month, and a heavy day makes it step a few times: neither wears out soon. One that a data base eats steps every day.

use cake_types::{WearRecord, WearStep};
use jiff::Timestamp;

/// Steps that are kept of a disk.
pub const STEPS: usize = 32;
const DAY: i64 = 24 * 3600;
/// What is older says how the disk was used, not how it is used: two weeks have each day of the week twice.
const WINDOW: i64 = 14 * DAY;
/// From the first step of the window to its last there have to be so many days and so many per cent. Fewer are a copy that takes
/// a night, or the import of a new server's first day.
const EVIDENCE: i64 = 3 * DAY;
const RISE: u32 = 3;
/// No further than so many times what was seen is looked ahead: three days say something of three weeks, a week of two months.
const REACH: f64 = 8.0;
/// No day may have so much of the whole rise: what one heavy day wore is no pace.
const EVEN: f64 = 0.4;
/// Told of when it is worn out so soon. To notice, to be allowed the money, to order and to be sent a disk of a server takes a small
/// company weeks, and somebody may be on holiday for two of them …
const SOON: i64 = 60 * DAY;
/// … and until it is half as far again.
const BEYOND: i64 = 90 * DAY;
/// So many per cent from one look to the next are no wear: firmware counts otherwise since it was updated, or the disk was elsewhere.
/// No disk lasts that writes so much in an hour.
const JUMP: u32 = 5;

/// Takes in what a disk says now, and gives the moment (to the hour) at which it is worn out at its pace of the last two weeks, if that
/// is soon. Nothing where too little is known, where its wear goes unevenly, and where it is worn out already.
///
/// A percentage that falls or jumps begins anew. A clock that was put back before the last step does not count until it is past it; what
/// steps meanwhile begins anew.
pub fn look(record: &mut WearRecord, percent: u32, now: Timestamp) -> Option<Timestamp> {
    note(record, percent, now);
    let worn_out = worn_out_at(record, now.as_second());
    record.told = worn_out.is_some();
    worn_out
}

/// Whether a record can be one that [`look`] made.
pub fn is_sound(record: &WearRecord) -> bool {
    let rises = |pair: &[WearStep]| pair[0].at <= pair[1].at && pair[0].percent < pair[1].percent;
    record.steps.len() <= STEPS && record.steps.windows(2).all(rises)
}

fn note(record: &mut WearRecord, percent: u32, now: Timestamp) {
    let step = WearStep { at: now, percent };
    match record.steps.last() {
        Some(last) if last.percent == percent => {}
        Some(last) if now >= last.at && percent.checked_sub(last.percent).is_some_and(|rise| rise < JUMP) => {
            thin(record, now);
            record.steps.push(step);
        }
        _ => *record = WearRecord { steps: vec![step], told: false },
    }
}

/// Makes room for a step: by what is too old to count, else by every other one, for a disk that steps so often that a fortnight does not
/// fit.
fn thin(record: &mut WearRecord, now: Timestamp) {
    if record.steps.len() < STEPS {
        return;
    }
    if record.steps[1].at.as_second() < now.as_second().saturating_sub(WINDOW) {
        record.steps.remove(0);
        return;
    }
    let last = record.steps.len() - 1;
    let mut place = 0..;
    record.steps.retain(|_| place.next().is_some_and(|place| place % 2 == 0 || place == last));
}

/// `now` in seconds since 1970.
fn worn_out_at(record: &WearRecord, now: i64) -> Option<Timestamp> {
    // The first is no step: nobody knows since when it was so.
    let known = record.steps.get(1..)?;
    let last = known.last().filter(|last| last.percent < 100)?;
    let now = now.max(last.at.as_second());
    let old = known.partition_point(|step| step.at.as_second() < now - WINDOW);
    let steps = &known[old..];
    let first = steps.first()?;
    let (rise, span) = (last.percent - first.percent, last.at.as_second() - first.at.as_second());
    if rise == 0 || span == 0 {
        return None;
    }
    // In a second. Since the last step it can't have worn by a whole per cent more, or there would be another.
    let pace = (f64::from(rise) / span as f64).min(f64::from(rise + 1) / (now - first.at.as_second()).max(1) as f64);
    let at = last.at.as_second() + (f64::from(100 - last.percent) / pace) as i64;
    let left = at - now;
    let enough = || rise >= RISE && span >= EVIDENCE && left as f64 <= span as f64 * REACH && is_even(steps, rise);
    let soon = if record.told { left <= BEYOND } else { left <= SOON && enough() };
    // It is looked each hour: more than that is not known.
    soon.then(|| Timestamp::from_second(at / 3600 * 3600).ok())?
}

/// Whether the rise is spread over the days.
fn is_even(steps: &[WearStep], rise: u32) -> bool {
    let most = (1..steps.len()).map(|late| {
        let day = steps[late].at.as_second() - DAY;
        // What it was when that day began: it stepped to it before, and steps are later than the one before.
        let before = steps[..late].iter().rposition(|step| step.at.as_second() <= day).unwrap_or(0);
        steps[late].percent - steps[before].percent
    });
    f64::from(most.max().unwrap_or(0)) <= f64::from(rise) * EVEN
}

#[cfg(test)]
#[path = "wear_tests.rs"]
mod tests;
