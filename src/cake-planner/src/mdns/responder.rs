//! Who answers for the name: asks first whether somebody has it, tells it, defends it, takes another where others have it.
//!
//! ```text
//!                 nobody answers three probes             a second apart
//!   link comes ─► Probing ───────────────────► Announcing ─────────────► Settled
//!                 │  ▲   somebody else says the name is his │               │
//!   somebody has  │  └──────────────────────────────────────┴───────────────┘
//!   it: the next number, on every link
//! ```
//!
//! A pure state machine: it is given the time, datagrams and links, and gives datagrams back. What comes from the network costs at
//! most a few records of memory: nothing of a message is kept but who may still name answers that they know.

use super::links::{Link, LinkId};
use super::message::{Domain, Message, Record, kind};
use super::records::Claim;
use super::state::{PROBE_EVERY, REST_DEFENDING, Stage, State, multicast, unicast};
use super::{PORT, numbered};
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Whoever loses a contest for the name asks again after this (RFC 6762 §8.2).
const DEFER: Duration = Duration::from_secs(1);
/// After so many conflicts within this time, each further try waits (§8.1).
const CONFLICTS: usize = 15;
const CONFLICTS_WITHIN: Duration = Duration::from_secs(10);
const CONFLICTS_WAIT: Duration = Duration::from_secs(5);
/// A datagram to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Send {
    pub link: LinkId,
    /// To everybody on the link where nobody is named.
    pub to: Option<SocketAddr>,
    pub bytes: Vec<u8>,
}

pub struct Responder {
    base: String,
    port: u16,
    number: u32,
    links: BTreeMap<LinkId, State>,
    conflicts: VecDeque<Duration>,
    random: u64,
}

impl Responder {
    /// `seed` makes machines that were switched on together not speak together.
    pub fn new(base: &str, port: u16, seed: u64) -> Self {
        let (links, conflicts) = (BTreeMap::new(), VecDeque::new());
        Self { base: base.to_owned(), port, number: 1, links, conflicts, random: seed | 1 }
    }

    fn claim(&self) -> Claim {
        Claim { label: self.label(), port: self.port }
    }

    /// The label that is asked for or told, without `.local`.
    pub fn label(&self) -> String {
        numbered(&self.base, self.number)
    }

    /// Nobody on any link has the name, as far as was asked.
    pub fn is_settled(&self) -> bool {
        !self.links.is_empty() && !self.links.values().any(State::is_probing)
    }

    /// When to look again, whatever comes meanwhile.
    pub fn next(&self) -> Option<Duration> {
        let due = |state: &State| {
            let stage = (state.stage != Stage::Settled).then_some(state.next);
            state.waiting.iter().map(|waiting| waiting.due).chain(stage).min()
        };
        self.links.values().filter_map(due).min()
    }

    /// Up to `below` milliseconds.
    fn jitter(&mut self, below: u64) -> Duration {
        // xorshift64: all that is wanted is that two machines differ.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        Duration::from_millis(self.random % below.max(1))
    }

    /// The links as they are now. One that is new is asked first; one whose addresses changed is told of them.
    pub fn set_links(&mut self, now: Duration, links: BTreeMap<LinkId, Link>) {
        self.links.retain(|id, _| links.contains_key(id));
        for (id, link) in links {
            match self.links.get_mut(&id) {
                Some(state) if state.link.told == link.told => state.link = link,
                Some(state) => {
                    state.link = link;
                    state.waiting.clear();
                    if state.stage == Stage::Settled {
                        (state.stage, state.next) = (Stage::Announcing { sent: 0 }, now);
                    }
                }
                None => {
                    let next = now + self.jitter(PROBE_EVERY.as_millis() as u64);
                    self.links.insert(id, State::new(link, next));
                }
            }
        }
    }

    /// Takes back what was told, before the name changes or nobody is here any more (§10.1).
    pub fn goodbye(&self) -> Vec<Send> {
        let claim = self.claim();
        let told = self.links.values().filter(|state| !state.is_probing());
        let taken_back = told.map(|state| {
            let mut answers = claim.all(&state.link.told);
            answers.iter_mut().for_each(|record| record.ttl = 0);
            multicast(state.link.id, &Message { is_response: true, answers, ..Message::default() })
        });
        taken_back.collect()
    }

