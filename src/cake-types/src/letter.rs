//! A message in somebody's language, before it gets the form of its channel.

use crate::{Alert, AlertTurn, Severity};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// One line.
    pub subject: String,
    pub severity: Severity,
    /// What comes first; the first parts stand beneath it, in its order.
    pub heads: Vec<LetterHead>,
    pub parts: Vec<LetterPart>,
    /// What stands below the parts.
    pub closing: Vec<String>,
    /// Where the console is.
    pub url: String,
}

/// What several parts have in common, or what stands for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterHead {
    pub tone: Tone,
    /// `14 alerts, likeliest cause: Power cut`
    pub title: String,
    pub lines: Vec<String>,
    /// So many parts stand beneath it.
    pub parts: usize,
}

/// Of one alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterPart {
    pub turn: AlertTurn,
    pub alert: Alert,
    /// `Error: web — Paused: no space`
    pub title: String,
    pub lines: Vec<String>,
}

/// How something stands, for whoever gives it a colour or a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Neither good nor bad.
    Plain,
    Good,
    Warning,
    Error,
}

impl Tone {
    pub const fn of(severity: Severity) -> Self {
        match severity {
            Severity::Error => Self::Error,
            Severity::Info | Severity::Warning => Self::Warning,
        }
    }

    /// A sign beside the word, never instead of it.
    pub const fn sign(self) -> char {
        match self {
            Self::Plain => '•',
            Self::Good => '✓',
            Self::Warning => '!',
            Self::Error => '✗',
        }
    }
}

impl LetterPart {
    fn block(&self, beneath: bool) -> LetterBlock<'_> {
        LetterBlock { tone: self.tone(), title: &self.title, lines: &self.lines, beneath }
    }

    pub const fn tone(&self) -> Tone {
        if self.turn.is_over() { Tone::Good } else { Tone::of(self.alert.severity) }
    }
}

/// One paragraph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LetterBlock<'a> {
    pub tone: Tone,
    pub title: &'a str,
    pub lines: &'a [String],
    /// It stands beneath the head that was told before it.
    pub beneath: bool,
}

impl Letter {
    /// Heads, each with its parts after it, and then what stands alone.
    pub fn blocks(&self) -> Vec<LetterBlock<'_>> {
        let mut blocks = Vec::with_capacity(self.heads.len() + self.parts.len());
        let mut parts = self.parts.iter();
        for LetterHead { tone, title, lines, parts: count } in &self.heads {
            blocks.push(LetterBlock { tone: *tone, title, lines, beneath: false });
            blocks.extend(parts.by_ref().take(*count).map(|part| part.block(true)));
        }
        blocks.extend(parts.map(|part| part.block(false)));
        blocks
    }
}
