//! A message as a letter: what a person reads, before a channel gives it its form.

use crate::{Words, format};
use cake_types::{
    Alert, AlertTurn, CauseReport, CauseVerdict, EvidenceKind, Grouping, Letter, LetterHead, LetterPart, Message,
    MessageItem, Tone,
};
use jiff::tz::TimeZone;

/// Lines of evidence that a letter tells; the console has all.
const EVIDENCE: usize = 4;

/// Who writes: what the cloud calls itself, where its console is, and its time.
pub struct From<'a> {
    pub name: &'a str,
    pub url: &'a str,
    pub zone: &'a TimeZone,
}

impl Words {
    pub fn letter(&self, message: &Message, from: &From<'_>) -> Letter {
        if let Some(week) = &message.week {
            return self.week_letter(week, message, from);
        }
        let mut items = message.items.as_slice();
        let (mut heads, mut parts) = (Vec::new(), Vec::new());
        for group in &message.causes {
            let own = |item: &&MessageItem| !item.turn.is_over() && group.beneath.contains(&item.alert.id);
            let (beneath, rest) = items.split_at(items.iter().take_while(own).count());
            items = rest;
            heads.extend(self.cause_head(group, beneath, from.zone));
            parts.extend(beneath.iter().map(|item| self.beneath(item, from.zone)));
        }
        parts.extend(items.iter().map(|item| self.part(item, from.zone)));
        let mut letter = Letter {
            subject: String::new(),
            severity: message.severity(),
            heads,
            parts,
            closing: self.closing(message, from.zone),
            url: from.url.to_owned(),
        };
        letter.subject = self.subject(message, &letter, from.name);
        letter
    }

    fn closing(&self, message: &Message, zone: &TimeZone) -> Vec<String> {
        let mut closing = Vec::new();
        if message.test {
            closing.push(self.text("letter-test").to_owned());
        }
        if message.more > 0 {
            closing.push(self.text_with("letter-more", &[("count", &message.more.to_string())]));
        }
        if let Some(until) = message.quiet_until {
            let time = format::clock(until, zone, self.language());
            closing.push(self.text_with("letter-quiet", &[("time", &time)]));
        }
        closing
    }

    /// A cause by its name, one alert by its own, several by their number.
    fn subject(&self, message: &Message, letter: &Letter, rack: &str) -> String {
        let count = letter.parts.len() + message.more;
        let more = |title: &str, rest: usize| match rest {
            0 => self.text_with("letter-subject", &[("rack", rack), ("title", title)]),
            rest => {
                let facts = [("rack", rack), ("count", &rest.to_string()), ("title", title)];
                self.text_with("letter-subject-more", &facts)
            }
        };
        match (letter.heads.as_slice(), letter.parts.as_slice()) {
            _ if message.test => self.text_with("letter-subject-test", &[("rack", rack)]),
            ([cause, ..], _) => more(&cause.title, count - cause.parts),
            ([], [part, ..]) => more(&part.title, count - 1),
            ([], []) => rack.to_owned(),
        }
    }

    /// What lies beneath several alerts, why that is believed, and what to do.
    fn cause_head(&self, group: &Grouping, beneath: &[MessageItem], zone: &TimeZone) -> Option<LetterHead> {
        let report = group.cause.as_ref()?;
        let said = self.cause_report(report);
        let count = group.beneath.len().to_string();
        let (title, mut lines) = match &report.verdict {
            CauseVerdict::Known(guess) => {
                let facts = [("cause", said.title.as_str()), ("count", &count)];
                (self.text_with("letter-cause", &facts), vec![self.cause_guess(guess), said.next])
            }
            CauseVerdict::NotKnown { between, .. } => {
                let could = |guess| self.text_with("letter-could", &[("what", &self.cause_guess(guess))]);
                let lines = std::iter::once(said.what).chain(between.iter().map(could)).collect();
                (self.text_with("letter-cause-not-known", &[("count", &count)]), lines)
            }
        };
        lines.extend(self.evidence(report, zone));
        Some(LetterHead {
            tone: Tone::of(beneath.iter().map(|item| item.alert.severity).max()?),
            title,
            lines,
            parts: beneath.len(),
        })
    }

    fn evidence(&self, report: &CauseReport, zone: &TimeZone) -> Vec<String> {
        let seen = report.evidence.iter().filter(|line| line.how == EvidenceKind::For);
        let line = |line: &cake_types::CauseEvidence| {
            let time = format::time(line.at?, zone, self.language());
            Some(self.text_with("letter-seen", &[("what", &self.cause_sign(&line.sign)), ("time", &time)]))
        };
        seen.filter_map(line).take(EVIDENCE).collect()
    }

    fn part(&self, item: &MessageItem, zone: &TimeZone) -> LetterPart {
        let MessageItem { turn, alert } = item;
        let said = self.alert(alert);
        let lines = match turn {
            AlertTurn::Began | AlertTurn::Worse => vec![said.what, said.next, self.since(alert, zone)],
            AlertTurn::Flaps => vec![said.what, said.next, self.text("letter-flaps").to_owned()],
            AlertTurn::Ended | AlertTurn::Passed => vec![self.since(alert, zone)],
        };
        LetterPart { turn: *turn, alert: alert.clone(), title: self.title(item), lines }
    }

    /// What to do is said of its cause.
    fn beneath(&self, item: &MessageItem, zone: &TimeZone) -> LetterPart {
        let MessageItem { turn, alert } = item;
        let lines = vec![self.alert(alert).what, self.since(alert, zone)];
        LetterPart { turn: *turn, alert: alert.clone(), title: self.title(item), lines }
    }

    fn title(&self, MessageItem { turn, alert }: &MessageItem) -> String {
        let what = self.alert(alert).title;
        let facts = [("severity", self.severity(alert.severity)), ("name", &alert.subject.name), ("what", &what)];
        self.text_with(&format!("turn-{}", turn.as_str()), &facts)
    }

    fn since(&self, alert: &Alert, zone: &TimeZone) -> String {
        let time = format::time(alert.since, zone, self.language());
        self.text_with("letter-since", &[("time", &time)])
    }
}
