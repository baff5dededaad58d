//! `GET /help`: the manual, in the program. Its pages are Markdown files; the page of problems is made from the catalogue, so
//! that every code has its section.

use crate::data::ConsoleData;
use crate::frame::{Frame, Inside};
use crate::live::Regions;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use cake_types::{Code, FailureCode, Problem};
use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};
use serde::Deserialize;
use std::sync::Arc;

include!(concat!(env!("OUT_DIR"), "/manual.rs"));

/// The pages, in the order of the index.
pub const ORDER: [&str; 37] = [
    "installing",
    "first-steps",
    "finding",
    "create-a-vm",
    "console",
    "power",
    "drives",
    "disks",
    "images",
    "bin",
    "storage",
    "alerts",
    "causes",
    "notifications",
    "usage",
    "servers",
    "power-budget",
    "server-console",
    "server-disks",
    "updates",
    "ups",
    "feeds",
    "cabling",
    "server",
    "server-network",
    "server-screen",
    "networks",
    "search",
    "accounts",
    "certificate",
    "command-line",
    "server-does-not-answer",
    "recovery",
    "export",
    "backup",
    "support",
    "problems",
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Search {
    q: String,
}

#[derive(Template)]
#[template(path = "help.html")]
struct Index<'a> {
    f: &'a Frame,
    r: Regions,
    q: &'a str,
    entries: Vec<Entry>,
}

struct Entry {
    name: &'static str,
    title: String,
    /// The first sentence, or the text around what was searched for.
    excerpt: String,
}

pub async fn index(
    State(data): State<Arc<dyn ConsoleData>>,
    Inside(f): Inside,
    Query(search): Query<Search>,
) -> Response {
    let q = search.q.trim();
    let entries = ORDER.iter().filter_map(|name| entry(&f, name, q)).collect();
    let r = super::regions(&data, &f, "/help").await;
    f.page(&Index { f: &f, r, q, entries })
}

#[derive(Template)]
#[template(path = "help_page.html")]
struct ManualPage<'a> {
    f: &'a Frame,
    r: Regions,
    title: String,
    body: String,
    problems: Vec<Section>,
    pages: Vec<(&'static str, String, bool)>,
}

struct Section {
    /// What an address points at: `/help/problems#ANCHOR`.
    anchor: String,
    code: &'static str,
    /// Of a refusal; a VM that failed has none.
    status: Option<u16>,
    /// The page of the manual that says more.
    more: Option<&'static str>,
    title: String,
    what: String,
    next: String,
}

pub async fn page(State(data): State<Arc<dyn ConsoleData>>, Inside(f): Inside, Path(name): Path<String>) -> Response {
    let Some(source) = source(&f, &name) else {
        return super::error::problem(&data, &f, Problem::new(Code::NoSuchRoute)).await;
    };
    let (title, body) = split(source);
    let problems = if name == "problems" { sections(&f) } else { Vec::new() };
    let titled = |page| self::source(&f, page).map_or_else(String::new, |source| split(source).0.to_owned());
    let pages = ORDER.iter().map(|&page| (page, titled(page), page == name)).collect();
    let r = super::regions(&data, &f, "/help").await;
    f.page(&ManualPage { f: &f, r, title: title.to_owned(), body: rendered(body), problems, pages })
}

/// The Markdown of a page in the reader's language.
fn source(f: &Frame, name: &str) -> Option<&'static str> {
    let language = f.words.language().tag();
    PAGES.iter().find(|(tag, page, _)| *tag == language && *page == name).map(|(_, _, text)| *text)
}

/// The title, which is the first line, and the rest.
fn split(source: &'static str) -> (&'static str, &'static str) {
    let (first, rest) = source.split_once('\n').unwrap_or((source, ""));
    (first.trim_start_matches('#').trim(), rest)
}

/// Markdown as HTML. The manual is our own text, and still no raw HTML passes through it.
fn rendered(markdown: &str) -> String {
    let parser = Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_HEADING_ATTRIBUTES);
    let events = parser.map(|event| match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) if dest_url.starts_with("javascript:") => {
            Event::Start(Tag::Link { link_type, dest_url: CowStr::Borrowed("#"), title, id })
        }
        other => other,
    });
    let mut out = String::with_capacity(markdown.len() * 2);
    html::push_html(&mut out, events);
    out
}

