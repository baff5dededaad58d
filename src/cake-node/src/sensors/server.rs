//! The histories of one server's sensors: a table of places, and a file of rings for each 63 of them.

use super::slots::{BLOCK, Slot, Slots, Wanted};
use super::trends::Trends;
use cake_host::history::{Archive, FLUSH_EVERY, Folder, Layout, PageFile};
use cake_planner::power;
use cake_types::{
    DRAW, Energy, MEMORY_ERRORS, SPARK_POINTS, SensorCurve, SensorHistory, SensorTrend, SensorUnit, ServerId,
    ServerStatus, Span,
};
use jiff::Timestamp;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use uuid::Uuid;

/// Seconds from one point to the next.
const STEP: i64 = Span::Hour.step() as i64;
/// A reading stands until the next, for at most so many points: a BMC that is asked seldom has not been silent in between.
const HOLD: i64 = 6;
/// When each sensor spoke last is written down so often, in seconds.
const SEEN: i64 = 24 * 3600;
const TABLE: &str = "slots";

pub struct ServerHistory {
    path: PathBuf,
    id: ServerId,
    folder: Folder,
    slots: Slots,
    /// When the table was written.
    saved: i64,
    blocks: Vec<Archive<PageFile>>,
    last: Option<Last>,
    /// The point at which the files were written.
    flushed: i64,
    since_start: Energy,
    trends: Trends,
}

/// The last reading.
struct Last {
    at: Timestamp,
    point: i64,
    rows: Vec<Vec<f32>>,
    watts: Option<f64>,
}

/// Curves that are asked for.
pub struct Asked<'a> {
    /// By id or name; without it all of them, with few points each.
    pub sensor: Option<&'a str>,
    pub span: Span,
    /// Only what is newer, in seconds since 1970.
    pub after: Option<i64>,
}

