//! Finding: one language over everything that there is, for whoever asks and no more than their lists show.
//!
//! ```text
//!   Filter ── which kinds could match? ── which may they see? ──► board (vms, images, pools, nodes, tasks at work)
//!                                                            ──► accounts
//!                                                            ──► Journal, newest first: ended tasks, events, audit records
//! ```

use cake_planner::query::{
    AccountItem, AuditItem, EventItem, Filter, ImageItem, Item, Kind, NodeItem, Now, PoolItem, TaskItem, VmItem,
    VolumeItem,
};
use cake_store::{Query, RecordKind};
use cake_types::{Account, AuditRecord, Event, Permission, Problem, Task, TaskId};
use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;
use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::accounts::Accounts;
use crate::board::{ImageEntry, NodeEntry, PoolEntry, VmEntry, VolumeView};
use crate::error;
use crate::ledger::Ledger;
use crate::settings::Settings;
use crate::tasks::Tasks;

/// Newest records of one kind that one search looks at.
pub const RECORDS_MAX: usize = 10_000;
/// Records read at a time.
const CHUNK: usize = 500;

pub enum Found {
    Vm(Arc<VmEntry>),
    Image(Arc<ImageEntry>),
    Volume(Box<VolumeView>),
    Pool(Arc<PoolEntry>),
    Node(Arc<NodeEntry>),
    Task(Arc<Task>),
    Event(Box<Event>),
    Audit(Box<AuditRecord>),
    Account(Arc<Account>),
}

impl Found {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Vm(_) => Kind::Vm,
            Self::Image(_) => Kind::Image,
            Self::Volume(_) => Kind::Volume,
            Self::Pool(_) => Kind::Pool,
            Self::Node(_) => Kind::Node,
            Self::Task(_) => Kind::Task,
            Self::Event(_) => Kind::Event,
            Self::Audit(_) => Kind::Audit,
            Self::Account(_) => Kind::Account,
        }
    }
}

/// Sentences as the reader reads them: plain words are searched in those too.
pub trait Sentences: Sync {
    fn task(&self, task: &Task) -> String;
    fn event(&self, event: &Event) -> String;
    fn audit(&self, record: &AuditRecord) -> String;
}

/// Who asks for how much.
pub struct Wanted<'a> {
    pub filter: &'a Filter,
    pub permissions: &'a [Permission],
    pub sentences: &'a dyn Sentences,
    /// Of each kind.
    pub each: usize,
    /// Of all kinds together.
    pub all: usize,
}

pub struct Search {
    ledger: Arc<Ledger>,
    tasks: Arc<Tasks>,
    accounts: Arc<Accounts>,
    settings: Arc<Settings>,
}

/// What a list of this kind asks for; a search shows nobody more.
pub const fn permission(kind: Kind) -> Permission {
    match kind {
        Kind::Vm | Kind::Image | Kind::Volume | Kind::Pool | Kind::Node | Kind::Task | Kind::Event => Permission::View,
        Kind::Audit => Permission::Audit,
        Kind::Account => Permission::Administer,
    }
}

impl Search {
    pub fn new(ledger: Arc<Ledger>, tasks: Arc<Tasks>, accounts: Arc<Accounts>, settings: Arc<Settings>) -> Self {
        Self { ledger, tasks, accounts, settings }
    }

    /// The rack's time zone: where `today` begins.
    pub fn zone(&self) -> TimeZone {
        self.settings.zone()
    }

    /// What matches and is not in the bin, kind by kind; resources in the order of their names' age, records newest first.
    pub async fn find(&self, wanted: &Wanted<'_>) -> Result<Vec<Found>, Problem> {
        let zone = self.zone();
        let now = Now { at: self.ledger.now(), zone: &zone };
        let mut found = Vec::new();
        for kind in Kind::ALL {
            let room = wanted.each.min(wanted.all.saturating_sub(found.len()));
            let may = wanted.permissions.contains(&permission(kind));
            if room > 0 && may && wanted.filter.may_find(kind) {
                let some = self.of_kind(kind, wanted, &now, room).await?;
                found.extend(some);
            }
        }
        Ok(found)
    }

