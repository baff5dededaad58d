//! One history: rows go in, columns come out. In memory is only what is not in the file yet.

use cake_types::Span;
use std::io;

use super::layout::{Layout, Ring};
use super::page::{PAGE, Page};
use super::{PageError, Pages};

/// Points beyond are asked for by nobody who means it.
const FAR: i64 = 1 << 40;

/// A history behind its pages.
#[derive(Debug)]
pub struct Archive<P> {
    pages: P,
    layout: Layout,
    filling: [Filling; 3],
    /// Of the day and the month: what their next point is made of.
    gathering: [Gathering; 2],
}

/// The newest page of a ring.
#[derive(Debug, Default)]
struct Filling {
    page: Option<Page>,
    dirty: bool,
}

/// The rows of one point of a coarser ring.
#[derive(Debug, Default)]
struct Gathering {
    point: Option<i64>,
    sums: Vec<(f64, u32)>,
    most: Vec<f32>,
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
                for (index, span) in [(0, Span::Day), (1, Span::Month)] {
                    archive.gathering[index].begin(coarser(point, span));
                    archive.gathering[index].add(row);
                }
            }
        }
        Ok(archive)
    }

    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Adds a row at a point of the hour. Nothing is written yet, unless a page is full.
    pub fn add(&mut self, point: i64, row: &[f32]) -> io::Result<()> {
        debug_assert_eq!(row.len(), usize::from(self.layout.measures));
        for (index, span) in [(0, Span::Day), (1, Span::Month)] {
            if let Some((point, done)) = self.gathering[index].begin(coarser(point, span)) {
                self.put(span, point, &done)?;
            }
            self.gathering[index].add(row);
        }
        self.put(Span::Hour, point, row)
    }

    /// Writes what is not in the file yet; gives the number of pages written.
    pub fn flush(&mut self) -> io::Result<u32> {
        let mut written = 0;
        for span in Span::ALL {
            written += u32::from(self.write(span)?);
        }
        Ok(written)
    }

    /// Writes everything, the points that are still being gathered too: nobody adds to them for a while, or ever.
    pub fn close(&mut self) -> io::Result<()> {
        for (index, span) in [(0, Span::Day), (1, Span::Month)] {
            if let Some(point) = self.gathering[index].point {
                let row = self.gathering[index].row();
                self.put(span, point, &row)?;
            }
        }
        self.flush().map(|_| ())
    }

    /// The points from `first` to `last` of a ring; what is not known is not a number.
    pub fn read(&self, span: Span, first: i64, last: i64) -> io::Result<Read> {
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
        let gathering = match span {
            Span::Hour => return,
            Span::Day => &self.gathering[0],
            Span::Month => &self.gathering[1],
        };
        if let Some(point) = gathering.point.filter(|point| (first..=last).contains(point)) {
            let row = gathering.row();
            let at = usize::try_from(point - first).unwrap_or_default();
            numbers[at * row.len()..][..row.len()].copy_from_slice(&row);
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
        Ok(true)
    }
}

impl Gathering {
    /// Goes on to another point; gives the one before if it is over.
    fn begin(&mut self, point: i64) -> Option<(i64, Vec<f32>)> {
        if self.point == Some(point) {
            return None;
        }
        let over = self.point.map(|before| (before, self.row()));
        *self = Self { point: Some(point), ..Self::default() };
        over
    }

    fn add(&mut self, row: &[f32]) {
        self.sums.resize(row.len(), (0.0, 0));
        self.most.resize(row.len(), f32::NAN);
        for ((number, (sum, count)), most) in row.iter().zip(&mut self.sums).zip(&mut self.most) {
            if !number.is_nan() {
                *sum += f64::from(*number);
                *count += 1;
                *most = most.max(*number);
            }
        }
    }

    /// Means, then the largest values.
    fn row(&self) -> Vec<f32> {
        let mean = |(sum, count): &(f64, u32)| if *count == 0 { f32::NAN } else { (sum / f64::from(*count)) as f32 };
        self.sums.iter().map(mean).chain(self.most.iter().copied()).collect()
    }
}

const fn index(span: Span) -> usize {
    match span {
        Span::Hour => 0,
        Span::Day => 1,
        Span::Month => 2,
    }
}

/// The point of a coarser span that a point of the hour belongs to. Points are named by the end of the time that they are about.
fn coarser(point: i64, span: Span) -> i64 {
    let ratio = i64::from(span.step() / Span::Hour.step());
    (point - 1).div_euclid(ratio) + 1
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