    /// What is due by now.
    pub fn tick(&mut self, now: Duration) -> Vec<Send> {
        let claim = self.claim();
        let mut out = Vec::new();
        for state in self.links.values_mut() {
            if state.stage != Stage::Settled && state.next <= now {
                out.push(state.go_on(now, &claim));
            }
            out.extend(state.answer_waiting(now, &claim));
        }
        out
    }

    /// A datagram that came over a link.
    pub fn receive(&mut self, now: Duration, id: LinkId, from: SocketAddr, bytes: &[u8]) -> Vec<Send> {
        let source = from.ip().to_canonical();
        let Some(state) = self.links.get(&id) else { return Vec::new() };
        if from.port() == 0 || !state.link.is_neighbour(source) {
            return Vec::new();
        }
        let Ok(Some(message)) = Message::read(bytes) else { return Vec::new() };
        // What this machine says comes back: as answers on its other links too, where it has other addresses.
        let own = self.links.values().any(|state| {
            let mut networks = state.link.networks.iter();
            networks.any(|(address, _)| *address == source)
        });
        match message.is_response {
            // Only those who speak the protocol answer from its port (§6).
            true if own || from.port() != PORT => Vec::new(),
            true => self.heard(now, id, &message),
            false if own && !message.authority.is_empty() => Vec::new(),
            false => self.asked(now, id, from, &message),
        }
    }

    // ── others' answers ──────────────────────────────────────────────────────────────────────────────────────────────────

    fn heard(&mut self, now: Duration, id: LinkId, message: &Message) -> Vec<Send> {
        let claim = self.claim();
        let told: Vec<IpAddr> = self.links.values().flat_map(|state| state.link.told.iter().copied()).collect();
        let (ours, Some(state)) = (claim.unique(&told), self.links.get_mut(&id)) else { return Vec::new() };
        let probing = state.is_probing();
        for record in message.answers.iter().chain(&message.authority).chain(&message.additional) {
            let is_name = record.name == claim.host() || record.name == claim.instance();
            if !record.is_about_internet() || !is_name || record.ttl == 0 {
                continue;
            }
            if let Some(own) = ours.iter().find(|own| own.says(record)) {
                // Somebody's copy is about to end too soon (§6.6).
                if record.ttl < own.ttl / 2 && !probing {
                    state.wait(own.clone(), now, None);
                }
                continue;
            }
            // Whoever probes takes any record of the name for a sign that somebody has it.
            if probing || is_contested(record, &claim) {
                return self.conflict(now, id);
            }
        }
        Vec::new()
    }

    /// Somebody else has the name (§9): one that was ours is asked for again, one that was asked for is given up.
    fn conflict(&mut self, now: Duration, id: LinkId) -> Vec<Send> {
        let wait = self.patience(now);
        let probing = self.links.get(&id).is_some_and(|state| state.is_probing());
        if !probing {
            let jitter = self.jitter(PROBE_EVERY.as_millis() as u64);
            if let Some(state) = self.links.get_mut(&id) {
                state.ask_again(now + wait + jitter);
            }
            return Vec::new();
        }
        let out = self.goodbye();
        self.number = self.number.saturating_add(1);
        let jitter = self.jitter(PROBE_EVERY.as_millis() as u64);
        for state in self.links.values_mut() {
            state.ask_again(now + wait + jitter);
            state.told.clear();
        }
        out
    }

    /// What is waited after a conflict: nothing at first; once there were many, until there is peace again.
    fn patience(&mut self, now: Duration) -> Duration {
        let lately = |at: &Duration| now.saturating_sub(*at) < CONFLICTS_WITHIN;
        let many = self.conflicts.len() >= CONFLICTS && self.conflicts.back().is_some_and(lately);
        if !many {
            self.conflicts.retain(lately);
        }
        self.conflicts.push_back(now);
        if self.conflicts.len() > CONFLICTS {
            self.conflicts.pop_front();
        }
        if self.conflicts.len() >= CONFLICTS { CONFLICTS_WAIT } else { Duration::ZERO }
    }

