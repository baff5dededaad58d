//! One history: rows go in, columns come out. In memory is only what is not in the file yet.

use cake_types::Span;
use std::io;

use super::gathering::Gathering;
use super::layout::{Fold, Layout, Ring};
use super::page::{PAGE, Page};
use super::{PageError, Pages};

/// Points beyond are asked for by nobody who means it.
const FAR: i64 = 1 << 40;
/// How far back the points of the year are looked for that were not over when nobody gathered them any more, in points of the month.
const LOOK_BACK: i64 = 48;

/// A history behind its pages.
#[derive(Debug)]
pub struct Archive<P> {
    pages: P,
    layout: Layout,
    /// By [`Span::ALL`].
    filling: [Filling; 4],
    /// What the next points of the coarser spans are made of. Those of the day and the month are gathered from the hour's, those of
    /// the year from the month's.
    gathering: [Gathering; 4],
}

/// The newest page of a ring.
#[derive(Debug, Default)]
struct Filling {
    page: Option<Page>,
    dirty: bool,
}

/// What a ring knows about some of its points.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    /// Row after row.
    pub numbers: Vec<f32>,
    /// Pages that were not what they should be.
    pub damaged: Vec<(u32, PageError)>,
}

impl<P: Pages> Archive<P> {
    /// Takes up a history where its pages end. `now`: seconds since 1970.
    pub fn open(pages: P, layout: Layout, now: i64) -> io::Result<Self> {
        let mut archive = Self { pages, layout, filling: Default::default(), gathering: Default::default() };
        // What the day's and the month's next points are made of is still in the hour.
        let point = now.div_euclid(Span::Hour.step().into());
        let first = point - i64::from(Span::Hour.points()) + 1;
        let known = archive.read(Span::Hour, first, point)?.numbers;
        for (row, point) in known.chunks_exact(layout.measures.into()).zip(first..) {
            if row.iter().any(|number| !number.is_nan()) {
                for span in [Span::Day, Span::Month] {
                    archive.begin(span, coarser(point, Span::Hour, span), true)?;
                    archive.gathering[index(span)].add(row);
                }
            }
        }
        archive.gather_year_again(now)?;
        Ok(archive)
    }

    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Adds a row at a point of the hour. Nothing is written yet, unless a page is full.
    pub fn add(&mut self, point: i64, row: &[f32]) -> io::Result<()> {
        debug_assert_eq!(row.len(), usize::from(self.layout.measures));
        for span in [Span::Day, Span::Month] {
            self.begin(span, coarser(point, Span::Hour, span), false)?;
            self.gathering[index(span)].add(row);
        }
        self.put(Span::Hour, point, row)
    }

    /// Goes on to another point of a coarser span: the one before is over. `again`: it was gathered before, as far as that was
    /// possible then, and what was written of it is kept.
    fn begin(&mut self, span: Span, point: i64, again: bool) -> io::Result<()> {
        let Some((over, done)) = self.gathering[index(span)].begin(point) else { return Ok(()) };
        // Where a point does not say how much of it is known, half of one would pass for all of it.
        if again && (!self.recovers() || self.is_known(span, over)?) {
            return Ok(());
        }
        self.put(span, over, &done.row(self.layout.folds, span))?;
        if span == Span::Month && self.layout.keeps(Span::Year) && !again {
            self.begin(Span::Year, coarser(over, Span::Month, Span::Year), false)?;
            self.gathering[index(Span::Year)].merge(&done);
            // It may have been the last of its four hours.
            self.begin(Span::Year, coarser(point, Span::Month, Span::Year), false)?;
        }
        Ok(())
    }

    fn recovers(&self) -> bool {
        self.layout.folds.contains(&Fold::Known)
    }

    fn is_known(&self, span: Span, point: i64) -> io::Result<bool> {
        Ok(self.read(span, point, point)?.numbers.iter().any(|number| !number.is_nan()))
    }

    /// What the year's next point is made of is in the month, but for what is being gathered for that.
    fn gather_year_again(&mut self, now: i64) -> io::Result<()> {
        if !self.layout.keeps(Span::Year) {
            return Ok(());
        }
        let gathered = self.gathering[index(Span::Month)].point;
        let last = now.div_euclid(Span::Month.step().into()) + 1;
        let first = last - LOOK_BACK;
        let known = self.read(Span::Month, first, last)?.numbers;
        for (row, point) in known.chunks_exact(self.layout.columns(Span::Month).into()).zip(first..) {
            if gathered != Some(point) && row.iter().any(|number| !number.is_nan()) {
                self.begin(Span::Year, coarser(point, Span::Month, Span::Year), true)?;
                let part = Gathering::of_row(point, row, self.layout.folds, Span::Month);
                self.gathering[index(Span::Year)].merge(&part);
            }
        }
        match gathered {
            Some(point) => self.begin(Span::Year, coarser(point, Span::Month, Span::Year), true),
            None => Ok(()),
        }
    }

    /// Writes what is not in the file yet; gives the number of pages written.
    pub fn flush(&mut self) -> io::Result<u32> {
        let mut written = 0;
        for span in self.layout.spans {
            written += u32::from(self.write(*span)?);
        }
        Ok(written)
    }

