//! No word exists in one language only, and none stands in a template.

use super::browser::Browser;
use super::{markup, sites};
use crate::common;
use cake_i18n::Catalogue;
use cake_types::Language;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn templates() -> Vec<(String, String)> {
    fn below(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { below(&path, found) } else { found.push(path) }
        }
    }
    let mut paths = Vec::new();
    below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("templates"), &mut paths);
    let read = |path: PathBuf| (path.display().to_string(), std::fs::read_to_string(&path).expect("text"));
    paths.into_iter().map(read).collect()
}

/// Names that are the same in every language: keys, formats, programs.
const NAMES: &[&str] = &[
    "Esc",
    "Tab",
    "Ctrl",
    "CSV",
    "API",
    "QEMU",
    "HTTP",
    "UTC",
    "UDP",
    "TCP",
    "cake",
    "cake-node",
    "cake-node reset-admin",
    "make images",
    "v1/openapi.json",
    "srv/vms",
    "j",
    "k",
    "x",
    "b",
    "n",
    "g",
    "v",
    "t",
    "e",
];

/// A letter in a text node of a template that is neither an expression nor a name is a word outside the catalogue.
#[test]
fn templates_hold_no_words_of_their_own() {
    for (path, text) in templates() {
        let mut plain = String::new();
        let mut rest = text.as_str();
        // Expressions and blocks of the template language are not text; what they put out comes from elsewhere.
        while let Some(at) = rest.find(['{']) {
            let end = match &rest[at..] {
                open if open.starts_with("{{") => open.find("}}"),
                open if open.starts_with("{%") => open.find("%}"),
                open if open.starts_with("{#") => open.find("#}"),
                _ => None,
            };
            plain.push_str(&rest[..at]);
            match end {
                Some(end) => rest = &rest[at + end + 2..],
                None => {
                    plain.push('{');
                    rest = &rest[at + 1..];
                }
            }
        }
        plain.push_str(rest);
        let mut outside = String::new();
        let mut depth = 0;
        for c in plain.chars() {
            match c {
                '<' => depth += 1,
                '>' if depth > 0 => {
                    depth -= 1;
                    outside.push('\n');
                }
                c if depth == 0 => outside.push(c),
                _ => {}
            }
        }
        for line in outside.lines().map(str::trim) {
            let words = line.trim_matches(|c: char| !c.is_alphanumeric());
            let known = NAMES.contains(&words) || words.chars().all(|c| c.is_ascii_digit() || c.is_whitespace());
            assert!(known || !words.chars().any(char::is_alphabetic), "{path}: {line:?} is not in the catalogue");
        }
    }
}

#[test]
fn templates_ask_for_messages_that_exist() {
    let english = Catalogue::get(Language::English);
    let mut asked = 0;
    for (path, text) in templates() {
        for call in ["f.t(\"", "f.tv(\"", "f.tvv(\""] {
            for part in text.split(call).skip(1) {
                let (id, after) = part.split_once('"').expect("a closed text");
                assert!(english.has(id), "{path} asks for {id}");
                let arguments: Vec<&str> = after.split(')').next().unwrap_or("").split('"').collect();
                for name in english.variables(id) {
                    assert!(arguments.contains(&name), "{path}: {id} without ${name}");
                }
                asked += 1;
            }
        }
    }
    assert!(asked > 200, "the test sees the templates: {asked}");
}

#[tokio::test]
async fn every_page_is_there_in_every_language() {
    for language in Language::ALL {
        for (page, html) in sites::all(language.tag(), "").await {
            assert!(html.contains(&format!("<html lang=\"{}\"", language.tag())), "{page}");
            assert!(!html.contains("{$") && !html.contains("{ $"), "{page}: a variable without a value");
            markup::walk(&page, &html, |_, _| {});
        }
    }
}

/// In the pseudo-language every word of the catalogue is in brackets: whatever is not, and is not marked as data, was written
/// past the catalogue.
#[tokio::test]
async fn every_word_on_a_page_comes_from_the_catalogue() {
    for (page, html) in sites::all("en", "lang=pseudo").await {
        let mut strays = BTreeSet::new();
        markup::walk(&page, &html, |text, data| {
            let left = outside_brackets(text);
            let left = left.trim_matches(|c: char| !c.is_alphanumeric());
            if !data && !NAMES.contains(&left) && left.chars().any(char::is_alphabetic) && !is_fact(left) {
                strays.insert(left.to_owned());
            }
        });
        assert!(strays.is_empty(), "{page}: {strays:?}");
    }
}

/// Numbers with units, dates, versions: formed by rules of the language, not by words.
fn is_fact(text: &str) -> bool {
    const UNITS: [&str; 21] = [
        "B",
        "KiB",
        "MiB",
        "GiB",
        "TiB",
        "°C",
        "Jan",
        "Feb",
        "Mar",
        "Apr",
        "May",
        "Jun",
        "Jul",
        "Aug",
        "Sep",
        "Oct",
        "Nov",
        "Dec",
        "HTTP",
        "Lin",
        "林家行",
    ];
    text.split(|c: char| c.is_whitespace() || "·,:%–/".contains(c))
        .filter(|word| word.chars().any(char::is_alphabetic))
        .all(|word| UNITS.contains(&word))
}

fn outside_brackets(text: &str) -> String {
    let (open, close) = ('⟦', '⟧');
    let mut depth = 0;
    let mut out = String::new();
    for c in text.chars() {
        if c == open {
            depth += 1;
        } else if c == close {
            depth -= 1;
        } else if depth == 0 {
            out.push(c);
        }
    }
    out
}

#[tokio::test]
async fn a_language_chosen_in_the_address_is_remembered() {
    let browser = Browser::new(common::busy(), Some(common::viewer("viewer")));
    let answer = browser.get("/vms?q=a&lang=zh-Hant-TW").await;
    assert!(answer.text.contains("<html lang=\"zh-Hant-TW\""));
    assert!(answer.header("set-cookie").starts_with("cake_lang=zh-Hant-TW; Path=/;"), "{:?}", answer.headers);
    assert!(answer.text.contains("/vms?q=a&#38;lang=en"), "the other language keeps the rest of the address");
    let again = browser.get_with("/vms", &[("cookie", "cake_lang=zh-Hant-TW")]).await;
    assert!(again.text.contains("<html lang=\"zh-Hant-TW\"") && again.header("set-cookie").is_empty());
    let nonsense = browser.get("/vms?lang=xx%0d%0aset-cookie:a=b").await;
    assert!(nonsense.header("set-cookie").is_empty());
}

#[tokio::test]
async fn times_are_in_the_clouds_own_zone() {
    let browser = Browser::new(common::busy(), Some(common::viewer("administrator"))).reading("zh-TW");
    let page = browser.get(sites::VM).await.text;
    assert!(page.contains("上午") || page.contains("下午"), "12-hour times with the half of the day first");
    assert!(page.contains("年") && page.contains("月"));
}
