//! Pages as lines of characters.

use jiff::Timestamp;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

use super::facts::Facts;
use super::{Menu, Page, text};

/// Characters that fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub columns: usize,
    pub rows: usize,
}

impl Size {
    /// Of a terminal that does not say (ECMA-48 has no way to ask).
    pub const USUAL: Self = Self { columns: 80, rows: 24 };
}

/// What is to be on a terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drawing {
    /// At most as many as fit, none too long.
    pub lines: Vec<String>,
    /// Row and column of where somebody types, from zero.
    pub cursor: Option<(usize, usize)>,
}

/// Between a page's own lines and the code for telephones.
const GAP: usize = 2;
/// Narrower than this nothing can be read beside the code.
const TEXT_LEAST: usize = 40;

impl Menu {
    /// `codes`: block characters can be shown, so there is a code for telephones.
    pub fn draw(&self, facts: &Facts, now: Timestamp, size: Size, codes: bool) -> Drawing {
        let Size { columns, rows } = size;
        let mut lines = vec![self.head(facts, columns), "-".repeat(columns)];
        let code = self.pages.is_empty().then(|| code(facts)).flatten().filter(|_| codes).unwrap_or_default();
        let code_width = code.first().map_or(0, |line| line.chars().count());
        let beside = code_width > 0 && columns >= TEXT_LEAST + GAP + code_width && rows >= code.len() + 4;
        let width = if beside { columns - GAP - code_width } else { columns };
        lines.extend(text::body(self, facts, now).iter().flat_map(|line| broken(line, width)));
        let cursor = self.more(facts, &mut lines);
        if beside {
            put_beside(&mut lines, &code, columns - code_width);
        }
        let foot = self.foot(facts);
        lines.truncate(rows.saturating_sub(foot.len() + 1));
        lines.resize(rows.saturating_sub(foot.len()), String::new());
        lines.extend(foot);
        let cut = |line: String| line.chars().take(columns).collect::<String>().trim_end().to_owned();
        let cursor = cursor.filter(|(row, column)| *row < rows && *column < columns);
        Drawing { lines: lines.into_iter().take(rows).map(cut).collect(), cursor }
    }

    fn head(&self, facts: &Facts, columns: usize) -> String {
        let name = facts.node.as_ref().map_or("", |node| node.name.as_str());
        let left = plain(&format!(" cake  {name}  {}", text::title(self, facts)));
        let version = facts.console.as_ref().map_or_else(String::new, |console| plain(&console.version));
        let room = columns.saturating_sub(left.chars().count() + 1);
        format!("{left}{version:>room$}")
    }

    /// Items, fields, and a line to type in.
    fn more(&self, facts: &Facts, lines: &mut Vec<String>) -> Option<(usize, usize)> {
        lines.push(String::new());
        let items = self.items(facts);
        if !items.is_empty() || super::leaving(facts).is_some() {
            let at = self.at.min(items.len().saturating_sub(1));
            lines.extend(items.iter().enumerate().map(|(index, item)| {
                let mark = if index == at { '>' } else { ' ' };
                format!(" {mark} {}  {}", index + 1, item.label)
            }));
            return None;
        }
        match self.pages.last() {
            Some(Page::Fields(form)) => {
                let mut cursor = None;
                for field in form.fields() {
                    let (line, end) = text::field(form, field);
                    if form.at == field && super::Form::is_typed(field) {
                        cursor = Some((lines.len(), end));
                    }
                    lines.push(plain(&line));
                    lines.extend(
                        form.faults.get(&field).map(|fault| plain(&format!("     ! {}: {fault}", field.label()))),
                    );
                }
                lines.extend([String::new(), format!("   {}", form.at.hint())]);
                cursor
            }
            Some(Page::Sure { typed, .. }) => {
                let line = plain(&format!(" > {typed}"));
                let cursor = (lines.len(), line.chars().count());
                lines.push(line);
                Some(cursor)
            }
            _ => None,
        }
    }

    fn foot(&self, facts: &Facts) -> Vec<String> {
        let doing = facts.node.as_ref().and_then(text::update_stage);
        let note = match (&self.note, self.busy) {
            (_, true) => Some(doing.unwrap_or("A moment ...").to_owned()),
            (Some(note), false) => Some(plain(note)),
            (None, false) => None,
        };
        let keys = match self.pages.last() {
            _ if super::leaving(facts).is_some() => "Enter: choose   Ctrl-L: draw anew",
            None => "Enter: menu   Ctrl-L: draw anew",
            Some(Page::Fields(_)) => "Up, Down: field   Enter: next   Ctrl-U: empty it   Esc: back",
            Some(Page::Sure { .. }) => "Esc: back",
            Some(_) => "Digit, or Up, Down and Enter: choose   0 or Esc: back",
        };
        vec![note.map_or_else(String::new, |note| format!(" * {note}")), format!(" {keys}")]
    }
}

/// What comes from elsewhere can hold anything: a neighbour's name could move the cursor.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' }).collect()
}

/// A line as several that fit, each indented as the first.
fn broken(line: &str, width: usize) -> Vec<String> {
    let line = plain(line);
    let indent = " ".repeat(1 + line.len() - line.trim_start().len());
    let mut lines = Vec::new();
    let mut now = indent.clone();
    for word in line.split_whitespace() {
        let full = now.len() > indent.len();
        if full && now.len() + 1 + word.len() > width {
            lines.push(std::mem::replace(&mut now, indent.clone()));
        } else if full {
            now.push(' ');
        }
        now += word;
    }
    lines.push(now);
    lines
}

fn put_beside(lines: &mut Vec<String>, code: &[String], column: usize) {
    let first = 2;
    lines.resize(lines.len().max(first + code.len()), String::new());
    for (line, code) in lines[first..].iter_mut().zip(code) {
        let room = column.saturating_sub(line.chars().count());
        *line = format!("{line}{}{code}", " ".repeat(room));
    }
}

/// Two squares to a letter, so that it is square on a screen of text; what is printed dark elsewhere is left dark here.
fn code(facts: &Facts) -> Option<Vec<String>> {
    facts.answers()?;
    let code = QrCode::new(text::url(*facts.addresses.first()?)).ok()?;
    let picture =
        code.render::<Dense1x2>().quiet_zone(true).dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build();
    Some(picture.lines().map(ToOwned::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_elsewhere_can_not_draw() {
        assert_eq!(plain("a\u{1b}[2Jb\u{9b}c中\n"), "a?[2Jb?c??");
    }

    #[test]
    fn lines_are_broken_between_words() {
        let lines = broken("  a word that goes on, and on", 14);
        assert_eq!(lines, ["   a word that", "   goes on,", "   and on"]);
        assert_eq!(broken("", 10), [" "]);
        assert_eq!(broken("averyveryverylongword x", 10), [" averyveryverylongword", " x"]);
    }
}
