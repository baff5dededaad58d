//! A bundle for whoever helps: what this cloud is and what happened, in one bounded archive, without secrets.
//!
//! ```text
//!   board · settings · Journal (newest first) ─┐
//!   caked's own log ───────────────────────────┼─► scrubbed (fields) ─► redacted (texts) ─► support/ID.tar.gz
//!   the node's archive of logs ────────────────┘                                          + ID.json: what it holds
//! ```

use cake_planner::redact::{GONE, redact};
use cake_store::{Filter, Query, RecordKind, Txn};
use cake_types::{Code, Problem, Subject};
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::accounts::Accounts;
use crate::caller::{Caller, Keep};
use crate::error;
use crate::ledger::Ledger;
use crate::nodes::Nodes;
use crate::settings::Settings;

/// Bundles that are kept here; the oldest goes when one more is made.
pub const KEPT: usize = 3;
/// All texts of a bundle together. It is compressed, and so never larger than what a mail or a ticket takes.
pub const TEXTS_MOST: usize = 48 * 1024 * 1024;
/// One text.
const TEXT_MOST: usize = 4 * 1024 * 1024;
/// Records read at once.
const PAGE: NonZeroUsize = NonZeroUsize::new(200).expect("not zero");
/// Fields whose content nobody needs who helps.
const SCRUBBED: [&str; 6] = ["user_data", "ssh_keys", "recovery_key", "key", "password_hash", "claimed"];
const UNFINISHED: &str = "unfinished";

pub struct Support {
    ledger: Arc<Ledger>,
    nodes: Arc<Nodes>,
    settings: Arc<Settings>,
    accounts: Arc<Accounts>,
    folder: PathBuf,
    /// The last lines of caked's own log.
    log: fn() -> Vec<u8>,
    one_at_a_time: Mutex<()>,
}

/// A bundle and what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    pub id: Uuid,
    pub made_at: Timestamp,
    /// Bytes of its file.
    pub size: u64,
    pub files: Vec<Held>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub name: String,
    /// Bytes, not compressed.
    pub size: u64,
}

struct Text {
    name: String,
    text: String,
}

impl Bundle {
    fn subject(&self) -> Subject {
        Subject { kind: "support-bundle".into(), id: self.id, name: self.made_at.to_string() }
    }
}

fn failed(error: &io::Error) -> Problem {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Problem::new(Code::StoreFull),
        _ => error::internal("a support bundle's file can't be used", error),
    }
}

impl Support {
    pub fn new(
        ledger: Arc<Ledger>,
        nodes: Arc<Nodes>,
        settings: Arc<Settings>,
        accounts: Arc<Accounts>,
        state: &Path,
        log: fn() -> Vec<u8>,
    ) -> Self {
        Self { ledger, nodes, settings, accounts, folder: state.join("support"), log, one_at_a_time: Mutex::new(()) }
    }

