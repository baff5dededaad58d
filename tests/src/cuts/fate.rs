//! What becomes of writes that were not flushed when the power went.

use super::{Entry, SECTOR};
use std::collections::BTreeMap;

/// The same numbers for the same seed, everywhere.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to one less than the limit.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.draw() % limit.max(1)
    }

    fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            let other = self.index(last + 1);
            all.swap(last, other);
        }
    }
}

/// How the disk treats writes that it had not been told to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Manner {
    /// All arrived.
    Clean,
    /// Some are missing.
    Dropped,
    /// Some are missing, the others came in another order.
    Reordered,
    /// So, and of some only a part of their sectors came.
    Torn,
}

impl Manner {
    pub const ALL: [Self; 4] = [Self::Clean, Self::Dropped, Self::Reordered, Self::Torn];
}

/// A power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// How many entries of the log had been made.
    pub after: usize,
    pub manner: Manner,
    pub seed: u64,
}

/// A write that came to the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// Which of the log's.
    pub entry: usize,
    /// Which of its sectors; absent: all.
    pub sectors: Option<Vec<bool>>,
}

/// How much of the unflushed did not come as it was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    pub unflushed: usize,
    pub dropped: usize,
    pub torn: usize,
    pub moved: usize,
}

impl Cut {
    /// How many entries are certainly on the disk, and what arrived of the others, in the order in which it did.
    pub fn arrived(&self, entries: &[Entry]) -> (usize, Vec<Arrived>, Loss) {
        let after = self.after.min(entries.len());
        // A flush that carries data flushes what was before it, not itself.
        let flushed = entries[..after].iter().rposition(|entry| entry.flush);
        let durable = flushed.map_or(0, |at| at + usize::from(entries[at].length == 0));
        let mut random = Random::new(self.seed);
        // Of ten writes so many are missing: some disks keep nearly all, others nothing.
        let lost = [1, 5, 9, 10][random.index(4)];
        let (mut came, mut waiting, mut loss) = (Vec::new(), Vec::new(), Loss::default());
        for (place, entry) in entries[..after].iter().enumerate().skip(durable).filter(|(_, entry)| entry.writes()) {
            if !entry.volatile() {
                // It was on the disk when it was answered, and nothing older comes over it.
                self.land(&mut random, &mut waiting, &mut came, &mut loss);
                came.push(Arrived { entry: place, sectors: None });
                continue;
            }
            loss.unflushed += 1;
            match self.one(&mut random, entry, lost) {
                None => loss.dropped += 1,
                Some(sectors) => {
                    loss.torn += usize::from(sectors.is_some());
                    waiting.push(Arrived { entry: place, sectors });
                }
            }
        }
        self.land(&mut random, &mut waiting, &mut came, &mut loss);
        (durable, came, loss)
    }

    /// Absent: it did not come. Else which of its sectors did.
    fn one(&self, random: &mut Random, entry: &Entry, lost: u64) -> Option<Option<Vec<bool>>> {
        let drops = |random: &mut Random| random.below(10) < lost;
        match self.manner {
            Manner::Clean => Some(None),
            Manner::Dropped | Manner::Reordered => (!drops(random)).then_some(None),
            Manner::Torn => match random.below(3) {
                0 => (!drops(random)).then_some(None),
                1 => Some(None),
                _ => Some(torn(random, entry.length / SECTOR)),
            },
        }
    }

    fn land(&self, random: &mut Random, waiting: &mut Vec<Arrived>, came: &mut Vec<Arrived>, loss: &mut Loss) {
        if matches!(self.manner, Manner::Reordered | Manner::Torn) {
            let before: Vec<usize> = waiting.iter().map(|one| one.entry).collect();
            random.shuffle(waiting);
            loss.moved += waiting.iter().zip(before).filter(|(one, before)| one.entry != *before).count();
        }
        came.append(waiting);
    }
}

/// The first sectors, or any; a single one is whole.
fn torn(random: &mut Random, sectors: u64) -> Option<Vec<bool>> {
    if sectors < 2 {
        return None;
    }
    let first = random.below(sectors);
    let front = random.below(2) == 0;
    Some((0..sectors).map(|sector| if front { sector < first } else { random.below(2) == 0 }).collect())
}

