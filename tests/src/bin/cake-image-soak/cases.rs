//! Which power cuts are tried, and which of them are the nastiest.

use cake_tests::cuts::gpt::Table;
use cake_tests::cuts::{Cut, Entry, Loss, Manner, Random, places};
use std::fmt;

/// Which of the two runs was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Run {
    Installation,
    Update,
}

/// What of the disk is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Region {
    /// Outside of all partitions.
    Table,
    /// Small writes into the boot partition: names, tables of clusters.
    Names,
    /// Large ones: what is in its files.
    Files,
    /// State and pools.
    Volumes,
}

impl Region {
    pub const ALL: [Self; 4] = [Self::Table, Self::Names, Self::Files, Self::Volumes];

    pub fn of(entry: &Entry, table: &Table) -> Self {
        /// A cluster of the boot partition.
        const SMALL: u64 = 4096;
        let inside = |place: &usize| {
            let part = &table.parts[*place];
            (part.start..part.start + part.length).contains(&entry.offset)
        };
        match (0..table.parts.len()).find(inside) {
            None => Self::Table,
            Some(0) if entry.length <= SMALL => Self::Names,
            Some(0) => Self::Files,
            Some(_) => Self::Volumes,
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Table => "the partition table",
            Self::Names => "names in the boot partition",
            Self::Files => "the middle of a file",
            Self::Volumes => "state and pools",
        })
    }
}

/// One cut that is tried.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub run: Run,
    /// Among all of this seed.
    pub number: usize,
    pub cut: Cut,
}

/// So many cuts of a run, in the order of its log, numbered from `first`.
pub fn cases(run: Run, first: usize, count: usize, seed: u64, entries: &[Entry], table: &Table) -> Vec<Case> {
    let mut random = Random::new(seed ^ run as u64);
    let matters = |entry: &Entry| match Region::of(entry, table) {
        Region::Table => Some(0),
        Region::Names => Some(1),
        Region::Files | Region::Volumes => None,
    };
    let places = places(entries, count, &mut random, matters);
    let case = |(index, after): (usize, usize)| {
        let cut = Cut { after, manner: Manner::ALL[index % Manner::ALL.len()], seed: random.draw() };
        Case { run, number: first + index, cut }
    };
    places.into_iter().enumerate().map(case).collect()
}

/// What hurt most: by how much was lost, where.
#[derive(Clone, Copy, Debug)]
pub struct Hurt {
    pub case: Case,
    pub region: Region,
    pub score: usize,
}

/// How much a cut hurt each region: of unflushed writes, those missing count once, those torn twice. `more` is what it counts beside.
pub fn hurts(case: Case, loss: &Loss, more: usize, entries: &[Entry], table: &Table) -> Vec<Hurt> {
    let (durable, came, _) = case.cut.arrived(entries);
    let lost = |(place, entry): (usize, &Entry)| match came.iter().find(|one| one.entry == place) {
        None => Some((Region::of(entry, table), 4)),
        Some(one) if one.sectors.is_some() => Some((Region::of(entry, table), 8)),
        Some(_) => None,
    };
    let since = entries.iter().enumerate().take(case.cut.after).skip(durable).filter(|(_, entry)| entry.volatile());
    let lost: Vec<_> = since.filter_map(lost).collect();
    let of = |region: Region| lost.iter().filter(|one| one.0 == region).map(|one| one.1).sum::<usize>();
    let scored = Region::ALL.into_iter().map(|region| (region, of(region))).filter(|(_, score)| *score > 0);
    scored.map(|(region, score)| Hurt { case, region, score: score + loss.moved + more }).collect()
}

/// The nastiest, at most so many: of each run and region the worst first, then the second of each, and so on.
pub fn nastiest(mut hurts: Vec<Hurt>, count: usize) -> Vec<Hurt> {
    hurts.sort_by_key(|hurt| std::cmp::Reverse(hurt.score));
    let mut ranked: Vec<(usize, Hurt)> = Vec::new();
    for hurt in hurts {
        let place = (hurt.case.run, hurt.region);
        let rank = ranked.iter().filter(|(_, other)| (other.case.run, other.region) == place).count();
        ranked.push((rank, hurt));
    }
    ranked.sort_by_key(|(rank, hurt)| (*rank, hurt.region, hurt.case.run));
    let mut chosen: Vec<Hurt> = Vec::new();
    for (_, hurt) in ranked {
        if chosen.len() < count && !chosen.iter().any(|other| other.case.number == hurt.case.number) {
            chosen.push(hurt);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use cake_tests::cuts::gpt::Part;
    use uuid::Uuid;

    fn table() -> Table {
        let part = |start: u64| Part {
            kind: Uuid::nil(),
            id: Uuid::nil(),
            start: start << 20,
            length: 10 << 20,
            name: String::new(),
        };
        Table { parts: vec![part(1), part(11)], first: true, last: true, protected: true }
    }

    fn write(mib: u64, length: u64) -> Entry {
        Entry { offset: mib << 20, length, data: 0, flush: false, fua: false, discard: false }
    }

    #[test]
    fn each_run_and_region_gives_its_worst() {
        let entries = [write(0, 512), write(2, 512), write(3, 1 << 20), write(12, 4096), write(12, 512)];
        let regions = entries.map(|entry| Region::of(&entry, &table()));
        assert_eq!(regions[..4], [Region::Table, Region::Names, Region::Files, Region::Volumes]);
        let cases: Vec<Case> = [Run::Installation, Run::Update]
            .into_iter()
            .flat_map(|run| cases(run, run as usize * 50, 50, 3, &entries, &table()))
            .collect();
        assert_eq!((cases.len(), cases[49].number, cases[50].number), (100, 49, 50));
        let hurts: Vec<Hurt> =
            cases.iter().flat_map(|case| hurts(*case, &case.cut.arrived(&entries).2, 0, &entries, &table())).collect();
        let worst = nastiest(hurts.clone(), 6);
        assert_eq!(worst.len(), 6);
        for one in &worst {
            let same = worst.iter().filter(|other| other.case.number == one.case.number).count();
            assert_eq!(same, 1);
        }
        assert_eq!((worst[0].region, worst[0].case.run), (Region::Table, Run::Installation));
        let place = |hurt: &&Hurt| (hurt.region, hurt.case.run) == (worst[0].region, worst[0].case.run);
        assert_eq!(Some(worst[0].score), hurts.iter().filter(place).map(|hurt| hurt.score).max());
    }
}
