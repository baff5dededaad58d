//! How well one cause explains what is seen and not yet explained.
//!
//! Weights are natural logarithms of how much likelier something is with the cause than by chance, so they add up.

use super::graph::{Ix, State, States};
use super::rules::{Often, Rule, SIGNS, Sign};
use super::{Clear, Evidence, Scene};
use cake_types::Symptom;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// How likely a symptom is seen of a thing that nothing is wrong with.
const CHANCE: f64 = 0.004;
/// The share of messages that arrive.
const HEARD: f64 = 0.8;
/// That somebody looked in vain says more than that nobody said anything; even who looks can miss it.
const LOOKED: f64 = 0.99;
const SURER: f64 = 1.3;
/// What is never seen with a cause and is seen weighs so much against it.
const NEVER: f64 = -5.0;
/// Clocks differ, and things are asked every minute: so many seconds too early or too late are none.
const EARLY: f64 = 60.0;
const LATE: f64 = 120.0;
/// A battery lasts so long; what falls with it falls later by as much.
const DRAIN: i64 = 7200;

/// What was seen, each thing and symptom once, at hand.
pub(super) struct Look<'a> {
    pub scene: &'a Scene,
    pub at: BTreeMap<(Ix, Symptom), usize>,
    /// The same, told again: by the place that stands for all.
    pub again: BTreeMap<usize, Vec<usize>>,
    clear: BTreeMap<Ix, Vec<&'a Clear>>,
    /// Said that they are empty.
    pub empty: Vec<Ix>,
    /// Silent: they saw nothing.
    silent: Vec<bool>,
    /// Their clock is wrong, so what they say of time is too.
    jumped: Vec<bool>,
}

impl<'a> Look<'a> {
    pub fn new(scene: &'a Scene) -> Self {
        let mut at = BTreeMap::new();
        for (number, seen) in scene.seen.iter().enumerate() {
            let first = at.entry((seen.thing, seen.symptom)).or_insert(number);
            if scene.seen[*first].at > seen.at {
                *first = number;
            }
        }
        let mut again: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (number, seen) in scene.seen.iter().enumerate() {
            let first = at[&(seen.thing, seen.symptom)];
            if first != number {
                again.entry(first).or_default().push(number);
            }
        }
        let mut clear: BTreeMap<Ix, Vec<&Clear>> = BTreeMap::new();
        for one in &scene.clear {
            clear.entry(one.thing).or_default().push(one);
        }
        let marked = |symptom| {
            let mut marked = vec![false; scene.graph.len()];
            at.keys().filter(|(_, seen)| *seen == symptom).for_each(|(thing, _)| marked[thing.at()] = true);
            marked
        };
        let empty = at.keys().filter(|(_, symptom)| *symptom == Symptom::LowBattery).map(|(thing, _)| *thing).collect();
        let (silent, jumped) = (marked(Symptom::Silent), marked(Symptom::ClockJumped));
        Self { scene, at, again, clear, empty, silent, jumped }
    }

    /// Who looks at it for this symptom, where that is not cake itself: whether something answers is seen from outside.
    fn watcher(&self, thing: Ix, symptom: Symptom) -> Option<Ix> {
        let outside = matches!(symptom, Symptom::Silent | Symptom::Unreachable);
        self.scene.graph.thing(thing).watcher.filter(|_| !outside)
    }

    /// What may have fallen with the cause, and is seen to have.
    fn ruined(&self, rule: &Rule, root: Ix, states: &States) -> Vec<(Ix, State, Often)> {
        let graph = &self.scene.graph;
        let mut ruined = Vec::new();
        for (kind, state, often) in rule.ruins {
            let fell = |thing: &Ix| {
                let seen = |symptom| self.at.contains_key(&(*thing, symptom));
                let fell = [Symptom::Silent, Symptom::Off, Symptom::Panicked, Symptom::Missing].into_iter().any(seen);
                graph.thing(*thing).kind == *kind && fell && !states.is_gone(*thing)
            };
            ruined.extend(graph.below(root).into_iter().filter(fell).map(|thing| (thing, *state, *often)));
        }
        ruined
    }

    /// Somebody could have seen it, whatever has become of the rest.
    fn visible(&self, thing: Ix, symptom: Symptom, states: &States) -> bool {
        let what = self.scene.graph.thing(thing);
        let told = |told: &std::collections::BTreeSet<_>| told.contains(&(what.kind, symptom));
        // Only some guests are asked over the network, and of those it is known that they answer.
        what.watched
            && symptom != Symptom::Unreachable
            && self.scene.told.as_ref().is_none_or(told)
            && self.watcher(thing, symptom).is_none_or(|by| !states.is_unheard(by) && !self.silent[by.at()])
    }