/// Where a log is cut: a quarter anywhere, half around flushes, a quarter around writes of the kinds that matter, as often around each
/// kind; `kind` says which it is. In order.
pub fn places(
    entries: &[Entry],
    count: usize,
    random: &mut Random,
    kind: impl Fn(&Entry) -> Option<usize>,
) -> Vec<usize> {
    let mut flushes = Vec::new();
    let mut kinds: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (place, entry) in entries.iter().enumerate() {
        if entry.flush {
            flushes.push(place);
        }
        if let Some(kind) = kind(entry).filter(|_| entry.writes()) {
            kinds.entry(kind).or_default().push(place);
        }
    }
    let kinds: Vec<Vec<usize>> = kinds.into_values().collect();
    let mut chosen: Vec<usize> = (0..count)
        .map(|number| match number % 4 {
            1 if !kinds.is_empty() => {
                let places = &kinds[number / 4 % kinds.len()];
                places[random.index(places.len())] + random.index(3)
            }
            2 | 3 if !flushes.is_empty() => (flushes[random.index(flushes.len())] + 1).saturating_sub(random.index(4)),
            _ => random.index(entries.len() + 1),
        })
        .map(|place| place.min(entries.len()))
        .collect();
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(offset: u64, sectors: u64, fua: bool) -> Entry {
        Entry { offset, length: sectors * SECTOR, data: 0, flush: false, fua, discard: false }
    }

    const FLUSH: Entry = Entry { offset: 0, length: 0, data: 0, flush: true, fua: false, discard: false };

    fn log() -> Vec<Entry> {
        let mut log = vec![write(0, 1, false), FLUSH];
        log.extend((0..20).map(|at| write(at * 4096, 8, at == 10)));
        log
    }

    fn cuts(after: usize, manner: Manner) -> impl Iterator<Item = (usize, Vec<Arrived>, Loss)> {
        (0..200).map(move |seed| Cut { after, manner, seed }.arrived(&log()))
    }

    #[test]
    fn what_was_flushed_stays_and_a_clean_cut_loses_nothing() {
        for (durable, came, loss) in cuts(22, Manner::Clean) {
            assert_eq!((durable, came.len()), (2, 20));
            assert_eq!(loss, Loss { unflushed: 19, ..Loss::default() });
        }
        assert_eq!(Cut { after: 1, manner: Manner::Clean, seed: 1 }.arrived(&log()).0, 0, "the flush was not done");
        let mut log = log();
        log[1].length = SECTOR;
        let (durable, came, _) = Cut { after: 2, manner: Manner::Clean, seed: 1 }.arrived(&log);
        assert_eq!((durable, came.len()), (1, 1), "a flush with data does not flush itself");
    }

    #[test]
    fn unflushed_writes_are_lost_moved_and_torn_and_the_same_seed_does_the_same() {
        for manner in [Manner::Dropped, Manner::Reordered, Manner::Torn] {
            let all: Vec<_> = cuts(22, manner).collect();
            assert_eq!(all, cuts(22, manner).collect::<Vec<_>>());
            assert!(all.iter().any(|(_, _, loss)| loss.dropped > 0));
            assert!(all.iter().any(|(_, came, _)| came.len() == 20) || manner == Manner::Torn);
            assert_eq!(all.iter().any(|(_, _, loss)| loss.moved > 0), manner != Manner::Dropped);
            assert_eq!(all.iter().any(|(_, _, loss)| loss.torn > 0), manner == Manner::Torn);
            for (_, came, loss) in &all {
                // What the disk had promised is there, and nothing that came before it lies over it.
                let promised = came.iter().position(|one| one.entry == 12).expect("a durable write");
                assert!(came[promised].sectors.is_none());
                assert!(came[promised..].iter().all(|one| one.entry >= 12));
                assert_eq!(came.len() + loss.dropped, 20);
            }
        }
    }

    #[test]
    fn cuts_lie_everywhere_and_mostly_where_it_hurts() {
        let mut log = Vec::new();
        for round in 0..50 {
            log.extend((0..10).map(|at| write((round * 10 + at) * 4096, 8, false)));
            log.push(FLUSH);
        }
        let matters = |entry: &Entry| (entry.offset == 4096 * 77).then_some(1);
        let chosen = places(&log, 400, &mut Random::new(7), matters);
        assert_eq!((chosen.len(), chosen.is_sorted()), (400, true));
        assert!(chosen.iter().all(|place| *place <= log.len()));
        let around = |place: usize| chosen.iter().filter(|one| (place..place + 3).contains(one)).count();
        assert!(around(84) >= 100, "{}", around(84));
        assert_eq!(chosen, places(&log, 400, &mut Random::new(7), matters));
        assert_eq!(places(&[], 4, &mut Random::new(7), matters), [0; 4]);
    }
}