/// Where the manual says more about a code than its sentences do.
const fn more(code: Code) -> Option<&'static str> {
    Some(match code {
        Code::BadQuery => "/help/search#language",
        Code::WrongPassword | Code::NotAllowed => "/help/accounts",
        Code::WrongToken => "/help/accounts#tokens",
        Code::WrongWord => "/help/server-screen#lost",
        Code::NodeUnreachable => "/help/server-does-not-answer",
        Code::NoScreen | Code::TooManyViewers | Code::BadTicket => "/help/console",
        Code::ConsoleHeld
        | Code::ConsoleOff
        | Code::ConsoleForbidden
        | Code::ConsoleUnencrypted
        | Code::ConsoleUnsupported
        | Code::ConsoleRedfishOnly
        | Code::ConsoleLocal => "/help/server-console",
        Code::CapUnsupported => "/help/servers#cap",
        Code::NoSuchDrive => "/help/servers#drives",
        Code::BmcCannot | Code::BmcRefuses | Code::NoSuchSlot => "/help/servers#redfish",
        Code::IllegalNow => "/help/power",
        Code::EngineHeld => "/help/power#engine",
        Code::FirmwareUnfit => "/help/images",
        Code::VolumeAttached | Code::VolumeLeaving | Code::VolumeNotReady => "/help/disks",
        Code::DiskDoesNotFit | Code::DiskTooSmall | Code::StoreFull => "/help/storage",
        Code::TooMuchMemory | Code::TooManyCpus | Code::UserDataTooLarge | Code::BadName => "/help/create-a-vm",
        Code::NotABackup
        | Code::BackupNewer
        | Code::BackupCutShort
        | Code::BackupDamaged
        | Code::WrongRecoveryKey
        | Code::RecoveryKeyNeeded => "/help/backup",
        Code::NotSetUp | Code::AlreadySetUp => "/help/first-steps",
        Code::InstallerOnly
        | Code::NotInstaller
        | Code::InstallRunning
        | Code::InstallDone
        | Code::InstallTooLate
        | Code::InstallNone
        | Code::InstallMedium
        | Code::InstallRefused
        | Code::InstallFailed => "/help/installing",
        _ => return None,
    })
}

/// Why VMs fail, each as a section like a refusal's.
fn failures(f: &Frame) -> impl Iterator<Item = Section> {
    FailureCode::ALL.into_iter().map(|code| Section {
        anchor: format!("failure-{}", code.as_str()),
        code: code.as_str(),
        status: None,
        more: None,
        title: f.words.failure(code).trim_end_matches(['.', '。']).to_owned(),
        what: f.words.failure(code).to_owned(),
        next: f.words.failure_next(code).to_owned(),
    })
}

/// Every code with its words, then every reason for which a VM fails. Facts that a sentence would name are shown as `…`.
fn sections(f: &Frame) -> Vec<Section> {
    let refusals = Code::ALL.iter().map(|code| {
        let mut problem = Problem::new(*code);
        for id in [format!("problem-{code}"), format!("problem-{code}-next")] {
            for name in f.words.variables(&id) {
                problem = problem.with(name, "…");
            }
        }
        let explained = f.words.problem(&problem);
        Section {
            anchor: code.as_str().to_owned(),
            code: code.as_str(),
            status: Some(code.status()),
            more: more(*code),
            title: explained.title,
            what: explained.what,
            next: explained.next,
        }
    });
    refusals.chain(failures(f)).collect()
}

/// The page's line in the index; `None` if it does not hold all words that were searched for.
fn entry(f: &Frame, name: &'static str, q: &str) -> Option<Entry> {
    let (title, body) = split(source(f, name)?);
    let mut plain = plain(body);
    if name == "problems" {
        for section in sections(f) {
            plain.push_str(&format!(" {}: {} {}", section.title, section.what, section.next));
        }
    }
    let lower = format!("{title} {plain}").to_lowercase();
    if !q.to_lowercase().split_whitespace().all(|word| lower.contains(word)) {
        return None;
    }
    let excerpt = if q.is_empty() { excerpt(&first_paragraph(body), q) } else { excerpt(&plain, q) };
    Some(Entry { name, title: title.to_owned(), excerpt })
}

