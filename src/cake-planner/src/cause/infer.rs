//! The fewest causes that explain the most: the best one is taken, what it explains is put aside, and so on.

use super::graph::{Ix, States};
use super::rules::{RULES, Rule};
use super::weigh::{Look, Weighed, weigh};
use super::{Cause, Evidence, Guess, Scene, Verdict};
use cake_types::{Severity, Symptom};
use std::collections::{BTreeMap, BTreeSet};

/// A cause is named from so many per cent on.
const SURE: f64 = 0.65;
/// What is likelier than this is told of where it is not known.
const WORTH_TELLING: f64 = 0.08;
/// So many guesses, and so many things that would tell.
const GUESSES: usize = 3;
/// So often it is begun anew with causes that others turned out to follow from.
const AGAIN: usize = 3;
/// What is this much better than chance is worth a word: e^g / (1 + e^g) is then 0.6.
const ENOUGH: f64 = 0.41;

/// A cause that could be.
struct Candidate {
    rule: &'static Rule,
    root: Ix,
    now: Option<Weighed>,
}

/// What failed first, the weightiest cause first; what no cause explains last. The same scene gives the same answer.
pub fn explain(scene: &Scene) -> Vec<Cause> {
    let look = Look::new(scene);
    let mut first = BTreeSet::new();
    for _ in 0..AGAIN {
        let mut search = Search::new(&look);
        search.run(&first);
        let deeper = search.deeper();
        if deeper.is_subset(&first) {
            return search.told();
        }
        first.extend(deeper);
    }
    let mut search = Search::new(&look);
    search.run(&first);
    search.told()
}

struct Search<'a> {
    look: &'a Look<'a>,
    states: States,
    /// By place in [`Scene::seen`].
    explained: Vec<bool>,
    candidates: Vec<Candidate>,
    /// Which candidates touch a thing.
    touching: BTreeMap<Ix, BTreeSet<usize>>,
    /// What was taken, with its weight, and which candidate it was where it is known.
    taken: Vec<(Cause, f64, Option<usize>)>,
}

impl<'a> Search<'a> {
    fn new(look: &'a Look<'a>) -> Self {
        let scene = look.scene;
        let mut explained = vec![true; scene.seen.len()];
        look.at.values().for_each(|number| explained[*number] = false);
        let mut search = Self {
            look,
            states: scene.graph.well(),
            explained,
            candidates: Vec::new(),
            touching: BTreeMap::new(),
            taken: Vec::new(),
        };
        let mut roots = BTreeSet::new();
        for (thing, _) in look.at.keys() {
            if !roots.contains(thing) || scene.graph.above(*thing).any(|above| !roots.contains(&above)) {
                roots.extend(scene.graph.causes_of(*thing));
            }
        }
        for root in roots {
            let kind = scene.graph.thing(root).kind;
            for rule in RULES.iter().filter(|rule| rule.on == kind) {
                search.candidates.push(Candidate { rule, root, now: None });
                search.weigh(search.candidates.len() - 1);
            }
        }
        search
    }

    fn weigh(&mut self, number: usize) {
        let Candidate { rule, root, .. } = self.candidates[number];
        let weighed = weigh(self.look, rule, root, &self.states, &self.explained);
        if let Some(weighed) = &weighed {
            let seen = weighed.explains.iter().map(|seen| self.look.scene.seen[*seen].thing);
            for thing in weighed.changed.iter().map(|(thing, _)| *thing).chain(seen) {
                self.touching.entry(thing).or_default().insert(number);
            }
        }
        self.candidates[number].now = weighed;
    }

    /// Takes the best, those in `first` before all others, until nothing is left that is better than chance.
    fn run(&mut self, first: &BTreeSet<usize>) {
        while let Some(best) = self.best(&|number| first.contains(&number)) {
            self.take(best);
        }
        while let Some(best) = self.best(&|_| true) {
            self.take(best);
        }
    }

    /// Some causes follow from others together that the best single one hid: both disks of a mirror, and its pool is gone. Those
    /// others.
    fn deeper(&self) -> BTreeSet<usize> {
        let known: BTreeMap<Ix, usize> = self
            .taken
            .iter()
            .filter_map(|(.., number)| number.map(|number| (self.candidates[number].root, number)))
            .collect();
        let mut deeper = BTreeSet::new();
        for (root, number) in &known {
            let above = self.look.scene.graph.causes_of(*root);
            let others: BTreeSet<usize> =
                above.iter().filter(|above| *above != root).filter_map(|above| known.get(above)).copied().collect();
            if others.len() > 1 && self.follows(*number, &others) {
                deeper.extend(others);
            }
        }
        deeper
    }

