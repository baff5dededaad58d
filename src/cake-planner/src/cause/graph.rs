//! What depends on what, and what becomes of it all when one thing falls.

use cake_types::{Subject, ThingKind};

/// A thing of one [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ix(u32);

impl Ix {
    pub const fn at(self) -> usize {
        self.0 as usize
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thing {
    pub kind: ThingKind,
    pub name: String,
    /// The resource that it is or belongs to, where it has one.
    pub subject: Option<Subject>,
    /// Somebody looks at it: that nothing is seen of it says something.
    pub watched: bool,
    /// Who looks at it, where that is not cake itself: a BMC at fans, a node at its VMs. Who is silent saw nothing.
    pub watcher: Option<Ix>,
}

/// In which way a thing needs others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Without them it does not live.
    Lives,
    /// The same, and it is slow when they are weakened: what lies on disks.
    Data,
    /// Without them nobody reaches it.
    Reach,
    /// Without them it gets hot.
    Cool,
    /// Without them it lives on what it has stored.
    Buffered,
    /// Without them nobody can ask it; it does its work all the same.
    Ask,
    /// It notices at the other end of a cable when they are gone.
    Faces,
    /// It has them inside: what is wrong with them can be its ruin, and need not be.
    Part,
}

/// What has become of a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Dead,
    /// Alive, and out of reach.
    Cut,
    Hot,
    Slow,
    /// It goes on with less than it should have.
    Weak,
    /// It can't be asked.
    Mute,
}

impl State {
    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// What has become of everything; nothing at first.
#[derive(Clone)]
pub struct States(Vec<u8>);

impl States {
    pub fn has(&self, thing: Ix, state: State) -> bool {
        self.0[thing.at()] & state.bit() != 0
    }

    /// Nobody reaches it any more.
    pub fn is_gone(&self, thing: Ix) -> bool {
        self.0[thing.at()] & (State::Dead.bit() | State::Cut.bit()) != 0
    }

    /// It tells nobody anything any more.
    pub fn is_unheard(&self, thing: Ix) -> bool {
        self.is_gone(thing) || self.has(thing, State::Mute)
    }
}

#[derive(Clone, Debug)]
struct Need {
    link: Link,
    of: Vec<Ix>,
    /// So many of them are enough.
    least: usize,
}

/// Things, and what each needs.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    things: Vec<Thing>,
    needs: Vec<Vec<Need>>,
    /// Who needs it, and by which of its needs.
    users: Vec<Vec<(Ix, usize)>>,
}

impl Graph {
    pub fn add(&mut self, kind: ThingKind, name: impl Into<String>) -> Ix {
        let ix = Ix(u32::try_from(self.things.len()).expect("fewer things than 2^32"));
        self.things.push(Thing { kind, name: name.into(), subject: None, watched: true, watcher: None });
        self.needs.push(Vec::new());
        self.users.push(Vec::new());
        ix
    }

    /// `thing` needs every one of `of`.
    pub fn needs(&mut self, thing: Ix, link: Link, of: &[Ix]) {
        for one in of {
            self.needs_some(thing, link, std::slice::from_ref(one), 1);
        }
    }

    /// `thing` goes on as long as `least` of these are well: two power supplies, a mirror.
    pub fn needs_some(&mut self, thing: Ix, link: Link, of: &[Ix], least: usize) {
        if of.is_empty() {
            return;
        }
        let number = self.needs[thing.at()].len();
        self.needs[thing.at()].push(Need { link, of: of.to_vec(), least });
        for one in of {
            self.users[one.at()].push((thing, number));
        }
    }

    pub fn thing(&self, ix: Ix) -> &Thing {
        &self.things[ix.at()]
    }

    pub fn thing_mut(&mut self, ix: Ix) -> &mut Thing {
        &mut self.things[ix.at()]
    }

    pub fn all(&self) -> impl Iterator<Item = Ix> + use<> {
        (0..self.things.len() as u32).map(Ix)
    }

    pub fn len(&self) -> usize {
        self.things.len()
    }

    pub fn is_empty(&self) -> bool {
        self.things.is_empty()
    }

    pub fn well(&self) -> States {
        States(vec![0; self.things.len()])
    }

    /// What it needs itself.
    pub fn above(&self, thing: Ix) -> impl Iterator<Item = Ix> + '_ {
        self.needs[thing.at()].iter().flat_map(|need| need.of.iter().copied())
    }

    /// All that it needs, however far, itself first.
    pub fn causes_of(&self, thing: Ix) -> Vec<Ix> {
        self.walk(thing, |graph, at, found| found.extend(graph.above(at)))
    }

    /// All that needs it, however far, itself first.
    pub fn below(&self, thing: Ix) -> Vec<Ix> {
        self.walk(thing, |graph, at, found| found.extend(graph.users[at.at()].iter().map(|(user, _)| *user)))
    }

    fn walk(&self, from: Ix, step: impl Fn(&Self, Ix, &mut Vec<Ix>)) -> Vec<Ix> {
        let (mut seen, mut all, mut at) = (vec![false; self.things.len()], vec![from], 0);
        seen[from.at()] = true;
        let mut next = Vec::new();
        while let Some(thing) = all.get(at).copied() {
            at += 1;
            next.clear();
            step(self, thing, &mut next);
            all.extend(next.iter().copied().filter(|ix| !std::mem::replace(&mut seen[ix.at()], true)));
        }
        all
    }

    /// Lets `root` fall and everything with it that then has not enough left. `empty` are buffers that said that they are empty.
    /// Returns what became something that it was not.
    pub fn fall(&self, states: &mut States, root: Ix, state: State, empty: &[Ix]) -> Vec<(Ix, State)> {
        let mut changed = Vec::new();
        let mut work = vec![(root, state)];
        while let Some((thing, state)) = work.pop() {
            if states.has(thing, state) {
                continue;
            }
            states.0[thing.at()] |= state.bit();
            changed.push((thing, state));
            for (user, number) in &self.users[thing.at()] {
                let need = &self.needs[user.at()][*number];
                let drained = empty.contains(user);
                work.extend(need.outcome(states, state, drained).map(|state| (*user, state)));
            }
        }
        changed
    }
}

impl Need {
    /// What becomes of the one that needs, now that one of those it needs is in `state`.
    fn outcome(&self, states: &States, state: State, drained: bool) -> Option<State> {
        let enough = |gone: &dyn Fn(Ix) -> bool| self.of.iter().filter(|ix| !gone(**ix)).count() >= self.least;
        let alive = || enough(&|ix| states.has(ix, State::Dead));
        let reached = || enough(&|ix| states.is_gone(ix));
        match (state, self.link) {
            (State::Dead, Link::Lives | Link::Data) => Some(if alive() { State::Weak } else { State::Dead }),
            (State::Dead | State::Cut, Link::Reach) => Some(if reached() { State::Weak } else { State::Cut }),
            (State::Cut, Link::Lives | Link::Data) => (!reached()).then_some(State::Cut),
            (State::Dead, Link::Cool) => Some(if alive() { State::Weak } else { State::Hot }),
            (State::Dead | State::Cut, Link::Ask) => Some(State::Mute),
            (State::Dead, Link::Faces) => Some(State::Weak),
            (State::Hot, Link::Cool) => Some(State::Hot),
            (State::Dead, Link::Buffered) => Some(if drained { State::Dead } else { State::Weak }),
            (State::Hot | State::Slow, Link::Lives) | (State::Slow | State::Weak, Link::Data) => Some(State::Slow),
            _ => None,
        }
    }
}

#[cfg(test)]
#[path = "graph_tests.rs"]
mod tests;
