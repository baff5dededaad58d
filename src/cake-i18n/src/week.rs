//! The words of a week: its lines, what is to be done, and the letter about it.

use crate::letter::From;
use crate::words::Explained;
use crate::{Words, format};
use cake_types::{Language, Letter, LetterHead, Message, Tone, Week, WeekKind, WeekLine, WeekTodo};
use jiff::tz::TimeZone;

/// Names that are told of one thing to do.
const NAMES: usize = 3;

impl Words {
    /// `VMs crashed 3 times: web, mail and 2 more`.
    pub fn week_line(&self, line: &WeekLine) -> String {
        let WeekLine { kind, count, more, names, alert } = line;
        let (count, more_text) = (count.to_string(), more.to_string());
        let mut facts = vec![("count", count.as_str()), ("more", &more_text)];
        if *kind == WeekKind::Often {
            let what = alert.map_or("", |alert| self.text_of(&format!("alert-{}-short", alert.as_str())));
            facts.extend([("name", names.first().map_or("", String::as_str)), ("what", what)]);
            return self.text_with("week-often", &facts);
        }
        let said = self.text_with(&format!("week-{}", kind.as_str()), &facts);
        if names.is_empty() {
            return said;
        }
        let names = names.join(self.between());
        match more {
            0 => self.text_with("week-names", &[("line", &said), ("names", &names)]),
            _ => self.text_with("week-names-more", &[("line", &said), ("names", &names), ("more", &more_text)]),
        }
    }

    /// What is so, and what to do about it.
    pub fn week_todo(&self, todo: &WeekTodo) -> Explained {
        match (&todo.cause, todo.alerts.first()) {
            (Some(cause), _) => self.cause_report(cause),
            (None, Some(alert)) => self.alert(alert),
            (None, None) => Explained { title: String::new(), what: String::new(), next: String::new() },
        }
    }

    /// Of whom that speaks.
    pub fn week_names(&self, todo: &WeekTodo) -> String {
        let mut names: Vec<&str> = Vec::new();
        for name in todo.alerts.iter().map(|alert| alert.subject.name.as_str()) {
            if names.len() < NAMES && !names.contains(&name) {
                names.push(name);
            }
        }
        names.join(self.between())
    }

    /// `21 Nov 2026 to 28 Nov 2026`.
    pub fn week_span(&self, week: &Week, zone: &TimeZone) -> String {
        let day = |at| format::date(at, zone, self.language());
        self.text_with("week-span", &[("from", &day(week.from)), ("until", &day(week.until))])
    }

    pub(crate) fn week_letter(&self, week: &Week, message: &Message, from: &From<'_>) -> Letter {
        let section = |id: &str, lines: Vec<String>, tone| LetterHead {
            tone,
            title: self.text_of(id).to_owned(),
            lines,
            parts: 0,
        };
        let lines = |lines: &[WeekLine]| lines.iter().map(|line| self.week_line(line)).collect();
        let count = (week.todo.len() + week.more).to_string();
        let tone = if week.todo.is_empty() { Tone::Good } else { Tone::Warning };
        Letter {
            subject: self.text_with("letter-subject-week", &[("rack", from.name), ("count", &count)]),
            severity: message.severity(),
            heads: vec![
                section("week-todo", self.week_todos(week), tone),
                section("week-happened", lines(&week.happened), Tone::Plain),
                section("week-done", lines(&week.done), Tone::Plain),
            ],
            parts: Vec::new(),
            closing: vec![self.week_span(week, from.zone)],
            url: from.url.to_owned(),
        }
    }

    /// What to do, a line for each.
    fn week_todos(&self, week: &Week) -> Vec<String> {
        if week.todo.is_empty() {
            return vec![self.text("week-nothing").to_owned()];
        }
        let line = |todo: &WeekTodo| {
            let Explained { title, what: _, next } = self.week_todo(todo);
            let facts = [("title", title.as_str()), ("name", &self.week_names(todo)), ("next", &next)];
            self.text_with("letter-week-next", &facts)
        };
        let mut lines: Vec<String> = week.todo.iter().map(line).collect();
        if week.more > 0 {
            lines.push(self.text_with("week-todo-more", &[("count", &week.more.to_string())]));
        }
        lines
    }

    /// What stands between two things of a list.
    fn between(&self) -> &'static str {
        match self.language() {
            Language::English => ", ",
            Language::ChineseTaiwan => "、",
        }
    }
}
