//! Where in its file a point is: arithmetic alone.

use cake_types::Span;
use uuid::Uuid;

use super::page::PageHead;

/// What a point of a coarser span says of a measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    Mean,
    Least,
    Most,
    /// What part of the time something is known of, from 0 to 1.
    Known,
}

/// The rings of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    pub subject: Uuid,
    /// Measures of a point.
    pub measures: u16,
    /// Which spans are kept, the finest first.
    pub spans: &'static [Span],
    /// What is kept of a measure in the coarser spans: so many times all measures are in a row.
    pub folds: &'static [Fold],
}

/// One ring: so many pages, beginning with `begin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ring {
    pub head: PageHead,
    pub begin: u32,
    pub slots: u32,
}

impl Layout {
    /// Of what a server or a VM uses.
    pub const fn of_usage(subject: Uuid, measures: u16) -> Self {
        Self { subject, measures, spans: &Span::OF_USAGE, folds: &[Fold::Mean, Fold::Most] }
    }

    /// Of what sensors measure.
    pub const fn of_sensors(subject: Uuid, measures: u16) -> Self {
        let folds = &[Fold::Mean, Fold::Least, Fold::Most, Fold::Known];
        Self { subject, measures, spans: &Span::ALL, folds }
    }

    pub fn keeps(&self, span: Span) -> bool {
        self.spans.contains(&span)
    }

    /// Numbers in a row of a span.
    pub fn columns(&self, span: Span) -> u16 {
        self.measures * if span == Span::Hour { 1 } else { self.folds.len() as u16 }
    }

    /// The ring of a span that is kept.
    pub fn ring(&self, span: Span) -> Ring {
        let before = self.spans.iter().take_while(|other| **other != span);
        let begin = before.map(|other| self.alone(*other, 0).slots).sum();
        self.alone(span, begin)
    }

    /// Pages of the file.
    pub fn pages(&self) -> u32 {
        self.spans.iter().map(|span| self.alone(*span, 0).slots).sum()
    }

    fn alone(&self, span: Span, begin: u32) -> Ring {
        let columns = self.columns(span);
        let head = PageHead { subject: self.subject, step: span.step(), columns };
        // One page is being filled while all points that are kept are in the others.
        let slots = span.points().div_ceil(head.capacity() as u32) + 1;
        Ring { head, begin, slots }
    }
}

impl Ring {
    /// The page that a point is on, and its row there.
    pub fn place(&self, point: i64) -> (i64, usize) {
        let capacity = self.head.capacity() as i64;
        (point.div_euclid(capacity), point.rem_euclid(capacity) as usize)
    }

    /// Where in the file a page is.
    pub fn slot(&self, page: i64) -> u32 {
        self.begin + page.rem_euclid(i64::from(self.slots)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_point_that_is_kept_has_a_place_of_its_own() {
        let usage = Layout::of_usage(Uuid::nil(), 9);
        assert_eq!(usage.pages(), 5 + 14 + 15, "136 KiB for a VM");
        every_point_has_a_place(usage);
        let sensors = Layout::of_sensors(Uuid::nil(), 63);
        assert_eq!(sensors.pages(), 24 + 181 + 187 + 550, "3.7 MiB for 63 sensors, a year of them");
        every_point_has_a_place(sensors);
    }

    fn every_point_has_a_place(layout: Layout) {
        let mut taken = HashSet::new();
        for span in layout.spans.iter().copied() {
            let ring = layout.ring(span);
            let now = 1_790_000_000 / i64::from(span.step());
            for point in now - i64::from(span.points()) + 1..=now {
                let (page, row) = ring.place(point);
                assert!(taken.insert((ring.slot(page), row)), "{span:?} {point}");
            }
        }
        assert!(taken.iter().all(|(slot, _)| *slot < layout.pages()));
    }
}
