//! The format of the journal's file.
//!
//! ```text
//!   record    id (its place) │ kind │ at (µs since 1970) │ project │ subject │ actor │ size │ data (JSON)
//!   usage     kind → rows · bytes · dropped · trimmed (the last place that was dropped)
//!   counter   last (the last place that was given out)
//! ```

use crate::file::{Format, Step};

pub(crate) static FORMAT: Format = Format {
    name: "cake journal",
    application_id: 0x6361_6b4a,
    steps: &[Step {
        needs: 1,
        sql: "
CREATE TABLE record (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  at INTEGER NOT NULL,
  project TEXT NOT NULL,
  subject TEXT NOT NULL,
  actor TEXT NOT NULL,
  size INTEGER NOT NULL,
  data TEXT NOT NULL
) STRICT;
CREATE INDEX record_kind ON record (kind);
CREATE INDEX record_project ON record (project);
CREATE INDEX record_subject ON record (subject);
CREATE INDEX record_actor ON record (actor);
CREATE TABLE usage (
  kind TEXT PRIMARY KEY,
  rows INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  dropped INTEGER NOT NULL,
  trimmed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO counter (name, value) VALUES ('last', 0);
",
    }],
};
