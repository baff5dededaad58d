//! When much fails at once: what failed first, why that is believed, and what lies beneath it.
//!
//! ```text
//!  alerts, events, sensors ──► [`Seen`], [`Clear`] ┐
//!  what needs what         ──► [`Graph`]           ┼──► [`explain`] ──► causes, the weightiest first
//!  [`rules`]: what a cause looks like              ┘                     each with its evidence and what it explains
//! ```
//!
//! Of every thing from which something seen could follow, each rule for its kind is tried ([`weigh`]): the cause is let fall in the
//! graph, and what should then be seen is laid beside what is. What fits speaks for it, the more the rarer it is by chance; what
//! should be seen and is not speaks against it, little where messages get lost, much where somebody looked. The best is taken and what
//! it explains put aside, until nothing is left that any cause explains better than chance ([`infer`]). Where several causes explain
//! the same about as well, the answer is that it is not known, and what would tell.
//!
//! This module knows no clock: `now` is a fact. It deliberately does not know alerts; [`facts`] makes what it needs of them.

mod facts;
mod graph;
mod group;
mod infer;
pub mod rules;
mod weigh;

pub use facts::Facts;
pub use graph::{Graph, Ix, Link, State, Thing};
pub use group::group;
pub use infer::explain;

use cake_types::{CauseKind, Severity, Symptom, ThingKind};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Something that was seen. It may be late, wrong, or no longer so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub thing: Ix,
    pub symptom: Symptom,
    /// When it began, as whoever saw it says.
    pub at: Timestamp,
    pub severity: Severity,
    /// Still so.
    pub lasts: bool,
}

/// Somebody looked, and it was not so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clear {
    pub thing: Ix,
    /// Of this; of everything without.
    pub symptom: Option<Symptom>,
    pub at: Timestamp,
}

/// All that is known.
#[derive(Clone, Debug)]
pub struct Scene {
    pub now: Timestamp,
    pub graph: Graph,
    pub seen: Vec<Seen>,
    pub clear: Vec<Clear>,
    /// What anybody would be told of; everything without. That something else is not seen says nothing.
    pub told: Option<BTreeSet<(ThingKind, Symptom)>>,
}

/// What lies beneath some of what was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    pub verdict: Verdict,
    /// When it began, as far as what was seen tells.
    pub since: Timestamp,
    /// In order of time, what is missing last.
    pub evidence: Vec<Evidence>,
    /// What it explains: places in [`Scene::seen`].
    pub beneath: Vec<usize>,
    /// What has fallen, is cut off, hot, slow or weakened by it, itself left out.
    pub touched: Vec<Ix>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Known {
        cause: CauseKind,
        thing: Ix,
        /// Per cent.
        confidence: u8,
    },
    /// The evidence is too thin.
    NotKnown {
        /// What it could be, the likeliest first; nothing where no rule fits.
        between: Vec<Guess>,
        /// What would tell.
        tell: Vec<(Ix, Symptom)>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guess {
    pub cause: CauseKind,
    pub thing: Ix,
    /// Per cent.
    pub confidence: u8,
}

/// What speaks for a cause or against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// A place in [`Scene::seen`].
    For(usize),
    Against(usize),
    /// It should be seen by now, and is not.
    Missing(Ix, Symptom),
}

impl Cause {
    /// What it is, where that is known.
    pub fn known(&self) -> Option<(CauseKind, Ix)> {
        match self.verdict {
            Verdict::Known { cause, thing, .. } => Some((cause, thing)),
            Verdict::NotKnown { .. } => None,
        }
    }
}