/// Markdown without its marks.
fn plain(markdown: &str) -> String {
    let mut out = String::new();
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_HEADING_ATTRIBUTES) {
        match event {
            Event::Text(text) | Event::Code(text) => out.push_str(&text),
            Event::SoftBreak | Event::HardBreak => out.push(' '),
            Event::End(
                TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::Item | TagEnd::TableCell | TagEnd::CodeBlock,
            ) => {
                out.push(' ');
            }
            _ => {}
        }
    }
    out.trim().to_owned()
}

/// The first paragraph: what a page is about.
fn first_paragraph(markdown: &str) -> String {
    let paragraph = markdown
        .split("\n\n")
        .map(str::trim)
        .find(|part| part.trim_start_matches('*').starts_with(char::is_alphanumeric));
    plain(paragraph.unwrap_or(""))
}

/// About 120 characters around the first word that was searched for, or from the beginning.
fn excerpt(text: &str, q: &str) -> String {
    const LONG: usize = 120;
    let chars: Vec<char> = text.chars().collect();
    let lower: String = chars.iter().map(|c| c.to_lowercase().next().unwrap_or(*c)).collect();
    let word = q.to_lowercase();
    let at = word.split_whitespace().next().and_then(|word| lower.find(word)).unwrap_or(0);
    let at = lower[..at].chars().count().saturating_sub(LONG / 3);
    let end = (at + LONG).min(chars.len());
    let (at, end) = (word_begin(&chars, at), word_end(&chars, end));
    let mut out: String = chars[at..end].iter().collect::<String>().trim().to_owned();
    if at > 0 {
        out.insert(0, '…');
    }
    if end < chars.len() {
        out.push('…');
    }
    out
}

/// Letters of one word in a language that puts spaces between words; a Chinese text may be cut anywhere.
fn is_one_word(left: char, right: char) -> bool {
    let part = |c: char| c.is_alphanumeric() && !('\u{2e80}'..='\u{ffef}').contains(&c) || "-_’'".contains(c);
    part(left) && part(right)
}

/// The next place from here where a word begins.
fn word_begin(chars: &[char], mut at: usize) -> usize {
    while at > 0 && at < chars.len() && is_one_word(chars[at - 1], chars[at]) {
        at += 1;
    }
    at
}

/// The last place up to here where a word ends.
fn word_end(chars: &[char], mut end: usize) -> usize {
    while end > 0 && end < chars.len() && is_one_word(chars[end - 1], chars[end]) {
        end -= 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use cake_types::Language;

    #[test]
    fn every_page_is_there_in_every_language() {
        for language in Language::ALL {
            for name in ORDER {
                let page = PAGES.iter().find(|(tag, page, _)| *tag == language.tag() && *page == name);
                let (_, _, text) = page.unwrap_or_else(|| panic!("{} {name}", language.tag()));
                assert!(text.starts_with("# "), "{name} begins with its title");
            }
        }
        assert_eq!(PAGES.len(), ORDER.len() * Language::ALL.len(), "no page that the index does not know");
    }

    #[test]
    fn links_inside_the_manual_lead_somewhere() {
        for (language, name, text) in PAGES {
            for event in Parser::new(text) {
                if let Event::Start(Tag::Link { dest_url, .. }) = event
                    && let Some(page) = dest_url.strip_prefix("/help/")
                {
                    let page = page.split('#').next().unwrap_or("");
                    assert!(ORDER.contains(&page), "{language}/{name} links to {page}");
                }
            }
        }
    }

    #[test]
    fn raw_html_stays_text() {
        assert!(!rendered("a <script>alert(1)</script> b").contains("<script"));
        assert!(!rendered("[x](javascript:alert)").contains("javascript"));
    }

    #[test]
    fn an_excerpt_is_around_the_word() {
        let text = "長".repeat(200) + "needle" + &"短".repeat(200);
        let excerpt = excerpt(&text, "NEEDLE");
        assert!(excerpt.contains("needle") && excerpt.chars().count() < 130, "{excerpt}");
    }

    #[test]
    fn an_excerpt_never_cuts_a_word() {
        let text = "Everybody reads whole words, wherever an excerpt begins. ".repeat(9);
        let words: Vec<&str> = text.split_whitespace().collect();
        for q in ["", "reads", "wherever", "excerpt", "begins"] {
            let excerpt = excerpt(&text, q);
            for word in excerpt.trim_matches('…').split_whitespace() {
                assert!(words.contains(&word), "{word:?} in {excerpt:?}");
            }
        }
    }
}
