//! What the pages read, taken from the board and the Journal: the seam between the console and the control plane.

use async_trait::async_trait;
use cake_control::board::{self, ImageEntry, NodeEntry, PoolEntry, VmEntry, What};
use cake_control::{Control, error};
use cake_store::{Filter, Query, RecordCursor, RecordKind, RecordPage};
use cake_types::{
    Account, AccountId, ApiToken, AuditRecord, Code, Event, Problem, Task, TaskId, VmId,
};
use cake_web::{
    About, AccountView, Change, Changes, ConsoleData, EventQuery, ImageView, NodeView, PageOf, PageQuery, PoolView,
    SettingsView, SetupView, VmView,
};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use std::num::NonZeroUsize;
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;

/// Records of one page when the page does not say how many.
const PAGE: usize = 50;
/// Pages of the Journal looked through for one page of filtered events.
const PAGES_MOST: usize = 20;

pub struct Console {
    pub control: Arc<Control>,
    pub about: About,
}

impl Console {
    fn board(&self) -> &board::Board {
        &self.control.ledger.board
    }

    async fn journal(&self, kind: RecordKind, query: &PageQuery) -> Result<RecordPage, Problem> {
        let filter = Filter { subject: query.subject.map(|id| id.to_string()), ..Filter::kind(kind) };
        let query = Query { filter, limit: NonZeroUsize::new(limit(query)), after: cursor(query)?, ..Query::default() };
        self.control.ledger.journal.page(query).await.map_err(error::journal)
    }
}

#[async_trait]
impl ConsoleData for Console {
    async fn about(&self) -> About {
        self.about.clone()
    }

    async fn setup(&self) -> SetupView {
        let nodes = self.board().nodes();
        SetupView {
            done: self.control.settings.is_set_up(),
            host_name: nodes.iter().find_map(|node| node.status.as_ref()).map(|status| status.host_name.clone()),
            default_pool: self.board().pools().iter().find_map(|pool| pool.status.clone()),
        }
    }

    async fn settings(&self) -> Option<SettingsView> {
        let versioned = self.control.settings.get()?;
        Some(SettingsView { settings: versioned.settings, etag: cake_api::etag(versioned.generation) })
    }

    async fn vms(&self) -> Vec<Arc<VmView>> {
        self.board().vms().iter().map(|entry| Arc::new(vm_view(entry))).collect()
    }

    async fn vm(&self, id: VmId) -> Option<Arc<VmView>> {
        self.board().vm(id).map(|entry| Arc::new(vm_view(&entry)))
    }

    async fn images(&self) -> Vec<Arc<ImageView>> {
        let view = |entry: &Arc<ImageEntry>| {
            let ImageEntry { image, status } = (**entry).clone();
            Arc::new(ImageView { image, status })
        };
        self.board().images().iter().map(view).collect()
    }

    async fn pools(&self) -> Vec<Arc<PoolView>> {
        let view = |entry: &Arc<PoolEntry>| {
            let PoolEntry { pool, status } = (**entry).clone();
            Arc::new(PoolView { pool, status })
        };
        self.board().pools().iter().map(view).collect()
    }

    async fn nodes(&self) -> Vec<Arc<NodeView>> {
        let view = |entry: &Arc<NodeEntry>| {
            let NodeEntry { node, status, connected } = (**entry).clone();
            Arc::new(NodeView { node, status, connected })
        };
        self.board().nodes().iter().map(view).collect()
    }

    async fn active_tasks(&self) -> Vec<Arc<Task>> {
        self.control.tasks.active()
    }

    async fn finished_tasks(&self, query: &PageQuery) -> Result<PageOf<Arc<Task>>, Problem> {
        let finished = self.control.tasks.finished(query.subject, limit(query), cursor(query)?).await?;
        Ok(PageOf { items: finished.tasks, next: finished.next.map(|next| next.to_string()) })
    }