    async fn of_kind(
        &self,
        kind: Kind,
        wanted: &Wanted<'_>,
        now: &Now<'_>,
        room: usize,
    ) -> Result<Vec<Found>, Problem> {
        let board = &self.ledger.board;
        let is = |item: &dyn Item| wanted.filter.matches(item, now);
        Ok(match kind {
            Kind::Vm => taken(board.vms(), room, |entry| !entry.binned() && is(&vm_item(entry)), Found::Vm),
            Kind::Image => {
                let item = |e: &Arc<ImageEntry>| e.image.binned.is_none() && is(&image_item(e));
                taken(board.images(), room, item, Found::Image)
            }
            Kind::Volume => {
                let there = board.volumes().into_iter().filter(|entry| entry.volume.spec.binned.is_none());
                let views = there.map(|entry| board.volume_view(entry)).collect();
                let item = |view: &VolumeView| {
                    let pool = board.pool_name(view.entry.volume.spec.pool);
                    is(&volume_item(view, &pool))
                };
                taken(views, room, item, |view| Found::Volume(Box::new(view)))
            }
            Kind::Pool => taken(board.pools(), room, |entry| is(&pool_item(entry)), Found::Pool),
            Kind::Node => taken(board.nodes(), room, |entry| is(&node_item(entry)), Found::Node),
            Kind::Account => taken(self.accounts.list(), room, |account| is(&AccountItem(account)), Found::Account),
            Kind::Task => self.tasks(wanted, now, room).await?,
            Kind::Event => {
                let says = |event: &Event| is(&EventItem { event, said: &wanted.sentences.event(event) });
                self.records(RecordKind::Event, room, says, |event| Found::Event(Box::new(event))).await?
            }
            Kind::Audit => {
                let says = |record: &AuditRecord| is(&AuditItem { record, said: &wanted.sentences.audit(record) });
                self.records(RecordKind::Audit, room, says, |record| Found::Audit(Box::new(record))).await?
            }
        })
    }

    async fn tasks(&self, wanted: &Wanted<'_>, now: &Now<'_>, room: usize) -> Result<Vec<Found>, Problem> {
        let is = |task: &Task| {
            let said = wanted.sentences.task(task);
            wanted.filter.matches(&TaskItem { task, said: &said }, now)
        };
        let mut found = taken(self.tasks.active(), room, |task| is(task), Found::Task);
        // Killed between writing the end and taking the task off the Store, caked writes the end twice.
        let mut seen: HashSet<TaskId> = HashSet::new();
        let (mut after, mut read) = (None, 0);
        while found.len() < room && read < RECORDS_MAX {
            let page = self.tasks.finished(None, CHUNK, after).await?;
            read += CHUNK;
            for task in page.tasks {
                if found.len() < room && seen.insert(task.id) && is(&task) {
                    found.push(Found::Task(task));
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Ok(found)
    }

    async fn records<T: DeserializeOwned>(
        &self,
        kind: RecordKind,
        room: usize,
        is: impl Fn(&T) -> bool,
        make: impl Fn(T) -> Found,
    ) -> Result<Vec<Found>, Problem> {
        let (mut found, mut after, mut read) = (Vec::new(), None, 0);
        while read < RECORDS_MAX {
            let filter = cake_store::Filter::kind(kind);
            let query = Query { filter, limit: NonZeroUsize::new(CHUNK), after, ..Query::default() };
            let page = self.ledger.journal.page(query).await.map_err(error::journal)?;
            read += CHUNK;
            for record in page.records {
                let record: T = serde_json::from_value(record.record.data)
                    .map_err(|error| error::internal("a record can't be read", &error))?;
                if is(&record) {
                    found.push(make(record));
                }
                if found.len() >= room {
                    return Ok(found);
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Ok(found)
    }
}

fn taken<T>(all: Vec<T>, room: usize, is: impl Fn(&T) -> bool, make: impl Fn(T) -> Found) -> Vec<Found> {
    all.into_iter().filter(|one| is(one)).take(room).map(make).collect()
}

pub(crate) fn vm_item(entry: &VmEntry) -> VmItem<'_> {
    let engine = entry.status.as_ref().and_then(|status| status.engine.as_ref());
    let outdated = engine.map(|engine| engine.outdated);
    VmItem { vm: &entry.vm, state: entry.state(), orphaned: entry.orphaned(), outdated }
}

fn image_item(entry: &ImageEntry) -> ImageItem<'_> {
    ImageItem { image: &entry.image, available: entry.status.as_ref().is_some_and(|status| status.available) }
}

fn volume_item<'a>(view: &'a VolumeView, pool: &'a str) -> VolumeItem<'a> {
    let vm = view.vm.as_ref().map(|(entry, _)| entry.vm.meta.name.as_str());
    VolumeItem { volume: &view.entry.volume, state: view.state, size: view.size, pool, vm }
}

pub(crate) fn pool_item(entry: &PoolEntry) -> PoolItem<'_> {
    PoolItem { pool: &entry.pool, status: entry.status.as_ref() }
}

pub(crate) fn node_item(entry: &NodeEntry) -> NodeItem<'_> {
    let NodeEntry { node, status, connected, disks, sticks: _, scan: _ } = entry;
    NodeItem { node, status: status.as_ref(), connected: *connected, disks: disks.as_deref() }
}
