//! Where in its file a point is: arithmetic alone.

use cake_types::Span;
use uuid::Uuid;

use super::page::PageHead;

/// The rings of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    pub subject: Uuid,
    /// Measures of a point.
    pub measures: u16,
}

/// One ring: so many pages, beginning with `begin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ring {
    pub head: PageHead,
    pub begin: u32,
    pub slots: u32,
}

impl Layout {
    pub fn ring(&self, span: Span) -> Ring {
        let mut begin = 0;
        for other in Span::ALL {
            let ring = self.alone(other, begin);
            if other == span {
                return ring;
            }
            begin += ring.slots;
        }
        unreachable!("every span is one of all")
    }

    /// Pages of the file.
    pub fn pages(&self) -> u32 {
        Span::ALL.map(|span| self.alone(span, 0).slots).iter().sum()
    }

    fn alone(&self, span: Span, begin: u32) -> Ring {
        let columns = self.measures * if span.has_most() { 2 } else { 1 };
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
        let layout = Layout { subject: Uuid::nil(), measures: 9 };
        let mut taken = HashSet::new();
        for span in Span::ALL {
            let ring = layout.ring(span);
            let now = 1_790_000_000 / i64::from(span.step());
            for point in now - i64::from(span.points()) + 1..=now {
                let (page, row) = ring.place(point);
                assert!(taken.insert((ring.slot(page), row)), "{span:?} {point}");
            }
        }
        assert!(taken.iter().all(|(slot, _)| *slot < layout.pages()));
        assert_eq!(layout.pages(), 5 + 14 + 15, "136 KiB for a VM");
    }
}
