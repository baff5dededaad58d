//! Which sensor is in which place of a server's histories.

use cake_types::SensorUnit;
use serde::{Deserialize, Serialize};

/// Places of one file: four points of the coarser spans fill its pages to the last byte.
pub const BLOCK: usize = 63;
/// Files of one server: more than as many sensors as it may name (`servers::bounds`).
pub const BLOCKS: usize = 6;
/// A sensor that was away for so long (seconds) leaves its place to another, if somebody needs it.
const FORGOTTEN: i64 = 30 * 24 * 3600;

/// A sensor, known by all that it says of itself: one that is renamed, or measures something else, is another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    pub id: String,
    pub name: String,
    pub unit: SensorUnit,
    /// Since when the place is its own, in seconds since 1970: what is older there is somebody else's.
    pub since: i64,
    /// When it said something last.
    pub seen: i64,
}

/// The places in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slots(Vec<Slot>);

/// A sensor that wants a place.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    pub id: &'a str,
    pub name: &'a str,
    pub unit: SensorUnit,
}

impl Slots {
    pub fn all(&self) -> impl Iterator<Item = (usize, &Slot)> {
        self.0.iter().enumerate()
    }

    /// Files that have a place taken.
    pub fn blocks(&self) -> usize {
        self.0.len().div_ceil(BLOCK)
    }

    /// The place of a sensor that speaks now, and whether it is a new one. `None`: there are too many.
    pub fn place(&mut self, wanted: Wanted<'_>, now: i64) -> Option<(usize, bool)> {
        let Wanted { id, name, unit } = wanted;
        let is = |slot: &Slot| slot.id == id && slot.name == name && slot.unit == unit;
        if let Some((place, slot)) = self.0.iter_mut().enumerate().find(|(_, slot)| is(slot)) {
            slot.seen = now;
            return Some((place, false));
        }
        let slot = Slot { id: id.into(), name: name.into(), unit, since: now, seen: now };
        let fits = self.0.len() < self.blocks().max(1) * BLOCK;
        // A file that is there already before a new one.
        if !fits && let Some(place) = self.forgotten(now) {
            self.0[place] = slot;
            return Some((place, true));
        }
        (self.0.len() < BLOCKS * BLOCK).then(|| {
            self.0.push(slot);
            (self.0.len() - 1, true)
        })
    }

    /// The place of whoever is away for longest, if that is long.
    fn forgotten(&self, now: i64) -> Option<usize> {
        let away = self.all().filter(|(_, slot)| now.saturating_sub(slot.seen) > FORGOTTEN);
        away.min_by_key(|(_, slot)| slot.seen).map(|(place, _)| place)
    }

    /// The place of the sensor with this id, else name; of several the one that spoke last.
    pub fn find(&self, text: &str) -> Option<usize> {
        let newest = |is: &dyn Fn(&Slot) -> bool| {
            self.all().filter(|(_, slot)| is(slot)).max_by_key(|(_, slot)| slot.seen).map(|(place, _)| place)
        };
        newest(&|slot| slot.id == text).or_else(|| newest(&|slot| slot.name.eq_ignore_ascii_case(text)))
    }

    /// What was written down, if it can be right.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let slots: Self = serde_json::from_slice(text).ok()?;
        (slots.0.len() <= BLOCKS * BLOCK).then_some(slots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(id: &str) -> Wanted<'_> {
        Wanted { id, name: "Fan", unit: SensorUnit::Rpm }
    }

    #[test]
    fn a_place_is_kept_and_left_only_after_a_long_time() {
        let mut slots = Slots::default();
        assert_eq!(slots.place(wanted("a"), 0), Some((0, true)));
        assert_eq!(slots.place(wanted("a"), 10), Some((0, false)));
        let renamed = Wanted { name: "Fan 1", ..wanted("a") };
        assert_eq!(slots.place(renamed, 20), Some((1, true)), "one that is renamed is another");
        assert_eq!(slots.place(Wanted { unit: SensorUnit::Percent, ..wanted("a") }, 20), Some((2, true)));
        assert_eq!((slots.find("a"), slots.find("fan 1"), slots.find("b")), (Some(2), Some(1), None));
        for number in 3..BLOCK {
            slots.place(wanted(&number.to_string()), 20).unwrap();
        }
        assert_eq!(slots.place(wanted("more"), FORGOTTEN), Some((BLOCK, true)), "nobody is away for long");
        let mut later = slots.clone();
        for number in BLOCK + 1..2 * BLOCK {
            later.place(wanted(&number.to_string()), FORGOTTEN).unwrap();
        }
        assert_eq!(later.place(wanted("last"), FORGOTTEN + 11), Some((0, true)), "the one that is away for longest");
        let again = Slots::parse(&serde_json::to_vec(&later).unwrap());
        assert_eq!(again, Some(later));
    }

    #[test]
    fn who_names_new_sensors_all_the_time_gets_no_more_than_all_places() {
        let mut slots = Slots::default();
        let places = (0..10_000).filter(|number| slots.place(wanted(&number.to_string()), *number).is_some()).count();
        assert_eq!((places, slots.blocks()), (BLOCKS * BLOCK, BLOCKS));
        assert!(slots.place(wanted("5"), 10_000).is_some(), "who has one keeps it");
        assert_eq!(Slots::parse(b"[{}]"), None);
    }
}
