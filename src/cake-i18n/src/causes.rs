//! The words of causes: things, what is seen of them, and what lies beneath several alerts.

use crate::Words;
use crate::words::Explained;
use cake_types::{CauseGuess, CauseReport, CauseSign, CauseThing, CauseVerdict};

impl Words {
    /// `disk sda of cake-1`.
    pub fn cause_thing(&self, thing: &CauseThing) -> String {
        let kind = self.text_of(&format!("thing-{}", thing.kind.as_str()));
        let owner = thing.subject.as_ref().map(|subject| subject.name.as_str()).unwrap_or_default();
        match (thing.name.as_str(), owner) {
            ("", _) => kind.into(),
            (name, owner) if owner.is_empty() || owner == name => {
                self.text_with("thing-named", &[("kind", kind), ("name", name)])
            }
            (name, owner) => self.text_with("thing-part", &[("kind", kind), ("name", name), ("owner", owner)]),
        }
    }

    /// `Storage pool local is nearly full`.
    pub fn cause_sign(&self, sign: &CauseSign) -> String {
        let what = self.text_of(&format!("symptom-{}", sign.symptom.as_str()));
        let said = self.text_with("cause-sign", &[("thing", &self.cause_thing(&sign.thing)), ("what", what)]);
        let mut letters = said.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    }

    /// What the cause is, and what to do about it.
    pub fn cause(&self, guess: &CauseGuess) -> Explained {
        let thing = self.cause_thing(&guess.thing);
        let text = |end: &str| self.text_with(&format!("cause-{}{end}", guess.cause.as_str()), &[("thing", &thing)]);
        Explained { title: text("-short"), what: text(""), next: text("-next") }
    }

    /// The same, where it may not be known.
    pub fn cause_report(&self, report: &CauseReport) -> Explained {
        match &report.verdict {
            CauseVerdict::Known(guess) => self.cause(guess),
            CauseVerdict::NotKnown { .. } => {
                let text = |id| self.text(id).into();
                let (title, what) = (text("cause-not-known-short"), text("cause-not-known"));
                Explained { title, what, next: text("cause-not-known-next") }
            }
        }
    }

    /// `The disk sda of cake-1 failed. (46 %)`
    pub fn cause_guess(&self, guess: &CauseGuess) -> String {
        let percent = guess.confidence.to_string();
        self.text_with("cause-guess", &[("what", &self.cause(guess).what), ("percent", &percent)])
    }
}
