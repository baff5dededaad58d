//! Tables for people, JSON for programs.

use crate::context::Context;
use crate::failure::Failure;
use cake_client::wire::{Event, Task};
use cake_i18n::{Words, format};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::io::{IsTerminal, Write};

/// A column: the id of its heading, and whether it holds numbers.
pub type Column = (&'static str, Align);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    Text,
    Number,
}

impl Context {
    /// What `PREFIXWORD` is called; a word of a newer server as it is.
    pub fn word(&self, prefix: &str, word: &str) -> String {
        known(self.words, &format!("{prefix}{word}"), word)
    }

    /// Prints the server's own JSON, or rows under headings.
    pub fn list(&self, json: &str, columns: &[Column], rows: Vec<Vec<String>>) -> Result<(), Failure> {
        if self.json {
            return print(json);
        }
        let mut table = plain_table();
        table.set_header(columns.iter().map(|(id, _)| self.text(id)));
        for (at, (_, align)) in columns.iter().enumerate() {
            if *align == Align::Number
                && let Some(column) = table.column_mut(at)
            {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        if rows.is_empty() {
            return print(self.text("cli-nothing"));
        }
        for row in rows {
            table.add_row(row);
        }
        space(&mut table);
        print(&table.trim_fmt())
    }

    /// Prints the server's own JSON, or facts one below the other; facts without a value are left out.
    pub fn facts(&self, json: &str, facts: &[(&'static str, Option<String>)]) -> Result<(), Failure> {
        if self.json {
            return print(json);
        }
        let mut table = plain_table();
        for (id, value) in facts {
            if let Some(value) = value {
                table.add_row([self.text(id), value]);
            }
        }
        space(&mut table);
        print(&table.trim_fmt())
    }

    /// A point in time as this person writes it, in this machine's time zone; nothing for what never happened.
    pub fn time(&self, at: Option<Timestamp>) -> String {
        at.map_or_else(String::new, |at| format::time_exact(at, &TimeZone::system(), self.words.language()))
    }
}

fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let arrangement =
        if std::io::stdout().is_terminal() { ContentArrangement::Dynamic } else { ContentArrangement::Disabled };
    table.set_content_arrangement(arrangement);
    table
}

/// Two spaces between columns, none before the first.
fn space(table: &mut Table) {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
}

/// One text and a line's end. A closed pipe comes back as an error, not as a panic.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(())
}

/// The word for a VM's state in this language; a newer server's new word as it is.
pub fn state(state: &str, words: &'static Words) -> String {
    known(words, &format!("state-{state}"), state)
}

/// The text of an id made at run time, or another text where the catalogue has none.
pub fn known(words: &'static Words, id: &str, otherwise: &str) -> String {
    if words.has(id) { words.text_of(id).to_owned() } else { otherwise.to_owned() }
}

/// What a task does: `Create web`.
pub fn task_title(task: &Task, words: &'static Words) -> String {
    let id = format!("task-{}", task.kind);
    if words.has(&id) {
        words.text_with(&id, &[("name", &task.subject.name)])
    } else {
        format!("{} {}", task.kind, task.subject.name)
    }
}

/// The sentence that a task ended with.
pub fn task_end(task: &Task, words: &'static Words) -> String {
    let code = task.end.as_ref().map_or("", |end| end.code.as_str());
    words.task_ended(&task.kind, &task.subject.name, &task.state, code)
}

/// The sentence of an event.
pub fn event(event: &Event, json: &str, words: &'static Words) -> String {
    // The vocabulary makes the sentence in our language; an event that it does not know is told as the server tells it.
    match serde_json::from_str::<cake_types::Event>(json) {
        Ok(event) => words.event(&event),
        Err(_) => event.message.clone().unwrap_or_else(|| event.kind.clone()),
    }
}

/// What can't be brought back is confirmed by typing its name.
pub fn confirm(context: &Context, question: &'static str, name: &str) -> Result<(), Failure> {
    print!("{} ", context.words.text_with(question, &[("name", name)]));
    std::io::stdout().flush()?;
    let mut typed = String::new();
    std::io::stdin().read_line(&mut typed)?;
    if typed.trim() == name { Ok(()) } else { Err(Failure::NotConfirmed) }
}

/// Whether whoever sits there says yes.
pub fn agreed(context: &Context, question: &'static str) -> Result<bool, Failure> {
    eprint!("{} ", context.text(question));
    std::io::stderr().flush()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes" | "是"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other_in_chinese() {
        let mut table = plain_table();
        table.set_header(["名稱", "狀態"]);
        table.add_row(["會計主機", "執行中"]);
        table.add_row(["web", "已停止"]);
        let text = table.trim_fmt();
        let columns: Vec<usize> = text
            .lines()
            .map(|line| {
                let at = line.find(['狀', '執', '已']).unwrap();
                line[..at].chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum()
            })
            .collect();
        assert!(columns.windows(2).all(|pair| pair[0] == pair[1]), "{text}");
    }
}
