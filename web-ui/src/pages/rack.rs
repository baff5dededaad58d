//! The rack as a picture: a front view to scale, drawn from below, each server at its place.

use super::{server_health, servers};
use crate::data::{ServerView, VmView};
use crate::frame::Frame;
use crate::show::{self, Mark};
use askama::Template;
use cake_types::RackPlace;
use std::sync::Arc;

/// Units of a common rack; one that holds more is drawn higher.
const UNITS: u8 = 42;
/// Of one unit, in the picture. A thumb can hit it (WCAG 2.2, 2.5.8).
const UNIT: u32 = 24;
/// More free units than these in a row are drawn as one band.
const BAND: u8 = 6;
const BAND_HEIGHT: u32 = 44;

#[derive(Template)]
#[template(path = "parts/rack.html")]
pub struct Rack<'a> {
    f: &'a Frame,
    /// `None` while nobody said where a server stands.
    picture: Option<Picture>,
    beside: Vec<Beside>,
    may_change: bool,
}

struct Picture {
    height: u32,
    units: Vec<Unit>,
    bands: Vec<Band>,
    slots: Vec<Slot>,
    label: String,
}

struct Unit {
    number: u8,
    y: u32,
    /// Where its number stands.
    line: u32,
}

/// Free units, many of them.
struct Band {
    y: u32,
    height: u32,
    line: u32,
    says: String,
}

struct Slot {
    id: String,
    y: u32,
    height: u32,
    /// Of what is drawn: a line is left between one and the next.
    face: u32,
    /// Where the first line of text stands, and the sign.
    line: u32,
    sign: u32,
    mark: Mark,
    name: String,
    /// A second line, where it is high enough for one.
    more: Option<(u32, More)>,
    guests: Option<String>,
    air: Option<String>,
    /// What it draws, or that it is off.
    power: Option<String>,
    off: bool,
    lit: bool,
    /// All of it, as a sentence.
    label: String,
}

struct More {
    name: Option<String>,
    text: String,
    raw: bool,
}

/// A server of which nobody said where it stands.
struct Beside {
    id: String,
    name: String,
    mark: Mark,
    etag: String,
    /// Where there is room for it.
    free: u8,
}

pub fn rack<'a>(f: &'a Frame, all: &[Arc<ServerView>], guests: usize) -> Rack<'a> {
    let mut placed: Vec<_> = all.iter().filter_map(|view| Some((view.server.spec.place?, view))).collect();
    // Read from above, as one looks at a rack.
    placed.sort_by_key(|(place, _)| std::cmp::Reverse(place.unit));
    let places: Vec<RackPlace> = placed.iter().map(|(place, _)| *place).collect();
    let free = (1..=UNITS).find(|unit| is_free(&places, *unit)).unwrap_or(UNITS);
    let picture = (!placed.is_empty()).then(|| {
        let drawn = Drawn::of(&places);
        let slot = |(place, view): &(RackPlace, &Arc<ServerView>)| slot(f, &drawn, *place, view, guests);
        Picture {
            slots: placed.iter().map(slot).collect(),
            bands: drawn.bands.iter().map(|(y, last, first)| band(f, *y, *first, *last)).collect(),
            units: drawn.units.iter().map(|(number, y)| Unit { number: *number, y: *y, line: y + 16 }).collect(),
            height: drawn.height,
            label: f.tv("rack-picture", "count", placed.len()),
        }
    });
    let beside = all.iter().filter(|view| view.server.spec.place.is_none()).map(|view| Beside {
        id: view.server.meta.id.to_string(),
        name: view.server.meta.name.to_string(),
        mark: server_health::mark(f, view),
        etag: view.etag.clone(),
        free,
    });
    let mut beside: Vec<_> = beside.collect();
    beside.sort_by(|a, b| super::listing::natural(&a.name, &b.name));
    Rack { f, picture, beside, may_change: f.may_administer() }
}

/// The highest unit that it takes.
fn top(place: RackPlace) -> u32 {
    (u32::from(place.unit) + u32::from(place.height.max(1))).saturating_sub(1)
}

fn is_free(taken: &[RackPlace], unit: u8) -> bool {
    !taken.iter().any(|place| (u32::from(place.unit)..=top(*place)).contains(&u32::from(unit)))
}