    /// Whether nothing is left for it once these others are taken.
    fn follows(&self, number: usize, others: &BTreeSet<usize>) -> bool {
        let mut search = Search::new(self.look);
        while let Some(best) = search.best(&|number| others.contains(&number)) {
            search.take(best);
        }
        search.candidates[number].now.as_ref().is_none_or(|now| now.weight <= ENOUGH)
    }

    fn told(mut self) -> Vec<Cause> {
        self.taken.sort_by(|(_, a, _), (_, b, _)| b.total_cmp(a));
        let rest = self.rest();
        self.taken.into_iter().map(|(cause, ..)| cause).chain(rest).collect()
    }

    fn best(&self, of: &dyn Fn(usize) -> bool) -> Option<usize> {
        let weight = |number: usize| self.candidates[number].now.as_ref().map_or(f64::MIN, |now| now.weight);
        let by_weight = |a: &usize, b: &usize| weight(*a).total_cmp(&weight(*b)).then(b.cmp(a));
        (0..self.candidates.len()).filter(|number| of(*number)).max_by(by_weight).filter(|best| weight(*best) > ENOUGH)
    }

    /// Names the cause, or says between which it is not known, and puts aside what it explains.
    fn take(&mut self, best: usize) {
        let weighed = self.candidates[best].now.clone().expect("only what was weighed is best");
        let rivals = self.rivals(best, &weighed);
        // Chance is a rival too: its weight is 0.
        let whole: f64 =
            1.0 + rivals.iter().map(|number| self.weight(*number).exp()).sum::<f64>() + weighed.weight.exp();
        let share = |number: usize| if whole.is_finite() { self.weight(number).exp() / whole } else { 1.0 };
        let sure = share(best);
        let verdict = if sure >= SURE {
            let Candidate { rule, root, .. } = self.candidates[best];
            Verdict::Known { cause: rule.cause, thing: root, confidence: percent(sure) }
        } else {
            let mut likely: Vec<usize> = [best].into_iter().chain(rivals.iter().copied()).collect();
            likely.retain(|number| *number == best || share(*number) >= WORTH_TELLING);
            likely.sort_by(|a, b| share(*b).total_cmp(&share(*a)).then(a.cmp(b)));
            likely.truncate(GUESSES);
            let guess = |number: &usize| {
                let Candidate { rule, root, .. } = self.candidates[*number];
                Guess { cause: rule.cause, thing: root, confidence: percent(share(*number)) }
            };
            Verdict::NotKnown { between: likely.iter().map(guess).collect(), tell: self.tell(&likely) }
        };
        let known = matches!(verdict, Verdict::Known { .. });
        let weight = weighed.weight;
        self.put_aside(best, &weighed, known);
        let cause = self.cause(verdict, weighed);
        self.taken.push((cause, weight, known.then_some(best)));
    }

    fn weight(&self, number: usize) -> f64 {
        // Of sums of powers nothing may grow without bound.
        self.candidates[number].now.as_ref().map_or(f64::MIN, |now| now.weight).min(600.0)
    }

    /// Other causes that would explain most of the same.
    fn rivals(&self, best: usize, weighed: &Weighed) -> Vec<usize> {
        let of: BTreeSet<usize> = weighed.explains.iter().copied().collect();
        let overlaps = |candidate: &Candidate| {
            let Some(now) = &candidate.now else { return false };
            let shared = now.explains.iter().filter(|number| of.contains(number)).count();
            shared * 2 >= of.len()
        };
        let numbers = (0..self.candidates.len()).filter(|number| *number != best);
        let likely = numbers.filter(|number| overlaps(&self.candidates[*number]) && self.weight(*number) > 0.0);
        let (states, explained) = self.with(best, weighed);
        // What has enough of its own to be named beside the best one is no other explanation, but another cause.
        let beside = |number: &usize| {
            let Candidate { rule, root, .. } = self.candidates[*number];
            let rest = weigh(self.look, rule, root, &states, &explained);
            rest.is_some_and(|rest| rest.weight > ENOUGH)
        };
        likely.filter(|number| !beside(number)).collect()
    }

    /// How things would stand with this cause.
    fn with(&self, number: usize, weighed: &Weighed) -> (States, Vec<bool>) {
        let Candidate { rule, root, .. } = self.candidates[number];
        let (mut states, mut explained) = (self.states.clone(), self.explained.clone());
        if let Some(state) = rule.becomes {
            self.look.scene.graph.fall(&mut states, root, state, &self.look.empty);
        }
        weighed.explains.iter().for_each(|number| explained[*number] = true);
        (states, explained)
    }