    /// Writes everything, the points that are still being gathered too: nobody adds to them for a while, or ever.
    pub fn close(&mut self) -> io::Result<()> {
        for span in self.layout.spans.iter().skip(1) {
            if let Some(gathering) = self.gathered(*span)
                && let Some(point) = gathering.point
            {
                self.put(*span, point, &gathering.row(self.layout.folds, *span))?;
            }
        }
        self.flush().map(|_| ())
    }

    /// The points from `first` to `last` of a ring; what is not known is not a number.
    pub fn read(&self, span: Span, first: i64, last: i64) -> io::Result<Read> {
        if !self.layout.keeps(span) {
            return Ok(Read { numbers: Vec::new(), damaged: Vec::new() });
        }
        let ring = self.layout.ring(span);
        let columns = usize::from(ring.head.columns);
        // Far from every overflow, and far beyond every clock.
        let last = last.clamp(-FAR, FAR);
        // Older ones are overwritten.
        let first = first.max(last.saturating_sub(i64::from(span.points()) - 1));
        let count = usize::try_from(last - first + 1).unwrap_or(0);
        let mut read = Read { numbers: vec![f32::NAN; count * columns], damaged: Vec::new() };
        if count == 0 {
            return Ok(read);
        }
        for number in ring.place(first).0..=ring.place(last).0 {
            let loaded;
            let page = match &self.filling[index(span)].page {
                Some(page) if page.number == number => page,
                _ => match self.load(&ring, number)? {
                    Ok(Some(page)) => {
                        loaded = page;
                        &loaded
                    }
                    Ok(None) => continue,
                    Err(error) => {
                        read.damaged.push((ring.slot(number), error));
                        continue;
                    }
                },
            };
            let begin = number * ring.head.capacity() as i64;
            for (row, point) in page.numbers.chunks_exact(columns).zip(begin..) {
                if let Some(at) = usize::try_from(point - first).ok().filter(|at| *at < count) {
                    read.numbers[at * columns..][..columns].copy_from_slice(row);
                }
            }
        }
        self.read_gathering(span, first, last, &mut read.numbers);
        Ok(read)
    }

    /// The point that is still being gathered, as far as it is known.
    fn read_gathering(&self, span: Span, first: i64, last: i64, numbers: &mut [f32]) {
        let Some(gathering) = self.gathered(span) else { return };
        if let Some(point) = gathering.point.filter(|point| (first..=last).contains(point)) {
            let row = gathering.row(self.layout.folds, span);
            let at = usize::try_from(point - first).unwrap_or_default();
            numbers[at * row.len()..][..row.len()].copy_from_slice(&row);
        }
    }

    /// What is gathered for the next point of a span; for the year's, what is gathered for the month's is part of it.
    fn gathered(&self, span: Span) -> Option<Gathering> {
        let own = &self.gathering[index(span)];
        let month = &self.gathering[index(Span::Month)];
        match span {
            Span::Hour => None,
            Span::Day | Span::Month => Some(own.clone()),
            Span::Year => {
                let point = month.point.map(|point| coarser(point, Span::Month, Span::Year));
                let mut all = if point.is_none() || own.point == point { own.clone() } else { Gathering::at(point) };
                if point.is_some() {
                    all.merge(month);
                }
                Some(all)
            }
        }
    }

    fn put(&mut self, span: Span, point: i64, row: &[f32]) -> io::Result<()> {
        let ring = self.layout.ring(span);
        let (number, at) = ring.place(point);
        let other = self.filling[index(span)].page.as_ref().is_none_or(|page| page.number != number);
        if other {
            self.write(span)?;
            // A page that can't be read is written anew.
            let page = self.load(&ring, number)?.unwrap_or_default().unwrap_or(Page { number, numbers: Vec::new() });
            self.filling[index(span)] = Filling { page: Some(page), dirty: false };
        }
        let filling = &mut self.filling[index(span)];
        if let Some(page) = &mut filling.page {
            let end = (at + 1) * row.len();
            page.numbers.resize(page.numbers.len().max(end), f32::NAN);
            page.numbers[end - row.len()..end].copy_from_slice(row);
            filling.dirty = true;
        }
        Ok(())
    }

    /// The page in the file, if it is this one and not the one that had its place before.
    fn load(&self, ring: &Ring, number: i64) -> io::Result<Result<Option<Page>, PageError>> {
        let mut bytes = [0; PAGE];
        self.pages.read(ring.slot(number), &mut bytes)?;
        Ok(ring.head.decode(&bytes).map(|page| page.filter(|page| page.number == number)))
    }

    fn write(&mut self, span: Span) -> io::Result<bool> {
        let ring = self.layout.ring(span);
        let filling = &mut self.filling[index(span)];
        let Filling { page: Some(page), dirty: true } = filling else { return Ok(false) };
        self.pages.write(ring.slot(page.number), &ring.head.encode(page))?;
        filling.dirty = false;
        if span.step() > Span::Day.step() {
            // It is seldom added to: in memory it would only lie about.
            filling.page = None;
        }
        Ok(true)
    }
}

const fn index(span: Span) -> usize {
    match span {
        Span::Hour => 0,
        Span::Day => 1,
        Span::Month => 2,
        Span::Year => 3,
    }
}

/// The point of a coarser span that a point of a finer one belongs to. Points are named by the end of the time that they are about.
fn coarser(point: i64, fine: Span, span: Span) -> i64 {
    let ratio = i64::from(span.step() / fine.step());
    (point - 1).div_euclid(ratio) + 1
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
