//! What every long list has: a search box, an address that says what is shown, and a file with all of it.

use crate::data::{PageOf, PageQuery};
use crate::frame::percent_encoded;
use cake_types::Problem;
use serde::Deserialize;
use std::future::Future;

/// Rows of one page.
pub const ROWS: usize = 50;
/// Rows of one file.
pub const CSV_MAX: usize = 10_000;
/// A search reads about this many records for one answer; if it finds less than a page, it goes on at its "Older".
const READ_MAX: usize = 2_000;

/// Words that a row contains, all of them, each anywhere in it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "String")]
pub struct Search {
    text: String,
    words: Vec<String>,
}

impl From<&str> for Search {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<String> for Search {
    fn from(text: String) -> Self {
        let words = text.to_lowercase().split_whitespace().map(str::to_owned).collect();
        Self { text, words }
    }
}

impl Search {
    /// As it was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether a row that shows these texts is searched for.
    pub fn takes(&self, texts: &[&str]) -> bool {
        if self.is_empty() {
            return true;
        }
        let texts: Vec<String> = texts.iter().map(|text| text.to_lowercase()).collect();
        self.words.iter().all(|word| texts.iter().any(|text| text.contains(word)))
    }
}

/// The tools above a list.
pub struct Tools {
    /// Where the search is sent.
    pub action: &'static str,
    pub label: &'static str,
    pub q: String,
    /// What the address says besides the search; what is empty is as usual.
    pub hidden: Vec<(&'static str, &'static str)>,
    /// The same list as a file.
    pub csv: String,
}

/// An address that says only what is not as usual.
pub fn address(path: &str, parts: &[(&str, &str)]) -> String {
    let parts: Vec<_> = parts
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={}", percent_encoded(value)))
        .collect();
    if parts.is_empty() { path.into() } else { format!("{path}?{}", parts.join("&")) }
}

/// The next `wanted` records of a list that `takes` says yes to, read page by page from `cursor` on.
pub async fn find<T, F: Future<Output = Result<PageOf<T>, Problem>>>(
    wanted: usize,
    cursor: Option<String>,
    read: impl Fn(PageQuery) -> F,
    takes: impl Fn(&T) -> bool,
) -> Result<PageOf<T>, Problem> {
    let (mut items, mut next, mut seen) = (Vec::new(), cursor, 0);
    loop {
        // Never more than is still missing, so that the cursor stands right behind the last one found.
        let page = read(PageQuery { cursor: next, limit: wanted - items.len(), subject: None }).await?;
        seen += page.items.len().max(1);
        items.extend(page.items.into_iter().filter(&takes));
        next = page.next;
        if next.is_none() || items.len() >= wanted || seen >= READ_MAX.max(wanted) {
            return Ok(PageOf { items, next });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_finds_all_its_words_in_any_text() {
        let search = Search::from("Web  完成");
        assert!(search.takes(&["啟動「web-1」", "完成"]));
        assert!(!search.takes(&["啟動「web-1」", "失敗"]));
        assert!(Search::default().takes(&[]), "nothing is asked for");
    }

    #[tokio::test]
    async fn a_search_reads_on_until_it_has_found_enough() {
        let read = async |page: PageQuery| {
            let from: usize = page.cursor.map_or(0, |cursor| cursor.parse().expect("a number"));
            let to = (from + page.limit).min(1000);
            Ok(PageOf { items: (from..to).collect(), next: (to < 1000).then(|| to.to_string()) })
        };
        let found = find(3, None, read, |n| n % 10 == 9).await.expect("no problem");
        assert_eq!((found.items, found.next.as_deref()), (vec![9, 19, 29], Some("30")));
        let found = find(3, Some("985".into()), read, |n| n % 10 == 9).await.expect("no problem");
        assert_eq!((found.items, found.next), (vec![989, 999], None));
    }
}
