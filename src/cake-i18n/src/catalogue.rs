//! One table of messages per language, made when it is first asked for.

use crate::{pattern, pseudo};
use cake_types::Language;
use std::sync::OnceLock;

/// The Fluent files, in the program. Their names are the same in every language.
macro_rules! files {
    ($folder:literal: $($name:literal)*) => {
        &[$(include_str!(concat!("../locales/", $folder, "/", $name, ".ftl"))),*]
    };
}

const ENGLISH: &[&str] = files!(
    "en": "common" "problems" "tasks" "events" "alerts" "causes" "channels" "week" "sensors" "operations" "servers" "history" "feeds" "server-console" "server-power" "server-redfish" "console" "uplink" "setup" "install" "locked" "updates" "cli"
);
const CHINESE_TAIWAN: &[&str] = files!(
    "zh-Hant-TW": "common" "problems" "tasks" "events" "alerts" "causes" "channels" "week" "sensors" "operations" "servers" "history" "feeds" "server-console" "server-power" "server-redfish" "console" "uplink" "setup" "install" "locked" "updates" "cli"
);

/// Where the words of every language are.
#[derive(Debug)]
pub struct Catalogue;

/// The words of one language.
#[derive(Debug)]
pub struct Words {
    language: Language,
    tag: &'static str,
    /// Sorted by id; both halves borrow from the embedded files.
    messages: Vec<(&'static str, &'static str)>,
}

impl Catalogue {
    pub fn get(language: Language) -> &'static Words {
        static ENGLISH_WORDS: OnceLock<Words> = OnceLock::new();
        static CHINESE_WORDS: OnceLock<Words> = OnceLock::new();
        let (cell, files) = match language {
            Language::English => (&ENGLISH_WORDS, ENGLISH),
            Language::ChineseTaiwan => (&CHINESE_WORDS, CHINESE_TAIWAN),
        };
        cell.get_or_init(|| Words::new(language, language.tag(), files))
    }

    /// English with accents and 40 % longer: what stays plain was not in the catalogue, what breaks was set too tightly.
    pub fn pseudo() -> &'static Words {
        static PSEUDO_WORDS: OnceLock<Words> = OnceLock::new();
        PSEUDO_WORDS.get_or_init(|| {
            let english = Self::get(Language::English);
            let messages =
                english.messages.iter().map(|(id, text)| (*id, pseudo::pattern(text).leak() as &str)).collect();
            Words { language: Language::English, tag: "en-XA", messages }
        })
    }
}

impl Words {
    fn new(language: Language, tag: &'static str, files: &[&'static str]) -> Self {
        let mut messages: Vec<_> = files.iter().flat_map(|file| pattern::messages(file)).collect();
        messages.sort_unstable_by_key(|(id, _)| *id);
        Self { language, tag, messages }
    }

    pub fn language(&self) -> Language {
        self.language
    }

    /// For `<html lang>`: BCP 47.
    pub fn tag(&self) -> &'static str {
        self.tag
    }

    /// The text of a message without variables. An unknown id is its own text: it shows, and tests find it.
    pub fn text(&self, id: &'static str) -> &'static str {
        self.find(id).unwrap_or(id)
    }

    /// As [`Words::text`], for an id made at run time (`state-` and a state's word).
    pub fn text_of(&self, id: &str) -> &'static str {
        self.find(id).unwrap_or("")
    }

    /// The text of a message with its variables filled in.
    pub fn text_with(&self, id: &str, values: &[(&str, &str)]) -> String {
        match self.find(id) {
            Some(text) => pattern::fill(text, self.language, &|name| {
                values.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
            }),
            None => id.to_owned(),
        }
    }

    /// As [`Words::text_with`], with the values in a map (a problem's or an event's facts).
    pub fn text_from(&self, id: &str, values: &std::collections::BTreeMap<String, String>) -> String {
        match self.find(id) {
            Some(text) => pattern::fill(text, self.language, &|name| values.get(name).map(String::as_str)),
            None => id.to_owned(),
        }
    }

    pub fn has(&self, id: &str) -> bool {
        self.find(id).is_some()
    }

    /// All ids, sorted.
    pub fn ids(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.messages.iter().map(|(id, _)| *id)
    }

    /// The variables of a message, sorted, each once.
    pub fn variables(&self, id: &str) -> Vec<&'static str> {
        let mut names = self.find(id).map(pattern::variables).unwrap_or_default();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// A message as it is written in its file.
    pub fn source(&self, id: &str) -> Option<&'static str> {
        self.find(id)
    }

    fn find(&self, id: &str) -> Option<&'static str> {
        let at = self.messages.binary_search_by_key(&id, |(known, _)| known).ok()?;
        Some(self.messages[at].1)
    }
}