    async fn task(&self, id: TaskId) -> Result<Option<Arc<Task>>, Problem> {
        match self.control.tasks.get(id).await {
            Ok(task) => Ok(Some(task)),
            Err(problem) if problem.code == Code::NotFound => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    /// The Journal does not know severities: pages of it are looked through until there is enough to show.
    async fn events(&self, query: &EventQuery) -> Result<PageOf<Event>, Problem> {
        let mut page = query.page.clone();
        let mut items = Vec::new();
        for _ in 0..PAGES_MOST {
            let records = self.journal(RecordKind::Event, &page).await?;
            page.cursor = records.next.as_ref().map(ToString::to_string);
            let severe = |event: &Event| query.least.is_none_or(|least| event.severity >= least);
            items.extend(decoded::<Event>(records)?.into_iter().filter(severe));
            if page.cursor.is_none() || items.len() >= limit(&query.page) {
                break;
            }
        }
        Ok(PageOf { items, next: page.cursor })
    }

    async fn audit(&self, query: &PageQuery) -> Result<PageOf<AuditRecord>, Problem> {
        let records = self.journal(RecordKind::Audit, query).await?;
        let next = records.next.as_ref().map(ToString::to_string);
        Ok(PageOf { items: decoded(records)?, next })
    }

    async fn accounts(&self) -> Vec<AccountView> {
        self.control.accounts.list().iter().map(|account| account_view(account)).collect()
    }

    async fn account(&self, id: AccountId) -> Option<AccountView> {
        self.control.accounts.get(id).map(|account| account_view(&account))
    }

    async fn tokens(&self, account: AccountId) -> Vec<ApiToken> {
        self.control.accounts.tokens(account).iter().map(|token| (**token).clone()).collect()
    }

    fn changes(&self) -> Changes {
        let receiver = self.board().changes.follow();
        let stream = futures_util::stream::unfold(receiver, |mut receiver| async {
            match receiver.recv().await {
                Ok(change) => Some((change_of(&change.what), receiver)),
                Err(RecvError::Lagged(_)) => Some((Change::Everything, receiver)),
                // The program is ending; the pages notice when their connections do.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        });
        stream.boxed()
    }
}

fn change_of(what: &What) -> Change {
    match what {
        What::Vm(id) | What::VmGone(id) => Change::Vm(*id),
        What::Task(task) => Change::Task(task.id),
        What::Event(_) | What::Audit => Change::Event,
        What::Image(_) | What::ImageGone(_) => Change::Image,
        What::Pool(_) => Change::Pool,
        What::Node(_) => Change::Node,
        What::Settings => Change::Settings,
        What::Account => Change::Account,
        What::SessionEnded(id) => Change::SessionEnded(*id),
    }
}

fn vm_view(entry: &VmEntry) -> VmView {
    let mut status = entry.status.clone();
    if let Some(status) = &mut status {
        // What a person sees is decided by the board: deleting and lost come before what the node says.
        status.state = entry.state();
    }
    VmView {
        vm: (*entry.vm).clone(),
        status,
        orphaned: entry.orphaned(),
        etag: cake_api::etag(entry.vm.meta.generation),
    }
}

fn account_view(account: &Account) -> AccountView {
    let Account { meta, spec } = account;
    AccountView {
        id: meta.id,
        name: meta.name.clone(),
        role: spec.role.clone(),
        language: spec.language.as_deref().and_then(cake_types::Language::from_tag),
        disabled: spec.disabled,
        created_at: meta.created_at,
        etag: cake_api::etag(meta.generation),
    }
}

fn limit(query: &PageQuery) -> usize {
    if query.limit == 0 { PAGE } else { query.limit }
}

fn cursor(query: &PageQuery) -> Result<Option<RecordCursor>, Problem> {
    let parse = |text: &String| text.parse().map_err(|_| Problem::new(Code::BadCursor));
    query.cursor.as_ref().map(parse).transpose()
}

fn decoded<T: DeserializeOwned>(page: RecordPage) -> Result<Vec<T>, Problem> {
    let decode = |data| {
        serde_json::from_value(data).map_err(|source| error::internal("a record of the Journal can't be read", &source))
    };
    page.records.into_iter().map(|stored| decode(stored.record.data)).collect()
}
