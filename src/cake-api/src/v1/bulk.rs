//! `/v1/bulk`: what an action would do to many VMs, said before anything is done. Doing it is one request for each VM.

use axum::extract::State;
use axum::response::Response;
use cake_control::board::VmEntry;
use cake_control::vms::{Chosen, Summary};
use cake_planner::admission::Action;
use cake_planner::query::Filter;
use cake_types::{Code, Permission, Problem, VmId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ask::{Ask, Params, etag, ready_json};
use crate::problem::{Message, ProblemBody, Refused, messages};
use crate::state::Api;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    action: String,
    #[serde(default)]
    q: Option<String>,
    #[serde(default)]
    vms: Option<String>,
}

/// A VM of a summary.
#[derive(Serialize, ToSchema)]
pub struct BulkVm {
    pub id: Uuid,
    pub name: String,
    /// As in a VM; `orphaned` where the Store does not know it.
    pub state: &'static str,
    pub tags: Vec<String>,
    /// For If-Match.
    pub etag: String,
}

/// A VM that the action is not legal for now, and why.
#[derive(Serialize, ToSchema)]
pub struct BulkRefusal {
    pub vm: BulkVm,
    /// The problem's code.
    pub code: String,
    /// By language tag.
    #[schema(value_type = Object)]
    messages: std::collections::BTreeMap<&'static str, Message>,
}

/// What would happen to which.
#[derive(Serialize, ToSchema)]
pub struct BulkSummary {
    pub action: &'static str,
    pub will: Vec<BulkVm>,
    pub refused: Vec<BulkRefusal>,
}

impl From<&VmEntry> for BulkVm {
    fn from(entry: &VmEntry) -> Self {
        let state = if entry.orphaned() { "orphaned" } else { entry.state().as_str() };
        Self {
            id: entry.id().0,
            name: entry.vm.meta.name.to_string(),
            state,
            tags: entry.vm.spec.tags.iter().map(ToString::to_string).collect(),
            etag: etag(entry.vm.meta.generation),
        }
    }
}

/// Says what an action (`start`, `shutdown`, `stop`, `pause`, `resume`, `replace-engine`, `tag`, `bin`, `delete`) would do to these VMs (`vms`: ids
/// with commas between) or to those that a query finds (`q`). Nothing is done.
#[utoipa::path(get, path = "/v1/bulk", operation_id = "bulk_summary", tag = "vms",
    params(("action" = String, Query), ("q" = Option<String>, Query), ("vms" = Option<String>, Query)),
    responses((status = 200, body = BulkSummary), (status = "default", body = ProblemBody)))]
pub(crate) async fn summary(
    State(api): State<Api>,
    ask: Ask,
    Params(asked): Params<Asked>,
) -> Result<Response, Refused> {
    let (word, action, permission) = action(&asked.action)?;
    if !ask.identity()?.may(permission) {
        return Err(Problem::new(Code::NotAllowed).with("permission", super::word(&permission)).into());
    }
    let Summary { will, not } = api.vms.summary(action, &chosen(&api, &asked)?)?;
    let refused = not.iter().map(|(entry, problem)| BulkRefusal {
        vm: BulkVm::from(&**entry),
        code: problem.code.as_str().into(),
        messages: messages(problem),
    });
    let summary = BulkSummary {
        action: word,
        will: will.iter().map(|entry| BulkVm::from(&**entry)).collect(),
        refused: refused.collect(),
    };
    Ok(ready_json(serde_json::to_vec(&summary).expect("a summary is JSON")))
}

fn action(word: &str) -> Result<(&'static str, Action, Permission), Problem> {
    use Permission::{Manage, Operate};
    let known = [
        ("start", Action::Start, Operate),
        ("shutdown", Action::Shutdown, Operate),
        ("stop", Action::Stop, Operate),
        ("pause", Action::Pause, Operate),
        ("resume", Action::Resume, Operate),
        ("replace-engine", Action::ReplaceEngine, Operate),
        ("tag", Action::Rename, Manage),
        ("bin", Action::Bin, Manage),
        ("delete", Action::Delete, Manage),
    ];
    let words = known.map(|(word, ..)| word).join(", ");
    let found = known.into_iter().find(|(known, ..)| *known == word);
    found.ok_or_else(|| Problem::new(Code::BadParameter).with("name", "action").with("detail", words))
}

fn chosen(api: &Api, asked: &Asked) -> Result<Chosen, Problem> {
    let bad = |detail: &str| Problem::new(Code::BadParameter).with("name", "vms").with("detail", detail);
    match (&asked.q, &asked.vms) {
        (Some(q), None) => Ok(Chosen::Query(Box::new(Filter::parse(q)?), api.search.zone())),
        (None, Some(ids)) => {
            let ids = ids.split(',').map(|id| id.parse::<VmId>().map_err(|_| bad(id)));
            Ok(Chosen::Ids(ids.collect::<Result<_, _>>()?))
        }
        _ => Err(bad("q | vms")),
    }
}