    // ── questions ────────────────────────────────────────────────────────────────────────────────────────────────────────

    fn asked(&mut self, now: Duration, id: LinkId, from: SocketAddr, message: &Message) -> Vec<Send> {
        let claim = self.claim();
        // Others have the shared ones too, and one who says that he knows more goes on at once (§6, §7.2).
        let shared_delay = Duration::from_millis(20) + self.jitter(100);
        let more_delay = Duration::from_millis(400) + self.jitter(100);
        let Some(state) = self.links.get_mut(&id) else { return Vec::new() };
        if state.is_probing() {
            if from.port() == PORT && is_lost(&claim.unique(&state.link.told), &message.authority, &claim) {
                state.ask_again(now + DEFER);
            }
            return Vec::new();
        }
        if from.port() != PORT {
            return state.answer_legacy(now, from, message, &claim).into_iter().collect();
        }
        // Whoever knows these needn't be told: neither now nor what waited for them to say so (§7.1, §7.2).
        let source = from.ip();
        let knows =
            |record: &Record| message.answers.iter().any(|known| known.says(record) && known.ttl >= record.ttl / 2);
        state.waiting.retain(|waiting| waiting.asker != Some(source) || !knows(&waiting.record));
        let defends = !message.authority.is_empty();
        let mut alone = Vec::new();
        for question in &message.questions {
            let answers = claim.answers(question, &state.link.told);
            for record in answers.into_iter().filter(|record| !knows(record)) {
                if question.unicast && !defends && state.was_told_lately(&record, now) {
                    alone.push(record);
                    continue;
                }
                let delay = match (message.truncated, record.unique) {
                    (true, _) => more_delay,
                    (false, true) => Duration::ZERO,
                    (false, false) => shared_delay,
                };
                let asker = message.truncated.then_some(source);
                state.wait(record, now + delay, asker);
            }
        }
        let mut out = Vec::new();
        if !alone.is_empty() && state.may_unicast(now) {
            out.push(unicast(id, from, 0, &[], alone, &claim, &state.link.told));
        }
        if defends {
            out.extend(state.answer_waiting_after(now, REST_DEFENDING, &claim));
        } else {
            out.extend(state.answer_waiting(now, &claim));
        }
        out
    }
}

/// A record that only we may have, of a type that we say something about.
fn is_contested(record: &Record, claim: &Claim) -> bool {
    match record.kind {
        kind::A | kind::AAAA => record.name == claim.host(),
        kind::SRV | kind::TXT => record.name == claim.instance(),
        _ => false,
    }
}

/// Two ask for one name at the same time: whose records come later in order has it (§8.2). The host's name decides where both ask
/// for it, so that nobody wins half.
fn is_lost(ours: &[Record], theirs: &[Record], claim: &Claim) -> bool {
    let sorted = |records: &[Record], name: &Domain| {
        let mut weights: Vec<_> = records.iter().filter(|r| r.name == *name).map(Record::weight).collect();
        weights.sort_unstable();
        weights
    };
    let contest = |name: &Domain| {
        let theirs = sorted(theirs, name);
        (!theirs.is_empty()).then(|| sorted(ours, name) < theirs)
    };
    contest(&claim.host()).or_else(|| contest(&claim.instance())).unwrap_or(false)
}

#[cfg(test)]
impl Responder {
    /// What all of a test's assertions are about.
    pub(super) fn stages(&self) -> Vec<&'static str> {
        let word = |state: &State| match state.stage {
            Stage::Probing { .. } => "probing",
            Stage::Announcing { .. } => "announcing",
            Stage::Settled => "settled",
        };
        self.links.values().map(word).collect()
    }

    pub(super) fn held(&self) -> usize {
        self.links.values().map(|state| state.waiting.len() + state.told.len()).sum()
    }
}
