//! What every long list has: a search box, an address that says what is shown, and a file with all of it.

use crate::data::{PageOf, PageQuery};
use crate::frame::{Frame, percent_encoded};
use crate::live::Regions;
use askama::Template;
use cake_planner::query::{Filter, Item};
use cake_types::Problem;
use serde::Deserialize;
use std::cmp::Ordering;
use std::future::Future;

/// Rows of one page.
pub const ROWS: usize = 50;
/// Rows of one file.
pub const CSV_MAX: usize = 10_000;
/// A search reads about this many records for one answer; if it finds less than a page, it goes on at its "Older".
const READ_MAX: usize = 2_000;
/// Characters of a wrong search that are shown again.
const MARKED_MAX: usize = 512;

/// What is searched for, in the filter language.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "String")]
pub struct Search {
    text: String,
    filter: Option<Filter>,
    wrong: Option<Box<Problem>>,
}

impl From<&str> for Search {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<String> for Search {
    fn from(text: String) -> Self {
        match Filter::parse(&text) {
            Ok(filter) => Self { text, filter: Some(filter), wrong: None },
            Err(problem) => Self { text, filter: None, wrong: Some(Box::new(problem)) },
        }
    }
}

impl Search {
    /// As it was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn is_empty(&self) -> bool {
        self.wrong.is_none() && self.filter.as_ref().is_none_or(Filter::is_empty)
    }

    /// What it means; `None` where it means nothing.
    pub fn filter(&self) -> Option<Filter> {
        if self.wrong.is_some() { None } else { Some(self.filter.clone().unwrap_or_default()) }
    }

    /// Whether this is searched for. What can't be understood finds nothing.
    pub fn takes(&self, f: &Frame, item: &dyn Item) -> bool {
        self.wrong.is_none() && self.filter.as_ref().is_none_or(|filter| filter.matches(item, &f.moment()))
    }

    /// Says beneath the search box what can't be understood.
    pub fn say(&self, f: &Frame, regions: &mut Regions) {
        regions.add("search-wrong", &Wrong { f, wrong: self.wrong(f) });
    }

    fn wrong(&self, f: &Frame) -> Option<WrongSearch> {
        let problem = self.wrong.as_deref()?;
        let column = problem.params.get("column").and_then(|column| column.parse::<usize>().ok()).unwrap_or(1);
        let chars: Vec<char> = self.text.chars().take(MARKED_MAX).collect();
        let at = (column - 1).min(chars.len());
        let end = (at..chars.len()).find(|&end| chars[end].is_whitespace()).unwrap_or(chars.len());
        let text = |from: usize, to: usize| chars[from..to].iter().collect::<String>();
        let fact = |name: &str| problem.params.get(name).map_or("", String::as_str);
        Some(WrongSearch {
            before: text(0, at),
            marked: if at == end { "\u{2423}".into() } else { text(at, end) },
            after: text(end, chars.len()),
            reason: f.t(format!("reason-{}", fact("reason"))),
            possible: fact("possible").split(", ").map(str::to_owned).collect(),
        })
    }
}

/// What can't be understood, with its place.
struct WrongSearch {
    before: String,
    marked: String,
    after: String,
    reason: &'static str,
    /// Words of the filter language: the same in every language.
    possible: Vec<String>,
}

#[derive(Template)]
#[template(path = "parts/search_wrong.html")]
struct Wrong<'a> {
    f: &'a Frame,
    wrong: Option<WrongSearch>,
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

/// A column of a list.
pub struct Column {
    pub id: &'static str,
    pub title: &'static str,
    pub class: &'static str,
    /// Where a click on its title leads.
    pub address: Option<String>,
    /// For `aria-sort`.
    pub sorted: &'static str,
}

impl Column {
    /// `here`: the list is sorted by it.
    pub fn new(
        f: &Frame,
        id: &'static str,
        class: &'static str,
        address: Option<String>,
        here: bool,
        down: bool,
    ) -> Self {
        let sorted = match (here, down) {
            (false, _) => "none",
            (true, false) => "ascending",
            (true, true) => "descending",
        };
        Self { id, title: f.t(format!("column-{id}")), class, address, sorted }
    }
}

pub struct FilterLink {
    pub word: &'static str,
    pub title: &'static str,
    pub count: usize,
    pub address: String,
    pub current: bool,
}

#[derive(Template)]
#[template(path = "parts/filters.html")]
pub struct Filters {
    pub filters: Vec<FilterLink>,
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

/// Names as people count: `web-2` before `web-10`.
pub fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.chars().peekable(), b.chars().peekable());
    loop {
        match (a.peek().copied(), b.peek().copied()) {
            (None, None) => return Ordering::Equal,
            (None, _) => return Ordering::Less,
            (_, None) => return Ordering::Greater,
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (left, right) = (number(&mut a), number(&mut b));
                let order = left.len().cmp(&right.len()).then_with(|| left.cmp(&right));
                if order != Ordering::Equal {
                    return order;
                }
            }
            (Some(x), Some(y)) => {
                let order = x.to_lowercase().cmp(y.to_lowercase());
                if order != Ordering::Equal {
                    return order;
                }
                a.next();
                b.next();
            }
        }
    }
}

/// The digits that come next, without leading zeros.
fn number(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut digits = String::new();
    while let Some(digit) = chars.next_if(char::is_ascii_digit) {
        if digit != '0' || !digits.is_empty() {
            digits.push(digit);
        }
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_as_people_count() {
        let mut names = ["web-10", "Web-2", "web-1", "a", "web-02x", "會計"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["a", "web-1", "Web-2", "web-02x", "web-10", "會計"]);
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