    /// Whose clock told its time is right.
    fn timed(&self, thing: Ix) -> bool {
        let by = self.scene.graph.thing(thing).watcher.unwrap_or(thing);
        !self.jumped[by.at()] && !self.jumped[thing.at()]
    }

    /// Somebody looked after it should have begun, and it was not so.
    fn denied(&self, thing: Ix, symptom: Symptom, from: Timestamp) -> bool {
        let denies = |clear: &&&Clear| clear.symptom.is_none_or(|of| of == symptom) && clear.at >= from;
        self.clear.get(&thing).is_some_and(|all| all.iter().any(|clear| denies(&clear)))
    }
}

/// Something that is seen if the cause is so.
struct Expected {
    thing: Ix,
    sign: Sign,
    /// Signs of one row go missing together.
    row: usize,
    own: bool,
}

/// A cause beside what is seen.
#[derive(Clone, Debug)]
pub(super) struct Weighed {
    pub weight: f64,
    pub since: Timestamp,
    /// Places in [`Scene::seen`] that it explains and nothing did before.
    pub explains: Vec<usize>,
    pub evidence: Vec<Evidence>,
    /// All that it touches, and how.
    pub changed: Vec<(Ix, State)>,
}

/// Lays the cause beside what is seen. `states` is what has become of things by the causes that are known already.
pub(super) fn weigh(look: &Look<'_>, rule: &Rule, root: Ix, states: &States, explained: &[bool]) -> Option<Weighed> {
    let graph = &look.scene.graph;
    let mut after = states.clone();
    let mut changed = rule.becomes.map_or_else(Vec::new, |state| graph.fall(&mut after, root, state, &look.empty));
    let mut weight = rule.rate.weight();
    for (thing, state, often) in look.ruined(rule, root, &after) {
        weight += often.share().ln();
        changed.extend(graph.fall(&mut after, thing, state, &look.empty));
    }
    let expected = expect(look, rule, root, &changed);
    let since = onset(look, &expected, explained)?;
    let (mut explains, mut evidence) = (Vec::new(), Vec::new());
    let mut doubts: BTreeMap<usize, (f64, Often)> = BTreeMap::new();
    for one in &expected {
        let key = (one.thing, one.sign.symptom);
        let seen = look.at.get(&key);
        if let Some(number) = seen {
            let fits = fit(look, *number, one, since) * told(look, one, states, &after);
            let gain = (one.sign.often.share() * fits / CHANCE).ln();
            if gain > 0.0 && !explained[*number] && !explains.contains(number) {
                weight += gain;
                explains.push(*number);
                evidence.push(Evidence::For(*number));
            }
        } else if let Some(doubt) = missing(look, one, since, &after) {
            let row = doubts.entry(one.row).or_insert((0.0, one.sign.often));
            row.0 += doubt;
            if matches!(one.sign.often, Often::Always | Often::Mostly) {
                evidence.push(Evidence::Missing(one.thing, one.sign.symptom));
            }
        }
    }
    weight -= doubts.values().map(|(sum, often)| sum.min(often.doubt())).sum::<f64>();
    for number in never(look, rule, root) {
        weight += NEVER;
        evidence.push(Evidence::Against(number));
    }
    (!explains.is_empty()).then_some(Weighed { weight, since, explains, evidence, changed })
}

/// All that is seen if the cause is so.
fn expect(look: &Look<'_>, rule: &Rule, root: Ix, changed: &[(Ix, State)]) -> Vec<Expected> {
    let graph = &look.scene.graph;
    let mut expected: Vec<Expected> =
        rule.own.iter().enumerate().map(|(row, sign)| Expected { thing: root, sign: *sign, row, own: true }).collect();
    let drained = changed.iter().any(|(thing, _)| look.empty.contains(thing));
    for (thing, state) in changed.iter().filter(|(thing, _)| *thing != root) {
        let kind = graph.thing(*thing).kind;
        for (row, (_, _, sign)) in SIGNS.iter().enumerate().filter(|(_, (on, of, _))| *on == kind && of == state) {
            let mut sign = *sign;
            sign.after.1 += if drained { DRAIN } else { 0 };
            expected.push(Expected { thing: *thing, sign, row: 100 + row, own: false });
        }
    }
    if !rule.also.is_empty() {
        let others = graph.below(root).into_iter().skip(1).chain(graph.above(root));
        for thing in others {
            let kind = graph.thing(thing).kind;
            for (row, (_, sign)) in rule.also.iter().enumerate().filter(|(_, (on, _))| *on == kind) {
                expected.push(Expected { thing, sign: *sign, row: 1000 + row, own: false });
            }
        }
    }
    // What is expected twice is expected once, the more strongly.
    expected.sort_by(|a, b| {
        let key = |one: &Expected| (one.thing, one.sign.symptom);
        key(a).cmp(&key(b)).then(b.sign.often.share().total_cmp(&a.sign.often.share()))
    });
    expected.dedup_by_key(|one| (one.thing, one.sign.symptom));
    expected
}