/// Where each unit lies in the picture, from above.
struct Drawn {
    height: u32,
    units: Vec<(u8, u32)>,
    /// Bands of free units: where, the highest of them, the lowest.
    bands: Vec<(u32, u8, u8)>,
}

impl Drawn {
    fn of(places: &[RackPlace]) -> Self {
        let highest = places.iter().map(|place| top(*place)).max().unwrap_or(0);
        let mut unit = UNITS.max(u8::try_from(highest).unwrap_or(u8::MAX));
        let mut drawn = Self { height: 0, units: Vec::new(), bands: Vec::new() };
        while unit > 0 {
            let free = (1..=unit).rev().take_while(|unit| is_free(places, *unit)).count();
            let free = u8::try_from(free).unwrap_or(unit);
            if free > BAND {
                drawn.bands.push((drawn.height, unit, unit - free + 1));
                drawn.height += BAND_HEIGHT;
                unit -= free;
            } else {
                drawn.units.push((unit, drawn.height));
                drawn.height += UNIT;
                unit -= 1;
            }
        }
        drawn
    }

    /// Where its highest unit lies.
    fn top_of(&self, place: RackPlace) -> u32 {
        let is = |(unit, _): &&(u8, u32)| u32::from(*unit) == top(place);
        self.units.iter().find(is).map_or(0, |(_, y)| *y)
    }
}

fn band(f: &Frame, y: u32, first: u8, last: u8) -> Band {
    let says = f.words.text_with(
        "rack-free",
        &[
            ("first", &first.to_string()),
            ("last", &last.to_string()),
            ("count", &(u32::from(last) - u32::from(first) + 1).to_string()),
        ],
    );
    Band { y, height: BAND_HEIGHT, line: y + 26, says }
}

fn slot(f: &Frame, drawn: &Drawn, place: RackPlace, view: &ServerView, guests: usize) -> Slot {
    let height = u32::from(place.height.max(1)) * UNIT;
    let y = drawn.top_of(place);
    let has_two = height > UNIT;
    let trouble = server_health::trouble(f, view);
    let row = servers::Row::of(f, view, guests);
    let more = trouble.map(|server_health::Trouble { name, what, .. }| More { name, text: what.text, raw: what.raw });
    let node = row.node.clone().filter(|node| *node != row.name);
    let more = more.or_else(|| node.map(|node| More { name: Some(node), text: String::new(), raw: false }));
    let more = more.filter(|_| has_two);
    // With one line to say it stands in the middle, with two they are at the top.
    let line = if more.is_some() { 20 } else { height.min(2 * UNIT) / 2 + 4 };
    Slot {
        id: row.id.clone(),
        y,
        height,
        face: height - 2,
        line,
        sign: line - 12,
        mark: row.mark.clone(),
        name: row.name.clone(),
        more: more.map(|more| (37, more)),
        guests: row.guests.clone(),
        air: row.air.clone(),
        power: if row.on == Some(false) { Some(f.t("server-off").into()) } else { row.watts.clone() },
        off: row.on == Some(false),
        lit: row.lit,
        label: row.label(f),
    }
}

/// How many run on cake's own machine.
pub fn guests(vms: &[Arc<VmView>]) -> usize {
    vms.iter().filter(|vm| show::vm_state(vm).is_alive()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_row_of_free_units_is_one_band() {
        let place = |unit, height| RackPlace { unit, height };
        let drawn = Drawn::of(&[place(1, 2), place(5, 1), place(20, 4)]);
        assert_eq!(drawn.bands.iter().map(|(_, last, first)| (*first, *last)).collect::<Vec<_>>(), [(24, 42), (6, 19)]);
        assert_eq!(drawn.top_of(place(20, 4)), BAND_HEIGHT, "beneath the first band");
        assert_eq!(drawn.top_of(place(1, 2)), drawn.height - 2 * UNIT);
        let full = Drawn::of(&[place(1, 42)]);
        assert_eq!((full.bands.len(), full.units.len()), (0, 42));
        assert_eq!(Drawn::of(&[place(55, 6)]).units[0].0, 60, "a tall one");
        assert_eq!(top(place(255, 255)), 509, "nonsense is no overflow");
        let _ = Drawn::of(&[place(255, 255), place(0, 0)]);
    }
}
