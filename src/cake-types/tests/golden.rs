//! Resources and records as version 0.1.0 wrote them: this version must read each, and write no field away. What is read here
//! came out of a running instance's Store and Journal (keys and hashes are those of a machine that is gone).
//!
//! A new field needs a serde default, or the servers that have old records do not start. A file here is never changed; a new
//! shape gets a file of its own beside it.

use cake_types::{
    Account, Announced, ApiToken, AuditRecord, Channel, Event, Image, Node, Pool, Role, SystemSettings, Task, Vm,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// Reads a text as one kind and writes it again.
type Again = fn(&str) -> Result<Value, serde_json::Error>;

/// The kinds by how their files' names begin.
const KINDS: [(&str, Again); 13] = [
    ("account", again::<Account>),
    ("announced", again::<Announced>),
    ("api-token", again::<ApiToken>),
    ("audit", again::<AuditRecord>),
    ("channel", again::<Channel>),
    ("event", again::<Event>),
    ("image", again::<Image>),
    ("node", again::<Node>),
    ("pool", again::<Pool>),
    ("role", again::<Role>),
    ("settings", again::<SystemSettings>),
    ("task", again::<Task>),
    ("vm", again::<Vm>),
];

/// What this version writes after having read `text`.
fn again<T: DeserializeOwned + Serialize>(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::to_value(serde_json::from_str::<T>(text)?)
}

/// Everything that `old` says is said by `new` too; `new` may say more.
fn says_as_much(old: &Value, new: &Value, place: &str) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (name, value) in old {
                let new = new.get(name).unwrap_or_else(|| panic!("{place}.{name} is gone"));
                says_as_much(value, new, &format!("{place}.{name}"));
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            assert_eq!(old.len(), new.len(), "{place}");
            old.iter()
                .zip(new)
                .enumerate()
                .for_each(|(at, (old, new))| says_as_much(old, new, &format!("{place}[{at}]")));
        }
        _ => assert_eq!(old, new, "{place}"),
    }
}

#[test]
fn what_the_first_version_wrote_is_read_and_written_again() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut seen = BTreeSet::new();
    for file in std::fs::read_dir(folder).expect("the golden files") {
        let path = file.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("a golden file");
        let (kind, again) = KINDS.iter().find(|(kind, _)| name.starts_with(kind)).unwrap_or_else(|| panic!("{name}?"));
        let old: Value = serde_json::from_str(&text).expect("JSON");
        let new = again(&text).unwrap_or_else(|error| panic!("{name} cannot be read any more: {error}"));
        says_as_much(&old, &new, &name);
        seen.insert(*kind);
    }
    assert_eq!(seen.len(), KINDS.len(), "a kind has no golden file: {seen:?}");
}