    /// What some of these would show, and others not: whoever looks there knows more.
    fn tell(&self, likely: &[usize]) -> Vec<(Ix, Symptom)> {
        let shown: Vec<BTreeSet<(Ix, Symptom)>> = likely.iter().map(|number| self.shows(*number)).collect();
        let mut tell: Vec<(Ix, Symptom)> = Vec::new();
        for own in &shown {
            let new = own.iter().filter(|sign| !shown.iter().all(|all| all.contains(*sign)));
            let unseen = new.filter(|sign| !self.look.at.contains_key(*sign));
            let first = unseen.copied().find(|sign| !tell.contains(sign));
            tell.extend(first);
        }
        tell
    }

    /// What is nearly always seen of a cause itself, and of what needs it.
    fn shows(&self, number: usize) -> BTreeSet<(Ix, Symptom)> {
        let Candidate { rule, root, now } = &self.candidates[number];
        let mut shows: BTreeSet<(Ix, Symptom)> =
            rule.own.iter().filter(|sign| sign.often.share() > 0.5).map(|sign| (*root, sign.symptom)).collect();
        let evidence = now.iter().flat_map(|now| &now.evidence);
        shows.extend(evidence.filter_map(|one| match one {
            Evidence::Missing(thing, symptom) => Some((*thing, *symptom)),
            Evidence::For(_) | Evidence::Against(_) => None,
        }));
        shows
    }

    fn put_aside(&mut self, best: usize, weighed: &Weighed, known: bool) {
        let Candidate { rule, root, .. } = self.candidates[best];
        if let (true, Some(state)) = (known, rule.becomes) {
            self.look.scene.graph.fall(&mut self.states, root, state, &self.look.empty);
        }
        weighed.explains.iter().for_each(|number| self.explained[*number] = true);
        let seen = weighed.explains.iter().map(|number| self.look.scene.seen[*number].thing);
        let touched = weighed.changed.iter().map(|(thing, _)| *thing).chain(seen);
        let again: BTreeSet<usize> =
            touched.filter_map(|thing| self.touching.get(&thing)).flatten().copied().chain([best]).collect();
        again.into_iter().for_each(|number| self.weigh(number));
    }

    fn cause(&self, verdict: Verdict, weighed: Weighed) -> Cause {
        let Weighed { since, mut explains, mut evidence, changed, .. } = weighed;
        let seen = &self.look.scene.seen;
        // What was told twice is explained twice.
        let again: Vec<usize> =
            explains.iter().filter_map(|number| self.look.again.get(number)).flatten().copied().collect();
        explains.extend(again);
        explains.sort_by_key(|number| (seen[*number].at, *number));
        let place = |one: &Evidence| match one {
            Evidence::For(number) | Evidence::Against(number) => (false, Some(seen[*number].at)),
            Evidence::Missing(..) => (true, None),
        };
        evidence.sort_by_key(place);
        let root = match verdict {
            Verdict::Known { thing, .. } => Some(thing),
            Verdict::NotKnown { .. } => None,
        };
        let touched: BTreeSet<Ix> = match root {
            Some(root) => changed.iter().map(|(thing, _)| *thing).filter(|thing| *thing != root).collect(),
            None => BTreeSet::new(),
        };
        Cause { verdict, since, evidence, beneath: explains, touched: touched.into_iter().collect() }
    }

    /// What is bad and no cause explains.
    fn rest(&self) -> Option<Cause> {
        let seen = &self.look.scene.seen;
        let first = |number: usize| self.look.at[&(seen[number].thing, seen[number].symptom)];
        let bad = |number: &usize| !self.explained[first(*number)] && seen[*number].severity > Severity::Info;
        let mut beneath: Vec<usize> = (0..seen.len()).filter(bad).collect();
        beneath.sort_by_key(|number| (seen[*number].at, *number));
        let since = seen[*beneath.first()?].at;
        let evidence = beneath.iter().map(|number| Evidence::For(*number)).collect();
        let verdict = Verdict::NotKnown { between: Vec::new(), tell: Vec::new() };
        Some(Cause { verdict, since, evidence, beneath, touched: Vec::new() })
    }
}

fn percent(share: f64) -> u8 {
    (share * 100.0).clamp(0.0, 99.0) as u8
}