/// When the cause began: when it was seen itself, or when the first of its consequences was.
fn onset(look: &Look<'_>, expected: &[Expected], explained: &[bool]) -> Option<Timestamp> {
    let (mut own, mut others) = (None::<Timestamp>, Vec::new());
    let mut loose = None::<Timestamp>;
    for one in expected {
        let Some(number) = look.at.get(&(one.thing, one.sign.symptom)) else { continue };
        if explained[*number] {
            continue;
        }
        let at = look.scene.seen[*number].at;
        loose = Some(loose.map_or(at, |was| was.min(at)));
        if !look.timed(one.thing) {
            continue;
        }
        if one.own && one.sign.after.0 >= 0 {
            own = Some(own.map_or(at, |was| was.min(at)));
        } else if !one.own {
            others.push(at - jiff::SignedDuration::from_secs(one.sign.after.0));
        }
    }
    others.sort();
    let first = others.get(others.len() / 10).copied();
    match (own, first) {
        // Word of the cause itself may come late.
        (Some(own), Some(first)) if first < own && own.duration_since(first).as_secs() < 600 => Some(first),
        (Some(own), _) => Some(own),
        (None, first) => first.or(loose),
    }
}

/// How well the time fits, from 0 to 1.
fn fit(look: &Look<'_>, number: usize, one: &Expected, since: Timestamp) -> f64 {
    if !look.timed(one.thing) {
        return 0.7;
    }
    let passed = look.scene.seen[number].at.duration_since(since).as_secs_f64();
    let (early, late) = (one.sign.after.0 as f64 - passed - EARLY, passed - one.sign.after.1 as f64 - LATE);
    if early > 0.0 {
        (-early / 60.0).exp().max(0.001)
    } else if late > 0.0 {
        (1.0 / (1.0 + late / 600.0)).max(0.05)
    } else {
        1.0
    }
}

/// Who falls with the cause hardly tells of what it does to others, unless it comes back.
fn told(look: &Look<'_>, one: &Expected, before: &States, after: &States) -> f64 {
    let watcher = look.watcher(one.thing, one.sign.symptom);
    let falls = watcher.is_some_and(|by| after.is_unheard(by) && !before.is_unheard(by));
    if falls { 0.05 } else { 1.0 }
}

/// How much it speaks against the cause that this is not seen; nothing where nobody could have seen it or it may still come.
fn missing(look: &Look<'_>, one: &Expected, since: Timestamp, states: &States) -> Option<f64> {
    let Expected { thing, sign, .. } = one;
    let by = since.checked_add(jiff::SignedDuration::from_secs(sign.after.1)).ok()?;
    // Who fell with it does not know, and what comes back is well again.
    if look.watcher(*thing, sign.symptom).is_some_and(|watcher| states.is_unheard(watcher)) {
        return None;
    }
    // What is always seen of the cause itself was looked for since it should have begun.
    if one.own && sign.often == Often::Always && sign.after.0 >= 0 && look.denied(*thing, sign.symptom, since) {
        return Some(-NEVER);
    }
    if look.denied(*thing, sign.symptom, by) {
        return Some(-(1.0 - sign.often.share().min(LOOKED)).ln() * SURER);
    }
    let due = look.scene.now >= by && look.visible(*thing, sign.symptom, states);
    due.then(|| -(1.0 - sign.often.share() * HEARD).ln())
}

/// What was seen of it or its neighbours that is never seen with this cause.
fn never(look: &Look<'_>, rule: &Rule, root: Ix) -> Vec<usize> {
    if rule.never.is_empty() {
        return Vec::new();
    }
    let graph = &look.scene.graph;
    let mut found = Vec::new();
    for thing in graph.below(root).into_iter().chain(graph.above(root)) {
        let kind = graph.thing(thing).kind;
        let symptoms = rule.never.iter().filter(|(on, _)| *on == kind).map(|(_, symptom)| *symptom);
        found.extend(symptoms.filter_map(|symptom| look.at.get(&(thing, symptom)).copied()));
    }
    found
}
