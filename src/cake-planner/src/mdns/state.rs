//! How it stands on one link: what is due there, what waits to be told, what was told when.

use super::links::{Link, LinkId};
use super::message::{Domain, Message, Question, Record, kind};
use super::records::Claim;
use super::responder::Send;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Between probes, and how many there are (RFC 6762 §8.1).
pub(super) const PROBE_EVERY: Duration = Duration::from_millis(250);
const PROBES: u8 = 3;
/// Between announcements, and how many there are (§8.3).
const ANNOUNCE_EVERY: Duration = Duration::from_secs(1);
const ANNOUNCEMENTS: u8 = 2;
/// A record is told to all at most once in this (§6); where somebody probes for our name, this.
const REST: Duration = Duration::from_secs(1);
pub(super) const REST_DEFENDING: Duration = PROBE_EVERY;
/// Answers to one asker alone, each second and link: more is a flood.
const UNICASTS: u32 = 50;
/// What a resolver that is none of this protocol may keep, in seconds (§6.7).
const LEGACY_TTL: u32 = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Probing { sent: u8 },
    Announcing { sent: u8 },
    Settled,
}

/// An answer that waits: for others' answers not to collide with it, or for more that its asker knows.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) record: Record,
    pub(super) due: Duration,
    /// Only he wanted it.
    pub(super) asker: Option<IpAddr>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) link: Link,
    pub(super) stage: Stage,
    /// When the stage goes on.
    pub(super) next: Duration,
    pub(super) waiting: Vec<Waiting>,
    /// When a record was last told to all. Of ours there are few.
    pub(super) told: Vec<(Record, Duration)>,
    /// The second under way, and answers to one asker alone in it.
    unicasts: (u64, u32),
}

impl State {
    /// A link that has just come.
    pub(super) fn new(link: Link, next: Duration) -> Self {
        let (stage, waiting, told) = (Stage::Probing { sent: 0 }, Vec::new(), Vec::new());
        Self { link, stage, next, waiting, told, unicasts: (0, 0) }
    }

    pub(super) fn is_probing(&self) -> bool {
        matches!(self.stage, Stage::Probing { .. })
    }

    /// Everything begins anew on this link.
    pub(super) fn ask_again(&mut self, at: Duration) {
        (self.stage, self.next) = (Stage::Probing { sent: 0 }, at);
        self.waiting.clear();
    }

    /// The next probe or announcement.
    pub(super) fn go_on(&mut self, now: Duration, claim: &Claim) -> Send {
        let (id, addresses) = (self.link.id, &self.link.told);
        match self.stage {
            Stage::Probing { sent } if sent < PROBES => {
                (self.stage, self.next) = (Stage::Probing { sent: sent + 1 }, now + PROBE_EVERY);
                let ask = |name: Domain| Question::new(name, kind::ANY, true);
                let mut authority = claim.unique(addresses);
                authority.iter_mut().for_each(|record| record.unique = false);
                let questions = vec![ask(claim.host()), ask(claim.instance())];
                multicast(id, &Message { questions, authority, ..Message::default() })
            }
            Stage::Probing { .. } | Stage::Announcing { .. } | Stage::Settled => {
                let sent = match self.stage {
                    Stage::Announcing { sent } => sent + 1,
                    _ => 1,
                };
                self.stage = if sent < ANNOUNCEMENTS { Stage::Announcing { sent } } else { Stage::Settled };
                self.next = now + ANNOUNCE_EVERY;
                let answers = claim.all(addresses);
                self.told = answers.iter().map(|record| (record.clone(), now)).collect();
                multicast(id, &Message { is_response: true, answers, ..Message::default() })
            }
        }
    }

    fn last_told(&self, record: &Record) -> Option<Duration> {
        self.told.iter().find(|(told, _)| told.says(record)).map(|(_, at)| *at)
    }

    fn rests(&self, record: &Record, now: Duration, rest: Duration) -> bool {
        self.last_told(record).is_some_and(|at| now.saturating_sub(at) < rest)
    }

    /// All have heard it within a quarter of the time that it holds (§5.4).
    pub(super) fn was_told_lately(&self, record: &Record, now: Duration) -> bool {
        self.rests(record, now, Duration::from_secs(u64::from(record.ttl)) / 4)
    }

    /// Each record waits once, however many ask: until the first of them must have it.
    pub(super) fn wait(&mut self, record: Record, due: Duration, asker: Option<IpAddr>) {
        match self.waiting.iter_mut().find(|waiting| waiting.record.says(&record)) {
            Some(waiting) => {
                waiting.due = waiting.due.min(due);
                waiting.asker = waiting.asker.filter(|one| Some(*one) == asker);
            }
            None => self.waiting.push(Waiting { record, due, asker }),
        }
    }

    pub(super) fn answer_waiting(&mut self, now: Duration, claim: &Claim) -> Option<Send> {
        self.answer_waiting_after(now, REST, claim)
    }

    /// Tells all what is due, but nothing that they heard within `rest`.
    pub(super) fn answer_waiting_after(&mut self, now: Duration, rest: Duration, claim: &Claim) -> Option<Send> {
        let due: Vec<Waiting> = self.waiting.extract_if(.., |waiting| waiting.due <= now).collect();
        let mut answers: Vec<Record> = due.into_iter().map(|waiting| waiting.record).collect();
        answers.retain(|record| !self.rests(record, now, rest));
        if answers.is_empty() {
            return None;
        }
        let mut additional = claim.along(&answers, &self.link.told);
        additional.retain(|record| !self.rests(record, now, REST));
        for record in answers.iter().chain(&additional) {
            self.told.retain(|(told, _)| !told.says(record));
            self.told.push((record.clone(), now));
        }
        Some(multicast(self.link.id, &Message { is_response: true, answers, additional, ..Message::default() }))
    }

    pub(super) fn may_unicast(&mut self, now: Duration) -> bool {
        if self.unicasts.0 != now.as_secs() {
            self.unicasts = (now.as_secs(), 0);
        }
        self.unicasts.1 += 1;
        self.unicasts.1 <= UNICASTS
    }

    /// Somebody who asks as he would ask a server gets an answer as from one (§6.7).
    pub(super) fn answer_legacy(
        &mut self,
        now: Duration,
        from: SocketAddr,
        message: &Message,
        claim: &Claim,
    ) -> Option<Send> {
        let question = message.questions.first().filter(|_| message.questions.len() == 1)?;
        let answers = claim.answers(question, &self.link.told);
        if answers.is_empty() || !self.may_unicast(now) {
            return None;
        }
        let questions = [question.clone()];
        Some(unicast(self.link.id, from, message.id, &questions, answers, claim, &self.link.told))
    }
}

pub(super) fn multicast(link: LinkId, message: &Message) -> Send {
    Send { link, to: None, bytes: message.write() }
}

/// To one asker: as records of this protocol, or, where its question is repeated, of plain DNS.
pub(super) fn unicast(
    link: LinkId,
    to: SocketAddr,
    id: u16,
    questions: &[Question],
    answers: Vec<Record>,
    claim: &Claim,
    addresses: &[IpAddr],
) -> Send {
    let additional = claim.along(&answers, addresses);
    let mut message = Message { id, is_response: true, answers, additional, ..Message::default() };
    if !questions.is_empty() {
        message.questions = questions.to_vec();
        message.questions.iter_mut().for_each(|question| question.unicast = false);
        for record in message.answers.iter_mut().chain(&mut message.additional) {
            (record.unique, record.ttl) = (false, record.ttl.min(LEGACY_TTL));
        }
    }
    Send { link, to: Some(to), bytes: message.write() }
}
