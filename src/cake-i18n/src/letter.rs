//! A message as a letter: what a person reads, before a channel gives it its form.

use crate::{Words, format};
use cake_types::{Alert, AlertTurn, Letter, LetterPart, Message, MessageItem};
use jiff::tz::TimeZone;

/// Who writes: what the cloud calls itself, where its console is, and its time.
pub struct From<'a> {
    pub name: &'a str,
    pub url: &'a str,
    pub zone: &'a TimeZone,
}

impl Words {
    pub fn letter(&self, message: &Message, from: &From<'_>) -> Letter {
        let parts: Vec<LetterPart> = message.items.iter().map(|item| self.part(item, from.zone)).collect();
        let mut closing = Vec::new();
        if message.test {
            closing.push(self.text("letter-test").to_owned());
        }
        if message.more > 0 {
            closing.push(self.text_with("letter-more", &[("count", &message.more.to_string())]));
        }
        if let Some(until) = message.quiet_until {
            let time = format::clock(until, from.zone, self.language());
            closing.push(self.text_with("letter-quiet", &[("time", &time)]));
        }
        Letter {
            subject: self.subject(message, &parts, from.name),
            severity: message.severity(),
            parts,
            closing,
            url: from.url.to_owned(),
        }
    }

    /// One alert by its name, several by their number.
    fn subject(&self, message: &Message, parts: &[LetterPart], rack: &str) -> String {
        let count = parts.len() + message.more;
        match parts {
            _ if message.test => self.text_with("letter-subject-test", &[("rack", rack)]),
            [part] if count == 1 => self.text_with("letter-subject", &[("rack", rack), ("title", &part.title)]),
            [] => rack.to_owned(),
            [first, ..] => {
                let facts = [("rack", rack), ("count", &(count - 1).to_string()), ("title", &first.title)];
                self.text_with("letter-subject-more", &facts)
            }
        }
    }

    fn part(&self, MessageItem { turn, alert }: &MessageItem, zone: &TimeZone) -> LetterPart {
        let said = self.alert(alert);
        let facts = [("severity", self.severity(alert.severity)), ("name", &alert.subject.name), ("what", &said.title)];
        let title = self.text_with(&format!("turn-{}", turn.as_str()), &facts);
        let lines = match turn {
            AlertTurn::Began | AlertTurn::Worse => vec![said.what, said.next, self.since(alert, zone)],
            AlertTurn::Flaps => vec![said.what, said.next, self.text("letter-flaps").to_owned()],
            AlertTurn::Ended | AlertTurn::Passed => vec![self.since(alert, zone)],
        };
        LetterPart { turn: *turn, alert: alert.clone(), title, lines }
    }

    fn since(&self, alert: &Alert, zone: &TimeZone) -> String {
        let time = format::time(alert.since, zone, self.language());
        self.text_with("letter-since", &[("time", &time)])
    }
}
