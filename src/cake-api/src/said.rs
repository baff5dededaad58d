//! Sentences for the search: plain words are searched in what the reader would read.

use cake_control::search::Sentences;
use cake_i18n::Words;
use cake_types::{AuditRecord, Event, Task};

/// The words of one language.
pub struct Said(pub &'static Words);

impl Sentences for Said {
    fn task(&self, task: &Task) -> String {
        let Self(words) = self;
        let end = words.task_end(task).unwrap_or_default();
        format!("{} {end} {}", words.task_title(task), words.task_state(task.state()))
    }

    fn event(&self, event: &Event) -> String {
        self.0.event(event)
    }

    fn audit(&self, record: &AuditRecord) -> String {
        let Self(words) = self;
        let result = words.audit_result(&record.result);
        format!("{} {} {result}", words.actor(&record.actor), words.operation(&record.action))
    }
}