impl ServerHistory {
    /// Takes up what is in the folder, or begins. A table that can't be read makes what is beside it numbers without names: all of it
    /// is removed. `now`: seconds since 1970.
    pub fn open(path: PathBuf, id: ServerId, now: i64) -> io::Result<Self> {
        let slots = match fs::read(path.join(TABLE)) {
            Ok(text) => Slots::parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if slots.is_none() && fs::exists(&path)? {
            tracing::warn!(server = %id, "the histories of a server's sensors have no table of places; they begin anew");
            fs::remove_dir_all(&path)?;
        }
        let folder = Folder::open(path.clone())?;
        // What was set aside long ago.
        folder.sweep(|_| true)?;
        let (slots, flushed) = (slots.unwrap_or_default(), now.div_euclid(STEP) - phase(id));
        let (blocks, last, since_start) = (Vec::new(), None, Energy::default());
        let mut history =
            Self { path, id, folder, slots, saved: now, blocks, last, flushed, since_start, trends: Trends::default() };
        history.open_blocks(now)?;
        Ok(history)
    }

    fn layout(&self, block: usize) -> Layout {
        // The first is called as the server, the others nearly so.
        let subject = Uuid::from_u128(self.id.0.as_u128() ^ ((block as u128) << 120));
        Layout::of_sensors(subject, BLOCK as u16)
    }

    fn open_blocks(&mut self, now: i64) -> io::Result<()> {
        while self.blocks.len() < self.slots.blocks() {
            let archive = self.folder.archive(self.layout(self.blocks.len()), now)?;
            self.blocks.push(archive);
        }
        Ok(())
    }

    /// Takes in a reading; what the server was before it fell silent is over. Gives the sensors that near a limit.
    pub fn take(&mut self, status: &ServerStatus) -> io::Result<Vec<SensorTrend>> {
        self.take_row(status)?;
        if let (Some(at), None) = (status.read_at, status.problem) {
            let mut trends = std::mem::take(&mut self.trends);
            let looked = trends.look(self, status, at.as_second());
            self.trends = trends;
            looked?;
        }
        Ok(self.trends.all())
    }

    fn take_row(&mut self, status: &ServerStatus) -> io::Result<()> {
        let Some(at) = status.read_at.filter(|_| status.problem.is_none()) else {
            self.last = None;
            return self.flush(None);
        };
        let point = (at.as_millisecond() + STEP * 500).div_euclid(STEP * 1000);
        self.count(at);
        if self.last.as_ref().is_some_and(|last| last.point == point) {
            // An order was carried out: it was read once more.
            return Ok(());
        }
        let rows = self.rows(status, at.as_second())?;
        self.hold(point)?;
        for (archive, row) in self.blocks.iter_mut().zip(&rows) {
            archive.add(point, row)?;
        }
        self.last = Some(Last { at, point, rows, watts: drawn(status) });
        self.flush(Some(point))
    }

    /// What was drawn since the last reading.
    fn count(&mut self, at: Timestamp) {
        let Some(last) = &mut self.last else { return };
        let seconds = at.duration_since(last.at).as_secs_f64();
        if let Some(watts) = last.watts.filter(|_| seconds > 0.0 && seconds <= (HOLD * STEP) as f64) {
            self.since_start.joules += watts * seconds;
            self.since_start.known += seconds;
        }
        last.at = at;
    }

    /// The last reading stood until this one.
    fn hold(&mut self, point: i64) -> io::Result<()> {
        let Some(last) = self.last.as_ref().filter(|last| point > last.point && point - last.point <= HOLD) else {
            return Ok(());
        };
        for point in last.point + 1..point {
            for (archive, row) in self.blocks.iter_mut().zip(&last.rows) {
                archive.add(point, row)?;
            }
        }
        Ok(())
    }

    /// A row for each file. New sensors get a place first, and that is written down before anything is in it.
    fn rows(&mut self, status: &ServerStatus, now: i64) -> io::Result<Vec<Vec<f32>>> {
        let own = |id, unit, value| (Wanted { id, name: "", unit }, value);
        let drawn = drawn(status).map(|watts| own(DRAW, SensorUnit::Watt, watts));
        let errors = own(MEMORY_ERRORS, SensorUnit::Count, f64::from(status.memory_errors));
        let measured = status.sensors.iter().filter_map(|sensor| {
            // Another by this name is a BMC's lie.
            let wanted = Wanted { id: &sensor.id, name: &sensor.name, unit: sensor.unit };
            Some((wanted, sensor.value.filter(|_| ![DRAW, MEMORY_ERRORS].contains(&&*sensor.id))?))
        });
        let (mut placed, mut anew) = (Vec::new(), false);
        for (wanted, value) in drawn.into_iter().chain(measured).chain([errors]) {
            let value = value as f32;
            if value.is_finite()
                && let Some((place, new)) = self.slots.place(wanted, now)
            {
                anew |= new;
                placed.push((place, value));
            }
        }
        if anew || (now - self.saved).abs() >= SEEN {
            self.save(now)?;
            self.open_blocks(now)?;
        }
        let mut rows = vec![vec![f32::NAN; BLOCK]; self.blocks.len()];
        for (place, value) in placed {
            if let Some(number) = rows.get_mut(place / BLOCK).and_then(|row| row.get_mut(place % BLOCK)) {
                // Of two that call themselves the same the first counts.
                *number = if number.is_nan() { value } else { *number };
            }
        }
        Ok(rows)
    }

    /// Either the old table is there or the new one is whole.
    fn save(&mut self, now: i64) -> io::Result<()> {
        let text = serde_json::to_vec(&self.slots).map_err(io::Error::other)?;
        let new = self.path.join("new");
        let mut file = File::create(&new)?;
        file.write_all(&text)?;
        file.sync_data()?;
        fs::rename(&new, self.path.join(TABLE))?;
        self.saved = now;
        Ok(())
    }

    /// Writes when it is time to; without a point now.
    fn flush(&mut self, point: Option<i64>) -> io::Result<()> {
        let due = point.is_none_or(|point| (point - self.flushed).abs() >= i64::from(FLUSH_EVERY));
        if due {
            self.flushed = point.unwrap_or(self.flushed);
            for archive in &mut self.blocks {
                archive.flush()?;
            }
        }
        Ok(())
    }

    /// Writes everything: nobody adds to it for a while.
    pub fn close(&mut self) -> io::Result<()> {
        for archive in &mut self.blocks {
            archive.close()?;
        }
        Ok(())
    }

    /// `None`: no such sensor has ever spoken.
    pub fn read(&self, asked: &Asked<'_>, now: i64) -> io::Result<Option<SensorHistory>> {
        let step = i64::from(asked.span.step());
        // The last point of the coarser spans is not over yet.
        let last = if asked.span == Span::Hour { now.div_euclid(step) } else { (now - 1).div_euclid(step) + 1 };
        let oldest = last - i64::from(asked.span.points()) + 1;
        let set_aside = (0..self.blocks.len()).find_map(|block| self.folder.set_aside_at(self.layout(block).subject));
        let set_aside = set_aside.and_then(|at| Timestamp::try_from(at).ok());
        let mut history = SensorHistory { set_aside, ..nothing(asked.span, now) };
        let Some(sensor) = asked.sensor else {
            let count = asked.span.points().div_ceil(SPARK_POINTS);
            let points = i64::from(asked.span.points() / count);
            history.step *= count;
            history.first = last * step - (points - 1) * i64::from(history.step);
            history.curves = self.sparks(asked.span, (oldest, last), count as usize)?;
            return Ok(Some(history));
        };
        let Some(place) = self.slots.find(sensor) else { return Ok(None) };
        let first =
            asked.after.map_or(oldest, |after| after.div_euclid(step).saturating_add(1).clamp(oldest, last + 1));
        history.first = first * step;
        let numbers = self.numbers(place / BLOCK, asked.span, (first, last))?;
        history.curves = vec![self.curve(place, asked.span, first, &numbers)];
        Ok(Some(history))
    }

    /// Where a sensor is, if it has a place.
    pub(super) fn place(&self, id: &str, name: &str, unit: SensorUnit) -> Option<usize> {
        let is = |slot: &Slot| slot.id == id && slot.name == name && slot.unit == unit;
        self.slots.all().find(|(_, slot)| is(slot)).map(|(place, _)| place)
    }

    pub(super) fn numbers(&self, block: usize, span: Span, (first, last): (i64, i64)) -> io::Result<Vec<f32>> {
        // A page that is torn is set aside when the file is opened again; until then its points are not there.
        self.blocks.get(block).map_or(Ok(Vec::new()), |archive| Ok(archive.read(span, first, last)?.numbers))
    }

    /// One curve, with all that is kept of it.
    fn curve(&self, place: usize, span: Span, first: i64, numbers: &[f32]) -> SensorCurve {
        let fold = |fold: usize| self.column(place, span, first, numbers, fold);
        let (mut curve, coarse) = (self.named(place), span != Span::Hour);
        curve.mean = fold(0);
        if coarse {
            (curve.least, curve.most, curve.known) = (fold(1), fold(2), fold(3));
        }
        curve
    }

    fn named(&self, place: usize) -> SensorCurve {
        let slot = self.slots.all().nth(place).map(|(_, slot)| slot.clone());
        let (id, name, unit) = slot
            .map_or_else(|| (String::new(), String::new(), SensorUnit::None), |slot| (slot.id, slot.name, slot.unit));
        SensorCurve { id, name, unit, mean: Vec::new(), least: Vec::new(), most: Vec::new(), known: Vec::new() }
    }

    /// One column of the rows, without what was another sensor's.
    pub(super) fn column(
        &self,
        place: usize,
        span: Span,
        first: i64,
        numbers: &[f32],
        fold: usize,
    ) -> Vec<Option<f32>> {
        let width = usize::from(self.layout(0).columns(span));
        let since = self.slots.all().nth(place).map_or(i64::MAX, |(_, slot)| slot.since);
        let own = |point: i64| point.saturating_mul(span.step().into()) >= since;
        let rows = numbers.chunks_exact(width).zip(first..);
        let number = |row: &[f32]| Some(row[fold * BLOCK + place % BLOCK]).filter(|number| number.is_finite());
        rows.map(|(row, point)| number(row).filter(|_| own(point))).collect()
    }

    /// Every sensor that has spoken in this time, with means of `count` points each.
    fn sparks(&self, span: Span, (first, last): (i64, i64), count: usize) -> io::Result<Vec<SensorCurve>> {
        let mut curves = Vec::new();
        for block in 0..self.blocks.len() {
            let numbers = self.numbers(block, span, (first, last))?;
            for (place, _) in self.slots.all().skip(block * BLOCK).take(BLOCK) {
                let fine = self.column(place, span, first, &numbers, 0);
                if fine.iter().any(Option::is_some) {
                    curves.push(SensorCurve { mean: thinned(&fine, count), ..self.named(place) });
                }
            }
        }
        Ok(curves)
    }

    /// What was drawn in each of some times (seconds since 1970), and since the start.
    pub fn energy(&self, periods: &[(i64, i64)], now: i64) -> io::Result<(Energy, Vec<Energy>)> {
        let Some(after) = periods.iter().map(|(from, _)| *from).min() else {
            return Ok((self.since_start, Vec::new()));
        };
        let asked = Asked { sensor: Some(DRAW), span: Span::Year, after: Some(after) };
        let Some(history) = self.read(&asked, now)? else {
            return Ok((self.since_start, vec![Energy::default(); periods.len()]));
        };
        let energy = |(from, to): &(i64, i64)| power::drawn_between(&history, *from, *to);
        Ok((self.since_start, periods.iter().map(energy).collect()))
    }
}

/// Of a server that has not spoken.
pub fn nothing(span: Span, now: i64) -> SensorHistory {
    SensorHistory { span, first: now, step: span.step(), curves: Vec::new(), set_aside: None }
}

/// Not all of them write at the same time.
fn phase(id: ServerId) -> i64 {
    i64::from(id.0.as_bytes()[15]) % i64::from(FLUSH_EVERY)
}

fn drawn(status: &ServerStatus) -> Option<f64> {
    status.watts.filter(|watts| watts.is_finite() && *watts >= 0.0)
}

/// Means of `count` points each, so that the last is whole.
fn thinned(fine: &[Option<f32>], count: usize) -> Vec<Option<f32>> {
    let over = fine.len() % count.max(1);
    let mean = |part: &[Option<f32>]| {
        let known: Vec<f32> = part.iter().flatten().copied().collect();
        (!known.is_empty()).then(|| known.iter().sum::<f32>() / known.len() as f32)
    };
    fine[over..].chunks_exact(count.max(1)).map(mean).collect()
}