    /// Oldest first.
    pub fn list(&self) -> Vec<Bundle> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let read = |path: PathBuf| serde_json::from_slice::<Bundle>(&fs::read(path).ok()?).ok();
        let mut all: Vec<Bundle> = entries
            .filter(|entry| entry.path().extension().is_some_and(|ending| ending == "json"))
            .filter_map(|entry| read(entry.path()))
            .collect();
        all.sort_by_key(|bundle| bundle.id);
        all
    }

    pub fn find(&self, text: &str) -> Result<Bundle, Problem> {
        let all = self.list().into_iter();
        let found = all.into_iter().find(|bundle| bundle.id.to_string() == text);
        found.ok_or_else(|| Problem::not_found("support-bundle", text))
    }

    pub fn open(&self, bundle: &Bundle) -> Result<File, Problem> {
        File::open(self.path(bundle.id, "tar.gz")).map_err(|error| failed(&error))
    }

    fn path(&self, id: Uuid, ending: &str) -> PathBuf {
        self.folder.join(format!("{id}.{ending}"))
    }

    pub async fn create(&self, caller: &Caller, keep: &Keep<Bundle>) -> Result<Bundle, Problem> {
        let _one = self.one_at_a_time.lock().await;
        let now = self.ledger.now();
        let texts = self.texts(now).await?;
        let (folder, id) = (self.folder.clone(), Uuid::now_v7());
        let paths = (self.path(id, "tar.gz"), self.path(id, "json"));
        let made = tokio::task::spawn_blocking(move || write(&folder, &paths, id, now, texts));
        let made = made.await.map_err(|error| error::internal("work on a support bundle ended", &error))?;
        let bundle = made.map_err(|error| failed(&error))?;
        let audit = self.ledger.audit(caller, Some(bundle.subject()));
        self.ledger.commit(keep.write(Txn::new(), &bundle, now), audit).await?;
        let all = self.list();
        for old in all.iter().take(all.len().saturating_sub(KEPT)) {
            self.remove(old.id);
        }
        self.ledger.board.changes.tell(crate::board::What::Settings);
        Ok(bundle)
    }

    pub async fn delete(&self, caller: &Caller, bundle: &Bundle) -> Result<(), Problem> {
        let audit = self.ledger.audit(caller, Some(bundle.subject()));
        self.remove(bundle.id);
        self.ledger.commit(Txn::new(), audit).await?;
        self.ledger.board.changes.tell(crate::board::What::Settings);
        Ok(())
    }

    fn remove(&self, id: Uuid) {
        for ending in ["json", "tar.gz"] {
            let _ = fs::remove_file(self.path(id, ending));
        }
    }

    /// Everything, as it was gathered.
    async fn texts(&self, now: Timestamp) -> Result<Vec<Text>, Problem> {
        let mut texts = vec![json_text("versions.json", &versions(now)), json_text("settings.json", &self.asked())];
        let board = &self.ledger.board;
        let vms =
            board.vms().iter().map(|vm| json!({ "vm": *vm.vm, "status": vm.status, "state": vm.state() })).collect();
        let images = board.images().iter().map(|one| json!({ "image": one.image, "status": one.status })).collect();
        let exports = board.exports().iter().map(|one| json!({ "export": one.export, "status": one.status })).collect();
        let imports = board.imports().iter().map(|one| json!({ "import": one.import, "status": one.status })).collect();
        let pools = board.pools().iter().map(|one| json!({ "pool": one.pool, "status": one.status })).collect();
        let nodes = board.nodes();
        let node = |one: &Arc<crate::board::NodeEntry>| json!({ "node": one.node, "status": one.status, "connected": one.connected, "disks": one.disks.as_deref() });
        let nodes = nodes.iter().map(node).collect();
        for (name, all) in [
            ("vms", vms),
            ("images", images),
            ("imports", imports),
            ("exports", exports),
            ("pools", pools),
            ("nodes", nodes),
        ] {
            texts.push(json_text(&format!("{name}.json"), &Value::Array(all)));
        }
        for (name, kind) in [("events", RecordKind::Event), ("tasks", RecordKind::Task), ("audit", RecordKind::Audit)] {
            texts.push(self.records(name, kind).await?);
        }
        texts.push(Text { name: "log/caked.log".into(), text: lossy(&(self.log)()) });
        texts.extend(self.of_node().await?);
        Ok(texts)
    }

    fn asked(&self) -> Value {
        let accounts = self.accounts.list();
        let accounts: Vec<Value> = accounts
            .iter()
            .map(|account| json!({ "id": account.meta.id, "role": account.spec.role, "disabled": account.spec.disabled }))
            .collect();
        json!({ "settings": self.settings.get(), "accounts": accounts })
    }

    /// The newest first, as many as there is room for.
    async fn records(&self, name: &str, kind: RecordKind) -> Result<Text, Problem> {
        let (mut text, mut after) = (String::new(), None);
        loop {
            let query = Query { filter: Filter::kind(kind), limit: Some(PAGE), after, ..Query::default() };
            let page = self.ledger.journal.page(query).await.map_err(error::journal)?;
            for record in page.records {
                let mut value = record.record.data;
                scrub(&mut value);
                text.push_str(&value.to_string());
                text.push('\n');
            }
            after = page.next;
            if after.is_none() || text.len() >= TEXT_MOST {
                return Ok(Text { name: format!("{name}.jsonl"), text });
            }
        }
    }

    /// The node's own logs; a node that does not answer has none, and that is said.
    async fn of_node(&self) -> Result<Vec<Text>, Problem> {
        let archive = match self.nodes.connected() {
            Some(node) => node.client.support().await,
            None => {
                return Ok(vec![Text { name: "log/cake-node.log".into(), text: "the node did not answer\n".into() }]);
            }
        };
        let archive = match archive {
            Ok(archive) => File::from(archive),
            Err(error) => {
                let text = format!("the node gave no logs: {}\n", error::chain(&error));
                return Ok(vec![Text { name: "log/cake-node.log".into(), text }]);
            }
        };
        let read = tokio::task::spawn_blocking(move || unpack(archive)).await;
        let read = read.map_err(|error| error::internal("work on a support bundle ended", &error))?;
        read.map_err(|error| failed(&error))
    }
}

fn versions(now: Timestamp) -> Value {
    let system = nix::sys::utsname::uname().ok();
    let text = |part: Option<&std::ffi::OsStr>| part.map(|part| part.to_string_lossy().into_owned());
    json!({
        "cake": env!("CARGO_PKG_VERSION"),
        "made_at": now,
        "kernel": text(system.as_ref().map(|system| system.release())),
        "machine": text(system.as_ref().map(|system| system.machine())),
        "system": fs::read_to_string("/etc/os-release").ok(),
    })
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn json_text(name: &str, value: &Value) -> Text {
    let mut value = value.clone();
    scrub(&mut value);
    Text { name: name.into(), text: format!("{value:#}\n") }
}

/// Takes out whole fields.
fn scrub(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            // An account goes by its id; whom somebody claimed to be may be a password in the wrong field.
            if fields.get("kind").is_some_and(|kind| kind == "account") && fields.contains_key("name") {
                fields.insert("name".into(), GONE.into());
            }
            for (name, field) in fields {
                if SCRUBBED.contains(&name.as_str()) && !field.is_null() {
                    *field = GONE.into();
                } else {
                    scrub(field);
                }
            }
        }
        Value::Array(all) => all.iter_mut().for_each(scrub),
        _ => {}
    }
}

fn unpack(archive: File) -> io::Result<Vec<Text>> {
    let mut texts = Vec::new();
    for entry in tar::Archive::new(archive).entries()? {
        let entry = entry?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let mut bytes = Vec::new();
        entry.take(TEXT_MOST as u64).read_to_end(&mut bytes)?;
        texts.push(Text { name, text: lossy(&bytes) });
    }
    Ok(texts)
}

/// The archive, what it holds first; then its description, with which it begins to count.
fn write(folder: &Path, paths: &(PathBuf, PathBuf), id: Uuid, now: Timestamp, texts: Vec<Text>) -> io::Result<Bundle> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut left = TEXTS_MOST;
    let mut clean = Vec::new();
    for Text { name, text } in texts {
        let mut text = redact(&text);
        let room = text.floor_char_boundary(TEXT_MOST.min(left));
        text.truncate(room);
        left -= text.len();
        clean.push(Text { name, text });
    }
    let files: Vec<Held> =
        clean.iter().map(|Text { name, text }| Held { name: name.clone(), size: text.len() as u64 }).collect();
    let unfinished = folder.join(UNFINISHED);
    let _ = fs::remove_file(&unfinished);
    let out = crate::backup::private_file(&unfinished)?;
    let mut archive = tar::Builder::new(GzEncoder::new(out, Compression::default()));
    append(&mut archive, "manifest.json", &serde_json::to_vec_pretty(&json!({ "made_at": now, "files": files }))?)?;
    for Text { name, text } in &clean {
        append(&mut archive, name, text.as_bytes())?;
    }
    let out = archive.into_inner()?.finish()?;
    out.sync_all()?;
    let bundle = Bundle { id, made_at: now, size: out.metadata()?.len(), files };
    let (file, description) = paths;
    fs::rename(&unfinished, file)?;
    fs::write(&unfinished, serde_json::to_vec(&bundle)?)?;
    fs::rename(&unfinished, description)?;
    Ok(bundle)
}

fn append(archive: &mut tar::Builder<GzEncoder<File>>, name: &str, content: &[u8]) -> io::Result<()> {
    let mut head = tar::Header::new_gnu();
    head.set_size(content.len() as u64);
    head.set_mode(0o600);
    archive.append_data(&mut head, name, content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_bounded_whatever_was_said() {
        let folder = tempfile::tempdir().unwrap();
        let paths = (folder.path().join("a.tar.gz"), folder.path().join("a.json"));
        // What compresses least: random letters.
        let text = |number: u64| {
            let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            let letter = std::iter::repeat_with(move || {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                char::from(b' ' + (state % 95) as u8)
            });
            Text { name: format!("log/{number}"), text: letter.take(TEXT_MOST + 1000).collect() }
        };
        let bundle =
            write(folder.path(), &paths, Uuid::nil(), Timestamp::UNIX_EPOCH, (0..15).map(text).collect()).unwrap();
        assert!(bundle.size < 50_000_000, "{}", bundle.size);
        assert_eq!(bundle.files.len(), 15);
        assert!(bundle.files.iter().map(|file| file.size).sum::<u64>() <= TEXTS_MOST as u64);
    }

    #[test]
    fn fields_that_hold_secrets_are_emptied() {
        let mut value =
            json!({ "spec": { "user_data": { "body": "x" }, "users": [{ "ssh_keys": ["a"] }], "cpus": 1 } });
        scrub(&mut value);
        assert_eq!(value, json!({ "spec": { "user_data": GONE, "users": [{ "ssh_keys": GONE }], "cpus": 1 } }));
    }
}
